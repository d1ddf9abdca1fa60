"""Rules are dated data: the fixture, the book, the editor's admin."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from courses.archive.errors import RuleMissing
from courses.archive.models import Rule
from courses.archive.rules import RuleBook, load_fixture
from people.models import AuditEntry
from tests.factories import AdministratorFactory, PartyOrganizationFactory

pytestmark = pytest.mark.django_db


def test_the_fixture_is_there_after_migrating_and_loading_again_adds_nothing():
    before = list(Rule.objects.order_by("pk").values())
    assert len(before) == 40
    assert load_fixture() == 0
    assert list(Rule.objects.order_by("pk").values()) == before


def test_loading_again_keeps_what_was_edited():
    Rule.objects.filter(code="PLAY_SPEED_CAP").update(value="1.5")
    load_fixture()
    assert RuleBook.load(date(2026, 9, 30)).play_rules().speed_cap == 1.5


def test_every_rule_says_how_sure_it_is_and_those_of_law_where_they_stand():
    for rule in Rule.objects.all():
        rule.full_clean()
        assert rule.confidence in "ABCDX"
        assert rule.confidence == "X" or rule.legal_source
        assert rule.title


def test_the_rules_of_the_domain():
    book = RuleBook.load(date(2026, 9, 30))
    play, year = book.play_rules(), book.year_rules()
    assert (play.beat_s, play.tolerance_ms, play.speed_cap, play.gap_ms, play.complete_at, play.strict_seek) == (
        15, 3000, 1.0, 30_000, "0.95", True,
    )  # fmt: skip
    assert (year.member_hours, year.leader_hours, year.leader_central_times) == (32, 56, 1)
    assert (year.preset, year.self_online_cap, year.online_class_is_central) == ("platform-mixed", 16, True)
    assert book.hours_rule().code == "TIER_YN"


def test_presets_and_hour_rules_are_chosen_by_data():
    Rule.objects.filter(code="PRESET").update(value="strict-2019")
    Rule.objects.filter(code="HOURS_RULE").update(value="RATIO_45")
    book = RuleBook.load(date(2026, 9, 30))
    assert (book.year_rules().self_online_cap, book.year_rules().online_class_is_central) == (0, False)
    assert (book.hours_rule().code, book.hours_rule().seconds_per_hour) == ("RATIO_45", Decimal(2700))


def test_a_later_row_takes_over_on_its_day():
    Rule.objects.create(
        code="REQ_MEMBER_32",
        title="x",
        value="36",
        unit="HOURS",
        confidence="D",
        effective_from=date(2027, 1, 1),
    )
    assert RuleBook.load(date(2026, 12, 31)).year_rules().member_hours == 32
    assert RuleBook.load(date(2027, 1, 1)).year_rules().member_hours == 36


def test_no_rule_in_force_is_said_and_not_guessed():
    Rule.objects.filter(code="REQ_MEMBER_32").update(effective_to=date(2025, 12, 31))
    with pytest.raises(RuleMissing, match="REQ_MEMBER_32"):
        RuleBook.load(date(2026, 9, 30)).year_rules()


def test_one_row_a_day_and_place():
    row = {"code": "PRESET", "title": "x", "value": "strict-2019", "unit": "WORD", "confidence": "X"}
    with pytest.raises(IntegrityError), transaction.atomic():
        Rule.objects.create(effective_from=date(2020, 1, 1), **row)
    Rule.objects.create(effective_from=date(2020, 1, 1), scope_org=PartyOrganizationFactory(), **row)


# In the admin


@pytest.fixture
def admin(client):
    client.force_login(AdministratorFactory())
    return client


def form_of(rule, **changes):
    fields = [
        "title",
        "code",
        "value",
        "unit",
        "effective_from",
        "legal_source",
        "article",
        "confidence",
        "note",
    ]
    return (
        {name: str(getattr(rule, name)) for name in fields} | {"effective_to": "", "scope_org": ""} | changes
    )


def test_an_administrator_edits_a_rule_and_the_trail_tells(admin):
    rule = Rule.objects.get(code="PLAY_SPEED_CAP")
    listing = admin.get(reverse(rule.snippet_viewset.get_url_name("list")))
    assert "第一遍学习的最高倍速" in listing.content.decode()
    url = reverse(rule.snippet_viewset.get_url_name("edit"), args=[rule.pk])
    assert admin.get(url).status_code == 200
    assert admin.post(url, form_of(rule, value="1.5")).status_code == 302
    rule.refresh_from_db()
    assert (rule.value, rule.revision, rule.version) == ("1.5", 2, "PLAY_SPEED_CAP@2020-01-01#2")
    told = AuditEntry.objects.get(action="archive.rule_changed").detail
    assert (told["before"]["value"], told["after"]["value"]) == ("1.0", "1.5")


def test_a_value_that_does_not_fit_is_refused(admin):
    rule = Rule.objects.get(code="PLAY_COMPLETE_AT")
    url = reverse(rule.snippet_viewset.get_url_name("edit"), args=[rule.pk])
    answer = admin.post(url, form_of(rule, value="95"))
    assert answer.status_code == 200
    rule.refresh_from_db()
    assert (rule.value, rule.revision, AuditEntry.objects.count()) == ("0.95", 1, 0)


def test_nobody_deletes_a_rule(admin):
    rule = Rule.objects.get(code="PLAY_COMPLETE_AT")
    admin.post(reverse(rule.snippet_viewset.get_url_name("delete"), args=[rule.pk]))
    bulk = reverse("wagtail_bulk_action", args=["archive", "rule", "delete"])
    admin.post(f"{bulk}?id={rule.pk}")
    assert Rule.objects.filter(pk=rule.pk).exists()
    listing = admin.get(reverse(rule.snippet_viewset.get_url_name("list"))).content.decode()
    assert f"/delete/{rule.pk}/" not in listing
