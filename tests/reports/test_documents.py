"""Members and organisations in a search: for the organisers above them, and for nobody else."""

import re
from datetime import date, timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from people import api as people
from people.models import Member, OrganizationType, PartyOrganization, Post, PostRole
from reports.documents import follow_posts, load_members, load_organizations
from search import api
from search.models import SearchOutbox
from tests.factories import (
    AdministratorFactory,
    MemberFactory,
    PartyOrganizationFactory,
    PolicyFactory,
    PostFactory,
)

pytestmark = pytest.mark.django_db

KINDS = ("member", "organization")


@pytest.fixture(autouse=True)
def index(settings, tmp_path):
    settings.SEARCH = {**settings.SEARCH, "INDEX_DIR": tmp_path / "search"}
    api.rebuild()


@pytest.fixture
def tree():
    """海棠街道党工委 › 桂花社区党委 › 第一支部, and 丹桂社区党委 beside it."""
    top = PartyOrganizationFactory(code="001", name="海棠街道党工委")
    osmanthus = PartyOrganizationFactory(parent=top, code="001.002", name="桂花社区党委")
    first = PartyOrganizationFactory(parent=osmanthus, code="001.002.001", name="桂花社区第一党支部")
    orange = PartyOrganizationFactory(parent=top, code="001.003", name="丹桂社区党委")
    api.rebuild()
    return {one.code: PartyOrganization.objects.get(pk=one.pk) for one in (top, osmanthus, first, orange)}


def enrolled(name, organization, **fields):
    """Put on the roster as the admin does it."""
    number = Member.objects.count()
    member = Member(username=f"u{number}", name=name, organization=organization, **fields)
    return people.enrol(member, actor=None)


@pytest.fixture
def zhou(tree):
    """周敏, organiser of 桂花社区党委."""
    return PostFactory(
        member=MemberFactory(name="周敏", organization=None), organization=tree["001.002"]
    ).member


def found(query, viewer):
    """Names that `viewer` finds among people and organisations, once all is indexed; fresh as from a request.

    Those that hold what was asked for, not what is only near to it.
    """
    api.drain()
    assert not SearchOutbox.objects.exists()
    # Only what was put into the database past the rooms' verbs may be missing.
    assert not any(one.stale or one.ghosts for one in api.verify(repair=False) if one.kind in KINDS)
    viewer = Member.objects.get(pk=viewer.pk) if viewer.pk else viewer
    by_kind = [api.search(query, viewer, kind=kind, size=100) for kind in KINDS]
    names = sorted(hit.title for results in by_kind for hit in results.hits)
    results = api.search(query, viewer)
    assert sum(results.counts.get(kind, 0) for kind in KINDS) == len(names)
    assert {one.title for one in api.suggest(query, viewer)} <= set(names)
    return [] if results.loosened else names


def test_an_organiser_finds_who_is_in_her_part_of_the_tree(tree, zhou):
    inside, beside = enrolled("欧阳修远", tree["001.002.001"]), enrolled("欧阳明远", tree["001.003"])
    assert found("欧阳", zhou) == ["欧阳修远"]
    assert found("ouyang", zhou) == ["欧阳修远"]
    assert found("oyxy", zhou) == ["欧阳修远"]
    assert found("第一党支部", zhou) == ["桂花社区第一党支部", "欧阳修远"]
    assert api.search("001.002.001", zhou).hits[0].title == "桂花社区第一党支部"
    assert found("丹桂社区", zhou) == found("海棠街道", zhou) == []
    assert found("欧阳", AdministratorFactory()) == ["欧阳修远", "欧阳明远"]
    # Nobody else, not even herself
    for viewer in (inside, beside, MemberFactory(organization=tree["001"]), AnonymousUser()):
        assert found("欧阳", viewer) == found("党支部", viewer) == found("桂花社区", viewer) == []


def test_a_secretary_of_the_branch_sees_the_branch_and_a_member_with_another_post_does_not(tree):
    enrolled("欧阳修远", tree["001.002.001"])
    secretary = PostFactory(
        member=MemberFactory(organization=None), organization=tree["001.002.001"], role=PostRole.SECRETARY
    ).member
    publicity = PostFactory(
        member=MemberFactory(organization=None),
        organization=tree["001.002.001"],
        role=PostRole.PUBLICITY_MEMBER,
    ).member
    assert found("欧阳", secretary) == ["欧阳修远"]
    assert found("桂花社区", secretary) == ["桂花社区第一党支部", "欧阳修远"]
    assert found("欧阳", publicity) == []


def test_a_hit_opens_the_board(client, tree, zhou):
    member = enrolled("欧阳修远", tree["001.002.001"])
    api.drain()
    person = api.search("欧阳修远", zhou, kind="member").hits[0]
    place = api.search("桂花社区第一党支部", zhou, kind="organization").hits[0]
    client.force_login(zhou)
    for hit, text in ((person, "欧阳修远"), (place, "桂花社区第一党支部")):
        answer = client.get(hit.url)
        assert answer.status_code == 200 and text in answer.content.decode()
    assert str(member.uuid) == person.id and person.extra == {"organization": "桂花社区第一党支部"}


def test_the_index_holds_a_name_a_place_and_posts_and_nothing_more(tree):
    member = enrolled(
        "欧阳修远",
        tree["001.002.001"],
        joined_on=date(1999, 7, 1),
        status="PROBATIONARY",
        phone="13800138000",
    )
    tree["001.002.001"].contact_phone = "0571-88880000"
    tree["001.002.001"].save()
    people.appoint(
        member, organization=tree["001.002"], role="DEPUTY", started_on=date(2020, 1, 1), actor=None
    )
    (document,) = [one for one in load_members(None) if one.title == "欧阳修远"]
    assert (document.title, document.body) == ("欧阳修远", "桂花社区第一党支部\n桂花社区党委副书记")
    assert document.published_on is None and document.category == ""
    said = f"{document}{list(load_organizations(None))}"
    said = re.sub(r"[0-9a-f-]{36}", "", said)  # ids, where chance may write 1999
    for private in (
        "13800138000",
        "138****8000",
        "1999",
        "PROBATIONARY",
        "预备",
        member.username,
        "88880000",
    ):
        assert private not in said


def test_changes_of_people_are_followed(tree, zhou):
    member = enrolled("欧阳修远", tree["001.003"])
    assert found("欧阳", zhou) == []
    # transferred
    member.organization = tree["001.002.001"]
    people.change_member(member, fields={"organization"}, actor=None)
    assert found("欧阳", zhou) == ["欧阳修远"]
    # renamed
    member.name = "欧阳志远"
    people.change_member(member, fields={"name"}, actor=None)
    assert found("欧阳", zhou) == ["欧阳志远"]
    # given a post, which ends
    post = people.appoint(
        member, organization=tree["001.003"], role="GROUP_LEADER", started_on=date(2020, 1, 1), actor=None
    )
    assert found("丹桂社区党委党小组组长", zhou) == ["欧阳志远"]
    people.end_post(post, ended_on=timezone.localdate() - timedelta(days=1), actor=None)
    assert found("丹桂社区党委党小组组长", zhou) == []
    # switched off
    member.is_active = False
    people.change_member(member, fields={"is_active"}, actor=None)
    assert found("欧阳", zhou) == []


def test_a_post_that_begins_by_the_calendar_is_followed_at_night(tree, zhou):
    tomorrow = timezone.localdate() + timedelta(days=1)
    member = enrolled("欧阳修远", tree["001.002.001"])
    people.appoint(
        member, organization=tree["001.002.001"], role="SECRETARY", started_on=tomorrow, actor=None
    )
    assert found("欧阳 书记", zhou) == []
    api.drain()
    assert follow_posts(timezone.localdate()) == 0 and not SearchOutbox.objects.exists()
    Post.objects.filter(member=member).update(started_on=timezone.localdate())
    assert follow_posts(timezone.localdate()) == 1
    assert found("欧阳 书记", zhou) == ["欧阳修远"]
    Post.objects.filter(member=member).update(
        started_on=timezone.localdate() - timedelta(days=400),
        ended_on=timezone.localdate() - timedelta(days=1),
    )
    assert follow_posts(timezone.localdate()) == 1
    assert found("欧阳 书记", zhou) == []


def test_people_do_not_crowd_what_is_said_about_them(tree, zhou):
    """The list of all holds them only where nothing else is; their tabs have them always."""
    for number in range(5):
        enrolled(f"欧阳{number}", tree["001.002.001"])
    PolicyFactory(
        title="海棠县基层治理办法", disclosure="PUBLIC", body=[("text", "<p>党支部应当公开。欧阳修</p>")]
    )
    api.drain()
    both = api.search("党支部", zhou)
    assert [hit.kind for hit in both.hits] == ["policy"] and both.total == both.everything == 1
    assert both.counts == {"policy": 1, "member": 5, "organization": 1}
    assert api.search("党支部", zhou, kind="member").total == 5
    alone = api.search("第一党支部", zhou)
    assert {hit.kind for hit in alone.hits} == {"member", "organization"} and alone.everything == 6
    answer = AdministratorFactory()
    assert [hit.kind for hit in api.search("党支部", answer).hits] == ["policy"]
    assert api.search("党支部", answer).counts == {"policy": 1, "member": 5, "organization": 1}


def test_an_organisation_that_moves_takes_its_people_out_of_sight(tree, zhou):
    enrolled("欧阳修远", tree["001.002.001"])
    neighbour = PostFactory(member=MemberFactory(organization=None), organization=tree["001.003"]).member
    assert (found("欧阳", zhou), found("欧阳", neighbour)) == (["欧阳修远"], [])
    people.change_organization(tree["001.002.001"], parent=tree["001.003"], fields={"parent"}, actor=None)
    assert (found("欧阳", zhou), found("欧阳", neighbour)) == ([], ["欧阳修远"])
    assert (found("第一党支部", zhou), found("第一党支部", neighbour)) == (
        [],
        ["桂花社区第一党支部", "欧阳修远"],
    )


def test_organisations_founded_renamed_and_dissolved_are_followed(tree, zhou):
    enrolled("欧阳修远", tree["001.002.001"])
    second = people.found_organization(
        PartyOrganization(code="001.002.000", name="木槿第二党支部", type=OrganizationType.BRANCH),
        parent=tree["001.002"],
        actor=None,
    )
    assert found("木槿", zhou) == ["木槿第二党支部"]
    # a code in the middle gave its sibling another path, and nobody else sees it now
    assert found("欧阳", zhou) == ["欧阳修远"]
    first = PartyOrganization.objects.get(code="001.002.001")
    first.name = "茶梅第一党支部"
    people.change_organization(first, parent=tree["001.002"], fields={"name"}, actor=None)
    assert found("茶梅", zhou) == ["欧阳修远", "茶梅第一党支部"]
    people.dissolve_organization(second, actor=None)
    assert found("木槿", zhou) == []


def test_a_scope_ends_with_the_post(tree, zhou):
    enrolled("欧阳修远", tree["001.002.001"])
    assert found("欧阳", zhou) == ["欧阳修远"]
    Post.objects.filter(member=zhou).update(ended_on=timezone.localdate() - timedelta(days=1))
    assert found("欧阳", zhou) == []


def test_asking_costs_as_many_queries_for_an_organiser(tree, zhou, django_assert_num_queries):
    zhou = Member.objects.get(pk=zhou.pk)
    with django_assert_num_queries(2):
        # the posts of today; the organisations above (and of) her scope
        api.search("欧阳", zhou)


def test_loading_costs_the_same_however_many(tree, django_assert_num_queries):
    for number in range(3):
        enrolled(f"欧阳{number}", tree["001.002.001"])
    with django_assert_num_queries(2):
        # members with their organisations; posts of today
        assert len(list(load_members(None))) == 3
    with django_assert_num_queries(1):
        assert len(list(load_organizations(None))) == 4
