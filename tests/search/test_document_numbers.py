"""Official numbers and days, however somebody types them."""

from datetime import date

import pytest
from django.contrib.auth.models import AnonymousUser
from hypothesis import given
from hypothesis import strategies as st

from courses.catalogue.models import Disclosure
from search import api
from search.document_numbers import as_written, names_of_day, names_of_number
from tests.factories import PolicyFactory

ANYBODY = AnonymousUser()


@pytest.mark.parametrize(
    "typed",
    [
        "县发〔2026〕12号",
        "县发[2026]12号",
        "县发［２０２６］１２号",
        "县发（2026）12号",
        "县发【2026】12",
        "县发 2026 12",
        "县发2026 12",
        "县发2026年12号",
        "县发2026年第12号",
        "县发202612号",
        " 县发〔2026〕012号 ",
        "县发《2026》12号",
    ],
)
def test_one_number_in_many_hands(typed):
    assert as_written(typed) == "县发〔2026〕12号"


@pytest.mark.parametrize("typed", ["[2026]12号", "（2026）12号", "2026年第12号", "2026年12号"])
def test_a_number_without_who_issued_it(typed):
    assert as_written(typed) == "〔2026〕12号"


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("2026-03-01", "2026年3月1日"),
        ("2026.3.1", "2026年3月1日"),
        ("2026年03月01号", "2026年3月1日"),
        ("2026/3/1", "2026年3月1日"),
        ("2026-03", "2026年3月"),
        ("2026年3月份", "2026年3月"),
        ("２０２６年１２月", "2026年12月"),
    ],
)
def test_one_day_in_many_hands(typed, day):
    assert as_written(typed) == day


@pytest.mark.parametrize(
    "typed",
    [
        "党费 2026 3",
        "学时2026",
        "12号",
        "2026",
        "2026年",
        "2026-13-01",
        "五一 2026 51",
        "县发〔2026〕",
        "",
        "。",
        "2026 12",
    ],
)
def test_what_is_no_number_and_no_day_stays_as_it_is(typed):
    assert as_written(typed) == typed


@given(st.text(alphabet="县发〔〕[]()2026年第1号 -./月\x00a", max_size=40))
def test_it_reads_anything_and_twice_is_once(text):
    once = as_written(text)
    assert as_written(once) == once


def test_names():
    assert names_of_number("县发[2026]12号") == (
        "县发〔2026〕12号",
        "〔2026〕12号",
        "县发12号",
        "12号",
        "县发2026年第12号",
        "2026年12号",
    )
    assert names_of_number("国务院令第722号") == ("国务院令第722号",)
    assert names_of_number(" ") == ()
    assert names_of_day(date(2026, 3, 1)) == ("2026年3月1日", "2026年3月", "2026-03-01")
    assert names_of_day(None) == ()


@pytest.fixture
def policies(db):
    def policy(title, number, body, day, text=""):
        return PolicyFactory(
            title=title,
            document_number=number,
            issuing_body=body,
            issued_on=day,
            disclosure=Disclosure.PUBLIC,
            body=[("text", f"<p>{text}</p>")] if text else [],
        )

    meant = policy("党费管理办法", "县发〔2026〕12号", "中共海棠县委组织部", date(2026, 3, 1))
    cites = "根据县发〔2026〕12号，县发〔2026〕12号自2026年3月1日起施行，县委组织部解释。" * 5
    policy("关于贯彻县发〔2026〕12号的通知", "县办发〔2026〕40号", "海棠县财政局", date(2026, 5, 2), cites)
    policy("资金管理细则", "县发〔2026〕2号", "海棠县财政局", date(2025, 3, 12), cites)
    policy("会议纪要2026年12月", "县发〔2012〕26号", "海棠县民政局", date(2024, 12, 3), cites)
    api.rebuild()
    return meant


@pytest.mark.parametrize(
    "query",
    [
        "县发〔2026〕12号",
        "县发[2026]12号",
        "县发2026 12",
        "县发（2026）12",
        "〔2026〕12号",
        "2026年第12号",
        "县发12号",
        "12号",
        "2026年3月",
        "2026-03-01",
        "2026.3",
        "中共海棠县委组织部",
        "县委组织部",
        "县委组织部 2026年3月",
        "县委组织部 2026-03",
        "县委组织部 12号",
        "党费 县委组织部",
    ],
)
def test_a_policy_is_found_first_by_its_number_body_and_day(policies, query):
    assert api.search(query, ANYBODY).hits[0].title == policies.title
    assert api.search(query, ANYBODY, kind="policy").hits[0].title == policies.title


def test_its_title_is_suggested_while_its_number_is_typed(policies):
    for typed in ("县发2026 12", "县发[2026]12号"):
        assert policies.title in [one.title for one in api.suggest(typed, ANYBODY)]


def test_an_exact_title_still_stands_above_a_number_in_another(policies):
    title = "关于贯彻县发〔2026〕12号的通知"
    assert api.search(title, ANYBODY).hits[0].title == title
