"""The ways between the desks and rooms, on whatever screen."""

from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from tests.factories import MemberFactory, PostFactory

DESKS = [
    "/board/",
    "/archive/desk/claims/",
    "/archive/desk/corrections/",
    "/archive/desk/classes/",
    "/archive/desk/exemptions/",
    "/archive/desk/years/",
    "/archive/desk/late/",
    "/archive/desk/records/",
]
STYLES = Path(settings.LOCALE_PATHS[0]).parent / "frontend" / "styles"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "desk", [*DESKS, "/archive/desk/classes/new/", "/archive/desk/exemptions/new/", "/archive/desk/late/new/"]
)
def test_every_desk_leads_to_all_the_others(client, desk):
    organiser = MemberFactory()
    PostFactory(member=organiser)
    client.force_login(organiser)
    text = client.get(desk).content.decode()
    assert text.count('class="wrap desk-nav') == 1
    row = text.split('class="wrap desk-nav', 1)[1].split("</nav>", 1)[0]
    rail = text.split('class="rail__nav"', 1)[1].split("</nav>", 1)[0]
    for other in DESKS:
        assert f'href="{other}"' in row and f'href="{other}"' in rail
    if desk in DESKS:
        assert f'href="{desk}" aria-current="true"' in row


def test_the_row_of_desks_ends_exactly_where_the_rail_begins():
    styles = {one.name: one.read_text(encoding="utf-8") for one in STYLES.glob("*.css")}
    assert [name for name, text in styles.items() if ".desk-nav {" in text] == ["frame.css"]
    before, wide = styles["frame.css"].split(".rail {\n  display: none;\n}", 1)[1].split("@media", 1)
    assert "(min-width: 1000px)" in wide.split("{", 1)[0]
    assert "display" not in before
    inside = wide.split("\n}\n", 1)[0]
    assert ".desk-nav {\n    display: none;" in inside and ".rail {\n    display: block;" in inside


@pytest.mark.django_db
def test_the_archive_leads_to_every_room(client, member):
    client.force_login(member)
    text = client.get("/archive/").content.decode()
    for room in ("/archive/claims/", "/archive/classes/", "/exams/", "/archive/corrections/"):
        assert f'href="{room}"' in text and client.get(room).status_code == 200
    assert 'href="/archive/verify/"' in text


@pytest.mark.django_db
def test_a_stranger_finds_where_papers_and_records_are_checked():
    stranger = Client()
    assert 'href="/certificates/"' in stranger.get("/accessibility/", follow=True).content.decode()
    assert 'href="/archive/verify/"' in stranger.get("/certificates/").content.decode()
