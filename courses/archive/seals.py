"""The day's seal over the ledger, in the database and as a line in a file outside it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from courses.archive import chain
from courses.archive.errors import SealOutOfOrder
from courses.archive.merkle import GrowingTree
from courses.archive.models import ArchiveSeal, LearningArchive, StudyHourEntry

__all__ = ["SealedHeads", "facts", "outside_lines", "seal", "seals_file"]

MEMBERS_AT_ONCE = 500


def seals_file() -> Path:
    """Where the lines are kept (setting STUDY["SEALS_FILE"])."""
    return Path(settings.STUDY["SEALS_FILE"])


@dataclass
class SealedHeads:
    """What all seals so far hold: the tree, and where each member's chain ended."""

    tree: GrowingTree = field(default_factory=GrowingTree)
    ends: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    """Member → (place, link) of the last that was sealed."""

    def add(self, leaves: bytes) -> None:
        for data in chain.packed_one_by_one(leaves):
            self.tree.append(data)
        for member, seq, _recorded, link in chain.unpack_leaves(leaves):
            self.ends[member] = (seq, link)


def seal(day: date | None = None, *, now: datetime | None = None) -> ArchiveSeal:
    """Seal everything that the ledger holds now, under the name of `day` (default: yesterday in Shanghai).

    Once a day: again it returns the seal that is there, and writes lines that the file lacks at its end. Raises
    SealOutOfOrder for a day before the last one sealed or after today, and OSError when the line cannot be
    written (the seal is kept; the next call writes it).
    """
    now = now or timezone.now()
    today = timezone.localdate(now)
    day = day or today - timedelta(days=1)
    if day > today:
        raise SealOutOfOrder(f"{day} has not begun")
    made = ArchiveSeal.objects.filter(day=day).first() or _make(day, now)
    _write_outside()
    return made


def _make(day: date, now: datetime) -> ArchiveSeal:
    held, last = SealedHeads(), None
    for last in ArchiveSeal.objects.order_by("number").iterator(chunk_size=1):
        held.add(bytes(last.leaves))
    if last is not None and day < last.day:
        raise SealOutOfOrder(f"{last.day} is sealed already, so {day} cannot be any more")
    leaves = chain.pack_leaves(_unsealed(held.ends))
    held.add(leaves)
    made = ArchiveSeal(
        number=last.number + 1 if last else 1,
        day=day,
        members=len(held.ends),
        tree_size=held.tree.size,
        root=held.tree.root().hex(),
        previous_root=last.root if last else "",
        sealed_at=now,
        leaves=leaves,
    )
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError:
        # Somebody sealed at the same moment: theirs is the seal, unless it was for another day.
        theirs = ArchiveSeal.objects.filter(day=day).first()
        if theirs is None:
            raise
        return theirs
    return made


def _unsealed(ends: dict[int, tuple[int, bytes]]) -> Iterator[chain.Leaf]:
    """Links that no seal holds yet, by member and place."""
    heads = LearningArchive.objects.order_by("member_id").values_list("member_id", "chain_seq")
    grown = (member for member, seq in heads.iterator() if seq > (ends[member][0] if member in ends else 0))
    while members := list(islice(grown, MEMBERS_AT_ONCE)):
        rows = (
            StudyHourEntry.objects.filter(member_id__in=members)
            .order_by("member_id", "chain_seq")
            .values_list("member_id", "chain_seq", "recorded_at", "link")
        )
        for member, seq, recorded_at, link in rows.iterator():
            if seq > (ends[member][0] if member in ends else 0):
                yield chain.Leaf(member, seq, chain.microseconds(recorded_at), chain.leaf_link(link))


# Outside the database


def facts(seal: ArchiveSeal) -> dict[str, Any]:
    """What the line outside says of a seal: all of it but the leaves."""
    return {
        "number": seal.number,
        "day": seal.day.isoformat(),
        "members": seal.members,
        "entries": seal.tree_size,
        "root": seal.root,
        "previous_root": seal.previous_root,
        "sealed_at": chain.moment(seal.sealed_at),
    }


def outside_lines(text: str) -> Iterator[dict[str, Any] | None]:
    """The file's lines as they were written; None for one that is no seal's."""
    for line in text.splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        is_one = isinstance(said, dict) and isinstance(said.get("number"), int)
        yield said if is_one else None


def _write_outside() -> None:
    """Append the seals that are later than the file's last line; on disk (fsync) when this returns."""
    path = seals_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        kept = file.read()
        whole = kept[: kept.rfind(b"\n") + 1]
        if whole != kept:  # the machine stopped in the middle of the last line
            file.truncate(len(whole))
        said = [one["number"] for one in outside_lines(whole.decode("utf-8", "replace")) if one]
        lacking: Iterable[ArchiveSeal] = (
            ArchiveSeal.objects.defer("leaves").filter(number__gt=max(said, default=0)).order_by("number")
        )
        for one in lacking:
            file.write(json.dumps(facts(one)).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if not kept:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
