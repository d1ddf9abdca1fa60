"""`./run bench search`: how quick search is over HTTP, beside stock Wagtail search on the same documents.

63,783 documents of about 420 characters and the captions of 200 lectures are made of a seed (_search_set.py), or taken
from the *.jsonl of a folder (--set; queries are then cut from their texts). `index_documents` loads them into a fresh
school, the web server runs as ./run starts it, and one client asks a few hundred mixed queries one after the other over
one connection: full keywords, parts of titles, typos, pinyin, initials, questions, clauses, sentences of lectures.
Stock search (modelsearch, SQLite) is asked in process, without HTTP and without looking at who may see what.

Progress goes to stderr, tables to stdout, and the very last line is one JSON object. Wall milliseconds; on a busy machine
they lie, so the load of the machine and the CPU seconds stand beside. `--small` takes 2,000 documents: it shows that the
benchmark works, its figures mean nothing.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "site"), str(HERE)]  # our search.py after the room of that name

from _measured import cost_of, say, size_of, table  # noqa: E402
from _search_set import Made, Query, made_of, make  # noqa: E402

DOCUMENTS, LECTURES, QUERIES = 63_783, 200, 400
INDEX = "bench"
TO_REACH = {"http_p50_ms": 15, "http_p99_ms": 60, "rebuild_s": 180, "index_ratio": 2}


@dataclass
class Asked:
    """What one client saw: milliseconds of each query, as it waited and as the server said, by sort of query."""

    waits: dict[str, list[float]] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)
    nothing: int = 0

    def all(self) -> list[float]:
        return [one for its in self.waits.values() for one in its]


def at(share: float, values: list[float]) -> float:
    """The value below which `share` of `values` lie."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main(words: list[str]) -> int:
    asked = argparse.ArgumentParser(prog="./run bench search", description=__doc__.splitlines()[0])
    asked.add_argument("--small", action="store_true", help="2,000 documents: shows that it works")
    asked.add_argument(
        "--set", type=Path, default=None, help="folder with *.jsonl as index_documents reads them"
    )
    asked.add_argument("--stock-seconds", type=float, default=120, help="how long stock search may be asked")
    chosen = asked.parse_args(words)
    documents, lectures, queries = (2000, 10, 60) if chosen.small else (DOCUMENTS, LECTURES, QUERIES)
    with tempfile.TemporaryDirectory(prefix="eschool-bench-") as folder:
        scratch = Path(folder)
        if chosen.set is None:
            say(f"making {documents:,} documents and {lectures} lectures …")
            files = [scratch / "set.jsonl"]
            made = make(files[0], documents, lectures, queries)
        else:
            files = sorted(chosen.set.glob("*.jsonl"))
            if not files:
                raise SystemExit(f"no *.jsonl in {chosen.set}")
            made = made_of(files, queries)
        figures = ours(scratch, files, made)
        figures |= stock(scratch, files, made, figures, 10 if chosen.small else chosen.stock_seconds)
        figures["es_parity_mrr"] = parity(scratch)
    print(json.dumps(figures))
    return 0


def ours(scratch: Path, files: list[Path], made: Made) -> dict[str, Any]:
    """Load, serve, ask."""
    environment = os.environ | {
        "ESCHOOL_DATA_DIR": str(scratch / "data"),
        "DATABASE_URL": f"sqlite:///{scratch}/bench.sqlite3",
        "DJANGO_SETTINGS_MODULE": "portal.settings.base",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "site"), os.environ.get("PYTHONPATH", "")]),
    }
    environment.pop("SEARCH_URL", None)
    os.environ |= environment
    manage = [sys.executable, str(ROOT / "site" / "manage.py")]
    say("preparing a school …")
    (scratch / "data" / "static").mkdir(parents=True)
    cost_of([*manage, "migrate", "--verbosity=0"], ROOT)
    say("loading …")
    load = cost_of([*manage, "index_documents", *map(str, files), "--index", INDEX, "--replace"], ROOT)
    index_bytes = size_of(scratch / "data" / "search" / "named" / INDEX)
    with served(environment) as (port, server):
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        say("asking …")
        ask(client, made.queries[: len(made.queries) // 4])  # the first answers warm both processes
        spent = cpu_s(server)
        found = ask(client, made.queries)
        cpu_ms = (cpu_s(server) - spent) * 1000 / len(made.queries)
        typed = suggest(client, made.queries)
        client.close()
    print(
        f"{date.today()}, {os.cpu_count()} cores (load {os.getloadavg()[0]:.1f}), {platform.machine()}, tantivy, "
        f"{made.documents:,} documents and {made.cues:,} cues, {made.characters:,} characters; {len(made.queries)} queries"
    )
    print(
        f"loading: {load.wall_s:.1f} s, {load.cpu_s:.1f} s CPU; index {index_bytes:,} bytes, "
        f"text {made.text_bytes:,} bytes (UTF-8)\n"
    )
    rows: list[list[object]] = [["query", "number", "p50 ms", "p99 ms"]]
    for sort, waits in [*found.waits.items(), ("all", found.all()), ("while typing", typed)]:
        rows.append([sort, len(waits), f"{at(0.5, waits):.1f}", f"{at(0.99, waits):.1f}"])
    table(rows)
    print(
        f"of these {at(0.5, found.took):.1f} ms (p50) in search itself; the server's CPU {cpu_ms:.1f} ms a query (mean); "
        f"without any hit: {found.nothing} queries\n"
        f"to reach: p50 <= {TO_REACH['http_p50_ms']} ms, p99 <= {TO_REACH['http_p99_ms']} ms, loading <= "
        f"{TO_REACH['rebuild_s']} s, index <= {TO_REACH['index_ratio']} times the text\n"
    )
    return {
        "http_p50_ms": round(at(0.5, found.all()), 2),
        "http_p99_ms": round(at(0.99, found.all()), 2),
        "suggest_p99_ms": round(at(0.99, typed), 2),
        "http_cpu_ms": round(cpu_ms, 2),
        "rebuild_s": round(load.wall_s, 1),
        "rebuild_cpu_s": round(load.cpu_s, 1),
        "index_ratio": round(index_bytes / made.text_bytes, 3),
        "documents": made.documents,
        "cues": made.cues,
    }


@contextmanager
def served(environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """The web server as ./run starts it; the port on which it answers, and its number as a process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "portal.serve",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "2",
    ]
    server = subprocess.Popen(command, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 120
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > until:
                    raise RuntimeError("the web server does not answer") from None
                time.sleep(0.2)
        yield port, server.pid
    finally:
        server.terminate()
        server.wait(30)


def cpu_s(server: int) -> float:
    """CPU seconds of the server's processes so far."""
    ticks = 0
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended under our eyes
            said = entry.read_text().rpartition(")")[2].split()
            if server in (int(entry.parent.name), int(said[1])):
                ticks += int(said[11]) + int(said[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def ask(client: http.client.HTTPConnection, queries: list[Query]) -> Asked:
    """Each query once, one after the other."""
    seen = Asked()
    for query in queries:
        wanted = {"q": query.text, "index": INDEX, "size": 10} | ({"kind": query.kind} if query.kind else {})
        wait, answer = get(client, f"/api/search/?{urlencode(wanted)}")
        seen.waits.setdefault(query.sort, []).append(wait)
        seen.took.append(answer["took_ms"])
        seen.nothing += not answer["results"]
    return seen


def suggest(client: http.client.HTTPConnection, queries: list[Query]) -> list[float]:
    """The beginnings of the queries, as somebody types them: two, four and six characters."""
    waits = []
    for query in queries[:: max(1, len(queries) // 100)]:
        for length in (2, 4, 6):
            wanted = urlencode({"q": query.text[:length], "index": INDEX})
            waits.append(get(client, f"/api/search/suggest?{wanted}")[0])
    return waits


def get(client: http.client.HTTPConnection, address: str) -> tuple[float, Any]:
    """Milliseconds until the whole answer was there, and the answer."""
    begun = time.perf_counter()
    client.request("GET", address)
    heard = client.getresponse()
    body = heard.read()
    wait = (time.perf_counter() - begun) * 1000
    if heard.status != 200:
        raise RuntimeError(f"{heard.status} for {address}: {body[:300]!r}")
    return wait, json.loads(body)


def stock(
    scratch: Path, files: list[Path], made: Made, figures: dict[str, Any], seconds: float
) -> dict[str, Any]:
    """The same documents and queries through stock Wagtail search."""
    texts = [query.text for query in made.queries if query.kind is None]
    random.Random(5).shuffle(
        texts
    )  # it may be too slow for all of them: then the first ones are a fair sample
    (scratch / "queries.json").write_text(json.dumps(texts), encoding="utf-8")
    whole = scratch / "stock.jsonl"
    with whole.open("wb") as together:
        for file in files:
            together.write(file.read_bytes().strip() + b"\n")
    say("loading stock search, then asking it …")
    done = subprocess.run(
        [
            *(sys.executable, str(HERE / "_stock_search.py"), str(whole), str(scratch / "queries.json")),
            *("--database", str(scratch / "stock.sqlite3"), "--seconds", str(seconds)),
        ],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
    )
    told = json.loads(done.stdout.splitlines()[-1])
    waits = told["waits_ms"]
    p50, p99 = at(0.5, waits), at(0.99, waits)
    speedup = p50 / figures["http_p50_ms"]
    table(
        [
            ["", "p50 ms", "p99 ms", "queries", "without any hit", "failed", "loading s"],
            [
                *(
                    "this school, HTTP",
                    figures["http_p50_ms"],
                    figures["http_p99_ms"],
                    len(made.queries),
                    "see above",
                ),
                *(0, figures["rebuild_s"]),
            ],
            [
                *("stock Wagtail, in process", f"{p50:.1f}", f"{p99:.1f}", len(waits), told["nothing"]),
                *(told["failed"], told["built_s"]),
            ],
        ]
    )
    if len(waits) < len(texts):
        print(
            f"Stock search got {len(waits)} of {len(texts)} queries: the time for it ({seconds:.0f} s) was over.\n"
        )
    return {
        "vs_stock_speedup": round(speedup, 1),
        "stock_p50_ms": round(p50, 1),
        "stock_queries": len(waits),
        "stock_mean_ms": round(statistics.mean(waits), 1),
    }


def parity(scratch: Path) -> float | None:
    """The largest difference in MRR between the two engines over our labelled suites, on a real Elasticsearch.

    None where no node can be started: that is said.
    """
    import django

    django.setup()
    from tests.search import elasticsearch_node
    from tests.search.labelled.parity import gaps, measured

    if reason := elasticsearch_node.missing():
        print(f"es_parity_mrr: not measured, {reason}\n")
        return None
    say("comparing the engines …")
    with elasticsearch_node.shared_node(scratch / "elasticsearch") as url:
        found = measured(url, scratch / "labelled", name="bench")
    apart = gaps(found)
    rows: list[list[object]] = [["labelled suite", "queries", "tantivy MRR", "Elasticsearch MRR"]]
    for suite, one in found["tantivy"].items():
        rows.append([suite, one.queries, f"{one.mrr:.3f}", f"{found['elasticsearch'][suite].mrr:.3f}"])
    table(rows)
    return round(max(apart.values()), 4)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
