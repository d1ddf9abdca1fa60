"""The member takes her archive along: all of it, described, and never without a line in the list."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

import pypdfium2
import pytest

from courses.archive import api
from courses.archive.exports import document, log, sections
from courses.archive.exports.models import ArchiveExport
from people.models import AuditEntry
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
    expected = {"object": dict, "array": list, "string": str, "integer": int, "null": type(None)}[
        schema["type"]
    ]
    if type(value) is not expected:
        yield f"{where} is {type(value).__name__}"
    elif expected is dict:
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


def test_the_description_is_public(client, db):
    described = json.loads(client.get("/archive/schema.json").content)
    assert described["properties"]["format"] == {"const": "eschool-archive/1"}
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
