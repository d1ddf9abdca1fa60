"""What an address of /search/ asks for: read forgivingly, written without what says nothing."""

from urllib.parse import parse_qs

import pytest

from search.asked import Asked, asked
from search.engines import ANYTHING, Filters

KINDS = {"policy", "lesson"}


def read(signed_in=True, **data) -> Asked:
    return asked(data, kinds=KINDS, signed_in=signed_in)


def test_an_address_is_read_and_written_back():
    given = {
        "q": "党费 收缴",
        "kind": "policy",
        "category": "通知",
        "year": "2026",
        "issuer": "县委组织部",
        "length": "short",
        "finished": "no",
        "sort": "date",
        "p": "3",
    }
    wanted = read(**given)
    assert wanted == Asked("党费 收缴", "policy", "通知", "2026", "县委组织部", "short", "no", "date", 3)
    assert parse_qs(wanted.address(page=3)[1:]) == {name: [value] for name, value in given.items()}


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "quiz"},
        {"year": "26"},
        {"year": "２０２６"},
        {"year": "2026; DROP"},
        {"length": "endless"},
        {"finished": "perhaps"},
        {"sort": "length"},
        {"p": "0"},
        {"p": "-1"},
        {"p": "²"},
        {"p": ""},
        {"category": "\x00 "},
    ],
)
def test_what_makes_no_sense_asks_for_nothing(data):
    assert read(q="党费", **data) == Asked("党费")


def test_who_is_not_signed_in_has_finished_nothing():
    assert read(signed_in=False, finished="no").chosen == {}


def test_a_change_begins_at_the_first_page_and_keeps_all_else():
    wanted = Asked("党费", kind="policy", year="2026", sort="date", page=4)
    assert wanted.address(year="") == Asked("党费", kind="policy", sort="date").address()
    assert "p=" not in wanted.address(kind="")
    assert "p=5" in wanted.address(page=5)
    assert wanted.unfiltered() == Asked("党费", kind="policy", sort="date")


def test_filters_for_the_engine():
    done = frozenset({"lesson:1"})
    assert Asked("党费").filters() == ANYTHING
    assert Asked("党费", year="2026", finished="yes").filters(done) == Filters(year="2026", only=done)
    assert Asked("党费", finished="no").filters(done) == Filters(without=done)


def test_a_query_is_cut_and_freed_of_nul():
    assert read(q="党\x00费" + "啊" * 5000).query == ("党费" + "啊" * 5000)[:1999]
