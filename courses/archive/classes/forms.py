"""What organisers fill in for a class."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from courses.archive.classes.models import ClassMode
from courses.archive.desk import OrganizationField
from courses.catalogue.models import Lesson
from courses.quizzes.models import Paper
from people.models import Member
from people.querysets import Scope

__all__ = ["ClassForm", "SessionForm"]


class _Lessons(forms.ModelMultipleChoiceField):
    def label_from_instance(self, lesson: Any) -> str:
        return f"{lesson.course.title} · {lesson.title}"


class ClassForm(forms.Form):
    """A new class. Hours, lessons and exam are for online classes; sessions of the others come afterwards."""

    title = forms.CharField(label=_("Name of the class"), max_length=160)
    mode = forms.ChoiceField(label=_("How it is held"), choices=ClassMode.choices)
    starts_on = forms.DateField(
        label=_("First day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    ends_on = forms.DateField(
        label=_("Last day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    hours = forms.DecimalField(
        label=_("Study hours (online)"),
        required=False,
        min_value=Decimal("0.25"),
        max_digits=5,
        decimal_places=2,
        help_text=_("Of a class at the place the sessions say the hours; add them afterwards."),
    )
    lessons = _Lessons(
        label=_("Required lessons (online)"),
        help_text=_("What is completed or passed in the year of the class counts, nothing of earlier years."),
        required=False,
        queryset=Lesson.objects.none(),
        widget=forms.CheckboxSelectMultiple,
    )
    paper = forms.ModelChoiceField(
        label=_("Exam"), required=False, queryset=Paper.objects.none(), empty_label=_("No exam")
    )
    gives_certificate = forms.BooleanField(label=_("Issue certificates"), required=False, initial=True)

    def __init__(self, scope: Scope, actor: Member, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["organization"] = OrganizationField(scope)
        self.order_fields(["organization"])
        self.fields["lessons"].queryset = Lesson.objects.open_to(actor).order_by("path")
        self.fields["paper"].queryset = Paper.objects.filter(live=True).order_by("title")
        for name, field in self.fields.items():
            if name not in {"lessons", "gives_certificate"}:
                select = name in {"mode", "paper", "organization"}
                field.widget.attrs["class"] = "select" if select else "input"


class SessionForm(forms.Form):
    """One part of a class at the place."""

    title = forms.CharField(label=_("What was held"), max_length=120)
    held_on = forms.DateField(
        label=_("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    hours = forms.DecimalField(
        label=_("Study hours"),
        min_value=Decimal("0.25"),
        max_value=Decimal(12),
        max_digits=4,
        decimal_places=2,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = "input"
