"""How the queue goes on: a simulation of the workers over the jobs that are open and those that will follow. Pure."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Item", "Plan", "simulate"]


@dataclass(frozen=True)
class Item:
    """One job of `asset`. `seconds`: how long it will (still) take by the clock once it has begun.

    `running`: it has a worker now. `in_s`: it may not begin before so many seconds have gone.
    `side`: the lecture gets ready without it (preview, speech to text). Higher `priority` goes
    first, then the order of the list.
    """

    asset: int
    seconds: float
    priority: int = 0
    running: bool = False
    in_s: float = 0.0
    side: bool = False


@dataclass(frozen=True)
class Plan:
    """What the simulation says of one asset: when its next waiting job begins, when all of it is done (seconds)."""

    begins_s: float
    ends_s: float


def simulate(
    items: Sequence[Item], following: Mapping[int, Sequence[Sequence[Item]]], *, workers: int
) -> dict[int, Plan]:
    """Let `workers` work off `items`; what follows of an asset is opened when all its items are done.

    `following[asset]` are the stages to come, each a sequence of items that may run side by side.
    `begins_s` is 0 for an asset with a running job. Jobs that run already keep their workers even
    if they are more than `workers`.
    """
    now, order = 0.0, 0
    left: dict[int, int] = {}
    stages = {asset: list(steps) for asset, steps in following.items()}
    begins: dict[int, float] = {}
    ends: dict[int, float] = {}
    waiting: list[tuple[int, int, Item]] = []
    later: list[tuple[float, int, Item]] = []
    busy: list[tuple[float, int, Item]] = []

    def put(item: Item) -> None:
        nonlocal order
        order += 1
        if not item.side:
            left[item.asset] = left.get(item.asset, 0) + 1
        if item.running:
            heapq.heappush(busy, (now + item.seconds, order, item))
            begins.setdefault(item.asset, 0.0)
        elif item.in_s > 0:
            heapq.heappush(later, (now + item.in_s, order, item))
        else:
            heapq.heappush(waiting, (-item.priority, order, item))

    for item in items:
        put(item)
    for asset in stages:
        left.setdefault(asset, 0)
    while True:
        for asset in [known for known, count in left.items() if not count]:
            steps = stages.get(asset)
            if steps:
                for item in steps.pop(0):
                    put(item)
            else:
                ends.setdefault(asset, now)
                del left[asset]
        while later and later[0][0] <= now:
            _at, number, item = heapq.heappop(later)
            heapq.heappush(waiting, (-item.priority, number, item))
        while waiting and len(busy) < max(1, workers):
            _priority, number, item = heapq.heappop(waiting)
            if not item.side:
                begins.setdefault(item.asset, now)
            heapq.heappush(busy, (now + item.seconds, number, item))
        if busy and (not later or busy[0][0] <= later[0][0] or len(busy) >= max(1, workers)):
            now, _number, item = heapq.heappop(busy)
            if not item.side:
                left[item.asset] -= 1
        elif later:
            now = max(now, later[0][0])
        elif not any(not count for count in left.values()):
            break
    return {asset: Plan(begins.get(asset, end), end) for asset, end in ends.items()}
