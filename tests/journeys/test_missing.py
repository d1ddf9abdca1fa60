"""Why a lesson does not count yet: what is missing is named, leads to where it plays, and then counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.journeys.school import ROOT, School, Visitor
from tests.journeys.test_player import READING, hide, pause, play_until, position, sign_in

PREPARE = """
import json, sys
import django
django.setup()
from datetime import timedelta
from django.utils import timezone
from courses.archive import api
from courses.catalogue.models import Lesson, LessonVersion
from people.models import PartyOrganization
from tests.factories import LessonFactory, MemberFactory

name = sys.argv[1]
branch = PartyOrganization.objects.filter(type="BRANCH").order_by("path").first()
grown = MemberFactory(username=f"{name}-grown", name="钟晓补", organization=branch)
hasty = MemberFactory(username=f"{name}-hasty", name="钟晓跳", organization=branch)
shown = Lesson.objects.get(slug="liutiao-jiben-yuanze")

lesson = LessonFactory(
    parent=shown.course, lecture=shown.lecture, title=f"补充了两处的一课 {name[-4:]}",
    slug=f"{name}-lesson", due_on=timezone.localdate() + timedelta(days=9),
)
first = lesson.versions.get()
whole = first.duration_s


def watch(member, at, beats):
    leave = api.play(member, first, now=at)
    clock, sent = at, []
    for start, end, visible in beats:
        while start < end:
            stop = min(end, start + 15)
            clock += timedelta(seconds=stop - start)
            sent.append({
                "seq": len(sent) + 1, "intervals": [[start * 1000, stop * 1000]], "position_ms": stop * 1000,
                "rate": 1, "visible": visible, "clock_ms": int(clock.timestamp() * 1000), "flags": [],
            })
            start = stop
    api.record_beats(leave.token, sent, now=clock)


now = timezone.now()
watch(hasty, now - timedelta(hours=2), [(0, 10, True), (10, 20, False), (20, 30, True)])
print(json.dumps({"whole": whole, "state": [g.reason_code for g in api.lesson_progress(hasty, first).missing]}))
watch(grown, now - timedelta(hours=1), [(0, whole, True)])
LessonVersion.objects.create(
    lesson=lesson, number=2, asset=first.asset, duration_s=whole, kind=first.kind, title=first.title,
    carry="NEW_PART", new_parts=[[10, 16], [30, 36]],
)
print(json.dumps({"path": lesson.url_path.removeprefix("/eschool")}))
"""


@pytest.fixture(scope="module")
def prepared(school: School) -> dict[str, Any]:
    """A lesson with two new parts, somebody who had completed it, and somebody who had skipped on."""
    name = f"missing-{os.getpid()}"
    done = subprocess.run(
        [sys.executable, "-c", PREPARE, name],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ
        | {
            "ESCHOOL_DATA_DIR": str(school.data),
            "DJANGO_SETTINGS_MODULE": "portal.settings.base",
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'site'}",
        },
    )
    found = {"name": name}
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            found |= json.loads(line)
    return found


def rows(visitor: Visitor) -> list[str]:
    """The stretches that the page says are missing."""
    return visitor.page.locator(".coverage__times").all_inner_texts()


def test_the_second_of_two_missing_stretches_is_tapped_plays_from_there_and_counts(
    visit: Callable[..., Visitor], prepared: dict[str, Any]
):
    member = visit("phone")
    sign_in(member, f"{prepared['name']}-grown", to="/study/")
    # given the list of what is due, with both new parts of the lesson
    due = member.page.locator(".gaps__gap")
    assert [one.split()[0] for one in due.all_inner_texts()] == ["00:10", "00:30"]
    assert "新增的内容，还没有学" in due.first.inner_text()
    member.picture("missing-study-phone")

    # when the second is tapped
    due.nth(1).click()
    member.page.locator(".player__stage.is-ready").wait_for()
    assert rows(member) == ["00:10 – 00:16", "00:30 – 00:36"]
    member.wait_until(lambda: position(member) >= 30, what="playing from 00:30")
    assert position(member) < 34
    play_until(member, 37)
    pause(member)

    # then it counts, and the first is still there
    member.wait_until(lambda: rows(member) == ["00:10 – 00:16"], what="the second to count")
    member.picture("missing-lesson-phone")

    # and from the lesson's own list the first plays, and the lesson is completed
    member.page.locator(".coverage__gap button").click()
    member.wait_until(lambda: 10 <= position(member) < 15, what="playing from 00:10")
    play_until(member, 17)
    pause(member)
    member.wait_until(lambda: rows(member) == [], what="the lesson to be completed")
    assert member.page.locator(".coverage.is-completed").count() == 1
    member.go("/study/")
    assert member.page.locator(f".gaps__gap[href*='{prepared['name']}']").count() == 0


def test_a_stretch_beyond_what_was_studied_says_why_and_begins_where_one_may(
    visit: Callable[..., Visitor], prepared: dict[str, Any]
):
    assert prepared["state"][:2] == ["NOT_VISIBLE", "BEYOND_FRONTIER"]
    member = visit("desktop")
    # given somebody who played ten seconds, went away for ten, and went on
    sign_in(member, f"{prepared['name']}-hasty", to=prepared["path"])
    member.page.locator(".player__stage.is-ready").wait_for()
    # (the two new parts came into the lesson meanwhile)
    before = rows(member)
    assert len(before) >= 2
    member.picture("missing-lesson-desktop")

    # when the last stretch is tapped, which lies beyond
    member.page.locator(".coverage__gap button").last.click()

    # then the lecture plays from the furthest second that may be played, and says why
    notice = member.page.locator(".player__notice")
    member.wait_until(lambda: "第一次" in notice.inner_text(), what="the reason")
    member.wait_until(lambda: position(member) > 10, what="playing")
    assert position(member) < 14


def test_time_with_a_text_is_kept_when_the_page_is_left_and_stands_still_while_nobody_sees_it(
    visit: Callable[..., Visitor], prepared: dict[str, Any]
):
    reader = visit("phone")
    sign_in(reader, f"{prepared['name']}-hasty", to=READING)
    left = reader.page.locator("[data-reading-target='left']")
    # when the text has been before somebody's eyes for a quarter of a minute, it is said what is still to be read
    reader.wait_until(lambda: "还需阅读 3 分" in left.inner_text(), patience_s=40, what="the time left")
    assert "已读" in reader.page.locator("[data-reading-target='read']").inner_text()
    reader.picture("missing-reading-phone", full_page=False)

    # and while the page is away, nothing is added
    hide(reader, True)
    reader.page.wait_for_timeout(1500)
    reader.go("/study/")
    reader.page.clock.install()  # the page's own clock from here on: a while away passes at once
    reader.go(READING)
    kept = left.inner_text()
    assert "还需阅读 3 分" in kept
    hide(reader, True)
    reader.page.clock.run_for(17_000)
    assert left.inner_text() == kept
    reader.go(READING)
    assert left.inner_text() == kept, "nor did anything of it reach the archive"

    # and the list says it as well, without a time on a line that a text has not
    reader.go("/study/")
    assert reader.page.locator(f".gaps__gap[href*='{READING}']").count() == 0
    assert "还需阅读 3 分" in reader.page.locator(f"a[href*='{READING}']").first.inner_text()
