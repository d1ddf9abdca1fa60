"""The audit trail as a report of the Wagtail admin: reading only, and an export that is itself recorded."""

from datetime import datetime

import django_filters
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from wagtail.admin.filters import DateRangePickerWidget, WagtailFilterSet
from wagtail.admin.ui.tables import Column
from wagtail.admin.views.reports import ReportView
from wagtail.permissions import ModelPermissionPolicy

from people import api
from people.client_address import source_of
from people.models import AuditEntry, Member, PartyOrganization

ACTIONS = {
    "account.activated": _("Account opened"),
    "account.password_replaced": _("Password replaced"),
    "member.enrolled": _("Person put on the roster"),
    "member.changed": _("Person changed"),
    "member.phone_read": _("Mobile number read"),
    "organization.founded": _("Organisation founded"),
    "organization.changed": _("Organisation changed"),
    "organization.dissolved": _("Organisation dissolved"),
    "post.given": _("Post given"),
    "post.ended": _("Post ended"),
    "audit.exported": _("Audit trail exported"),
    "board.exported": _("Completion table exported"),
    "board.reminded": _("Reminders sent"),
    "search.change_dropped": _("Change taken off the search index's list"),
}
"""What the report calls the actions that it knows; others stand there under their own name."""

DETAILS = {
    "purpose": _("What for"),
    "fields": _("Changed"),
    "before": _("before"),
    "after": _("after"),
    "organization": _("Organisation"),
    "below": _("Organisation above"),
    "code": _("code"),
    "name": _("name"),
    "status": _("membership"),
    "groups": _("Groups"),
    "role": _("post"),
    "from": _("from"),
    "until": _("until"),
    "year": _("Year"),
    "state": _("State"),
    "rows": _("Rows"),
    "checksum": _("Checksum"),
    "told": _("Reminded"),
}
"""What the report calls the details that it knows."""


def in_words(detail: object) -> str:
    """`{"purpose": "检查", "rows": 6}` → 用途：检查；行数：6. Empty details are left out."""
    if isinstance(detail, dict):
        known = {str(DETAILS.get(key, key)): in_words(value) for key, value in detail.items()}
        return "；".join(f"{key}：{value}" for key, value in known.items() if value)
    if isinstance(detail, list):
        return "、".join(map(in_words, detail))
    return "" if detail is None else str(detail)


def _actions():
    known = AuditEntry.objects.order_by("action").values_list("action", flat=True).distinct()
    return [(action, ACTIONS.get(action, action)) for action in known]


class AuditFilterSet(WagtailFilterSet):
    at = django_filters.DateFromToRangeFilter(label=_("Date"), widget=DateRangePickerWidget)
    action = django_filters.ChoiceFilter(label=_("Action"), choices=_actions)
    actor = django_filters.CharFilter(label=_("Who (name or sign-in name)"), method="filter_actor")
    object_id = django_filters.CharFilter(label=_("Number of the thing"), lookup_expr="exact")

    class Meta:
        model = AuditEntry
        fields: list[str] = []

    def filter_actor(self, queryset, name, value):
        return queryset.filter(actor__in=Member.objects.matching(value).values("pk"))


class AuditReportView(ReportView):
    page_title = _("Audit trail")
    header_icon = "list-ul"
    model = AuditEntry
    permission_policy = ModelPermissionPolicy(AuditEntry)
    permission_required = "view"
    index_url_name = "people_audit"
    index_results_url_name = "people_audit_results"
    filterset_class = AuditFilterSet
    is_searchable = False
    default_ordering = None
    list_export = [
        "at",
        "actor_name",
        "action_label",
        "thing_name",
        "object_type",
        "object_id",
        "detail_text",
        "source",
    ]
    export_headings = {
        "at": _("Time"),
        "actor_name": _("Who"),
        "action_label": _("Action"),
        "thing_name": _("What"),
        "object_type": _("Kind of thing"),
        "object_id": _("Number of the thing"),
        "detail_text": _("Details"),
        "source": _("Source"),
    }
    export_filename = "audit-trail"
    # Wagtail writes UTC into spreadsheets; people here read Beijing time.
    custom_value_preprocess = ReportView.custom_value_preprocess | {
        datetime: {ReportView.FORMAT_XLSX: timezone.make_naive}
    }

    @cached_property
    def columns(self):
        return [
            Column("time_text", label=_("Time")),
            Column("actor_name", label=_("Who")),
            Column("action_label", label=_("Action")),
            Column("thing_name", label=_("What")),
            Column("detail_text", label=_("Details")),
            Column("source", label=_("Source")),
        ]

    def get_queryset(self):
        return AuditEntry.objects.select_related("actor")

    def decorate_paginated_queryset(self, entries):
        shown = list(entries)
        names: dict[str, str] = {}
        for model in (Member, PartyOrganization):
            meant = {entry.object_id for entry in shown if entry.object_type == model._meta.label}
            if meant:
                names |= {str(one.uuid): str(one) for one in model.objects.filter(uuid__in=meant)}
        for entry in shown:
            entry.actor_name = entry.actor.name if entry.actor else str(_("the system"))
            entry.action_label = str(ACTIONS.get(entry.action, entry.action))
            entry.thing_name = names.get(entry.object_id) or " ".join(
                filter(None, [entry.object_type, entry.object_id])
            )
            entry.detail_text = in_words(entry.detail)
            entry.time_text = f"{timezone.localtime(entry.at):%Y-%m-%d %H:%M:%S}"
        return shown

    def render_to_response(self, context, **response_kwargs):
        if self.is_export:
            filters = {key: value for key, value in self.request.GET.items() if value and key != "export"}
            detail = {"rows": len(context["object_list"]), "filters": filters}
            source = source_of(self.request)
            api.record(self.request.user, "audit.exported", detail=detail, source=source)
        return super().render_to_response(context, **response_kwargs)
