"""Somebody looks for something with a real browser: pinyin, a title from the list, filters, no script, a bad network."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from courses.catalogue.models import Disclosure
from media_pipeline import api as media
from search import api
from tests.factories import CourseFactory, LessonFactory, MemberFactory, PlayableAssetFactory, PolicyFactory
from tests.journeys.school import PICTURES

SRT = (
    "1\n00:00:02,000 --> 00:00:05,000\n同志们好\n\n"
    "2\n00:12:34,000 --> 00:12:40,000\n民主集中制的第一条是四个服从\n\n"
)


@pytest.fixture
def shelves(transactional_db, settings, tmp_path) -> None:
    """A course with two lessons and three policies of two years, all public, in an index of this test."""
    settings.SEARCH = {**settings.SEARCH, "INDEX_DIR": tmp_path / "search"}
    course = CourseFactory(title="党务实务：党费收缴", disclosure=Disclosure.PUBLIC)
    LessonFactory(parent=course, title="党费怎么算", text="<p>党费按月交，比例分四档。</p>")
    LessonFactory(parent=course, title="党费什么时候交")
    spoken = PlayableAssetFactory(duration_s=900)
    LessonFactory(parent=course, title="第三讲", lecture=spoken, text="")
    media.upload_captions(spoken, name="a.srt", data=SRT.encode(), lang="zh-Hans", actor=MemberFactory())
    for year, body in ((2024, "海棠县财政局"), (2026, "海棠县财政局"), (2026, "中共海棠县委组织部")):
        PolicyFactory(
            title=f"党费收缴通知（{year}，{body}）",
            issuing_body=body,
            issued_on=date(year, 3, 1),
            disclosure=Disclosure.PUBLIC,
        )
    api.rebuild()


@pytest.fixture
def visitor(browser_of):
    """As `browser_of`, with patience for a busy machine."""

    def arrive(member: Any, **device: Any) -> Any:
        page = browser_of(member, **device)
        page.set_default_timeout(30_000)
        return page

    return arrive


@pytest.fixture
def take_picture():
    def take(page: Any, name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(PICTURES / f"{name}.png"))

    return take


def titles(page: Any) -> list[str]:
    return page.locator(".result__title").all_inner_texts()


def test_from_pinyin_to_a_lesson(shelves, visitor, axe, take_picture):
    page = visitor(MemberFactory())
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


def test_filters_are_folded_chosen_and_taken_away(shelves, visitor, axe, take_picture):
    page = visitor(MemberFactory())
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


def test_a_sentence_that_was_said_opens_the_lecture_there(shelves, visitor, axe, take_picture):
    page = visitor(MemberFactory())
    page.goto("/search/?q=四个服从")
    assert page.locator(".moment__at").first.inner_text().strip() == "从 12:34 播放"
    assert page.locator(".moment mark").first.inner_text() == "四个服从"
    axe.check_page(page, "moments")
    take_picture(page, "search-moments-phone")
    page.locator(".moment").first.click()
    page.wait_for_url(lambda address: "from=754" in address)
    page.wait_for_selector("h1:has-text('第三讲')")


def test_on_a_bad_network_the_form_works_as_ever(shelves, visitor):
    page = visitor(None, desktop=True)
    page.route("**/api/search/suggest*", lambda route: route.abort())
    page.goto("/search/")
    page.click("#q")
    page.keyboard.type("党费", delay=30)
    page.wait_for_timeout(500)
    assert page.locator("[role=option]").count() == 0
    page.keyboard.press("Enter")
    page.wait_for_selector(".result__title")
    assert len(titles(page)) == 6
