"""Who may do what: scopes, allowances, credentials of other rooms, the admin, the command."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from courses.archive.cmi5 import lrs as cmi5_lrs
from courses.archive.xapi import api, clients, own_player
from courses.archive.xapi.clients import Credential
from courses.archive.xapi.errors import StatementForbidden, TooManyRequests
from courses.archive.xapi.models import ActivitySeen, LrsClient, LrsDocument, Statement
from courses.archive.xapi.validation import VOIDED
from people.models import AuditEntry
from tests.courses.archive.xapi.conftest import ACTIVITY, AGENT, Lrs, basic, new_id, statement
from tests.factories import AdministratorFactory, MemberFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 9, 30, 1, 0, 30, tzinfo=UTC)
STATE = {"activityId": "http://e.com/a", "agent": AGENT, "stateId": "s"}
PROFILE = {"activityId": "http://e.com/a", "profileId": "p"}
MADE = statement(id=new_id())
DOINGS = {
    "write": lambda lrs: lrs.post("statements", statement()),
    "put": lambda lrs: lrs.put("statements", statement(), statementId=new_id()),
    "read": lambda lrs: lrs.get("statements"),
    "person": lambda lrs: lrs.get("agents", agent=AGENT),
    "activity": lambda lrs: lrs.get("activities", activityId=ACTIVITY["id"]),
    "write state": lambda lrs: lrs.post("activities/state", {}, **STATE),
    "read state": lambda lrs: lrs.get("activities/state", **{**STATE, "stateId": "s"}),
    "delete state": lambda lrs: lrs.delete("activities/state", **STATE),
    "write profile": lambda lrs: lrs.post("activities/profile", {}, **PROFILE),
    "read profile": lambda lrs: lrs.get("activities/profile", **PROFILE),
}
READS = {"read", "person", "activity"}
MAY = {
    "statements/write": {"write", "put"},
    "statements/read/mine": READS,
    "statements/read": READS,
    "state": {"write state", "read state", "delete state"},
    "profile": {"write profile", "read profile"},
    "define": set(),
    "all/read": READS | {"read state", "read profile"},
    "all": set(DOINGS),
}


@pytest.mark.parametrize("scope", MAY)
def test_each_scope_allows_its_own(with_scopes, scope):
    lrs = with_scopes(scope)
    for name, do in DOINGS.items():
        status = do(lrs).status_code
        assert (status != 403) is (name in MAY[scope]), name
        assert status in (200, 204, 403, 404)
    assert Statement.objects.exists() is ("write" in MAY[scope])
    assert LrsDocument.objects.exists() is ("write profile" in MAY[scope])


def test_who_reads_its_own_sees_nothing_of_others(lrs, with_scopes):
    narrow = with_scopes("statements/write statements/read/mine")
    theirs, own = statement(id=new_id()), statement(id=new_id())
    lrs.post("statements", [theirs, statement(actor=AGENT)])
    narrow.post("statements", own)

    assert narrow.ids() == narrow.ids(agent=AGENT) == [own["id"]]
    assert narrow.get("statements", statementId=theirs["id"]).status_code == 404
    assert narrow.get("agents", agent={"mbox": AGENT["mbox"]}).json()["name"] == []
    assert len(lrs.ids()) == 3
    more = lrs.get("statements", limit=1).json()["more"].split("more=")[1]
    assert narrow.ids(more=more) == []


def test_only_who_may_define_tells_what_activities_are(with_scopes):
    with_scopes("statements/write").post("statements", statement())
    assert not ActivitySeen.objects.exists()
    with_scopes("statements/write define").post("statements", statement())
    assert ActivitySeen.objects.get().iri == ACTIVITY["id"]


@pytest.mark.parametrize("voider_first", [False, True])
def test_nobody_voids_what_others_wrote(lrs, with_scopes, voider_first):
    theirs = statement(id=new_id())
    void = statement(verb={"id": VOIDED}, object={"objectType": "StatementRef", "id": theirs["id"]})
    narrow = with_scopes("statements/write")
    if voider_first:
        assert narrow.post("statements", void).status_code == 200
        lrs.post("statements", theirs)
    else:
        lrs.post("statements", theirs)
        assert narrow.post("statements", void).status_code == 403
        assert Statement.objects.count() == 1
    assert lrs.get("statements", statementId=theirs["id"]).status_code == 200
    own = statement(id=new_id())
    narrow.post("statements", own)
    assert (
        narrow.post(
            "statements", void | {"object": {"objectType": "StatementRef", "id": own["id"]}}
        ).status_code
        == 200
    )
    assert lrs.get("statements", statementId=own["id"]).status_code == 404


def test_a_client_that_is_switched_off_is_unknown(lrs, lrs_client):
    lrs_client.active = False
    lrs_client.save()
    assert lrs.get("statements").status_code == 401


# allowance and counts


def test_the_allowance_of_a_minute(lrs, lrs_client):
    lrs_client.requests_per_minute = 2
    header = lrs.authorization
    lrs_client.save()
    for _ in range(2):
        clients.authenticate(header, now=NOW)
    with pytest.raises(TooManyRequests) as refused:
        clients.authenticate(header, now=NOW)
    assert refused.value.retry_after_s == 30
    clients.authenticate(header, now=NOW + timedelta(seconds=30))


def test_too_many_requests_are_429_with_a_time(lrs, lrs_client):
    LrsClient.objects.filter(pk=lrs_client.pk).update(requests_per_minute=1)
    answers = [lrs.post("statements", statement()) for _ in range(3)]  # a minute may end among them
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused and 1 <= int(refused[0]["Retry-After"]) <= 60
    assert Statement.objects.count() == 3 - len(refused)


def test_requests_and_reads_of_others_are_counted_and_nothing_else(lrs, lrs_client, with_scopes):
    clients.flush_counts()
    before = LrsClient.objects.get(pk=lrs_client.pk)
    lrs.post("statements", statement())
    lrs.get("statements")
    with_scopes("statements/write").post("statements", statement())
    lrs.get("statements")
    lrs.get("statements", agent={"mbox": "mailto:nobody@example.com"})

    clients.flush_counts(now=NOW)

    after = LrsClient.objects.get(pk=lrs_client.pk)
    assert after.requests - before.requests == 4
    assert after.reads_of_others - before.reads_of_others == 1
    assert after.last_used_at == NOW


# secrets


def test_the_secret_is_kept_as_a_keyed_digest(lrs_client, settings):
    row = LrsClient.objects.values().get(pk=lrs_client.pk)
    assert "s3cret" not in str(row)
    assert re.fullmatch(r"[0-9a-f]{64}", row["secret_digest"])
    settings.FIELD_KEYS = ["another key"]
    assert clients._digest("provider", "s3cret") != row["secret_digest"]


@pytest.mark.parametrize("scopes", ["", "everything", "all everything"])
def test_unknown_scopes(scopes):
    with pytest.raises(ValueError, match="not a scope"):
        api.add_client("x", scopes=scopes)
    assert not LrsClient.objects.exists()


# credentials of other rooms


@pytest.fixture
def launched(lrs_client, client):
    """A credential as cmi5 makes one: for one learner and one registration, with a rule of its own."""
    registration = "6690e6c9-3ef0-4ed3-8b37-7f3964730bee"

    def no_voiding(made):
        if made["verb"]["id"] == VOIDED:
            raise StatementForbidden("not here")

    def kind(name: str, password: str):
        if (name, password) != ("session", "token"):
            return None
        return Credential(
            lrs_client,
            frozenset({"statements/write", "statements/read", "state", "profile"}),
            {"objectType": "Agent", "account": {"homePage": "http://e.com", "name": "launch"}},
            agent={"mbox": AGENT["mbox"]},
            registration=registration,
            check_statement=no_voiding,
        )

    api.credential_kinds.append(kind)
    yield Lrs(client, basic("session", "token"))
    api.credential_kinds.remove(kind)


def more_of(answer) -> str:
    return parse_qs(urlsplit(answer.json()["more"]).query)["more"][0]


def test_a_credential_for_one_learner_and_registration(launched, lrs):
    context = {"context": {"registration": "6690e6c9-3ef0-4ed3-8b37-7f3964730bee"}}
    own = statement(id=new_id(), **context)
    others = statement(id=new_id(), actor={"mbox": "mailto:other@example.com"}, **context)
    lrs.post("statements", [statement(), statement(context={"registration": new_id()}), others])

    assert launched.post("statements", own).status_code == 200
    assert (
        launched.get("statements", statementId=own["id"]).json()["authority"]["account"]["name"] == "launch"
    )
    assert launched.ids() == launched.ids(registration=context["context"]["registration"]) == [own["id"]]
    refused = [
        launched.post("statements", statement()),
        launched.post("statements", statement(context={"registration": new_id()})),
        launched.post("statements", statement(actor={"mbox": "mailto:other@example.com"}, **context)),
        launched.post(
            "statements",
            statement(verb={"id": VOIDED}, object={"objectType": "StatementRef", "id": own["id"]}, **context),
        ),
        launched.get("statements", registration=new_id()),
        launched.get("statements", agent=others["actor"]),
        launched.get("statements", more=more_of(lrs.get("statements", limit=1))),
        launched.get("agents", agent=others["actor"]),
        launched.put("activities/state", {}, **STATE),
        launched.put("activities/state", {}, **STATE, registration=new_id()),
        launched.put(
            "activities/state",
            {},
            **STATE | {"agent": {"mbox": "mailto:other@example.com"}},
            **context["context"],
        ),
        launched.post("agents/profile", {}, agent={"mbox": "mailto:other@example.com"}, profileId="p"),
    ]
    assert [answer.status_code for answer in refused] == [403] * len(refused)
    for hidden in (lrs.ids()[-1], others["id"]):
        assert launched.get("statements", statementId=hidden).status_code == 404
    launched.post("statements", statement(**context))
    first = launched.get("statements", limit=1)
    assert len(launched.get("statements", more=more_of(first)).json()["statements"]) == 1
    assert launched.put("activities/state", {}, **STATE, **context["context"]).status_code == 204
    assert launched.post("agents/profile", {}, agent=AGENT, profileId="p").status_code == 204
    assert Statement.objects.count() == 5


# admin and command


@pytest.fixture
def administrator(client):
    made = AdministratorFactory()
    client.force_login(made)
    return client


def test_the_secret_is_shown_once(administrator, client):
    add = reverse(LrsClient.snippet_viewset.get_url_name("add"))
    form = {
        "name": "某培训机构",
        "scopes": ["statements/write", "state"],
        "requests_per_minute": 600,
        "active": "on",
        "note": "",
    }

    shown = administrator.post(add, form, follow=True).content.decode()

    assert 'name="fresh_secret"' not in administrator.get(add).content.decode()
    added = LrsClient.objects.get()
    key, secret = re.findall(r"<code>([^<]+)</code>", shown)[:2]
    assert (added.key, added.scopes) == (key, "statements/write state")
    assert Lrs(client, basic(key, secret)).post("statements", statement()).status_code == 200
    assert AuditEntry.objects.get(action="lrs.client_added").object_id == str(added.pk)
    for name in ("list", "edit", "inspect"):
        args = [] if name == "list" else [added.pk]
        page = administrator.get(
            reverse(LrsClient.snippet_viewset.get_url_name(name), args=args)
        ).content.decode()
        assert secret not in page and added.secret_digest not in page


def test_a_new_secret_replaces_the_old(administrator, client, lrs, lrs_client):
    edit = reverse(LrsClient.snippet_viewset.get_url_name("edit"), args=[lrs_client.pk])
    form = {"name": "外部课件", "scopes": ["all"], "requests_per_minute": 600, "active": "on", "note": ""}

    administrator.post(edit, form)
    assert lrs.get("statements").status_code == 200
    shown = administrator.post(edit, form | {"fresh_secret": "on"}, follow=True).content.decode()

    key, secret = re.findall(r"<code>([^<]+)</code>", shown)[:2]
    assert key == "provider"
    assert lrs.get("statements").status_code == 401
    assert Lrs(client, basic(key, secret)).get("statements").status_code == 200
    assert [
        entry.detail["new_secret"]
        for entry in AuditEntry.objects.filter(action="lrs.client_changed").order_by("pk")
    ] == [False, True]


def test_nobody_deletes_a_client_and_only_administrators_see_them(administrator, client, lrs_client):
    delete = reverse(LrsClient.snippet_viewset.get_url_name("delete"), args=[lrs_client.pk])
    administrator.post(delete)
    bulk = reverse("wagtail_bulk_action", args=["archive", "lrsclient", "delete"])
    administrator.post(f"{bulk}?id={lrs_client.pk}")
    assert LrsClient.objects.get() == lrs_client
    client.force_login(MemberFactory())
    assert client.get(reverse(LrsClient.snippet_viewset.get_url_name("list"))).status_code in (302, 403, 404)


def test_the_command_prints_what_is_needed(client):
    out = io.StringIO()
    call_command("lrs_client", "外部课件", scopes="statements/write", stdout=out, stderr=io.StringIO())
    key, secret = out.getvalue().split()
    assert Lrs(client, basic(key, secret)).post("statements", statement()).status_code == 200
    call_command(
        "lrs_client",
        "二",
        key="suite",
        secret="known to the suite 1",
        stdout=io.StringIO(),
        stderr=io.StringIO(),
    )
    assert Lrs(client, basic("suite", "known to the suite 1")).get("statements").status_code == 200
    with pytest.raises(CommandError, match="权限范围"):
        call_command("lrs_client", "三", scopes="everything")


@pytest.mark.parametrize(
    "given, said", [({"key": "cmi5"}, "系统"), ({"key": "own-player"}, "系统"), ({"secret": "x" * 11}, "12")]
)
def test_the_command_gives_no_name_of_the_school_and_no_short_secret(given, said):
    with pytest.raises(CommandError, match=said):
        call_command("lrs_client", "四", **given)
    assert not LrsClient.objects.exists()


def test_the_school_s_own_names_are_reserved():
    assert {own_player.KEY, cmi5_lrs.CLIENT_KEY} == clients.RESERVED
    with pytest.raises(ValueError, match="school"):
        api.add_client("x", scopes="all", key=cmi5_lrs.CLIENT_KEY)
    assert not LrsClient.objects.exists()
