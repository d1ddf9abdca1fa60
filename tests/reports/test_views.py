"""The board over HTTP: who may come in, what stands there, what does not."""

from io import BytesIO
from uuid import uuid4

import pytest
from django.urls import reverse
from openpyxl import load_workbook

from people.models import AuditEntry, Member, Notice
from tests.factories import MemberFactory

pytestmark = pytest.mark.django_db
BOARD = "/board/"


@pytest.fixture
def organiser(client, street):
    client.force_login(street.organiser, backend="people.sign_in.UsernameOrPhoneBackend")
    return client


def text_of(response) -> str:
    return response.content.decode()


def test_strangers_are_asked_to_sign_in(client, street):
    response = client.get(BOARD)

    assert response.status_code == 302 and response.url == f"{reverse('account_login')}?next=/board/"


@pytest.mark.parametrize("path", ["", "members/{uuid}/"])
def test_a_plain_member_finds_nothing_there(client, street, path):
    client.force_login(street.people["李想"], backend="people.sign_in.UsernameOrPhoneBackend")

    assert client.get(BOARD + path.format(uuid=street.people["李想"].uuid)).status_code == 404


def test_the_board_shows_names_states_and_denominators(organiser, street):
    page = organiser.get(BOARD)

    text = text_of(page)
    assert page.status_code == 200
    for name in ("张伟", "李想", "王芳", "赵淑珍", "陈刚", "吴凡", "第一党支部", "第二党支部"):
        assert name in text
    assert "邻居" not in text and "丹桂" not in text and "八十二岁" not in text
    assert page.context["found"].checksum in text
    assert "no-store" in page.headers["Cache-Control"]


@pytest.mark.parametrize("foreign", ["top", "orange", "third"])
def test_another_subtree_looks_like_nothing(organiser, street, foreign):
    organization = getattr(street, foreign)

    there = organiser.get(BOARD, {"organization": organization.uuid})
    nowhere = organiser.get(BOARD, {"organization": uuid4()})

    assert there.status_code == nowhere.status_code == 404
    assert organization.name not in text_of(there)
    assert organiser.get(BOARD, {"organization": "no-uuid"}).status_code == 404


def test_another_subtrees_member_looks_like_nobody(organiser, street):
    there = organiser.get(reverse("reports:person", args=[street.people["邻居"].uuid]))
    nobody = organiser.get(reverse("reports:person", args=[uuid4()]))

    assert there.status_code == nobody.status_code == 404
    assert "邻居" not in text_of(there)


@pytest.mark.parametrize(
    "query", [{"year": "1066"}, {"year": "x"}, {"state": "RANK"}, {"page": "999"}, {"text": "%'\"<script>"}]
)
def test_nonsense_in_the_address_is_left_out(organiser, street, query):
    page = organiser.get(BOARD, query)

    assert page.status_code == 200 and page.context["found"].year == 2026
    assert "<script>" not in text_of(page).split("<main")[1]


def test_nothing_ranks_and_nothing_tells_of_log_ins(organiser, street):
    Member.objects.update(last_login="2026-09-29T03:04:05Z")

    text = text_of(organiser.get(BOARD)) + text_of(
        organiser.get(reverse("reports:person", args=[street.people["王芳"].uuid]))
    )

    for forbidden in ("排名", "名次", "登录时间", "最后登录", "在线时长", "11:04", "sort="):
        assert forbidden not in text


def test_three_hundred_members_in_pages_of_sixty_with_pinned_queries(
    organiser, street, django_assert_num_queries
):
    Member.objects.bulk_create(
        Member(username=f"m{n}", name=f"党员{n}", name_pinyin=f"{n:03}", organization=street.second)
        for n in range(294)
    )
    organiser.get(BOARD)  # the site's own settings are read once per process

    with django_assert_num_queries(PAGE_QUERIES):
        page = organiser.get(BOARD)

    assert text_of(page).count('<th scope="row">') == 60 + 3
    assert page.context["page"].paginator.count == 300
    names = {row.name for n in range(1, 6) for row in organiser.get(BOARD, {"page": n}).context["page"]}
    assert len(names) == 300, "every member stands on one of the five pages"


PAGE_QUERIES = 15
"""1 session, 2 user with whether to offer the board, 3 scope, 4 organisations, 5 members, 6 rules, 7 ledger sums
with exemptions, 8 paths and leading posts, 9 last reminders; the frame: 10 its settings, 11 unread notices, 12 and
13 whether to offer the admin, 14 and 15 scope and claims that wait, for the number in the list of desks."""


def test_one_person_shows_hours_by_mode_and_nothing_of_how(organiser, street):
    page = organiser.get(reverse("reports:person", args=[street.people["陈刚"].uuid]))

    text = text_of(page)
    assert page.status_code == 200
    assert "陈刚" in text and "40" in text and "56" in text
    assert page.context["needs_help"]


# The export


def test_the_export_is_the_screen(organiser, street):
    screen = organiser.get(BOARD, {"state": "IN_PROGRESS"}).context["found"]

    answer = organiser.post(
        reverse("reports:export"), {"purpose": "年度学习检查", "year": "2026", "state": "IN_PROGRESS"}
    )

    sheet = load_workbook(BytesIO(answer.content)).worksheets[0]
    assert answer.headers["Content-Disposition"].startswith("attachment; filename*=utf-8''")
    assert (
        [sheet.cell(5 + n, 3).value for n in range(2)]
        == [row.name for row in screen.rows]
        == ["陈刚", "李想"]
    )
    assert screen.checksum in sheet["A3"].value
    assert AuditEntry.objects.get(action="board.exported").detail["checksum"] == screen.checksum


def test_an_export_without_purpose_goes_back_to_the_same_filters(organiser, street):
    answer = organiser.post(reverse("reports:export"), {"purpose": "", "year": "2026", "state": "AT_RISK"})

    assert answer.status_code == 302 and answer.url == "/board/?year=2026&state=AT_RISK"
    assert not AuditEntry.objects.filter(action="board.exported").exists()


def test_foreign_exports_and_reminders_look_like_nothing(organiser, street):
    before = AuditEntry.objects.count()
    foreign = {"organization": str(street.orange.uuid), "purpose": "看看邻居"}

    assert organiser.post(reverse("reports:export"), foreign).status_code == 404
    assert organiser.post(reverse("reports:remind"), foreign).status_code == 404
    one = {"member": str(street.people["邻居"].uuid)}
    assert organiser.post(reverse("reports:remind"), one).status_code == 404
    assert organiser.post(reverse("reports:remind"), {"member": "x"}).status_code == 404
    assert AuditEntry.objects.count() == before and not Notice.objects.exists()


@pytest.mark.parametrize("name", ["export", "remind"])
def test_changes_are_posted(organiser, street, name):
    assert organiser.get(reverse(f"reports:{name}")).status_code == 405


def test_changes_need_the_forms_own_token(street):
    from django.test import Client

    careful = Client(enforce_csrf_checks=True)
    careful.force_login(street.organiser, backend="people.sign_in.UsernameOrPhoneBackend")

    assert careful.post(reverse("reports:remind")).status_code == 403
    assert not Notice.objects.exists()


# Reminders


def test_the_button_reminds_once(organiser, street):
    first = organiser.post(reverse("reports:remind"), {"organization": str(street.first.uuid)}, follow=True)
    again = organiser.post(reverse("reports:remind"), {"organization": str(street.first.uuid)}, follow=True)

    assert Notice.objects.count() == 2
    assert first.status_code == again.status_code == 200
    assert first.redirect_chain[0][0] == f"/board/?year=2026&organization={street.first.uuid}"


def test_an_empty_branch_says_what_will_stand_there(organiser, street):
    Member.objects.filter(organization=street.second).delete()

    page = organiser.get(BOARD, {"organization": str(street.second.uuid)})

    assert page.status_code == 200 and 'class="empty"' in text_of(page)


def test_names_are_escaped(organiser, street):
    MemberFactory(name="<b>王</b>", organization=street.first)

    assert "<b>王</b>" not in text_of(organiser.get(BOARD))
