"""Whether the ledger, the archive rows and the seals are as they were written.

First everything is reckoned once in the order of the rows, keeping one place and one link a member: whose chain
comes out right is done with. The others are looked at one by one, each under the lock of her archive row, and
chain.examine names what is wrong; so what is being written meanwhile is no finding.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.db.models import TextField
from django.db.models.functions import Cast

from courses.archive import chain
from courses.archive.answers import Verification
from courses.archive.chain import ChainRow, Finding, Head, Sealed
from courses.archive.database_content import DatabaseContent
from courses.archive.models import ArchiveSeal, LearningArchive, StudyHourEntry
from courses.archive.seals import SealedHeads, facts, outside_lines, seals_file

__all__ = ["verify"]

MEMBERS_AT_ONCE = 2000


def verify(*, on_progress: Callable[[int], None] | None = None) -> Verification:
    """Reckon every link and every seal afresh and name what does not fit. Changes nothing.

    `on_progress` is told the number of entries read so far, every 100,000. Memory: about 500 bytes a member and
    the largest day's seal. Raises what reading the database or the file raises.
    """
    seals = _read_seals()
    entries, suspects, ends = _read_rows(seals, on_progress)
    members = len(ends)
    heads = LearningArchive.objects.values_list("member_id", "chain_seq", "chain_link")
    for member, seq, link in heads.iterator():
        end = ends.pop(member, None)
        if (end[:2] if end else (0, "")) != (seq, link):
            suspects.add(member)
    suspects.update(ends, seals.suspects)
    findings = [*seals.findings, *_look_closer(sorted(suspects), seals)]
    if entries < seals.entries_outside:
        findings.append(Finding(chain.MISSING, "file", count=seals.entries_outside - entries))
    return Verification(entries=entries, members=members, seals=seals.count, findings=tuple(findings))


# Seals


@dataclass
class _Seals:
    """What the seals tell, as far as their leaves lead to a root that somebody vouches for."""

    findings: list[Finding] = field(default_factory=list)
    held: SealedHeads = field(default_factory=SealedHeads)
    trusted: dict[int, str] = field(default_factory=dict)
    """Number of a seal → the earliest moment that an entry may carry which it adds."""
    floor: str = ""
    suspects: set[int] = field(default_factory=set)
    count: int = 0
    entries_outside: int = 0


def _read_outside(findings: list[Finding]) -> dict[int, dict[str, Any]] | None:
    """The file's lines by number; None when there is no file."""
    try:
        text = seals_file().read_text("utf-8", "replace")
    except FileNotFoundError:
        return None
    lines: dict[int, dict[str, Any]] = {}
    for line in outside_lines(text):
        if line is None:
            findings.append(Finding(chain.SEAL_ALTERED, "file"))
        elif lines.setdefault(line["number"], line) != line:
            findings.append(Finding(chain.SEAL_ALTERED, "file", day=str(line.get("day"))))
    return lines


def _read_seals() -> _Seals:
    """Walk the seals of the database beside the lines of the file.

    A seal that is gone or whose leaves were changed ends the trust: later roots cannot be reckoned without it, so
    later seals are only compared with their lines.
    """
    seals = _Seals()
    outside = _read_outside(seals.findings)
    lines = outside or {}
    trust, number, latest = True, 0, ""
    seen = set()
    for seal in ArchiveSeal.objects.order_by("number").iterator(chunk_size=1):
        seals.count += 1
        number += 1
        seen.add(seal.number)
        kept, line = facts(seal), lines.get(seal.number)
        if seal.number != number:
            trust = False
            for gone in range(number, min(seal.number, number + 1000)):
                if gone not in lines:
                    seals.findings.append(Finding(chain.SEAL_MISSING, "seal", seq=gone))
            number = seal.number
        if outside is not None and line is None:
            seals.findings.append(Finding(chain.SEAL_MISSING, "file", day=kept["day"]))
        reckoned = _reckon(seals, seal, line) if trust else None
        trust = reckoned is not None
        if trust:
            _trust(seals, seal)
        faults = set()
        if reckoned is not None:
            if any(kept[name] != value for name, value in reckoned.items()):
                faults.add("seal")
            if line is not None and any(line.get(name) != value for name, value in reckoned.items()):
                faults.add("file")
        elif seals.trusted.keys() == set(range(1, seal.number)):
            faults.add("seal")  # the first whose leaves lead to no root that is known
        if line is not None and line != kept and not faults:
            faults.add("seal or file")
        if line is None and kept["day"] <= latest:
            faults.add("seal")
        seals.findings += [Finding(chain.SEAL_ALTERED, where, day=kept["day"]) for where in sorted(faults)]
        latest = kept["day"]
    if outside is None and seals.count:
        seals.findings.append(Finding(chain.SEAL_MISSING, "file", count=seals.count))
    for gone, line in sorted(lines.items()):
        if gone not in seen:
            seals.findings.append(Finding(chain.SEAL_MISSING, "seal", seq=gone, day=str(line.get("day"))))
            size = line.get("entries")
            seals.entries_outside = max(seals.entries_outside, size if isinstance(size, int) else 0)
    return seals


def _reckon(seals: _Seals, seal: ArchiveSeal, line: dict[str, Any] | None) -> dict[str, Any] | None:
    """What a seal's leaves, after those of all before, say of it; None when nobody vouches for their root."""
    tree, leaves = seals.held.tree, bytes(seal.leaves)
    before = tree.root().hex() if seals.trusted else ""
    for data in chain.packed_one_by_one(leaves):
        tree.append(data)
    root = tree.root().hex()
    if root != seal.root and (line is None or root != line.get("root")):
        return None
    try:
        members = {one[0] for one in chain.unpack_leaves(leaves)}
    except struct.error:
        return None
    fresh = sum(member not in seals.held.ends for member in members)
    known = len(seals.held.ends) + fresh
    return {"entries": tree.size, "root": root, "previous_root": before, "members": known}


def _trust(seals: _Seals, seal: ArchiveSeal) -> None:
    """Take what a seal holds for what was written."""
    ends, suspects, floor = seals.held.ends, seals.suspects, seals.floor
    earliest = chain.earliest_us(floor)
    for member, seq, recorded_us, link in chain.unpack_leaves(bytes(seal.leaves)):
        ends[member] = (seq, link)
        if recorded_us < earliest:
            suspects.add(member)
    seals.trusted[seal.number] = floor
    seals.floor = chain.floor_after(seal.sealed_at)


# Rows


def _read_rows(
    seals: _Seals, on_progress: Callable[[int], None] | None
) -> tuple[int, set[int], dict[int, tuple[int, str, str]]]:
    """Walk the ledger once: how many entries, whose chains do not come out, and each member's end.

    An end is (place, link, recorded_at as the database writes it).
    """
    ends: dict[int, tuple[int, str, str]] = {}
    suspects: set[int] = set()
    sealed, floor = seals.held.ends, seals.floor
    hashed, nothing = sha256, (0, b"")
    count = 0
    rows = StudyHourEntry.objects.order_by("pk").values_list(
        "member_id", "chain_seq", "link", Cast("recorded_at", TextField()), DatabaseContent()
    )
    for member, seq, link, at, said in rows.iterator(chunk_size=2000):
        count += 1
        if on_progress is not None and not count % 100_000:
            on_progress(count)
        end = ends.get(member)
        if end is None:
            end = (0, chain.genesis(member), "")
        reckoned = hashed(end[1].encode() + hashed(said.encode()).digest()).hexdigest()
        if reckoned != link or seq != end[0] + 1 or at < end[2]:
            suspects.add(member)
        known, known_link = sealed.get(member, nothing)
        if seq >= known:
            if seq == known:
                if link != known_link.hex():
                    suspects.add(member)
            elif floor and chain.moment_of_row(at) < floor:
                suspects.add(member)
        ends[member] = (seq, link, at)
    for member, (seq, _link) in sealed.items():
        if member not in ends or ends[member][0] < seq:
            suspects.add(member)
    return count, suspects, ends


def _look_closer(suspects: Sequence[int], seals: _Seals) -> list[Finding]:
    """Name what is wrong with these members' chains."""
    findings: list[Finding] = []
    for start in range(0, len(suspects), MEMBERS_AT_ONCE):
        some = suspects[start : start + MEMBERS_AT_ONCE]
        sealed = _sealed_places(some, seals)
        for member in some:
            findings += _examine(member, sealed[member], seals.floor)
    return findings


def _sealed_places(members: Sequence[int], seals: _Seals) -> dict[int, dict[int, Sealed]]:
    places: dict[int, dict[int, Sealed]] = {member: {} for member in members}
    # Trust ends once and for all, so the trusted seals are the first ones.
    trusted = ArchiveSeal.objects.filter(number__lte=len(seals.trusted)).order_by("number")
    for seal in trusted.iterator(chunk_size=1):
        for leaf in map(chain.Leaf._make, chain.unpack_leaves(bytes(seal.leaves))):
            if leaf.member in places:
                floor = seals.trusted[seal.number]
                places[leaf.member][leaf.seq] = Sealed(leaf.link.hex(), leaf.recorded_at, floor)
    return places


@transaction.atomic
def _examine(member: int, sealed: dict[int, Sealed], floor: str) -> list[Finding]:
    archive = LearningArchive.objects.select_for_update().filter(member_id=member)
    head = archive.values_list("chain_seq", "chain_link").first()
    kept = StudyHourEntry.objects.filter(member_id=member).as_kept("pk", "chain_seq", "link")
    recorded = 3 + chain.FIELDS.index("recorded_at")
    rows = [
        ChainRow(row[0], row[1], row[2], chain.content_of_row(row[3:]), chain.moment_of_row(row[recorded]))
        for row in kept
    ]
    return chain.examine(member, rows, Head(*head) if head else None, sealed, floor)
