"""How far apart the two engines find: for test_parity.py and for `./run bench search`."""

from pathlib import Path

from django.conf import settings
from django.test import override_settings

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
