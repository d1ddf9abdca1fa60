"""Courses, lessons and policies as documents of search: only live ones, each with who may find it."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from courses.catalogue.models import Course, Lesson, Policy
from search.documents import Document, register

__all__ = ["register_documents"]


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
    lessons = _chosen(Lesson.objects.live(), ids).select_related("lecture")
    courses = {course.path: course for course in Course.objects.live().prefetch_related("opened_to")}
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
        parts = (policy.document_number, policy.issuing_body, policy.plain_text())
        yield Document(
            id=str(policy.pk),
            kind="policy",
            title=policy.title,
            body="\n".join(part for part in parts if part),
            url=policy.url or "",
            acl=policy.acl(),
            category=str(policy.get_category_display()),
            published_on=policy.issued_on,
            issuing_body=policy.issuing_body,
            extra={"issuing_body": policy.issuing_body, "document_number": policy.document_number},
        )


def register_documents() -> None:
    """Called once by courses.apps."""
    register("course", label=_("Courses"), load=load_courses)
    register("lesson", label=pgettext_lazy("search tab", "Lessons"), load=load_lessons)
    register("policy", label=_("Policies"), load=load_policies)
