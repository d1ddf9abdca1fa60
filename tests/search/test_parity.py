"""Moving to Elasticsearch changes no answer that matters: suite by suite the labelled set is found alike."""

import pytest

from tests.search.labelled import evaluation, parity

MOST_APART = 0.03
"""Of mean reciprocal rank, in any suite."""


@pytest.mark.django_db
@pytest.mark.elasticsearch
def test_both_engines_find_the_labelled_set_alike(elasticsearch_only, settings, tmp_path):
    found = parity.measured(settings.SEARCH["URL"], tmp_path, name=settings.SEARCH["INDEX"])
    gaps = parity.gaps(found)
    print(f"es_parity_mrr {max(gaps.values()):.4f} over {len(gaps)} suites")
    assert len(gaps) >= 10
    assert {suite: gap for suite, gap in gaps.items() if gap > MOST_APART} == {}
    assert evaluation.macro(found["elasticsearch"]) > 0.5  # alike, and not alike in finding nothing
