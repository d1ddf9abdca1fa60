"""The player on a lesson page, in a real browser: what it holds back, what it keeps, what it hands in.

Each test is one member of her own, so that nobody's lease and progress come in another's way.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.journeys.school import ROOT, School, Visitor

LECTURE = "/courses/zhangcheng-minzhu-jizhongzhi/liutiao-jiben-yuanze/"
READING = "/courses/zhangcheng-minzhu-jizhongzhi/yiwu-he-quanli/"
PASSWORD = "study-2026"
NEWCOMERS = 12

ENROL = """
import sys
import django
django.setup()
from people.models import PartyOrganization
from tests.factories import MemberFactory
branch = PartyOrganization.objects.filter(type="BRANCH").order_by("path").first()
for name in sys.argv[1:]:
    MemberFactory(username=name, name="钟晓" + "一二三四五六七八九十甲乙"[int(name.rsplit("-", 1)[1]) - 1], organization=branch)
"""

VIDEO = "document.querySelector('.player__video')"


@pytest.fixture(scope="module")
def newcomers(school: School) -> Iterator[str]:
    """User names of members who have studied nothing yet."""
    names = [f"newcomer-{os.getpid()}-{number}" for number in range(1, NEWCOMERS + 1)]
    subprocess.run(
        [sys.executable, "-c", ENROL, *names],
        cwd=ROOT,
        check=True,
        env=os.environ
        | {
            "ESCHOOL_DATA_DIR": str(school.data),
            "DJANGO_SETTINGS_MODULE": "portal.settings.base",
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'site'}",
        },
    )
    return iter(names)


@pytest.fixture
def newcomer(newcomers: Iterator[str]) -> str:
    return next(newcomers)


def sign_in(visitor: Visitor, username: str, to: str = LECTURE) -> None:
    visitor.go(f"/accounts/login/?next={to}")
    visitor.page.fill("input[name=login]", username)
    visitor.page.fill("input[name=password]", PASSWORD)
    visitor.page.click("form[action*=login] button[type=submit]")
    visitor.page.wait_for_url(f"**{to}")
    if to == LECTURE:
        visitor.page.locator(".player__stage.is-ready").wait_for()


def position(visitor: Visitor) -> float:
    return visitor.page.evaluate(f"{VIDEO}.currentTime")


def play_until(visitor: Visitor, second: float) -> None:
    """Press play if need be, and wait until the playhead has come there."""
    if visitor.page.evaluate(f"{VIDEO}.paused"):
        visitor.page.locator(".player__start").click()
    visitor.wait_until(lambda: position(visitor) >= second, patience_s=90, what=f"second {second}")


def pause(visitor: Visitor) -> float:
    visitor.page.evaluate(f"{VIDEO}.pause()")
    visitor.page.wait_for_timeout(300)
    return position(visitor)


def studied(visitor: Visitor) -> float:
    """Seconds that count, as the archive told this page last (or drew into it)."""
    return visitor.page.evaluate(
        """() => {
            const words = document.querySelector("[data-strip-target='watched']").innerText;
            const [minutes, seconds] = [/(\\d+) 分/, /(\\d+) 秒/].map((one) => Number(one.exec(words)?.[1] ?? 0));
            return minutes * 60 + seconds;
        }"""
    )


def watch_beats(visitor: Visitor) -> list[dict[str, Any]]:
    """What the page hands in from now on: {status, beats}, in order."""
    seen: list[dict[str, Any]] = []

    def note(response: Any) -> None:
        # A beacon's body is not shown to us; its beats come again by fetch.
        if response.url.endswith("/api/archive/beats") and response.request.post_data:
            sent = json.loads(response.request.post_data)
            seen.append({"status": response.status, "beats": sent["beats"], "token": sent["token"]})

    visitor.page.on("response", note)
    return seen


def eventually_studied(visitor: Visitor, least_s: float) -> None:
    visitor.wait_until(lambda: studied(visitor) >= least_s, patience_s=30, what=f"{least_s} s to count")


def test_what_is_played_is_handed_in_and_counts(visit: Callable[..., Visitor], newcomer: str):
    member = visit("phone")
    sign_in(member, newcomer)
    answers = watch_beats(member)
    assert studied(member) == 0

    play_until(member, 6)
    left_s = pause(member)

    eventually_studied(member, 5)
    assert abs(studied(member) - left_s) <= 1.5
    beats = [beat for answer in answers for beat in answer["beats"]]
    assert [beat["seq"] for beat in beats] == list(range(1, len(beats) + 1))
    assert {beat["rate"] for beat in beats} == {1} and all(beat["visible"] for beat in beats)
    played_ms = sum(end - start for beat in beats for start, end in beat["intervals"])
    assert abs(played_ms / 1000 - left_s) < 0.3
    member.picture("player-phone", full_page=False)


def test_a_first_study_goes_in_order_and_at_normal_speed(visit: Callable[..., Visitor], newcomer: str):
    member = visit("desktop")
    sign_in(member, newcomer)
    answers = watch_beats(member)
    play_until(member, 3)

    member.page.evaluate(f"{VIDEO}.currentTime = 40")
    member.page.wait_for_timeout(600)
    assert position(member) < 6
    assert "按顺序" in member.page.locator(".player__notice").inner_text()
    member.picture("player-held-desktop", full_page=False)

    member.page.evaluate(f"{VIDEO}.playbackRate = 4")
    member.page.wait_for_timeout(300)
    assert member.page.evaluate(f"{VIDEO}.playbackRate") == 1
    speeds = member.page.locator("[data-player-target='speed'] option").all_inner_texts()
    assert speeds[-1] == "1.0×"

    left_s = pause(member)
    eventually_studied(member, 2)
    assert studied(member) <= left_s + 1
    reached_ms = max(end for answer in answers for beat in answer["beats"] for _, end in beat["intervals"])
    assert reached_ms < 40_000


def test_without_a_network_nothing_is_lost(visit: Callable[..., Visitor], newcomer: str):
    member = visit("phone")
    sign_in(member, newcomer)
    play_until(member, 4)
    member.page.context.set_offline(True)
    play_until(member, 9)
    left_s = pause(member)

    waiting = member.page.locator("[data-strip-target='waiting']")
    member.wait_until(waiting.is_visible, what="the line about waiting records")
    assert "联网后自动上交" in waiting.inner_text()
    member.wait_until(member.page.locator("[data-shell-target='offline']").is_visible, what="the quiet line")
    assert studied(member) == 0
    member.picture("player-offline-phone", full_page=False)

    member.page.context.set_offline(False)
    eventually_studied(member, left_s - 1.5)
    assert waiting.is_hidden()
    assert member.page.evaluate("localStorage.getItem('study-beats-waiting')") is None


@pytest.mark.parametrize("playing", [False, True], ids=["paused", "playing"])
def test_a_tab_closed_without_a_network_has_kept_its_seconds(
    visit: Callable[..., Visitor], newcomer: str, playing: bool
):
    member = visit("phone")
    sign_in(member, newcomer)
    play_until(member, 2)
    context = member.page.context
    context.set_offline(True)
    play_until(member, 8)
    left_s = position(member) if playing else pause(member)
    since = time.monotonic()
    with member.page.expect_event("close"):
        member.page.close(run_before_unload=True)
    went_on_s = time.monotonic() - since if playing else 0

    member.page = context.new_page()
    context.set_offline(False)
    member.go(LECTURE)
    eventually_studied(member, left_s - 1.5)
    assert studied(member) <= left_s + went_on_s + 1.5


def test_a_lecture_begun_without_a_network_begins_by_itself_later(
    visit: Callable[..., Visitor], newcomer: str
):
    member = visit("phone")
    context = member.page.context
    refused: list[str] = []

    def break_off(route: Any) -> None:
        """Of the lesson's own code the first try is broken off, of the player's every one."""
        if "hls-" in route.request.url or not refused:
            refused.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    context.route("**/chunks/hls-*.js", break_off)
    context.route("**/chunks/lesson-*.js", break_off)
    sign_in(member, newcomer)
    assert "lesson-" in refused[0]
    context.set_offline(True)
    member.page.locator(".player__start").click()

    told = member.page.locator("[data-player-target='unreached']")
    told.wait_for()
    assert "网络恢复后会自动开始播放" in told.inner_text()
    assert member.page.locator(".player__stage.is-loading").count() == 0
    member.picture("player-unreached-phone", full_page=False)
    phone_size = member.page.viewport_size
    member.page.set_viewport_size({"width": 1280, "height": 800})
    member.picture("player-unreached-desktop", full_page=False)
    member.page.set_viewport_size(phone_size)
    told.get_by_role("button", name="再试一次").click()
    told.wait_for()

    # The browser says `online` before anything can be reached: what is tried then fails once more.
    tried = len(refused)
    context.set_offline(False)
    member.wait_until(lambda: len(refused) > tried, what="a try when the browser says online")
    told.wait_for()
    context.unroute_all()
    member.wait_until(lambda: position(member) >= 2, patience_s=90, what="the lecture to begin by itself")
    assert told.is_hidden()


def test_what_an_earlier_visit_could_not_hand_in_comes_from_any_page(
    visit: Callable[..., Visitor], newcomer: str
):
    member = visit("phone")
    sign_in(member, newcomer)
    member.page.route("**/api/archive/beats", lambda route: route.abort())
    play_until(member, 6)
    left_s = pause(member)
    member.wait_until(
        lambda: member.page.evaluate("Number(localStorage.getItem('study-beats-waiting'))") >= 1,
        what="a kept beat",
    )

    member.page.unroute("**/api/archive/beats")
    answers = watch_beats(member)
    member.go("/privacy/")
    member.wait_until(
        lambda: any(answer["status"] == 200 for answer in answers), what="the beats to be taken"
    )
    member.wait_until(
        lambda: member.page.evaluate("localStorage.getItem('study-beats-waiting')") is None,
        what="an empty queue",
    )

    member.go(LECTURE)
    assert abs(studied(member) - left_s) <= 1.5
    assert abs(float(member.page.locator(".player__range").input_value()) - left_s) <= 1


def test_busy_then_expired_then_taken(visit: Callable[..., Visitor], newcomer: str):
    member = visit("phone")
    sign_in(member, newcomer)
    refusals = [
        # As the archive's 503 BUSY (which `visit` would take for a fault of the school).
        {"status": 429, "headers": {"Retry-After": "3"}, "json": {"code": "BUSY", "message": ""}},
        {"status": 401, "json": {"code": "TOKEN_EXPIRED", "message": ""}},
    ]
    asked_at: list[float] = []

    def answer(route: Any) -> None:
        asked_at.append(time.monotonic())
        if refusals:
            route.fulfill(**refusals.pop(0))
        else:
            route.continue_()

    member.page.route("**/api/archive/beats", answer)
    tokens = watch_beats(member)
    # Under the fresh session only what fits into the clock's slack (5 s) can count: that much is played.
    play_until(member, 2)
    left_s = pause(member)

    eventually_studied(member, 1)
    assert asked_at[1] - asked_at[0] >= 3, "Retry-After was not kept"
    assert len({one["token"] for one in tokens if one["status"] in {401, 200}}) == 2, (
        "no fresh token was fetched"
    )
    assert studied(member) <= left_s + 1
    assert member.page.locator("[data-player-target='signedOut']").is_hidden()


def test_another_device_takes_over_and_gives_back(visit: Callable[..., Visitor], newcomer: str):
    phone, desktop = visit("phone"), visit("desktop")
    sign_in(phone, newcomer)
    play_until(phone, 4)
    left_s = pause(phone)
    eventually_studied(phone, left_s - 1.5)

    sign_in(desktop, newcomer)
    assert abs(float(desktop.page.locator(".player__range").input_value()) - left_s) <= 1
    play_until(desktop, left_s + 4)
    pause(desktop)
    eventually_studied(desktop, left_s + 2)

    banner = phone.page.locator("[data-player-target='leaseLost']")
    paused_s = position(phone)
    phone.page.locator(".player__start").click()
    phone.wait_until(
        lambda: banner.is_visible() or position(phone) > paused_s + 2, what="playing on the phone"
    )
    pause(phone)
    phone.wait_until(banner.is_visible, what="the word about the other device")
    phone.picture("player-lease-phone", full_page=False)

    banner.get_by_role("button").click()
    phone.wait_until(banner.is_hidden, what="the lease")
    phone.wait_until(lambda: position(phone) > left_s + 7, patience_s=60, what="playing on")
    pause(phone)
    eventually_studied(phone, left_s + 5)


def test_leaving_the_page_pauses_and_listening_does_not(visit: Callable[..., Visitor], newcomer: str):
    member = visit("phone")
    sign_in(member, newcomer)
    play_until(member, 2)

    hide(member, True)
    assert member.page.evaluate(f"{VIDEO}.paused")
    hide(member, False)
    assert "离开时已暂停" in member.page.locator(".player__notice").inner_text()

    member.page.locator("[data-controller='listen']").click()
    member.wait_until(
        lambda: not member.page.evaluate(f"{VIDEO}.paused") and position(member) > 3, what="the sound"
    )
    assert member.page.evaluate(f"{VIDEO}.videoWidth") == 0
    member.picture("player-listening-phone", full_page=False)
    answers = watch_beats(member)
    hide(member, True)
    begun_s = position(member)
    member.wait_until(lambda: position(member) > begun_s + 4, what="sound in the background")
    left_s = pause(member)
    hide(member, False)

    eventually_studied(member, left_s - 1.5)
    unseen = [beat for answer in answers for beat in answer["beats"] if not beat["visible"]]
    assert unseen and all(beat["flags"] == ["audio"] for beat in unseen)


def hide(visitor: Visitor, hidden: bool) -> None:
    """As if the member went to another app: headless Chromium never hides a page by itself."""
    visitor.page.evaluate(
        """(hidden) => {
            Object.defineProperty(document, "visibilityState", {
                configurable: true, get: () => (hidden ? "hidden" : "visible"),
            });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )
    visitor.page.wait_for_timeout(400)


def test_words_qualities_and_the_keyboard(visit: Callable[..., Visitor], newcomer: str):
    member = visit("desktop")
    sign_in(member, newcomer)
    page = member.page
    play_until(member, 4)

    names = page.locator("[data-player-target='quality'] option").all_inner_texts()
    assert names[0] == "自动" and set(names[1:]) <= {"流畅", "标清", "高清"} and len(names) > 2
    lines = page.locator("[data-controller~=transcript] .transcript__line")
    assert lines.count() > 3
    member.wait_until(
        lambda: page.locator("[data-controller~=transcript] .transcript__line[aria-current]").count() == 1,
        what="the spoken line",
    )
    toggle = page.locator("[data-captions-target='toggle']")
    assert toggle.get_attribute("aria-pressed") == "true"
    page.mouse.move(400, 300)
    toggle.click()
    assert page.locator(".player__caption").is_hidden()

    lines.first.click()
    assert position(member) < 3
    page.locator("[data-player-target='toggle']").focus()
    page.keyboard.press("k")
    assert page.evaluate(f"{VIDEO}.paused")
    small = page.eval_on_selector_all(
        ".player button:not([hidden]), .player select:not([hidden])",
        """(all) => all.filter((one) => one.offsetParent).map((one) => one.getBoundingClientRect())
            .filter((box) => box.width < 44 || box.height < 44).length""",
    )
    assert small == 0, "a control is smaller than a thumb"
    member.picture("player-desktop", full_page=False)


def test_reading_aloud_is_offered_only_where_there_is_a_voice(visit: Callable[..., Visitor], newcomer: str):
    silent, speaking = visit("phone"), visit("phone")
    speaking.page.add_init_script(
        """
        window.__spoken = [];
        speechSynthesis.getVoices = () => [{ lang: "zh-CN", name: "测试", localService: true }];
        window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
        speechSynthesis.speak = (one) => window.__spoken.push(one.text);
        """
    )
    for visitor in (silent, speaking):
        sign_in(visitor, newcomer, READING)
        visitor.page.wait_for_timeout(500)

    assert silent.page.locator("[data-controller='read-aloud']").first.is_hidden()
    button = speaking.page.locator("[data-controller='read-aloud']").first
    assert button.is_visible()
    button.click()
    spoken = speaking.page.evaluate("window.__spoken")
    assert len(spoken) > 3 and max(map(len, spoken)) <= 120
    assert button.get_attribute("aria-pressed") == "true"
    scripts = speaking.page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
    assert not [one for one in scripts if "/hls" in one or "sphere" in one], "a page to read loads no player"
