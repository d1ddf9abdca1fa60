"""How far apart the two engines find: for test_parity.py and for `./run bench search`.

python -m tests.search.labelled.parity starts a node of its own and prints {"es_parity_mrr": …} at last.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.test")
    django.setup()

from django.conf import settings
from django.test import override_settings
from django.test.runner import DiscoverRunner

from tests.search import elasticsearch_node
from tests.search.labelled import evaluation

__all__ = ["gaps", "measured"]


def measured(
    url: str, folder: Path, *, name: str, half: str = "B"
) -> dict[str, dict[str, evaluation.Measure]]:
    """The measures of each engine by its name; Elasticsearch at `url` with indexes called `name`…, which stay."""
    found = {}
    for kind in ("tantivy", "elasticsearch"):
        chosen = {**settings.SEARCH, "ENGINE": kind, "URL": url, "INDEX": name, "INDEX_DIR": folder / kind}
        with override_settings(SEARCH=chosen):
            evaluation.fill()
            found[kind] = evaluation.judged(half)
    return found


def gaps(found: dict[str, dict[str, evaluation.Measure]]) -> dict[str, float]:
    """Suite by suite, how far the mean reciprocal ranks of the two engines lie apart."""
    return {
        suite: abs(one.mrr - found["elasticsearch"][suite].mrr) for suite, one in found["tantivy"].items()
    }


def main() -> None:
    if reason := elasticsearch_node.missing():
        sys.exit(f"No Elasticsearch can be started here: {reason}")
    database = DiscoverRunner(verbosity=0, interactive=False)
    made = database.setup_databases()
    with tempfile.TemporaryDirectory() as folder, elasticsearch_node.shared_node(Path(folder) / "es") as url:
        found = measured(url, Path(folder), name="parity")
    database.teardown_databases(made)
    apart = gaps(found)
    for suite, gap in apart.items():
        one, other = found["tantivy"][suite], found["elasticsearch"][suite]
        print(f"{suite:24} tantivy {one.mrr:.3f}  Elasticsearch {other.mrr:.3f}  {gap:.4f} apart")
    print(json.dumps({"es_parity_mrr": round(max(apart.values()), 4)}))


if __name__ == "__main__":
    main()
