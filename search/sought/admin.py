"""大家在找什么，找不到什么: a month of queries without names, for editors; on screen, as CSV and as Excel."""

import csv
import io
from collections.abc import Iterable
from datetime import date
from typing import Any, cast
from urllib.parse import urlencode

import xlsxwriter
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView
from wagtail import hooks
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.permissions import ModelPermissionPolicy

from people.api import record
from people.client_address import source_of
from people.models import Member
from search import api
from search.models import SearchLog, SynonymGroup
from search.sought.keeping import LEAST, Line, Report, report

__all__ = ["WAYS_HOOK", "SoughtView"]

WAYS_HOOK = "search_report_ways"
"""Wagtail hook: f(request) gives (label, address) of what somebody may write so that it is found next time."""

MOST_SHOWN = 200
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class SoughtView(PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):  # type: ignore[misc]
    """One calendar month, of one kind or all; `?month=2026-11&kind=policy&as=xlsx|csv`."""

    page_title = gettext_lazy("What people look for")
    header_icon = "search"
    template_name = "search_admin/sought.html"
    permission_policy = ModelPermissionPolicy(SearchLog)
    permission_required = "view"
    breadcrumbs_items = [
        *WagtailAdminTemplateMixin.breadcrumbs_items,
        {"url": "", "label": gettext_lazy("Reports")},
        {"url": "", "label": gettext_lazy("What people look for")},
    ]
    _show_breadcrumbs = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        wanted = request.GET.get("as", "")
        if wanted in {"csv", "xlsx"}:
            detail = {"month": f"{self.month:%Y-%m}", "rows": len(self.report.lines)}
            record(
                cast(Member, request.user), "search.sought_exported", detail=detail, source=source_of(request)
            )
            return self._as_csv() if wanted == "csv" else self._as_xlsx()
        return super().get(request, *args, **kwargs)

    @cached_property
    def month(self) -> date:
        """First day of the month asked for; the present one when nothing sensible was."""
        try:
            return date.fromisoformat(f"{self.request.GET.get('month', '')}-01")
        except ValueError:
            return timezone.localdate().replace(day=1)

    @cached_property
    def kind(self) -> str:
        asked = self.request.GET.get("kind", "")
        return asked if asked in {one.name for one in api.kinds()} else ""

    @cached_property
    def report(self) -> Report:
        rows = SearchLog.objects.filter(day__year=self.month.year, day__month=self.month.month)
        if self.kind:
            rows = rows.filter(kind=self.kind)
        sums = rows.values_list("query").annotate(Sum("searches"), Sum("without_results"))
        return report(sums)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        ways = [way for hook in hooks.get_hooks(WAYS_HOOK) for way in hook(self.request)]
        may_add = ModelPermissionPolicy(SynonymGroup).user_has_permission(self.request.user, "add")
        return super().get_context_data(**kwargs) | {
            "report": self.report,
            "in_vain": [self._shown(line, may_add) for line in self.report.in_vain[:MOST_SHOWN]],
            "lines": [self._shown(line, may_add) for line in self.report.lines[:MOST_SHOWN]],
            "more": max(0, len(self.report.lines) - MOST_SHOWN),
            "least": LEAST,
            "month": f"{self.month:%Y-%m}",
            "months": _months(),
            "kind": self.kind,
            "kinds": [(one.name, one.label) for one in api.kinds()],
            "ways": ways,
            "export": urlencode({"month": f"{self.month:%Y-%m}", "kind": self.kind}),
        }

    def _shown(self, line: Line, may_add: bool) -> dict[str, Any]:
        add = reverse(SynonymGroup.snippet_viewset.get_url_name("add"))  # type: ignore[attr-defined]
        return {
            "line": line,
            "look": f"{reverse('search:results')}?{urlencode({'q': line.query})}",
            "synonym": f"{add}?{urlencode({'term': line.query})}" if may_add else "",
        }

    def _titles(self) -> list[str]:
        return [_("Looked for"), _("Searches"), _("of these in vain")]

    def _rows(self) -> Iterable[tuple[str, int | str, int | str]]:
        yield from ((line.query, line.searches, line.without_results) for line in self.report.lines)
        yield _("all others"), self.report.others, ""

    def _as_csv(self) -> HttpResponse:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(self._titles())
        for query, *figures in self._rows():
            # Excel takes what begins so for a formula; an apostrophe says that it is text.
            writer.writerow([f"'{query}" if query[:1] in "=+-@\t" else query, *figures])
        answer = HttpResponse("\ufeff" + text.getvalue(), content_type="text/csv; charset=utf-8")
        return self._named(answer, "csv")

    def _as_xlsx(self) -> HttpResponse:
        target = io.BytesIO()
        book = xlsxwriter.Workbook(
            target, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        )
        sheet = book.add_worksheet(f"{self.month:%Y-%m}")
        sheet.set_column(0, 0, 40)
        sheet.set_column(1, 2, 18)
        sheet.freeze_panes(1, 0)
        sheet.write_row(0, 0, self._titles(), book.add_format({"bold": True}))
        for number, row in enumerate(self._rows(), start=1):
            sheet.write_row(number, 0, row)
        book.close()
        return self._named(HttpResponse(target.getvalue(), content_type=XLSX), "xlsx")

    def _named(self, answer: HttpResponse, ending: str) -> HttpResponse:
        answer["Content-Disposition"] = f'attachment; filename="searches-{self.month:%Y-%m}.{ending}"'
        return answer


def _months() -> list[str]:
    """The months of which anything is known, the newest first, the present one always."""
    known = {f"{day:%Y-%m}" for day in SearchLog.objects.dates("day", "month")}
    return sorted(known | {f"{timezone.localdate():%Y-%m}"}, reverse=True)
