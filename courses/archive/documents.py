"""Members' own records as search documents: each is found by its member alone."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from search import outbox
from search.documents import Document, member_token, register

__all__ = ["KIND", "load", "note_changed", "register_kind"]

KIND = "record"


def register_kind() -> None:
    """Called once by apps.py."""
    register(KIND, label=_("My records"), load=load, ids=_ids)


def _ids() -> Iterator[int]:
    from courses.archive.models import StudyHourEntry

    return StudyHourEntry.objects.order_by("pk").values_list("pk", flat=True).iterator()


def load(ids: list[str] | None) -> Iterator[Document]:
    """Entries of the ledger that stand (neither reversed nor reversals), by their ids; None for all."""
    from courses.archive.models import StudyHourEntry

    entries = StudyHourEntry.objects.filter(reversal_of=None, reversal=None).select_related("member")
    if ids is not None:
        entries = entries.filter(pk__in=[int(one) for one in ids])
    for entry in entries.order_by("pk").iterator(chunk_size=500):
        finished_on = timezone.localdate(entry.finished_at)
        yield Document(
            id=str(entry.pk),
            kind=KIND,
            title=entry.title,
            body=" ".join([str(entry.get_mode_display()), entry.provider, str(entry.year)]),
            url=f"/archive/entries/{entry.uuid}/",
            acl=[member_token(entry.member)],
            category=str(entry.get_mode_display()),
            published_on=finished_on,
            extra={"hours": str(entry.hours), "mode": entry.mode},
            rev=entry.pk,
        )


def note_changed(*entry_ids: int) -> None:
    """Tell search, in the transaction that wrote the entries."""
    outbox.changed(KIND, *entry_ids)
