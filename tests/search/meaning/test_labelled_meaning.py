"""What meaning is worth, on the half of the labelled set that nothing was tuned on, with both engines."""

import pytest

from search.engines.current import engine
from tests.search.labelled import evaluation, parity

pytestmark = pytest.mark.django_db

FLOORS = {"question to passage": (0.94, 0.99), "lay question to rule": (0.64, 0.85)}
"""(MRR@10, in the first ten); measured .973/1.0 and .687/.907, by words alone .919/.919 and .570/.741, before words
were widened (search/decisions/0004): .946/.973 and .610/.778 since then."""


@pytest.fixture
def judged(settings, embed):
    """A function that judges half B on the engine of the settings, with meaning and, if asked to, without."""

    def judge(*, without: bool = False) -> dict[str, dict[str, evaluation.Measure]]:
        evaluation.fill()
        embed(evaluation.TEXTS)
        found = {"on": evaluation.judged("B")}
        if without:
            settings.SEARCH = {**settings.SEARCH, "MEANING": ""}
            found["off"] = evaluation.judged("B")
            settings.SEARCH = {**settings.SEARCH, "MEANING": "e5"}
        return found

    return judge


def worth_it(found: dict[str, dict[str, evaluation.Measure]]) -> None:
    table = evaluation.table(found["on"])
    for suite, (mrr, recall) in FLOORS.items():
        assert found["on"][suite].mrr >= mrr and found["on"][suite].recall >= recall, table
    assert {
        suite: (one, found["on"][suite])
        for suite, one in found["off"].items()
        if found["on"][suite].mrr < one.mrr or found["on"][suite].recall < one.recall
    } == {}
    assert engine(evaluation.TEXTS).kinds() == {"rule", "passage", "notice"}


@pytest.mark.embedded
def test_sentences_find_what_shares_no_word_with_them_and_nothing_is_worse(judged, engine_kind):
    worth_it(judged(without=True))


@pytest.mark.elasticsearch
def test_the_other_engine_finds_alike_by_meaning(judged, elasticsearch_only, settings):
    found = judged(without=True)
    worth_it(found)
    settings.SEARCH = {**settings.SEARCH, "ENGINE": "tantivy"}
    both = {"elasticsearch": found["on"], "tantivy": judged()["on"]}
    assert {suite: gap for suite, gap in parity.gaps(both).items() if gap > 0.03} == {}
