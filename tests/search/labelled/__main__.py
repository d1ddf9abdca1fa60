"""python -m tests.search.labelled [A|B] [MORE.jsonl …]: the table of one half.

In a folder and a database of its own that are gone afterwards.
"""

import os
import sys
import tempfile
from pathlib import Path

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.test")
    django.setup()
    from django.conf import settings
    from django.test.utils import setup_databases, teardown_databases

    from tests.search.labelled import evaluation

    half = sys.argv[1] if len(sys.argv) > 1 else "B"
    if half not in ("A", "B"):
        sys.exit(f"the halves are A and B, not {half}")
    made = setup_databases(verbosity=0, interactive=False)
    try:
        with tempfile.TemporaryDirectory() as folder:
            settings.SEARCH = {**settings.SEARCH, "INDEX_DIR": Path(folder)}
            print(f"{evaluation.fill([Path(one) for one in sys.argv[2:]])} documents")
            print(evaluation.table(evaluation.judged(half)))
    finally:
        teardown_databases(made, verbosity=0)


if __name__ == "__main__":
    main()
