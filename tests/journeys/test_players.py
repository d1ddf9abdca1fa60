"""Other people's players on a real media set: hls.js and shaka-player in a real Chromium, over HTTP with our tokens.

Whatever plays HLS or DASH must play our sets: what is packaged is judged by what plays it. The set has all that a set
can have: H.264 and AV1, two languages, slides, captions, chapters, thumbnails.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from media_pipeline import api
from media_pipeline.models import Asset
from tests.factories import MemberFactory
from tests.journeys.school import FRONTEND
from tests.media_pipeline.renditions import encode, recipe_of, rungs, sounds, waiting_for_package

SECONDS = 24
PAGE = Path(__file__).with_name("players.html")
SCRIPTS = {
    "hls.js": FRONTEND / "node_modules" / "hls.js" / "dist" / "hls.min.js",
    "shaka.js": FRONTEND / "node_modules" / "shaka-player" / "dist" / "shaka-player.compiled.js",
}
PATIENCE_MS = 60_000
VTT = "WEBVTT\n\n00:00.000 --> 00:06.000\n民主集中制\n\n00:10.000 --> 00:20.000\n少数服从多数\n"


@pytest.fixture(scope="module", autouse=True)
def beside_a_browser() -> None:
    """Playwright keeps an event loop in this thread, which Django takes for an async program, to its last moment."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path, Path]:
    """A recipe, its encoded renditions, and a media folder that all tests of this module share."""
    made = recipe_of(rungs(av1=True), sounds("zho", "eng"))
    encoded = tmp_path_factory.mktemp("encoded")
    encode(made, encoded, seconds=SECONDS)
    return made, encoded, tmp_path_factory.mktemp("media")


@pytest.fixture
def lecture(drawn: tuple[Any, Path, Path], live_server: Any, settings: Any) -> Any:
    """Signed addresses of a published lecture with captions and chapters, on a server that answers."""
    made, encoded, root = drawn
    settings.MEDIA_PIPELINE = {**settings.MEDIA_PIPELINE, "ROOT": root}
    job = waiting_for_package(made, encoded)
    api.work_on(job.pk, bell=False)
    asset = Asset.objects.get(pk=job.asset_id)
    assert asset.state == "READY", asset.jobs.get(stage="PACKAGE").error
    api.set_captions(asset, vtt=VTT)
    asset.refresh_from_db()
    return api.playback(asset, MemberFactory())


@pytest.fixture
def page(chromium: Any, live_server: Any) -> Iterator[Any]:
    """A page with both players, on the server's own origin."""
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE_MS)
    context.route(
        "**/players/*", lambda route: route.fulfill(path=SCRIPTS.get(route.request.url.split("/")[-1], PAGE))
    )
    sheet = context.new_page()
    sheet.goto(f"{live_server.url}/players/page.html")
    yield sheet
    context.close()


def comes_true(page: Any, condition: str, argument: Any = None) -> None:
    """Wait for it; in vain, the test fails with what the player was at."""
    try:
        page.wait_for_function(condition, arg=argument)
    except Exception as vain:
        raise AssertionError(f"{condition} never: {page.evaluate('state()')}") from vain


def opened(page: Any, name: str, url: str, *, codec: str = "avc1") -> None:
    page.evaluate(
        """async ([name, url, codec]) => {
            player = players[name]();
            await player.open(url, codec);
            await video.play();
        }""",
        [name, url, codec],
    )


WAYS = [("hls", "manifest_url"), ("shaka", "manifest_url"), ("shaka", "dash_url")]


@pytest.mark.parametrize(("name", "address"), WAYS, ids=["hls.js HLS", "shaka HLS", "shaka DASH"])
def test_a_player_plays_all_of_a_set(page: Any, lecture: Any, name: str, address: str):
    opened(page, name, getattr(lecture, address))

    # It plays: time moves, frames come.
    comes_true(page, "() => video.currentTime > 1 && frames() > 10")
    assert abs(page.evaluate("video.duration") - SECONDS) < 0.2
    # It shows captions.
    assert [said.lower() for said in page.evaluate("player.captions()")] == ["zh-hans 中文"]
    page.evaluate("player.read(0)")
    page.evaluate("video.currentTime = 3")
    comes_true(page, "() => shown().includes('民主集中制')")
    # It seeks, forward over unloaded segments and back.
    before = page.evaluate("frames()")
    page.evaluate("video.currentTime = 14.2")
    comes_true(page, "(n) => video.currentTime > 15 && frames() > n + 10", before)
    comes_true(page, "() => shown().includes('少数服从多数')")
    page.evaluate("video.currentTime = 1.4")
    comes_true(page, "() => video.currentTime > 1.5 && video.currentTime < 9 && !video.seeking")
    # It switches quality; hls.js also the codec, shaka-player keeps to one (its own rule).
    offered = ["180 avc1", "360 av01", "360 avc1"] if name == "hls" else ["180 avc1", "360 avc1"]
    assert sorted(page.evaluate("player.heights()")) == offered
    for wanted in ["180 avc1", "360 avc1", "180 avc1", offered[1]]:
        page.evaluate("(wanted) => { player.choose(wanted); video.currentTime = 2; video.play(); }", wanted)
        lines = int(wanted.split()[0])
        comes_true(page, "(lines) => video.videoHeight === lines && !video.seeking", lines)
    # It switches the language.
    assert page.evaluate("player.sounds()") == ["zh 普通话", "en 英语"]
    page.evaluate("() => { video.currentTime = 2; video.play(); }")
    comes_true(page, "() => video.currentTime > 2 && !video.seeking")
    assert page.evaluate("player.listen('en')") == "en"
    comes_true(page, "() => video.currentTime > 4")
    # It comes to the end.
    page.evaluate("() => { video.currentTime = 22.8; video.play(); }")
    comes_true(page, "() => video.ended")
    assert page.evaluate("faults") == []


@pytest.mark.parametrize(("name", "address"), WAYS[1:], ids=["shaka HLS", "shaka DASH"])
def test_av1_plays_where_it_is_preferred(page: Any, lecture: Any, name: str, address: str):
    opened(page, name, getattr(lecture, address), codec="av01")

    assert page.evaluate("player.heights()") == ["360 av01"]
    comes_true(page, "() => video.currentTime > 1 && frames() > 10 && video.videoHeight === 360")
    assert page.evaluate("faults") == []


@pytest.mark.parametrize(("name", "address"), WAYS[1:], ids=["shaka HLS", "shaka DASH"])
def test_thumbnails_as_a_track(page: Any, lecture: Any, name: str, address: str):
    opened(page, name, getattr(lecture, address))

    found = page.evaluate("player.thumbnail(7)")

    # A picture every 2 s, ten in a row: second 7 is the fourth picture.
    assert found == {"x": 480, "y": 0, "width": 160, "height": 90, "sheet": [1600, 180]}


def test_chapters_as_apple_writes_them(page: Any, lecture: Any):
    opened(page, "shaka", lecture.manifest_url)

    found = page.evaluate(
        """async () => (await player.player.getChaptersAsync("zh-Hans"))
            .map(({ title, startTime }) => [title, startTime])"""
    )

    assert found == [["第1页", 0], ["第2页", 4], ["第3页", 8], ["第4页", 12], ["第5页", 16], ["第6页", 20]]


@pytest.mark.parametrize("name", ["hls", "shaka"])
def test_sound_and_slides_alone(page: Any, lecture: Any, name: str):
    """The thrifty rendition plays, on the same timeline, and nothing else is fetched for it."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    opened(page, name, lecture.slides_url)

    comes_true(page, "() => video.currentTime > 2 && frames() >= 2 && video.videoHeight === 180")
    assert abs(page.evaluate("video.duration") - SECONDS) < 1.1
    page.evaluate("video.currentTime = 13.5")
    comes_true(page, "() => video.currentTime > 14")
    assert not [url for url in asked if "/v360/" in url or "/v180/" in url or "/a360/" in url]
    assert any("/s180/" in url for url in asked) and page.evaluate("faults") == []


def test_sound_alone(page: Any, lecture: Any):
    opened(page, "hls", lecture.audio_url)

    comes_true(page, "() => video.currentTime > 2")
    assert page.evaluate("player.sounds()") == ["zh 普通话", "en 英语"]
    assert page.evaluate("faults") == []
