"""The roster in the Wagtail admin: who may, what changes, what is recorded, what is never shown."""

import re
from io import BytesIO

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse
from openpyxl import load_workbook

from courses.archive.models import LearningArchive
from people import api
from people.models import AuditEntry, Member, PartyOrganization, Post
from tests.factories import AdministratorFactory, MemberFactory, PartyOrganizationFactory, PostFactory

pytestmark = pytest.mark.django_db


def enter(client, member):
    client.force_login(member, backend="people.sign_in.UsernameOrPhoneBackend")
    return client


@pytest.fixture
def administrator():
    return AdministratorFactory(name="系统管理员")


@pytest.fixture
def admin(client, administrator):
    return enter(client, administrator)


@pytest.fixture
def clerk():
    """Keeps the roster, but is no administrator."""
    group = Group.objects.create(name="组织管理")
    wanted = ["access_admin", "add_member", "change_member", "delete_member", "view_member", "change_post"]
    group.permissions.set(Permission.objects.filter(codename__in=wanted))
    clerk = MemberFactory(name="名册管理", status="STAFF", organization=None)
    clerk.groups.add(group)
    return clerk


@pytest.fixture
def branch():
    return PartyOrganizationFactory(code="001", name="第一党支部")


def edit_url(member):
    return reverse("wagtailusers_users:edit", args=[member.pk])


def form_of(member, **changes):
    values = {
        "name": member.name,
        "username": member.username,
        "status": member.status,
        "organization": member.organization_id or "",
        "joined_on": member.joined_on or "",
        "new_phone": "",
        "is_active": "on" if member.is_active else "",
    }
    return {key: value for key, value in (values | changes).items() if value != ""}


PAGES = [
    "/admin/users/",
    "/admin/users/new/",
    "/admin/users/open/",
    "/admin/organizations/",
    "/admin/organizations/new/",
    "/admin/posts/",
    "/admin/reports/audit/",
    "/admin/account/",
]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_for_an_administrator_and_for_nobody_else(client, administrator, branch, page):
    assert enter(client, administrator).get(page).status_code == 200
    client.logout()
    assert client.get(page).status_code == 302
    assert enter(client, MemberFactory(organization=branch)).get(page).status_code in (302, 403)


# The list


def test_the_list_finds_by_pinyin_and_whole_number_and_shows_no_number(admin, branch):
    MemberFactory(name="李想", username="lixiang", phone="13800001234", organization=branch)
    MemberFactory(name="王芳", username="wangfang", organization=branch)

    for query in ("lx", "li xiang", "13800001234"):
        text = admin.get("/admin/users/", {"q": query}).content.decode()
        assert "李想" in text and "王芳" not in text
        assert "0001234" not in text.replace(query, "")


def test_the_list_narrows_to_a_subtree(admin, branch):
    group = PartyOrganizationFactory(parent=branch, code="001.1", type="GROUP")
    other = PartyOrganizationFactory(code="002")
    MemberFactory(name="李想", organization=group)
    MemberFactory(name="王芳", organization=other)

    text = admin.get("/admin/users/", {"organization": branch.pk}).content.decode()

    assert "李想" in text and "王芳" not in text


def test_the_list_costs_the_same_for_many(admin, branch, django_assert_max_num_queries):
    MemberFactory.create_batch(20, organization=branch)
    admin.get("/admin/users/")

    with django_assert_max_num_queries(16):
        # session, user, count and rows with organisation and picture, filters' choices, menu
        assert admin.get("/admin/users/").status_code == 200


# People


def test_a_new_person_is_on_the_roster_with_a_closed_account(admin, administrator, branch):
    answer = admin.post(
        "/admin/users/new/",
        form_of(
            Member(name="李想", username="lixiang", status="FULL", organization=branch),
            new_phone="138 0000 1234",
        ),
    )

    member = Member.objects.get(username="lixiang")
    assert answer.status_code == 302 and answer.url == edit_url(member)
    assert member.activated_at is None and not member.has_usable_password()
    assert member.phone == "13800001234"
    entry = AuditEntry.objects.get(action="member.enrolled")
    assert entry.actor == administrator and "13800001234" not in str(entry.detail)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"new_phone": "12345"}, "new_phone"),
        ({"new_phone": "１３８００００１２３４"}, "new_phone"),
        ({"new_phone": "13900005678"}, "new_phone"),
        ({"username": "13900009999"}, "username"),
        ({"username": "li xiang"}, "username"),
        ({"username": "taken"}, "username"),
        ({"organization": ""}, "organization"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_moves(admin, branch, changes, field):
    MemberFactory(username="taken", phone="13900005678", organization=branch)
    before = Member.objects.count(), AuditEntry.objects.count()
    new = form_of(Member(name="李想", username="lixiang", status="FULL", organization=branch), **changes)

    answer = admin.post("/admin/users/new/", new)

    assert answer.status_code == 200 and field in answer.context["form"].errors
    assert (Member.objects.count(), AuditEntry.objects.count()) == before


def test_the_form_shows_a_masked_number_and_keeps_it_when_left_blank(admin, branch):
    member = MemberFactory(phone="13800001234", organization=branch)

    page = admin.get(edit_url(member)).content.decode()
    admin.post(edit_url(member), form_of(member, name="李改名"))

    member.refresh_from_db()
    assert "138****1234" in page and "13800001234" not in page
    assert member.name == "李改名" and member.name_pinyin == "li gai ming"
    assert member.phone == "13800001234"
    assert AuditEntry.objects.get(action="member.changed").detail == {"fields": ["name"]}


def test_a_number_can_be_removed(admin, branch):
    member = MemberFactory(phone="13800001234", organization=branch)

    admin.post(edit_url(member), form_of(member, forget_phone="on"))

    member.refresh_from_db()
    assert member.phone == "" and member.phone_digest is None


def test_a_transfer_by_the_form_is_recorded(admin, branch):
    other, member = PartyOrganizationFactory(code="002"), MemberFactory(organization=branch)

    admin.post(edit_url(member), form_of(member, organization=other.pk))

    assert Member.objects.get(pk=member.pk).organization == other
    assert AuditEntry.objects.get(action="member.changed").detail["after"]["organization"] == "002"


# Accounts


def test_opening_an_account_shows_the_password_once_and_opens_the_archive(admin, branch):
    member = MemberFactory(closed=True, organization=branch)

    answer = admin.post(reverse("wagtailusers_users:open", args=[member.pk]))
    again = admin.post(reverse("wagtailusers_users:open", args=[member.pk]))

    password = re.search(r'class="password">([^<]+)<', answer.content.decode())[1]
    member.refresh_from_db()
    assert member.check_password(password) and member.password_is_temporary
    assert "no-store" in answer.headers["Cache-Control"]
    assert LearningArchive.objects.filter(member=member).count() == 1
    assert again.status_code == 302 and Member.objects.get(pk=member.pk).check_password(password)
    assert AuditEntry.objects.filter(action="account.activated").count() == 1


def test_accounts_of_an_organisation_are_opened_together(admin, branch):
    group = PartyOrganizationFactory(parent=branch, code="001.1", type="GROUP")
    waiting = [
        MemberFactory(closed=True, organization=branch),
        MemberFactory(closed=True, organization=group),
    ]
    MemberFactory(organization=branch)
    elsewhere = MemberFactory(closed=True, organization=PartyOrganizationFactory(code="002"))

    counted = admin.get("/admin/users/open/", {"organization": branch.pk})
    answer = admin.post("/admin/users/open/", {"organization": branch.pk})

    assert counted.context["count"] == 2
    assert answer.content.decode().count('class="password"') == 2
    assert not Member.objects.filter(pk__in=[m.pk for m in waiting], activated_at=None).exists()
    assert Member.objects.get(pk=elsewhere.pk).activated_at is None


def test_a_new_one_time_password_replaces_the_old(admin, branch):
    member = MemberFactory(password="old-words-1", organization=branch)

    admin.post(reverse("wagtailusers_users:password", args=[member.pk]))

    member.refresh_from_db()
    assert not member.check_password("old-words-1") and member.password_is_temporary


@pytest.mark.parametrize("name", ["open", "password", "phone"])
def test_what_is_done_to_accounts_is_posted(admin, branch, name):
    member = MemberFactory(closed=name == "open", organization=branch)

    assert admin.get(reverse(f"wagtailusers_users:{name}", args=[member.pk])).status_code == 405
    assert not AuditEntry.objects.exists()


# Encrypted fields


def test_reading_a_number_needs_a_purpose_and_is_recorded(admin, administrator, branch):
    member = MemberFactory(phone="13800001234", organization=branch)
    url = reverse("wagtailusers_users:phone", args=[member.pk])

    without = admin.post(url, {"purpose": ""}, follow=True)
    with_one = admin.post(url, {"purpose": "通知补课"})

    assert "13800001234" not in without.content.decode()
    assert "13800001234" in with_one.content.decode()
    entry = AuditEntry.objects.get(action="member.phone_read")
    assert (entry.actor, entry.detail) == (administrator, {"purpose": "通知补课"})
    assert entry.source == "127.0.0.1"


# Rights


def test_a_clerk_changes_people_but_no_rights(client, clerk, branch):
    member = MemberFactory(name="李想", organization=branch)
    enter(client, clerk)

    page = client.get(edit_url(member))
    client.post(
        edit_url(member), form_of(member, name="李理想", is_superuser="on", groups=[clerk.groups.get().pk])
    )

    member.refresh_from_db()
    assert not {"is_superuser", "groups"} & set(page.context["form"].fields)
    assert member.name == "李理想" and not member.is_superuser and not member.groups.exists()


@pytest.mark.parametrize("name", ["edit", "password", "phone", "appoint"])
def test_a_clerk_does_not_touch_administrators(client, clerk, administrator, name):
    url = reverse(f"wagtailusers_users:{name}", args=[administrator.pk])
    before = Member.objects.get(pk=administrator.pk).password

    answer = enter(client, clerk).post(url, {"purpose": "看看"})

    assert answer.status_code in (302, 403)
    assert Member.objects.get(pk=administrator.pk).password == before
    assert not AuditEntry.objects.exists()


def test_administrators_cannot_lock_themselves_out(admin, administrator):
    admin.post(
        edit_url(administrator), {"name": "系统管理员", "username": administrator.username, "status": "STAFF"}
    )

    administrator.refresh_from_db()
    assert administrator.is_superuser and administrator.is_active


def test_nobody_is_deleted_and_nobody_changed_in_bulk(admin, branch):
    member = MemberFactory(organization=branch)
    admin.get(reverse("wagtailusers_users:delete", args=[member.pk]))
    admin.post(reverse("wagtailusers_users:delete", args=[member.pk]))
    for action, data in (
        ("delete", {}),
        ("set_active_state", {"mark_as_active": "False"}),
        ("assign_role", {"role": Group.objects.create(name="x").pk}),
    ):
        url = reverse("wagtail_bulk_action", args=["people", "member", action])
        admin.post(f"{url}?id={member.pk}", data)

    member.refresh_from_db()
    assert member.is_active and not member.groups.exists()


# Organisations, posts


def test_an_organisation_is_founded_changed_and_moved(admin, branch):
    top = PartyOrganizationFactory(code="000", name="党工委", type="COMMITTEE")
    new = {"parent": top.pk, "code": "000.2", "name": "第二党支部", "type": "BRANCH"}

    admin.post("/admin/organizations/new/", new)
    second = PartyOrganization.objects.get(code="000.2")
    admin.post(
        reverse("organizations:edit", args=[second.pk]), new | {"parent": branch.pk, "name": "改名支部"}
    )

    moved = PartyOrganization.objects.get(code="000.2")
    assert moved.get_parent() == branch and moved.name == "改名支部"
    actions = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["organization.founded", "organization.changed"]


def test_an_organisation_is_not_offered_a_place_below_itself(admin, branch):
    below = PartyOrganizationFactory(parent=branch, code="001.1", type="GROUP")
    same = {"parent": below.pk, "code": "001", "name": "第一党支部", "type": "BRANCH"}

    answer = admin.post(reverse("organizations:edit", args=[branch.pk]), same)

    assert answer.status_code == 200 and "parent" in answer.context["form"].errors
    assert PartyOrganization.objects.get(pk=branch.pk).is_root()


def test_only_an_empty_organisation_is_dissolved(admin, branch):
    member = MemberFactory(organization=branch)
    url = reverse("organizations:delete", args=[branch.pk])

    refused = admin.post(url)
    still_there = PartyOrganization.objects.filter(pk=branch.pk).exists()
    Member.objects.filter(pk=member.pk).update(organization=None, status="STAFF")
    admin.post(url)

    assert refused.status_code == 200 and still_there
    assert not PartyOrganization.objects.filter(pk=branch.pk).exists()


def test_posts_are_given_on_the_members_page_and_ended_in_the_list(admin, branch):
    member = MemberFactory(organization=branch)
    given = {"organization": branch.pk, "role": "SECRETARY", "started_on": "2026-01-01"}
    url = reverse("wagtailusers_users:appoint", args=[member.pk])

    admin.post(url, given)
    twice = admin.post(url, given)
    post = Post.objects.get()
    early = admin.post(reverse("posts:edit", args=[post.pk]), {"ended_on": "2025-12-31"})
    scope_before = api.scope_of(member)
    admin.post(reverse("posts:edit", args=[post.pk]), {"ended_on": "2026-02-01"})

    assert twice.status_code == 200 and "role" in twice.context["form"].errors
    assert early.status_code == 200 and "ended_on" in early.context["form"].errors
    assert scope_before and not api.scope_of(member)
    assert AuditEntry.objects.filter(action__startswith="post.").count() == 2


def test_posts_are_neither_added_nor_deleted_in_the_list(admin, branch):
    post = PostFactory(member__organization=branch)

    admin.post(reverse("posts:delete", args=[post.pk]))
    admin.post(reverse("posts:add"), {"ended_on": "2026-02-01"})

    assert Post.objects.get() == post


# The audit trail


def test_the_audit_report_says_who_did_what_to_whom(admin, administrator, branch):
    member = MemberFactory(name="李想", organization=branch)
    api.read_phone(member, actor=administrator, purpose="通知补课")
    api.record(None, "something.else", detail={"k": 1})

    everything = admin.get("/admin/reports/audit/").content.decode()
    narrowed = admin.get("/admin/reports/audit/", {"action": "member.phone_read"}).content.decode()

    assert "系统管理员" in everything and "李想" in everything and "something.else" in everything
    assert (
        "查看手机号" in narrowed
        and "用途：通知补课" in narrowed
        and "something.else" not in narrowed.split("<tbody")[1].split("</table>")[0]
    )


def test_exporting_the_audit_trail_is_recorded(admin, administrator):
    api.record(administrator, "something.else", detail={"text": "=1+1"})

    answer = admin.get("/admin/reports/audit/", {"export": "xlsx"})

    sheet = load_workbook(BytesIO(b"".join(answer.streaming_content))).active
    assert sheet.max_row == 2 and sheet.cell(1, 1).value == "时间"
    assert all(cell.data_type != "f" for row in sheet for cell in row)
    assert AuditEntry.objects.get(action="audit.exported").detail["rows"] == 1


def test_the_audit_trail_is_for_those_with_the_right(client, clerk):
    assert enter(client, clerk).get("/admin/reports/audit/").status_code in (302, 403)


# The account page


def test_the_account_page_asks_for_no_first_name(admin, administrator):
    page = admin.get("/admin/account/")

    assert 'name="name_email-first_name"' not in page.content.decode()
    answer = admin.post(
        "/admin/account/",
        {
            "reading-elder_mode": "on",
            "locale-preferred_language": "",
            "theme-theme": "system",
            "theme-contrast": "system",
            "theme-density": "default",
            "avatar-avatar": "",
        },
    )
    administrator.refresh_from_db()
    assert answer.status_code == 302 and administrator.elder_mode


# System checks


def test_checks_speak_when_settings_do_not_fit(settings):
    from people import checks

    assert checks.field_keys_are_set(None) == [] and checks.the_admin_knows_our_members(None) == []
    settings.FIELD_KEYS = ["short"]
    assert [e.id for e in checks.field_keys_are_set(None)] == ["people.E001"]
    settings.AXES_ENABLED = False
    assert [w.id for w in checks.failed_sign_ins_are_counted(None)] == ["people.W001"]
