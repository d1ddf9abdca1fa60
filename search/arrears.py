"""What the index could not take up, for people: what it is and why, try it again, or let it be."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from people.api import record
from search.documents import kinds
from search.kept import kept
from search.models import IndexCheck, SearchOutbox
from search.outbox import ring

__all__ = ["Arrear", "State", "arrears", "forget", "state", "try_again"]

SHOWN = 200


@dataclass(frozen=True)
class Arrear:
    """One thing that is not in the index, or there in an older state. `name` is "" where nobody knows it."""

    pk: int
    kind_label: str
    object_id: str
    name: str
    reason: str
    error: str
    since: datetime
    attempts: int
    next_try_at: datetime | None


@dataclass(frozen=True)
class State:
    """How the outbox is: `failing` things of which `given_up` are tried no more; `late` changes that nobody
    looked at for minutes, the oldest of `late_since`; the last comparison with the truth."""

    failing: int
    given_up: int
    late: int
    late_since: datetime | None
    check: IndexCheck | None

    @property
    def is_well(self) -> bool:
        return not (self.failing or self.late)


def state(now: datetime | None = None) -> State:
    """Three or four quick queries."""
    late = SearchOutbox.objects.late(now or timezone.now())
    oldest = late.order_by("created_at").values_list("created_at", flat=True).first()
    return State(
        failing=SearchOutbox.objects.failing().count(),
        given_up=SearchOutbox.objects.exclude(given_up_at=None).count(),
        late=late.count() if oldest else 0,
        late_since=oldest,
        check=IndexCheck.objects.first(),
    )


def arrears() -> list[Arrear]:
    """Those that were given up first, then the longest waiting; at most 200."""
    rows = SearchOutbox.objects.failing().order_by(F("given_up_at").asc(nulls_last=True), "created_at")[
        :SHOWN
    ]
    names = _names(list(rows))
    labels = {index.kind: str(index.label) for index in kept()} | {
        one.name: str(one.label) for one in kinds()
    }
    found = [
        Arrear(
            pk=row.pk,
            kind_label=labels.get(row.kind, row.kind),
            object_id=row.object_id,
            name=names.get((row.kind, row.object_id), ""),
            reason=_reason(row.error),
            error=row.error,
            since=row.created_at,
            attempts=row.attempts,
            next_try_at=None if row.given_up_at else row.next_try_at,
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: (one.next_try_at is not None, one.since))


def try_again(pk: int | None = None) -> int:
    """Have one row, or all that failed, taken up now; how many. Rows that are gone meanwhile are none."""
    rows = SearchOutbox.objects.failing()
    if pk is not None:
        rows = rows.filter(pk=pk)
    with transaction.atomic():
        number = rows.update(next_try_at=timezone.now(), given_up_at=None)
        if number:
            ring()
    return number


@transaction.atomic
def forget(pk: int, *, actor: Any) -> bool:
    """Let a thing be as the index has it, until it changes again; False when the row is gone already."""
    row = SearchOutbox.objects.failing().filter(pk=pk).first()
    if row is None:
        return False
    row.delete()
    detail = {"kind": row.kind, "id": row.object_id, "error": row.error[:200]}
    record(actor, "search.change_dropped", detail=detail, source="admin")
    return True


def _names(rows: list[SearchOutbox]) -> dict[tuple[str, str], str]:
    by_kind: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_kind[row.kind].append(row.object_id)
    return {
        (kind.name, id): name
        for kind in kinds()
        if kind.names and kind.name in by_kind
        for id, name in kind.names(by_kind[kind.name]).items()
    }


def _reason(error: str) -> str:
    """What happened, for somebody who does not read programmes."""
    fault = error.partition(":")[0]
    if fault == "KindUnknown":
        return _("This programme does not know such content: an update is going on, or a part was taken out.")
    if fault == "Refused":
        return _("The search server did not accept it.")
    if fault in ("OperationalError", "InterfaceError"):
        return _("The database did not answer.")
    return _("Its content could not be read.")
