"""在头显里打开: a member's panoramas as lists for DeoVR and HereSphere, behind an address that needs no cookie.

A headset's player holds no session. So the member, signed in, is given a short code, good for
half a day; `/deovr/<code>` and `/heresphere/<code>` list the panoramas that are open to her at
that moment. The code stands for her, not for lessons: a course that is closed meanwhile is gone
from the list, and with another password the code is dead.
"""

import secrets
from typing import Any

import segno
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from courses.catalogue.models import Lesson
from media_pipeline import api as media
from people.models import Member

__all__ = ["deovr", "heresphere", "page"]

CODE_GOOD_FOR_S = 12 * 3600
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
"""Without those that look alike: a code may have to be typed with a pointer in the air."""
_LENGTH = 12
"""31^12: nobody comes upon a code by trying."""
_MOST = 200


@login_required
@never_cache
def page(request: HttpRequest) -> HttpResponse:
    """The member's addresses for headset players, with a QR code each, and how to go about it."""
    code = code_for(request.user)
    doors = []
    for name, label in (("deovr", "DeoVR"), ("heresphere", "HereSphere")):
        address = request.build_absolute_uri(reverse(f"portal:{name}", args=[code]))
        drawn = segno.make(address, error="m", micro=False).svg_inline(scale=4, border=2, dark="#1b1513")
        doors.append({"label": label, "address": address, "qr": drawn, "app": f"{name}://{address}"})
    return render(request, "portal/headset.html", {"doors": doors, "lessons": _panoramas(request.user)})


@csrf_exempt
@never_cache
def deovr(request: HttpRequest, code: str) -> JsonResponse:
    """What DeoVR shows when it is led here: one tab with the member's panoramas."""
    return _told(media.deovr_list(gettext("Panorama lessons"), _listed(request, code)))


@csrf_exempt
@never_cache
def heresphere(request: HttpRequest, code: str) -> JsonResponse:
    """What HereSphere shows; it may ask by POST."""
    told = _told(media.heresphere_list(gettext("Panorama lessons"), _listed(request, code)))
    told.headers["HereSphere-JSON-Version"] = "1"
    return told


def code_for(member: Any) -> str:
    """The member's code, the same until it ends. Whoever has it sees her list of panoramas, nothing else of hers."""
    kept = f"headset-of-{member.pk}"
    code = cache.get(kept)
    if code is None or _holder(code) is None:
        code = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
        cache.set(_place(code), (member.pk, member.get_session_auth_hash()), CODE_GOOD_FOR_S)
        cache.set(kept, code, CODE_GOOD_FOR_S)
    return code


def _holder(code: str) -> Member | None:
    """Whom a code stands for; None when it was never given, is over, or she has another password since."""
    known = cache.get(_place(code))
    if known is None:
        return None
    member = Member.objects.filter(pk=known[0], is_active=True).first()
    if member is None or not constant_time_compare(member.get_session_auth_hash(), known[1]):
        return None
    return member


def _place(code: str) -> str:
    return f"headset-{salted_hmac('portal.headset', code.lower().replace('-', '')).hexdigest()[:32]}"


def _listed(request: HttpRequest, code: str) -> list[media.Listed]:
    """The panoramas open to the code's holder; public ones for a code that is none (the same answer as to nobody)."""
    member = _holder(code) or AnonymousUser()
    found = []
    for lesson in _panoramas(member):
        played = media.playback(lesson.lecture, member, client="vr")
        if not played.vr_url:
            continue
        found.append(
            media.Listed(
                title=lesson.title,
                duration_s=played.duration_s,
                poster=request.build_absolute_uri(played.poster_url),
                deovr_url=request.build_absolute_uri(played.vr_url),
                heresphere_url=request.build_absolute_uri(
                    played.vr_url.replace("deovr.json", "heresphere.json")
                ),
            )
        )
    return found


def _panoramas(member: Any) -> list[Lesson]:
    """Lessons open to `member` whose lecture is a panorama that apps may play (an encrypted one plays in browsers only)."""
    lessons = Lesson.objects.open_to(member).select_related("lecture").filter(lecture__isnull=False)
    spheres = lessons.exclude(lecture__folder="").exclude(lecture__projection="FLAT")
    found = spheres.order_by("-first_published_at", "-pk")[:_MOST]
    return [lesson for lesson in found if not lesson.lecture.contents.get("recipe", {}).get("protected")]


def _told(answer: dict[str, Any]) -> JsonResponse:
    response = JsonResponse(answer)
    response["Access-Control-Allow-Origin"] = "*"
    return response
