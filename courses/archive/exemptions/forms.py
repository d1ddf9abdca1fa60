"""What organisers fill in to free somebody from the study requirement."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from courses.archive.models import ExemptionBasis

__all__ = ["EndForm", "ExemptionForm"]

AHEAD = 3
BACK = 1
OPEN_ENDED = "0"


class ExemptionForm(forms.Form):
    """From which year, until the end of which, on which basis and why."""

    year = forms.TypedChoiceField(label=_("From the year"), coerce=int)
    until = forms.ChoiceField(label=_("Until the end of"))
    basis = forms.ChoiceField(
        label=_("Basis"),
        choices=ExemptionBasis.choices,
        initial=ExemptionBasis.ART23,
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_(
            "What was decided, by whom and when. It may tell of health, so it is kept encrypted: only the member and "
            "those who may grant exemptions read it."
        ),
    )

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        years = range(today.year - BACK, today.year + AHEAD + 1)
        self.fields["year"].choices = [(one, str(one)) for one in years[: BACK + 2]]
        self.fields["until"].choices = [
            (OPEN_ENDED, _("until further notice")),
            *((str(one), str(one)) for one in years),
        ]
        self.fields["year"].initial = today.year
        self.fields["until"].initial = str(today.year)
        for name, css in (("year", "select"), ("until", "select"), ("reason", "input")):
            self.fields[name].widget.attrs["class"] = css

    def said(self) -> dict[str, Any]:
        """Arguments of `api.grant_exemption`."""
        clean = self.cleaned_data
        further_notice = clean["until"] == OPEN_ENDED
        return {
            "year": clean["year"],
            "until_year": None if further_notice else int(clean["until"]),
            "further_notice": further_notice,
            "basis": clean["basis"],
            "reason": clean["reason"],
        }


class EndForm(forms.Form):
    """With which year it ends, and why."""

    until_year = forms.TypedChoiceField(label=_("The last year that is still free"), coerce=int)
    reason = forms.CharField(
        label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 2, "class": "input"})
    )

    def __init__(self, *args: Any, years: list[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["until_year"].choices = [(one, str(one)) for one in years]
        self.fields["until_year"].widget.attrs["class"] = "select"
