"""What organisers fill in to enter hours of a closed year."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from courses.archive.claims.api import Study
from courses.archive.claims.forms import StudyForm
from courses.archive.models import StudyMode

__all__ = ["LateForm"]


class LateForm(StudyForm):
    """Hours to enter late, and why."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Why it comes late, and what shows it. It stands in the archive for good."),
    )

    def __init__(self, *args: Any, year: int, **kwargs: Any) -> None:
        super().__init__(*args, modes=StudyMode.values, **kwargs)
        for name in ("started_on", "finished_on"):
            self.fields[name].widget.attrs |= {"min": f"{year}-01-01", "max": f"{year}-12-31"}
        self.year = year

    def clean(self) -> dict[str, Any]:
        clean = super().clean() or {}
        for name in ("started_on", "finished_on"):
            day = clean.get(name)
            if day and day.year != self.year:
                self.add_error(name, _("This day does not lie in %(year)s.") % {"year": self.year})
        return clean

    def said(self) -> Study:
        return Study(**{name: value for name, value in self.cleaned_data.items() if name != "reason"})
