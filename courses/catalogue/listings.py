"""Lists of courses and policies in the Wagtail admin, each with one button that makes a new one."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from wagtail.admin.ui.tables import Column, DateColumn
from wagtail.admin.ui.tables.pages import BulkActionsColumn, PageStatusColumn, PageTitleColumn
from wagtail.admin.viewsets.pages import PageListingViewSet

from courses.catalogue.models import Course, Policy

__all__ = ["course_listing", "policy_listing"]


class LessonsColumn(Column):
    """How many lessons a course has, and the way to them."""

    cell_template_name = "catalogue_admin/lessons_cell.html"

    def get_cell_context_data(self, instance: Course, parent_context: Any) -> dict[str, Any]:
        context = super().get_cell_context_data(instance, parent_context)
        count = instance.numchild
        context["count"] = ngettext("%(n)d lesson", "%(n)d lessons", count) % {"n": count}
        context["list_url"] = reverse("wagtailadmin_explore", args=[instance.pk])
        user = parent_context["request"].user
        context["add_url"] = (
            reverse("wagtailadmin_pages:add", args=["courses", "lesson", instance.pk])
            if instance.permissions_for_user(user).can_add_subpage()
            else ""
        )
        return context


class CourseListing(PageListingViewSet):
    model = Course
    icon = "folder-open-inverse"
    menu_label = _("Courses")
    menu_order = 210
    add_to_admin_menu = True
    list_display = [
        BulkActionsColumn("bulk_actions"),
        PageTitleColumn("title", label=_("Title"), sort_key="title"),
        LessonsColumn("lessons", label=pgettext_lazy("column", "Lessons")),
        Column("category", label=_("category"), accessor="get_category_display", sort_key="category"),
        Column("required", label=_("required"), accessor=lambda c: gettext("required") if c.required else ""),
        DateColumn(
            "latest_revision_created_at",
            label=pgettext_lazy("column", "Changed"),
            sort_key="latest_revision_created_at",
        ),
        PageStatusColumn("status", label=_("State"), sort_key="live"),
    ]


class PolicyListing(PageListingViewSet):
    model = Policy
    icon = "doc-full-inverse"
    menu_label = _("Policies")
    menu_order = 220
    add_to_admin_menu = True
    list_display = [
        BulkActionsColumn("bulk_actions"),
        PageTitleColumn("title", label=_("Title"), sort_key="title"),
        Column("category", label=_("category"), accessor="get_category_display", sort_key="category"),
        Column("document_number", label=_("document number")),
        Column("validity", label=_("validity"), accessor=lambda policy: policy.validity.label),
        DateColumn(
            "latest_revision_created_at",
            label=pgettext_lazy("column", "Changed"),
            sort_key="latest_revision_created_at",
        ),
        PageStatusColumn("status", label=_("State"), sort_key="live"),
    ]


course_listing = CourseListing("course_list")
policy_listing = PolicyListing("policy_list")
