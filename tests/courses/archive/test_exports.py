"""The member takes her archive along: all of it, described, and never without a line in the list."""

import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from uuid import UUID, uuid4

import pypdfium2
import pytest
from django.apps import apps

from courses.archive import api
from courses.archive.cmi5 import launching
from courses.archive.corrections import desk
from courses.archive.exports import document, log, sections
from courses.archive.models import (
    ArchiveExport,
    Attendance,
    Certificate,
    ClaimProof,
    ClassMember,
    ClassSession,
    Cmi5Au,
    Cmi5Course,
    Cmi5Registration,
    Cmi5Session,
    OfflineClaim,
    RecordImport,
    TrainingClass,
)
from courses.archive.xapi import own_player, references
from courses.archive.xapi.models import DocumentKind, LrsClient, LrsDocument, RefKind, Statement, StatementRef
from courses.quizzes.models import Attempt, Paper, QuestionBank
from people.models import AuditEntry, Member, Notice
from tests.courses.archive.conftest import add_version
from tests.factories import LessonFactory, MemberFactory

pytestmark = pytest.mark.django_db

AT = datetime(2026, 5, 4, 2, tzinfo=UTC)


def enter(member, **more):
    values = {
        "mode": "COLLECTIVE",
        "title": "主题党日",
        "hours": Decimal("0.5"),
        "finished_at": AT,
        "now": AT,
    }
    return api.add_entry(member, **(values | more))


def kinds(schema, value, where="$"):
    """Places where `value` is not what the schema says: enough of JSON Schema for ours."""
    if "anyOf" in schema:
        tried = [list(kinds(one, value, where)) for one in schema["anyOf"]]
        yield from [] if [] in tried else tried[0]
        return
    if "const" in schema:
        yield from [] if value == schema["const"] else [where]
        return
    expected = {
        "object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None),
    }[schema["type"]]  # fmt: skip
    if type(value) is not expected:
        yield f"{where} is {type(value).__name__}"
    elif expected is dict and "properties" in schema:
        yield from (f"{where}.{name} lacks" for name in schema["required"] if name not in value)
        yield from (f"{where}.{name} is not described" for name in value if name not in schema["properties"])
        for name, one in schema["properties"].items():
            if name in value:
                yield from kinds(one, value[name], f"{where}.{name}")
    elif expected is list:
        for number, one in enumerate(value):
            yield from kinds(schema["items"], one, f"{where}[{number}]")
    elif schema.get("format") == "uuid":
        UUID(value)
    elif schema.get("format") in {"date-time", "date"}:
        datetime.fromisoformat(value)


@pytest.fixture
def studied(member, phone_of, course, clock):
    """A member with a completed lesson, one under way, an entry taken back, an exemption."""
    version = add_version(LessonFactory(parent=course), duration_s=60)
    done, begun = phone_of(member, version), None
    done.watch(60)
    done.flush()
    begun = phone_of(member, add_version(LessonFactory(parent=course)))
    begun.watch(30)
    begun.flush()
    api.reverse_entry(enter(member), actor=None, reason="名单有误")
    api.grant_exemption(member, year=2025, actor=None, reason="住院")
    enter(MemberFactory(), title="别人的班")
    return member


def test_the_json_holds_everything_and_is_as_described(client, studied, clock):
    client.force_login(studied)
    answer = client.post("/archive/exports/json/")
    assert answer["Content-Type"] == "application/json" and "attachment" in answer["Content-Disposition"]
    said = json.loads(answer.content)
    assert list(kinds(document.schema(), said)) == []
    assert [one["chain_seq"] for one in said["entries"]] == [1, 2, 3]
    assert said["entries"][2]["reversal_of"] == said["entries"][1]["uuid"]
    assert (
        Decimal(said["total_hours"])
        == sum(Decimal(one["hours"]) for one in said["entries"])
        == Decimal("0.25")
    )
    assert [(one["year"], one["reason"]) for one in said["exemptions"]] == [(2025, "住院")]
    assert [(one["watched_s"], one["counted"]) for one in said["lessons"]] == [
        (60, [[0, 60]]),
        (30, [[0, 30]]),
    ]
    assert said["member"]["name"] == studied.name and "别人的班" not in answer.content.decode()


OF_SECTION = {
    "courses.Attempt": "exams",
    "archive.ArchiveYear": "years",
    "archive.LessonState": "lessons",
    "archive.StudyHourEntry": "entries",
    "archive.Exemption": "exemptions",
    "archive.Certificate": "certificates",
    "archive.OfflineClaim": "claims",
    "archive.ClaimProof": "claims",
    "archive.ClassMember": "classes",
    "archive.Attendance": "classes",
    "archive.Cmi5Registration": "cmi5",
    "archive.Cmi5Au": "cmi5",
    "archive.Cmi5Session": "cmi5",
    "archive.Correction": "corrections",
    "archive.LateLine": "late",
    "archive.ArchiveExport": "exports",
    "archive.RecordImport": "records",
    "archive.Statement": "statements",
    "archive.LrsDocument": "documents",
    "people.Notice": "notices",
}
EXEMPT = {
    "courses.Admission": "only that a paper is open to her; what she did with it is under exams, why under classes",
    "archive.LearningArchive": "the row is a lock and counters; when it was opened is the member's activated_at",
    "archive.Beat": "the raw log; the stretches that count are under lessons",
    "archive.PackedMonth": "old parts of the raw log; the stretches that count are under lessons",
    "archive.PlayLease": "whose turn it was to count, seconds long; what came of it is under lessons",
    "archive.ArchiveSeal": "`members` is a number of members, and leaves are digests of links under entries",
    "archive.StatementRef": "an index of the statements",
    "archive.StatementTarget": "an index of the statements",
    "archive.StatementUse": "an index of the statements; an attachment's digest stands in the statement",
    "archive.AgentSeen": "the account that programs call her by; it stands in each statement",
    "archive.OutsideSession": "which session of another program is which in the log; what it told is in the statements",
    "archive.OutsideReport": "that a statement waits to be counted, seconds long; it is itself under statements",
    "archive.TrainingClass": "names who organised it; those are acts in office",
    "archive.YearClose": "names who closed a year; an act in office",
    "archive.HoursImport": "names who handed in a list; an act in office, and the hours of it are under entries",
    "archive.Cmi5Course": "names the editor who imported it; an act in office",
}


def test_every_model_about_a_member_has_a_section_or_a_reason(db):
    models = [one for label in ("courses", "archive") for one in apps.get_app_config(label).get_models()]
    about = {
        one._meta.label
        for one in models
        for field in one._meta.local_fields
        if field.related_model is Member
        or "member" in field.name
        or field.name in {"agent", "ifi"}
        or (field.related_model and field.related_model._meta.label in OF_SECTION)
    }
    assert about - set(OF_SECTION) - set(EXEMPT) == set()
    assert set(OF_SECTION) & set(EXEMPT) == set()
    assert all(reason.strip() for reason in EXEMPT.values())
    # Nothing stands on the lists that is not there, and no section without what it tells of.
    assert all(apps.get_model(label) for label in OF_SECTION | EXEMPT)
    assert {one.name for one in sections.registered()} == set(OF_SECTION.values())


@pytest.fixture
def with_rooms(member, clock):
    """A member of whom every room keeps something."""
    bank = QuestionBank.objects.create(title="题库")
    paper = Paper.objects.create(title="党章测验", bank=bank)
    asked = {"id": 1, "kind": "SINGLE", "text": "问", "points": 5, "right": ["a"], "explanation": ""}
    asked["options"] = [{"key": "a", "text": "甲"}, {"key": "b", "text": "乙"}]
    common = {"member": member, "paper": paper, "revision": 1, "title": "党章测验", "pass_mark": 60}
    common |= {"total_points": 100, "questions": [asked], "started_at": AT, "answers": {"1": ["b"]}}
    common |= {"ends_at": AT + timedelta(hours=1)}
    over = AT + timedelta(minutes=20)
    Attempt.objects.create(number=1, submitted_at=over, score=55, **common)
    Attempt.objects.create(number=2, **common)
    entry = enter(member)
    organiser = MemberFactory()
    course = TrainingClass.objects.create(
        organization=member.organization, organization_code="G1", organization_name="桂花社区党委",
        title="春季班", mode="CENTRAL_OFFLINE", starts_on=AT.date(), ends_on=AT.date(),
        created_by=organiser, created_at=AT,
    )  # fmt: skip
    place = ClassMember.objects.create(
        training_class=course, member=member, joined_at=AT, completed_at=AT, entry=entry
    )
    held = ClassSession.objects.create(training_class=course, title="上午", held_on=AT.date(), hours=4)
    Attendance.objects.create(session=held, place=place, status="PRESENT")
    Certificate.objects.create(
        number="G1-2026-000001-11", organization_code="G1", organization_name="桂花社区党委", year=2026, serial=1,
        member=member, place=place, holder=member.name, title="春季班", hours=4, starts_on=AT.date(),
        ends_on=AT.date(), issued_at=AT,
    )  # fmt: skip
    claim = OfflineClaim.objects.create(
        member=member, mode="CENTRAL_OFFLINE", title="市委党校", started_on=AT.date(), finished_on=AT.date(),
        hours=8, filed_at=AT,
    )  # fmt: skip
    ClaimProof.objects.create(claim=claim, name="结业证.jpg", kind="JPEG", size_bytes=9, sha256="ab" * 32)
    desk.ask(member, kind="WRONG", text="时间不对", entry=entry)
    RecordImport.objects.create(
        member=member, record=uuid4(), school=uuid4(), school_name="甲校", person=uuid4(), issued_at=AT,
        sha256="cd" * 32, identity="PHONE", actor=organiser, imported_at=AT, added=1, taken_back=0, left_out=0,
    )  # fmt: skip
    package = Cmi5Course.objects.create(
        title="互动课", publisher_id="urn:p", base_iri="https://x.example/1", structure={}, au_count=1,
        size_bytes=1, sha256="ef" * 32,
    )  # fmt: skip
    registration = Cmi5Registration.objects.create(course=package, member=member, actor={})
    Cmi5Au.objects.create(registration=registration, index=0, completed_at=AT)
    Cmi5Session.objects.create(
        registration=registration, au_index=0, launch_mode="Normal", activity_id="x", publisher_id="y",
        fetch_digest="ff" * 32, launched_at=AT, expires_at=AT,
    )  # fmt: skip
    lrs = LrsClient.objects.create(name="甲", key="k", secret_digest="s", scopes="all")
    for actor in (own_player.actor_of(member), launching.actor_of(member), own_player.actor_of(organiser)):
        said = Statement.objects.create(
            uuid=uuid4(), client=lrs, verb=uuid4(), stored_at=AT, timestamp_at=AT, version="1.0.3",
            digest="d", body=json.dumps({"actor": actor, "result": {"score": {"scaled": 0.5}}}),
        )  # fmt: skip
        StatementRef.objects.create(kind=RefKind.AGENT, key=references.agent_key(actor), statement=said)
    LrsDocument.objects.create(
        kind=DocumentKind.STATE, agent=references.agent_key(launching.actor_of(member)), name_key=uuid4(),
        name="bookmark", content_type="text/plain", content=b"p7", etag="e", updated_at=AT,
    )  # fmt: skip
    Notice.objects.create(member=member, kind="x", title="提醒", dedupe_key="1")
    log.make(member, "PDF", now=AT)
    return Member.objects.get(pk=member.pk)


def test_the_json_holds_what_every_room_keeps_of_her_and_of_nobody_else(with_rooms):
    said = document.document(with_rooms, now=AT)
    json.dumps(said)
    assert list(kinds(document.schema(), said)) == []
    over, going_on = said["exams"]
    assert (over["title"], over["number"], over["score"], over["pass_mark"]) == ("党章测验", 1, 55, 60)
    assert (over["duration_s"], over["passed"], over["answers"][0]["answered"]) == (1200, False, ["乙"])
    assert over["answers"][0]["right"] is False
    # Nothing of an attempt that goes on tells what is right.
    assert (going_on["duration_s"], going_on["passed"], going_on["answers"][0]["right"]) == (None, None, None)
    (place,) = said["classes"]
    assert (place["title"], place["organization_name"]) == ("春季班", "桂花社区党委")
    assert place["entry"] == said["entries"][0]["uuid"]
    assert place["attendance"] == [
        {"title": "上午", "held_on": "2026-05-04", "hours": "4.00", "status": "PRESENT"}
    ]
    assert [one["number"] for one in said["certificates"]] == ["G1-2026-000001-11"]
    (claim,) = said["claims"]
    assert (claim["state"], [one["name"] for one in claim["proofs"]]) == ("WAITING", ["结业证.jpg"])
    (correction,) = said["corrections"]
    assert (correction["text"], correction["entry"]) == ("时间不对", place["entry"])
    assert [(one["school_name"], one["identity"]) for one in said["records"]] == [("甲校", "PHONE")]
    (course,) = said["cmi5"]
    assert (course["title"], len(course["units"]), len(course["launches"])) == ("互动课", 1, 1)
    assert len(said["statements"]) == 2 and {
        one["statement"]["actor"]["account"]["name"] for one in said["statements"]
    } == {str(with_rooms.uuid)}
    assert [(one["name"], b64decode(one["content_base64"])) for one in said["documents"]] == [
        ("bookmark", b"p7")
    ]
    assert "提醒" in [one["title"] for one in said["notices"]]
    assert [one["kind"] for one in said["exports"]] == ["PDF"]
    # Another member's export has none of it.
    others = document.document(MemberFactory(name="李四"), now=AT)
    assert all(others[name] == [] for name in set(OF_SECTION.values()) - {"years"})


def test_the_description_is_public(client, db):
    described = json.loads(client.get("/archive/schema.json").content)
    assert described["properties"]["format"] == {"const": "eschool-archive/2"}
    assert set(described["required"]) >= {"entries", "years", "exemptions", "lessons"}


@pytest.mark.parametrize("kind", ["json", "record", "pdf"])
def test_every_export_is_logged_and_shown(client, studied, kind, clock):
    client.force_login(studied)
    assert "还没有导出过" in client.get("/archive/exports/").content.decode()
    content = client.post(f"/archive/exports/{kind}/").content
    logged = ArchiveExport.objects.get(member=studied)
    assert (logged.kind, logged.actor, logged.entries) == (kind.upper(), studied, 3)
    assert (logged.sha256, logged.size_bytes) == (sha256(content).hexdigest(), len(content))
    assert AuditEntry.objects.get(action="archive.exported").detail["sha256"] == logged.sha256
    text = client.get("/archive/exports/").content.decode()
    assert logged.sha256 in text and "本人" in text
    # and nobody else sees it
    client.force_login(MemberFactory())
    assert logged.sha256 not in client.get("/archive/exports/").content.decode()


def test_nothing_leaves_by_a_mere_link(client, studied):
    client.force_login(studied)
    assert client.get("/archive/exports/json/").status_code == 405
    assert client.post("/archive/exports/exe/").status_code == 404
    assert ArchiveExport.objects.count() == 0


def test_what_cannot_be_made_is_not_logged(studied, monkeypatch):
    def broken(member):
        raise RuntimeError

    monkeypatch.setitem(
        sections._SECTIONS, "entries", sections.Section("entries", broken, {"type": "array", "items": {}})
    )
    with pytest.raises(RuntimeError):
        log.make(studied, "JSON")
    assert ArchiveExport.objects.count() == 0


def test_another_room_adds_a_section(member, monkeypatch):
    monkeypatch.setattr(sections, "_SECTIONS", dict(sections._SECTIONS))
    sections.register(
        "marks", load=lambda one: [one.name], schema={"type": "array", "items": {"type": "string"}}
    )
    said = document.document(member, now=AT)
    assert said["marks"] == [member.name] and "marks" in document.schema()["required"]
    with pytest.raises(ValueError, match="taken"):
        sections.register("marks", load=lambda one: [], schema={})


def test_the_list_of_exports_is_only_added_to(studied):
    made = log.make(studied, "JSON").logged
    with pytest.raises(TypeError):
        made.delete()
    with pytest.raises(TypeError):
        ArchiveExport.objects.update(kind="PDF")


# On paper


def pages_of(content):
    return [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(content)]


def test_the_paper_holds_every_year_and_entry_with_numbered_pages(studied, clock):
    for number in range(60):
        enter(studied, title=f"第{number}次主题党日")
    pages = pages_of(log.make(studied, "PDF").content)
    text = "".join("".join(pages).split())
    assert len(pages) > 1
    for number, page in enumerate(pages, 1):
        assert f"第 {number} 页，共 {len(pages)} 页" in page and studied.name in page
    assert all(f"第{number}次主题党日" in text for number in range(60))
    assert "2026-09-3009:01" in text, "when it was made"
    assert "2025（免除）" in text
    assert "名单有误" in text and "本人签名" in text and "党组织（盖章）" in text
    assert studied.organization.name in text


def test_the_signature_is_not_torn_and_an_empty_archive_is_paper_too(member, clock):
    assert "还没有记录" in pages_of(log.make(member, "PDF").content)[0]
    for number in range(40):
        enter(member, title=f"第{number}次")
        if number % 8 == 0:
            last = pages_of(log.make(member, "PDF").content)[-1]
            assert "本人签名" in last and "日期：" in last


def test_the_same_archive_at_the_same_moment_makes_the_same_paper(studied, clock):
    one, other = (log.make(studied, "PDF").logged for _ in range(2))
    assert one.sha256 == other.sha256
