"""May I see it: in hits, totals, counts, suggestions and did-you-mean alike."""

import random

import pytest
from django.contrib.auth.models import AnonymousUser

from people.models import Member, PartyOrganization, Post
from search import api, outbox
from search.documents import member_token, organization_token
from search.engines.current import engine

pytestmark = pytest.mark.django_db


def found_by(viewer, query="安全生产"):
    return {hit.id for hit in api.search(query, viewer, size=100).hits}


def test_each_sees_what_is_opened_to_her(shelf, tree, member_in):
    inside, below, beside, staff = member_in("11"), member_in("111"), member_in("13"), member_in(None)
    shelf.put("public", "安全生产 公开", kind="book")
    shelf.put("members", "安全生产 党员", kind="book", acl=["members"])
    shelf.put("branch", "安全生产 支部", kind="book", acl=[organization_token(tree["11"])])
    shelf.put("own", "安全生产 个人", kind="film", acl=[member_token(inside)])
    shelf.put("nobody", "安全生产 无人", kind="film", acl=[])
    api.rebuild()

    assert found_by(AnonymousUser()) == {"public"}
    assert found_by(staff) == {"public", "members"}
    assert found_by(beside) == {"public", "members"}
    assert found_by(below) == {"public", "members", "branch"}
    assert found_by(inside) == {"public", "members", "branch", "own"}

    counted = api.search("安全生产", inside)
    assert counted.counts == {"book": 3, "film": 1} and counted.total == 4
    assert api.search("安全生产", beside).counts == {"book": 2}
    assert api.search("安全生产", beside, kind="film").total == 0


def test_an_administrator_sees_all_but_what_is_personal(shelf, tree, member_in):
    admin = Member.objects.create_superuser("root", name="管理员")
    shelf.put("branch", "安全生产 支部", kind="book", acl=[organization_token(tree["11"])])
    shelf.put("own", "安全生产 个人", kind="book", acl=[member_token(member_in("11"))])
    shelf.put("nobody", "安全生产 无人", kind="book", acl=[])
    api.rebuild()
    assert found_by(admin) == {"branch"}


def test_an_organiser_sees_what_is_opened_to_the_organisation_of_her_post(shelf, tree, member_in):
    organiser = member_in(None)
    Post.objects.create(member=organiser, organization=tree["13"], role="ORGANIZER", started_on="2026-01-01")
    shelf.put("hers", "安全生产 十三", kind="book", acl=[organization_token(tree["13"])])
    shelf.put("foreign", "安全生产 十一", kind="book", acl=[organization_token(tree["11"])])
    api.rebuild()
    assert found_by(organiser) == {"hers"}


def test_a_closed_account_sees_what_everybody_sees(shelf, member_in):
    gone = member_in("11", is_active=False)
    shelf.put("members", "安全生产 党员", kind="book", acl=["members"])
    api.rebuild()
    assert found_by(gone) == set()


def test_a_new_branch_in_the_middle_opens_nothing_to_the_wrong_people(shelf, tree, member_in):
    # Given a document of branch 13, named by its tree path as of today
    beside = member_in("13")
    path = tree["13"].path
    shelf.put("13", "安全生产 十三", kind="book", acl=[f"org:{path}"])
    api.rebuild()
    # When branch 12 is founded, which takes over that path
    root = PartyOrganization.objects.get(code="1")
    newcomer = root.add_child(code="12", name="组织12", type="BRANCH")
    stranger = Member.objects.create_user("stranger", name="新人", organization=newcomer)
    moved = PartyOrganization.objects.get(code="13")
    assert newcomer.path == path and moved.path != path
    # Then the index still means the branch and not the place
    beside = Member.objects.get(pk=beside.pk)
    assert found_by(beside) == {"13"}
    assert found_by(stranger) == set()


def test_suggestions_and_corrections_come_from_visible_titles_only(shelf, tree, member_in):
    inside, beside = member_in("11"), member_in("13")
    shelf.put("secret", "拆迁补偿方案", kind="book", acl=[organization_token(tree["11"])])
    shelf.put("open", "补偿的一般知识", kind="book")
    api.rebuild()
    assert [one.title for one in api.suggest("拆迁", inside)] == ["拆迁补偿方案"]
    for typed in ("拆迁", "chaiqian", "cqbc", "拆"):
        assert api.suggest(typed, beside) == []
    assert api.search("拆签补偿", inside).did_you_mean == "拆迁补偿"
    assert api.search("拆签补偿", beside).did_you_mean == ""


def test_no_member_ever_meets_a_foreign_document(shelf, tree, member_in):
    """Property: whoever asks whatever, the answer is as if foreign documents did not exist."""
    chance = random.Random(20261123)
    members = [member_in(chance.choice(["1", "11", "13", "111", None])) for _ in range(12)]
    tokens = ["public", "members", *(organization_token(one) for one in tree.values())]
    tokens += [member_token(one) for one in members]
    pieces = ["党费", "收缴", "安全", "生产", "民主", "集中制", "转正", "学时", "消防", "社区"]
    for number in range(150):
        title = "".join(chance.sample(pieces, 3))
        shelf.put(
            str(number),
            f"{title}{number}",
            "，".join(chance.sample(pieces, 4)),
            kind=chance.choice(["book", "film"]),
            acl=chance.sample(tokens, chance.choice([0, 1, 1, 2])),
        )
    api.rebuild()
    queries = [*pieces, "dangfei", "aqsc", "党飞", "安全生产怎么办", "费", "党费 收缴 安全"]
    for viewer in [AnonymousUser(), *members]:
        held = api.tokens_of(viewer)
        own = {key: one for key, one in shelf.things.items() if held & set(one.acl)}
        for query in queries:
            pages, page = [], api.search(query, viewer, size=100)
            pages.append(page)
            while page.page < page.pages:
                page = api.search(query, viewer, size=100, page=page.page + 1)
                pages.append(page)
            ids = {f"{hit.kind}:{hit.id}" for page in pages for hit in page.hits}
            assert ids <= set(own)
            assert page.total == sum(page.counts.values()) == len(ids)
            assert {one.title for one in api.suggest(query, viewer)} <= {one.title for one in own.values()}
            meant = page.did_you_mean
            assert not meant or any(part in one.title for one in own.values() for part in meant.split())


def test_asking_costs_three_queries_at_most(shelf, member_in, django_assert_num_queries):
    viewer = Member.objects.get(pk=member_in("111").pk)
    shelf.put("1", "安全生产", kind="book")
    api.rebuild()
    with django_assert_num_queries(3):
        # her organisation; her posts of today; the organisations above her
        api.search("安全生产", viewer)
    with django_assert_num_queries(0):
        api.search("安全生产", AnonymousUser())


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["org", "scope"])
def test_a_changed_document_that_names_paths_is_open_to_the_same_as_after_a_rebuild(shelf, tree, token):
    shelf.put("1", "支部通报", kind="book", acl=[f"{token}:{tree['11'].path}"])
    api.rebuild()
    rebuilt = list(engine().inventory("book"))
    outbox.changed("book", 1)
    api.drain()
    assert list(engine().inventory("book")) == rebuilt
