"""Somebody looks for something with a real browser: pinyin, a title from the list, filters, no script, a bad network."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import unquote

import pytest

from courses.catalogue.models import Disclosure
from media_pipeline import api as media
from search import api
from tests.factories import (
    CourseFactory,
    LessonFactory,
    MemberFactory,
    PlayableAssetFactory,
    PolicyFactory,
)
from tests.journeys.school import PICTURES


@pytest.fixture
def shelves(transactional_db, settings, tmp_path) -> None:
    """A course with two lessons and three policies of two years, all public, in an index of this test."""
    settings.SEARCH = {**settings.SEARCH, "INDEX_DIR": tmp_path / "search"}
    course = CourseFactory(title="党务实务：党费收缴", disclosure=Disclosure.PUBLIC)
    LessonFactory(parent=course, title="党费怎么算", text="<p>党费按月交，比例分四档。</p>")
    LessonFactory(parent=course, title="党费什么时候交")
    for year, body in ((2024, "海棠县财政局"), (2026, "海棠县财政局"), (2026, "中共海棠县委组织部")):
        PolicyFactory(
            title=f"党费收缴通知（{year}，{body}）",
            issuing_body=body,
            issued_on=date(year, 3, 1),
            disclosure=Disclosure.PUBLIC,
        )
    api.rebuild()


@pytest.fixture
def take_picture(tmp_path):
    def take(page: Any, name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(PICTURES / f"{name}.png"))

    return take


def titles(page: Any) -> list[str]:
    return page.locator(".result__title").all_inner_texts()


def test_from_pinyin_to_a_lesson(shelves, browser_of, axe, take_picture):
    page = browser_of(MemberFactory())
    page.goto("/search/")
    page.click("#q")
    page.keyboard.type("dangfeizenmesuan", delay=15)
    page.wait_for_selector("[role=option]")
    assert page.get_attribute("#q", "aria-expanded") == "true"
    page.keyboard.press("ArrowDown")
    first = page.locator("[role=option][aria-selected=true]")
    assert first.locator("span").first.inner_text() == "党费怎么算"
    assert page.get_attribute("#q", "aria-activedescendant") == first.get_attribute("id")
    axe.check_page(page, "suggestions")
    take_picture(page, "search-suggestions-phone")
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('党费怎么算')")


def test_filters_are_folded_chosen_and_taken_away(shelves, browser_of, axe, take_picture):
    page = browser_of(MemberFactory())
    page.goto("/search/?q=党费收缴")
    assert not page.locator(".search-filters").is_visible()
    page.click(".search-fold summary")
    page.select_option("#narrow-year", "2026")
    page.select_option("#narrow-issuer", "海棠县财政局")
    axe.check_page(page, "filters")
    take_picture(page, "search-filters-phone")
    page.click(".search-filters button")
    page.wait_for_selector(".search-chips")
    assert titles(page) == ["党费收缴通知（2026，海棠县财政局）"]
    axe.check_page(page, "narrowed results")
    page.click(".search-chips a:has-text('年份')")
    page.wait_for_url(lambda address: "year=" not in address)
    assert len(titles(page)) == 2
    page.click(".search-sorts a:has-text('最新')")
    page.wait_for_selector(".search-sorts [aria-current]:has-text('最新')")
    assert [title[7:11] for title in titles(page)] == ["2026", "2024"]
    width = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width[0] <= width[1]


def test_on_a_bad_network_the_form_works_as_ever(shelves, browser_of):
    page = browser_of(None, desktop=True)
    page.route("**/api/search/suggest*", lambda route: route.abort())
    page.goto("/search/")
    page.click("#q")
    page.keyboard.type("党费", delay=30)
    page.wait_for_timeout(500)
    assert page.locator("[role=option]").count() == 0
    page.keyboard.press("Enter")
    page.wait_for_selector(".result__title")
    assert len(titles(page)) == 6


def test_a_sentence_opens_the_lecture_where_it_was_said(shelves, browser_of, axe, take_picture):
    asset = PlayableAssetFactory(duration_s=600)
    course = CourseFactory(title="党章十讲", disclosure=Disclosure.PUBLIC)
    lesson = LessonFactory(parent=course, title="第三讲 民主集中制", lecture=asset, text="")
    said = [
        "同志们好",
        "今天学习民主集中制",
        "第一条就是四个服从",
        "个人服从组织",
        "这是基本原则",
        "谢谢大家",
    ]
    cues = (
        f"00:0{number}:04.000 --> 00:0{number}:09.000\n{text}\n" for number, text in enumerate(said, start=1)
    )
    media.set_captions(asset, vtt="WEBVTT\n\n" + "\n".join(cues))
    api.rebuild()
    page = browser_of(MemberFactory())
    page.goto("/search/?q=四个服从")
    moment = page.locator(".moment").first
    assert "03:04" in moment.inner_text() and "四个服从" in moment.inner_text()
    axe.check_page(page, "moments")
    take_picture(page, "search-moments-phone")
    moment.click()
    page.wait_for_selector("h1:has-text('第三讲')")
    assert page.url.endswith("?from=184#player")
    assert unquote(lesson.url) in unquote(page.url)
