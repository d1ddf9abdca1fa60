"""The addresses that later work and operators build on, and what /healthz says when something is missing."""

import pytest

from courses.catalogue.setup import ensure_tree
from tests.factories import AdministratorFactory, MemberFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def site():
    ensure_tree()


@pytest.mark.parametrize(
    "address", ["/", "/search/", "/courses/", "/policy/", "/api/openapi.json", "/accounts/login/"]
)
def test_open_to_everybody(client, address):
    assert client.get(address).status_code == 200


@pytest.mark.parametrize("address", ["/study/", "/archive/", "/board/", "/admin/", "/my/"])
def test_asks_for_a_sign_in_and_leads_back(client, address):
    answer = client.get(address)

    assert answer.status_code == 302
    assert answer.url.startswith("/accounts/login/?next=") and address in answer.url


@pytest.mark.parametrize("address", ["/study/", "/archive/", "/my/"])
def test_a_members_own_pages(client, address):
    client.force_login(MemberFactory())

    assert client.get(address).status_code == 200


def test_the_administrator_reaches_admin_and_board(client):
    client.force_login(AdministratorFactory())

    assert [client.get(address).status_code for address in ("/admin/", "/board/")] == [200, 200]


def test_the_schema_describes_beats_and_search(client):
    paths = client.get("/api/openapi.json").json()["paths"]

    assert {"/api/archive/beats", "/api/search/"} <= set(paths)


def test_healthz_names_the_broker_that_does_not_answer(client, settings, tmp_path):
    settings.CELERY_BROKER_URL = f"redis+socket://{tmp_path / 'nobody.sock'}"

    answer = client.get("/healthz")

    assert answer.status_code == 503
    assert answer.json()["ready"] is False
    assert set(answer.json()["missing"]) == {"broker"}


def test_healthz_is_ready_when_nothing_is_missing(client, settings):
    settings.CELERY_BROKER_URL = "memory://"

    answer = client.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"ready": True, "missing": {}})
