"""What people.api promises: accounts, roster, tree, posts, notices, the audit trail."""

from datetime import date

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from people import api
from people.encryption import digest
from people.errors import (
    AlreadyActive,
    NotActivated,
    OrganizationBelowItself,
    OrganizationInUse,
    PostAlreadyHeld,
)
from people.models import AuditEntry, Member, Notice, PartyOrganization, PostRole
from people.signals import member_activated, member_changed, organization_changed
from tests.factories import AdministratorFactory, MemberFactory, PartyOrganizationFactory, PostFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard():
    """Everything that the room announces, in order."""
    news = []

    def listen(signal, name):
        def hear(sender, **kwargs):
            kwargs.pop("signal")
            news.append((name, kwargs))

        signal.connect(hear, weak=False)
        return signal, hear

    ears = [
        listen(member_activated, "activated"),
        listen(member_changed, "changed"),
        listen(organization_changed, "organization"),
    ]
    yield news
    for signal, hear in ears:
        signal.disconnect(hear)


# Accounts


def test_activation_sets_the_password_and_is_announced_once(heard):
    member = MemberFactory(closed=True)
    at = timezone.now()

    opened = api.activate(member, password="梅花-2026-读书", at=at)

    assert opened.check_password("梅花-2026-读书")
    assert opened.activated_at == at
    assert heard == [("activated", {"member": opened, "at": at})]
    assert AuditEntry.objects.get().action == "account.activated"


def test_a_second_activation_is_refused_and_changes_nothing(heard):
    member = api.activate(MemberFactory(closed=True), password="first-password")
    heard.clear()

    with pytest.raises(AlreadyActive):
        api.activate(member, password="second-password")

    assert Member.objects.get(pk=member.pk).check_password("first-password")
    assert heard == []
    assert AuditEntry.objects.count() == 1


def test_an_opened_account_has_a_one_time_password_and_names_who_opened_it():
    administrator, member = AdministratorFactory(), MemberFactory(closed=True)

    password = api.open_account(member, actor=administrator)

    member.refresh_from_db()
    assert member.check_password(password)
    assert member.password_is_temporary
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.object_id) == (
        administrator,
        "account.activated",
        str(member.uuid),
    )
    assert password not in str(entry.detail)


def test_a_chosen_password_is_not_temporary():
    member = MemberFactory(closed=True)
    api.open_account(member, actor=AdministratorFactory())
    member.refresh_from_db()

    member.set_password("my-own-words-7")

    assert not member.password_is_temporary


def test_one_time_passwords_are_readable_on_paper_and_differ():
    passwords = {api.one_time_password() for _ in range(50)}

    assert len(passwords) == 50
    assert all(len(p) == 14 and not set(p) & set("0o1li") for p in passwords)


def test_replacing_a_password_ends_the_old_one():
    administrator, member = AdministratorFactory(), MemberFactory(password="old-words-1")
    session_digest = member.get_session_auth_hash()

    password = api.replace_password(member, actor=administrator)

    member.refresh_from_db()
    assert member.check_password(password) and not member.check_password("old-words-1")
    assert member.get_session_auth_hash() != session_digest
    assert AuditEntry.objects.get().action == "account.password_replaced"


def test_an_account_that_was_never_opened_has_no_password_to_replace():
    member = MemberFactory(closed=True)

    with pytest.raises(NotActivated):
        api.replace_password(member, actor=AdministratorFactory())

    assert not AuditEntry.objects.exists()


# Encrypted fields


def test_phone_numbers_lie_encrypted_in_the_database():
    member = MemberFactory(phone="13800001234")

    with connection.cursor() as cursor:
        cursor.execute("select phone, phone_digest from people_member where id = %s", [member.pk])
        stored, stored_digest = cursor.fetchone()

    assert "13800001234" not in stored and stored.startswith("gAAAA")
    assert stored_digest == digest("13800001234") != ""
    assert Member.objects.get(pk=member.pk).phone == "13800001234"
    assert member.masked_phone == "138****1234"


def test_an_encrypted_field_refuses_to_be_searched():
    with pytest.raises(TypeError):
        list(Member.objects.filter(phone__contains="138"))


def test_rotated_keys_still_read_old_values_and_find_by_digest(settings):
    settings.FIELD_KEYS = ["a" * 40]
    member = MemberFactory(phone="13800001234")

    settings.FIELD_KEYS = ["b" * 40, "a" * 40]

    assert Member.objects.get(phone_digest=digest("13800001234")).phone == "13800001234"
    assert Member.objects.get(pk=member.pk).phone == "13800001234"


def test_reading_a_number_is_recorded_with_its_purpose_but_without_the_number():
    administrator, member = AdministratorFactory(), MemberFactory(phone="13800001234")

    number = api.read_phone(member, actor=administrator, purpose="通知补课", source="10.0.0.8")

    assert number == "13800001234"
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action) == (administrator, "member.phone_read")
    assert entry.detail == {"purpose": "通知补课"} and entry.source == "10.0.0.8"


def test_without_a_purpose_no_number_is_read():
    member = MemberFactory(phone="13800001234")

    with pytest.raises(ValueError):
        api.read_phone(member, actor=AdministratorFactory(), purpose="  ")

    assert not AuditEntry.objects.exists()


# The roster


def test_enrolling_leaves_the_account_closed(heard):
    branch = PartyOrganizationFactory(code="001")

    member = api.enrol(Member(username="lixiang", name="李想", organization=branch), actor=None)

    assert not member.has_usable_password() and member.activated_at is None
    assert member.name_pinyin == "li xiang" and member.name_initials == "lx"
    assert [name for name, _ in heard] == ["changed"]
    assert AuditEntry.objects.get().detail == {"organization": "001", "status": "FULL"}


def test_a_transfer_keeps_where_from_and_where_to():
    first, second = PartyOrganizationFactory(code="001"), PartyOrganizationFactory(code="002")
    member = MemberFactory(organization=first)

    member.organization = second
    api.change_member(member, fields={"organization"}, actor=None)

    detail = AuditEntry.objects.get().detail
    assert detail["before"]["organization"] == "001" and detail["after"]["organization"] == "002"


def test_a_changed_number_is_never_written_into_the_audit_trail():
    member = MemberFactory(phone="13800001234")

    member.phone = "13900005678"
    api.change_member(member, fields={"phone"}, actor=None)

    assert AuditEntry.objects.get().detail == {"fields": ["phone"]}
    assert Member.objects.get(phone_digest=digest("13900005678")) == member


def test_saving_a_form_does_not_undo_a_password_changed_meanwhile():
    member = MemberFactory(password="old-words-1")
    stale = Member.objects.get(pk=member.pk)
    member.set_password("new-words-2")
    member.save()

    stale.name = "张改名"
    api.change_member(stale, fields={"name"}, actor=None)

    saved = Member.objects.get(pk=member.pk)
    assert saved.name == "张改名" and saved.check_password("new-words-2")


@pytest.mark.parametrize(
    "text", ["李想", "想", "lixiang", "li xiang", "LX", "lx", "138 0000 1234", "13800001234"]
)
def test_people_are_found_by_name_pinyin_initials_and_whole_number(text):
    wanted = MemberFactory(name="李想", phone="13800001234")
    MemberFactory(name="王芳", phone="13900005678")

    assert list(Member.objects.matching(text)) == [wanted]


@pytest.mark.parametrize("text", ["0000", "1380000123", "%", "x' or 1=1"])
def test_parts_of_a_number_and_wild_signs_find_nobody(text):
    MemberFactory(name="李想", username="lixiang", phone="13800001234")

    assert not Member.objects.matching(text).exists()


# Scopes


@pytest.fixture
def tree():
    """海棠街道党工委 › 桂花社区党委 (two branches), 丹桂社区党委 (one branch)."""
    top = PartyOrganizationFactory(code="001", name="海棠街道党工委")
    osmanthus = PartyOrganizationFactory(parent=top, code="001.002", name="桂花社区党委")
    orange = PartyOrganizationFactory(parent=top, code="001.003", name="丹桂社区党委")
    return {
        "top": PartyOrganization.objects.get(pk=top.pk),
        "osmanthus": osmanthus,
        "orange": orange,
        "first": PartyOrganizationFactory(parent=osmanthus, code="001.002.001"),
        "second": PartyOrganizationFactory(parent=osmanthus, code="001.002.002"),
        "third": PartyOrganizationFactory(parent=orange, code="001.003.001"),
    }


def test_an_organiser_sees_her_subtree_and_nothing_beside_it(tree):
    organiser = PostFactory(member__organization=tree["osmanthus"]).member
    inside, outside = MemberFactory(organization=tree["first"]), MemberFactory(organization=tree["third"])

    scope = api.scope_of(organiser)

    assert scope.holds(tree["second"].path) and not scope.holds(tree["orange"].path)
    assert not scope.holds(tree["top"].path)
    assert set(Member.objects.within(scope)) == {organiser, inside}
    assert outside not in Member.objects.within(scope)


@pytest.mark.parametrize(
    ("started", "ended", "sees"),
    [("2020-01-01", None, True), ("2020-01-01", "2020-12-31", False), ("2999-01-01", None, False)],
)
def test_a_post_opens_the_scope_only_while_it_is_held(tree, started, ended, sees):
    post = PostFactory(
        member__organization=tree["osmanthus"],
        started_on=date.fromisoformat(started),
        ended_on=ended and date.fromisoformat(ended),
    )

    assert bool(api.scope_of(post.member)) is sees


def test_plain_members_group_leaders_and_strangers_have_no_scope(tree):
    from django.contrib.auth.models import AnonymousUser

    leader = PostFactory(member__organization=tree["first"], role=PostRole.GROUP_LEADER).member

    for nobody in (MemberFactory(organization=tree["first"]), leader, AnonymousUser()):
        scope = api.scope_of(nobody)
        assert not scope
        assert not Member.objects.within(scope).exists()
        assert not PartyOrganization.objects.within(scope).exists()


def test_who_has_a_desk_is_known_with_the_user_and_agrees_with_the_scope(tree):
    today = timezone.localdate()
    somebody = {
        "organiser": PostFactory(role=PostRole.ORGANIZER).member,
        "secretary": PostFactory(role=PostRole.SECRETARY).member,
        "was one": PostFactory(role=PostRole.SECRETARY, ended_on=date(2020, 2, 1)).member,
        "group leader": PostFactory(role=PostRole.GROUP_LEADER).member,
        "member": MemberFactory(),
        "administrator": AdministratorFactory(),
    }
    known = {one.pk: one.has_desk for one in Member.objects.with_desk(today)}
    assert {name: known[one.pk] for name, one in somebody.items()} == {
        name: bool(api.scope_of(one)) for name, one in somebody.items()
    }
    assert sum(known[one.pk] for one in somebody.values()) == 3


def test_a_switched_off_account_has_no_scope(tree):
    organiser = PostFactory(member__organization=tree["osmanthus"], member__is_active=False).member

    assert not api.scope_of(organiser)


# The tree


def test_organisations_stand_in_the_order_of_their_codes(tree, heard):
    founded = api.found_organization(
        PartyOrganization(code="001.001", name="梅园社区党委", type="GRASSROOTS_COMMITTEE"),
        parent=tree["top"],
        actor=None,
    )

    children = PartyOrganization.objects.get(pk=tree["top"].pk).get_children()
    assert [child.code for child in children] == ["001.001", "001.002", "001.003"]
    assert heard == [("organization", {"organization": founded, "moved": False})]


def test_moving_an_organisation_takes_its_members_scope_along(tree):
    organiser = PostFactory(member__organization=tree["orange"]).member
    member = MemberFactory(organization=tree["first"])
    branch = PartyOrganization.objects.get(pk=tree["first"].pk)

    moved = api.change_organization(branch, parent=tree["orange"], fields={"parent"}, actor=None)

    assert moved.get_parent() == tree["orange"]
    assert member in Member.objects.within(api.scope_of(organiser))
    assert PartyOrganization.find_problems() == ([], [], [], [], [])


def test_a_changed_code_moves_to_its_place_among_the_siblings(tree):
    branch = PartyOrganization.objects.get(pk=tree["first"].pk)

    branch.code = "001.002.009"
    api.change_organization(branch, parent=tree["osmanthus"], fields={"code"}, actor=None)

    siblings = PartyOrganization.objects.get(pk=tree["osmanthus"].pk).get_children()
    assert [sibling.code for sibling in siblings] == ["001.002.002", "001.002.009"]


def test_nothing_moves_below_itself(tree):
    above = PartyOrganization.objects.get(pk=tree["osmanthus"].pk)

    with pytest.raises(OrganizationBelowItself):
        api.change_organization(above, parent=tree["first"], fields={"parent"}, actor=None)

    assert PartyOrganization.objects.get(pk=above.pk).path == above.path


def test_an_organisation_with_people_is_not_dissolved(tree):
    MemberFactory(organization=tree["first"])

    with pytest.raises(OrganizationInUse) as refusal:
        api.dissolve_organization(tree["first"], actor=None)

    assert (refusal.value.members, refusal.value.posts, refusal.value.below) == (1, 0, 0)
    assert PartyOrganization.objects.filter(pk=tree["first"].pk).exists()


def test_an_empty_organisation_is_dissolved_and_remembered(tree):
    api.dissolve_organization(tree["third"], actor=None)

    assert not PartyOrganization.objects.filter(pk=tree["third"].pk).exists()
    assert AuditEntry.objects.get().detail["code"] == "001.003.001"


# Posts


def test_a_post_is_held_once_at_a_time(tree):
    member = MemberFactory(organization=tree["first"])
    given = {
        "organization": tree["first"],
        "role": "SECRETARY",
        "started_on": date(2024, 1, 1),
        "actor": None,
    }
    post = api.appoint(member, **given)

    with pytest.raises(PostAlreadyHeld):
        api.appoint(member, **given)
    api.end_post(post, ended_on=date(2025, 12, 31), actor=None)
    again = api.appoint(member, **(given | {"started_on": date(2026, 1, 1)}))

    assert again.pk != post.pk
    assert [e.action for e in AuditEntry.objects.order_by("pk")] == ["post.given", "post.ended", "post.given"]


def test_a_post_does_not_end_before_it_starts(tree):
    post = PostFactory(member__organization=tree["first"], started_on=date(2024, 1, 1))

    with pytest.raises(ValueError):
        api.end_post(post, ended_on=date(2023, 12, 31), actor=None)

    post.refresh_from_db()
    assert post.ended_on is None and not AuditEntry.objects.exists()


# Notices, audit trail


def test_the_same_thing_is_said_once():
    member = MemberFactory()
    notice = {"kind": "study", "title": "还差 4 学时", "dedupe_key": "2026-W47"}

    assert api.notify(member, **notice) is True
    assert api.notify(member, **notice) is False
    assert Notice.objects.of(member).unread().count() == 1


def test_many_are_told_with_two_queries(django_assert_num_queries):
    members = MemberFactory.create_batch(20, organization=PartyOrganizationFactory())
    api.notify(members[0], kind="study", title="x", dedupe_key="2026-W47")

    with django_assert_num_queries(4):  # savepoint, who knows already, insert, release
        told = api.notify_all(members, kind="study", title="还差 4 学时", dedupe_key="2026-W47")

    assert told == {member.pk for member in members[1:]}
    assert Notice.objects.count() == 20


def test_the_audit_trail_is_only_ever_added_to():
    entry = api.record(None, "test.happened")
    entry.action = "test.forged"

    for change in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(action="test.forged"),
    ):
        with pytest.raises(TypeError):
            change()

    assert AuditEntry.objects.get().action == "test.happened"


def test_names_are_unique_where_the_schema_says_so():
    MemberFactory(username="lixiang")

    with pytest.raises(ValidationError):
        Member(username="lixiang", name="李想").full_clean()
