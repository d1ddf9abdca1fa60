"""What strangers send to the beats: never an error of ours, never a beat that was not sent, and both doors agree.

Two members with the same history: what the short way (portal.asgi, its hand-over to Django included) is sent with the
one's token, Django alone (django_alone.py) is sent with the other's. Both run as processes of their own, on one database.
"""

from __future__ import annotations

import gzip
import json
import math
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from courses.archive.packing import unpack
from tests.courses.archive.conftest import Phone, add_version
from tests.courses.archive.server import DJANGO_ALONE, Server, database_url, raw_post
from tests.factories import LessonFactory, MemberFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("servers")]

TOKEN = "THE TOKEN"
"""Stands for each phone's own in bodies that are sent to both doors."""
MIB = 1024**2


@dataclass
class Pair:
    """Two phones of two members with one past: one speaks through the short way, the other to Django alone."""

    short: Server
    plain: Server
    phones: tuple[Phone, Phone]
    file: Path | None

    def send(self, body: bytes, *, encoding: str = "utf-8", **headers: str) -> dict[str, Any]:
        """The answer of both doors, which has to be the same but for `state`, which the short way leaves out."""
        answers = []
        for server, phone in zip((self.short, self.plain), self.phones, strict=True):
            mine = body.replace(_bytes(TOKEN, encoding), _bytes(phone.play.token, encoding))
            answers.append(server.beats(mine, **headers))
        short, plain = answers
        assert short.status == plain.status, (body[:300], short, plain)
        assert short.status < 500, short
        said = [answer.json() for answer in answers]
        for one in said:
            one.pop("state", None)
        assert said[0] == said[1], (body[:300], said)
        return {"status": short.status} | said[0]

    def log(self) -> list[list[tuple[int, bytes, bool]]]:
        """What is kept of each: seq, body, whether it was its turn."""
        sql = "SELECT session, seq, body, in_lease FROM archive_beat ORDER BY seq"
        if self.file is None:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                rows = cursor.fetchall()
        else:
            with sqlite3.connect(self.file) as database:
                rows = database.execute(sql).fetchall()
        kept: dict[str, list] = {phone.play.session.replace("-", ""): [] for phone in self.phones}
        for session, seq, body, in_lease in rows:
            kept[str(session).replace("-", "")].append((seq, bytes(body), bool(in_lease)))
        return list(kept.values())


def _bytes(text: str, encoding: str) -> bytes:
    return text.encode(encoding, "surrogatepass")


@pytest.fixture
def pair(client, clock, tmp_path) -> Iterator[Pair]:
    clock.at = datetime.fromtimestamp(time.time() - 3600, UTC)
    version = add_version(LessonFactory(), duration_s=3000)
    phones = tuple(Phone(client, clock, MemberFactory(), version) for _ in range(2))
    for phone in phones:
        assert phone.post([phone.note((0, 15_000), clock_ms=1_790_000_000_000)]).status_code == 200
    url = database_url(tmp_path)
    file = tmp_path / "school.sqlite3" if url.startswith("sqlite") else None
    folders = [tmp_path / "short", tmp_path / "plain"]
    for folder in folders:
        folder.mkdir()
    with Server(url, folders[0]) as short, Server(url, folders[1], DJANGO_ALONE) as plain:
        yield Pair(short, plain, phones, file)
        for server in (short, plain):
            assert "Traceback" not in server.said(), server.said()[-3000:]


# Anything at all

numbers = st.one_of(
    st.integers(-5, 40),
    st.integers(-(10**25), 10**25),
    st.sampled_from([2**30 - 1, 2**30, 2**31, 2**53, 2**63, 10**400, 86_400_000, 86_400_001]),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([1.0, 1.5, 2.5, 0.0004, 16.0, 16.0001, -0.0, 1e300]),
    st.booleans(),
)
words = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["\x00", "\ud800", "audio", "idle", "confirmed", "1", "", "\U0001f600"]),
)
anything = st.recursive(
    st.none() | numbers | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)
pairs = st.lists(
    st.one_of(st.tuples(st.integers(0, 60_000), st.integers(0, 60_000)).map(sorted), anything), max_size=4
)


@st.composite
def good(draw: st.DrawFn) -> dict[str, Any]:
    """A beat as players make them, with a number that may be taken already."""
    start = draw(st.integers(0, 60_000))
    end = start + draw(st.integers(0, 20_000))
    return {
        "seq": draw(st.integers(0, 30)),
        "intervals": [[start, end]],
        "position_ms": end,
        "clock_ms": 1_790_000_000_000 + start,
        "rate": draw(st.sampled_from([1, 1.0, 1.5])),
    }


@st.composite
def nearly_good(draw: st.DrawFn) -> Any:
    """A beat with something wrong in it, or with more in it than is asked for."""
    beat = draw(good())
    for name in draw(st.lists(st.sampled_from([*beat, "visible", "flags", "more"]), max_size=2)):
        if draw(st.booleans()):
            beat.pop(name, None)
        else:
            beat[name] = draw(pairs if name == "intervals" else anything)
    return beat


beats = st.one_of(
    st.lists(good(), min_size=1, max_size=4),
    st.lists(st.one_of(good(), nearly_good()), min_size=1, max_size=3),
    anything,
)


@st.composite
def batches(draw: st.DrawFn) -> tuple[bytes, str]:
    said: Any = {"token": TOKEN, "beats": draw(beats)}
    if draw(st.integers(0, 3)) == 0:
        said["sent_ms"] = draw(st.one_of(st.integers(1_790_000_000_000, 1_790_000_100_000), anything))
    if draw(st.integers(0, 9)) == 0:
        said["token"] = draw(anything)
    if draw(st.integers(0, 19)) == 0:
        said = draw(anything)
    text = json.dumps(said, ensure_ascii=draw(st.booleans()))
    if draw(st.integers(0, 9)) == 0:  # a name twice: the last one is meant, as everywhere
        text = text.replace("{", '{"token": 1, "beats": [], "seq": -1, "position_ms": null, ', 1)
    if draw(st.integers(0, 19)) == 0:
        text = text[: draw(st.integers(0, len(text)))]
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-16-le", "utf-32-be"]))
    return _bytes(text, encoding), encoding


def test_both_doors_say_the_same_of_the_same_body_and_keep_the_same(pair):
    statuses: dict[int, int] = {}

    @hypothesis_settings(
        max_examples=300,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        derandomize=True,
    )
    @given(batches())
    def say(said: tuple[bytes, str]) -> None:
        answer = pair.send(said[0], encoding=said[1])
        statuses[answer["status"]] = statuses.get(answer["status"], 0) + 1

    say()
    # then the two logs are the same, and nothing in them is what no player could have played
    short, plain = pair.log()
    assert short == plain
    for _seq, body, _in_lease in short:
        kept = unpack(body)
        assert all(0 <= start < end <= 86_400_000 for start, end in kept["intervals"])
        assert 0 < kept["rate"] <= 16 and math.isfinite(kept["rate"])
    # and it was about something: kept ones, contradictions, malformed ones, bad tokens
    assert {200, 401, 409, 422} <= set(statuses), statuses
    assert statuses[200] >= 20 and len(short) >= 10, statuses


PLAIN = {"seq": 77, "intervals": [[0, 1000]], "position_ms": 1000, "clock_ms": 1_790_000_001_000}
"""77 becomes another number for each body."""


def batch(*beats: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"token": TOKEN, "beats": list(beats) or [PLAIN]} | more).encode()


BODIES = [
    (batch(), 200),
    (batch(PLAIN | {"seq": 1.5}), 422),  # no number of a beat, and not that of another
    (batch().replace(b'"seq": 77', b'"seq": 77.0'), 200),
    (batch(PLAIN | {"rate": 0.0001}), 422),  # would be kept as no speed at all
    (batch(PLAIN | {"rate": 16.0001}), 422),
    (batch(PLAIN | {"seq": 2**30}), 422),
    (batch(PLAIN | {"clock_ms": 2**53 + 2}), 422),
    (batch().replace(b'"seq": 77', b'"seq": ' + b"9" * 4000), 422),
    (batch().replace(b'"seq": 77', b'"seq": ' + b"9" * 5000), 422),
    (batch().replace(b'"seq": 77', b'"seq": 1e999'), 422),
    (batch().replace(b'"seq": 77', b'"seq": NaN'), 422),
    (
        batch().replace(b'"seq": 77', b'"seq": -1, "seq": 77'),
        200,
    ),  # of a name that comes twice the last is meant
    (batch(flags=["\x00"]), 200),
    (batch(PLAIN | {"flags": ["\ud800"]}), 200),
    (b'{"token": "' + b"\\ud800" * 10 + b'", "beats": []}', 401),
    (b'{"token": "\\u0000", "beats": []}', 401),
    (b'{"token": "' + TOKEN.encode() + b'\\u0000", "beats": []}', 401),
    (b"[" * 900_000, 422),
    (b'{"beats":' * 100_000, 422),
    (batch(more="x" * (MIB - 600)), 200),
    (batch(more="x" * MIB), 413),
    (batch(more="x" * 4 * MIB), 413),
    (gzip.compress(batch()), 422),
    (b"", 422),
    (b"\x00", 422),
    (b"\xef\xbb\xbf" + batch(), 200),  # a mark of the order of bytes, as some programs write it
    (batch(*[PLAIN] * 201), 422),
    (batch(PLAIN | {"intervals": [[0, 1]] * 51}), 422),
    (batch(PLAIN, PLAIN), 200),
]


def test_bodies_that_somebody_thought_of(pair):
    for number, (body, status) in enumerate(BODIES, 100):
        before = pair.log()
        answer = pair.send(body.replace(b"77", b"%d" % number))
        assert answer["status"] == status, (body[:200], answer)
        after = pair.log()
        assert after[0] == after[1]
        if status == 200:
            assert [row[0] for row in after[0]] == [*[row[0] for row in before[0]], number]
        else:
            assert answer["code"] and answer["message"]
            assert after == before


KINDS = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "x",
    "",
]


def test_the_media_type_does_not_matter(pair):
    # sendBeacon says text/plain, and says so of JSON
    for number, kind in enumerate(KINDS, 1):
        mine = batch(PLAIN | {"seq": number})
        assert pair.send(mine, **{"Content-Type": kind})["status"] == 200
        assert pair.send(b"--x\r\nnonsense", **{"Content-Type": kind})["status"] == 422
    assert [[row[0] for row in rows] for rows in pair.log()] == [list(range(7))] * 2


def test_what_says_that_it_is_packed_is_read_as_it_is(pair):
    # nobody unpacks: what is JSON is read, what is not is refused
    assert pair.send(gzip.compress(batch()), **{"Content-Encoding": "gzip"})["status"] == 422
    assert pair.send(batch(), **{"Content-Encoding": "gzip"})["status"] == 200


# On the wire


def chunked(body: bytes, *, ended: bool = True) -> list[bytes]:
    pieces = [body[start : start + 60] for start in range(0, len(body), 60)]
    return [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces] + ([b"0\r\n\r\n"] if ended else [])


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def beat_of(phone: Phone, number: int) -> bytes:
    return batch(PLAIN | {"seq": number}).replace(TOKEN.encode(), phone.play.token.encode())


def test_a_body_in_chunks_is_a_body(pair):
    # (the other door never sees chunks: whoever stands before a WSGI server counts the bytes)
    first, _other = pair.phones
    # of a session that goes on, and, past a conflict, where Django answers
    for body, status in (
        (beat_of(first, 200), 200),
        (beat_of(first, 200).replace(b"[0, 1000]", b"[0, 999]"), 409),
        (b'{"token": 7}', 401),
    ):
        said = raw_post(pair.short, "Transfer-Encoding: chunked", *chunked(body))
        assert status_of(said) == status, said
    assert [row[0] for row in pair.log()[0]] == [0, 200]


def test_a_slow_body_keeps_nobody_waiting(pair):
    first, _other = pair.phones
    slow = beat_of(first, 300)
    length = f"Content-Length: {len(slow)}"
    with ThreadPoolExecutor(12) as many:
        # given twelve phones on a thin line
        half = len(slow) // 2
        waiting = [
            many.submit(raw_post, pair.short, length, slow[:half], slow[half:], b"", pause_s=1.0)
            for _ in range(12)
        ]
        time.sleep(0.3)
        # when another hands in a beat, and a page is asked for
        begun = time.monotonic()
        assert pair.short.beats(beat_of(first, 301)).status == 200
        assert pair.short.ask("GET", "/api/archive/beats").status == 405
        assert time.monotonic() - begun < 1
        # then theirs are kept too, once
        assert [status_of(one.result()) for one in waiting] == [200] * 12
    assert [row[0] for row in pair.log()[0]] == [0, 300, 301]


def test_a_connection_that_ends_in_the_middle_of_a_body_keeps_nothing_of_it(pair):
    first, _other = pair.phones
    whole = beat_of(first, 400)
    for head, pieces in (
        (f"Content-Length: {len(whole)}", [whole[:-9]]),
        (
            f"Content-Length: {len(whole) + 5}",
            [whole],
        ),  # all of it as far as one can read, but not as announced
        ("Transfer-Encoding: chunked", chunked(whole, ended=False)[:-1]),
        (f"Content-Length: {4 * MIB}", [b"x" * 2 * MIB]),
    ):
        raw_post(pair.short, head, *pieces, pause_s=0.05, hang_up=True)
    time.sleep(0.5)
    # then nothing is kept, and the next comes through
    assert [row[0] for row in pair.log()[0]] == [0]
    assert pair.short.beats(beat_of(first, 401)).status == 200
    assert [row[0] for row in pair.log()[0]] == [0, 401]
