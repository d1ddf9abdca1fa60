"""Signing in: by name or mobile number, one-time passwords, lock-out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from axes.models import AccessAttempt
from django.urls import reverse

from people import api
from people.models import Member
from tests.factories import AdministratorFactory, MemberFactory

pytestmark = pytest.mark.django_db
PAGE = {"HTTP_ACCEPT": "text/html,application/xhtml+xml"}


def sign_in(client, login, password):
    return client.post(reverse("account_login"), {"login": login, "password": password}, **PAGE)


def signed_in(client) -> bool:
    return "_auth_user_id" in client.session


@pytest.mark.parametrize("login", ["lixiang", "13800001234", "138 0000 1234", "138-0000-1234"])
def test_the_mobile_number_does_as_well_as_the_name(client, login):
    MemberFactory(username="lixiang", phone="13800001234", password="study-2026")

    sign_in(client, login, "study-2026")

    assert signed_in(client)


@pytest.mark.parametrize(
    ("login", "password"),
    [("13800001234", "wrong"), ("13900005678", "study-2026"), ("1380000123", "study-2026")],
)
def test_a_wrong_number_or_password_opens_nothing(client, login, password):
    MemberFactory(username="lixiang", phone="13800001234", password="study-2026")

    sign_in(client, login, password)

    assert not signed_in(client)


def test_a_switched_off_account_stays_outside(client):
    MemberFactory(username="lixiang", password="study-2026", is_active=False)

    sign_in(client, "lixiang", "study-2026")

    assert not signed_in(client)


def test_nobody_signs_up(client):
    response = client.post(
        reverse("account_signup"), {"username": "stranger", "password1": "a-long-password-1"}, **PAGE
    )

    assert response.status_code in (200, 404)
    assert not Member.objects.filter(username="stranger").exists()


@pytest.fixture
def counted(settings):
    settings.AXES_ENABLED = True
    return settings


def test_five_wrong_passwords_lock_even_the_right_one_out(client, counted):
    MemberFactory(username="lixiang", password="study-2026")

    for _ in range(counted.AXES_FAILURE_LIMIT):
        sign_in(client, "lixiang", "wrong")
    sign_in(client, "lixiang", "study-2026")

    assert not signed_in(client)


def test_behind_a_proxy_of_ours_the_visitors_own_address_is_counted(client, counted):
    MemberFactory(username="lixiang", password="study-2026")
    counted.ALLAUTH_TRUSTED_PROXY_COUNT = 1

    def from_address(said, password):
        form = {"login": "lixiang", "password": password}
        client.post(reverse("account_login"), form, HTTP_X_FORWARDED_FOR=said, **PAGE)

    # what a visitor writes into the header herself does not help her
    for number in range(counted.AXES_FAILURE_LIMIT):
        from_address(f"10.0.0.{number}, 203.0.113.7", "wrong")
    from_address("10.0.1.1, 203.0.113.7", "study-2026")
    assert not signed_in(client)
    # and the same person at another address is not locked out with her
    from_address("203.0.113.8", "study-2026")
    assert signed_in(client)


@pytest.mark.parametrize(
    ("environment", "trusted"),
    [
        ({}, "0"),
        ({"ESCHOOL_MODE": "production"}, "0"),
        ({"ESCHOOL_MODE": "production", "BEHIND_TLS_PROXY": "1"}, "1"),
        ({"BEHIND_TLS_PROXY": "1"}, "0"),
        ({"TRUSTED_PROXIES": "2"}, "2"),
    ],
)
def test_how_many_proxies_are_trusted(environment, trusted, tmp_path):
    known = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    read = "from portal.settings.environment import TRUSTED_PROXIES; print(TRUSTED_PROXIES)"
    said = subprocess.run(
        [sys.executable, "-c", read],
        env=known | {"ESCHOOL_DATA_DIR": str(tmp_path)} | environment,
        cwd=Path(__file__).parents[2] / "site",
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == trusted


def test_name_and_number_of_one_person_are_counted_together(client, counted):
    MemberFactory(username="lixiang", phone="13800001234", password="study-2026")

    for login in ["lixiang", "13800001234", "138 0000 1234", "lixiang", "13800001234"]:
        sign_in(client, login, "wrong")
    sign_in(client, "lixiang", "study-2026")

    assert not signed_in(client)


def test_the_lock_out_keeps_no_number_in_clear(client, counted):
    MemberFactory(phone="13800001234")

    sign_in(client, "13800001234", "wrong")
    sign_in(client, "13900005678", "wrong")

    kept = " ".join(AccessAttempt.objects.values_list("username", flat=True))
    assert AccessAttempt.objects.count() == 2
    assert "13800001234" not in kept and "13900005678" not in kept


def test_a_new_one_time_password_lifts_the_lock_out(client, counted):
    member = MemberFactory(username="lixiang", phone="13800001234", password="study-2026")
    for _ in range(counted.AXES_FAILURE_LIMIT):
        sign_in(client, "13800001234", "wrong")

    password = api.replace_password(member, actor=AdministratorFactory())
    sign_in(client, "lixiang", password)

    assert signed_in(client)


def test_a_one_time_password_leads_to_choosing_an_own_one(client):
    member = MemberFactory(closed=True, username="lixiang")
    password = api.open_account(member, actor=AdministratorFactory())
    sign_in(client, "lixiang", password)

    blocked = client.get(reverse("account_reauthenticate"), **PAGE)
    changing = client.get(reverse("account_change_password"), **PAGE)
    client.post(
        reverse("account_change_password"),
        {"oldpassword": password, "password1": "my-own-words-7", "password2": "my-own-words-7"},
        **PAGE,
    )
    member.refresh_from_db()

    assert blocked.status_code == 302 and blocked.url == reverse("account_change_password")
    assert changing.status_code == 200
    assert member.check_password("my-own-words-7") and not member.password_is_temporary
    assert signed_in(client)
    assert client.get(reverse("account_reauthenticate"), **PAGE).status_code == 200


def test_leaving_is_possible_with_a_one_time_password(client):
    member = MemberFactory(closed=True, username="lixiang")
    sign_in(client, "lixiang", api.open_account(member, actor=AdministratorFactory()))

    client.post(reverse("account_logout"), **PAGE)

    assert not signed_in(client)
