"""The organiser's page of lists: hand one in, see how far it is, take what was refused away to be corrected."""

from __future__ import annotations

import json
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from courses.archive.desk import me, organisers_only
from courses.archive.errors import ArchiveError
from courses.archive.imports import api
from courses.archive.imports.models import HoursImport, RefusedLine
from courses.archive.imports.sheets import COLUMNS, write_sheet
from courses.archive.refusals import why_not, why_not_entered, why_not_read
from people.querysets import Scope

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHOWN = 50
LISTS_SHOWN = 30


class HandInForm(forms.Form):
    """A file, and a reason where lines of a closed year are among it."""

    file = forms.FileField(
        label=gettext_lazy("List"),
        help_text=gettext_lazy(
            "An .xlsx or .csv file with the columns of the template, up to 5 MB and 20,000 lines."
        ),
        widget=forms.FileInput(attrs={"class": "input", "accept": ".xlsx,.csv"}),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        required=False,
        max_length=300,
        help_text=gettext_lazy("Only for lines of a closed year; stays on record with each of them."),
        widget=forms.TextInput(attrs={"class": "input"}),
    )


@require_http_methods(["GET", "POST"])
@organisers_only
def lists(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Hand a list in, and the lists that one handed in. Context: `form`, `refused`, `lists`."""
    form, refused = HandInForm(request.POST or None, request.FILES or None), ""
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            content = file.read() if file.size <= api.FILE_MOST_BYTES else b"x" * (api.FILE_MOST_BYTES + 1)
            job = api.hand_in(content, file.name, actor=me(request), reason=form.cleaned_data["reason"])
        except ArchiveError as refusal:
            refused = why_not(refusal)
        else:
            return redirect("archive:desk:hours_list", job.uuid)
    context = {
        "section": "hours",
        "form": form,
        "refused": refused,
        "lists": HoursImport.objects.of(me(request))[:LISTS_SHOWN],
    }
    return render(
        request, "archive/imports/lists.html", context, status=422 if refused or form.errors else 200
    )


def _mine(request: HttpRequest, number: UUID) -> HoursImport:
    return get_object_or_404(HoursImport.objects.of(me(request)), uuid=number)


@require_safe
@organisers_only
def one(request: HttpRequest, scope: Scope, list_: UUID) -> HttpResponse:
    """How far a list is; the page asks again by itself until it is over. Context: `job`, `percent`, `refused`, `why`."""
    job = _mine(request, list_)
    rows = job.refused_lines.all()[:SHOWN] if job.over else []
    context = {
        "section": "hours",
        "job": job,
        "percent": 100 * job.done // job.total if job.total else 0,
        "why": why_not_read(job.fault) if job.fault else "",
        "refused": [{"line": row.line, "said": json.loads(row.said), "why": _why(row)} for row in rows],
        "gone": job.over and job.refused > 0 and not rows,
    }
    answer = render(request, "archive/imports/one.html", context)
    if not job.over:
        answer.headers["Refresh"] = "3"
    return answer


def _why(row: RefusedLine) -> str:
    return why_not_entered(row.code, row.value, COLUMNS)


@require_safe
@organisers_only
def refused(request: HttpRequest, scope: Scope, list_: UUID) -> HttpResponse:
    """Lines that were not entered, with the reason, as a list that can be corrected and handed in again."""
    job = _mine(request, list_)
    rows = ((json.loads(row.said), _why(row)) for row in job.refused_lines.iterator())
    return _file(
        write_sheet(rows, with_why=True), _("Not entered: %(name)s") % {"name": job.name.rsplit(".", 1)[0]}
    )


@require_safe
@organisers_only
def template(request: HttpRequest, scope: Scope) -> HttpResponse:
    """An empty list with our columns."""
    note = _(
        "One line for each person and each study.\n"
        "登录名或手机号, 姓名: of a member within your organisation; both have to belong to the same person.\n"
        "学习方式: 集中培训 or 集体学习.\n"
        "学时: in quarters of an hour, e.g. 1.5. 开始日期 may stay empty when it was a single day.\n"
        "The same line again, also in another file, is not entered twice."
    )
    return _file(write_sheet([], note=note), _("List of study hours"))


def _file(content: bytes, name: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=XLSX)
    answer.headers["Content-Disposition"] = str(content_disposition_header(True, f"{name}.xlsx"))
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer
