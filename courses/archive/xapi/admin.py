"""The clients of the LRS in the editor's admin: Settings › Learning record clients.

The secret is shown once, after adding a client or asking for a new secret. Nobody deletes a client:
its statements name it; it is switched off instead.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.forms.models import WagtailAdminModelForm
from wagtail.admin.panels import FieldPanel, FieldRowPanel, HelpPanel, ObjectList
from wagtail.admin.ui.tables import BooleanColumn
from wagtail.permission_policies import ModelPermissionPolicy
from wagtail.snippets.views.snippets import CreateView, EditView, SnippetViewSet

from courses.archive.xapi.clients import SCOPES, new_secret
from courses.archive.xapi.models import LrsClient
from people.api import record

__all__ = ["LrsClientViewSet"]

SCOPE_LABELS = {
    "statements/write": _("Write statements"),
    "statements/read/mine": _("Read its own statements"),
    "statements/read": _("Read everybody's statements"),
    "state": _("Read and write states"),
    "define": _("Tell what activities are"),
    "profile": _("Read and write profiles"),
    "study": _("Report that members play our lessons (it counts as study)"),
    "cmi5": _("Import interactive courses (cmi5), and launch those that it imported"),
    "cmi5/all": _("Import interactive courses (cmi5), and launch all of them, also the school's own"),
    "all/read": _("Read everything"),
    "all": _("Everything"),
}
TO_KNOW = _(
    "A program with such a client speaks to /xapi/ by Basic authentication. Give it no more than it needs: "
    "reading everybody's statements means personal data of members. The secret is shown once after saving."
)


class LrsClientForm(WagtailAdminModelForm):
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"),
        choices=[(scope, SCOPE_LABELS[scope]) for scope in SCOPES],
        widget=forms.CheckboxSelectMultiple,
    )
    fresh_secret = forms.BooleanField(
        label=_("Make a new secret"),
        required=False,
        help_text=_("The old one stops working at once."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["scopes"] = self.instance.scopes.split()
        if self.instance.pk is None and "fresh_secret" in self.fields:
            del self.fields["fresh_secret"]  # a new client gets one anyway

    def clean_scopes(self) -> str:
        return " ".join(self.cleaned_data["scopes"])


class LrsClientPermissionPolicy(ModelPermissionPolicy):
    """As the groups say, but nobody deletes a client."""

    def user_has_permission(self, user: Any, action: str) -> bool:
        return action != "delete" and super().user_has_permission(user, action)

    def user_has_any_permission(self, user: Any, actions: Any) -> bool:
        return any(self.user_has_permission(user, action) for action in actions)


def _facts(client: LrsClient) -> dict[str, Any]:
    return {"name": client.name, "scopes": client.scopes, "active": client.active}


def _told(client: LrsClient, secret: str) -> SafeString:
    return format_html(
        "{} <br>{}: <code>{}</code><br>{}: <code>{}</code>",
        gettext("Copy the secret now: it is not shown again."),
        gettext("User name"),
        client.key,
        gettext("Secret"),
        secret,
    )


class LrsClientCreateView(CreateView):
    def save_instance(self) -> LrsClient:
        secret = new_secret(self.form.instance)
        client = super().save_instance()
        record(self.request.user, "lrs.client_added", client, detail=_facts(client), source="admin")
        messages.warning(self.request, _told(client, secret))
        return client


class LrsClientEditView(EditView):
    def save_instance(self) -> LrsClient:
        before = _facts(LrsClient.objects.get(pk=self.object.pk))
        fresh = self.form.cleaned_data["fresh_secret"]
        secret = new_secret(self.form.instance) if fresh else ""
        client = super().save_instance()
        detail = {"before": before, "after": _facts(client), "new_secret": fresh}
        record(self.request.user, "lrs.client_changed", client, detail=detail, source="admin")
        if secret:
            messages.warning(self.request, _told(client, secret))
        return client


class LrsClientViewSet(SnippetViewSet):
    model = LrsClient
    icon = "key"
    menu_label = _("Learning record clients")
    add_to_settings_menu = True
    list_display = [
        "name",
        "key",
        "scopes",
        BooleanColumn("active"),
        "last_used_at",
        "requests",
        "reads_of_others",
    ]
    list_filter = ["active"]
    search_fields = ["name", "key", "note"]
    ordering = ["name"]
    copy_view_enabled = False
    inspect_view_enabled = True
    inspect_view_fields_exclude = ["secret_digest"]
    add_view_class = LrsClientCreateView
    edit_view_class = LrsClientEditView
    edit_handler = ObjectList(
        [
            HelpPanel(TO_KNOW),
            FieldPanel("name"),
            FieldPanel("scopes"),
            FieldRowPanel([FieldPanel("requests_per_minute"), FieldPanel("active")]),
            FieldPanel("note"),
            FieldPanel("fresh_secret"),
        ],
        base_form_class=LrsClientForm,
    )

    @property
    def permission_policy(self) -> LrsClientPermissionPolicy:
        return LrsClientPermissionPolicy(self.model)
