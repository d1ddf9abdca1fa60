"""What an administrator with SQL may do to the ledger, and that each of it is named, and only that."""

import json
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from courses.archive import api, chain, seals
from courses.archive.chain import ALTERED, BACKDATED, INSERTED, MISSING, SEAL_ALTERED, SEAL_MISSING
from courses.archive.errors import SealOutOfOrder
from courses.archive.models import ArchiveSeal, LearningArchive, LessonState, StudyHourEntry
from courses.archive.tasks import seal as seal_task
from tests.factories import MemberFactory

pytestmark = pytest.mark.django_db

FIRST = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)


def sql(text, *values):
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        return cursor.rowcount


def on(day, hour=10):
    return FIRST + timedelta(days=day, hours=hour - 10)


def seal_of(day):
    return api.seal(FIRST.date() + timedelta(days=day), now=on(day + 1, 0))


def found():
    return [(one.kind, one.where, one.member, one.seq) for one in api.verify().findings]


def add(member, day, **more):
    values = {
        "mode": "COLLECTIVE",
        "title": "主题党日",
        "hours": Decimal(1),
        "finished_at": on(day),
        "now": on(day),
    }
    return api.add_entry(member, **(values | more))


@pytest.fixture
def ledger():
    """Two members over five days, one entry taken back; the first three days are sealed. id of each (member, place)."""
    members = [MemberFactory(), MemberFactory()]
    for day in range(5):
        for member in members:
            entry = add(member, day, title=f"第{day}天")
        if day == 1:
            api.reverse_entry(entry, actor=None, reason="名单有误", now=on(day, 12))
        if day < 3:
            seal_of(day)
    rows = StudyHourEntry.objects.values_list("member_id", "chain_seq", "pk")
    return members, {(member, seq): pk for member, seq, pk in rows}


def test_a_ledger_with_reversals_and_seals_verifies(ledger):
    seen = api.verify()
    assert seen.as_json() == {"whole": True, "entries": 11, "members": 2, "seals": 3, "findings": []}


def test_an_empty_archive_verifies():
    assert api.verify().whole


# Rows


@pytest.mark.parametrize("seq", [1, 3, 4, 5])
def test_an_altered_row_is_named(ledger, seq):
    (one, _other), rows = ledger
    assert sql("UPDATE archive_studyhourentry SET hours = 8 WHERE id = %s", rows[one.pk, seq]) == 1
    (finding,) = api.verify().findings
    assert (finding.kind, finding.member, finding.seq, finding.entry) == (
        ALTERED,
        one.pk,
        seq,
        rows[one.pk, seq],
    )


CHANGES = {
    "approved_at": "2026-01-01 00:00:00", "approver_id": 1, "credit_key": "x", "evidence_hash": "x",
    "evidence_id": "x", "evidence_type": "x", "finished_at": "2026-01-01 00:00:00", "hours": "1.01",
    "lesson_version_id": 1, "member_id": 999_999, "mode": "SELF_ONLINE", "organization_code": "x",
    "organization_name": "x", "provider": "x", "published_duration_s": 1, "reason": "x",
    "recorded_at": "2027-01-01 00:00:00", "recorder_id": 1, "roles": "x", "rule_version": "x", "source_system": "x",
    "started_at": "2026-01-01 00:00:00", "title": "x", "uuid": uuid.UUID(int=1).hex, "verified_coverage": "0.5",
    "year": 2025,
}  # fmt: skip


def test_each_field_has_a_change():
    assert set(CHANGES) == set(chain.FIELDS) - {"reversal_of"}


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize("column", CHANGES)
def test_any_single_field_that_was_changed_is_found(ledger, column, sealed):
    (one, _other), rows = ledger
    pk = rows[one.pk, 3 if sealed else 5]
    assert sql(f"UPDATE archive_studyhourentry SET {column} = %s WHERE id = %s", CHANGES[column], pk) == 1
    seen = api.verify().findings
    if column == "member_id":  # gone from her chain, strange in the other's
        kinds = {(each.kind, each.member) for each in seen}
        assert {(MISSING, one.pk), (INSERTED, 999_999)} <= kinds
    else:
        assert {(one.kind, one.entry) for one in seen} == {(ALTERED, pk)}


def test_a_reversal_that_is_turned_to_another_entry_is_found(ledger):
    (_one, other), rows = ledger
    back = StudyHourEntry.objects.get(reversal_of__isnull=False)
    sql("UPDATE archive_studyhourentry SET reversal_of_id = %s WHERE id = %s", rows[other.pk, 1], back.pk)
    assert found() == [(ALTERED, "ledger", other.pk, back.chain_seq)]


@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20))
def test_any_other_title_is_found(ledger, title):
    (one, _other), rows = ledger
    sql("UPDATE archive_studyhourentry SET title = %s WHERE id = %s", title, rows[one.pk, 5])
    try:
        assert found() == ([] if title == "第4天" else [(ALTERED, "ledger", one.pk, 5)])
    finally:
        sql("UPDATE archive_studyhourentry SET title = %s WHERE id = %s", "第4天", rows[one.pk, 5])


@pytest.mark.parametrize("seq", [1, 2, 3, 4, 5])
def test_a_removed_row_is_named_also_at_the_end(ledger, seq):
    (one, _other), rows = ledger
    assert sql("DELETE FROM archive_studyhourentry WHERE id = %s", rows[one.pk, seq]) == 1
    assert found() == [(MISSING, "ledger", one.pk, seq)]


def test_a_sealed_end_is_missed_even_when_the_archive_row_was_wound_back(ledger):
    (one, _other), rows = ledger
    before = StudyHourEntry.objects.get(pk=rows[one.pk, 2]).link
    for seq in (3, 4, 5):
        sql("DELETE FROM archive_studyhourentry WHERE id = %s", rows[one.pk, seq])
    sql(
        "UPDATE archive_learningarchive SET chain_seq = 2, chain_link = %s WHERE member_id = %s",
        before,
        one.pk,
    )
    assert found() == [(MISSING, "ledger", one.pk, 3)]


def test_all_rows_of_a_member_gone(ledger):
    (one, _other), _rows = ledger
    sql("DELETE FROM archive_studyhourentry WHERE member_id = %s", one.pk)
    sql("DELETE FROM archive_learningarchive WHERE member_id = %s", one.pk)
    assert found() == [
        (MISSING, "archive", one.pk, None),
        *((MISSING, "ledger", one.pk, seq) for seq in (1, 2, 3)),
    ]


def copy(pk, **changes):
    """INSERT a row like `pk` by SQL, but for `changes`."""
    columns = [field.column for field in StudyHourEntry._meta.concrete_fields if field.column != "id"]
    changes = {"uuid": uuid.uuid4().hex} | changes
    taken = ", ".join("%s" if column in changes else column for column in columns)
    values = [changes[column] for column in columns if column in changes]
    sql(
        f"INSERT INTO archive_studyhourentry ({', '.join(columns)}) "
        f"SELECT {taken} FROM archive_studyhourentry WHERE id = %s",
        *values,
        pk,
    )
    return StudyHourEntry.objects.latest("pk")


@pytest.mark.parametrize("link", ["", "0" * 64, "same"])
def test_an_inserted_row_is_named(ledger, link):
    (one, _other), rows = ledger
    last = StudyHourEntry.objects.get(pk=rows[one.pk, 5])
    put = copy(last.pk, chain_seq=6, link=last.link if link == "same" else link)
    (finding,) = api.verify().findings
    assert (finding.kind, finding.member, finding.seq, finding.entry) == (INSERTED, one.pk, 6, put.pk)


@pytest.mark.parametrize("place", [2, 5])
def test_a_row_inserted_between_others_that_made_room_is_named(ledger, place):
    (one, _other), rows = ledger
    for seq in range(5, place - 1, -1):
        sql("UPDATE archive_studyhourentry SET chain_seq = %s WHERE id = %s", seq + 1, rows[one.pk, seq])
    recorded = StudyHourEntry.objects.get(pk=rows[one.pk, place - 1]).recorded_at
    put = copy(rows[one.pk, place - 1], chain_seq=place, link="ab" * 32)
    assert put.recorded_at == recorded
    kinds = {(one.kind, one.entry) for one in api.verify().findings}
    assert (INSERTED, put.pk) in kinds
    assert {entry for _kind, entry in kinds} == {put.pk}


def forge(member, pk, *, recorded_at, head=True):
    """INSERT a row as somebody would who knows how links are made: rightly linked to the last."""
    last = StudyHourEntry.objects.filter(member=member).latest("chain_seq")
    put = copy(pk, chain_seq=last.chain_seq + 1, link="x", title="补记", recorded_at=f"{recorded_at:%F %T}")
    values = {name: getattr(put, name) for name in chain.FIELDS if name != "reversal_of"}
    link = chain.link(last.link, chain.content(values | {"reversal_of": None}))
    sql("UPDATE archive_studyhourentry SET link = %s WHERE id = %s", link, put.pk)
    if head:
        sql(
            "UPDATE archive_learningarchive SET chain_seq = %s, chain_link = %s WHERE member_id = %s",
            put.chain_seq, link, member.pk,
        )  # fmt: skip
    return put


def test_a_rightly_linked_row_that_the_archive_does_not_know_is_named(ledger):
    (one, _other), rows = ledger
    put = forge(one, rows[one.pk, 5], recorded_at=on(4, 11), head=False)
    assert found() == [(INSERTED, "ledger", one.pk, put.chain_seq)]


def test_a_rightly_linked_row_from_before_the_last_seal_is_backdated(ledger):
    # given a member whose last entry is older than the last seal
    quiet = MemberFactory()
    entry = add(quiet, 4)
    seal_of(4)
    late = forge(quiet, entry.pk, recorded_at=on(4, 11))
    assert found() == [(BACKDATED, "ledger", quiet.pk, late.chain_seq)]
    # and it stays so when the next seal takes it in
    seal_of(5)
    assert found() == [(BACKDATED, "ledger", quiet.pk, late.chain_seq)]


def test_a_rightly_linked_row_from_before_the_row_it_follows_is_backdated(ledger):
    (one, _other), rows = ledger
    put = forge(one, rows[one.pk, 5], recorded_at=on(4, 9))
    assert found() == [(BACKDATED, "ledger", one.pk, put.chain_seq)]


@pytest.mark.parametrize("seq", [2, 5])
def test_a_row_whose_date_was_put_back_is_altered_and_backdated(ledger, seq):
    (one, _other), rows = ledger
    sql(
        "UPDATE archive_studyhourentry SET recorded_at = '2026-01-01 00:00:00' WHERE id = %s",
        rows[one.pk, seq],
    )
    assert found() == [(ALTERED, "ledger", one.pk, seq), (BACKDATED, "ledger", one.pk, seq)]


def test_a_sealed_row_is_named_though_all_links_after_it_were_made_anew(ledger):
    (one, _other), rows = ledger
    sql("UPDATE archive_studyhourentry SET hours = 8 WHERE id = %s", rows[one.pk, 2])
    before = chain.genesis(one.pk)
    for entry in StudyHourEntry.objects.filter(member=one).order_by("chain_seq"):
        values = {name: getattr(entry, name) for name in chain.FIELDS if name != "reversal_of"}
        before = chain.link(before, chain.content(values | {"reversal_of": None}))
        sql("UPDATE archive_studyhourentry SET link = %s WHERE id = %s", before, entry.pk)
    sql("UPDATE archive_learningarchive SET chain_link = %s WHERE member_id = %s", before, one.pk)
    assert found() == [(ALTERED, "ledger", one.pk, 2)]


@pytest.mark.parametrize("seq", [2, 4, 5])
def test_a_link_that_was_overwritten_is_an_altered_row(ledger, seq):
    (one, _other), rows = ledger
    sql("UPDATE archive_studyhourentry SET link = %s WHERE id = %s", "00" * 32, rows[one.pk, seq])
    assert found() == [(ALTERED, "ledger", one.pk, seq)]


@pytest.mark.parametrize("seq", [2, 4, 5])
def test_a_place_that_was_changed_is_an_altered_row(ledger, seq):
    (one, _other), rows = ledger
    sql("UPDATE archive_studyhourentry SET chain_seq = 99 WHERE id = %s", rows[one.pk, seq])
    assert {(one.kind, one.entry) for one in api.verify().findings} == {(ALTERED, rows[one.pk, seq])}


def test_the_archive_row_itself(ledger):
    (one, other), _rows = ledger
    sql("UPDATE archive_learningarchive SET chain_link = %s WHERE member_id = %s", "11" * 32, one.pk)
    sql("DELETE FROM archive_learningarchive WHERE member_id = %s", other.pk)
    assert {(kind, where, member) for kind, where, member, _seq in found()} == {
        (ALTERED, "archive", one.pk),
        (MISSING, "archive", other.pk),
    }


def test_a_row_that_was_gone_before_its_seal_is_missed_after_it_too(ledger):
    (one, _other), rows = ledger
    sql("DELETE FROM archive_studyhourentry WHERE id = %s", rows[one.pk, 4])
    seal_of(4)
    assert found() == [(MISSING, "ledger", one.pk, 4)]


def test_a_row_that_was_put_there_before_its_seal_is_named_after_it_too(ledger):
    (one, _other), rows = ledger
    put = copy(rows[one.pk, 5], chain_seq=6, link="no link at all")
    add(one, 4, now=on(4, 13))
    seal_of(4)
    assert {finding.entry for finding in api.verify().findings} == {put.pk}


# Seals


def test_a_day_is_sealed_once_and_in_order(ledger, seals_file):
    again = seal_of(2)
    assert (again.number, ArchiveSeal.objects.count()) == (3, 3)
    assert len(seals_file.read_text().splitlines()) == 3
    for day, now in ((-1, on(9)), (9, on(8))):
        with pytest.raises(SealOutOfOrder):
            api.seal(FIRST.date() + timedelta(days=day), now=now)
    assert (ArchiveSeal.objects.count(), len(seals_file.read_text().splitlines())) == (3, 3)


def test_a_seal_holds_what_was_added_since_the_one_before(ledger, seals_file):
    first, second, third = ArchiveSeal.objects.order_by("number")
    assert [one.tree_size for one in (first, second, third)] == [2, 5, 7]
    assert (first.previous_root, second.previous_root) == ("", first.root)
    quiet = seal_of(3)
    empty = seal_of(4)
    assert (quiet.tree_size, empty.tree_size, empty.root) == (11, 11, quiet.root)
    assert [json.loads(line) for line in seals_file.read_text().splitlines()] == [
        seals.facts(one) for one in ArchiveSeal.objects.order_by("number")
    ]
    assert api.verify().whole


def test_a_line_that_could_not_be_written_is_written_with_the_next(ledger, seals_file):
    lines = seals_file.read_bytes().splitlines(keepends=True)
    seals_file.write_bytes(lines[0] + lines[1] + lines[2][:20])
    seal_of(2)
    assert seals_file.read_bytes() == b"".join(lines)


@pytest.mark.parametrize(
    "change",
    [
        "root = 'ff'",
        "sealed_at = '2026-01-01 00:00:00'",
        "members = 9",
        "tree_size = 3",
        "day = '2026-11-01'",
    ],
)
def test_an_altered_seal_is_named(ledger, change):
    sql(f"UPDATE archive_archiveseal SET {change} WHERE number = 2")
    (finding,) = api.verify().findings
    assert (finding.kind, "seal" in finding.where) == (SEAL_ALTERED, True)


def test_altered_leaves_are_named_once(ledger):
    leaves = bytearray(ArchiveSeal.objects.get(number=2).leaves)
    leaves[-1] ^= 1
    sql("UPDATE archive_archiveseal SET leaves = %s WHERE number = 2", bytes(leaves))
    (finding,) = api.verify().findings
    assert (finding.kind, finding.where, finding.day) == (SEAL_ALTERED, "seal", "2026-11-21")


def test_an_altered_line_is_named(ledger, seals_file):
    lines = [json.loads(line) for line in seals_file.read_text().splitlines()]
    lines[1]["root"] = "ff" * 32
    seals_file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (finding,) = api.verify().findings
    assert (finding.kind, finding.where, finding.day) == (SEAL_ALTERED, "file", "2026-11-21")


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_removed_seal_is_named(ledger, number):
    sql("DELETE FROM archive_archiveseal WHERE number = %s", number)
    assert found() == [(SEAL_MISSING, "seal", None, number)]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_removed_line_is_named(ledger, seals_file, number):
    lines = seals_file.read_text().splitlines(keepends=True)
    del lines[number - 1]
    seals_file.write_text("".join(lines))
    (finding,) = api.verify().findings
    assert (finding.kind, finding.where, finding.day) == (SEAL_MISSING, "file", f"2026-11-{19 + number}")


def test_a_file_that_is_gone_is_named_once(ledger, seals_file):
    seals_file.unlink()
    (finding,) = api.verify().findings
    assert (finding.kind, finding.where, finding.count) == (SEAL_MISSING, "file", 3)


# Backups


def take(path):
    """A backup of the archive's tables without loss (JSON would cut microseconds)."""
    call_command("dumpdata", "archive", format="xml", output=str(path), verbosity=0)


def restore(path):
    for table in ("studyhourentry", "learningarchive", "archiveseal", "archiveyear", "rule"):
        sql(f"DELETE FROM archive_{table}")
    call_command("loaddata", str(path), verbosity=0)


def test_a_restored_backup_verifies_to_the_root_outside(ledger, tmp_path):
    (one, _other), _rows = ledger
    add(one, 4, now=on(4, 13) + timedelta(microseconds=1))
    seal_of(4)
    take(tmp_path / "backup.xml")
    restore(tmp_path / "backup.xml")
    assert api.verify().as_json() == {"whole": True, "entries": 12, "members": 2, "seals": 4, "findings": []}
    add(one, 6)
    assert api.verify().whole


def test_a_backup_older_than_the_file_outside_is_named(ledger, tmp_path):
    take(tmp_path / "backup.xml")
    (one, _other), _rows = ledger
    add(one, 4, now=on(4, 13))
    seal_of(4)
    restore(tmp_path / "backup.xml")
    seen = api.verify()
    assert [(one.kind, one.where, one.day, one.count) for one in seen.findings] == [
        (SEAL_MISSING, "seal", "2026-11-24", None),
        (MISSING, "file", None, 1),
    ]


# Commands and the night's task


def run(name, *words):
    out = StringIO()
    try:
        call_command(name, *words, stdout=out, stderr=StringIO())
    except SystemExit as stopped:
        return out.getvalue(), stopped.code
    return out.getvalue(), 0


def test_the_commands_say_what_they_found(ledger):
    (one, _other), rows = ledger
    text, code = run("verify_archive")
    assert ("全部与写入时一致" in text, code) == (True, 0)
    sql("UPDATE archive_studyhourentry SET hours = 8 WHERE id = %s", rows[one.pk, 5])
    text, code = run("verify_archive")
    assert f"被改动（ALTERED）：党员 {one.pk} 的第 5 条学时记录（编号 {rows[one.pk, 5]}）" in text
    assert code == 1
    text, code = run("verify_archive", "--json")
    assert code == 1
    assert json.loads(text)["findings"] == [
        {"kind": ALTERED, "where": "ledger", "member": one.pk, "seq": 5, "entry": rows[one.pk, 5]}
    ]


def test_the_command_and_the_task_seal_the_day_that_ended(ledger, clock):
    clock.at = on(5)
    text, _code = run("seal_archive")
    assert json.loads(text)["day"] == "2026-11-24"
    assert seal_task.apply().result == ArchiveSeal.objects.get(day=date(2026, 11, 24)).root
    with pytest.raises(CommandError):
        run("seal_archive", "--day", "2026-11-01")
    assert (ArchiveSeal.objects.count(), LearningArchive.objects.count()) == (4, 2)


def test_what_was_kept_before_the_night_is_reckoned_before_the_seal(phone, version, clock):
    # given a lesson that was completed an hour ago, in a log that no fold has seen yet
    phone.watch(version.duration_s)
    phone.flush()
    LessonState.objects.all().delete()
    StudyHourEntry.objects.all()._raw_delete("default")
    LearningArchive.objects.update(beats_folded=0, chain_seq=0, chain_link="")
    clock.advance(3600)
    # when the day is sealed
    seal_task.apply()
    # then its hours are in the seal, and nothing comes to light below it later
    assert StudyHourEntry.objects.get().lesson_version_id == version.pk
    assert ArchiveSeal.objects.get().tree_size == 1
    assert api.verify().whole


def test_hours_that_are_reckoned_after_the_seal_are_recorded_after_it(phone, member, version, clock):
    # given a seal, and a lesson that was completed before it in a log that no fold has seen
    phone.watch(version.duration_s)
    completed_at = clock.at
    phone.flush()
    LessonState.objects.all().delete()
    StudyHourEntry.objects.all()._raw_delete("default")
    LearningArchive.objects.update(beats_folded=0, chain_seq=0, chain_link="")
    clock.advance(86_400)
    api.seal(now=clock.at)
    # when it is reckoned an hour later
    clock.advance(3600)
    api.catch_up(member)
    # then the entry says when the lesson was completed, and when that was recorded
    entry = StudyHourEntry.objects.get()
    assert (entry.finished_at, entry.recorded_at) == (completed_at, clock.at)
    assert api.verify().whole
