"""How members file claims, and how organisers decide about them."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from courses.archive.claims import api, proofs
from courses.archive.claims.forms import ClaimForm
from courses.archive.claims.models import ClaimProof, ClaimState, OfflineClaim
from courses.archive.closing.api import closes_over
from courses.archive.desk import me, organisers_only
from courses.archive.errors import ArchiveError, ProofRefused
from courses.archive.models import StudyHourEntry
from courses.archive.refusals import why_not
from people.api import record, scope_of
from people.client_address import source_of
from people.models import Member
from people.querysets import Scope

SHOWN = 40


# The member's own


@require_safe
@login_required
@never_cache
def mine(request: HttpRequest) -> HttpResponse:
    """The member's own claims, the latest first. Context: `page`."""
    page = Paginator(OfflineClaim.objects.of(me(request)), SHOWN).get_page(request.GET.get("page"))
    return render(request, "archive/claims/mine.html", {"page": page, "section": "study"})


@require_http_methods(["GET", "POST"])
@login_required
@never_cache
def new(request: HttpRequest) -> HttpResponse:
    """A new claim. Context: `form`, `refused` (a sentence, or ""), `kept` (the chosen files stay in the page)."""
    form = ClaimForm(request.POST or None, request.FILES or None)
    refused = ""
    if request.method == "POST" and form.is_valid():
        try:
            claim = api.file_claim(me(request), form.said(), _files(request))
        except ArchiveError as refusal:
            refused = why_not(refusal)
        else:
            messages.success(
                request, _("Your claim is with your branch. You get a notice when it is decided.")
            )
            return _goes_on(request, claim)
    context = {"form": form, "refused": refused, "section": "study", "kept": _by_script(request)}
    return render(request, "archive/claims/edit.html", context, status=422 if refused or form.errors else 200)


@require_safe
@login_required
@never_cache
def one(request: HttpRequest, claim: UUID) -> HttpResponse:
    """One of the member's own claims."""
    found = get_object_or_404(OfflineClaim.objects.of(me(request)), uuid=claim)
    return render(request, "archive/claims/one.html", {"claim": found, "section": "study"})


@require_http_methods(["GET", "POST"])
@login_required
@never_cache
def again(request: HttpRequest, claim: UUID) -> HttpResponse:
    """Change a returned claim and file it again. Context as `new`, and `claim`."""
    found = get_object_or_404(OfflineClaim.objects.of(me(request)), uuid=claim, state=ClaimState.RETURNED)
    before = {name: getattr(found, name) for name in ClaimForm.base_fields if name != "proofs"}
    form = ClaimForm(request.POST or None, request.FILES or None, initial=before)
    refused = ""
    if request.method == "POST" and form.is_valid():
        without = _numbers(request.POST.getlist("without"))
        try:
            api.file_again(found, form.said(), _files(request), member=me(request), without=without)
        except ArchiveError as refusal:
            refused = why_not(refusal)
        else:
            messages.success(
                request, _("Your claim is with your branch. You get a notice when it is decided.")
            )
            return _goes_on(request, found)
    context = {"form": form, "refused": refused, "claim": found, "section": "study"}
    context["kept"] = _by_script(request)
    return render(request, "archive/claims/edit.html", context, status=422 if refused or form.errors else 200)


def _by_script(request: HttpRequest) -> bool:
    """Whether proofs_controller.ts sends the form: then the page with the chosen files stays where it is."""
    return request.headers.get("X-Sent-By") == "proofs"


def _goes_on(request: HttpRequest, claim: OfflineClaim) -> HttpResponse:
    """On to the page of the claim that was filed."""
    if _by_script(request):
        return JsonResponse({"url": reverse("archive:claims:one", args=[claim.uuid])}, status=201)
    return redirect("archive:claims:one", claim.uuid)


@require_POST
@login_required
def withdraw(request: HttpRequest, claim: UUID) -> HttpResponse:
    """Take one's own claim back."""
    found = get_object_or_404(OfflineClaim.objects.of(me(request)), uuid=claim)
    try:
        api.withdraw_claim(found, member=me(request))
    except ArchiveError as refusal:
        messages.error(request, why_not(refusal))
        return redirect("archive:claims:one", found.uuid)
    messages.success(request, _("The claim is taken back and its proofs are deleted."))
    return redirect("archive:claims:mine")


@require_safe
@login_required
def proof(request: HttpRequest, claim: UUID, number: UUID) -> HttpResponse:
    """The bytes of one proof: for its member, and for organisers of her organisation (that is recorded)."""
    asker = me(request)
    found = get_object_or_404(ClaimProof.objects.select_related("claim"), uuid=number, claim__uuid=claim)
    if found.claim.member_id != asker.pk:
        if not OfflineClaim.objects.within(scope_of(asker), but=asker).filter(pk=found.claim_id).exists():
            raise Http404
        record(
            asker,
            "claim.proof_read",
            found.claim,
            detail={"proof": str(found.uuid)},
            source=source_of(request),
        )
    try:
        file = proofs.path_of(found.uuid).open("rb")
    except FileNotFoundError as gone:
        raise Http404 from gone
    answer = FileResponse(
        file,
        content_type=proofs.CONTENT_TYPES[found.kind],
        filename=found.name,
        as_attachment=found.kind == "PDF",
    )
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cache-Control"] = "private, no-store"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


def _files(request: HttpRequest) -> list[proofs.Proof]:
    """The uploaded files, looked at. Raises ProofRefused; a file over the limit is not read into memory."""
    found = []
    files = request.FILES.getlist("proofs")
    if len(files) > settings.STUDY["PROOFS_A_CLAIM"]:
        raise ProofRefused("TOO_MANY")
    for file in files:
        found.append(proofs.read_proof(file.name or "", file.read(proofs.most_bytes() + 1)))
    return found


def _numbers(said: list[str]) -> list[UUID]:
    numbers = []
    for text in said:
        try:
            numbers.append(UUID(text))
        except ValueError:
            continue
    return numbers


# The organiser's


@require_safe
@organisers_only
def desk(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Claims inside the scope. Context: `page`, `branches` (with counts that wait), `waiting`, `all`."""
    everything = OfflineClaim.objects.within(scope, but=me(request))
    waiting = everything.waiting()
    chosen = request.GET.get("organization", "")
    decided = request.GET.get("state") == "decided"
    rows = everything.filter(state__in=[ClaimState.APPROVED, ClaimState.RETURNED]) if decided else waiting
    if chosen:
        rows = rows.filter(member__organization__code=chosen)
    rows = rows.select_related("member__organization", "entry__reversal").annotate(
        proof_count=Count("proofs")
    )
    branches = (
        waiting.order_by("member__organization__path")
        .values(
            "member__organization__code", "member__organization__name", "member__organization__short_name"
        )
        .annotate(number=Count("pk"))
    )
    context = {
        "section": "claims",
        "page": Paginator(rows.order_by("-decided_at" if decided else "filed_at", "pk"), SHOWN).get_page(
            request.GET.get("page")
        ),
        "branches": [
            {
                "code": row["member__organization__code"],
                "name": row["member__organization__short_name"] or row["member__organization__name"],
                "number": row["number"],
            }
            for row in branches
        ],
        "waiting": waiting.count(),
        "chosen": chosen,
        "decided": decided,
    }
    return render(request, "archive/claims/desk.html", context)


@require_http_methods(["GET", "POST"])
@organisers_only
def decide(request: HttpRequest, scope: Scope, claim: UUID) -> HttpResponse:
    """One claim to look at and decide. Context: `claim`, `closed` (the close over its year or None), `near`:
    what the ledger holds of the same days, so that nothing is entered twice."""
    found = get_object_or_404(
        OfflineClaim.objects.within(scope, but=me(request)).select_related(
            "member__organization", "entry__reversal"
        ),
        uuid=claim,
    )
    if request.method == "POST":
        return _decided(request, found)
    closes = closes_over(found.member, found.finished_on.year)
    context = {
        "section": "claims",
        "claim": found,
        "closed": closes[0] if closes else None,
        "near": _near(found, found.member),
    }
    return render(request, "archive/claims/decide.html", context)


def _decided(request: HttpRequest, claim: OfflineClaim) -> HttpResponse:
    posted = request.POST.get("filing", "")
    filing = int(posted) if posted.isdecimal() else 0
    reason = request.POST.get("reason", "")[:300]
    try:
        if request.POST.get("decision") == "approve":
            api.approve_claim(claim, actor=me(request), filing=filing, reason=reason)
            said = _("Approved: %(hours)s study hours are in the archive of %(name)s.")
            hours = f"{claim.hours:.2f}".rstrip("0").rstrip(".")
            messages.success(request, said % {"hours": hours, "name": claim.member.name})
        else:
            api.return_claim(claim, actor=me(request), reason=reason, filing=filing)
            messages.success(request, _("The claim is returned to %(name)s.") % {"name": claim.member.name})
    except ArchiveError as refusal:
        messages.error(request, why_not(refusal))
        return redirect("archive:desk:claim", claim.uuid)
    return redirect("archive:desk:claims")


def _near(claim: OfflineClaim, member: Member) -> list[StudyHourEntry]:
    """Lines of the ledger that ended on the claimed days or within a day of them, and still stand."""
    first, last = claim.started_on - timedelta(days=1), claim.finished_on + timedelta(days=1)
    found = (
        StudyHourEntry.objects.of(member)
        .filter(finished_at__date__range=(first, last), reversal_of=None, reversal=None)
        .exclude(mode="SELF_ONLINE")
    )
    return [entry for entry in found if entry.pk != claim.entry_id][:10]
