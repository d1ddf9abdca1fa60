"""What organisers fill in to enter hours of a closed year."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from courses.archive.late.api import Said
from courses.archive.models import StudyMode

__all__ = ["LateForm"]


class LateForm(forms.Form):
    """Hours to enter late, and why."""

    mode = forms.ChoiceField(
        label=_("How it was studied"), choices=[("", _("Please choose")), *StudyMode.choices]
    )
    title = forms.CharField(
        label=_("What was studied"), max_length=200, help_text=_("Name of the class, meeting or lecture.")
    )
    provider = forms.CharField(label=_("Who held it"), max_length=120, required=False)
    started_on = forms.DateField(label=_("First day"))
    finished_on = forms.DateField(label=_("Last day"))
    hours = forms.DecimalField(
        label=_("Study hours"),
        min_value=Decimal("0.25"),
        max_digits=5,
        decimal_places=2,
        widget=forms.NumberInput(attrs={"step": "0.25", "inputmode": "decimal"}),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Why it comes late, and what shows it. It stands in the archive for good."),
    )

    def __init__(self, *args: Any, year: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("started_on", "finished_on"):
            self.fields[name].widget = forms.DateInput(
                attrs={"type": "date", "min": f"{year}-01-01", "max": f"{year}-12-31"}, format="%Y-%m-%d"
            )
        for name, field in self.fields.items():
            field.widget.attrs["class"] = "select" if name == "mode" else "input"
        self.year = year

    def clean(self) -> dict[str, Any]:
        clean = super().clean() or {}
        for name in ("started_on", "finished_on"):
            day = clean.get(name)
            if day and day.year != self.year:
                self.add_error(name, _("This day does not lie in %(year)s.") % {"year": self.year})
        return clean

    def said(self) -> Said:
        return Said(**{name: value for name, value in self.cleaned_data.items() if name != "reason"})
