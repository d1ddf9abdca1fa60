"""Whose address is written down and braked by: the visitor's, with proxies of ours in between and without."""

import ast
from pathlib import Path

import pytest
from django.urls import reverse

from people.client_address import client_address, source_of
from people.models import AuditEntry
from portal.settings.environment import ROOT
from tests.factories import AdministratorFactory, MemberFactory

OURS = "10.9.9.9"  # the last proxy, or the visitor where there is none


@pytest.mark.parametrize(
    ("trusted", "said", "address"),
    [
        # nobody to believe: the header is a stranger's word
        (0, None, OURS),
        (0, "203.0.113.7", OURS),
        # one proxy of ours: it wrote the last address, the visitor herself perhaps those before
        (1, "203.0.113.7", "203.0.113.7"),
        (1, "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        (1, "x" * 9000 + ", 203.0.113.7", "203.0.113.7"),
        (1, "2001:db8::7", "2001:db8::7"),
        (1, "203.0.113.7:4711", "203.0.113.7"),
        # two
        (2, "198.51.100.1, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        # past the proxies, as a check inside the house comes: where it came from
        (1, None, OURS),
        (2, "203.0.113.7", OURS),
        # no address at all
        (1, "unknown", None),
    ],
)
def test_the_address_of_a_visitor(rf, settings, trusted, said, address):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = trusted
    more = {} if said is None else {"HTTP_X_FORWARDED_FOR": said}
    request = rf.get("/", REMOTE_ADDR=OURS, **more)
    assert client_address(request) == address
    assert source_of(request) == (address or "")


def test_a_socket_without_addresses_names_nobody(rf):
    assert source_of(rf.get("/", REMOTE_ADDR="")) == ""


def take_out_own_archive(client, said):
    member = MemberFactory()
    client.force_login(member)
    return client.post(
        "/archive/exports/json/", REMOTE_ADDR=OURS, HTTP_X_FORWARDED_FOR=said
    ), "archive.exported"


def read_a_phone_number(client, said):
    member = MemberFactory(phone="13800001234")
    client.force_login(AdministratorFactory())
    address = reverse("wagtailusers_users:phone", args=[member.pk])
    answer = client.post(address, {"purpose": "通知开会"}, REMOTE_ADDR=OURS, HTTP_X_FORWARDED_FOR=said)
    return answer, "member.phone_read"


def take_out_the_audit_trail(client, said):
    client.force_login(AdministratorFactory())
    address = reverse("people_audit") + "?export=xlsx"
    return client.get(address, REMOTE_ADDR=OURS, HTTP_X_FORWARDED_FOR=said), "audit.exported"


@pytest.mark.django_db
@pytest.mark.parametrize("act", [take_out_own_archive, read_a_phone_number, take_out_the_audit_trail])
@pytest.mark.parametrize(("trusted", "address"), [(0, OURS), (1, "203.0.113.7")])
def test_the_audit_trail_keeps_the_visitors_address(client, settings, act, trusted, address):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = trusted
    answer, action = act(client, "198.51.100.1, 203.0.113.7")
    b"".join(answer) if answer.streaming else answer.content
    assert answer.status_code == 200
    assert AuditEntry.objects.get(action=action).source == address


def test_nobody_asks_the_connection_itself():
    """Every other place would note the proxy's address again."""
    asking = [
        path.relative_to(ROOT).as_posix()
        for top in ("site", "courses", "media_pipeline", "search")
        for path in sorted((ROOT / top).rglob("*.py"))
        if "node_modules" not in path.parts and _reads_remote_addr(path)
    ]
    assert asking == ["site/people/sign_in.py"]


def _reads_remote_addr(path: Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.Constant) and node.value == "REMOTE_ADDR" for node in ast.walk(tree))
