"""Chapters of a lecture: found at slide changes, put right by an editor."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from media_pipeline.errors import ChaptersUnusable
from media_pipeline.models import Asset, Chapter
from media_pipeline.signals import chapters_changed
from media_pipeline.stages.publish import find_chapters
from people.api import record

__all__ = ["MOST_CHAPTERS", "ChapterRow", "chapters", "set_chapters"]

MOST_CHAPTERS = 200
TITLE_LENGTH = 120


@dataclass(frozen=True)
class ChapterRow:
    """Where a part begins, in milliseconds of the lecture, and what it is called. `by_hand`: an editor's."""

    begin_ms: int
    title: str
    by_hand: bool = False


def chapters(asset: Asset) -> list[ChapterRow]:
    """The chapters of `asset` in order; [] when it has none. One query."""
    rows = asset.chapters.order_by("begin_ms").values_list("begin_ms", "title", "by_hand")
    return [ChapterRow(*row) for row in rows]


def set_chapters(asset: Asset, rows: Iterable[ChapterRow], *, actor: Any) -> list[ChapterRow]:
    """Replace all chapters by an editor's, who has the last word from now on; returns them in order.

    Without rows her chapters go and those found at slide changes come back. When the first begins
    later than 0 the part before it has no title. The players' manifests say so within moments;
    nothing is encoded. Setting the same again is no change. Raises errors.ChaptersUnusable (and
    nothing has changed) when a title is empty or too long, two begin together, one begins at or
    after the end, or there are too many.
    """
    wanted = sorted((ChapterRow(row.begin_ms, " ".join(row.title.split()), True) for row in rows), key=_begin)
    _check(wanted, asset.duration_s)
    with transaction.atomic():
        held = Asset.objects.select_for_update().get(pk=asset.pk)
        before = chapters(held)
        if wanted and before == wanted:
            return wanted
        held.chapters.all().delete()
        if wanted:
            Chapter.objects.bulk_create(
                Chapter(asset=held, begin_ms=row.begin_ms, title=row.title, by_hand=True) for row in wanted
            )
        else:
            find_chapters(held, held.contents)
        after = chapters(held)
        if after != before:
            record(actor, "asset.chapters", held, detail={"before": len(before), "after": len(after)})
            chapters_changed.send(sender=Asset, asset=held)
    return after


def _begin(row: ChapterRow) -> int:
    return row.begin_ms


def _check(rows: list[ChapterRow], duration_s: float) -> None:
    if len(rows) > MOST_CHAPTERS:
        raise ChaptersUnusable("TOO_MANY", most=MOST_CHAPTERS)
    before = -1
    for row in rows:
        if not row.title:
            raise ChaptersUnusable("NO_TITLE", begin_ms=row.begin_ms)
        if len(row.title) > TITLE_LENGTH:
            raise ChaptersUnusable("TITLE_TOO_LONG", begin_ms=row.begin_ms, most=TITLE_LENGTH)
        if row.begin_ms < 0 or (duration_s and row.begin_ms >= duration_s * 1000):
            raise ChaptersUnusable("OUTSIDE", begin_ms=row.begin_ms, duration_s=duration_s)
        if row.begin_ms == before:
            raise ChaptersUnusable("TOGETHER", begin_ms=row.begin_ms)
        before = row.begin_ms
