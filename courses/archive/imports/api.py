"""What may be done with lists of study hours: hand one in; enter it, line by line, in the background.

Each line is one transaction: the ledger's line and the count of the list change together or not at all, so a worker
that dies in the middle has done each line once, and the next goes on where it stopped. Two workers cannot do the
same line: the count is moved from the number that each of them knows.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
import time as clock
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from celery import current_app
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from courses.archive import ledger
from courses.archive.errors import AlreadyCredited, ImportRefused, NotAllowed, YearClosed
from courses.archive.imports.lines import Line, LineRefused, read_line
from courses.archive.imports.models import HoursImport, ImportFile, ImportState, RefusedLine
from courses.archive.imports.sheets import SheetUnreadable, lines_of
from courses.archive.models import StudyMode
from courses.archive.rules import RuleBook
from people import api as people
from people.encryption import digest
from people.models import Member
from people.querysets import Scope

__all__ = ["FILE_MOST_BYTES", "hand_in", "ring_waiting", "run", "tidy"]

log = logging.getLogger(__name__)

FILE_MOST_BYTES = 5 * 1024**2
TURN_S = 30.0
"""So long a worker stays with one list before others get their turn; the worker of one machine does all."""
SILENT = timedelta(minutes=3)
"""A list that is being entered and was not touched for so long has lost its worker."""
KEEP_REFUSED = timedelta(days=30)
TOGETHER = 200
"""Members of so many lines are looked up at once."""
PAGE = "/archive/desk/hours/"


class _Overtaken(Exception):
    """Another worker is further on in the same list."""


@transaction.atomic
def hand_in(
    file: bytes, name: str, *, actor: Member, reason: str = "", now: datetime | None = None
) -> HoursImport:
    """Take a list; it is entered in the background. By organisers only. Raises NotAllowed, ImportRefused."""
    now = now or timezone.now()
    if not people.scope_of(actor):
        raise NotAllowed("organises nothing")
    if not file:
        raise ImportRefused("EMPTY")
    if len(file) > FILE_MOST_BYTES:
        raise ImportRefused("TOO_LARGE")
    if not name.lower().endswith((".xlsx", ".csv")):
        raise ImportRefused("KIND")
    job = HoursImport.objects.create(
        actor=actor,
        name=name[-200:],
        sha256=hashlib.sha256(file).hexdigest(),
        reason=reason.strip()[:300],
        handed_in_at=now,
        touched_at=now,
    )
    ImportFile.objects.create(of=job, content=base64.b64encode(file).decode())
    people.record(
        actor, "archive.hours_handed_in", job, detail={"file": job.name, "sha256": job.sha256}, at=now
    )
    transaction.on_commit(lambda: _ring(job.pk))
    return job


def _ring(pk: int) -> None:
    """Wake a worker. Without a broker nothing is lost: the scheduler rings again every minute."""
    bell = current_app.tasks["archive.import_hours"]  # by name: the task stands above this module
    try:
        bell.apply_async((pk,), retry=False)
    except Exception as unreachable:
        if not isinstance(unreachable, OSError) and type(unreachable).__module__.split(".")[0] not in {
            *("kombu", "redis", "amqp", "valkey"),
        }:
            raise
        log.warning("list %s waits for the scheduler: %s", pk, unreachable)


def ring_waiting(*, now: datetime | None = None) -> int:
    """Ring for lists that wait or have lost their worker; how many."""
    waiting = list(HoursImport.objects.filter(_to_do(now or timezone.now())).values_list("pk", flat=True))
    for pk in waiting:
        _ring(pk)
    return len(waiting)


def _to_do(now: datetime) -> Q:
    return Q(state=ImportState.WAITING) | Q(state=ImportState.RUNNING, touched_at__lt=now - SILENT)


def run(pk: int, *, now: datetime | None = None, turn_s: float = TURN_S) -> None:
    """Go on with a list for some time, and ring for the rest. Nothing when somebody else is at it, or it is done."""
    now = now or timezone.now()
    taken = HoursImport.objects.filter(_to_do(now), pk=pk).update(state=ImportState.RUNNING, touched_at=now)
    if not taken:
        return
    job = HoursImport.objects.select_related("actor", "file").get(pk=pk)
    try:
        lines = lines_of(base64.b64decode(job.file.content), job.name)
    except SheetUnreadable as unreadable:
        _end(job, ImportState.UNREADABLE, fault=unreadable.code)
        return
    HoursImport.objects.filter(pk=pk).update(total=len(lines))
    until = clock.monotonic() + turn_s
    today = timezone.localdate(now)
    scope = people.scope_of(job.actor)
    a_day = RuleBook.load(today).find("CLAIM_HOURS_A_DAY", "").decimal()
    try:
        for start in range(job.done, len(lines), TOGETHER):
            some = lines[start : start + TOGETHER]
            members = _members(said for _number, said in some)
            for place, (number, said) in enumerate(some, start):
                _look_at(job, place, number, said, members, scope, today, a_day)
                if clock.monotonic() > until and place + 1 < len(lines):
                    HoursImport.objects.filter(pk=pk, done=place + 1).update(state=ImportState.WAITING)
                    _ring(pk)
                    return
    except _Overtaken:
        return
    _end(job, ImportState.DONE)


def _members(lines: Iterable[dict[str, str]]) -> dict[str, Member]:
    """Who is meant, by sign-in name and by mobile number; two queries."""
    typed = {said.get("who", "").strip() for said in lines} - {""}
    numbers = {
        text: digest(_number(text)) for text in typed if re.fullmatch(r"1\d{10}", _number(text), re.ASCII)
    }
    known = Member.objects.select_related("organization")
    names = [text for text in typed if "\x00" not in text and len(text) <= 150]
    by_name = {one.username: one for one in known.filter(username__in=names)}
    by_digest = {one.phone_digest: one for one in known.filter(phone_digest__in=numbers.values())}
    found = {text: by_digest[one] for text, one in numbers.items() if one in by_digest}
    return found | {text: by_name[text] for text in typed if text in by_name}


def _number(text: str) -> str:
    return re.sub(r"[\s-]", "", text)


def _look_at(
    job: HoursImport,
    place: int,
    number: int,
    said: dict[str, str],
    members: dict[str, Member],
    scope: Scope,
    today: date,
    a_day: Decimal,
) -> None:
    """Enter one line or write down why not; counted in the same transaction. Raises _Overtaken."""
    try:
        line = read_line(said, today=today, hours_a_day=a_day)
        member = _meant(line, members, job.actor, scope)
        with transaction.atomic():
            try:
                _enter(job, line, member)
                what = "added"
            except AlreadyCredited:
                what = "known"
            _count(job, place, what)
    except LineRefused as refused:
        _refuse(job, place, number, said, refused)
    except (OperationalError, InterfaceError, _Overtaken):
        raise
    except Exception:  # a fault of ours: this line would stop the list for ever
        log.exception("line %d of list %s was not entered", number, job.pk)
        _refuse(job, place, number, said, LineRefused("FAULT"))


@transaction.atomic
def _refuse(job: HoursImport, place: int, number: int, said: dict[str, str], refused: LineRefused) -> None:
    _count(job, place, "refused")
    RefusedLine.objects.create(
        of=job,
        line=number,
        code=refused.code,
        value=refused.value[:80],
        said=json.dumps(said, ensure_ascii=False),
    )


def _meant(line: Line, members: dict[str, Member], actor: Member, scope: Scope) -> Member:
    member = members.get(line.who)
    path = member.organization.path if member and member.organization else None
    if member is None or not (scope.everything or (path is not None and scope.holds(path))):
        raise LineRefused("NOT_FOUND")
    if _plain(member.name) != _plain(line.name):
        raise LineRefused("OTHER_NAME")
    if member.pk == actor.pk:
        raise LineRefused("OWN")
    return member


def _plain(name: str) -> str:
    return re.sub(r"[\s·•・]", "", name)


def _enter(job: HoursImport, line: Line, member: Member) -> None:
    def noon(day: date) -> datetime:
        return timezone.make_aware(datetime.combine(day, time(12)))

    now = timezone.now()
    try:
        ledger.add_entry(
            member,
            mode=StudyMode(line.mode),
            title=line.title,
            provider=line.provider,
            hours=line.hours,
            started_at=min(noon(line.started_on), now),
            finished_at=min(noon(line.finished_on), now),
            recorder=job.actor,
            approver=job.actor,
            credit_key=line.key(member.pk),
            evidence_type="import",
            evidence_id=str(job.uuid),
            evidence_hash=job.sha256,
            reason=job.reason,
            now=now,
        )
    except YearClosed as closed:
        raise LineRefused("CLOSED", str(closed.year)) from closed
    except NotAllowed as refused:
        raise LineRefused("CLOSED", str(line.finished_on.year)) from refused


def _count(job: HoursImport, place: int, what: str) -> None:
    moved = HoursImport.objects.filter(pk=job.pk, done=place).update(
        done=place + 1, touched_at=timezone.now(), **{what: F(what) + 1}
    )
    if not moved:
        raise _Overtaken


@transaction.atomic
def _end(job: HoursImport, state: str, *, fault: str = "") -> None:
    now = timezone.now()
    if not HoursImport.objects.filter(pk=job.pk, state=ImportState.RUNNING).update(
        state=state, fault=fault, ended_at=now, touched_at=now
    ):
        return
    ImportFile.objects.filter(of=job).delete()
    job.refresh_from_db()
    counts = {"lines": job.total, "added": job.added, "known": job.known, "refused": job.refused}
    people.record(job.actor, "archive.hours_entered", job, detail=counts | {"state": str(state)}, at=now)
    with translation.override(settings.LANGUAGE_CODE):
        people.notify(
            job.actor,
            kind="hours_import",
            title=_("The list «%(name)s» is looked through") % {"name": job.name[-120:]},
            text=_("Entered: %(added)s. Entered before: %(known)s. Not entered: %(refused)s.") % counts,
            link=f"{PAGE}{job.uuid}/",
            dedupe_key=f"hours_import:{job.uuid}",
        )


def tidy(*, now: datetime | None = None) -> int:
    """Delete refused lines of lists that ended long ago; how many."""
    old = RefusedLine.objects.filter(of__ended_at__lt=(now or timezone.now()) - KEEP_REFUSED)
    return old.delete()[0]
