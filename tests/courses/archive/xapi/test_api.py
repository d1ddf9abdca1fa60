"""The door for the rooms beside: record, find, states; and the news that goes out."""

from __future__ import annotations

import pytest

from courses.archive.xapi import api
from courses.archive.xapi.errors import BadRequest, StatementConflict, StatementInvalid
from courses.archive.xapi.models import LrsDocument, Statement
from courses.archive.xapi.signals import statement_recorded
from tests.courses.archive.xapi.conftest import AGENT, change, new_id, statement

pytestmark = pytest.mark.django_db

PLACE = {"activity_id": "http://e.com/a", "agent": AGENT, "state_id": "s", "registration": None}


@pytest.fixture
def news():
    heard = []

    def hear(sender, **told):
        heard.append((told["statement"]["id"], told["registration"], told["client"].key))

    statement_recorded.connect(hear)
    yield heard
    statement_recorded.disconnect(hear)


def test_what_is_recorded_is_found_and_told_after_the_commit(
    lrs_client, news, django_capture_on_commit_callbacks
):
    registration = new_id()
    one, two = statement(id=new_id(), context={"registration": registration}), statement(id=new_id())

    with django_capture_on_commit_callbacks(execute=True):
        assert api.record([one, two], client=lrs_client) == [one["id"], two["id"]]
        assert news == []

    assert news == [(one["id"], registration, "provider"), (two["id"], None, "provider")]
    assert [found["id"] for found in api.find(agent=AGENT)] == [two["id"], one["id"]]
    assert [found["id"] for found in api.find(registration=registration)] == [one["id"]]
    assert api.find(verb="http://e.com/none") == []


def test_again_is_neither_stored_nor_told(lrs_client, news, django_capture_on_commit_callbacks):
    one = statement(id=new_id())
    api.record([one], client=lrs_client)
    with django_capture_on_commit_callbacks(execute=True):
        assert api.record([one], client=lrs_client) == [one["id"]]
    assert news == []
    assert Statement.objects.count() == 1


def test_a_listener_that_fails_harms_nobody(lrs_client, news, django_capture_on_commit_callbacks, caplog):
    def fail(sender, **told):
        raise RuntimeError("broken listener")

    statement_recorded.connect(fail)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            api.record([statement()], client=lrs_client)
    finally:
        statement_recorded.disconnect(fail)
    assert len(news) == 1
    assert "broken listener" in caplog.text


def test_the_same_rules_as_over_http(lrs_client):
    one = statement(id=new_id())
    api.record([one], client=lrs_client, version="2.0.0")
    with pytest.raises(StatementConflict):
        api.record([change(one, "verb.id", "http://e.com/other")], client=lrs_client)
    with pytest.raises(StatementInvalid):
        api.record([statement(), {}], client=lrs_client)
    with pytest.raises(StatementInvalid):
        api.find(agent={"name": "x"})
    assert Statement.objects.count() == 1


def test_states(lrs_client):
    assert api.get_state(**PLACE) is None
    etag = api.put_state(**PLACE, content=b'{"a":1}', content_type="application/json")
    assert api.get_state(**PLACE) == (b'{"a":1}', "application/json", etag)
    again = api.put_state(**PLACE, content=b"x", content_type="text/plain")
    assert again != etag and api.get_state(**PLACE)[0] == b"x"
    assert api.delete_state(**PLACE) and not api.delete_state(**PLACE)


@pytest.mark.parametrize("bad", [{"activity_id": "x"}, {"agent": {"name": "x"}}, {"registration": "x"}])
def test_bad_places(bad):
    with pytest.raises(BadRequest):
        api.put_state(**PLACE | bad, content=b"", content_type="text/plain")
    assert not LrsDocument.objects.exists()


def test_a_profile_of_an_agent(lrs_client, lrs):
    etag = api.put_agent_profile(agent=AGENT, profile_id="p", content=b"{}", content_type="application/json")
    assert lrs.get("agents/profile", agent=AGENT, profileId="p")["ETag"] == f'"{etag}"'
