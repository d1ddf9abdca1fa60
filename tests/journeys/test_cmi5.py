"""A member studies an interactive course in a real browser, and an editor brings one in and replaces it.

From the lesson into a unit of our own and back. The unit is a page as publishers make them: it takes its launch from
its address and speaks with fetch. It also tries what foreign code must not be able to do, and writes down what came of it.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from courses.archive.cmi5 import launching
from courses.archive.cmi5.models import Cmi5Course, Cmi5Registration
from courses.archive.models import StudyHourEntry
from tests.courses.archive.cmi5.conftest import verbs
from tests.courses.archive.cmi5.packages import au, block, package, structure
from tests.courses.archive.conftest import add_version
from tests.factories import AdministratorFactory, CourseFactory, LessonFactory, MemberFactory
from tests.journeys.school import PICTURES

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]

PAGE = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>单元</title>
<h1>第一单元</h1><button id="done">学完了</button><pre id="log"></pre><img src="picture.svg" alt="">
<script type="module" src="unit.js"></script></html>"""

UNIT = """
const asked = new URLSearchParams(location.search);
const [endpoint, actor] = [asked.get("endpoint"), JSON.parse(asked.get("actor"))];
const [registration, activityId] = [asked.get("registration"), asked.get("activityId")];
const log = (line) => { document.getElementById("log").textContent += line + "\\n"; };
const token = (await (await fetch(asked.get("fetch"), {method: "POST"})).json())["auth-token"];
const ask = (method, resource, query, body) => fetch(`${endpoint}/${resource}?` + new URLSearchParams(query), {
  method, body: body && JSON.stringify(body),
  headers: {"Authorization": `Basic ${token}`, "X-Experience-API-Version": "1.0.3", "Content-Type": "application/json"},
});
const agent = JSON.stringify(actor);
const data = await (await ask("GET", "activities/state", {stateId: "LMS.LaunchData", activityId, agent, registration})).json();
await ask("GET", "agents/profile", {profileId: "cmi5LearnerPreferences", agent});
const CATEGORY = "https://w3id.org/xapi/cmi5/context/categories/";
const say = async (verb, result) => {
  const context = structuredClone(data.contextTemplate);
  context.registration = registration;
  const categories = verb === "completed" || verb === "passed" ? ["cmi5", "moveon"] : ["cmi5"];
  context.contextActivities.category = categories.map((name) => ({id: CATEGORY + name}));
  const id = "10000000-1000-4000-8000-100000000000".replace(/[018]/g,
    (c) => (+c ^ crypto.getRandomValues(new Uint8Array(1))[0] & 15 >> +c / 4).toString(16));
  const statement = {id, actor, verb: {id: "http://adlnet.gov/expapi/verbs/" + verb}, object: {id: activityId}, context,
    timestamp: new Date().toISOString()};
  if (result) statement.result = result;
  const answer = await ask("PUT", "statements", {statementId: id}, statement);
  log(`${verb} ${answer.status}`);
};
await say("initialized");
const tried = async (name, what) => {
  try { await what(); log(`${name} worked`); } catch (refused) { log(`${name} refused`); }
};
await tried("cookie", () => document.cookie);
await tried("storage", () => localStorage.length);
await tried("site", () => fetch("/my/", {credentials: "include"}).then((answer) => answer.text()));
await tried("abroad", () => fetch("https://abroad.invalid/"));
await tried("again", async () => {
  const answer = await (await fetch(asked.get("fetch"), {method: "POST"})).json();
  if (answer["error-code"] !== "1") throw new Error("a second token");
});
log("ready");
document.getElementById("done").addEventListener("click", async () => {
  await say("completed", {completion: true, duration: "PT9S"});
  await say("passed", {success: true, duration: "PT9S", score: {scaled: 0.95}});
  await say("terminated", {duration: "PT10S"});
  location.href = data.returnURL;
});
"""


def the_package(*, more: str = "") -> Any:
    """The unit in one block; `more` are further units."""
    files = {
        "第一单元/index.html": PAGE,
        "第一单元/unit.js": UNIT,
        "第一单元/picture.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    }
    unit = au(0, url="第一单元/index.html?x=1", attributes='moveOn="CompletedAndPassed"')
    return package(structure(block(unit + more)), files)


@pytest.fixture
def course(settings: Any, tmp_path: Path) -> Any:
    """A course on a lesson: one unit of ours, published with 30 minutes."""
    settings.STUDY = {**settings.STUDY, "CMI5_DIR": tmp_path / "cmi5"}
    lesson = LessonFactory(parent=CourseFactory(title="网络安全宣传周"), title="网络安全知识")
    add_version(lesson, duration_s=240, kind="READING")
    made = launching.import_course(the_package(), "application/zip")
    made.lesson, made.published_duration_s = lesson, 1800
    made.save()
    return made


def test_from_the_lesson_into_a_unit_and_back_with_hours(course, browser_of, live_server):
    # Given a member on the page of the lesson
    member = MemberFactory()
    page = browser_of(member)
    page.goto(live_server.url + course.lesson.url)
    page.get_by_role("link", name="打开互动课件").click()
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / "cmi5-course-phone.png", full_page=True)
    # When she begins the unit
    page.get_by_role("button", name="开始学习").click()
    page.wait_for_function("document.getElementById('log')?.textContent.includes('ready')")
    # Then it runs, may not reach anything but us, and the fetch URL worked once
    log = page.locator("#log").inner_text().split("\n")
    assert "initialized 204" in log
    assert [line for line in log if line.endswith(("refused", "worked"))] == [
        "cookie refused",
        "storage refused",
        "site refused",
        "abroad refused",
        "again worked",
    ]
    assert page.evaluate("document.querySelector('img').naturalWidth") == 9
    # When she finishes it, the unit sends her back to the page
    page.get_by_role("button", name="学完了").click()
    page.wait_for_url(f"**/cmi5/{course.uuid}/")
    page.get_by_role("button", name="再看").wait_for()
    page.screenshot(path=PICTURES / "cmi5-course-done-phone.png", full_page=True)
    # Then all of it is recorded, and the hours are in her archive
    registration = Cmi5Registration.objects.get(member=member)
    assert verbs(str(registration.uuid)) == [
        "launched", "initialized", "completed", "passed", "satisfied", "satisfied", "terminated"
    ]  # fmt: skip
    assert StudyHourEntry.objects.get(member=member).hours == Decimal("1.00")
    page.goto(f"{live_server.url}/archive/")
    assert "网络安全" in page.locator("main").inner_text()
    # and the list of her courses leads to what they rest on
    page.get_by_role("link", name="互动课件").click()
    page.screenshot(path=PICTURES / "cmi5-mine-phone.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.screenshot(path=PICTURES / "cmi5-mine.png", full_page=True)
    page.goto(f"{live_server.url}/cmi5/{course.uuid}/")
    page.screenshot(path=PICTURES / "cmi5-course-done.png", full_page=True)
    page.go_back()
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("link", name="+1 学时").click()
    assert "学完本平台的互动课件" in page.locator("main").inner_text()
    # and the lesson itself is done
    page.get_by_role("link", name="打开课时").click()
    assert "本课时由所配的互动课件完成" in page.locator("main").inner_text()
    assert not page.get_by_role("button", name="我读完了").count()
    page.screenshot(path=PICTURES / "cmi5-lesson-done-phone.png", full_page=True)


def test_an_editor_brings_a_package_in_and_replaces_it(course, browser_of, live_server):
    # Given an administrator at the desk, with a file that is no package
    page = browser_of(AdministratorFactory(), desktop=True)
    page.goto(f"{live_server.url}{reverse('cmi5_courses:index')}")
    page.screenshot(path=PICTURES / "cmi5-desk.png", full_page=True)
    page.goto(f"{live_server.url}{reverse('cmi5_courses:add')}")

    def choose(name: str, content: bytes) -> None:
        page.set_input_files(
            "input[type=file]", {"name": name, "mimeType": "application/zip", "buffer": content}
        )

    # When she sends it, she is told in words what to do; then she sends the right one
    choose("课件.zip", package(structure(au(0, url="不在包里.html"))).getvalue())
    page.locator("form:has(input[type=file]) button[type=submit]").click()
    page.get_by_text("引用的文件不在课件包里").first.wait_for()
    page.screenshot(path=PICTURES / "cmi5-desk-refused.png", full_page=True)
    assert Cmi5Course.objects.count() == 1
    choose("课件.zip", the_package().getvalue())
    page.locator("form:has(input[type=file]) button[type=submit]").click()
    page.get_by_role("button", name="预览").wait_for()
    assert Cmi5Course.objects.count() == 2
    # Given the course that hangs on the lesson, which one member has begun
    member = MemberFactory()
    launching.launch(course, 0, actor=launching.actor_of(member), member=member, site=live_server.url)
    page.goto(f"{live_server.url}{reverse('cmi5_courses:edit', args=[course.pk])}")
    page.screenshot(path=PICTURES / "cmi5-desk-edit.png", full_page=True)
    # When she replaces it, she sees whom that concerns before
    page.get_by_role("link", name="用新版本替换").click()
    assert "1 名党员正在学习" in page.locator("main").inner_text()
    choose("课件.zip", b"no zip")
    page.get_by_role("button", name="替换").click()
    page.get_by_text("既不是 zip 文件，也不是 cmi5.xml").wait_for()
    page.screenshot(path=PICTURES / "cmi5-desk-replace.png", full_page=True)
    choose("课件.zip", the_package(more=au(1, url="第一单元/index.html")).getvalue())
    page.get_by_role("button", name="替换").click()
    page.get_by_role("link", name="上一版本").wait_for()
    page.screenshot(path=PICTURES / "cmi5-desk-replaced.png", full_page=True)
    # Then the member finds the new one on the lesson's page
    fresh = Cmi5Course.objects.get(lesson=course.lesson, retired_at=None)
    assert (fresh.replaces, fresh.au_count) == (course, 2)
    phone = browser_of(member)
    phone.goto(live_server.url + course.lesson.url)
    phone.get_by_role("link", name="打开互动课件").click()
    assert "请重新开始各单元" in phone.locator("main").inner_text()
    phone.screenshot(path=PICTURES / "cmi5-course-replaced-phone.png", full_page=True)
