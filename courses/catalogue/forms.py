"""Forms of the page editor: they say in words what the models would refuse."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from wagtail.admin.forms import WagtailAdminPageForm

from people.models import PartyOrganization

__all__ = ["DisclosedPageForm", "LessonForm", "MinutesField", "OrganizationsField", "PublishingForm"]


class OrganizationsField(forms.ModelMultipleChoiceField):
    """Organisations to be ticked in the shape of their tree."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **kwargs: Any):
        kwargs.setdefault("queryset", PartyOrganization.objects.all())
        super().__init__(**kwargs)

    def label_from_instance(self, organization: Any) -> str:
        return "　" * (organization.depth - 1) + organization.name


class MinutesField(forms.IntegerField):
    """Whole minutes for the editor, seconds for the model; empty is 0."""

    def __init__(self, **kwargs: Any):
        super().__init__(min_value=1, max_value=24 * 60, required=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        # What was typed comes back as text; what the model holds is a number of seconds.
        if isinstance(value, int):
            return round(value / 60) or None
        return value

    def clean(self, value: Any) -> int:
        return (super().clean(value) or 0) * 60

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class PublishingForm(WagtailAdminPageForm):
    """Knows whether its submission would put the page before readers at once.

    An approval in the workflow is not asked here: what was typed is kept in a revision by then, and
    middleware.py says why the page did not go live.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        # «The page title as you'd like it to be seen by the public»: the placeholder says it better.
        self.fields["title"].help_text = ""

    def is_going_live(self) -> bool:
        go_live_at = self.cleaned_data.get("go_live_at")
        if go_live_at and go_live_at > timezone.now():
            return False
        return bool(self.data.get("action-publish"))


class DisclosedPageForm(PublishingForm):
    opened_to = OrganizationsField(required=False, label=_("organisations"))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        nobody = cleaned.get("disclosure") == "SUBTREE" and not cleaned.get("opened_to")
        if nobody and self.is_going_live():
            self.add_error("opened_to", _("Choose at least one organisation, or nobody could see this page."))
        return cleaned


class LessonForm(PublishingForm):
    reading_s = MinutesField(
        label=_("time for reading, in minutes"),
        help_text=_("Only for lessons without a lecture. Empty: reckoned from the length of the text."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if "body" in cleaned and self.is_going_live():
            lesson = self.instance
            lesson.body = cleaned["body"]
            lesson.take_lecture_from_body()
            if obstacle := lesson.publish_obstacle:
                self.add_error(
                    None,
                    _("Not published yet. %(reason)s You can save a draft meanwhile.") % {"reason": obstacle},
                )
        return cleaned
