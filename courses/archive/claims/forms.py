"""What members and organisers fill in."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from courses.archive.claims.api import Said
from courses.archive.claims.models import CLAIMED_MODES
from courses.archive.models import StudyMode

__all__ = ["ClaimForm", "StudyForm"]


class _Proofs(forms.ClearableFileInput):
    allow_multiple_selected = True
    template_name = "django/forms/widgets/file.html"


class _ProofsField(forms.FileField):
    """Any number of files; what they are is judged by proofs.py."""

    widget = _Proofs

    def clean(self, data: Any, initial: Any = None) -> Any:
        return data


class StudyForm(forms.Form):
    """Study elsewhere; who asks chooses the modes, and what else is asked."""

    mode = forms.ChoiceField(label=_("How it was studied"))
    title = forms.CharField(
        label=_("What was studied"), max_length=200, help_text=_("Name of the class, meeting or lecture.")
    )
    provider = forms.CharField(label=_("Who held it"), max_length=120, required=False)
    started_on = forms.DateField(
        label=_("First day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    finished_on = forms.DateField(
        label=_("Last day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    hours = forms.DecimalField(
        label=_("Study hours"),
        min_value=Decimal("0.25"),
        max_digits=5,
        decimal_places=2,
        widget=forms.NumberInput(attrs={"step": "0.25", "inputmode": "decimal"}),
    )

    def __init__(self, *args: Any, modes: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mode = self.fields["mode"]
        assert isinstance(mode, forms.ChoiceField)
        mode.choices = [("", _("Please choose")), *((code, StudyMode(code).label) for code in modes)]
        for name, field in self.fields.items():
            field.widget.attrs["class"] = "select" if name == "mode" else "input"


class ClaimForm(StudyForm):
    """A claim as it is written down; the files come beside it as `proofs`."""

    note = forms.CharField(
        label=_("Note"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    proofs = _ProofsField(
        label=_("Proofs"),
        required=False,
        widget=_Proofs(
            attrs={"accept": "application/pdf,image/jpeg,image/png", "data-proofs-target": "files"}
        ),
        help_text=_(
            "PDF, JPEG or PNG, up to 10 MB each, six at most. Only you and the organisers of your organisation and "
            "of those above it see them."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, modes=CLAIMED_MODES, **kwargs)

    def said(self) -> Said:
        clean = {name: value for name, value in self.cleaned_data.items() if name != "proofs"}
        return Said(**clean)
