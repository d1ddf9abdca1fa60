"""Numbers in an editor's words."""

from django.utils.translation import gettext as _

__all__ = ["file_size", "minutes_and_seconds"]


def minutes_and_seconds(seconds: float) -> str:
    """75 → 1 分 15 秒, 3600 → 60 分 0 秒, 25 → 25 秒, 0 → «»."""
    whole = round(seconds)
    if not whole:
        return ""
    if whole < 60:
        return _("%(seconds)d s") % {"seconds": whole}
    return _("%(minutes)d min %(seconds)d s") % {"minutes": whole // 60, "seconds": whole % 60}


def file_size(size_bytes: float) -> str:
    """Decimal units as phones and data plans count: 412000000 → 412 MB, 1860000000 → 1.86 GB."""
    if size_bytes >= 1e9:
        return f"{size_bytes / 1e9:.2f} GB"
    if size_bytes >= 1e7:
        return f"{size_bytes / 1e6:.0f} MB"
    if size_bytes >= 1e5:
        return f"{size_bytes / 1e6:.1f} MB"
    return f"{size_bytes / 1e3:.0f} kB"
