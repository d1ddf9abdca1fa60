"""A running school and the people who visit it with a real browser: what the journeys are made of."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "var" / "screenshots"
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
FRONTEND = ROOT / "site" / "portal" / "frontend"
HEADSET = """
(() => {
  const device = new IWER.XRDevice(IWER.metaQuest3);
  device.installRuntime({ forceInstall: true });
  const original = navigator.xr.requestSession.bind(navigator.xr);
  navigator.xr.requestSession = async (mode, options) => {
    const session = await original(mode, options);
    window.__xrMode = mode;
    window.__xrFrames = 0;
    const count = () => { window.__xrFrames += 1; session.requestAnimationFrame(count); };
    session.requestAnimationFrame(count);
    return session;
  };
})();
"""
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
    ready: threading.Event = field(default_factory=threading.Event)
    sessions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Cookies by role, once somebody of it has signed in: `Visitor.sign_in` takes the form once a role."""

    @property
    def accounts(self) -> dict[str, dict[str, str]]:
        return json.loads((self.data / "demo-accounts.json").read_text(encoding="utf-8"))


def start_school(data: Path, *arguments: str, patience_s: float = 900, **environment: str) -> School:
    """Start the launcher on `data` and wait for its `ready` line; fails with its output when it does not come."""
    return await_school(open_school(data, *arguments, **environment), patience_s=patience_s)


def open_school(data: Path, *arguments: str, **environment: str) -> School:
    """Start the launcher on `data`, which takes its time; `await_school` waits until it is ready."""
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
    school = School("", data, process)

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            school.lines.append(line.rstrip())
            if found := re.match(r"ready (http://\S+)", line):
                school.url = found.group(1)
                school.ready.set()
        school.ready.set()

    threading.Thread(target=listen, daemon=True).start()
    return school


def await_school(school: School, *, patience_s: float = 900) -> School:
    """Wait for the `ready` line of a school that is opening; fails with its output when it does not come."""
    if not school.ready.wait(patience_s) or not school.url:
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


@dataclass
class Visitor:
    """One person with one device."""

    page: Any
    school: School
    name: str

    def sign_in(self, role: str, *, to: str = "/study/") -> None:
        """Sign in with the form, and from the second visitor of the role on with the session that came of it."""
        if kept := self.school.sessions.get(role):
            self.page.context.add_cookies(kept)
            self.page.goto(self.school.url + to)
            assert "/accounts/login/" not in self.page.url, f"the session of {role} has ended"
            return
        account = self.school.accounts[role]
        self.page.goto(f"{self.school.url}/accounts/login/?next={to}")
        self.page.fill("input[name=login]", account["username"])
        self.page.fill("input[name=password]", account["password"])
        self.page.click("form[action*=login] button[type=submit]")
        self.page.wait_for_url(f"**{to}")
        self.school.sessions[role] = [one for one in self.page.context.cookies() if "session" in one["name"]]

    def go(self, path: str) -> None:
        self.page.goto(self.school.url + path)

    def picture(self, name: str, *, full_page: bool = True, in_readme: bool = False) -> Path:
        """Keep a screenshot under var/screenshots/ (looked at by people, kept by CI).

        With UPDATE_PICTURES=1 those `in_readme` are also written to tests/journeys/pictures/, which is committed.
        """
        PICTURES.mkdir(parents=True, exist_ok=True)
        target = PICTURES / f"{name}.png"
        self.page.screenshot(path=str(target), full_page=full_page)
        if in_readme and os.environ.get("UPDATE_PICTURES"):
            small = Image.open(target).convert("RGB")
            small.thumbnail((1100, 1100))
            (ROOT / "tests" / "journeys" / "pictures").mkdir(exist_ok=True)
            small.quantize(128).save(ROOT / "tests" / "journeys" / "pictures" / f"{name}.png", optimize=True)
        return target

    def wait_until(self, condition, *, patience_s: float = 60, what: str = "") -> Any:
        """Poll `condition()` until it is true; its value is returned."""
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            if value := condition():
                return value
            self.page.wait_for_timeout(300)
        raise AssertionError(f"{self.name} waited {patience_s:.0f} s in vain for {what or condition}")


@dataclass
class Accessibility:
    """axe-core on a page: WCAG 2.2 A and AA; serious and critical violations fail."""

    source: str

    def check(self, visitor: Visitor, where: str) -> None:
        self.check_page(visitor.page, where)

    def check_page(self, page: Any, where: str) -> None:
        page.evaluate(self.source)
        found = page.evaluate(
            """async () => (await axe.run(document, {
                runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
            })).violations.map((v) => ({
                id: v.id, impact: v.impact, nodes: v.nodes.map((n) => n.html.slice(0, 160)).slice(0, 3),
            }))"""
        )
        serious = [one for one in found if one["impact"] in {"serious", "critical"}]
        assert serious == [], f"axe on {where}: {serious}"


def picture_difference(one: bytes, other: bytes) -> float:
    """Mean difference of two screenshots of one size, 0..1."""
    first, second = (Image.open(io.BytesIO(data)).convert("L").resize((64, 36)) for data in (one, other))
    pairs = zip(first.tobytes(), second.tobytes(), strict=True)
    return sum(abs(a - b) for a, b in pairs) / (64 * 36 * 255)


def published_lesson(visitor: Visitor, title: str) -> str:
    """Path of the live page with this title, asked from the admin's own API."""
    address = visitor.page.evaluate(
        """async (title) => {
            const answer = await fetch(`/admin/api/main/pages/?search=${encodeURIComponent(title)}&limit=20`);
            const items = (await answer.json()).items.filter((item) => item.title === title);
            return items.length ? items[0].meta.html_url : null;
        }""",
        title,
    )
    assert address, f"no live page «{title}»"
    return urlsplit(address).path
