"""Lists of study hours: entered in the background, each line once, refused lines named and handed back."""

from __future__ import annotations

import io
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connections
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from courses.archive import api as archive
from courses.archive.imports import api
from courses.archive.imports.lines import LineRefused, read_line
from courses.archive.imports.models import HoursImport, ImportFile, RefusedLine
from courses.archive.imports.sheets import COLUMNS, WHY, SheetUnreadable, lines_of, write_sheet
from courses.archive.models import StudyHourEntry
from people.models import AuditEntry, Notice
from tests.factories import MemberFactory, PartyOrganizationFactory, PostFactory

pytestmark = pytest.mark.django_db

HEAD = ",".join(COLUMNS.values())
TODAY = date(2026, 9, 30)


@pytest.fixture
def branch():
    return PartyOrganizationFactory(code="001")


@pytest.fixture
def organiser(branch):
    return PostFactory(member=MemberFactory(organization=branch, name="组织员")).member


@pytest.fixture
def members(branch):
    return [MemberFactory(organization=branch, username=f"m{n}", name=f"党员{n}") for n in range(3)]


def line(
    who="m0",
    name="党员0",
    mode="集中培训",
    title="党章辅导",
    hours="2",
    started="",
    finished="2026-05-01",
    by="",
):
    return ",".join([who, name, mode, title, hours, started, finished, by])


def sheet(*lines: str) -> bytes:
    return "\n".join([HEAD, *lines]).encode()


def entered(organiser, *lines: str, **more) -> HoursImport:
    job = api.hand_in(sheet(*lines), "名单.csv", actor=organiser, **more)
    api.run(job.pk)
    job.refresh_from_db()
    return job


def counts(job: HoursImport) -> tuple[str, int, int, int, int]:
    return job.state, job.total, job.added, job.known, job.refused


def why(job: HoursImport) -> list[tuple[int, str]]:
    return list(job.refused_lines.values_list("line", "code"))


def test_each_line_becomes_a_line_of_the_ledger(clock, organiser, members):
    members[1].phone = "13800001234"
    members[1].save()
    job = entered(
        organiser,
        line(),
        line(who="138 0000 1234", name="党 员1", started="2026-04-30", hours="8", by="县委党校"),
    )
    assert counts(job) == ("DONE", 2, 2, 0, 0)
    first, second = StudyHourEntry.objects.order_by("pk")
    assert (first.member, first.hours, first.mode, first.title, first.year) == (
        members[0], Decimal(2), "CENTRAL_OFFLINE", "党章辅导", 2026,
    )  # fmt: skip
    assert (first.recorder, first.approver, first.evidence_type, first.evidence_id) == (
        organiser, organiser, "import", str(job.uuid),
    )  # fmt: skip
    assert (second.member, second.hours, second.provider) == (members[1], Decimal(8), "县委党校")
    assert archive.verify().whole
    # the file, which names people, is gone; the trail knows that it was
    assert not ImportFile.objects.exists()
    assert set(AuditEntry.objects.filter(object_id=str(job.uuid)).values_list("action", flat=True)) == {
        "archive.hours_handed_in",
        "archive.hours_entered",
    }
    assert (
        Notice.objects.get(member=organiser, kind="hours_import").link == f"/archive/desk/hours/{job.uuid}/"
    )


def test_the_same_file_twice_enters_nothing_twice(clock, organiser, members, nothing_moved):
    lines = [line(who=f"m{n}", name=f"党员{n}") for n in range(3)]
    entered(organiser, *lines, lines[0])
    nothing_moved()
    again = entered(organiser, *lines)
    assert counts(again) == ("DONE", 3, 0, 3, 0)
    nothing_moved()


def test_what_cannot_be_entered_is_named_and_the_rest_is_entered(clock, organiser, members, branch):
    stranger = MemberFactory(username="fremd", name="别人", organization=PartyOrganizationFactory(code="002"))
    job = entered(
        organiser,
        line(),
        line(who="nobody"),
        line(who="fremd", name="别人"),
        line(name="另一个"),
        line(who=organiser.username, name="组织员"),
        line(mode="自学"),
        line(hours="2.1"),
        line(hours="500"),
        line(hours="NaN"),
        line(finished="2026-13-01"),
        line(finished="2027-01-01"),
        line(started="2026-06-01"),
        line(title=""),
        line(title="字" * 201),
        line(who="m1", name="党员1", hours="0.25", finished="2026年5月1日"),
    )
    assert counts(job) == ("DONE", 15, 2, 0, 13)
    assert [code for _line, code in why(job)] == [
        "NOT_FOUND", "NOT_FOUND", "OTHER_NAME", "OWN", "MODE", "HOURS", "HOURS", "HOURS", "DATE", "FUTURE", "ORDER",
        "MISSING", "TOO_LONG",
    ]  # fmt: skip
    assert why(job)[0][0] == 3  # as Excel counts: the titles are line 1
    assert not StudyHourEntry.objects.filter(member=stranger).exists()


def test_a_closed_year_takes_late_lines_with_a_reason_from_who_may(clock, organiser, members, branch):
    clock.at = datetime(2027, 1, 15, 1, tzinfo=UTC)
    archive.close_year(branch, 2026, actor=organiser)
    assert why(entered(organiser, line())) == [(2, "CLOSED")]
    assert counts(entered(organiser, line(), reason="签到表补交")) == ("DONE", 1, 1, 0, 0)
    assert StudyHourEntry.objects.get().reason == "签到表补交"


def test_refused_lines_come_back_as_a_list_that_can_be_corrected(clock, client, organiser, members):
    job = entered(organiser, line(who="m1", name="党员1"), line(name="另一个", by="=1+1"), line(who="nobody"))
    client.force_login(organiser)
    page = client.get(f"/archive/desk/hours/{job.uuid}/")
    assert page.status_code == 200 and "属于另一个姓名" in page.text and "Refresh" not in page.headers
    answer = client.get(f"/archive/desk/hours/{job.uuid}/refused.xlsx")
    book = load_workbook(io.BytesIO(answer.content))
    rows = [[cell.value or "" for cell in row] for row in book.worksheets[0].iter_rows()]
    assert rows[0] == [*COLUMNS.values(), WHY]
    assert rows[1][:4] == ["m0", "另一个", "集中培训", "党章辅导"] and "姓名" in rows[1][-1]
    assert book.worksheets[0]["H2"].data_type == "s"  # no formula of a stranger's
    # when it is corrected and handed in as it is
    book.worksheets[0]["B2"] = "党员0"
    corrected = io.BytesIO()
    book.save(corrected)
    posted = client.post(
        "/archive/desk/hours/", {"file": SimpleUploadedFile("改正.xlsx", corrected.getvalue())}
    )
    again = HoursImport.objects.order_by("-pk")[0]
    assert posted.url == f"/archive/desk/hours/{again.uuid}/"
    api.run(again.pk)
    again.refresh_from_db()
    assert counts(again) == ("DONE", 2, 1, 0, 1)
    # and after a month what was refused is forgotten
    assert api.tidy(now=again.ended_at + timedelta(days=31)) == 3
    assert not RefusedLine.objects.exists()


def test_nobody_else_sees_a_list(clock, client, organiser, members, branch):
    job = entered(organiser, line(), line(who="nobody"))
    other = PostFactory(member=MemberFactory(organization=branch)).member
    for who in (other, members[0]):
        client.force_login(who)
        for page in (f"{job.uuid}/", f"{job.uuid}/refused.xlsx"):
            assert client.get(f"/archive/desk/hours/{page}").status_code == 404
    assert client.get("/archive/desk/hours/").status_code == 404  # a member organises nothing
    client.force_login(other)
    assert job.name not in client.get("/archive/desk/hours/").text


@pytest.mark.parametrize(
    ("name", "file", "fault"),
    [
        ("a.csv", b"\xff\xff\xff", "BROKEN"),
        ("a.csv", b"a,b\n1,2\n", "NO_HEAD"),
        ("a.csv", HEAD.encode(), "EMPTY"),
        ("a.csv", HEAD.encode() + b"\n,,,\n\n", "EMPTY"),
        ("a.xlsx", b"no zip", "BROKEN"),
        ("a.csv", b'"' + b"x" * 200_000, "BROKEN"),
    ],
)
def test_a_file_that_is_no_list_says_what_to_do(clock, client, organiser, name, file, fault):
    job = api.hand_in(file, name, actor=organiser)
    api.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.fault, job.done) == ("UNREADABLE", fault, 0)
    client.force_login(organiser)
    assert 'role="alert"' in client.get(f"/archive/desk/hours/{job.uuid}/").text
    assert not ImportFile.objects.exists()


@pytest.mark.parametrize(("name", "file"), [("a.pdf", b"x"), ("a.csv", b"x" * (api.FILE_MOST_BYTES + 1))])
def test_other_files_are_not_taken(client, organiser, name, file):
    client.force_login(organiser)
    page = client.post("/archive/desk/hours/", {"file": SimpleUploadedFile(name, file)})
    assert page.status_code == 422 and 'role="alert"' in page.text
    assert not HoursImport.objects.exists()


def test_five_thousand_lines_answer_at_once_and_go_on_in_turns(
    clock, client, organiser, members, settings, monkeypatch
):
    # given a worker whose bell we hear
    rung: list[int] = []
    monkeypatch.setattr(api, "_ring", rung.append)
    lines = [line(title=f"第{n}次") for n in range(5000)]
    client.force_login(organiser)
    begun = time.process_time()
    answer = client.post("/archive/desk/hours/", {"file": SimpleUploadedFile("大.csv", sheet(*lines))})
    # then the page answers before a single line is looked at
    assert answer.status_code == 302 and time.process_time() - begun < 2
    job = HoursImport.objects.get()
    assert counts(job) == ("WAITING", 0, 0, 0, 0)
    page = client.get(answer.url)
    assert page.headers["Refresh"] == "3" and "等待" in page.text
    # when a worker has its turn
    api.run(job.pk, turn_s=0.0)
    job.refresh_from_db()
    assert counts(job) == ("WAITING", 5000, 1, 0, 0) and rung[-1] == job.pk
    assert "1 / 5000" in client.get(answer.url).text or "5000" in client.get(answer.url).text
    assert StudyHourEntry.objects.count() == 1


def test_a_worker_that_died_is_followed_by_another_and_nothing_is_done_twice(
    clock, organiser, members, monkeypatch
):
    lines = [line(title=f"第{n}次") for n in range(6)]
    job = api.hand_in(sheet(*lines), "名单.csv", actor=organiser)
    real, left = api._count, [3]

    def dies(*said):
        real(*said)
        left[0] -= 1
        if not left[0]:
            raise SystemExit("killed")  # before the commit of the third line

    monkeypatch.setattr(api, "_count", dies)
    with pytest.raises(SystemExit):
        api.run(job.pk)
    monkeypatch.setattr(api, "_count", real)
    job.refresh_from_db()
    assert (job.state, job.done, StudyHourEntry.objects.count()) == ("RUNNING", 2, 2)
    # while it might be at work nobody else goes on
    api.run(job.pk)
    assert StudyHourEntry.objects.count() == 2 and api.ring_waiting() == 0
    # when it has been silent for long
    clock.advance(181)
    rung: list[int] = []
    monkeypatch.setattr(api, "_ring", rung.append)
    assert (api.ring_waiting(), rung) == (1, [job.pk])
    api.run(job.pk)
    job.refresh_from_db()
    assert counts(job) == ("DONE", 6, 6, 0, 0) and StudyHourEntry.objects.count() == 6
    # and again does nothing
    api.run(job.pk)
    assert StudyHourEntry.objects.count() == 6


def test_a_broker_that_is_away_keeps_nobody_from_handing_in(
    clock, organiser, members, monkeypatch, django_capture_on_commit_callbacks
):
    class Away:
        def apply_async(self, *args, **more):
            raise ConnectionRefusedError

    monkeypatch.setattr(api, "current_app", type("App", (), {"tasks": {"archive.import_hours": Away()}}))
    with django_capture_on_commit_callbacks(execute=True):
        job = api.hand_in(sheet(line()), "名单.csv", actor=organiser)
    assert job.state == "WAITING"


def test_handing_in_rings_the_bell(clock, organiser, members, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        job = api.hand_in(sheet(line()), "名单.csv", actor=organiser)
    job.refresh_from_db()
    assert counts(job) == ("DONE", 1, 1, 0, 0)


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_one_list_enter_each_line_once(clock, organiser, members, monkeypatch):
    monkeypatch.setattr(api, "_ring", lambda pk: None)
    lines = [line(title=f"第{n}次") for n in range(20)]
    job = api.hand_in(sheet(*lines), "名单.csv", actor=organiser)
    HoursImport.objects.update(touched_at=clock.at - timedelta(hours=1), state="RUNNING")

    def work(_n):
        try:
            for _ in range(300):
                try:
                    api.run(job.pk, now=clock.at + timedelta(hours=2))
                    return
                except OperationalError:  # SQLite in memory: the table is locked by another connection
                    time.sleep(0.02)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as many:
        list(many.map(work, range(2)))
    job.refresh_from_db()
    assert counts(job) == ("DONE", 20, 20, 0, 0)
    assert StudyHourEntry.objects.count() == 20 and archive.verify().whole


# Pure


def test_a_sheet_comes_back_as_it_was_written():
    said = {field: f"值{n}" for n, field in enumerate(COLUMNS)}
    file = write_sheet([(said, "因为")], with_why=True)
    assert lines_of(file, "a.XLSX") == [(2, said)]


def test_columns_in_any_order_below_a_title_and_in_the_encoding_of_excel():
    file = "县委党校\n姓名,备注,登录名或手机号,学习方式,学习内容,学时,结束日期\n张三,x,m0,集中培训,讲座,1,2026/5/1\n"
    for encoding in ("utf-8-sig", "gb18030"):
        ((number, said),) = lines_of(file.encode(encoding), "a.csv")
        assert (number, said["who"], said["name"], said["finished_on"]) == (3, "m0", "张三", "2026/5/1")
        assert "started_on" not in said


@given(st.dictionaries(st.sampled_from([*COLUMNS]), st.text(max_size=30)))
def test_any_line_is_read_or_refused(said):
    try:
        read = read_line(said, today=TODAY, hours_a_day=Decimal(12))
    except LineRefused as refused:
        assert refused.code
    else:
        assert 0 < read.hours <= 999 and read.started_on <= read.finished_on <= TODAY


@given(st.binary(max_size=300))
def test_any_file_is_read_or_refused(file):
    for name in ("a.csv", "a.xlsx"):
        try:
            assert lines_of(file, name)
        except SheetUnreadable as refused:
            assert refused.code
