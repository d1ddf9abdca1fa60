"""Which lectures are encrypted: those of courses that say so. The pipeline knows no courses, so it is told from here."""

from typing import Any

from django.db.models.signals import post_save

from courses.catalogue.models import Course, Lesson
from media_pipeline import api as media
from media_pipeline.models import Asset
from media_pipeline.signals import asset_ready

__all__ = ["listen", "settle", "wants_protection"]


def wants_protection(asset: Asset) -> bool:
    """Whether a lesson of a course with `protected` has this lecture, published or not."""
    paths = {path[: -Lesson.steplen] for path in asset.lessons.values_list("path", flat=True)}
    return Course.objects.filter(path__in=paths, protected=True).exists()


def settle(asset: Asset) -> bool:
    """Tell the pipeline how the lecture is to be; whether anything was to be done."""
    return media.set_protection(asset, wants_protection(asset))


def course_saved(*, instance: Course, raw: bool = False, **_kwargs: Any) -> None:
    if raw:
        return
    lessons = Lesson.objects.child_of(instance).filter(lecture__isnull=False)
    for asset in Asset.objects.filter(lessons__in=lessons).exclude(protected=instance.protected).distinct():
        settle(asset)


def lesson_saved(*, instance: Lesson, raw: bool = False, **_kwargs: Any) -> None:
    if not raw and instance.lecture is not None:
        settle(instance.lecture)


def lecture_ready(*, asset: Asset, **_kwargs: Any) -> None:
    """A lecture that was under way when its course was set to «encrypt» may have been published in clear."""
    if asset.lessons.exists():
        settle(asset)


def listen() -> None:
    """Called once by courses.apps."""
    post_save.connect(course_saved, sender=Course, dispatch_uid="catalogue_course_protection")
    post_save.connect(lesson_saved, sender=Lesson, dispatch_uid="catalogue_lesson_protection")
    asset_ready.connect(lecture_ready, dispatch_uid="catalogue_lecture_protection")
