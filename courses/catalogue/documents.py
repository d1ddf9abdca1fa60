"""Courses, lessons and policies as documents of search: only live ones, each with who may find it."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Length
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from wagtail.models import Page

from courses.catalogue.attached import documents as attached
from courses.catalogue.models import Course, Lesson, Policy
from search.document_numbers import names_of_day, names_of_number
from search.documents import Document, Load, register

__all__ = ["register_documents"]

BY_TITLE = 50
"""So many of a kind are found by title while the index cannot answer."""


def _chosen(queryset: QuerySet[Any], ids: list[str] | None) -> QuerySet[Any]:
    return queryset if ids is None else queryset.filter(pk__in=ids)


def load_courses(ids: list[str] | None) -> Iterable[Document]:
    for course in _chosen(Course.objects.live(), ids).prefetch_related("opened_to"):
        yield Document(
            id=str(course.pk),
            kind="course",
            title=course.title,
            body="\n".join(part for part in (course.intro, course.lecturer) if part),
            url=course.url or "",
            acl=course.acl(),
            category=str(course.get_category_display()),
            published_on=course.last_published_at.date() if course.last_published_at else None,
            extra={"lecturer": course.lecturer, "required": course.required},
        )


def load_lessons(ids: list[str] | None) -> Iterable[Document]:
    lessons = list(_chosen(Lesson.objects.live(), ids).select_related("lecture"))
    above = {lesson.path[: -lesson.steplen] for lesson in lessons}
    live = Course.objects.live().filter(path__in=above).prefetch_related("opened_to")
    courses = {course.path: course for course in live}
    for lesson in lessons:
        course = courses.get(lesson.path[: -lesson.steplen])
        if course is None:
            continue
        yield Document(
            id=str(lesson.pk),
            kind="lesson",
            title=lesson.title,
            body=lesson.plain_text(),
            url=lesson.url or "",
            acl=course.acl(),
            category=lesson.kind_label,
            published_on=lesson.last_published_at.date() if lesson.last_published_at else None,
            duration_s=lesson.published_duration_s,
            extra={"course": course.title, "kind": lesson.kind},
        )


def load_policies(ids: list[str] | None) -> Iterable[Document]:
    for policy in _chosen(Policy.objects.live(), ids).prefetch_related("opened_to"):
        yield Document(
            id=str(policy.pk),
            kind="policy",
            title=policy.title,
            body=policy.plain_text(),
            url=policy.url or "",
            acl=policy.acl(),
            category=str(policy.get_category_display()),
            published_on=policy.issued_on,
            issuing_body=policy.issuing_body,
            names=(
                *names_of_number(policy.document_number),
                policy.issuing_body,
                *names_of_day(policy.issued_on),
            ),
            extra={"issuing_body": policy.issuing_body, "document_number": policy.document_number},
        )


def by_title(model: type[Any], words: list[str], viewer: Any) -> Iterable[Document]:
    """Pages open to `viewer` whose title has each of `words`, as documents of no more than title and address."""
    found = model.objects.open_to(viewer)
    for word in words:
        found = found.filter(title__icontains=word)
    for page in found.order_by(Length("title"), "pk")[:BY_TITLE]:
        yield Document(id=str(page.pk), kind="", title=page.title, url=page.url or "")


def titles_of(ids: list[str]) -> dict[str, str]:
    return {str(pk): title for pk, title in Page.objects.filter(pk__in=ids).values_list("pk", "title")}


def _register(kind: str, model: type[Any], label: Any, load: Load) -> None:
    register(
        kind,
        label=label,
        load=load,
        ids=lambda: model.objects.live().order_by("pk").values_list("pk", flat=True),
        titles=partial(by_title, model),
        names=titles_of,
    )


def register_documents() -> None:
    """Called once by courses.apps."""
    _register("course", Course, _("Courses"), load_courses)
    _register("lesson", Lesson, pgettext_lazy("search tab", "Lessons"), load_lessons)
    _register("policy", Policy, _("Policies"), load_policies)
    register(
        "attachment",
        label=_("Attachments"),
        load=attached.load_attachments,
        ids=attached.ids,
        titles=attached.by_title,
        names=attached.names_of,
    )
