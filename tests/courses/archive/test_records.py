"""A member moves to another school with a signed record: nothing is lost, nothing counts twice, nothing is forged."""

import json
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.core.management.base import CommandError

from courses.archive import api
from courses.archive.errors import (
    KeyEnded,
    NotAllowed,
    ReasonMissing,
    RecordUnreadable,
    SignatureWrong,
    UnknownKey,
    WrongPerson,
)
from courses.archive.models import ClassMember, StudyHourEntry, TrainingClass
from courses.archive.records import issue, keys, merge, reading
from courses.archive.records.canonical import canonical, parse
from courses.archive.records.models import RecordImport, SchoolKey
from people.models import AuditEntry
from tests.courses.archive.conftest import add_version
from tests.factories import LessonFactory, MemberFactory, PostFactory

pytestmark = pytest.mark.django_db

AT = datetime(2026, 5, 4, 2, tzinfo=UTC)
NOW = datetime(2026, 11, 28, 1, tzinfo=UTC)
PHONE = "13800001234"


def enter(member, **more):
    values = {"mode": "COLLECTIVE", "title": "主题党日", "hours": Decimal("2"), "finished_at": AT, "now": AT}
    return api.add_entry(member, **(values | more))


def learn(member, lesson, hours="0.5", **more):
    version = lesson.versions.first() or add_version(lesson)
    return enter(
        member, mode="SELF_ONLINE", title=version.title, hours=Decimal(hours), lesson_version=version,
        credit_key=f"lesson:{lesson.pk}", verified_coverage=Decimal("0.98"), published_duration_s=600,
        rule_version="TIER_YN@2020-01-01#1", **more,
    )  # fmt: skip


def total(member):
    return sum(StudyHourEntry.objects.of(member).values_list("hours", flat=True), Decimal(0))


class School:
    """One of several schools that share the test's database: whose turn it is owns the key that signs."""

    def __init__(self, name):
        seed = Ed25519PrivateKey.generate()
        x = keys._b64(seed.public_key().public_bytes_raw())
        self.uuid, self.name = uuid4(), name
        self.kid = keys.thumbprint(x)
        self.seed = keys._b64(seed.private_bytes_raw())
        SchoolKey.objects.create(
            kid=self.kid, school=self.uuid, school_name=name, public=x, ours=False, since_at=AT
        )

    def works(self):
        SchoolKey.objects.update(ours=False, seed="")
        SchoolKey.objects.filter(kid=self.kid).update(ours=True)
        mine = SchoolKey.objects.get(kid=self.kid)
        mine.seed = self.seed
        mine.save()

    def issues(self, member, now=NOW):
        self.works()
        return issue.issue(member, now=now)

    def reads(self, content):
        self.works()
        return reading.read(content, keys.trusted())

    def signs(self, body):
        """A body of the test's own making, rightly signed."""
        self.works()
        value = keys.sign(keys.own(), issue.signed_bytes(body))
        return canonical({"body": body, "signature": {"alg": "Ed25519", "kid": self.kid, "value": value}})


@pytest.fixture
def old(db):
    return School("海棠县委党校")


@pytest.fixture
def new(db):
    return School("青溪县委党校")


@pytest.fixture
def leaver(clock):
    clock.at = NOW
    return MemberFactory(name="刘洋", phone=PHONE)


def moves(leaver, phone=PHONE, **more):
    """The same person on the roster of the other school."""
    leaver.phone = ""
    leaver.save()
    return MemberFactory(name="刘洋", phone=phone, **more)


@pytest.fixture
def organiser(clock):
    found = MemberFactory(name="周敏")
    PostFactory(member=found)
    return found


def take(school, content, member, **more):
    return merge.take_in(school.reads(content), member, actor=None, now=NOW, **more)[1]


# Canonical form


def test_the_canonical_form_is_rfc_8785s():
    # RFC 8785 §3.2.3 and §3.2.2.2, without the fractions
    value = {"b": [56, None, True, False], "a": '€$\u000f\nA\'B"\\\\"/', "1": {"f": {"F": "hi", "f": 5}}}
    assert canonical(value) == (
        b'{"1":{"f":{"F":"hi","f":5}},"a":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/","b":[56,null,true,false]}'
    )
    assert parse(canonical(value)) == value


@pytest.mark.parametrize("value", [1.5, {"名": 1}, {1: 2}, 2**53, b"x", [float("nan")]])
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises((TypeError, ValueError)):
        canonical(value)


@pytest.mark.parametrize("text", ['{"a":1,"a":2}', "[1.0]", "[NaN]", "[1e3]", "{"])
def test_what_records_may_not_hold_is_not_read(text):
    with pytest.raises(ValueError, match=r".*"):
        parse(text)


# Issuing and reading


def test_a_record_says_everything_and_never_the_number(leaver, old, course):
    learn(leaver, LessonFactory(parent=course))
    wrong = enter(leaver)
    api.reverse_entry(wrong, actor=None, reason="名单有误")
    api.grant_exemption(leaver, year=2025, actor=None, reason="住院")
    content = old.issues(leaver)
    record = old.reads(content)
    assert content == canonical(parse(content))
    assert [(one.hours, one.reversal_of) for one in record.body.entries] == [
        (Decimal("0.50"), None), (2, None), (-2, wrong.uuid),
    ]  # fmt: skip
    assert (record.total, record.body.person.name) == (Decimal("0.50"), "刘洋")
    text = content.decode()
    assert PHONE not in text and "住院" not in text
    assert reading.phone_matches(record, PHONE) and not reading.phone_matches(record, "13800001235")
    assert not reading.phone_matches(record, "")
    # the same number makes another digest each time
    assert old.reads(old.issues(leaver)).body.person.phone.digest != record.body.person.phone.digest


def alterations(body):
    """Every way of changing one value in a body."""

    def walk(value, path):
        if isinstance(value, dict):
            for name in value:
                yield from walk(value[name], [*path, name])
        elif isinstance(value, list):
            for number in range(len(value)):
                yield from walk(value[number], [*path, number])
            yield path, value[:-1] if value else [1]
        elif isinstance(value, str):
            yield path, value + "1"
        elif value is None or isinstance(value, bool):
            yield path, 1
        else:
            yield path, value + 1

    for path, other in walk(body, []):
        changed = deepcopy(body)
        at = changed
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = other
        yield path, changed


def test_whatever_is_altered_is_refused(leaver, old, course):
    learn(leaver, LessonFactory(parent=course))
    said = parse(old.issues(leaver))
    tried = 0
    for path, body in alterations(said["body"]):
        expected = RecordUnreadable if path == ["format"] else SignatureWrong
        with pytest.raises(expected):
            old.reads(canonical({"body": body, "signature": said["signature"]}))
        tried += 1
    assert tried > 40
    for name in ("value", "kid", "alg"):
        signature = said["signature"] | {name: "A" + said["signature"][name][1:] + "A"}
        with pytest.raises((SignatureWrong, UnknownKey, RecordUnreadable)):
            old.reads(canonical({"body": said["body"], "signature": signature}))
    # and the other way round: written otherwise, it is still the same
    assert old.reads(json.dumps(said, indent=3).encode()).body.record


def test_a_key_that_nobody_trusts_a_stranger_in_our_name_and_an_ended_key(leaver, old, new):
    content = old.issues(leaver)
    with pytest.raises(UnknownKey) as refusal:
        reading.read(content, {})
    assert (refusal.value.kid, refusal.value.school) == (old.kid, old.name)
    # given a school that we trust, which signs in the name of another
    body = parse(content)["body"]
    with pytest.raises(SignatureWrong):
        old.reads(new.signs(body))
    # given a key that ended before the record says that it was issued
    SchoolKey.objects.filter(kid=old.kid).update(until_at=AT)
    with pytest.raises(KeyEnded):
        reading.read(content, keys.trusted())


def test_a_body_too_deep_or_with_half_a_sign_is_refused(leaver, old):
    said = parse(old.issues(leaver))
    deep = canonical({"body": said["body"] | {"years": 1}, "signature": said["signature"]})
    with pytest.raises((SignatureWrong, RecordUnreadable)):
        old.reads(deep.replace(b'"years":1', b'"years":' + b"[" * 900 + b"]" * 900))
    said["body"]["school"]["name"] = "\ud800"
    with pytest.raises(RecordUnreadable):
        reading.read(json.dumps(said).encode(), {})


def test_a_key_that_ended_stays_ended(old):
    SchoolKey.objects.filter(kid=old.kid).update(until_at=AT)
    row = SchoolKey.objects.get(kid=old.kid)
    # when somebody enters a list from before its end
    keys.trust([keys.PublicKey(row.kid, row.public, row.school, row.school_name, row.since_at, None)])
    assert SchoolKey.objects.get(kid=old.kid).until_at == AT


@pytest.mark.parametrize(
    "broken",
    [b"", b"{}", b"[]", b"\xff", b'{"body":1,"signature":2}', b"[" * 100_000, b"x" * (8 * 1024 * 1024 + 1)],
)
def test_what_is_no_record_is_refused(broken, db):
    with pytest.raises(RecordUnreadable):
        reading.read(broken, {})


def test_rightly_signed_nonsense_is_refused(leaver, old):
    first = enter(leaver)
    api.reverse_entry(first, actor=None, reason="x")
    body = parse(old.issues(leaver))["body"]
    for change in (
        lambda b: b.update(total_hours="5"),
        lambda b: b["entries"].append(deepcopy(b["entries"][0])),
        lambda b: b["entries"].reverse(),
        lambda b: b["entries"][1].update(hours="-3"),
        lambda b: b["entries"][0].update(hours="-2"),
        lambda b: b["entries"][0].update(mode="RANKED"),
        lambda b: b["entries"][0].update(title="x" * 256),
        lambda b: b["entries"][0].update(finished_at="2026-05-04T02:00:00"),
        lambda b: b["entries"][0].update(more="x"),
        lambda b: b.pop("chain"),
    ):
        other = deepcopy(body)
        change(other)
        with pytest.raises(RecordUnreadable):
            old.reads(old.signs(other))
    assert old.reads(old.signs(body)).total == 0


# Taking in


def test_the_hours_come_along_once(leaver, old, new, course):
    learn(leaver, LessonFactory(parent=course))
    enter(leaver, hours=8, mode="CENTRAL_OFFLINE", title="集中培训")
    content = old.issues(leaver)
    member = moves(leaver)
    done = take(new, content, member)
    assert (done.added, done.hours, total(member)) == (2, Decimal("8.50"), Decimal("8.50"))
    came = StudyHourEntry.objects.of(member).get(mode="SELF_ONLINE")
    source = StudyHourEntry.objects.of(leaver).get(mode="SELF_ONLINE")
    assert (came.source_system, came.evidence_id, came.evidence_hash) == (
        f"school:{old.uuid}", str(source.uuid), source.link,
    )  # fmt: skip
    assert (came.organization_name, came.verified_coverage, came.rule_version) == (
        leaver.organization.name, Decimal("0.98"), source.rule_version,
    )  # fmt: skip
    assert came.finished_at == source.finished_at and came.title == source.title
    assert api.verify().whole
    # when it comes again, and once more in a newer record
    for again in (content, _with_phone(old, leaver, member)):
        done = take(new, again, member)
        assert (done.added, done.left_out, total(member)) == (0, 2, Decimal("8.50"))
    assert RecordImport.objects.filter(member=member).count() == 3
    assert AuditEntry.objects.filter(action="archive.record_imported").count() == 3


def test_what_was_studied_since_is_added_to_what_came_before(leaver, old, new):
    enter(leaver)
    early = old.issues(leaver)
    enter(leaver, title="党课", hours=1)
    late = old.issues(leaver)
    member = moves(leaver)
    take(new, early, member)
    assert (take(new, late, member).added, total(member)) == (1, 3)
    # an older record after a newer one adds nothing
    assert (take(new, early, member).added, total(member)) == (0, 3)


def test_reversals_come_along_rightly(leaver, old, new):
    kept, wrong = enter(leaver), enter(leaver, title="重复", hours=4)
    before = old.issues(leaver)
    api.reverse_entry(wrong, actor=None, reason="重复登记")
    after = old.issues(leaver)
    # given somebody who brings the record from before the reversal first
    one = moves(leaver)
    assert (take(new, before, one).hours, total(one)) == (6, 6)
    done = take(new, after, one)
    assert (done.taken_back, done.hours, total(one)) == (1, -4, 2)
    assert StudyHourEntry.objects.get(member=one, hours=-4).reason == "重复登记"
    assert (take(new, after, one).moves, take(new, before, one).moves, total(one)) == (False, False, 2)
    assert kept.hours == total(leaver) == 2


def test_both_halves_in_one_record_come_together(leaver, old, new, course):
    lesson = LessonFactory(parent=course)
    api.reverse_entry(learn(leaver, lesson), actor=None, reason="看错了课")
    enter(leaver)
    content = old.issues(leaver)
    member = moves(leaver)
    done = take(new, content, member)
    assert (done.added, done.taken_back, done.hours, total(member)) == (2, 1, 2, 2)
    assert StudyHourEntry.objects.of(member).count() == 3
    # and what was taken back there does not stop the lesson from counting here
    learn(member, lesson)
    assert total(member) == Decimal("2.5")


def test_a_lesson_that_both_know_counts_once_a_year(leaver, old, new, course):
    lesson = LessonFactory(parent=course)
    learn(leaver, lesson)
    learn(leaver, lesson, finished_at=AT.replace(year=2025), now=AT)
    content = old.issues(leaver)
    member = moves(leaver)
    learn(member, lesson)
    done = take(new, content, member)
    assert [(one.what, one.entry.year) for one in done.items] == [("CREDITED_HERE", 2026), ("ADD", 2025)]
    assert total(member) == 1
    # unless our own was taken back: then what was learnt there counts
    other = MemberFactory(name="刘洋")
    mine = learn(other, lesson)
    api.reverse_entry(mine, actor=None, reason="x")
    RecordImport.objects.all().delete()
    other.phone, member.phone = PHONE, ""
    member.save()
    other.save()
    assert (take(new, content, other).added, total(other)) == (2, 1)


def test_a_lesson_that_only_the_other_school_has_counts_once_too(leaver, old, new, course):
    learn(leaver, LessonFactory(parent=course))
    body = parse(old.issues(leaver))["body"]
    body["entries"][0]["lesson"] = str(uuid4())
    member = moves(leaver)
    take(new, old.signs(body), member)
    # given a third school that has the same lesson's hours under another entry
    third = School("第三党校")
    twin = deepcopy(body)
    twin["school"] = {"uuid": str(third.uuid), "name": third.name}
    twin["entries"][0] |= {"uuid": str(uuid4())}
    twin["entries"][0]["origin"] = {"school": str(third.uuid), "entry": twin["entries"][0]["uuid"]}
    assert take(new, third.signs(twin), member).items[0].what == "CREDITED_HERE"
    assert total(member) == Decimal("0.5")
    # and it is still that lesson when it is taken on to the next school
    assert parse(new.issues(member))["body"]["entries"][0]["lesson"] == body["entries"][0]["lesson"]


def test_there_and_back_again_counts_once(leaver, old, new):
    enter(leaver)
    member = moves(leaver)
    take(new, _with_phone(old, leaver, member), member)
    enter(member, title="新校党课", hours=1)
    back = new.issues(member)
    # when she returns to the first school, where her old entries still are
    done = merge.plan(old.reads(back), leaver)
    assert [(one.what, one.entry.title) for one in done.items] == [
        ("ALREADY_HERE", "主题党日"), ("ADD", "新校党课"),
    ]  # fmt: skip
    # and a third school that gets both records counts each entry once
    third, there = School("第三党校"), MemberFactory(name="刘洋", phone="")
    RecordImport.objects.all().delete()  # the third school knows nothing of what the second did
    take(third, _without_phone(old, leaver), there, by_sight=True)
    record = third.reads(back)
    assert [one.what for one in merge.plan(record, there).items] == ["ALREADY_HERE", "ADD"]


def _with_phone(school, leaver, member):
    """Issued while the leaver still had her number: the database of the test holds a number only once."""
    member.phone, leaver.phone = "", PHONE
    member.save()
    leaver.save()
    content = school.issues(leaver)
    leaver.phone, member.phone = "", PHONE
    leaver.save()
    member.save()
    return content


def _without_phone(school, leaver):
    leaver.phone = ""
    leaver.save()
    return school.issues(leaver)


def test_our_own_entry_that_was_taken_back_elsewhere_stays_until_we_decide(leaver, old, new):
    enter(leaver)
    member = moves(leaver)
    take(new, _with_phone(old, leaver, member), member)
    api.reverse_entry(StudyHourEntry.objects.of(member).get(), actor=None, reason="查无此事")
    planned = merge.plan(old.reads(new.issues(member)), leaver)
    assert [(one.what, one.moves) for one in planned.items] == [("OURS_TAKEN_BACK_THERE", False)]


def test_a_school_may_take_back_only_what_it_recorded_itself(leaver, old, new):
    # given an entry of a first school that came here, and reached a third school too
    enter(leaver)
    content = old.issues(leaver)
    member = moves(leaver)
    take(new, content, member)
    there = MemberFactory(name="刘洋", phone="")
    third = School("第三党校")
    body = parse(content)["body"]
    third.works()
    came = StudyHourEntry.objects.of(member).get()
    # when the third school says that it took that entry back
    first = body["entries"][0]
    back = deepcopy(first) | {"uuid": str(uuid4()), "hours": "-2.00", "reversal_of": first["uuid"]}
    back |= {"reason": "名单有误", "origin": {"school": str(third.uuid), "entry": back["uuid"]}}
    body |= {"school": {"uuid": str(third.uuid), "name": third.name}, "entries": [first, back]}
    body["total_hours"] = "0.00"
    body["person"]["uuid"] = str(there.uuid)
    planned = take(new, third.signs(body), member)
    # then it stays and is shown: only the school that recorded it takes it back
    assert [(one.what, one.moves) for one in planned.items] == [("TAKEN_BACK_ELSEWHERE", False)]
    assert (total(member), StudyHourEntry.objects.of(member).count()) == (came.hours, 1)


def test_a_lesson_that_a_class_here_counts_is_not_credited_beside_it(leaver, old, new, course):
    lesson = LessonFactory(parent=course)
    learn(leaver, lesson)
    content = old.issues(leaver)
    member = moves(leaver)
    mine = learn(member, lesson)
    api.reverse_entry(mine, actor=None, reason="计入培训班")
    credit = enter(member, title="网络培训班", mode="CENTRAL_ONLINE", hours=6)
    held = TrainingClass.objects.create(
        organization=leaver.organization, organization_code="G1", organization_name="桂花社区党委",
        title="网络培训班", mode="CENTRAL_ONLINE", starts_on=AT.date(), ends_on=AT.date(), hours=6,
        created_by=MemberFactory(), created_at=AT,
    )  # fmt: skip
    place = ClassMember.objects.create(
        training_class=held, member=member, joined_at=AT, completed_at=AT, entry=credit,
        replaced=[str(mine.uuid)],
    )  # fmt: skip
    planned = take(new, content, member)
    assert [(one.what, one.moves) for one in planned.items] == [("CREDITED_HERE", False)]
    assert total(member) == 6
    # unless the completion of the class was taken back and the lesson's hours with it
    ClassMember.objects.filter(pk=place.pk).update(completed_at=None, entry=None, replaced=[])
    assert [one.what for one in merge.plan(new.reads(content), member).items] == ["ADD"]


# Whose it is


def test_a_record_of_somebody_else_is_refused(leaver, old, new):
    enter(leaver)
    content = old.issues(leaver)
    namesake = MemberFactory(name="刘洋", phone="13900009999")
    other = MemberFactory(name="刘阳")
    for member, what in ((other, "name"), (namesake, "phone")):
        with pytest.raises(WrongPerson) as refusal:
            take(new, content, member)
        assert (refusal.value.what, total(member), RecordImport.objects.count()) == (what, 0, 0)
    # the number that the person states, when she has another one now
    with pytest.raises(WrongPerson):
        take(new, content, namesake, stated_phone="13800001235")
    take(new, content, namesake, stated_phone=PHONE)
    assert RecordImport.objects.get().identity == "STATED_PHONE"


def test_without_a_number_somebody_must_have_seen_the_papers(leaver, old, new):
    enter(leaver)
    content = _without_phone(old, leaver)
    member = MemberFactory(name="刘洋")
    with pytest.raises(WrongPerson) as refusal:
        take(new, content, member)
    assert (refusal.value.what, total(member)) == ("papers", 0)
    take(new, content, member, by_sight=True)
    assert (RecordImport.objects.get().identity, total(member)) == ("BY_SIGHT", 2)
    # from now on that person is this member, and nobody else
    with pytest.raises(WrongPerson) as refusal:
        take(new, content, MemberFactory(name="刘洋"), by_sight=True)
    assert refusal.value.what == "bound"
    with pytest.raises(WrongPerson) as refusal:
        take(new, _without_phone(old, MemberFactory(name="刘洋")), member, by_sight=True)
    assert refusal.value.what == "bound"


def test_names_are_compared_as_people_read_them():
    assert reading.named_alike("阿依古丽•买买提", "阿依古丽·买买提 ")
    assert reading.named_alike("Ａ伟", "A伟")
    assert not reading.named_alike("刘洋", "刘阳")


def test_an_organiser_takes_in_for_her_own_members_only(leaver, old, new, organiser):
    enter(leaver)
    content = old.issues(leaver)
    stranger = moves(leaver)
    record = new.reads(content)
    for actor, member in ((organiser, stranger), (stranger, stranger)):
        with pytest.raises(NotAllowed):
            merge.take_in(record, member, actor=actor)
    assert (total(stranger), RecordImport.objects.count()) == (0, 0)
    stranger.organization = organiser.organization
    stranger.save()
    merge.take_in(record, stranger, actor=organiser)
    came = StudyHourEntry.objects.of(stranger).get()
    assert (came.recorder, came.approver) == (organiser, organiser)


def test_all_or_nothing(leaver, old, new, monkeypatch):
    enter(leaver)
    enter(leaver, title="党课")
    content = old.issues(leaver)
    member = moves(leaver)
    from courses.archive import ledger

    calls, add = [], ledger.add_entry

    def second_fails(*args, **more):
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError
        return add(*args, **more)

    monkeypatch.setattr(ledger, "add_entry", second_fails)
    with pytest.raises(RuntimeError):
        take(new, content, member)
    assert (total(member), RecordImport.objects.count()) == (0, 0)


def test_a_closed_year_takes_a_record_only_with_the_organisers_own_reason(
    client, leaver, old, new, organiser
):
    enter(leaver, finished_at=AT.replace(year=2025))
    enter(leaver, title="今年的党课", hours=1)
    content = old.issues(leaver)
    member = moves(leaver, organization=organiser.organization)
    new.works()
    api.close_year(organiser.organization, 2025, actor=organiser)
    # the page shows which years are closed, and without a reason nothing moves
    client.force_login(organiser)
    shown = client.post("/archive/desk/records/", upload(content))
    text = shown.content.decode()
    assert f"2025 · {organiser.organization.name}" in text and 'name="reason"' in text
    answer = {"packed": shown.context["packed"], "member": str(member.uuid), "sure": "1", "phone": ""}
    text = client.post("/archive/desk/records/", answer | {"reason": " "}).content.decode()
    assert "已归档" in text and (total(member), RecordImport.objects.count()) == (0, 0)
    with pytest.raises(ReasonMissing):
        merge.take_in(new.reads(content), member, actor=organiser, now=NOW)
    # with one it stands in the line of the closed year alone
    client.post("/archive/desk/records/", answer | {"reason": "组织关系年底才转来"})
    lines = {one.year: one for one in StudyHourEntry.objects.of(member)}
    assert lines[2025].reason.endswith(": 组织关系年底才转来") and lines[2025].approver == organiser
    assert "组织关系年底才转来" not in lines[2026].reason
    # a record that moves nothing there asks for none
    assert not merge.closes_of(merge.plan(new.reads(content), member), member)


# Keys


def test_keys_are_listed_for_good_and_rotation_keeps_old_records_valid(client, leaver):
    first = keys.own()
    assert keys.own() == first
    content = issue.issue(leaver, now=NOW)
    fresh = keys.rotate(name="青溪县委党校", now=NOW)
    listed = client.get("/archive/keys.json").json()
    assert [(one["kid"], one["until"] is None) for one in listed["keys"]] == [
        (first.kid, False),
        (fresh.kid, True),
    ]
    assert listed["school"] == {"uuid": str(first.school), "name": "青溪县委党校"}
    assert "seed" not in json.dumps(listed) and SchoolKey.objects.get(pk=first.pk).seed == ""
    assert reading.read(content, keys.trusted()).kid == first.kid
    assert reading.read(issue.issue(leaver, now=NOW), keys.trusted()).kid == fresh.kid
    # what the old key's thief would sign from now on is refused
    assert {one.kid for one in keys.public_keys(json.dumps(listed))} == {first.kid, fresh.kid}


def test_the_private_half_lies_encrypted(db):
    from django.db import connection

    key = keys.own()
    with connection.cursor() as cursor:
        cursor.execute("SELECT seed FROM archive_schoolkey")
        kept = cursor.fetchone()[0]
    assert key.seed and key.seed not in kept


def test_a_list_of_keys_that_was_tampered_with_is_not_trusted(db):
    keys.own()
    listed = keys.our_keys()
    with pytest.raises(ValueError, match="our own"):
        keys.trust(keys.public_keys(json.dumps(listed)))
    listed["keys"][0]["x"] = "A" * 43
    for bad in (json.dumps(listed), "{}", "[]", "x"):
        with pytest.raises(ValueError, match=r".+"):
            keys.public_keys(bad)
    assert SchoolKey.objects.count() == 1


def listing(school, *kids, name=None):
    """A key file of `school` with fresh keys, and with those of `kids`."""
    fresh = keys._b64(Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    xs = [SchoolKey.objects.get(kid=kid).public for kid in kids] or [fresh]
    return json.dumps({
        "school": {"uuid": str(school.uuid), "name": name or school.name},
        "keys": [{"x": x, "kid": keys.thumbprint(x), "since": "2026-05-04T00:00:00Z", "until": None} for x in xs],
    })  # fmt: skip


def test_nobody_slips_in_a_key_of_ours_or_of_a_school_that_is_known(old, new):
    new.works()
    before = list(SchoolKey.objects.values_list("kid", "school", "school_name"))
    # given a file with our own number and a fresh key, a new key of a known school, a known key under another
    # name or under the number of another school
    third = School("第三党校")
    SchoolKey.objects.filter(kid=third.kid).delete()
    third.kid = old.kid
    for text in (
        listing(new, name="别的党校"),
        listing(old),
        listing(old, old.kid, name="青溪县委党校"),
        listing(third, old.kid),
    ):
        with pytest.raises(ValueError, match=r"our own|known"):
            keys.trust(keys.public_keys(text))
    for text in (listing(new, name="别的党校"), listing(third, old.kid)):
        with pytest.raises(ValueError, match=r"our own|another's"):
            keys.trust(keys.public_keys(text), rotate=True)
    assert list(SchoolKey.objects.values_list("kid", "school", "school_name")) == before
    assert not AuditEntry.objects.filter(action="archive.school_trusted").exists()
    # when the other school was asked: its new key, its new name; afterwards the same file needs no word
    text = listing(old, name="海棠市委党校")
    keys.trust(keys.public_keys(text), rotate=True)
    keys.trust(keys.public_keys(text))
    assert set(SchoolKey.objects.filter(school=old.uuid).values_list("school_name", flat=True)) == {
        "海棠市委党校"
    }
    assert SchoolKey.objects.filter(school=old.uuid).count() == 2


# At the command line


def run(*words, **more):
    out, err = StringIO(), StringIO()
    code = 0
    try:
        call_command(*words, stdout=out, stderr=err, **more)
    except SystemExit as end:
        code = end.code
    return code, out.getvalue(), err.getvalue()


def test_verifying_offline_needs_the_keys_and_nothing_else(leaver, tmp_path, django_assert_num_queries):
    enter(leaver)
    record, listed = tmp_path / "record.json", tmp_path / "keys.json"
    record.write_bytes(issue.issue(leaver, now=NOW))
    listed.write_text(json.dumps(keys.our_keys()))
    with django_assert_num_queries(0):
        code, out, _err = run("verify_record", str(record), "--key", str(listed))
    assert code == 0 and "签名有效" in out and "刘洋" in out and "2.00 学时" in out
    record.write_bytes(record.read_bytes().replace(b'"hours":"2.00"', b'"hours":"9.00"'))
    with django_assert_num_queries(0):
        code, out, _err = run("verify_record", str(record), "--key", str(listed), "--json")
    assert (code, json.loads(out)["code"]) == (1, "SIGNATURE_WRONG")
    with pytest.raises(CommandError):
        call_command("verify_record", str(tmp_path / "absent"))


def test_trusting_and_importing_by_command(leaver, old, new, tmp_path):
    enter(leaver)
    record, listed = tmp_path / "record.json", tmp_path / "keys.json"
    record.write_bytes(old.issues(leaver))
    listed.write_text(json.dumps(keys.our_keys(), ensure_ascii=False))
    SchoolKey.objects.filter(kid=old.kid).delete()
    new.works()
    member = moves(leaver)
    code, _out, err = run("import_record", str(record), "--member", member.username, "--yes")
    assert code == 1 and "trust_school" in err and total(member) == 0
    shown = run("trust_school", str(listed))[1]
    assert old.kid in shown and str(old.uuid) in shown
    assert not SchoolKey.objects.filter(kid=old.kid).exists()
    run("trust_school", str(listed), "--yes")
    other = tmp_path / "other.json"
    other.write_text(listing(old))
    with pytest.raises(CommandError, match="--rotate"):
        run("trust_school", str(other), "--yes")
    assert SchoolKey.objects.filter(school=old.uuid).count() == 1
    run("trust_school", str(other), "--yes", "--rotate")
    assert SchoolKey.objects.filter(school=old.uuid).count() == 2
    assert (
        "将写入" in run("import_record", str(record), "--member", member.username)[1] and total(member) == 0
    )
    assert run("import_record", str(record), "--member", member.username, "--yes")[0] == 0
    assert "已写入 0 条" in run("import_record", str(record), "--member", member.username, "--yes")[1]
    assert total(member) == 2
    with pytest.raises(CommandError):
        call_command("import_record", str(record), "--member", "nobody")


def test_rotating_by_command(db):
    first = keys.own().kid
    code, out, _err = run("record_key", "--rotate", "--name", "青溪县委党校")
    assert code == 0 and len(json.loads(out)["keys"]) == 2 and keys.own().kid != first
    with pytest.raises(CommandError):
        call_command("record_key", "--name", "x")


# Pages


def upload(content, name="record.json"):
    return {"file": SimpleUploadedFile(name, content, "application/json")}


def test_anybody_may_check_a_file_and_sees_little(client, leaver):
    enter(leaver)
    content = issue.issue(leaver, now=NOW)
    text = client.post("/archive/verify/", upload(content)).content.decode()
    assert "签名有效" in text and "刘*" in text and "刘洋" not in text
    assert (
        "签名不符"
        in client.post("/archive/verify/", upload(content.replace(b"2.00", b"3.00"))).content.decode()
    )
    assert client.post("/archive/verify/", upload(b"x")).status_code == 200
    assert client.post("/archive/verify/").status_code == 200


def test_the_organiser_sees_first_what_would_be_added_and_confirms(client, leaver, old, new, organiser):
    enter(leaver)
    content = old.issues(leaver)
    member = moves(leaver, organization=organiser.organization)
    new.works()
    client.force_login(organiser)
    assert client.get("/archive/desk/records/").status_code == 200
    shown = client.post("/archive/desk/records/", upload(content))
    text = shown.content.decode()
    assert "手机号码一致" in text and "写入 1 条" in text and total(member) == 0
    form = {"packed": shown.context["packed"], "member": str(member.uuid), "phone": ""}
    client.post("/archive/desk/records/", form)
    assert total(member) == 0, "nothing without the confirmation"
    answer = client.post("/archive/desk/records/", form | {"sure": "1"}, follow=True)
    assert "已为 刘洋 写入 1 条记录" in answer.content.decode() and total(member) == 2
    again = client.post("/archive/desk/records/", upload(content)).content.decode()
    assert "不会写入任何记录" in again
    client.post("/archive/desk/records/", form | {"sure": "1"})
    assert total(member) == 2


def test_the_page_compares_the_number_that_the_person_states(client, leaver, old, new, organiser):
    enter(leaver)
    content = old.issues(leaver)
    member = moves(leaver, phone="13900009999", organization=organiser.organization)
    new.works()
    client.force_login(organiser)
    shown = client.post("/archive/desk/records/", upload(content))
    assert "手机号码不一致" in shown.content.decode()
    packed = {"packed": shown.context["packed"]}
    confirm = packed | {"member": str(member.uuid), "sure": "1"}
    assert "手机号码不一致" in client.post("/archive/desk/records/", confirm).content.decode()
    assert total(member) == 0
    assert (
        "本人提供的号码一致"
        in client.post("/archive/desk/records/", packed | {"phone": "138 0000 1234"}).content.decode()
    )
    client.post("/archive/desk/records/", confirm | {"phone": PHONE})
    assert total(member) == 2


def test_the_page_refuses_what_is_forged_foreign_or_not_ones_own(client, leaver, old, new, organiser):
    enter(leaver)
    content = old.issues(leaver)
    outside = moves(leaver)
    new.works()
    client.force_login(organiser)
    assert (
        "签名不符"
        in client.post("/archive/desk/records/", upload(content.replace(b"2.00", b"3.00"))).content.decode()
    )
    shown = client.post("/archive/desk/records/", upload(content))
    assert "您的名册里没有叫 刘洋 的党员" in shown.content.decode()
    form = {"packed": shown.context["packed"], "member": str(outside.uuid), "sure": "1"}
    assert client.post("/archive/desk/records/", form).status_code == 404
    assert client.post("/archive/desk/records/", form | {"packed": "eJw="}).status_code == 200
    client.force_login(outside)
    assert client.get("/archive/desk/records/").status_code == 404
    assert total(outside) == 0
