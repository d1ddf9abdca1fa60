"""A wrong entry is put right by ticket; then the member moves to another school with her signed record, which nobody can
alter and which counts once however often it is taken over."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from django.utils import timezone

from courses.archive import api
from courses.archive.models import StudyHourEntry
from tests.courses.archive.test_records import School
from tests.factories import MemberFactory

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]


def test_an_entry_is_put_right_and_moves_along_once(people, browser_of, axe, tmp_path: Path):
    old, new = School("海棠县委党校"), School("青溪县委党校")
    old.works()
    api.add_entry(
        people.member, mode="COLLECTIVE", title="五月主题党日", hours=Decimal(2), finished_at=timezone.now(),
        recorder=people.secretary,
    )  # fmt: skip

    # When the member says on the entry's page that its hours are wrong
    phone = browser_of(people.member)
    phone.goto("/archive/")
    phone.get_by_role("link", name="五月主题党日").click()
    phone.get_by_role("link", name="这条记录有误").click()
    phone.get_by_label("哪里有误，或者缺少什么？").fill("那天学习了三个学时，记成了两个。")
    axe.check_page(phone, "a request for correction")
    phone.get_by_role("button", name="提交给支部").click()
    assert "待答复" in phone.locator("main").inner_text()

    # And the secretary takes it back and enters the right one
    desk = browser_of(people.secretary, desktop=True)
    desk.goto("/archive/desk/corrections/")
    desk.get_by_role("link", name="五月主题党日").click()
    axe.check_page(desk, "a request to answer")
    desk.get_by_label("冲销这条记录，并录入正确的").check()
    desk.get_by_label("学时", exact=True).fill("3")
    desk.get_by_label("原因").fill("查签到表，应为三学时。")
    desk.get_by_role("button", name="答复", exact=True).click()
    phone.goto("/archive/")
    assert "3" in phone.locator(".standing__figure").inner_text()
    assert phone.locator("li[id^=entry-]").count() == 3  # the wrong one, what takes it back, the right one

    # When she takes the signed record along
    phone.get_by_role("link", name="导出或打印").click()
    axe.check_page(phone, "exports")
    with phone.expect_download() as download:
        phone.get_by_role("button", name="签名档案").click()
    record = tmp_path / "record.json"
    download.value.save_as(record)
    altered = tmp_path / "altered.json"
    body = json.loads(record.read_text(encoding="utf-8"))
    body["body"]["entries"][0]["hours"] = "32.00"
    altered.write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")

    # Then anybody can check it, and one changed figure is seen
    stranger = browser_of(None)
    for file, role, said in ((record, "status", "签名"), (altered, "alert", "改")):
        stranger.goto("/archive/verify/")
        stranger.locator("input[type=file]").set_input_files(str(file))
        stranger.get_by_role("button", name="检查").click()
        assert said in stranger.locator("main").get_by_role(role).inner_text()

    # When the other school takes it over twice, then the altered one
    new.works()
    people.member.phone = ""
    people.member.save()
    there = MemberFactory(name="李秀兰", phone="13800001234", organization=people.branch)
    for time in (1, 2):
        desk.goto("/archive/desk/records/")
        desk.locator("input[type=file]").set_input_files(str(record))
        desk.get_by_role("button", name="核对并预览").click()
        mine = desk.locator("section", has=desk.get_by_text("李秀兰 · ")).filter(has_text="手机号")
        if time == 1:
            axe.check_page(desk, "a record to take over")
            mine.get_by_role("checkbox").check()
            mine.get_by_role("button", name="接收").click()
        else:
            assert "不会写入任何记录" in desk.locator("main").inner_text()
    desk.goto("/archive/desk/records/")
    desk.locator("input[type=file]").set_input_files(str(altered))
    desk.get_by_role("button", name="核对并预览").click()
    assert desk.get_by_role("alert").is_visible()
    # Then her hours are there once
    assert sum(one.hours for one in StudyHourEntry.objects.of(there)) == 3
