"""An editor and her captions in a real browser: a GBK file, a wrong word, a colleague at the same time, a crash, a phone."""

from __future__ import annotations

import os
import re

import pytest
from django.conf import settings as chosen
from django.test import Client

from media_pipeline import api as media
from media_pipeline.captions import Cue
from media_pipeline.models import AssetState
from tests.factories import AdministratorFactory, MemberFactory
from tests.journeys.school import DESKTOP, PHONE, PICTURES
from tests.media_pipeline.clips import Clips, picture, sound

# Playwright keeps an event loop running in this thread; the database is used from it all the same.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")

SRT = (
    "1\n00:00:00,500 --> 00:00:02,000\n同志们好\n\n"
    "2\n00:00:02,000 --> 00:00:04,000\n今天学习党张\n\n"
    "3\n00:00:04,000 --> 00:00:06,000\n党张第十条\n"
)


@pytest.fixture(scope="module")
def lecture_file(tmp_path_factory):
    clips = Clips(tmp_path_factory.mktemp("lecture"))
    return clips.make("录课.mp4", *picture("320x180", 25, 8), *sound(8))


@pytest.fixture
def lecture(transactional_db, lecture_file):
    """A small published lecture."""
    made = media.work_off(
        media.ingest_file(lecture_file, title="民主集中制", uploaded_by=None, enqueue=False)
    )
    assert made.state == AssetState.READY, made.refusal_code
    return made


@pytest.fixture
def desk(chromium, live_server, lecture):
    """`desk(member)`: a browser in which the member is signed in. Errors that a page throws fail the test."""
    contexts, faults = [], []

    def sit_down(member, *, viewport=DESKTOP, **options):
        context = chromium.new_context(
            viewport=viewport,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            base_url=live_server.url,
            **options,
        )
        context.set_default_timeout(30_000)
        client = Client()
        client.force_login(member)
        session = client.cookies[chosen.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": chosen.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("response", lambda answer: faults.append(answer.url) if answer.status >= 500 else None)
        return page

    yield sit_down
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def he(lecture):
    return AdministratorFactory(name="何静")


def kept(lecture, actor):
    media.upload_captions(lecture, name="a.srt", data=SRT.encode(), lang="zh-Hans", actor=actor)
    return f"/admin/lectures/{lecture.pk}/captions/zh-Hans/"


def texts(lecture):
    return [cue.text for cue in media.cues(lecture, "zh-Hans")]


def word(page, number):
    """The text area of caption `number` (from 1)."""
    return page.locator(f".cue-row[aria-posinset='{number}'] [data-part=text]")


def save(page):
    page.click("[data-cue-editor-target=save]")
    page.wait_for_function(
        "document.querySelector('[data-cue-editor-target=state]').textContent === '已全部保存'"
    )


def test_a_gbk_file_is_uploaded_a_word_corrected_and_members_get_it(desk, lecture, he):
    page = desk(he)
    page.goto(f"/admin/lectures/edit/{lecture.pk}/")
    file = {"name": "录课字幕.srt", "mimeType": "application/x-subrip", "buffer": SRT.encode("gbk")}
    page.set_input_files("input[name=file]", files=[file])
    page.click("form[action$='/captions/upload/'] button[type=submit]")
    page.wait_for_selector("text=同志们好")
    assert page.input_value("select[name=encoding]") == "gb18030"
    page.click("text=保存为字幕")
    page.wait_for_selector(".captions-list")

    page.click(".captions-list >> text=校对")
    page.wait_for_selector(".cue-row")
    word(page, 2).fill("今天学习党章")
    assert page.is_enabled("[data-cue-editor-target=save]")
    page.keyboard.press("Control+s")
    page.wait_for_function(
        "document.querySelector('[data-cue-editor-target=state]').textContent === '已全部保存'"
    )
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(PICTURES / "captions-desktop.png"))

    (track,) = media.playback(lecture, MemberFactory()).captions
    shown = page.request.get(track.url).text()
    assert shown.startswith("WEBVTT") and "今天学习党章" in shown
    assert "今天学习党张" not in shown
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('cue-draft')).length") == 0


def test_the_lecture_and_the_list_go_together(desk, lecture, he):
    page = desk(he)
    page.goto(kept(lecture, he))
    video = "document.querySelector('video')"
    page.wait_for_function(f"{video}.readyState >= 2")
    page.evaluate(f"{video}.currentTime = 3")
    page.wait_for_selector(".cue-row--heard[aria-posinset='2']")
    assert page.text_content("[data-cue-editor-target=heard]") == "今天学习党张"

    word(page, 3).click()
    page.wait_for_function(f"Math.abs({video}.currentTime - 4) < 0.1")

    row = page.locator(".cue-row[aria-posinset='3']")
    row.locator("[data-do='begin less']").click()
    assert row.locator("[data-part=begin]").input_value() == "00:03.9"
    assert "与下一条重叠" in page.locator(".cue-row[aria-posinset='2']").text_content()
    page.evaluate(f"{video}.currentTime = 5")
    page.wait_for_function(f"Math.abs({video}.currentTime - 5) < 0.05 && !{video}.seeking")
    row.locator("[data-do='end now']").click()
    assert row.locator("[data-part=end]").input_value() == "00:05.0"

    word(page, 3).click()
    word(page, 3).evaluate("(area) => area.setSelectionRange(2, 2)")
    page.keyboard.press("Control+Enter")
    assert word(page, 4).input_value() == "第十条"
    page.keyboard.press("Alt+z")
    assert word(page, 3).input_value() == "党张第十条"
    page.locator(".cue-row[aria-posinset='1'] [data-do=merge]").click()
    assert word(page, 1).input_value() == "同志们好今天学习党张"

    page.click("text=查找和替换")
    page.fill("[data-cue-editor-target=find]", "党张")
    assert "2" in page.text_content("[data-cue-editor-target=matches]")
    page.fill("[data-cue-editor-target=instead]", "党章")
    page.click("text=全部替换")
    save(page)

    assert media.cues(lecture, "zh-Hans") == [
        Cue(500, 4000, "同志们好今天学习党章"),
        Cue(3900, 5000, "党章第十条"),
    ]


def test_of_two_editors_the_second_is_told_and_loses_nothing(desk, lecture, he):
    address = kept(lecture, he)
    mine, theirs = desk(he), desk(AdministratorFactory(name="李建国"))
    for page in (mine, theirs):
        page.goto(address)
        page.wait_for_selector(".cue-row")
    word(theirs, 2).fill("李建国改的")
    save(theirs)

    word(mine, 1).fill("何静改的")
    mine.click("[data-cue-editor-target=save]")
    conflict = mine.locator("[data-cue-editor-target=conflict]")
    conflict.wait_for(state="visible")

    assert "李建国" in conflict.text_content()
    assert word(mine, 1).input_value() == "何静改的"
    assert texts(lecture) == ["同志们好", "李建国改的", "党张第十条"]
    conflict.locator("button").click()
    conflict.wait_for(state="hidden")
    assert texts(lecture) == ["何静改的", "今天学习党张", "党张第十条"]
    assert any("李建国改的" in version.vtt for version in media.captions_versions(lecture))


def test_what_was_not_saved_outlives_a_crash(desk, lecture, he):
    page = desk(he)
    address = kept(lecture, he)
    page.goto(address)
    page.wait_for_selector(".cue-row")
    word(page, 1).fill("没来得及保存")
    page.wait_for_function("Object.keys(localStorage).some((key) => key.startsWith('cue-draft'))")
    again = page.context.new_page()
    page.close(run_before_unload=False)

    again.goto(address)
    again.locator("[data-cue-editor-target=draft]").wait_for(state="visible")
    assert word(again, 1).input_value() == "同志们好"
    again.click("text=恢复")
    assert word(again, 1).input_value() == "没来得及保存"
    save(again)
    assert texts(lecture)[0] == "没来得及保存"


def test_leaving_with_unsaved_words_is_asked_about(desk, lecture, he):
    page = desk(he)
    page.goto(kept(lecture, he))
    page.wait_for_selector(".cue-row")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    word(page, 1).click()
    word(page, 1).press_sequentially("啊")
    page.goto("/admin/lectures/")
    assert asked == ["beforeunload"]


def test_two_thousand_captions_are_a_dozen_rows(desk, lecture, he):
    page = desk(he)
    address = kept(lecture, he)
    many = [Cue(at * 3000, at * 3000 + 2500, f"第 {at} 句") for at in range(2000)]
    media.save_cues(lecture, "zh-Hans", many, revision=1, actor=he)
    page.goto(address)
    page.wait_for_selector(".cue-row")
    assert page.locator(".cue-row").count() < 30

    page.evaluate("document.querySelector('.cue-list').scrollTop = 1e9")
    page.wait_for_selector(".cue-row[aria-posinset='2000']")
    assert page.locator(".cue-row").count() < 30
    word(page, 2000).fill("最后一句")
    save(page)
    assert texts(lecture)[1999] == "最后一句" and len(texts(lecture)) == 2000


def test_on_a_phone(desk, lecture, he, axe):
    page = desk(he, viewport=PHONE, is_mobile=True, has_touch=True, device_scale_factor=2)
    page.goto(kept(lecture, he))
    page.wait_for_selector(".cue-row")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    box = word(page, 1).bounding_box()
    assert box["height"] >= 50
    for button in page.locator(".cue-row[aria-posinset='1'] button").all():
        assert button.bounding_box()["height"] >= 40
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(PICTURES / "captions-phone.png"))

    class Here:
        def __init__(self):
            self.page = page

    axe.check(Here(), "校对字幕")
    page.goto(f"/admin/lectures/edit/{lecture.pk}/")
    axe.check(Here(), "字幕")


def test_without_script_the_text_itself_is_corrected(desk, lecture, he):
    page = desk(he, java_script_enabled=False)
    page.goto(kept(lecture, he))
    text = page.input_value("textarea[name=vtt]")
    assert re.match(r"WEBVTT\n\n00:00:00\.500 --> 00:00:02\.000\n同志们好", text)
    page.fill("textarea[name=vtt]", text.replace("党张", "党章"))
    page.click("form.cue-plain button[type=submit]")
    assert texts(lecture) == ["同志们好", "今天学习党章", "党章第十条"]
