"""A panorama in a real browser: flat views that switch at segment borders, and a headset in which each eye sees its own.

The views are those that the running school drew of its demonstration by itself. The headset is the
emulator iwer; its lecture is exchanged on the way for a marked one, so that pixels tell who sees what.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from media_pipeline.engine import engine
from tests.journeys.school import FRONTEND, ROOT, School, Visitor, picture_difference
from tests.journeys.test_player import ENROL, PASSWORD
from tests.journeys.test_whole_way import panorama_path

VIDEO = "document.querySelector('.player__video')"
SEGMENT_S = 2
GREEN, RED, BLUE = (0, 160, 0), (200, 0, 0), (0, 0, 220)
IWER = (FRONTEND / "node_modules" / "iwer" / "build" / "iwer.min.js").read_text(encoding="utf-8")
BOTH_EYES = """
(() => {
  const device = new IWER.XRDevice(IWER.metaQuest3);
  device.stereoEnabled = true;
  device.installRuntime({ forceInstall: true });
  window.__device = device;
  const request = navigator.xr.requestSession.bind(navigator.xr);
  navigator.xr.requestSession = async (mode, options) => {
    const session = await request(mode, options);
    window.__session = session;
    session.addEventListener("end", () => { window.__ended = true; });
    const look = () => {
      const gl = document.querySelector(".player__canvas").getContext("webgl2");
      const { drawingBufferWidth: width, drawingBufferHeight: height } = gl;
      const at = (share) => {
        const pixel = new Uint8Array(4);
        gl.readPixels(Math.floor(width * share), Math.floor(height * 0.6), 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
        return [...pixel.slice(0, 3)];
      };
      // three.js asked for its frame before we did (hence the delay below): this frame's picture is still there.
      window.__eyes = { left: at(0.25), right: at(0.75), frames: (window.__eyes?.frames ?? 0) + 1 };
      session.requestAnimationFrame(look);
    };
    setTimeout(() => session.requestAnimationFrame(look), 500);
    return session;
  };
})();
"""


@pytest.fixture(scope="module")
def people(school: School) -> Iterator[str]:
    """User names of members who have studied nothing yet."""
    names = [f"panorama-{os.getpid()}-{number}" for number in range(1, 4)]
    more = {
        "ESCHOOL_DATA_DIR": str(school.data),
        "DJANGO_SETTINGS_MODULE": "portal.settings.base",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'site'}",
    }
    subprocess.run([sys.executable, "-c", ENROL, *names], cwd=ROOT, check=True, env=os.environ | more)
    return iter(names)


def open_panorama(visitor: Visitor, username: str, *, with_views: bool = True) -> str:
    """Sign in and open the demonstration's panorama; wait until the school has drawn its views."""
    visitor.go("/accounts/login/?next=/study/")
    visitor.page.fill("input[name=login]", username)
    visitor.page.fill("input[name=password]", PASSWORD)
    visitor.page.click("form[action*=login] button[type=submit]")
    visitor.page.wait_for_url("**/study/")
    path = panorama_path(visitor)

    def drawn() -> bool:
        visitor.go(path)
        return bool(play_data(visitor)["playback"]["views_url"]) or not with_views

    visitor.wait_until(drawn, patience_s=600, what="the views to be drawn")
    visitor.page.locator(".player__stage.is-ready").wait_for()
    return path


def play_data(visitor: Visitor) -> dict[str, Any]:
    return json.loads(visitor.page.locator("script#lesson-play").text_content())


def position(visitor: Visitor) -> float:
    return visitor.page.evaluate(f"{VIDEO}.currentTime")


def play_until(visitor: Visitor, second: float) -> None:
    visitor.wait_until(lambda: position(visitor) >= second, patience_s=90, what=f"second {second}")


def heading(visitor: Visitor) -> str:
    return visitor.page.locator("[data-viewport-target='word']").inner_text()


class Segments:
    """Which segments of which view the page has asked for, in order: [("y045", 4), …]."""

    def __init__(self, visitor: Visitor) -> None:
        self.asked: list[tuple[str, int]] = []
        visitor.page.on("request", self._note)

    def _note(self, request: Any) -> None:
        if found := re.search(r"/(y\d{3})/(\d{5})\.m4s", request.url):
            self.asked.append((found.group(1), int(found.group(2))))

    def of(self, view: str) -> list[int]:
        return [number for name, number in self.asked if name == view]


def test_flat_views_turn_at_a_segment_border_and_time_counts_once(
    visit: Callable[..., Visitor], people: str, axe: Any
):
    member = visit("phone")
    open_panorama(member, next(people))
    segments = Segments(member)
    beats: list[list[int]] = []

    def note(request: Any) -> None:
        if request.url.endswith("/api/archive/beats") and request.post_data:
            for beat in json.loads(request.post_data)["beats"]:
                beats.extend(beat["intervals"])

    member.page.on("request", note)
    member.page.locator("[data-controller='simple-view']").click()
    assert heading(member) == "正前方"
    member.page.locator(".player__start").click()
    play_until(member, 1)
    assert member.page.locator("canvas[data-sphere-target='canvas']").is_hidden()
    assert {view for view, _number in segments.asked} == {"y000"}
    member.page.evaluate(
        f"""() => {{
            window.__broken = [];
            for (const name of ["seeking", "emptied", "pause", "error"])
                {VIDEO}.addEventListener(name, () => window.__broken.push(name));
        }}"""
    )
    before = member.page.locator(".player__video").screenshot()

    turned_at = position(member)
    member.page.get_by_role("button", name="向右转").click()
    assert heading(member) == "右前方"
    member.wait_until(lambda: len(segments.of("y045")) >= 2, what="segments of the new view")
    first = segments.of("y045")[0]
    begins = (first - 1) * SEGMENT_S
    play_until(member, begins + 1)

    assert begins + SEGMENT_S > turned_at  # never back in time
    assert segments.of("y045") == sorted(segments.of("y045"))
    assert picture_difference(before, member.page.locator(".player__video").screenshot()) > 0.02
    play_until(member, begins + 3)
    assert member.page.evaluate("window.__broken") == []  # the lecture simply went on
    ranges = member.page.evaluate(
        f"[...Array({VIDEO}.buffered.length).keys()].map((n) => [{VIDEO}.buffered.start(n), {VIDEO}.buffered.end(n)])"
    )
    assert len(ranges) == 1, ranges  # no hole between the views

    stopped = member.page.evaluate(f"{VIDEO}.pause(), {VIDEO}.currentTime")
    member.wait_until(
        lambda: beats and max(end for _b, end in beats) >= stopped * 1000 - 400, what="the beats"
    )
    assert_seconds_once(beats, stopped)
    axe.check(member, "simple view")
    member.picture("panorama-simple-phone", full_page=False)


def assert_seconds_once(intervals: list[list[int]], until_s: float) -> None:
    """All of the lecture from the beginning is claimed, none of it twice (but for resent beats)."""
    unique = sorted({(begin, end) for begin, end in intervals})
    assert unique[0][0] <= 300
    for (_b, end), (begin, _e) in pairwise(unique):
        assert begin >= end - 1, f"claimed twice: {unique}"
        assert begin - end <= 300, f"a hole: {unique}"
    assert abs(unique[-1][1] / 1000 - until_s) < 0.5


def test_keys_and_strokes_turn_and_the_choice_is_kept(visit: Callable[..., Visitor], people: str):
    member = visit("desktop")
    path = open_panorama(member, next(people))
    member.page.locator("[data-controller='simple-view']").click()
    member.page.locator(".player__start").click()
    play_until(member, 1)

    member.page.get_by_role("button", name="向左转").focus()
    member.page.keyboard.press("ArrowLeft")
    assert heading(member) == "左前方"
    at = position(member)
    for _turn in range(3):
        member.page.keyboard.press("ArrowRight")
    assert heading(member) == "右侧"
    assert position(member) < at + 8  # the arrows turn, they do not step through time

    box = member.page.locator(".player__stage").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    member.page.mouse.move(*middle)
    member.page.mouse.down()
    member.page.mouse.move(middle[0] + 160, middle[1] + 5, steps=4)
    member.page.mouse.up()
    assert heading(member) == "右前方"
    assert member.page.evaluate(f"{VIDEO}.paused") is False  # a stroke is no tap
    member.picture("panorama-simple-desktop", full_page=False)

    member.go(path)
    member.page.locator("[data-viewport-target='bar']").wait_for()
    member.page.locator("[data-controller='simple-view']").click()
    assert member.page.locator("[data-viewport-target='bar']").is_hidden()
    member.page.locator(".player__start").click()
    member.page.locator("canvas[data-sphere-target='canvas']").wait_for()  # whole again


def test_without_webgl_flat_views_come_by_themselves(visit: Callable[..., Visitor], people: str):
    member = visit("phone")
    member.page.add_init_script(
        """const context = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
            return kind.startsWith("webgl") ? null : context.call(this, kind, ...more);
        };"""
    )
    open_panorama(member, next(people))

    member.page.locator("[data-viewport-target='bar']").wait_for()
    member.page.locator(".player__start").click()
    play_until(member, 1)

    assert heading(member) == "正前方"
    assert member.page.evaluate(f"{VIDEO}.videoWidth") <= 1280


# In a headset


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], bytes]:
    """Two minutes: before the left eye red, before the right eye blue, behind both green (there is no behind at 180°)."""
    folder = tmp_path_factory.mktemp("marked")

    def make(projection: str, stereo: str) -> bytes:
        path: Path = folder / f"{projection}-{stereo}.mp4"
        if not path.exists():
            half = projection == "HALF_EQUIRECT"
            eyes = []
            for colour in ("0xC80000", "0x0000DC"):
                back = colour if half else "0x00A000"
                eyes.append(
                    f"color={back}:s=512x512:r=5:d=120,drawbox=x=128:y=0:w=256:h=512:c={colour}:t=fill"
                )
            stack = {"LEFT_RIGHT": "hstack", "TOP_BOTTOM": "vstack"}[stereo]
            graph = f"{eyes[0]}[a];{eyes[1]}[b];[a][b]{stack},format=yuv420p"
            command = [engine().ffmpeg, "-v", "error", "-filter_complex", graph, "-c:v", "libx264", "-preset"]
            command += ["ultrafast", "-movflags", "+faststart", str(path)]
            subprocess.run(command, check=True)
        return path.read_bytes()

    return make


def near(pixel: list[int], colour: tuple[int, int, int]) -> bool:
    return all(abs(one - other) < 60 for one, other in zip(pixel, colour, strict=True))


@pytest.mark.parametrize(
    ("projection", "stereo"),
    [
        ("EQUIRECT", "LEFT_RIGHT"),
        ("EQUIRECT", "TOP_BOTTOM"),
        ("HALF_EQUIRECT", "LEFT_RIGHT"),
        ("HALF_EQUIRECT", "TOP_BOTTOM"),
    ],
)
def test_in_a_headset_each_eye_sees_its_own_and_the_head_turns_the_picture(
    visit: Callable[..., Visitor], marked: Callable[[str, str], bytes], projection: str, stereo: str
):
    member = visit("desktop", service_workers="block")  # it would answer in place of our route
    member.page.add_init_script(IWER)
    member.page.add_init_script(BOTH_EYES)
    clip = marked(projection, stereo)

    def exchange(route: Any) -> None:
        """The lesson page with the marked clip as its lecture."""
        answer = route.fetch()

        def play(found: re.Match[str]) -> str:
            data = json.loads(found.group(2))
            data["playback"] |= {"manifest_url": "/marked.mp4", "projection": projection, "stereo": stereo}
            data["playback"] |= {"views_url": "", "audio_url": ""}
            return found.group(1) + json.dumps(data).replace("<", "\\u003C") + found.group(3)

        page = re.sub(
            r'(<script id="lesson-play"[^>]*>)(.*?)(</script>)', play, answer.text(), flags=re.DOTALL
        )
        route.fulfill(response=answer, body=page)

    member.sign_in("member", to="/study/")
    path = panorama_path(member)
    member.page.route(f"**{path}", exchange)
    member.page.route("**/marked.mp4", lambda route: route.fulfill(body=clip, content_type="video/mp4"))
    member.go(path)
    button = member.page.locator("[data-controller='headset']")
    button.wait_for()
    button.click()

    def eyes() -> dict[str, Any]:
        return member.page.evaluate("window.__eyes ?? null") or {"left": [0, 0, 0], "right": [0, 0, 0]}

    member.wait_until(
        lambda: near(eyes()["left"], RED) and near(eyes()["right"], BLUE),
        patience_s=120,
        what="red for the left eye and blue for the right one",
    )
    member.page.evaluate("__device.quaternion.set(0, 1, 0, 0)")  # look back
    behind = GREEN if projection == "EQUIRECT" else (18, 15, 14)
    member.wait_until(
        lambda: near(eyes()["left"], behind) and near(eyes()["right"], behind), what="what lies behind"
    )

    # The trigger pauses, the grip leaves.
    member.page.evaluate("__device.controllers.right.updateButtonValue('trigger', 1)")
    member.wait_until(lambda: member.page.evaluate(f"{VIDEO}.paused"), what="the pause")
    member.page.evaluate("__device.controllers.right.updateButtonValue('trigger', 0)")
    member.page.evaluate("__device.controllers.right.updateButtonValue('squeeze', 1)")
    member.page.wait_for_timeout(200)
    member.page.evaluate("__device.controllers.right.updateButtonValue('squeeze', 0)")
    member.wait_until(lambda: member.page.evaluate("window.__ended === true"), what="the end of the session")
