"""One lecture's whole way: an editor's upload, the pipeline, a member's phone, a headset, the archive,
the organiser's board, the search. The tests below are its steps and run in this order, on one school.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.journeys.school import Accessibility, Visitor, picture_difference, published_lesson

COURSE = "渡口小学旧址的一堂课"
LESSON = "渡口小学的灯光"
LECTURE_S = 40


@dataclass
class Way:
    """What one step leaves for the next."""

    course_edit_url: str = ""
    lesson_edit_url: str = ""
    lesson_path: str = ""
    left_at_s: float = 0.0

    def need(self, name: str) -> str:
        value = getattr(self, name)
        assert value, f"an earlier step of the journey failed and left no {name}"
        return value


@pytest.fixture(scope="module")
def way() -> Way:
    return Way()


@pytest.fixture(scope="session")
def lecture_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lecture of 40 s, 1280×720 at 25 frames, with a tone: made by the real ffmpeg."""
    from media_pipeline.engine import engine

    target = tmp_path_factory.mktemp("lecture") / "渡口小学-录课.mp4"
    subprocess.run(
        [
            *(engine().ffmpeg, "-v", "error", "-y"),
            *("-f", "lavfi", "-i", f"testsrc2=size=1280x720:rate=25:duration={LECTURE_S}"),
            *("-f", "lavfi", "-i", f"sine=frequency=330:duration={LECTURE_S}"),
            *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", str(target)),
        ],
        check=True,
    )
    return target


def submit_for_moderation(editor: Visitor) -> None:
    """Press «submit» in the footer of Wagtail's page editor."""
    page = editor.page
    button = page.locator("button[name='action-submit']")
    if not button.first.is_visible():
        page.locator("footer [data-w-dropdown-target='toggle']").first.click()
    # Whoever walks on before the answer has broken the form off; a busy machine takes its time.
    with page.expect_navigation(wait_until="networkidle", timeout=60_000):
        button.first.click()


def add_page(editor: Visitor, parent: str, model: str) -> None:
    """Open the form for a new page below the page with the title `parent`."""
    page = editor.page
    editor.go("/admin/pages/")
    found = page.evaluate(
        """async (title) => {
            const answer = await fetch(`/admin/api/main/pages/?search=${encodeURIComponent(title)}&limit=20`);
            const items = (await answer.json()).items.filter((item) => item.title === title);
            return items.length ? items[0].id : null;
        }""",
        parent,
    )
    assert found, f"the admin's own search does not find the page «{parent}»"
    editor.go(f"/admin/pages/add/courses/{model}/{found}/")


def approve(reviewer: Visitor, edit_url: str) -> None:
    """Approve the page that waits for moderation."""
    page = reviewer.page
    page.goto(edit_url)
    button = page.locator("footer button[data-workflow-action-name='approve']")
    if not button.first.is_visible():
        page.locator("footer [data-w-dropdown-target='toggle']").first.click()
    button.first.click()
    page.wait_for_load_state("networkidle")
    confirm = page.locator(".modal-body button[type=submit], [data-dialog] button[type=submit]")
    if confirm.count() and confirm.first.is_visible():
        confirm.first.click()
        page.wait_for_load_state("networkidle")


def messages(visitor: Visitor) -> str:
    return visitor.page.locator(".messages, [data-messages-target='container']").first.inner_text()


def test_1_the_editor_makes_a_course_and_the_reviewer_publishes_it(visit, way):
    editor = visit("desktop")
    editor.sign_in("editor", to="/admin/")
    add_page(editor, "课程", "course")
    editor.page.fill("#id_title", COURSE)
    editor.page.fill("#id_intro", "一盏油灯照亮的夜校，讲的是为什么学习。")
    submit_for_moderation(editor)
    assert "/edit/" in editor.page.url or "/admin/pages/" in editor.page.url
    editor.go("/admin/pages/")
    way.course_edit_url = edit_url_of(editor, COURSE)

    reviewer = visit("desktop")
    reviewer.sign_in("reviewer", to="/admin/")
    approve(reviewer, way.need("course_edit_url"))

    assert reviewer.wait_until(lambda: is_live(reviewer, COURSE), what="the course to be live")


def edit_url_of(visitor: Visitor, title: str) -> str:
    """Address of the editor of the page with this title, found through the admin's own API."""
    found = visitor.page.evaluate(
        """async (title) => {
            const answer = await fetch(`/admin/api/main/pages/?search=${encodeURIComponent(title)}&limit=20`);
            const items = (await answer.json()).items.filter((item) => item.title === title);
            return items.length ? items[0].id : null;
        }""",
        title,
    )
    assert found, f"the admin's own search does not find the page «{title}»"
    return f"{visitor.school.url}/admin/pages/{found}/edit/"


def is_live(visitor: Visitor, title: str) -> bool:
    return visitor.page.evaluate(
        """async (title) => {
            const answer = await fetch(`/admin/api/main/pages/?search=${encodeURIComponent(title)}&limit=20&fields=*`);
            const items = (await answer.json()).items.filter((item) => item.title === title);
            return items.length > 0 && items[0].meta.status.live;
        }""",
        title,
    )


def test_2_the_editor_is_told_that_a_text_file_is_no_lecture(visit, tmp_path):
    false_lecture = tmp_path / "会议纪要.mp4"
    false_lecture.write_text("这是一份会议纪要，不是视频。\n" * 200, encoding="utf-8")
    editor = visit("desktop")
    editor.sign_in("editor", to="/admin/")
    editor.go("/admin/lectures/")

    editor.page.set_input_files("[data-lecture-upload-target='file']", str(false_lecture))

    refused = editor.page.locator(".lecture-card--stopped:visible")
    refused.first.wait_for(timeout=60_000)
    text = refused.first.inner_text()
    assert "会议纪要.mp4" in text and "没有收下" in text and "mp4" in text
    editor.picture("admin-refused-desktop")


def test_3_the_editor_uploads_a_lecture_and_sees_it_being_transcoded(visit, way, lecture_file):
    editor = visit("desktop")
    editor.sign_in("editor", to="/admin/")
    add_page(editor, COURSE, "lesson")
    page = editor.page
    page.fill("#id_title", LESSON)
    page.fill("#id_summary", "从一盏油灯讲起。")
    page.locator("#panel-child-content-body-section .c-sf-add-button, .c-sf-add-button").first.click()
    page.get_by_role("option", name=re.compile("授课视频")).click()
    page.set_input_files("[data-lecture-upload-target='file']", str(lecture_file))
    page.locator(".lecture-stages:visible").first.wait_for(timeout=60_000)
    editor.picture("admin-transcoding-desktop")

    submit_for_moderation(editor)

    way.lesson_edit_url = edit_url_of(editor, LESSON)


def test_4_a_lesson_is_not_published_before_its_lecture_can_be_played(visit, way):
    reviewer = visit("desktop")
    reviewer.sign_in("reviewer", to="/admin/")

    approve(reviewer, way.need("lesson_edit_url"))

    assert not is_live(reviewer, LESSON)
    told = reviewer.page.locator("body").inner_text()
    assert re.search("还不能发布|转码|可以播放", told)
    reviewer.picture("admin-gate-desktop", full_page=False)


def test_5_the_reviewer_sees_the_lecture_ready_previews_and_publishes(visit, way):
    reviewer = visit("desktop")
    reviewer.sign_in("reviewer", to="/admin/")
    page = reviewer.page
    page.goto(way.need("lesson_edit_url"))
    page.locator(".lecture-bar__done--ready:visible").first.wait_for(timeout=240_000)
    reviewer.picture("admin-ready-desktop")
    page.goto(way.lesson_edit_url.replace("/edit/", "/view_draft/"))
    assert page.locator("h1").first.inner_text() == LESSON

    approve(reviewer, way.lesson_edit_url)

    assert reviewer.wait_until(lambda: is_live(reviewer, LESSON), what="the lesson to be live")
    way.lesson_path = published_lesson(reviewer, LESSON)


def play_state(visitor: Visitor) -> dict[str, Any]:
    return json.loads(visitor.page.locator("#lesson-play").inner_text())


def video_time(visitor: Visitor) -> float:
    return visitor.page.evaluate("document.querySelector('video').currentTime")


def test_6_a_member_begins_on_the_phone_and_leaves_in_the_middle(visit, way, axe: Accessibility):
    member = visit("phone")
    member.sign_in("member", to="/study/")
    axe.check(member, "study")
    member.picture("study-phone", full_page=False, in_readme=True)
    member.picture("study-phone-whole")
    member.go(way.need("lesson_path"))
    assert play_state(member)["resume_s"] == 0
    axe.check(member, "lesson")

    member.page.locator(".player__start").click()
    member.wait_until(lambda: video_time(member) > 9, patience_s=90, what="nine seconds of the lecture")

    rungs = member.page.evaluate("performance.getEntriesByType('resource').map((e) => e.name).join(' ')")
    assert ".m3u8" in rungs and ".m4s" in rungs, "the lecture was not streamed in segments"
    member.picture("lesson-phone")
    # It plays until the page is gone, which is later than the tap.
    member.page.evaluate(
        """addEventListener("pagehide", () =>
            sessionStorage.setItem("left-at", document.querySelector("video").currentTime))"""
    )
    member.go("/my/")
    way.left_at_s = float(member.page.evaluate("sessionStorage.getItem('left-at')"))


def _is_offered(member: Visitor) -> bool:
    member.go("/study/")
    return LESSON in member.page.locator("main").inner_text()


def test_7_another_device_goes_on_at_the_same_second_and_completes(visit, way, axe: Accessibility):
    member = visit("desktop")
    member.sign_in("member", to="/study/")
    # The phone's last beats came as its page closed; they are reckoned within seconds.
    member.wait_until(lambda: _is_offered(member), patience_s=30, what="the lesson to be offered again")
    member.go(way.need("lesson_path"))
    resume_s = play_state(member)["resume_s"]
    assert abs(resume_s - way.left_at_s) <= 1.0, f"left at {way.left_at_s}, resumes at {resume_s}"

    member.page.locator(".player__start").click()
    member.wait_until(lambda: video_time(member) > resume_s + 1, patience_s=60, what="playing on")
    member.picture("lesson-desktop")
    member.wait_until(
        lambda: (
            "已完成" in member.page.locator("[data-strip-target='watched']").inner_text()
            or "已学完" in member.page.locator("[data-strip-target='watched']").inner_text()
        ),
        patience_s=120,
        what="the lesson to be completed",
    )

    member.go("/archive/")
    assert LESSON in member.page.locator("main").inner_text()
    axe.check(member, "archive")
    member.picture("archive-desktop")


def test_8_the_panorama_turns_with_the_finger_and_opens_in_a_headset(visit, school):
    member = visit("phone", headset=True)
    member.sign_in("member", to="/study/")
    path = panorama_path(member)
    member.go(path)
    member.page.locator(".player__start").click()
    member.wait_until(lambda: video_time(member) > 1, patience_s=90, what="the panorama to play")
    canvas = member.page.locator("canvas[data-sphere-target='canvas']")
    member.page.locator("video").evaluate("(video) => video.pause()")
    member.page.wait_for_timeout(1500)
    still, before = canvas.screenshot(), canvas.screenshot()
    noise = picture_difference(still, before)
    box = canvas.bounding_box()
    start = (box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.2)  # beside the play button
    member.page.mouse.move(*start)
    member.page.mouse.down()
    member.page.mouse.move(start[0] + 150, start[1] + 10, steps=8)
    member.page.mouse.up()
    member.page.wait_for_timeout(800)
    after = canvas.screenshot()
    turned = picture_difference(before, after)
    assert turned > 0.05 and turned > 4 * noise, f"dragging changes {turned:.4f}, keeping still {noise:.4f}"
    member.picture("panorama-phone")

    member.page.locator("[data-controller='headset']").click()
    frames = member.wait_until(
        lambda: (
            member.page.evaluate("window.__xrFrames || 0") > 30 and member.page.evaluate("window.__xrFrames")
        ),
        patience_s=60,
        what="frames of the immersive session",
    )
    assert frames > 30


def panorama_path(member: Visitor) -> str:
    """Path of the demonstration's 360° lesson, found the way a member would: by the chip in the courses."""
    member.go("/courses/")
    courses = member.page.eval_on_selector_all(
        "main a[href^='/courses/']", "links => [...new Set(links.map(a => a.getAttribute('href')))]"
    )
    for course in courses:
        member.go(course)
        link = member.page.locator("main a[href^='/courses/']", has_text="360°")
        if link.count():
            return str(link.first.get_attribute("href"))
    raise AssertionError("the demonstration has no 360° lesson")


def test_8b_the_pages_of_a_member_are_pictured(visit, axe):
    """The demonstration's own lecture and the other pages of a member, at both widths, with axe."""
    for device in ("phone", "desktop"):
        member = visit(device)
        member.sign_in("member", to="/study/")
        member.go("/search/?q=党章里的民主集中制：六条基本原则")
        member.page.locator("main a[href^='/courses/']", has_text="六条基本原则").first.click()
        member.page.locator(".player__start").click()
        member.wait_until(lambda m=member: video_time(m) > 1, patience_s=90, what="the lecture to play")
        member.page.locator(".player__stage.is-quiet").wait_for()  # the picture is without its controls
        axe.check(member, f"demonstration lesson {device}")
        member.picture(f"lesson-demonstration-{device}", full_page=False, in_readme=device == "phone")
        for name, path in {
            "courses": "/courses/",
            "policies": "/policy/",
            "my": "/my/",
            "notices": "/my/notices/",
            "archive": "/archive/",
            "privacy": "/privacy/",
        }.items():
            member.go(path)
            axe.check(member, f"{name} {device}")
            member.picture(f"{name}-{device}")
    elder = visit("phone")
    elder.sign_in("elder", to="/study/")
    axe.check(elder, "elder mode")
    elder.picture("elder-phone")


def test_9_the_organiser_sees_her_subtree_and_takes_it_along_as_excel(visit, school, axe, tmp_path):
    organiser = visit("desktop")
    organiser.sign_in("organiser", to="/board/")
    axe.check(organiser, "board")
    organiser.picture("board-desktop", full_page=False, in_readme=True)
    organiser.picture("board-desktop-whole")
    page = organiser.page
    page.fill("#f-text", school.accounts["member"]["name"])
    page.press("#f-text", "Enter")
    page.wait_for_load_state("networkidle")
    assert school.accounts["member"]["name"] in page.locator("main").inner_text()
    checksum = re.search(r"校验码\s*([0-9A-F]{4}-[0-9A-F]{4})", page.locator("main").inner_text())
    assert checksum

    page.locator("details.board-sheet summary").first.click()
    page.fill("#purpose", "年度学习情况核对")
    with page.expect_download() as download:
        page.locator("details.board-sheet form button[type=submit]").first.click()
    sheet_file = tmp_path / "board.xlsx"
    download.value.save_as(sheet_file)

    texts = [
        str(cell.value)
        for sheet in openpyxl.load_workbook(sheet_file)
        for row in sheet.iter_rows()
        for cell in row
        if cell.value is not None
    ]
    assert any(school.accounts["member"]["name"] in text for text in texts)
    assert any(checksum.group(1) in text for text in texts)

    phone = visit("phone")
    phone.sign_in("organiser", to="/board/")
    phone.picture("board-phone")


def test_10_search_finds_what_was_published_and_only_what_one_may_see(visit, way, school, axe):
    member = visit("phone")
    member.sign_in("member", to="/study/")
    member.go("/search/?q=渡口小学的灯光")
    hits = member.wait_until(
        lambda: (
            member.page.locator("main").inner_text()
            if LESSON in member.page.locator("main").inner_text()
            else ""
        ),
        what="the new lesson to be found",
    )
    assert LESSON in hits
    member.go("/search/?q=民主集中制")
    assert member.page.locator("main mark").count() > 0
    axe.check(member, "search")
    member.picture("search-phone")

    stranger = visit("phone")
    stranger.go("/search/?q=渡口小学的灯光")
    assert LESSON not in stranger.page.locator("main").inner_text()


def test_11_the_portal_can_be_read_without_signing_in_and_without_script(visit, way, axe):
    for device in ("desktop", "phone"):
        visitor = visit(device)
        visitor.go("/")
        axe.check(visitor, f"portal {device}")
        visitor.picture(f"portal-{device}", in_readme=device == "desktop")
    plain = visit("phone", javascript=False)
    plain.sign_in("member", to="/study/")
    for path in (
        "/",
        "/study/",
        way.need("lesson_path"),
        "/archive/",
        "/search/?q=党费",
        "/courses/",
        "/policy/",
    ):
        plain.go(path)
        assert plain.page.locator("h1").first.inner_text().strip(), path
        assert len(plain.page.locator("main").inner_text()) > 40, path


def test_12_no_page_of_the_journey_is_wider_than_the_phone(visit, way):
    member = visit("phone")
    member.sign_in("member", to="/study/")
    wide = []
    for path in (
        "/",
        "/study/",
        "/my/",
        "/archive/",
        "/courses/",
        "/policy/",
        "/search/?q=党费",
        way.need("lesson_path"),
    ):
        member.go(path)
        width = member.page.evaluate("document.documentElement.scrollWidth")
        if width > 390:
            wide.append((path, width))
    assert wide == []


def test_13_the_editors_admin_has_no_serious_barrier(visit, way, axe):
    editor = visit("desktop")
    editor.sign_in("editor", to="/admin/")
    axe.check(editor, "admin dashboard")
    editor.picture("admin-desktop")
    editor.go("/admin/lectures/")
    axe.check(editor, "admin lectures")
    # With a colleague on the same page, Wagtail shows who else is there: as long as the page is open, in every run.
    colleague = visit("desktop")
    colleague.sign_in("administrator", to="/admin/")
    colleague.page.goto(way.need("lesson_edit_url"))
    editor.page.goto(way.need("lesson_edit_url"))
    editor.page.locator(".w-editing-sessions__session").first.wait_for()
    editor.page.wait_for_load_state("networkidle")
    axe.check(editor, "admin lesson")


def test_14_a_course_is_kept_from_copying_and_its_members_still_study(visit, way):
    # given a course whose lectures are to be encrypted and to show who watches
    administrator = visit("desktop")
    administrator.sign_in("administrator", to="/admin/")
    page = administrator.page
    page.goto(way.need("course_edit_url"))
    page.check("#id_protected")
    page.check("#id_marked")
    page.locator("#id_protected").scroll_into_view_if_needed()
    administrator.picture("admin-protection-desktop", full_page=False)
    button = page.locator("button[name='action-publish']")
    if not button.first.is_visible():
        page.locator("footer [data-w-dropdown-target='toggle']").first.click()
    button.first.click()
    page.wait_for_load_state("networkidle")
    # when the lecture has been encrypted in the background
    member = visit("phone")
    member.sign_in("member", to="/study/")
    member.go(way.need("lesson_path"))
    member.wait_until(lambda: encrypted(member), patience_s=120, what="the lecture to be encrypted")
    member.page.reload()
    # then the page plays it, with the member's name in the picture and no number of any kind
    member.page.locator(".player__start").click()
    member.wait_until(
        lambda: video_time(member) > 2, patience_s=90, what="two seconds of the encrypted lecture"
    )
    mark = member.page.locator(".player__mark")
    text = mark.inner_text()
    assert "李秀兰" in text and not re.search(r"\d{5,}", text)
    stage, seen = member.page.locator(".player__stage").bounding_box(), mark.bounding_box()
    assert stage["x"] <= seen["x"] and seen["x"] + seen["width"] <= stage["x"] + stage["width"] + 1
    member.picture("lesson-marked-phone", full_page=False)


def encrypted(member: Visitor) -> bool:
    """Whether the largest rendition that the lesson page now offers says how it is encrypted."""
    return member.page.evaluate(
        """async () => {
            const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
            const master = new URL(page.querySelector("source[type*=mpegurl]").getAttribute("src"), location.href);
            const answer = await fetch(master);
            if (!answer.ok) return false;
            const first = (await answer.text()).split("\\n").find((line) => line && !line.startsWith("#"));
            return (await (await fetch(new URL(first, master))).text()).includes("METHOD=AES-128");
        }"""
    )
