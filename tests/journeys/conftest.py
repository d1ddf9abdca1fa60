"""The whole school for real: one `./run`-like start for all journeys, and the machine's Chromium to visit it."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from people.models import Member, PartyOrganization, PostRole
from tests.factories import MemberFactory, PartyOrganizationFactory, PostFactory
from tests.journeys.school import (
    CHROMIUM_FLAGS,
    DESKTOP,
    FRONTEND,
    HEADSET,
    PHONE,
    PICTURES,
    Accessibility,
    School,
    Visitor,
    await_school,
    open_school,
    stop_school,
)

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright keeps a loop in this thread


@pytest.fixture(scope="session", autouse=True)
def opening(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School | None]:
    """The school, opening in the background while the journeys run that do without it (they come first, since
    pytest-django runs what uses the test's own database before the rest). None where no journey needs it.

    JOURNEY_DATA names a data folder to use again while writing a journey; CI starts from nothing.
    """
    here = Path(__file__).parent
    journeys = [item for item in request.session.items if here in item.path.parents]
    if not any("school" in getattr(item, "fixturenames", ()) for item in journeys):
        yield None
        return
    kept = os.environ.get("JOURNEY_DATA")
    running = open_school(Path(kept) if kept else tmp_path_factory.mktemp("school") / "data")
    yield running
    stop_school(running)
    PICTURES.mkdir(parents=True, exist_ok=True)
    (PICTURES / "school.log").write_text("\n".join(running.lines), encoding="utf-8")


@pytest.fixture(scope="session")
def school(opening: School) -> School:
    """The demonstration, seeded and transcoded, running until the last journey is over."""
    return await_school(opening)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A real Chromium. Where there is none, journeys cannot be run: in CI that is a failure."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium on this machine: .ci/run must install it")
        pytest.skip("没有找到 Chromium，浏览器里的整程测试没有运行：sudo apt install chromium fonts-noto-cjk")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Any, school: School) -> Iterator[Any]:
    """`visit("phone")` or `visit("desktop")`: a new device with cookies of its own.

    With `headset` the device has a WebXR runtime (the emulator iwer as a Meta Quest 3).

    Errors that the page throws, and answers of 500 and above, fail the test at its end.
    """
    contexts, faults = [], []

    def arrive(
        device: str = "phone", *, javascript: bool = True, headset: bool = False, **options: Any
    ) -> Visitor:
        phone = device == "phone"
        context = chromium.new_context(
            viewport=PHONE if phone else DESKTOP,
            device_scale_factor=2 if phone else 1,
            has_touch=phone,
            is_mobile=phone,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            java_script_enabled=javascript,
            **options,
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        if headset:
            context.add_init_script(path=str(FRONTEND / "node_modules" / "iwer" / "build" / "iwer.min.js"))
            context.add_init_script(HEADSET)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
        page.on("response", lambda r: faults.append(f"{r.status} {r.url}") if r.status >= 500 else None)
        return Visitor(page, school, device)

    yield arrive
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def live_server(live_server: Any) -> Iterator[Any]:
    """pytest-django's; the tables are emptied only when it has answered everything: a browser that was closed in the
    middle of a picture leaves a request that still reads them."""
    yield live_server
    until = time.monotonic() + 20
    while any("process_request_thread" in one.name for one in threading.enumerate()):
        assert time.monotonic() < until, "the server is still answering a browser that is gone"
        time.sleep(0.02)


@pytest.fixture
def browser_of(chromium: Any, live_server: Any) -> Iterator[Any]:
    """`browser_of(member)`: a phone that is signed in at the test's own server, without the demonstration;
    `browser_of(member, desktop=True)` a desk, `browser_of(None)` a stranger. Quicker than a whole school where no
    lecture is played.

    Errors that the page throws, and answers of 500 and above, fail the test at its end.
    """
    contexts, faults = [], []

    def arrive(member: Any, *, desktop: bool = False) -> Any:
        context = chromium.new_context(
            viewport=DESKTOP if desktop else PHONE,
            has_touch=not desktop,
            is_mobile=not desktop,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            base_url=live_server.url,
        )
        context.set_default_timeout(10_000)
        if member is not None:
            signed_in = Client()
            signed_in.force_login(member)
            name = settings.SESSION_COOKIE_NAME
            cookie = {"name": name, "value": signed_in.cookies[name].value, "url": live_server.url}
            context.add_cookies([cookie])
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
        page.on("response", lambda r: faults.append(f"{r.status} {r.url}") if r.status >= 500 else None)
        return page

    yield arrive
    for context in contexts:
        context.close()
    assert faults == []


@dataclass(frozen=True)
class Branch:
    """A committee with one branch: its organiser, and of the branch the secretary and a member."""

    committee: PartyOrganization
    branch: PartyOrganization
    organiser: Member
    secretary: Member
    member: Member


@pytest.fixture
def people() -> Branch:
    """桂花社区党委 with 周敏, 第一党支部 with 陈刚 (secretary) and 李秀兰, in the test's own database."""
    committee = PartyOrganizationFactory(code="001.001", name="桂花社区党委", type="GRASSROOTS_COMMITTEE")
    branch = PartyOrganizationFactory(parent=committee, code="001.001.001", name="桂花社区第一党支部")
    secretary = MemberFactory(name="陈刚", organization=branch)
    PostFactory(member=secretary, role=PostRole.SECRETARY)
    organiser = PostFactory(member=MemberFactory(name="周敏", organization=committee)).member
    member = MemberFactory(name="李秀兰", organization=branch, phone="13800001234")
    return Branch(committee, branch, organiser, secretary, member)


@pytest.fixture(scope="session")
def axe() -> Accessibility:
    return Accessibility((FRONTEND / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All journeys share one school, hence one worker, and are slow."""
    for item in items:
        if Path(__file__).parent in Path(item.fspath).parents:
            item.add_marker(pytest.mark.xdist_group("journey"))
            if "grown" not in item.keywords:
                item.add_marker(pytest.mark.journey)
