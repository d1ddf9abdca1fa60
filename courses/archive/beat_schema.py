"""What /api/openapi.json says of playing: how to come by a token, what a beat is, and examples that are true.

Whoever writes a player or a harness has nothing but this. Each example of a request has the name of the example of
its answer, and tests/courses/archive/test_beat_schema.py sends them to a running school, in this order.
"""

from __future__ import annotations

import json
from typing import Any

from ninja import Schema

__all__ = [
    "BEATS",
    "BEATS_ANSWERS",
    "BEATS_ASKED",
    "PLAY",
    "PLAY_ANSWERS",
    "RETRY_AFTER_S",
    "TOKEN",
    "asks_for",
]

RETRY_AFTER_S = 5

PLAY = """A fresh play token for a lesson version that is open to the member; also after TOKEN_EXPIRED.

**How to come here.** A session of the site and its CSRF token, as a browser has them:

1. `GET /accounts/login/` sets the cookie `csrftoken`.
2. `POST /accounts/login/`, `application/x-www-form-urlencoded`: `login` (sign-in name or mobile number), `password`,
   and `csrfmiddlewaretoken` (the cookie's value). Over https a `Referer` of this site, too. 302 and the cookie
   `sessionid`: signed in, and `csrftoken` is a new one. 200: refused, the page says why.
   (A one-time password leads pages to where it is changed; this interface works before that.)
3. `GET /api/archive/lessons` (cookie `sessionid`): lessons that are open to the member, each with the uuid of its
   `version`.
4. `POST /api/archive/play` (cookies `sessionid` and `csrftoken`, header `X-CSRFToken` with the latter's value):
   `{"version": "…"}`.

From then on neither cookies nor CSRF token are asked for: beats and the lease go by the play token in the body.

**What it is.** One token is one member, one lesson version and one *session*: a number that the school gives, new with
each call. Opening takes nothing from another device; the first beat does. `expires_at` (12 h) ends the time in which
beats may *happen*; those may be handed in for 24 h more.

403: no or a wrong CSRF token (looked at first). 401: not signed in. 404 NOT_OPEN: no such version, or not for this member.
422: `version` is no uuid."""

BEATS = """Idempotent by (member, session, seq). After 200 the beats are on disk and may be forgotten.

**The token** is that of `POST /api/archive/play` (see there for how to sign in). No cookie, no CSRF token, any media
type: the body is JSON in any case.

**A beat** says what was played since the beat before it, usually 15 s, at most 30 s:
- `seq`: its number in the session, 0 … 2³⁰−1, given by the player. The same number is the same beat: with the same body
  it is a duplicate (200), with another body a contradiction (409). Gaps and any order are allowed.
- `intervals`: what was played, `[[a, b), …]` in milliseconds of the lesson, in the order of playing, at most 50.
  Empty for a moment of presence (paused, or the beginning).
- `position_ms`: where the player stands at the end of it.
- `clock_ms`: the player's own clock at the end of it, milliseconds since 1970. It may be a year wrong: only differences
  are used, between beats and to `sent_ms`, the same clock in the moment of sending (default: that of the latest beat).
- `rate`: speed of playing; `visible`: whether the page was visible all the time; `flags`: `audio` (listening with the
  screen off, in a lesson that allows it), `idle` (nobody there), `confirmed` («I have read it»). Others are dropped.

Numbers of milliseconds may be fractions, as players have them, and are rounded. At most 200 beats and 1 MiB a batch;
a body in chunks is a body. What counts is reckoned from these by the rules of study, bounded by the school's clock:
a session brings no more seconds of the lesson than passed since its token was made.

**200** `accepted` are new, `duplicates` were known with the same body; the batch is kept as a whole. `state` tells how
the lesson stands after a session's first batch; later batches are kept on a shorter way and answer `"state": null`:
`GET /api/archive/progress/{version}` tells.
**401** TOKEN_INVALID, TOKEN_EXPIRED: open the lesson again (`/play`); what TOKEN_EXPIRED names as `accepted` is kept.
**404** NOT_OPEN: the lesson is not there for this member (withdrawn, closed to her, or the account is closed).
**409** LEASE_LOST: a newer session of the member plays; what happened before (and up to five seconds after) is in
`accepted` and is kept, the rest is not. `POST /api/archive/lease` takes the turn back. Devices that were offline one
after the other may hand in in any order: what each played before the school heard of the other is kept and counts.
SEQ_CONFLICT: the numbers in `conflicts` are on record with another body; nothing of the batch is kept.
**413** BATCH_TOO_BIG and **422** BAD_BEATS (`detail` says where): nothing is kept; the same again gets the same.
**503** BUSY, with `Retry-After` in seconds (too much waits, the disk is full, the database is away), and no answer at
all: send the same batch again until it is answered; it is kept once."""


def asks_for(schema: type[Schema], examples: dict[str, tuple[str, Any]]) -> dict[str, Any]:
    """The request body for the OpenAPI schema, where the body itself is read by hand (media type is free)."""
    inlined = json.dumps(schema.model_json_schema(ref_template="#/components/schemas/{model}"))
    described = json.loads(inlined)
    for name, part in described.pop("$defs", {}).items():
        described = json.loads(
            json.dumps(described).replace(
                json.dumps({"$ref": f"#/components/schemas/{name}"}), json.dumps(part)
            )
        )
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": described, "examples": _named(examples)}},
        }
    }


def _named(examples: dict[str, tuple[str, Any]]) -> dict[str, Any]:
    return {name: {"summary": summary, "value": value} for name, (summary, value) in examples.items()}


def _answers(answers: dict[int, dict[str, tuple[str, Any]]]) -> dict[str, Any]:
    """Examples of answers, laid over the responses that ninja describes."""
    told: dict[int, Any] = {
        status: {"content": {"application/json": {"examples": _named(examples)}}}
        for status, examples in answers.items()
    }
    if 503 in told:
        told[503]["headers"] = {
            "Retry-After": {
                "description": "seconds after which to send the same again",
                "schema": {"type": "integer", "example": RETRY_AFTER_S},
            }
        }
    return {"responses": told}


TOKEN = "the token of POST /api/archive/play"
TWO = [
    {
        "seq": 1,
        "intervals": [[0, 15000]],
        "position_ms": 15000,
        "rate": 1.0,
        "visible": True,
        "clock_ms": 1790000015000,
        "flags": [],
    },
    {
        "seq": 2,
        "intervals": [[15000, 30000]],
        "position_ms": 30000,
        "rate": 1.0,
        "visible": True,
        "clock_ms": 1790000030000,
        "flags": [],
    },
]
THIRD = {
    "seq": 3,
    "intervals": [[30000, 37000.5], [37000.5, 45000]],
    "position_ms": 45000,
    "clock_ms": 1790000045000,
}


def _batch(*beats: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"token": TOKEN, "beats": list(beats)} | more


def _state(watched_s: int) -> dict[str, Any]:
    """A lesson of ten minutes of which the beginning is studied."""
    left = {"start_s": watched_s, "end_s": 600, "reason_code": "NOT_PLAYED", "reason": "没有播放过"}
    return {
        "duration_s": 600,
        "coverage": watched_s / 600,
        "watched_s": watched_s,
        "needed_s": 570,
        "position_s": float(watched_s),
        "frontier_s": float(watched_s),
        "completed": False,
        "completed_at": None,
        "hours_on_offer": 0.25,
        "credited_hours": 0.0,
        "speed_cap": 1.0,
        "free_seek": False,
        "spans": [
            {"start_s": 0, "end_s": watched_s, "kind": "counted", "reason_code": "", "reason": ""},
            left | {"kind": "unwatched"},
        ],
        "missing": [left | {"start_label": f"00:{watched_s:02}", "end_label": "10:00"}],
    }


BEATS_ASKED: dict[str, tuple[str, Any]] = {
    "first_batch": ("The first two beats of a session", _batch(*TWO, sent_ms=1790000031000)),
    "the_same_again": ("The same batch again, since no answer came", _batch(*TWO, sent_ms=1790000031000)),
    "goes_on": ("One more beat, of two stretches", _batch(THIRD)),
    "another_body": ("A number that is on record, with another body", _batch({**THIRD, "position_ms": 1})),
    "no_beats": ("An empty batch", _batch()),
    "no_number": ("A beat without a number", _batch({"intervals": [], "position_ms": 0, "clock_ms": 0})),
    "bad_token": ("A token that was not made here", _batch(THIRD, token="made:up")),
    "another_device": (
        "A session after a newer one of the same member has begun",
        _batch({**THIRD, "seq": 4}),
    ),
    "withdrawn": ("A lesson that was withdrawn meanwhile", _batch({**THIRD, "seq": 5})),
    "expired": ("A token of three days ago", _batch({**THIRD, "seq": 6})),
}
BEATS_ANSWERED: dict[int, dict[str, tuple[str, Any]]] = {
    200: {
        "first_batch": ("Kept and reckoned", {"accepted": [1, 2], "duplicates": [], "state": _state(30)}),
        "the_same_again": ("Known already", {"accepted": [], "duplicates": [1, 2], "state": None}),
        "goes_on": ("Kept", {"accepted": [3], "duplicates": [], "state": None}),
    },
    401: {
        "bad_token": (
            "Open the lesson again",
            {
                "code": "TOKEN_INVALID",
                "message": "这个页面已失效。请重新打开课时，已计入的部分不受影响。",
            },
        ),
        "expired": (
            "Open the lesson again",
            {
                "code": "TOKEN_EXPIRED",
                "message": "页面打开的时间太长。请重新打开课时，已计入的部分不受影响。",
            },
        ),
    },
    404: {"withdrawn": ("Not there for this member", {"code": "NOT_OPEN", "message": "没有这个课时。"})},
    409: {
        "another_body": (
            "Nothing is kept",
            {
                "code": "SEQ_CONFLICT",
                "message": "这条记录已经以不同的内容提交过。请重新打开课时。",
                "conflicts": [3],
            },
        ),
        "another_device": (
            "What happened before the hand-over would be in `accepted`",
            {
                "code": "LEASE_LOST",
                "message": "课时正在另一台设备上学习。要在这里学，请点「在这里继续」。",
                "accepted": [],
                "duplicates": [],
                "state": _state(45),
            },
        ),
    },
    413: {
        "too_big": (
            "More than 1 MiB",
            {"code": "BATCH_TOO_BIG", "message": "一次提交的播放记录太大，请分成几份提交。"},
        )
    },
    422: {
        "no_beats": (
            "Malformed",
            {
                "code": "BAD_BEATS",
                "message": "播放记录无法识别。",
                "detail": "beats: a list of beats is needed",
            },
        ),
        "no_number": (
            "Malformed",
            {
                "code": "BAD_BEATS",
                "message": "播放记录无法识别。",
                "detail": "beats[0].seq: a number is needed",
            },
        ),
    },
    503: {
        "busy": (
            "Send the same again",
            {"code": "BUSY", "message": "系统繁忙。记录保存在本机，稍后自动提交。"},
        )
    },
}

PLAYED = {
    "token": "eyJtIjo3LCJ2IjozfQ:qX…",
    "session": "01997e2c-5a80-7c3e-9f2a-0d6c1b7e4a55",
    "version": "5b0a3d1e-8f2b-4c57-a1de-2b6f0c9e7d31",
    "kind": "LECTURE",
    "duration_s": 600,
    "resume_s": 0.0,
    "frontier_s": 0.0,
    "coverage": 0.0,
    "watched_s": 0,
    "needed_s": 570,
    "completed": False,
    "speed_cap": 1.0,
    "free_seek": False,
    "beat_seconds": 15,
    "expires_at": "2026-09-30T13:00:00+00:00",
}
PLAY_ANSWERED: dict[int, dict[str, tuple[str, Any]]] = {
    200: {"open": ("A token", PLAYED)},
    401: {"not_signed_in": ("No session of the site", {"detail": "Unauthorized"})},
    403: {"no_csrf_token": ("The header X-CSRFToken is missing or wrong", {"detail": "CSRF check Failed"})},
    404: {"not_open": ("Not there for this member", {"code": "NOT_OPEN", "message": "没有这个课时。"})},
}

BEATS_ANSWERS, PLAY_ANSWERS = _answers(BEATS_ANSWERED), _answers(PLAY_ANSWERED)
