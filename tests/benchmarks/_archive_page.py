"""One member's archive page through the real WSGI stack: queries and CPU of a request, after 1 and after 40 years."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

REQUESTS = 60
ENTRIES_A_YEAR = 64
"""32 hours in half hours."""


def measure(*, small: bool) -> dict[str, Any]:
    """{"archive_page_queries", "archive_page_cpu_ms"}: the worse of a first year and of a fortieth.

    CPU is this process's alone (with PostgreSQL the server's own work is not in it), the median of 60 requests,
    the two members in turn. The settings must be set up and the database migrated.
    """
    from _measured import say, table
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    call_command("collectstatic", interactive=False, verbosity=0)
    years, requests = ([1, 3], 5) if small else ([1, 40], REQUESTS)
    this_year = datetime.now(UTC).year
    clients = {}
    for count in years:
        say(f"writing {count} years of one member …")
        clients[count] = Client(headers={"accept": "text/html"})
        clients[count].force_login(_member(count, this_year), "people.sign_in.UsernameOrPhoneBackend")
    costs: dict[int, list[float]] = {count: [] for count in years}
    queries = {}
    for count, client in clients.items():
        client.get("/archive/")
        with CaptureQueriesContext(connection) as seen:
            answer = client.get("/archive/")
        queries[count] = len(seen)
        if answer.status_code != 200 or answer.content.count(b'id="entry-') != 30:
            raise RuntimeError(f"the page shows no full list: {answer.status_code}")
    for _ in range(requests):
        for count, client in clients.items():
            spent = time.process_time()
            client.get("/archive/")
            costs[count].append((time.process_time() - spent) * 1000)
    rows: list[list[object]] = [
        ["archive page after", "entries", "queries", "CPU ms (median)", "CPU ms (best)"]
    ]
    for count in years:
        middle = statistics.median(costs[count])
        total = ENTRIES_A_YEAR * count
        rows.append([f"{count} years", total, queries[count], f"{middle:.1f}", f"{min(costs[count]):.1f}"])
    table(rows)
    return {
        "archive_page_queries": max(queries.values()),
        "archive_page_cpu_ms": round(max(statistics.median(one) for one in costs.values()), 2),
    }


def _member(years: int, this_year: int) -> Any:
    """A member of a branch with so many years of study, through the door that all entries come through."""
    import logging

    from django.db import transaction

    from people.models import Member, OrganizationType, PartyOrganization

    code = f"bench-{years}"
    place = PartyOrganization.add_root(code=code, name=f"第{years}支部", type=OrganizationType.BRANCH)
    member = Member.objects.create_user(code, name="李想", organization=place)
    logging.getLogger("search.outbox").setLevel(logging.ERROR)  # no search worker runs here
    for year in range(this_year - years + 1, this_year + 1):
        with transaction.atomic():
            _year(member, year)
    return member


def _year(member: Any, year: int) -> None:
    from courses.archive import api

    for number in range(ENTRIES_A_YEAR):
        at = datetime(year, 1 + number % 11, 1 + number % 28, 2, tzinfo=UTC)
        api.add_entry(
            member,
            mode=("SELF_ONLINE", "COLLECTIVE", "CENTRAL_OFFLINE")[number % 3],
            title=f"第{number}讲 学习贯彻党的创新理论",
            hours=Decimal("0.5"),
            provider="中共青溪县委党校",
            finished_at=at,
            now=at,
        )
