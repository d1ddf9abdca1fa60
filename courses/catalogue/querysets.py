"""How pages are found, and only those that the asker may see. A refusal looks like an absence."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Exists, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce, Length, Substr
from django.utils import timezone
from wagtail.models import Page
from wagtail.query import PageQuerySet

from people.api import scope_of
from people.models import PartyOrganization

if TYPE_CHECKING:
    from people.models import Member


def paths_of(member: Member) -> set[str]:
    """Tree paths whose pages `member` may see: each own organisation and everything above it.

    Own are the organisation on the roster and those that the member looks after as an organiser.
    """
    own = [*scope_of(member).paths]
    if member.organization is not None:
        own.append(member.organization.path)
    step = PartyOrganization.steplen
    return {path[:end] for path in own for end in range(step, len(path) + 1, step)}


def disclosed_to(member: Any) -> Q:
    """The condition under which a page with `disclosure` and `opened_to` may be seen by `member`.

    `member` is people.Member or AnonymousUser. Administrators see all.
    """
    if not getattr(member, "is_authenticated", False) or not member.is_active:
        return Q(disclosure="PUBLIC")
    if member.is_superuser:
        return Q()
    seen = Q(disclosure__in=["PUBLIC", "ALL_MEMBERS"])
    paths = paths_of(member)
    if paths:
        seen |= Q(disclosure="SUBTREE", opened_to__path__in=paths)
    return seen


class DisclosedQuerySet(PageQuerySet):
    """Pages that say themselves to whom they are open: courses and policies."""

    def disclosed_to(self, member: Any) -> DisclosedQuerySet:
        """Pages which `member` may see once they are live."""
        allowed = self.model._base_manager.filter(disclosed_to(member))
        return self.filter(pk__in=allowed.values("pk"))

    def open_to(self, member: Any) -> DisclosedQuerySet:
        """Live pages which `member` (people.Member or AnonymousUser) may see."""
        return self.live().disclosed_to(member)


class CourseQuerySet(DisclosedQuerySet):
    def with_lesson_counts(self) -> CourseQuerySet:
        """Each course with `lesson_count`, its live lessons, and `length_s`, their published length."""
        lessons = self.model.lesson_model()._base_manager.filter(
            live=True, depth=OuterRef("depth") + 1, path__startswith=OuterRef("path")
        )
        # order_by() takes the pages' own order out of the grouping.
        per_course = lessons.order_by().values("depth")
        return self.annotate(
            lesson_count=Coalesce(Subquery(per_course.annotate(n=Count("pk")).values("n")), 0),
            length_s=Coalesce(Subquery(per_course.annotate(n=Sum("published_duration_s")).values("n")), 0),
        )

    def in_order(self) -> CourseQuerySet:
        """Required courses first, nearest day first, then in the order which the editor gave them."""
        return self.order_by("-required", F("due_on").asc(nulls_last=True), "path")


class PolicyQuerySet(DisclosedQuerySet):
    def in_force(self, day: date | None = None) -> PolicyQuerySet:
        """Policies valid on `day` (default: today in Shanghai)."""
        day = day or timezone.localdate()
        begun = Q(valid_from__isnull=True) | Q(valid_from__lte=day)
        not_over = Q(valid_until__isnull=True) | Q(valid_until__gte=day)
        return self.filter(begun & not_over)


class LessonQuerySet(PageQuerySet):
    def open_to(self, member: Any) -> LessonQuerySet:
        """Live lessons of live courses which `member` may see."""
        courses = self.model.course_model()._default_manager.open_to(member)
        above = Substr(OuterRef("path"), 1, Length(OuterRef("path")) - Page.steplen)
        return self.live().filter(Exists(courses.filter(path=above)))
