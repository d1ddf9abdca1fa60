"""Forms of the page editor: they say in words what the models would refuse."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from wagtail.admin.forms import WagtailAdminPageForm

from courses.catalogue.affected import affected_by
from courses.catalogue.changes import BadStretch, Carry, Change, read_stretches, write_stretches
from courses.catalogue.words import minutes_and_seconds
from people.models import PartyOrganization

__all__ = [
    "DisclosedPageForm",
    "LessonForm",
    "MinutesField",
    "OrganizationsField",
    "PublishingForm",
    "StretchesField",
]

GROWTH_TOLERANCE_S = 5
"""So much longer a lecture may be than its new parts say: cuts are not made to the second."""

HANDED_ON = ("action-publish", "action-submit", "action-restart-workflow", "action-workflow-action")
"""Buttons after which somebody else, or the clock, may put the page before readers without asking again."""


def _answer(words: Any, meaning: Any) -> Any:
    return lazy(format_html, str)(
        '<span class="catalogue-carry__answer"><strong>{}</strong><br>{}</span>', words, meaning
    )


CARRY_ANSWERS = [
    (
        Carry.KEEP,
        _answer(
            Carry.KEEP.label,
            _(
                "Whoever completed the lesson need not study it again; whoever is in the middle goes on from there."
            ),
        ),
    ),
    (
        Carry.NEW_PART,
        _answer(
            Carry.NEW_PART.label,
            _("What was studied counts; only what is new is still to be studied."),
        ),
    ),
    (
        Carry.AGAIN,
        _answer(
            Carry.AGAIN.label,
            _("Nobody counts as having completed the lesson; everybody studies it from the beginning."),
        ),
    ),
]
"""What each answer means for members, in one sentence."""


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


class StretchesField(forms.CharField):
    """Stretches of a lecture as times: «10:00-13:30», several with commas; the model keeps [[from_s, to_s], …]."""

    def __init__(self, **kwargs: Any):
        # The model's own form field would come with options of JSON.
        super().__init__(required=False, **{k: v for k, v in kwargs.items() if k in {"label", "help_text"}})

    def prepare_value(self, value: Any) -> Any:
        return write_stretches(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[list[int]]:
        typed = super().clean(value) or ""
        try:
            return read_stretches(typed)
        except BadStretch as bad:
            raise forms.ValidationError(
                _("«%(typed)s» is no stretch of time. Write from – to, for example 10:00-13:30."),
                params={"typed": bad.args[0]},
            ) from bad

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
    """Asks what carries over when a lesson that people have studied is changed; `change` is what was changed."""

    reading_s = MinutesField(
        label=_("time for reading, in minutes"),
        help_text=_("Only for lessons without a lecture. Empty: reckoned from the length of the text."),
    )
    carry = forms.ChoiceField(
        label=_("What about members who have studied it?"),
        choices=CARRY_ANSWERS,
        widget=forms.RadioSelect,
        required=False,
    )
    new_parts = StretchesField(
        label=_("Where the new part is"),
        help_text=_(
            "Only for «Only the new part is to be studied»: from – to, as times of the new lecture, for example "
            "10:00-13:30. Several with commas."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        lesson = self.instance
        self.latest = lesson.latest_version()
        self.affected = affected_by(lesson) if self.latest else None
        self.change: Change | None = None if self.is_bound or self.latest is None else lesson.change()
        if lesson.said_carry(self.latest) == "":
            # An answer that was given to an earlier change says nothing of this one.
            self.initial["carry"] = ""
            self.initial["new_parts"] = []
        if not self.initial.get("new_parts"):
            self.initial["new_parts"] = self.appended()

    def appended(self) -> list[list[int]]:
        """The likeliest new part of a longer lecture: what was added at its end."""
        change = self.change
        if change is None or change.kind == "READING" or change.after_s <= change.before_s:
            return []
        return [[change.before_s, change.after_s]]

    @property
    def asks(self) -> bool:
        """Whether the question is to be put: something was changed, and it concerns somebody."""
        return bool(self.change and self.change.asks and self.affected and self.affected.anybody)

    def is_handed_on(self) -> bool:
        return any(self.data.get(button) for button in HANDED_ON)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if "body" not in cleaned:
            return cleaned
        lesson = self.instance
        lesson.body = cleaned["body"]
        lesson.reading_s = cleaned.get("reading_s") or 0
        lesson.take_lecture_from_body()
        if self.is_going_live() and (obstacle := lesson.publish_obstacle):
            self.add_error(
                None,
                _("Not published yet. %(reason)s You can save a draft meanwhile.") % {"reason": obstacle},
            )
        self._clean_carry(cleaned)
        return cleaned

    def _clean_carry(self, cleaned: dict[str, Any]) -> None:
        lesson = self.instance
        lesson.carry = cleaned.get("carry") or ""
        lesson.carry_after = self.latest.number if self.latest and lesson.carry else 0
        self.change = lesson.change()
        if not self.asks or not self.is_handed_on():
            return
        if not lesson.carry:
            self.add_error(
                "carry", _("The lesson has been changed. Say what holds for members who have studied it.")
            )
        elif lesson.carry == Carry.NEW_PART and self.change and self.change.kind != "READING":
            self._clean_new_parts(cleaned, self.change)

    def _clean_new_parts(self, cleaned: dict[str, Any], change: Change) -> None:
        if "new_parts" not in cleaned:
            return
        parts = cleaned["new_parts"]
        if not parts:
            self.add_error(
                "new_parts", _("Write from where to where the new part is, for example 10:00-13:30.")
            )
            return
        if parts[-1][1] > change.after_s + GROWTH_TOLERANCE_S:
            self.add_error(
                "new_parts",
                _("The new lecture is only %(length)s long.")
                % {"length": minutes_and_seconds(change.after_s)},
            )
            return
        said_s = sum(end - start for start, end in parts)
        grown_s = change.after_s - change.before_s
        if said_s + GROWTH_TOLERANCE_S < grown_s:
            self.add_error(
                "new_parts",
                _(
                    "The lecture has become %(grown)s longer, but these stretches are only %(said)s. Write all of them."
                )
                % {"grown": minutes_and_seconds(grown_s), "said": minutes_and_seconds(said_s)},
            )
