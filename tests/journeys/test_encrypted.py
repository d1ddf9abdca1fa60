"""An encrypted lecture in a real Chromium: hls.js over plain HTTP plays it for its member, and for nobody else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from media_pipeline import api
from tests.factories import MemberFactory
from tests.journeys.school import FRONTEND
from tests.media_pipeline.clips import Clips

pytestmark = pytest.mark.journey

HLS_JS = FRONTEND / "node_modules" / "hls.js" / "dist" / "hls.min.js"
PAGE = """<!doctype html><meta charset="utf-8"><video id="v" muted playsinline></video><script src="/players/hls.js"></script>
<script>
window.failed = "";
window.begin = (url) => {
  const hls = new Hls();
  hls.on(Hls.Events.ERROR, (_e, data) => { if (data.fatal || data.details.startsWith("key")) window.failed = data.details; });
  hls.loadSource(url);
  hls.attachMedia(document.getElementById("v"));
  document.getElementById("v").play().catch(() => undefined);
};
</script>"""


@pytest.fixture(scope="module", autouse=True)
def beside_a_browser() -> None:
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"


@pytest.fixture
def asset(tmp_path: Any, live_server: Any, settings: Any) -> Any:
    settings.MEDIA_PIPELINE = {
        **settings.MEDIA_PIPELINE, "ROOT": tmp_path / "media", "PRESET": "ultrafast", "VIEWPORTS": False,
    }  # fmt: skip
    asset = api.ingest_file(Clips(tmp_path).flat, title="课件", uploaded_by=None, enqueue=False)
    api.set_protection(asset, True)
    return api.work_off(asset)


@pytest.fixture
def opened(chromium: Any, live_server: Any) -> Iterator[Any]:
    """`opened(member)`: a page of the school's origin in the member's session."""
    contexts = []

    def page_of(member: Any) -> Any:
        client = Client()
        client.force_login(member)
        context = chromium.new_context()
        contexts.append(context)
        context.add_cookies(
            [
                {
                    "name": django_settings.SESSION_COOKIE_NAME,
                    "value": client.cookies[django_settings.SESSION_COOKIE_NAME].value,
                    "url": live_server.url,
                }
            ]
        )
        context.route("**/players/hls.js", lambda route: route.fulfill(path=HLS_JS))
        context.route(
            "**/players/page.html", lambda route: route.fulfill(body=PAGE, content_type="text/html")
        )
        page = context.new_page()
        page.set_default_timeout(90_000)
        page.goto(f"{live_server.url}/players/page.html")
        return page

    yield page_of
    for context in contexts:
        context.close()


def test_it_plays_for_its_member_and_for_nobody_else(asset: Any, opened: Any) -> None:
    member, other = MemberFactory(), MemberFactory()
    url = api.playback(asset, member).manifest_url

    hers = opened(member)
    keys = []
    hers.on("response", lambda said: keys.append(said.status) if said.url.endswith("key.bin") else None)
    hers.evaluate("url => begin(url)", url)
    hers.wait_for_function("document.getElementById('v').currentTime > 4.2 || failed")
    assert hers.evaluate("failed") == ""
    assert hers.evaluate("document.getElementById('v').videoHeight") > 0
    assert set(keys) == {200}

    his = opened(other)  # with her address, in his own session
    his.evaluate("url => begin(url)", url)
    his.wait_for_function("failed !== ''")
    assert his.evaluate("failed").startswith("key")
    assert his.evaluate("document.getElementById('v').currentTime") == 0
