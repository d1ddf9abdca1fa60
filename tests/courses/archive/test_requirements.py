"""The tables of domain.md §1.1, §1.2 and §1.5 as they stand in the fixtures, and what is reckoned from them."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from courses.archive import completion
from courses.archive.conversion import Conversion, convert
from courses.archive.models import CreditConversion, Rule
from courses.archive.requirements import cadre_online_hours, lacking, met
from courses.archive.rule_values import Measure, parse_value
from courses.archive.rules import RuleBook
from people.models import AuditEntry
from tests.factories import AdministratorFactory

pytestmark = pytest.mark.django_db
DAY = date(2026, 9, 30)


def measures(text):
    return parse_value("MEASURES", text)


# §1.1


@pytest.mark.parametrize(
    ("code", "value", "confidence"),
    [
        ("REQ_MEMBER_32", Decimal(32), "A"),
        ("REQ_LEADER_56", Decimal(56), "B"),
        ("REQ_LEADER_CENTRAL", Decimal(1), "B"),
        ("REQ_NEW_SECRETARY", Decimal(6), "B"),
        ("REQ_NEW_MEMBER", Decimal(1), "B"),
        ("REQ_DEV_OBJECT", (Measure(Decimal(3), "DAYS"), Measure(Decimal(24), "HOURS")), "B"),
        ("REQ_CADRE_5Y", (Measure(Decimal(3), "MONTHS"), Measure(Decimal(550), "HOURS")), "A"),
        ("REQ_CADRE_1Y", (Measure(Decimal(12), "DAYS"), Measure(Decimal(90), "HOURS")), "A"),
        ("REQ_PROMOTED", Decimal(12), "A"),
        ("REQ_CADRE_ONLINE", Decimal(50), "A"),
        ("LEAVE_1_7", Fraction(1, 7), "A"),
        ("EX_ART23", True, "A"),
        ("YN_PUSH", Decimal(1), "B"),
    ],
)
def test_the_requirements_are_dated_data(code, value, confidence):
    assert RuleBook.load(DAY).find(code).value == value
    rule = Rule.objects.get(code=code)
    assert (rule.confidence, bool(rule.legal_source), rule.effective_from) == (
        confidence,
        True,
        date(2020, 1, 1),
    )


@pytest.mark.parametrize(
    ("days", "hours", "reached"),
    [
        (3, 0, True),
        (0, 24, True),
        (2, 23, False),  # by 8 hours a day it would be 47 hours: days and hours are never added up
        (2, 24, True),
        (0, 0, False),
    ],
)
def test_days_or_hours_are_two_measures(days, hours, reached):
    wanted = RuleBook.load(DAY).alternatives("REQ_DEV_OBJECT")
    have = {"DAYS": Decimal(days), "HOURS": Decimal(hours)}
    assert met(wanted, have) is reached
    left = {} if reached else {"DAYS": Decimal(3 - days), "HOURS": Decimal(24 - hours)}
    assert {one.unit: one.amount for one in lacking(wanted, have)} == left


def test_a_requirement_that_has_no_alternatives_is_not_taken_for_one():
    with pytest.raises(TypeError):
        RuleBook.load(DAY).alternatives("REQ_MEMBER_32")


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("MEASURES", "3 DAYS | 24"),
        ("MEASURES", "3 WEEKS"),
        ("MEASURES", "3 DAYS | 4 DAYS"),
        ("MEASURES", "0 DAYS"),
        ("MEASURES", ""),
        ("FRACTION", "8/7"),
        ("FRACTION", "1/0"),
        ("FRACTION", "0.14"),
        ("MONTHS", "1.5"),
    ],
)
def test_values_that_do_not_fit(unit, text):
    with pytest.raises(ValueError):
        parse_value(unit, text)


# §1.2


@pytest.mark.parametrize(
    ("preset", "cap", "online_class"), [("platform-mixed", 16, True), ("strict-2019", 0, False)]
)
def test_both_presets_ship_and_the_organisation_chooses(preset, cap, online_class):
    Rule.objects.filter(code="PRESET").update(value=preset)
    rules = RuleBook.load(DAY).year_rules()
    assert (rules.preset, rules.self_online_cap, rules.online_class_is_central) == (preset, cap, online_class)


@pytest.mark.parametrize(
    ("preset", "counted"),
    [
        ("platform-mixed", {"CENTRAL_OFFLINE": 8, "CENTRAL_ONLINE": 6, "COLLECTIVE": 4, "SELF_ONLINE": 16}),
        ("strict-2019", {"CENTRAL_OFFLINE": 8, "CENTRAL_ONLINE": 6, "COLLECTIVE": 4, "SELF_ONLINE": 0}),
    ],
)
def test_which_mode_counts_how_far(preset, counted):
    Rule.objects.filter(code="PRESET").update(value=preset)
    recorded = {
        "CENTRAL_OFFLINE": Decimal(8),
        "CENTRAL_ONLINE": Decimal(6),
        "COLLECTIVE": Decimal(4),
        "SELF_ONLINE": Decimal(20),
    }
    verdict = completion.assess(
        completion.MemberYear(recorded=recorded), RuleBook.load(DAY).year_rules(), year=2026, on=DAY
    )
    assert verdict.counted == counted


def test_an_organisation_may_cap_other_modes_too():
    Rule.objects.create(
        code="COLLECTIVE_CAP_PLATFORM_MIXED",
        title="集体学习每年最多计入",
        value="10",
        unit="HOURS",
        confidence="X",
        effective_from=date(2026, 1, 1),
    )
    rules = RuleBook.load(DAY).year_rules()
    assert rules.caps == {"COLLECTIVE": 10}
    verdict = completion.assess(
        completion.MemberYear(recorded={"COLLECTIVE": Decimal(14)}), rules, year=2026, on=DAY
    )
    assert verdict.hours == 10
    # not before its first day
    assert RuleBook.load(date(2025, 12, 31)).year_rules().caps == {}


def test_what_counts_to_the_online_hours_of_cadres():
    modes = RuleBook.load(DAY).cadre_modes()
    assert modes == {"CENTRAL_ONLINE", "SELF_ONLINE"}
    recorded = dict.fromkeys(["CENTRAL_OFFLINE", "CENTRAL_ONLINE", "COLLECTIVE", "SELF_ONLINE"], Decimal(30))
    assert cadre_online_hours(recorded, modes) == 60


# §1.3, joining in the year


@pytest.mark.parametrize(("joiners", "target"), [("FULL", Decimal(32)), ("PRORATE", Decimal(16))])
def test_joined_on_15_july(joiners, target):
    Rule.objects.filter(code="JOINERS").update(value=joiners)
    rules = RuleBook.load(DAY).year_rules()
    assert completion.target_hours(2026, rules, leader=False, joined_on=date(2026, 7, 15)) == target


# §1.5


@pytest.mark.parametrize(
    ("amount", "conversion", "made"),
    [
        ("40", Conversion(Decimal(16), Decimal("0.5")), "2.5"),
        ("39.99", Conversion(Decimal(16), Decimal("0.5")), "2.0"),
        ("0", Conversion(Decimal(16), Decimal("0.5")), "0"),
        ("44", Conversion(Decimal(16), Decimal("0.5"), "HALF_UP"), "3.0"),
        ("41", Conversion(Decimal(16), Decimal("0.5"), "CEILING"), "3.0"),
        ("400", Conversion(Decimal(16), Decimal("0.5"), "FLOOR", Decimal(20)), "20"),
    ],
)
def test_hours_become_credits(amount, conversion, made):
    assert convert(Decimal(amount), conversion) == Decimal(made)


@given(st.decimals(0, 1000, places=2), st.decimals(0, 1000, places=2))
def test_more_hours_are_never_fewer_credits(one, other):
    rule = Conversion(Decimal(16), Decimal("0.5"))
    low, high = sorted((one, other))
    assert convert(low, rule) <= convert(high, rule)


def test_a_conversion_is_dated_data_and_the_trail_tells(client):
    client.force_login(AdministratorFactory())
    add = reverse(CreditConversion.snippet_viewset.get_url_name("add"))
    form = {
        "from_unit": "学时", "to_unit": "学分", "ratio": "16", "step": "0.5", "rounding": "FLOOR", "cap": "",
        "valid_from": "2026-01-01", "valid_to": "", "note": "",
    }  # fmt: skip
    assert client.post(add, form).status_code == 302
    kept = CreditConversion.objects.get()
    assert convert(Decimal(40), kept.rule) == Decimal("2.5")
    assert AuditEntry.objects.get(action="archive.conversion_added").detail["ratio"] == "16"
    with pytest.raises(IntegrityError), transaction.atomic():
        CreditConversion.objects.create(to_unit="x", ratio=0, valid_from=date(2026, 1, 1))
