"""What is said in lectures, and their chapters, as documents of search: a hit opens the lecture at that second.

They are parts of lessons (search.documents.Kind.parts_of): whatever tells search of a lesson (published, withdrawn, moved,
opened to others with its course) tells it of these too; here are added the captions and chapters themselves.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from courses.catalogue.documents import titles_of
from courses.catalogue.models import Course, Lesson
from media_pipeline import api as media
from media_pipeline.models import Asset
from media_pipeline.signals import asset_ready, captions_changed, chapters_changed
from search import outbox
from search.documents import CAPTIONS, Document, register
from search.windows import Cue, windows_of

__all__ = ["listen", "load_cues", "register_documents"]


def load_cues(ids: list[str] | None) -> Iterable[Document]:
    """The stretches of captions in every language, and the chapters, of the live lessons with these ids."""
    chosen = _with_lecture() if ids is None else _with_lecture().filter(pk__in=ids)
    lessons = list(chosen.select_related("lecture"))
    above = {lesson.path[: -lesson.steplen] for lesson in lessons}
    live = Course.objects.live().filter(path__in=above).prefetch_related("opened_to")
    courses = {course.path: course for course in live}
    for lesson in lessons:
        course = courses.get(lesson.path[: -lesson.steplen])
        if course is not None:
            yield from _of_lesson(lesson, course)


def _of_lesson(lesson: Lesson, course: Course) -> Iterator[Document]:
    asset = lesson.lecture
    assert asset is not None
    acl, url = course.acl(), f"{lesson.url or ''}?from={{s}}#player"
    published_on = lesson.last_published_at.date() if lesson.last_published_at else None

    def document(part: str, cues: Iterable[Cue], **extra: Any) -> Document:
        return Document(
            id=f"{lesson.pk}:{part}",
            kind=CAPTIONS,
            title=lesson.title,
            url=url,
            acl=acl,
            category=lesson.kind_label,
            published_on=published_on,
            duration_s=lesson.published_duration_s,
            extra={"course": course.title, **extra},
            group=str(lesson.pk),
            video=str(asset.uuid),
            cues=tuple(cues),
        )

    for lang, rows in groupby(media.cue_documents(asset), key=lambda row: row.lang):
        said = [Cue(row.begin_ms / 1000, row.end_ms / 1000, row.text) for row in rows]
        for number, cues in windows_of(said):
            yield document(f"{lang}:{number}", cues)
    ends_ms = round(asset.duration_s * 1000)
    chapters = media.chapters(asset)
    begins = [*(row.begin_ms for row in chapters), max(ends_ms, *(row.begin_ms for row in chapters), 0)]
    for row, (begin_ms, end_ms) in zip(chapters, pairwise(begins), strict=True):
        yield document(
            f"chapter:{begin_ms}", [Cue(begin_ms / 1000, end_ms / 1000, row.title)], chapter=row.title
        )


def lecture_changed(*, asset: Asset, **_kwargs: Any) -> None:
    """Captions or chapters of a lecture are other ones; in the transaction that changes them."""
    outbox.changed(CAPTIONS, *asset.lessons.values_list("pk", flat=True))


def register_documents() -> None:
    """Called once by courses.apps, after the lessons."""
    register(
        CAPTIONS,
        label=_("Said in lectures"),
        load=load_cues,
        parts_of="lesson",
        ids=lambda: _with_lecture().values_list("pk", flat=True),
        names=titles_of,
    )


def _with_lecture() -> QuerySet[Lesson]:
    return Lesson.objects.live().filter(lecture__isnull=False).order_by("pk")


def listen() -> None:
    """Called once by courses.apps."""
    for news in (captions_changed, chapters_changed, asset_ready):
        news.connect(lecture_changed, dispatch_uid="catalogue_cues")
