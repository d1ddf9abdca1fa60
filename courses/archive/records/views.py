"""Pages of records: our public keys, checking a file, and the organiser's taking over."""

from __future__ import annotations

import binascii
import zlib
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_http_methods, require_safe

from courses.archive.closing.models import YearClose
from courses.archive.corrections.views import organisers_only
from courses.archive.errors import ArchiveError, RecordUnreadable
from courses.archive.records import keys as school_keys
from courses.archive.records import merge, reading
from courses.archive.records.models import RecordImport
from courses.archive.records.wording import identity_words, in_words
from people.models import Member
from people.querysets import Scope

CANDIDATES_SHOWN = 5
REASON_MAX = 150


@require_safe
@cache_control(max_age=300)
def keys(request: HttpRequest) -> JsonResponse:
    """All public keys that ever were this school's."""
    return JsonResponse(school_keys.our_keys(), json_dumps_params={"ensure_ascii": False})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def verify(request: HttpRequest) -> HttpResponse:
    """Whether a file is a record that our school, or one that we trust, signed. Nothing of it is kept."""
    context: dict[str, object] = {}
    if request.method == "POST":
        try:
            record = reading.read(_uploaded(request), school_keys.trusted())
        except ArchiveError as refusal:
            context["refusal"] = in_words(refusal)
        else:
            name = record.body.person.name
            context |= {"record": record, "name": name[:1] + "*" * (len(name) - 1)}
    return render(request, "archive/verify.html", context)


def _uploaded(request: HttpRequest) -> bytes:
    file = request.FILES.get("file")
    if file is None or file.size is None or file.size > reading.MOST_BYTES:
        raise RecordUnreadable(_("no file, or too large"))
    return file.read()


@dataclass(frozen=True)
class Candidate:
    """A member who bears the record's name: how we know her, or why not; what would be added."""

    member: Member
    identity: str
    refusal: str
    plan: merge.Plan | None
    closes: list[YearClose]
    """Closed years into which it would write: these need a reason."""

    @property
    def identity_words(self) -> str:
        return identity_words(self.identity) if self.identity else ""

    @property
    def by_sight(self) -> bool:
        return self.identity == merge.BY_SIGHT


@require_http_methods(["GET", "HEAD", "POST"])
@organisers_only
def receive(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Upload a record, see for whom and what would be added, confirm. Nothing moves before the confirmation.

    The file is not kept between the steps: it goes back and forth in the form and is checked each time.
    """
    organiser = cast(Member, request.user)
    context: dict[str, object] = {"section": "records"}
    if request.method == "POST":
        stated = "".join(one for one in request.POST.get("phone", "") if one.isdigit())[:20]
        try:
            content = _unpack(request.POST["packed"]) if "packed" in request.POST else _uploaded(request)
            record = reading.read(content, school_keys.trusted())
            if request.POST.get("member"):
                return _take_in(request, scope, organiser, record, stated)
            context |= {
                "record": record,
                "packed": b64encode(zlib.compress(content)).decode(),
                "stated": stated,
                "candidates": _candidates(record, organiser, scope, stated),
            }
        except ArchiveError as refusal:
            context["refusal"] = in_words(refusal)
    recent = RecordImport.objects.filter(scope.condition("member__organization__path"))
    context["imports"] = recent.select_related("member", "actor")[:20]
    return render(request, "archive/desk_records.html", context)


def _unpack(packed: str) -> bytes:
    try:
        unpack = zlib.decompressobj()
        content = unpack.decompress(b64decode(packed, validate=True), reading.MOST_BYTES + 1)
    except (binascii.Error, zlib.error) as bad:
        raise RecordUnreadable("not a record") from bad
    return content


def _candidates(record: reading.Record, organiser: Member, scope: Scope, stated: str) -> list[Candidate]:
    found = []
    for member in merge.candidates(record, organiser, scope)[:CANDIDATES_SHOWN]:
        try:
            identity = merge.identify(record, member, stated_phone=stated)
        except ArchiveError as refusal:
            found.append(Candidate(member, "", in_words(refusal), None, []))
        else:
            planned = merge.plan(record, member)
            found.append(Candidate(member, identity, "", planned, merge.closes_of(planned, member)))
    return sorted(found, key=lambda one: bool(one.refusal))


def _take_in(
    request: HttpRequest, scope: Scope, organiser: Member, record: reading.Record, stated: str
) -> HttpResponse:
    chosen = [
        one for one in merge.candidates(record, organiser, scope) if str(one.uuid) == request.POST["member"]
    ]
    if not chosen:
        raise Http404
    if request.POST.get("sure") != "1":
        messages.error(
            request, _("Confirm first that you have made sure who the person is. Nothing was added.")
        )
        return redirect("archive:desk_records")
    reason = request.POST.get("reason", "")[:REASON_MAX]
    _made, done = merge.take_in(
        record, chosen[0], actor=organiser, stated_phone=stated, by_sight=True, reason=reason
    )
    if done.moves:
        said = ngettext(
            "%(n)s entry was added for %(name)s.", "%(n)s entries were added for %(name)s.", done.added
        ) % {"n": done.added, "name": chosen[0].name}
        messages.success(request, said)
    else:
        messages.info(request, _("Everything in this record is here already; nothing was added."))
    return redirect("archive:desk_records")
