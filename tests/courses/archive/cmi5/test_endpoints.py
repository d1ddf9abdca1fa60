"""/api/cmi5/ as another program uses it: import, launch URL, waive, abandon, withdraw; and who may not."""

from __future__ import annotations

import base64
import errno
import io
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from courses.archive.cmi5 import content as content_files
from courses.archive.cmi5 import launching, packages
from courses.archive.cmi5.models import Cmi5Course, Cmi5Registration, Cmi5Session
from courses.archive.xapi import accounts, clients
from courses.archive.xapi.models import Statement
from tests.courses.archive.cmi5.conftest import LEARNER, Content, program_with, recorded, verbs
from tests.courses.archive.cmi5.packages import au, block, package, structure
from tests.factories import AdministratorFactory, CourseFactory, LessonFactory, MemberFactory

ONE = structure(block(au(0, attributes='moveOn="Completed"')))


def send(client, body: bytes | io.BytesIO, kind: str = "application/zip"):
    data = body if isinstance(body, bytes) else body.getvalue()
    return client.post("/api/cmi5/courses", data, content_type=kind)


def post(client, path: str, body: dict):
    return client.post(f"/api/cmi5/{path}", body, content_type="application/json")


def test_a_package_is_imported_by_a_client(program):
    # When a program sends a zip
    answer = send(program, package(ONE))
    # Then the course is there with its units, its ids are ours, and its files lie in a folder of their own
    assert answer.status_code == 200
    said = answer.json()
    course = Cmi5Course.objects.get()
    assert (said["id"], said["title"]) == (str(course.uuid), "网络安全")
    assert [unit["index"] for unit in said["aus"]] == [0]
    assert said["aus"][0]["activityId"] != said["aus"][0]["id"] == "https://publisher.example/au/0"
    assert course.imported_client == clients.LrsClient.objects.get(name="Provider").key
    assert (content_files.folder_of(course.uuid) / "index.html").is_file()
    assert program.get("/api/cmi5/courses").json()[0]["id"] == said["id"]
    assert program.get(f"/api/cmi5/courses/{said['id']}").json() == said


def test_a_bare_structure_and_a_form_are_imported_too(program):
    bare = structure("".join(au(n, url=f"https://content.example/{n}") for n in range(1001)))
    assert len(send(program, bare.encode(), "text/xml").json()["aus"]) == 1001
    form = {"file": SimpleUploadedFile("course.zip", package(ONE).getvalue(), "application/octet-stream")}
    assert program.post("/api/cmi5/courses", form).status_code == 200
    assert Cmi5Course.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "kind", "code", "requirement"),
    [
        (b"# text", "text/markdown; charset=UTF-8", "PACKAGE_TYPE", "14.0.0.0-1"),
        (b"no zip", "application/zip", "NOT_A_ZIP", "14.1.0.0-1"),
        (b"", "application/zip", "PACKAGE_EMPTY", "14.0.0.0-1"),
        (package(ONE, {}).getvalue(), "application/zip", "URL_WITHOUT_FILE", "14.1.0.0-4"),
        (ONE.encode(), "text/xml", "URL_RELATIVE_WITHOUT_ZIP", "14.2.0.0-1"),
        (structure(au(0, id="no.scheme/x")).encode(), "text/xml", "IRI_INVALID", "3.0.0.0-1"),
    ],
)
def test_a_bad_package_is_refused_and_leaves_nothing(program, settings, body, kind, code, requirement):
    answer = send(program, body, kind)
    assert answer.status_code == 400
    assert (answer.json()["code"], answer.json()["violatedReqId"]) == (code, requirement)
    assert any("一" <= sign <= "鿿" for sign in answer.json()["message"])
    assert not Cmi5Course.objects.exists()
    assert not settings.STUDY["CMI5_DIR"].exists()


def test_a_package_that_is_too_big_is_refused(program, settings):
    settings.STUDY = {**settings.STUDY, "CMI5_UPLOAD_BYTES": 100}
    answer = send(program, package(ONE))
    assert (answer.status_code, answer.json()["code"]) == (413, "PACKAGE_TOO_BIG")
    form = {"file": SimpleUploadedFile("course.zip", package(ONE).getvalue())}
    assert program.post("/api/cmi5/courses", form).status_code == 413
    assert not Cmi5Course.objects.exists()


def test_a_full_disk_is_told_and_leaves_nothing(program, monkeypatch, settings):
    """Also on the editors' desk."""
    unpack = packages._unpack

    def full(archive, entry, folder):
        if entry.filename != "cmi5.xml":
            raise OSError(errno.ENOSPC, "No space left on device")
        unpack(archive, entry, folder)

    monkeypatch.setattr(packages, "_unpack", full)
    answer = send(program, package(ONE))
    assert (answer.status_code, answer.json()["code"]) == (507, "NO_ROOM")
    desk = Client()
    desk.force_login(AdministratorFactory())
    form = {"package": SimpleUploadedFile("course.zip", package(ONE).getvalue())}
    page = desk.post(reverse("cmi5_courses:add"), form)
    assert page.status_code == 200 and "磁盘已满" in page.content.decode()
    assert not Cmi5Course.objects.exists()
    assert list(settings.STUDY["CMI5_DIR"].iterdir()) == []


def test_a_body_without_a_stated_length_is_read(program):
    """As node's http sends a stream."""
    body = package(ONE).getvalue()
    answer = program.generic(
        "POST",
        "/api/cmi5/courses",
        content_type="application/zip",
        HTTP_TRANSFER_ENCODING="chunked",
        **{"wsgi.input": io.BytesIO(body)},
    )
    assert answer.status_code == 200


def test_a_launch_url_says_what_an_au_needs(program):
    # Given a course
    course = send(program, package(structure(au(0, url="index.html?paramA=1&amp;paramB=2#top")))).json()
    # When an address is asked for
    answer = post(
        program,
        f"courses/{course['id']}/launch-url/0",
        {"actor": LEARNER, "returnUrl": "https://p.example/b"},
    )
    # Then it has the AU's own query and the five names of the specification
    assert answer.status_code == 200
    said = answer.json()
    parts = urlsplit(said["url"])
    query = parse_qs(parts.query, strict_parsing=True)
    assert parts.path.endswith("/index.html") and parts.fragment == "top"
    assert set(query) == {"paramA", "paramB", "endpoint", "fetch", "actor", "registration", "activityId"}
    assert query["registration"] == [said["registration"]]
    assert query["activityId"] == [course["aus"][0]["activityId"]]
    assert query["endpoint"] == ["http://testserver/cmi5/xapi"]
    # and the launch stands in the LRS, with the address but without the parameters
    *_satisfied, launched = recorded(said["registration"])
    assert verbs(said["registration"]) == ["satisfied", "launched"]  # by default a unit asks for nothing
    url = launched["context"]["extensions"]["https://w3id.org/xapi/cmi5/context/extensions/launchurl"]
    assert url == said["url"].partition("&endpoint")[0] + "#top"


def test_names_of_catapult_s_player_are_understood(program):
    course = send(program, package(ONE)).json()
    number = "ccaf384c-f8d4-4e7a-8304-49af58f0b176"
    body = {"actor": LEARNER, "reg": number, "launchMode": "Browse"}
    said = post(program, f"courses/{course['id']}/launch-url/0", body).json()
    assert (said["registration"], said["launchMode"], said["id"]) == (number, "Browse", said["session"])
    # and the same number goes on in the same registration
    again = post(
        program, f"courses/{course['id']}/launch-url/0", {"actor": LEARNER, "registration": number}
    ).json()
    assert again["registration"] == number
    assert Cmi5Registration.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"actor": {"mbox": "mailto:a@b.example"}}, 400, "ACTOR"),
        ({"actor": {"account": {"name": "1"}}}, 400, "ACTOR"),
        ({"actor": {"account": {"name": "1", "homePage": "x"}}}, 400, "ACTOR"),
        ({"actor": LEARNER | {"objectType": "Group"}}, 400, "ACTOR"),
        ({"actor": LEARNER, "launchMode": "Fast"}, 400, "LAUNCH_MODE"),
        ({"actor": LEARNER, "returnUrl": "javascript:alert(1)"}, 400, "RETURN_URL"),
    ],
)
def test_a_launch_that_cannot_be_leaves_nothing(program, imported, body, status, code):
    course = imported(client=program.key)
    answer = post(program, f"courses/{course.uuid}/launch-url/0", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Cmi5Session.objects.exists() and not Statement.objects.exists()


def test_unknown_courses_units_and_others_registrations_look_the_same(program, imported):
    course, other = imported(client=program.key), imported(client=program.key)
    mine = post(program, f"courses/{course.uuid}/launch-url/0", {"actor": LEARNER}).json()["registration"]
    somebody = {"account": {"homePage": "https://provider.example/", "name": "4712"}}
    for path, body in (
        ("courses/ccaf384c-f8d4-4e7a-8304-49af58f0b176/launch-url/0", {"actor": LEARNER}),
        (f"courses/{course.uuid}/launch-url/1", {"actor": LEARNER}),
        (f"courses/{course.uuid}/launch-url/0", {"actor": somebody, "registration": mine}),
        (f"courses/{other.uuid}/launch-url/0", {"actor": LEARNER, "registration": mine}),
        ("registrations/ccaf384c-f8d4-4e7a-8304-49af58f0b176/waive-au/0", {"reason": "Administrative"}),
        (f"registrations/{mine}/waive-au/7", {"reason": "Administrative"}),
        ("sessions/ccaf384c-f8d4-4e7a-8304-49af58f0b176/abandon", {}),
    ):
        answer = post(program, path, body)
        assert (answer.status_code, answer.json()["code"]) == (404, "CMI5_UNKNOWN"), path
    assert Cmi5Session.objects.count() == 1


def test_waive(program, imported):
    # Given a registration whose unit was begun and ended without being completed
    course = imported(block(au(0, attributes='moveOn="Completed"')), client=program.key)
    said = post(program, f"courses/{course.uuid}/launch-url/0", {"actor": LEARNER}).json()
    Content(Client(), said["url"]).start().say("terminated")
    # When the unit is waived
    answer = post(program, f"registrations/{said['registration']}/waive-au/0", {"reason": "Administrative"})
    # Then that is stated with its reason in a session of its own, and what follows from it
    assert answer.status_code == 200
    assert verbs(said["registration"]) == [
        "launched",
        "initialized",
        "terminated",
        "waived",
        "satisfied",
        "satisfied",
    ]
    *_rest, waived, of_block, of_course = recorded(said["registration"])
    assert waived["result"] == {
        "success": True,
        "completion": True,
        "extensions": {"https://w3id.org/xapi/cmi5/result/extensions/reason": "Administrative"},
    }
    assert waived["object"]["id"] == course.activity_id("au", 0)
    assert waived["actor"] == {"objectType": "Agent"} | LEARNER
    sessions = {
        one["context"]["extensions"]["https://w3id.org/xapi/cmi5/context/extensions/sessionid"]
        for one in (waived, of_block, of_course)
    }
    assert sessions == {answer.json()["session"]} and sessions != {said["session"]}
    assert {"id": "https://publisher.example/block/0"}.items() <= of_block["context"]["contextActivities"][
        "grouping"
    ][0].items()
    # And a second time nothing moves
    again = post(program, f"registrations/{said['registration']}/waive-au/0", {"reason": "Administrative"})
    assert (again.status_code, again.json()["code"]) == (409, "WAIVED_BEFORE")
    empty = post(program, f"registrations/{said['registration']}/waive-au/0", {"reason": "  "})
    assert (empty.status_code, empty.json()["code"]) == (400, "WAIVE_REASON")
    assert len(recorded(said["registration"])) == 6


def test_abandon(program, imported):
    # Given a session under way
    course = imported(client=program.key)
    said = post(program, f"courses/{course.uuid}/launch-url/0", {"actor": LEARNER}).json()
    unit = Content(Client(), said["url"]).start()
    # When it is abandoned
    assert post(program, f"sessions/{said['session']}/abandon", {}).status_code == 204
    # Then that is stated once, with a duration, and the unit is heard no more
    assert verbs(said["registration"]) == ["launched", "initialized", "abandoned"]
    abandoned = recorded(said["registration"])[-1]
    assert abandoned["result"]["duration"].startswith("PT")
    assert (
        abandoned["context"]["extensions"]["https://w3id.org/xapi/cmi5/context/extensions/sessionid"]
        == said["session"]
    )
    assert unit.say("http://adlnet.gov/expapi/verbs/experienced").status_code == 401
    assert unit.document("GET", "mine").status_code == 401
    again = post(program, f"sessions/{said['session']}/abandon", {})
    assert (again.status_code, again.json()["code"]) == (409, "SESSION_OVER")
    assert len(recorded(said["registration"])) == 3


def test_a_withdrawn_course_is_launched_no_more(program):
    # Given one course that was begun, and one that nobody began
    sent = [send(program, package(ONE)).json()["id"] for _ in range(2)]
    begun, fresh = (Cmi5Course.objects.get(uuid=one) for one in sent)
    post(program, f"courses/{begun.uuid}/launch-url/0", {"actor": LEARNER})
    # When both are withdrawn
    for course in (begun, fresh):
        assert program.delete(f"/api/cmi5/courses/{course.uuid}").status_code == 204
    # and the first once more, as a program does that tidies up twice
    assert program.delete(f"/api/cmi5/courses/{begun.uuid}").status_code == 204
    # Then the first stays for what refers to it, the second is gone with its files
    assert Cmi5Course.objects.get().retired_at is not None
    assert content_files.folder_of(begun.uuid).is_dir()
    assert program.get("/api/cmi5/courses").json() == []
    assert post(program, f"courses/{begun.uuid}/launch-url/0", {"actor": LEARNER}).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_the_files_of_a_course_that_nobody_began_go_with_it(imported):
    course = imported()
    launching.retire(course)
    assert not Cmi5Course.objects.exists()
    assert not content_files.folder_of(course.uuid).exists()


def test_an_endpoint_may_be_written_with_a_slash_at_its_end(program, imported):
    """Programs put «/statements» behind what they were given; ADL's examples end in a slash (CATAPULT lts/README.md)."""
    course = imported(client=program.key)
    begun = post(program, f"courses/{course.uuid}/launch-url/0", {"actor": LEARNER}).json()
    query = {"registration": begun["registration"], "ascending": "true"}
    answers = [
        program.get(f"/xapi{slashes}statements", query, headers={"X-Experience-API-Version": "1.0.3"})
        for slashes in ("/", "//")
    ]
    assert [one.status_code for one in answers] == [200, 200]
    assert answers[0].json()["statements"] == answers[1].json()["statements"] != []
    unit = Content(Client(), begun["url"])
    unit.endpoint += "/"
    assert unit.start().say("terminated").status_code == 204


def test_who_may_and_who_may_not(db, imported, client):
    course = imported()
    _client, secret = clients.add_client("Reader", scopes="all/read", key="reader")
    reader = Client(
        headers={"Authorization": "Basic " + base64.b64encode(f"reader:{secret}".encode()).decode()}
    )
    member = Client()
    member.force_login(MemberFactory())
    for asker in (client, reader, member):
        assert send(asker, package(ONE)).status_code == 401
        assert asker.get("/api/cmi5/courses").status_code == 401
        assert post(asker, f"courses/{course.uuid}/launch-url/0", {"actor": LEARNER}).status_code == 401
    administrator = Client()
    administrator.force_login(AdministratorFactory())
    assert send(administrator, package(ONE)).status_code == 200
    assert Cmi5Course.objects.count() == 2
    assert not Cmi5Session.objects.exists()


def test_a_program_decides_nothing_about_members(program, imported):
    # Given a member's own registration
    course, member = imported(client=program.key), MemberFactory()
    begun = launching.launch(
        course, 0, actor=launching.actor_of(member), member=member, site="http://testserver"
    )
    # When a program would waive, abandon, or go on in it
    answers = [
        post(program, f"registrations/{begun.registration}/waive-au/0", {"reason": "Administrative"}),
        post(program, f"sessions/{begun.session}/abandon", {}),
        post(
            program,
            f"courses/{course.uuid}/launch-url/0",
            {"actor": LEARNER, "registration": begun.registration},
        ),
    ]
    # Then there is no such thing
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    # nor may it speak of the member at all
    answer = post(program, f"courses/{course.uuid}/launch-url/0", {"actor": launching.actor_of(member)})
    assert (answer.status_code, answer.json()["code"]) == (400, "ACTOR_OURS")
    assert verbs(begun.registration) == ["launched"]


@pytest.mark.parametrize("page", ["{}", "{}/", "{}/members", " {}"])
def test_an_editor_begins_in_no_members_name_either(imported, settings, page):
    course, member, editor = imported(), MemberFactory(), Client()
    editor.force_login(AdministratorFactory())
    page = page.format(settings.WAGTAILADMIN_BASE_URL)
    actor = {"account": {"homePage": page, "name": str(member.uuid)}}
    answer = post(editor, f"courses/{course.uuid}/launch-url/0", {"actor": actor})
    assert (answer.status_code, answer.json()["code"]) == (400, "ACTOR_OURS")
    assert not Cmi5Session.objects.exists() and not Statement.objects.exists()
    actor["account"]["name"] = f"preview-{member.uuid}"
    if not page.startswith(" "):
        assert post(editor, f"courses/{course.uuid}/launch-url/0", {"actor": actor}).status_code == 200


@pytest.mark.parametrize("address", ["https://school.example", "https://school.example/"])
def test_a_member_has_one_account_here_and_in_the_own_player(db, settings, address):
    settings.WAGTAILADMIN_BASE_URL = address
    member = MemberFactory()
    actor = launching.actor_of(member)
    assert actor["account"] == {"homePage": "https://school.example", "name": str(member.uuid)}
    assert accounts.member_of(actor) == member
    assert accounts.actor_of(member) == actor


def test_what_another_imported_is_not_there_for_a_program(program, imported):
    # Given a course of the school, and a course and a registration of one program
    ours = imported()
    theirs = send(program, package(ONE)).json()["id"]
    begun = post(program, f"courses/{theirs}/launch-url/0", {"actor": LEARNER}).json()
    # When another program, or the first with what is the school's, would look or decide
    other = program_with("cmi5 statements/read", "Other")
    launch = {"actor": LEARNER, "registration": begun["registration"]}
    answers = [
        other.get(f"/api/cmi5/courses/{theirs}"),
        post(other, f"courses/{theirs}/launch-url/0", {"actor": LEARNER}),
        post(other, f"courses/{theirs}/launch-url/0", launch),
        post(other, f"registrations/{begun['registration']}/waive-au/0", {"reason": "Administrative"}),
        post(other, f"sessions/{begun['session']}/abandon", {}),
        other.delete(f"/api/cmi5/courses/{theirs}"),
        program.get(f"/api/cmi5/courses/{ours.uuid}"),
        post(program, f"courses/{ours.uuid}/launch-url/0", {"actor": LEARNER}),
        program.delete(f"/api/cmi5/courses/{ours.uuid}"),
    ]
    # Then there is no such thing, in the words in which there is none at all, and nothing moved
    nothing = program.get("/api/cmi5/courses/ccaf384c-f8d4-4e7a-8304-49af58f0b176")
    assert nothing.status_code == 404
    assert [(one.status_code, one.json()) for one in answers] == [(404, nothing.json())] * 9
    assert verbs(begun["registration"]) == ["launched"]
    assert Cmi5Course.objects.in_use().count() == 2
    assert Cmi5Session.objects.count() == 1
    # and the lists are each one's own
    assert other.get("/api/cmi5/courses").json() == []
    assert [one["id"] for one in program.get("/api/cmi5/courses").json()] == [theirs]


@pytest.mark.parametrize("scope", ["cmi5/all", "all"])
def test_with_a_scope_of_its_own_a_program_launches_what_others_imported(program, imported, scope):
    ours, lesson = imported(), LessonFactory(parent=CourseFactory())
    ours.lesson = lesson
    ours.save()
    theirs = send(program, package(ONE)).json()["id"]
    partner = program_with(scope, "Partner")
    # It finds and launches everybody's courses
    assert {one["id"] for one in partner.get("/api/cmi5/courses").json()} == {str(ours.uuid), theirs}
    for course in (ours.uuid, theirs):
        assert post(partner, f"courses/{course}/launch-url/0", {"actor": LEARNER}).status_code == 200
    # but withdraws none of them, and goes on in nobody's registration
    begun = post(program, f"courses/{theirs}/launch-url/0", {"actor": LEARNER}).json()
    launch = {"actor": LEARNER, "registration": begun["registration"]}
    assert post(partner, f"courses/{theirs}/launch-url/0", launch).status_code == 404
    for course in (ours.uuid, theirs):
        assert partner.delete(f"/api/cmi5/courses/{course}").status_code == 404
    assert Cmi5Course.objects.in_use().count() == 2
    assert verbs(begun["registration"]) == ["launched"]


def test_a_program_that_asks_too_often_is_told_so(db):
    made, secret = clients.add_client("Eager", scopes="cmi5", requests_per_minute=2)
    eager = Client(
        headers={"Authorization": "Basic " + base64.b64encode(f"{made.key}:{secret}".encode()).decode()}
    )
    # The first of a minute may come from another test's client with the same number.
    answers = [eager.get("/api/cmi5/courses").status_code for _ in range(6)]
    assert set(answers[:2]) <= {200, 429} and answers[2:] == [429] * 4


def test_the_schema_tells_all_this(client, db):
    paths = client.get("/api/openapi.json").json()["paths"]
    for path, method in (
        ("/api/cmi5/courses", "post"),
        ("/api/cmi5/courses", "get"),
        ("/api/cmi5/courses/{course}", "delete"),
        ("/api/cmi5/courses/{course}/launch-url/{au}", "post"),
        ("/api/cmi5/registrations/{registration}/waive-au/{au}", "post"),
        ("/api/cmi5/sessions/{session}/abandon", "post"),
    ):
        assert method in paths[path], path
