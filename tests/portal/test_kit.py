"""The words of the kit, by table."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from django.template import Context, Template
from django.utils import timezone
from django.utils.timezone import make_aware

from portal.context import section_of
from portal.models import SiteFrame
from portal.templatetags import kit


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Decimal("21.50"), "21.5"),
        (Decimal("32.00"), "32"),
        (0, "0"),
        (Decimal("0.25"), "0.25"),
        (Decimal("-0.50"), "-0.5"),
        (Decimal("100"), "100"),
        (None, ""),
    ],
)
def test_hours(value, shown):
    assert kit.hours(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "00:00"),
        (244, "04:04"),
        (2712, "45:12"),
        (4025, "1:07:05"),
        (59.9, "00:59"),
        (-3, "00:00"),
        (None, ""),
    ],
)
def test_clock(seconds, shown):
    assert kit.clock(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 秒"),
        (59, "59 秒"),
        (60, "1 分"),
        (2286, "38 分 6 秒"),
        (3600, "1 小时"),
        (4025, "1 小时 7 分"),
        ("", ""),
    ],
)
def test_lasting(seconds, shown):
    assert kit.lasting(seconds) == shown


def test_days_leave_the_year_out_only_in_its_own_year():
    today = timezone.localdate()
    assert kit.day(date(today.year, 11, 20)) == "11 月 20 日"
    assert kit.day(date(2019, 1, 2)) == "2019 年 1 月 2 日"
    assert kit.full_day(date(2026, 1, 2)) == "2026 年 1 月 2 日"
    assert kit.short_day(date(today.year, 3, 4)) == "03-04"
    assert kit.short_day(date(2019, 3, 4)) == "2019-03-04"
    assert kit.day(None) == kit.short_day(None) == kit.full_day(None) == ""


def test_a_moment_is_that_of_beijing():
    # 16:30 UTC is half past midnight of the next day in Shanghai
    assert kit.full_day(datetime.fromisoformat("2026-03-04T16:30:00+00:00")) == "2026 年 3 月 5 日"


def test_when():
    now = timezone.localtime()
    assert kit.when(now) == f"今天 {now:%H:%M}"
    before = now - timedelta(days=1)
    assert kit.when(before) == f"昨天 {before:%H:%M}"
    assert kit.when(make_aware(datetime(2019, 5, 6, 7, 8))) == "2019 年 5 月 6 日"


@pytest.mark.parametrize(
    ("part", "whole", "width"),
    [
        (8, 32, "25.00"),
        (Decimal("6"), Decimal("32"), "18.75"),
        (40, 32, "100.00"),
        (-1, 32, "0.00"),
        (5, 0, "0.00"),
        (None, None, "0.00"),
    ],
)
def test_share(part, whole, width):
    assert kit.share(part, whole) == width


def test_an_icon_is_decoration_unless_it_has_a_word():
    def render(text, **names):
        return Template("{% load kit %}" + text).render(Context(names))

    assert render('{% icon "home" %}') == '<svg class="icon" aria-hidden="true"><use href="#i-home"/></svg>'
    assert 'role="img" aria-label="已完成"' in render('{% icon "check" "" "已完成" %}')
    assert "<script>" not in render('{% icon "check" "" word %}', word="<script>")


def test_query_keeps_the_rest_of_the_address(rf):
    def render(address, text):
        return Template("{% load kit %}" + text).render(Context({"request": rf.get(address)}))

    assert render("/policy/?category=LAW&p=3", "{% query p=4 %}") == "?category=LAW&amp;p=4"
    assert render("/policy/?category=LAW&p=3", "{% query category=None p=None %}") == "/policy/"


@pytest.mark.parametrize(
    ("path", "section"),
    [
        ("/", ""),
        ("/study/", "study"),
        ("/archive/", "study"),
        ("/courses/a/b/", "courses"),
        ("/accounts/login/", "sign_in"),
        ("/healthz", ""),
    ],
)
def test_section_of(path, section):
    assert section_of(path) == section


@pytest.mark.parametrize(
    ("headline", "lines"),
    [
        ("", []),
        ("一句话", ["一句话"]),
        ("前半句，后半句", ["前半句，", "后半句"]),
        ("只有前半句，", ["只有前半句，"]),
    ],
)
def test_headline_breaks_after_its_comma(headline, lines):
    assert SiteFrame(headline=headline).headline_lines == lines
