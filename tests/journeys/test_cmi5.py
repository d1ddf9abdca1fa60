"""A member studies an interactive course in a real browser: from the lesson into a unit of our own and back.

The unit is a page as publishers make them: it takes its launch from its address and speaks with fetch. It also
tries what foreign code must not be able to do, and writes down what came of it.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from courses.archive.cmi5 import launching
from courses.archive.cmi5.models import Cmi5Registration
from courses.archive.models import StudyHourEntry
from tests.courses.archive.cmi5.conftest import verbs
from tests.courses.archive.cmi5.packages import au, block, package, structure
from tests.factories import CourseFactory, LessonFactory, MemberFactory
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


@pytest.fixture
def course(settings: Any, tmp_path: Path) -> Any:
    """A course on a lesson: one unit of ours, published with 30 minutes."""
    settings.STUDY = {**settings.STUDY, "CMI5_DIR": tmp_path / "cmi5"}
    lesson = LessonFactory(parent=CourseFactory(), title="网络安全知识")
    files = {
        "第一单元/index.html": PAGE,
        "第一单元/unit.js": UNIT,
        "第一单元/picture.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    }
    xml = structure(block(au(0, url="第一单元/index.html?x=1", attributes='moveOn="CompletedAndPassed"')))
    made = launching.import_course(package(xml, files), "application/zip")
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
