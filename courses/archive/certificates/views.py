"""The public check page, the certificate as a file, and revoking one."""

from __future__ import annotations

from urllib.parse import urljoin
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from courses.archive.certificates import api, brake
from courses.archive.certificates.document import certificate_pdf
from courses.archive.certificates.models import Certificate
from courses.archive.desk import me, organisers_only
from courses.archive.errors import ArchiveError
from courses.archive.refusals import why_not
from people.api import record, scope_of
from people.client_address import source_of
from people.querysets import Scope


@require_http_methods(["GET", "POST"])
@never_cache
def check(request: HttpRequest) -> HttpResponse:
    """For anybody: number and name of a paper. Context: `found` (api.Shown or None), `asked`, `paused`."""
    number, holder = request.POST.get("number", "")[:90], request.POST.get("holder", "")[:64]
    context = {"number": number, "holder": holder, "asked": request.method == "POST", "found": None}
    status = 200
    if context["asked"]:
        if brake.allowed(request):
            context["found"] = api.by_number(number, holder)
        else:
            context["paused"], status = True, 429
    return _unlisted(render(request, "archive/certificates/check.html", context, status=status))


@require_safe
@never_cache
def check_token(request: HttpRequest, token: str) -> HttpResponse:
    """For anybody who holds the QR code. Wrong ones are counted, so that nobody tries many."""
    found = api.by_token(token)
    context = {"found": found, "asked": True, "number": "", "holder": ""}
    if found is None and not brake.allowed(request):
        context["paused"] = True
        return _unlisted(render(request, "archive/certificates/check.html", context, status=429))
    status = 200 if found else 404
    return _unlisted(render(request, "archive/certificates/check.html", context, status=status))


def _unlisted(answer: HttpResponse) -> HttpResponse:
    answer.headers["X-Robots-Tag"] = "noindex, nofollow"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


@require_safe
@login_required
@never_cache
def paper(request: HttpRequest, certificate: UUID) -> HttpResponse:
    """The PDF: for the holder, and for organisers of the class (that is recorded). None once it is revoked."""
    asker = me(request)
    valid = Certificate.objects.filter(revoked_at=None)
    found = valid.of(asker).filter(uuid=certificate).first()
    if found is None:
        found = valid.within(scope_of(asker)).filter(uuid=certificate).first()
        if found is None:
            raise Http404
        record(asker, "certificate.read", found, detail={"number": found.number}, source=source_of(request))
    base = settings.WAGTAILADMIN_BASE_URL
    page = urljoin(base, reverse("certificates:check"))
    content = certificate_pdf(
        found,
        check_url=urljoin(base, reverse("certificates:token", args=[found.token])),
        check_page=page.split("://", 1)[-1],
    )
    name = _("Certificate %(number)s") % {"number": found.number}
    answer = HttpResponse(content, content_type="application/pdf")
    answer.headers["Content-Disposition"] = str(content_disposition_header(True, f"{name}.pdf"))
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


@require_POST
@organisers_only
def revoke(request: HttpRequest, scope: Scope, certificate: UUID) -> HttpResponse:
    """Revoke one of the scope, with a reason."""
    found = get_object_or_404(
        Certificate.objects.within(scope).select_related("place__training_class"), uuid=certificate
    )
    try:
        api.revoke(found, actor=me(request), reason=request.POST.get("reason", "")[:300])
    except ArchiveError as refusal:
        messages.error(request, why_not(refusal))
    else:
        messages.success(request, _("Certificate %(number)s is revoked.") % {"number": found.number})
    return redirect("archive:desk:class", found.place.training_class.uuid)
