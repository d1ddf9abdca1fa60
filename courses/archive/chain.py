"""The chain of one member's ledger: what an entry says in bytes, its link, and what a look finds wrong. Pure.

    link of entry n = SHA-256(link of entry n - 1 as its 64 hex digits ‖ SHA-256(content of entry n)),
    link of entry 0 = the genesis = SHA-256("eschool archive " ‖ member's number),
    content         = a JSON array in UTF-8: "entry/1", then the values of FIELDS in that order.

In the content every value is a text: a number its digits, a decimal all its places ("0.50"), a moment UTC with
microseconds ("2026-05-01T00:00:00.000000Z"), a uuid 32 hex digits; nothing is null (and never ""). A
reversal names the entry that it takes back by uuid; `id` says nothing and is not in it. A field more, one day,
makes an "entry/2"; why an array, and more: decisions/0001.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

__all__ = [
    "ALLOWANCE_S",
    "ALTERED",
    "BACKDATED",
    "DECIMALS",
    "FIELDS",
    "FORMAT",
    "INSERTED",
    "MISSING",
    "MOMENTS",
    "SEAL_ALTERED",
    "SEAL_MISSING",
    "UUIDS",
    "ChainRow",
    "Finding",
    "Head",
    "Leaf",
    "Sealed",
    "content",
    "content_of_row",
    "earliest_us",
    "examine",
    "find_leaf",
    "floor_after",
    "genesis",
    "leaf_link",
    "link",
    "microseconds",
    "moment",
    "moment_of_row",
    "pack_leaves",
    "packed_one_by_one",
    "unpack_leaves",
]

FORMAT = "entry/1"
FIELDS = (
    "approved_at", "approver_id", "credit_key", "evidence_hash", "evidence_id", "evidence_type", "finished_at",
    "hours", "lesson_version_id", "member_id", "mode", "organization_code", "organization_name", "provider",
    "published_duration_s", "reason", "recorded_at", "recorder_id", "reversal_of", "roles", "rule_version",
    "source_system", "started_at", "title", "uuid", "verified_coverage", "year",
)  # fmt: skip
"""What an entry says, by the names of its columns; `reversal_of` is the uuid of the entry taken back."""
MOMENTS = ("approved_at", "finished_at", "recorded_at", "started_at")
DECIMALS = {"hours": 2, "verified_coverage": 4}
UUIDS = ("reversal_of", "uuid")

ALTERED = "ALTERED"
MISSING = "MISSING"
INSERTED = "INSERTED"
BACKDATED = "BACKDATED"
SEAL_ALTERED = "SEAL_ALTERED"
SEAL_MISSING = "SEAL_MISSING"

ALLOWANCE_S = 600
"""A row may say that it was recorded so long before a seal that lacks it: it was being written meanwhile."""


# What an entry says

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def moment(at: datetime) -> str:
    """A moment as text of 27 characters; texts sort as their moments do. Raises ValueError without time zone."""
    if at.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment_of_row(kept: str) -> str:
    """`moment` out of a database's own text: `2026-05-01 00:00:00[.5][+00]`; what is not one, as it is."""
    text = kept[:-3] if kept[-3:] == "+00" else kept
    size = len(text)
    if size == 26 and text[19] == ".":
        return f"{text.replace(' ', 'T')}Z"
    if size == 19:
        return f"{text.replace(' ', 'T')}.000000Z"
    if 20 < size < 26 and text[19] == ".":
        return f"{text.replace(' ', 'T'):0<26}Z"
    return kept


def _fixed(value: Decimal, places: int) -> str:
    return f"{value.quantize(Decimal(1).scaleb(-places)):f}"


def _fixed_text(kept: str, places: int) -> str:
    """The decimal out of a database's own text, `0.5` or `0.50`; with more places than it may have, as it is."""
    try:
        value = Decimal(kept)
        fixed = value.quantize(Decimal(1).scaleb(-places))
    except InvalidOperation:
        return kept
    return f"{fixed:f}" if fixed == value else kept


def content(values: Mapping[str, Any]) -> bytes:
    """What an entry says, out of Python's values by FIELDS (Decimal, datetime, UUID, int, str or None)."""
    said: list[Any] = [FORMAT]
    for name in FIELDS:
        value = values[name]
        if isinstance(value, Decimal):
            value = _fixed(value, DECIMALS[name])
        elif isinstance(value, datetime):
            value = moment(value)
        elif isinstance(value, UUID):
            value = value.hex
        said.append(value if value is None else str(value))
    return _encode(said).encode()


def content_of_row(row: Sequence[Any]) -> bytes:
    """What an entry says, out of a row of `EntryQuerySet.as_kept`: the same bytes as `content` makes."""
    said: list[str | None] = [FORMAT]
    for name, kept in zip(FIELDS, row, strict=True):
        if kept is None:
            said.append(None)
        elif name in MOMENTS:
            said.append(moment_of_row(kept))
        elif name in DECIMALS:
            said.append(_fixed_text(kept, DECIMALS[name]))
        elif name in UUIDS:
            said.append(kept.replace("-", ""))
        else:
            said.append(str(kept))
    return _encode(said).encode()


def genesis(member: int) -> str:
    """64 hex digits: what the first link of this member is made from."""
    return sha256(b"eschool archive %d" % member).hexdigest()


def link(previous: str, said: bytes) -> str:
    """64 hex digits: the link of an entry with the content `said` after the link `previous`.

    `previous` may be any text: what somebody wrote in the place of a link does not stop the ledger.
    """
    return sha256(previous.encode() + sha256(said).digest()).hexdigest()


# What a seal keeps

_LEAF = struct.Struct(">QQq32s")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Leaf(NamedTuple):
    """One head that a member's chain had: packed into 56 bytes, which are the data of a leaf of the tree."""

    member: int
    seq: int
    recorded_us: int
    """When its entry says that it was recorded, in µs since 1970."""
    link: bytes

    @property
    def recorded_at(self) -> str:
        return moment(_EPOCH + timedelta(microseconds=self.recorded_us))


def microseconds(at: datetime) -> int:
    """µs since 1970, exact."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def leaf_link(kept: str) -> bytes:
    """A link's 32 bytes; of a text that is no link, its hash, so that it can be sealed and is still told."""
    try:
        made = bytes.fromhex(kept)
    except ValueError:
        made = b""
    return made if len(made) == 32 and made.hex() == kept else sha256(kept.encode()).digest()


def pack_leaves(leaves: Iterable[Leaf]) -> bytes:
    """Leaves one after another, big-endian: member 8 bytes, seq 8, µs since 1970 8, link 32."""
    return b"".join(_LEAF.pack(*leaf) for leaf in leaves)


def packed_one_by_one(packed: bytes) -> Iterator[bytes]:
    """Each leaf's 56 bytes, as they go into the tree."""
    size = _LEAF.size
    return (packed[at : at + size] for at in range(0, len(packed), size))


def unpack_leaves(packed: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Each leaf's (member, seq, recorded_us, link). Raises struct.error when a piece is missing."""
    return _LEAF.iter_unpack(packed)


def find_leaf(packed: bytes, member: int, seq: int) -> bytes | None:
    """The link of that place, looked for by halves in leaves as `pack_leaves` ordered them; None when not there."""
    size, wanted = _LEAF.size, struct.pack(">QQ", member, seq)
    low, high = 0, len(packed) // size
    while low < high:
        middle = (low + high) // 2
        if packed[middle * size : middle * size + 16] < wanted:
            low = middle + 1
        else:
            high = middle
    found = packed[low * size : (low + 1) * size]
    return found[24:] if len(found) == size and found[:16] == wanted else None


def earliest_us(floor: str) -> int:
    """A floor as µs since 1970; no floor is before everything."""
    return microseconds(datetime.strptime(floor, "%Y-%m-%dT%H:%M:%S.%f%z")) if floor else -(2**63)


def floor_after(sealed_at: datetime) -> str:
    """The earliest moment that an entry may carry which the seal of `sealed_at` does not hold."""
    return moment(sealed_at - timedelta(seconds=ALLOWANCE_S))


# What is found wrong


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was written: `kind`, and where. What does not apply is None."""

    kind: str
    where: str
    """ledger, archive (the member's row with the chain's end), seal (in the database), file (outside it), or
    «seal or file» where they differ and nothing tells which was changed."""
    member: int | None = None
    seq: int | None = None
    """Place in the member's chain, from 1; of a seal, its number."""
    entry: int | None = None
    """Number (id) of the ledger's row, when there is a row."""
    day: str | None = None
    """The seal's day, 2026-11-27."""
    count: int | None = None
    """How many, where they cannot be named one by one."""

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}


class ChainRow(NamedTuple):
    """One row of the ledger as it is kept now. `link` is 64 hex digits, or whatever stands there."""

    entry: int
    seq: int
    link: str
    said: bytes
    recorded_at: str


class Head(NamedTuple):
    """Where the member's own archive row says that the chain ends; (0, "") before the first entry."""

    seq: int
    link: str


class Sealed(NamedTuple):
    """What the seals say of one place of a chain; `floor`: nothing recorded earlier belongs there."""

    link: str
    recorded_at: str
    floor: str


def examine(
    member: int, rows: Sequence[ChainRow], head: Head | None, sealed: Mapping[int, Sealed], floor: str
) -> list[Finding]:
    """Everything that is wrong with one member's chain, by place; empty when it is whole.

    `head` None: the archive row is gone. `sealed` holds the places 1…n that trusted seals vouch for; `floor` is
    the last trusted seal's. A row that follows a faulty one is judged by its own content and not blamed for it.
    """
    start = genesis(member)
    found: dict[int, Finding] = {}
    missing: list[Finding] = []

    def blame(row: ChainRow, kind: str) -> None:
        found.setdefault(row.entry, Finding(kind, "ledger", member, row.seq, row.entry))

    rows = sorted(rows, key=lambda row: row.seq)
    end = max(sealed, default=0)
    placed, loose = _placed(rows, sealed, start)

    # Places that a seal vouches for.
    at = 0
    for seq in sorted(sealed):
        whole, at = seq == at + 1, seq
        row = placed.get(seq)
        if row is None:
            missing += _gone(member, seq, seq)
            continue
        if not whole:
            continue  # the row before was gone when the seal was made
        before = sealed[seq - 1].link if seq > 1 else start
        if seq - 1 in placed and _as_sealed(placed[seq - 1]) == before:
            before = placed[seq - 1].link
        if link(before, row.said) != sealed[seq].link:
            blame(row, ALTERED)
        elif row.link != sealed[seq].link:
            # Only the link differs: the work of somebody who rewrote the row before, or of one who changed this.
            standing = placed[seq - 1].link if seq - 1 in placed else start
            if link(standing, row.said) != row.link:
                blame(row, ALTERED)
    for row in loose:
        if row.seq <= end:
            blame(row, INSERTED)
    at, there = 0, {row.seq for row in loose}
    for seq in sorted(sealed):
        if seq > at + 1 and not any(at < one < seq for one in there):
            missing += _gone(member, at + 1, seq - 1)
        at = seq
    at = placed[end].seq if end in placed else end
    if not missing and not found:
        at = end
        for seq, row in placed.items():
            if row.seq != seq:
                blame(row, ALTERED)

    # Places after them, for which only the chain and the archive row vouch.
    tail = [row for row in loose if row.seq > end]
    before_tail = {sealed[end].link if end else start}
    if end in placed:
        before_tail.add(placed[end].link)
    tail = _judge_tail(member, tail, before_tail, at, head, blame, missing)

    findings = [*found.values(), *missing]
    findings += _judge_head(member, rows, head, findings, end)
    findings += _backdated(member, placed, tail, sealed, floor, set(found))
    return sorted(findings, key=lambda one: (one.seq or 0, one.kind))


def _as_sealed(row: ChainRow) -> str:
    """The row's link as a seal has it, which differs where the text is no link."""
    return leaf_link(row.link).hex()


def _placed(
    rows: Sequence[ChainRow], sealed: Mapping[int, Sealed], start: str
) -> tuple[dict[int, ChainRow], list[ChainRow]]:
    """Which row stands for which sealed place, and the rows that stand for none.

    By its place and link, else by its link (rows were shifted), else by its content (the link was changed), else
    by its place alone (it was rewritten).
    """
    place = {one.link: seq for seq, one in sealed.items()}
    placed: dict[int, ChainRow] = {}
    left = list(rows)

    def says_the_same(row: ChainRow) -> int | None:
        if row.seq not in sealed or (row.seq > 1 and row.seq - 1 not in sealed):
            return None
        before = sealed[row.seq - 1].link if row.seq > 1 else start
        return row.seq if link(before, row.said) == sealed[row.seq].link else None

    for find in (
        lambda row: row.seq if place.get(_as_sealed(row)) == row.seq else None,
        lambda row: place.get(_as_sealed(row)),
        says_the_same,
        lambda row: row.seq if row.seq in sealed else None,
    ):
        rest = []
        for row in left:
            seq = find(row)
            if seq is None or seq in placed:
                rest.append(row)
            else:
                placed[seq] = row
        left = rest
    return placed, left


def _judge_tail(
    member: int,
    tail: Sequence[ChainRow],
    befores: set[str],
    at: int,
    head: Head | None,
    blame: Callable[[ChainRow, str], None],
    missing: list[Finding],
) -> list[ChainRow]:
    """Walk the places that no seal knows; the rows in their true order.

    `befores` are links that the next row may rightly follow, `at` the last place that is accounted for.
    """
    ends = {head.link} if head is not None else set()
    left, in_order = list(tail), []
    known_to = head.seq if head is not None else at
    while left:
        row = left[0]
        own = {link(before, row.said) for before in befores}
        fits = row.link in own
        if not fits and row.seq > at + 1:
            moved = next((one for one in left[1:] if _follows(one, befores)), None)
            if moved is not None:  # nothing is gone here: this row's number was changed
                blame(moved, ALTERED)
                left.remove(moved)
                in_order.append(moved)
                at, befores = at + 1, {moved.link}
                continue
        del left[0]
        in_order.append(row)
        if fits and row.seq == at + 1:
            beyond = head is not None and row.seq > head.seq
            if beyond and not any(one.link in ends for one in (row, *left)):
                blame(row, INSERTED)
        elif fits:
            blame(row, ALTERED)  # its number was changed
        elif row.seq > at + 1 and row.seq > known_to and row.link not in ends:
            blame(row, INSERTED)
            continue
        elif row.seq > at + 1:
            # What it followed is gone, so nothing can be said of the row itself.
            missing += _gone(member, at + 1, row.seq - 1)
        else:
            following = left[0] if left else None
            stays = row.link in ends - befores or (following is not None and _follows(following, {row.link}))
            relinked = bool(own & ends) or (following is not None and _follows(following, own))
            skipped = bool(befores & ends) or any(_follows(one, befores) for one in left[:100])
            inside = head is not None and row.seq <= head.seq
            if not stays and not relinked and (skipped or not inside):
                blame(row, INSERTED)
                at = row.seq
                continue
            blame(row, ALTERED)
        at = max(at, row.seq)
        befores = {row.link} if fits else {row.link, *own}
    return in_order


def _follows(row: ChainRow, befores: Iterable[str]) -> bool:
    return any(link(before, row.said) == row.link for before in befores)


def _gone(member: int, first: int, last: int) -> list[Finding]:
    """A finding for each missing place, or one for all of them when they are very many."""
    if last - first < 1000:
        return [Finding(MISSING, "ledger", member, seq) for seq in range(first, last + 1)]
    return [Finding(MISSING, "ledger", member, first, count=last - first + 1)]


def _judge_head(
    member: int, rows: Sequence[ChainRow], head: Head | None, found: Sequence[Finding], end: int
) -> list[Finding]:
    """What the archive row, which knows the chain's end, adds to what the rows told."""
    if head is None:
        return [Finding(MISSING, "archive", member)] if rows or end else []
    last = max((row.seq for row in rows), default=0)
    if head.seq == 0 and not head.link:
        return [] if found or not (rows or end) else [Finding(ALTERED, "archive", member)]
    if any(row.link == head.link for row in rows):
        right_place = found or any((row.seq, row.link) == head for row in rows)
        return [] if right_place else [Finding(ALTERED, "archive", member)]
    gone = _gone(member, max(last, end) + 1, head.seq)
    if gone or found:
        return gone
    # Every row fits the one before it, yet this is not the chain that ended here: it was rewritten, or the end was.
    return [Finding(ALTERED, "archive", member, head.seq)]


def _backdated(
    member: int,
    placed: Mapping[int, ChainRow],
    tail: Sequence[ChainRow],
    sealed: Mapping[int, Sealed],
    floor: str,
    faulty: set[int],
) -> list[Finding]:
    """Rows that say they were recorded before a row that they follow, or before a seal that lacks them."""
    findings = []
    latest = ""
    in_order = [(placed[seq], sealed[seq].floor, sealed[seq].recorded_at) for seq in sorted(placed)]
    for row, earliest, told in [*in_order, *((row, floor, "") for row in tail)]:
        if row.recorded_at < max(latest, earliest, told):
            findings.append(Finding(BACKDATED, "ledger", member, row.seq, row.entry))
        elif row.entry not in faulty:
            latest = row.recorded_at
    return findings
