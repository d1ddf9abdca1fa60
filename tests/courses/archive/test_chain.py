"""The chain of one member's ledger: what is hashed, and that the ledger writes it, also from two threads."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from hashlib import sha256
from time import sleep
from uuid import UUID

import pytest
from django.db import OperationalError, connection, connections
from django.db.migrations.executor import MigrationExecutor
from hypothesis import given
from hypothesis import strategies as st

from courses.archive import api, chain
from courses.archive.chain import ALTERED, FIELDS, ChainRow, Head, Sealed, examine
from courses.archive.database_content import DatabaseContent
from courses.archive.models import Beat, LearningArchive, StudyHourEntry
from tests.factories import MemberFactory

AT = datetime(2026, 5, 1, 8, 30, tzinfo=UTC)
SAID = dict.fromkeys(FIELDS) | {
    "credit_key": "", "evidence_hash": "", "evidence_id": "", "evidence_type": "", "finished_at": AT,
    "hours": Decimal("0.5"), "member_id": 7, "mode": "COLLECTIVE", "organization_code": "", "organization_name": "",
    "provider": "", "reason": "", "recorded_at": AT, "roles": "", "rule_version": "", "source_system": "",
    "title": "主题\"党日\"\n", "uuid": UUID(int=5), "year": 2026,
}  # fmt: skip


def told(member, hours=1, **more):
    return api.add_entry(
        member,
        **({"mode": "COLLECTIVE", "title": "主题党日", "hours": Decimal(hours), "finished_at": AT} | more),
    )


def test_the_content_is_an_array_of_texts():
    assert chain.content(SAID).decode() == (
        '["entry/1",null,null,"","","","","2026-05-01T08:30:00.000000Z","0.50",null,"7","COLLECTIVE","","","",null,'
        '"","2026-05-01T08:30:00.000000Z",null,null,"","","",null,"主题\\"党日\\"\\n",'
        '"00000000000000000000000000000005",null,"2026"]'
    )


def test_every_column_that_says_something_is_in_it():
    columns = {field.attname for field in StudyHourEntry._meta.concrete_fields}
    assert set(FIELDS) == columns - {"id", "chain_seq", "link", "reversal_of_id"} | {"reversal_of"}
    assert list(FIELDS) == sorted(FIELDS)


def test_the_same_moment_in_another_zone_is_the_same_and_a_bare_one_is_refused():
    assert chain.moment(AT.astimezone(timezone(timedelta(hours=8)))) == chain.moment(AT)
    with pytest.raises(ValueError):
        chain.moment(datetime(2026, 5, 1))


def test_links_begin_with_the_member():
    first = sha256(chain.genesis(7).encode() + sha256(b"x").digest()).hexdigest()
    assert chain.link(chain.genesis(7), b"x") == first != chain.link(chain.genesis(8), b"x")


def seven_rows():
    rows, before = [], chain.genesis(1)
    for seq in range(1, 8):
        before = chain.link(before, b"%d" % seq)
        rows.append(ChainRow(seq * 10, seq, before, b"%d" % seq, f"2026-05-{seq:02}"))
    return rows


EDITS = st.one_of(
    st.tuples(st.just("said"), st.integers(0, 6), st.sampled_from([b"1", b"5", b"x"])),
    st.tuples(
        st.just("link"),
        st.integers(0, 6),
        st.sampled_from(["", "f" * 64, *(row.link for row in seven_rows())]),
    ),
    st.tuples(st.just("seq"), st.integers(0, 6), st.integers(1, 9)),
    st.tuples(st.just("gone"), st.integers(0, 6), st.none()),
    st.tuples(st.just("copied"), st.integers(0, 6), st.integers(1, 9)),
)


@given(st.integers(0, 7), st.lists(EDITS, max_size=4))
def test_whatever_is_done_to_the_rows_is_found(sealed_to, edits):
    true = seven_rows()
    rows = list(true)
    for what, place, value in edits:
        place = min(place, len(rows) - 1)
        if what == "gone" and len(rows) > 1:
            del rows[place]
        elif what == "copied":
            rows.append(rows[place]._replace(entry=100 + len(rows), seq=value))
        elif what != "gone":
            rows[place] = rows[place]._replace(**{what: value})
    sealed = {row.seq: Sealed(row.link, row.recorded_at, "") for row in true[:sealed_to]}
    found = examine(1, rows, Head(7, true[-1].link), sealed, "")
    as_it_was = sorted((row.seq, row.link, row.said) for row in rows) == [row[1:4] for row in true]
    assert (found == []) == as_it_was


@given(st.integers(0, 6), st.integers(0, 6), st.sampled_from(["said", "link", "seq", "gone", "recorded"]))
def test_any_change_of_a_row_is_found_wherever_the_seal_ends(place, sealed_to, change):
    # given seven rows, the first of them sealed
    rows = seven_rows()
    sealed = {row.seq: Sealed(row.link, row.recorded_at, "") for row in rows[:sealed_to]}
    head = Head(7, rows[-1].link)
    floor = rows[sealed_to].recorded_at
    assert examine(1, rows, head, sealed, floor) == []
    # when one is changed
    row = rows[place]
    if change == "gone":
        rows.remove(row)
    else:
        rows[place] = {
            "said": row._replace(said=b"another"),
            "link": row._replace(link="f" * 64),
            "seq": row._replace(seq=99),
            "recorded": row._replace(recorded_at="2026-04-01", said=b"another"),
        }[change]
    # then it is named, and no other
    found = examine(1, rows, head, sealed, floor)
    if change == "gone":
        assert [(one.kind, one.seq) for one in found] == [("MISSING", place + 1)]
    else:
        assert {one.entry for one in found} == {row.entry}
        assert ALTERED in {one.kind for one in found}


@pytest.mark.django_db
def test_the_ledger_numbers_and_links_each_entry_and_knows_its_end():
    member, other = MemberFactory(), MemberFactory()
    first, theirs, second = told(member), told(other), told(member, 2, verified_coverage=Decimal("0.98765"))
    back = api.reverse_entry(first, actor=None, reason="名单有误")
    assert [one.chain_seq for one in (first, theirs, second, back)] == [1, 1, 2, 3]
    before = chain.genesis(member.pk)
    for entry in StudyHourEntry.objects.filter(member=member).order_by("pk"):
        values = {name: getattr(entry, name) for name in FIELDS if name != "reversal_of"}
        values["reversal_of"] = entry.reversal_of.uuid if entry.reversal_of else None
        before = chain.link(before, chain.content(values))
        assert entry.link == before
    archive = LearningArchive.objects.get(member=member)
    assert (archive.chain_seq, archive.chain_link) == (3, before)


@pytest.mark.django_db
def test_the_three_ways_to_an_entrys_content_agree():
    member = MemberFactory()
    entry = told(
        member, "12.5", title="引号\" 反斜杠\\ 换行\n制表\t\x01\x7f\u2028 表情😀", verified_coverage=Decimal("0.9"),
        started_at=AT + timedelta(microseconds=100), finished_at=AT + timedelta(microseconds=1), now=AT,
        approver=None, published_duration_s=60, provider="a,b|c",
    )  # fmt: skip
    told(member, now=AT)
    api.reverse_entry(entry, actor=None, reason="", now=AT)
    made = StudyHourEntry.objects.order_by("pk").values_list("pk", DatabaseContent())
    kept = {row[0]: chain.content_of_row(row[1:]) for row in StudyHourEntry.objects.all().as_kept("pk")}
    assert {pk: said.encode() for pk, said in made} == kept
    for entry in StudyHourEntry.objects.all():
        values = {name: getattr(entry, name) for name in FIELDS if name != "reversal_of"}
        values["reversal_of"] = entry.reversal_of.uuid if entry.reversal_of else None
        assert chain.content(values) == kept[entry.pk]


@pytest.mark.django_db
def test_no_entry_is_recorded_before_the_one_it_follows():
    member = MemberFactory()
    told(member, now=AT)
    assert told(member, now=AT - timedelta(milliseconds=3)).recorded_at == AT


@pytest.mark.django_db
def test_a_row_put_there_by_hand_does_not_stop_study():
    member = MemberFactory()
    entry = told(member)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE archive_studyhourentry SET chain_seq = 5, link = '' WHERE id = %s", [entry.pk])
    assert told(member).chain_seq == 6


@pytest.mark.django_db(transaction=True)
def test_two_threads_leave_an_unbroken_chain():
    members = [MemberFactory(), MemberFactory()]

    def add(number):
        try:
            for _ in range(200):  # SQLite in memory does not wait for a lock
                with suppress(OperationalError):
                    return told(members[number % 2], title=f"第{number}次").chain_seq
                sleep(0.01)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as many:
        seqs = list(many.map(add, range(24)))
    assert sorted(seqs) == sorted([*range(1, 13), *range(1, 13)])
    assert api.verify().as_json() == {"whole": True, "entries": 24, "members": 2, "seals": 0, "findings": []}


@pytest.mark.django_db(transaction=True)
def test_the_migration_chains_what_exists_in_the_order_of_recording():
    member = MemberFactory()
    first = told(member, now=AT)
    api.reverse_entry(first, actor=None, reason="", now=AT + timedelta(days=1))
    told(member, now=AT + timedelta(days=2))
    kept = list(StudyHourEntry.objects.order_by("pk").values_list("chain_seq", "link"))
    ends = list(LearningArchive.objects.values_list("chain_seq", "chain_link"))
    # given a database as it was before, where the row of an archive is missing
    MigrationExecutor(connection).migrate([("archive", "0002_chain_columns")])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE archive_studyhourentry SET chain_seq = NULL, link = NULL")
        cursor.execute("DELETE FROM archive_learningarchive")
    # when it is brought up to date
    MigrationExecutor(connection).migrate([("archive", "0004_entries_are_chained_and_sealed")])
    executor = MigrationExecutor(connection)  # and the rest, for the tests that follow
    executor.migrate(executor.loader.graph.leaf_nodes("archive"))
    # then the chain is the one that the ledger would have written
    assert list(StudyHourEntry.objects.order_by("pk").values_list("chain_seq", "link")) == kept
    assert list(LearningArchive.objects.values_list("chain_seq", "chain_link")) == ends
    assert api.verify().whole


@pytest.fixture
def archive_as_it_is():
    """Whatever the test migrated, the archive is up to date for the tests that follow."""
    yield
    LearningArchive.objects.update(beats_folded=2**40)
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes("archive"))


@pytest.mark.django_db(transaction=True)
def test_migrating_back_and_forth_keeps_the_log(phone, version, archive_as_it_is):
    # given beats of the usual kind and others, all folded
    phone.watch(60)
    phone.watch(15, speed=1.5, rate=1.5, flags=["audio"])
    phone.flush()
    LearningArchive.objects.create(member=MemberFactory(), created_at=AT)
    log = list(Beat.objects.order_by("pk").values_list())
    archives = list(LearningArchive.objects.order_by("pk").values())
    bodies = list(Beat.objects.order_by("pk").values_list("body", flat=True))
    # when the log goes back to what it was
    MigrationExecutor(connection).migrate([("archive", "0004_entries_are_chained_and_sealed")])
    with connection.cursor() as cursor:
        cursor.execute("SELECT body, body_hash FROM archive_beat ORDER BY id")
        rows = cursor.fetchall()
    # then each beat is there as it was kept then
    assert [json.loads(body) for body, _hash in rows] == bodies
    texts = [json.dumps(body, sort_keys=True, separators=(",", ":")) for body in bodies]
    assert [found for _body, found in rows] == [sha256(text.encode()).hexdigest() for text in texts]
    # and forward again it is the same log, folded as far as it was
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes("archive"))
    assert list(Beat.objects.order_by("pk").values_list()) == log
    assert list(LearningArchive.objects.order_by("pk").values()) == archives


@pytest.mark.django_db(transaction=True)
def test_a_log_that_is_not_folded_does_not_go_back(phone, archive_as_it_is):
    phone.watch(15)
    phone.flush()
    LearningArchive.objects.update(beats_folded=0)
    with pytest.raises(RuntimeError, match="fold_beats"):
        MigrationExecutor(connection).migrate([("archive", "0004_entries_are_chained_and_sealed")])
    assert Beat.objects.count() == 1
