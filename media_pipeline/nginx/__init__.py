"""The configuration with which nginx gives out lectures in our place. Pure but for reading the template."""

import re
from collections.abc import Sequence
from pathlib import Path

from media_pipeline.shelves import TYPES

__all__ = ["configuration"]

_TEMPLATE = Path(__file__).with_name("school.conf")
_PLAIN = re.compile(r"[A-Za-z0-9_.:/\[\]* @-]+")


def configuration(
    *,
    key: str,
    root: Path,
    upstream: str,
    listen: str,
    name: str,
    cache: Path,
    log: str,
    dynamic: Sequence[str],
    s3: bool = False,
    remember_s: int = 60,
) -> str:
    """The text of school.conf: `key` is MEDIA_NGINX_KEY, `root` the media folder, `upstream` Django's address.

    `dynamic` are names that Django answers. `s3`: sets lie on S3, nginx gets them from Django once and keeps
    them in `cache`. `remember_s`: for how long a grant is believed without asking again. Raises ValueError
    when a value could break out of its place in the text.
    """
    fill = {
        "KEY": key, "ROOT": str(root), "UPSTREAM": upstream, "LISTEN": listen, "NAME": name,
        "CACHE": str(cache), "LOG": log, "REMEMBER": f"{remember_s}s",
    }  # fmt: skip
    for what, value in fill.items():
        if not _PLAIN.fullmatch(value) or (what == "KEY" and len(value) < 24):
            raise ValueError(f"{what}: {value!r} cannot stand in nginx's configuration")
    fill["DYNAMIC"] = "|".join(re.escape(one) for one in dynamic)
    fill["ENDINGS"] = "|".join(ending.removeprefix(".") for ending in TYPES)
    kinds = {ending.removeprefix("."): kind.partition(";")[0] for ending, kind in TYPES.items()}
    fill["TYPES"] = "\n".join(f"            {kind} {ending};" for ending, kind in kinds.items())
    keep, drop = ("#S3# ", "#DISK# ") if s3 else ("#DISK# ", "#S3# ")
    lines = [
        line.removeprefix(keep)
        for line in _TEMPLATE.read_text().splitlines(keepends=True)
        if not line.startswith(drop)
    ]
    return re.sub(r"@([A-Z]+)@", lambda found: fill[found[1]], "".join(lines))
