"""The archive in the editor's admin: study rules to edit."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.panels import FieldPanel, FieldRowPanel, HelpPanel, MultiFieldPanel
from wagtail.permission_policies import ModelPermissionPolicy
from wagtail.snippets.models import register_snippet
from wagtail.snippets.views.snippets import CreateView, EditView, SnippetViewSet

from courses.archive.behind_panel import BehindPanel
from courses.archive.cmi5.desk import Cmi5CourseViewSet
from courses.archive.models import CreditConversion, Rule
from courses.archive.xapi.admin import LrsClientViewSet
from courses.archive.xapi.models import LrsClient
from people.api import record

TO_KNOW = _(
    "A changed value holds for what is reckoned from now on; entries of the archive keep the rule they were made "
    "with. For another value from some day on, end this row and add one with the same code. "
    "Tiers are written in seconds: >0: 0.25; >900: 0.5; >=1800: 1"
)


class RulePermissionPolicy(ModelPermissionPolicy):
    """As the groups say, but nobody deletes a rule: results were reckoned with it. It is ended instead."""

    def user_has_permission(self, user: Any, action: str) -> bool:
        return action != "delete" and super().user_has_permission(user, action)

    def user_has_any_permission(self, user: Any, actions: Any) -> bool:
        return any(self.user_has_permission(user, action) for action in actions)


def _facts(rule: Rule) -> dict[str, str]:
    return {
        "rule": rule.version,
        "value": rule.value,
        "from": str(rule.effective_from),
        "until": str(rule.effective_to or ""),
    }


class RuleCreateView(CreateView):
    def save_instance(self) -> Rule:
        rule = super().save_instance()
        record(self.request.user, "archive.rule_added", rule, detail=_facts(rule), source="admin")
        return rule


class RuleEditView(EditView):
    def save_instance(self) -> Rule:
        before = Rule.objects.get(pk=self.object.pk)
        self.form.instance.revision = before.revision + 1
        rule = super().save_instance()
        detail = {"before": _facts(before), "after": _facts(rule)}
        record(self.request.user, "archive.rule_changed", rule, detail=detail, source="admin")
        return rule


class RuleViewSet(SnippetViewSet):
    model = Rule
    icon = "list-ul"
    menu_label = _("Study rules")
    add_to_settings_menu = True
    list_display = ["title", "value", "unit", "effective_from", "effective_to", "legal_source"]
    list_filter = ["confidence", "unit"]
    search_fields = ["code", "title", "legal_source"]
    ordering = ["code", "effective_from"]
    list_per_page = 50
    copy_view_enabled = True
    inspect_view_enabled = True
    add_view_class = RuleCreateView
    edit_view_class = RuleEditView
    panels = [
        FieldPanel("title"),
        HelpPanel(TO_KNOW),
        MultiFieldPanel(
            [
                FieldRowPanel([FieldPanel("code"), FieldPanel("value"), FieldPanel("unit")]),
                FieldRowPanel([FieldPanel("effective_from"), FieldPanel("effective_to")]),
                FieldPanel("scope_org"),
            ],
            heading=_("The rule"),
        ),
        MultiFieldPanel(
            [
                FieldRowPanel([FieldPanel("legal_source"), FieldPanel("article")]),
                FieldPanel("confidence"),
                FieldPanel("note"),
            ],
            heading=_("Where it comes from"),
        ),
    ]

    @property
    def permission_policy(self) -> RulePermissionPolicy:
        return RulePermissionPolicy(self.model)


register_snippet(RuleViewSet)
register_snippet(LrsClientViewSet)


class ConversionCreateView(CreateView):
    def save_instance(self) -> CreditConversion:
        made = super().save_instance()
        record(self.request.user, "archive.conversion_added", made, detail=_ratio(made), source="admin")
        return made


class ConversionEditView(EditView):
    def save_instance(self) -> CreditConversion:
        before = _ratio(CreditConversion.objects.get(pk=self.object.pk))
        made = super().save_instance()
        detail = {"before": before, "after": _ratio(made)}
        record(self.request.user, "archive.conversion_changed", made, detail=detail, source="admin")
        return made


def _ratio(conversion: CreditConversion) -> dict[str, str]:
    return {
        "conversion": str(conversion),
        "ratio": str(conversion.ratio),
        "step": str(conversion.step),
        "rounding": conversion.rounding,
        "cap": str(conversion.cap or ""),
        "from": str(conversion.valid_from),
        "until": str(conversion.valid_to or ""),
    }


class ConversionViewSet(SnippetViewSet):
    model = CreditConversion
    icon = "order"
    menu_label = _("Credit conversions")
    add_to_settings_menu = True
    list_display = ["__str__", "ratio", "step", "cap", "valid_from", "valid_to"]
    add_view_class = ConversionCreateView
    edit_view_class = ConversionEditView
    panels = [
        FieldRowPanel([FieldPanel("from_unit"), FieldPanel("to_unit")]),
        FieldRowPanel([FieldPanel("ratio"), FieldPanel("step"), FieldPanel("rounding"), FieldPanel("cap")]),
        FieldRowPanel([FieldPanel("valid_from"), FieldPanel("valid_to")]),
        FieldPanel("note"),
    ]


register_snippet(ConversionViewSet)


@hooks.register("before_bulk_action")  # type: ignore[untyped-decorator]
def keep_rules(request: HttpRequest, action_type: str, objects: Any, action_class_instance: Any) -> None:
    """Deleting many at a time asks no permission policy of ours: hold it here too."""
    if action_type == "delete" and action_class_instance.model in (Rule, LrsClient):
        from django.core.exceptions import PermissionDenied

        raise PermissionDenied


@hooks.register("construct_homepage_panels")  # type: ignore[untyped-decorator]
def what_is_not_reckoned(request: HttpRequest, panels: list[Any]) -> None:
    """Administrators learn of a log that cannot be folded where they come in."""
    if request.user.is_superuser:
        panels.append(BehindPanel())


@hooks.register("register_admin_viewset")  # type: ignore[untyped-decorator]
def cmi5_courses() -> Cmi5CourseViewSet:
    return Cmi5CourseViewSet("cmi5_courses", url_prefix="cmi5")
