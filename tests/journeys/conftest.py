"""The whole school for real: one `./run`-like start for all journeys, and Debian's Chromium to visit it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "var" / "screenshots"
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--mute-audio",
    "--lang=zh-CN",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


@dataclass
class School:
    """A running school: its address, its data folder, and who may sign in."""

    url: str
    data: Path
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    @property
    def accounts(self) -> dict[str, dict[str, str]]:
        return json.loads((self.data / "demo-accounts.json").read_text(encoding="utf-8"))


def start_school(data: Path, *arguments: str, patience_s: float = 900, **environment: str) -> School:
    """Start the launcher on `data` and wait for its `ready` line; fails with its output when it does not come."""
    clean = {k: v for k, v in os.environ.items() if k not in {"DJANGO_SETTINGS_MODULE", "ESCHOOL_DATA_DIR"}}
    process = subprocess.Popen(
        [sys.executable, "-m", "portal.launch", "serve", "--port", "0", "--data", str(data), *arguments],
        cwd=ROOT,
        env=clean | {"PYTHONUNBUFFERED": "1"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    school, ready = School("", data, process), threading.Event()

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            school.lines.append(line.rstrip())
            if found := re.match(r"ready (http://\S+)", line):
                school.url = found.group(1)
                ready.set()
        ready.set()

    threading.Thread(target=listen, daemon=True).start()
    if not ready.wait(patience_s) or not school.url:
        stop_school(school)
        pytest.fail("the school did not start:\n" + "\n".join(school.lines[-60:]))
    return school


def stop_school(school: School) -> None:
    """Ctrl-C, then wait; a launcher that does not stop within 40 s is a failure of its own."""
    if school.process.poll() is None:
        school.process.send_signal(signal.SIGINT)
        try:
            school.process.wait(40)
        except subprocess.TimeoutExpired:
            os.killpg(school.process.pid, signal.SIGKILL)
            pytest.fail("Ctrl-C did not stop the school within 40 s:\n" + "\n".join(school.lines[-20:]))


@pytest.fixture(scope="session")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    """The demonstration, seeded and transcoded, running until the last journey is over."""
    running = start_school(tmp_path_factory.mktemp("school") / "data")
    yield running
    stop_school(running)
    PICTURES.mkdir(parents=True, exist_ok=True)
    (PICTURES / "school.log").write_text("\n".join(running.lines), encoding="utf-8")


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


@dataclass
class Visitor:
    """One person with one device."""

    page: Any
    school: School
    name: str

    def sign_in(self, role: str, *, to: str = "/study/") -> None:
        account = self.school.accounts[role]
        self.page.goto(f"{self.school.url}/accounts/login/?next={to}")
        self.page.fill("input[name=login]", account["username"])
        self.page.fill("input[name=password]", account["password"])
        self.page.click("form[action*=login] button[type=submit]")
        self.page.wait_for_url(f"**{to}")

    def go(self, path: str) -> None:
        self.page.goto(self.school.url + path)

    def picture(self, name: str, *, full_page: bool = True) -> Path:
        """Keep a screenshot under var/screenshots/ (looked at by people, kept by CI)."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        target = PICTURES / f"{name}.png"
        self.page.screenshot(path=str(target), full_page=full_page)
        return target

    def wait_until(self, condition, *, patience_s: float = 60, what: str = "") -> Any:
        """Poll `condition()` until it is true; its value is returned."""
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            if value := condition():
                return value
            self.page.wait_for_timeout(300)
        raise AssertionError(f"{self.name} waited {patience_s:.0f} s in vain for {what or condition}")


@pytest.fixture
def visit(chromium: Any, school: School) -> Iterator[Any]:
    """`visit("phone")` or `visit("desktop")`: a new device with cookies of its own.

    Errors that the page throws, and answers of 500 and above, fail the test at its end.
    """
    contexts, faults = [], []

    def arrive(device: str = "phone", *, javascript: bool = True, **options: Any) -> Visitor:
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
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
        page.on("response", lambda r: faults.append(f"{r.status} {r.url}") if r.status >= 500 else None)
        return Visitor(page, school, device)

    yield arrive
    for context in contexts:
        context.close()
    assert faults == []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All journeys share one school, hence one worker, and are slow."""
    for item in items:
        if Path(__file__).parent in Path(item.fspath).parents:
            item.add_marker(pytest.mark.xdist_group("journey"))
            if "grown" not in item.keywords:
                item.add_marker(pytest.mark.journey)
