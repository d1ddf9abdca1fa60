"""Stock Wagtail search (modelsearch's SQLite backend) over the same documents and queries; one line of JSON at the end.

    python _stock_search.py SET.jsonl QUERIES.json --database FILE --seconds 120

In process, without HTTP and without looking at who asks: a query is its first ten results and their number, as a page
of results needs them. Stops after `--seconds` of queries, with at least ten; each is asked once.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

AT_ONCE = 500


def main(words: list[str]) -> int:
    asked = argparse.ArgumentParser()
    asked.add_argument("set", type=Path)
    asked.add_argument("queries", type=Path)
    asked.add_argument("--database", required=True)
    asked.add_argument("--seconds", type=float, default=120)
    chosen = asked.parse_args(words)
    import django
    from django.conf import settings

    settings.configure(
        INSTALLED_APPS=["django.contrib.contenttypes", "modelsearch", "_stock"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": chosen.database}},
        MODELSEARCH_BACKENDS={"default": {"BACKEND": "modelsearch.backends.database", "AUTO_UPDATE": False}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
    )
    django.setup()
    from _stock.models import Text
    from django.core.management import call_command
    from django.db import connection, transaction
    from modelsearch.backends import get_search_backend

    call_command("migrate", run_syncdb=True, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=OFF")
    backend = get_search_backend()
    index = backend.get_index_for_model(Text)
    begun = time.monotonic()
    waiting: list[Text] = []

    def store() -> None:
        with transaction.atomic():
            Text.objects.bulk_create(waiting)
            index.add_items(Text, waiting)
        waiting.clear()

    with chosen.set.open(encoding="utf-8") as lines:
        for line in lines:
            one = json.loads(line)
            waiting.append(Text(title=one.get("title", ""), body=one.get("body") or one.get("text", "")))
            if len(waiting) == AT_ONCE:
                store()
    store()
    built_s = time.monotonic() - begun
    queries = json.loads(chosen.queries.read_text(encoding="utf-8"))
    waits: list[float] = []
    nothing = failed = 0
    begun = time.monotonic()
    for text in queries:
        if len(waits) >= 10 and time.monotonic() - begun > chosen.seconds:
            break
        at = time.perf_counter()
        try:
            found = backend.search(text, Text)
            shown, total = list(found[:10]), found.count()
            nothing += not shown and not total
        except Exception as fault:
            print(f"«{text}»: {fault}", file=sys.stderr)
            failed += 1
        waits.append((time.perf_counter() - at) * 1000)
    print(
        json.dumps(
            {
                "texts": Text.objects.count(),
                "waits_ms": [round(one, 3) for one in waits],
                "nothing": nothing,
                "failed": failed,
                "built_s": round(built_s, 1),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
