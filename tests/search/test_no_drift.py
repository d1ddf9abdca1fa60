"""Whatever is done to the things of the house, after a drain the index says what the database says.

Each way in which things change is gone, by the real code of Wagtail and of the rooms; then all registered kinds are
compared with the index (`search.verification`), whatever kinds there are.
"""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from wagtail.models import Page

from courses.catalogue.models import (
    Course,
    CourseIndexPage,
    Disclosure,
    HomePage,
    Lesson,
    LessonVersion,
    Policy,
)
from courses.catalogue.setup import ensure_tree
from media_pipeline.signals import asset_ready
from people.api import (
    appoint,
    change_member,
    change_organization,
    dissolve_organization,
    enrol,
    found_organization,
)
from people.models import Member, PartyOrganization
from search import api, documents
from search.boxes.objects import BOXES, id_of
from search.engines.current import engine
from search.models import SearchOutbox
from search.reading import everything
from tests.factories import (
    AdministratorFactory,
    CourseFactory,
    LessonFactory,
    MemberFactory,
    PartyOrganizationFactory,
    PlayableAssetFactory,
    PolicyFactory,
)

pytestmark = pytest.mark.django_db

LISTS = ("missing", "stale", "ghosts", "unreadable")


def drift() -> dict[str, list[str]]:
    """What of each kind differs, e.g. {"lesson stale": ["12"]}.

    By the product's own comparison and by plain sets: what the worker reads a thing by, the former reads it by too.
    """
    found: dict[str, list[str]] = {}
    for one in api.verify(repair=False):
        found |= {f"{one.kind} {what}": ids for what in LISTS if (ids := getattr(one, what))}
    for kind in documents.kinds():
        truth: dict[str, str] = {}
        for batch in everything(kind, lambda id, fault: None):
            truth |= batch.fingerprints()
        differing = truth.items() ^ dict(engine().inventory(kind.name)).items()
        if differing and not any(name.startswith(f"{kind.name} ") for name in found):
            found[f"{kind.name} differs"] = sorted({id for id, _ in differing})
    return found


class School:
    """A course of two lessons opened to one branch of a committee, a public course, a policy, a member."""

    def __init__(self) -> None:
        self.committee = PartyOrganizationFactory(code="001")
        self.branch = PartyOrganizationFactory(code="001.001", parent=self.committee)
        self.other = PartyOrganizationFactory(code="002")
        self.member = MemberFactory(organization=self.committee)
        self.course = CourseFactory(disclosure=Disclosure.SUBTREE, opened_to=[self.branch])
        self.asset = PlayableAssetFactory()
        self.lesson = LessonFactory(parent=self.course, lecture=self.asset)
        self.text = LessonFactory(parent=self.course)
        self.public = CourseFactory(disclosure=Disclosure.PUBLIC)
        self.policy = PolicyFactory(disclosure=Disclosure.SUBTREE, opened_to=[self.branch, self.other])

    def page(self, which):
        """Afresh, as whoever comes next has it."""
        one = getattr(self, which)
        return type(one).objects.get(pk=one.pk)

    def organization(self, which):
        return PartyOrganization.objects.get(pk=getattr(self, which).pk)


@pytest.fixture
def school():
    """In the index, with nothing waiting: a row left over would hide what a later change does not tell."""
    made = School()
    api.rebuild()
    api.drain()
    assert not SearchOutbox.objects.exists()
    return made


def forget_versions(school):
    """As if its lessons had never been studied: only those may be deleted."""
    LessonVersion.objects.all().delete()


def edited_and_published(school):
    lesson = school.page("text")
    lesson.title, lesson.summary = "新标题", "新摘要"
    lesson.save_revision().publish()


def saved_by_a_script(school):
    course = school.page("course")
    course.intro = "脚本改的简介"
    course.save(update_fields=["intro"])


def opened_by_a_script(school):
    course = school.page("course")
    course.disclosure = Disclosure.PUBLIC
    course.save(update_fields=["disclosure"])


def opened_to_others(school):
    course = school.page("course")
    course.opened_to = [school.organization("other")]
    course.save_revision().publish()


def opened_to_nobody(school):
    policy = school.page("policy")
    policy.opened_to.clear()
    policy.save()


def withdrawn(school):
    school.page("course").unpublish()


def withdrawn_with_all_below(school):
    from wagtail.actions.unpublish_page import UnpublishPageAction

    action = UnpublishPageAction(school.page("course"), include_descendants=True, user=AdministratorFactory())
    action.execute()


def withdrawn_as_a_bare_page(school):
    Page.objects.get(pk=school.policy.pk).unpublish()


def saved_as_a_bare_page(school):
    page = Page.objects.get(pk=school.course.pk)
    page.title = "裸页改的标题"
    page.save()


def withdrawn_and_published_again(school):
    school.page("policy").unpublish()
    school.page("policy").save_revision().publish()


def lesson_moved_to_another_course(school):
    school.page("lesson").move(school.page("public"), pos="last-child")


def lessons_in_another_order(school):
    school.page("text").move(school.page("lesson"), pos="left")


def course_with_another_address(school):
    course = school.page("course")
    course.slug = "another-address"
    course.save_revision().publish()


def list_with_another_address(school):
    courses = CourseIndexPage.objects.get()
    courses.slug = "lectures"
    courses.save_revision().publish()


def list_with_another_address_as_a_bare_page(school):
    courses = Page.objects.get(pk=ensure_tree().policies.pk)
    courses.slug = "documents-of-policy"
    courses.save()


def lesson_deleted(school):
    forget_versions(school)
    school.page("text").delete()


def course_deleted_with_its_lessons(school):
    course = CourseFactory()
    LessonFactory(parent=course)
    api.drain()
    forget_versions(school)
    Page.objects.get(pk=course.pk).delete()


def deleted_as_a_queryset(school):
    Page.objects.filter(pk=school.policy.pk).delete()


def course_copied_with_its_lessons(school):
    course = school.page("course")
    course.copy(recursive=True, update_attrs={"title": "抄件", "slug": "copied"}, keep_live=True)
    assert Course.objects.get(slug="copied").opened_to.count() == 1


def course_copied_as_a_draft(school):
    school.page("course").copy(recursive=True, update_attrs={"slug": "draft"}, keep_live=False)


def alias_made_and_its_source_changed(school):
    alias = school.page("policy").create_alias(update_slug="mirror")
    assert alias.live
    api.drain()
    policy = school.page("policy")
    policy.title, policy.opened_to = "别名跟着改", [school.organization("other")]
    policy.save_revision().publish()
    assert Policy.objects.get(slug="mirror").title == "别名跟着改"


def alias_made_independent(school):
    from wagtail.actions.convert_alias import ConvertAliasPageAction

    alias = school.page("policy").create_alias(update_slug="mirror")
    ConvertAliasPageAction(alias).execute(skip_permission_checks=True)


def source_of_an_alias_withdrawn(school):
    school.page("policy").create_alias(update_slug="mirror")
    school.page("policy").unpublish()


def reverted_to_an_older_revision(school):
    policy = school.page("policy")
    first = policy.latest_revision
    policy.title = "第二稿"
    policy.save_revision().publish()
    api.drain()
    reverted = first.as_object()
    reverted.save_revision(previous_revision=first).publish(previous_revision=first)


def scheduled_to_go_live(school):
    policy = school.page("policy")
    policy.unpublish()
    policy = school.page("policy")
    policy.title, policy.go_live_at = "到时发布", timezone.now() + timedelta(hours=1)
    policy.save_revision().publish()
    api.drain()
    assert not drift()
    policy.revisions.update(approved_go_live_at=timezone.now() - timedelta(minutes=1))
    # The command publishes what the revision says, and that says when.
    for revision in policy.revisions.all():
        revision.content["go_live_at"] = None
        revision.save()
    call_command("publish_scheduled")
    assert school.page("policy").live


def expired(school):
    Policy.objects.filter(pk=school.policy.pk).update(expire_at=timezone.now() - timedelta(minutes=1))
    call_command("publish_scheduled")
    assert not school.page("policy").live


def draft_saved(school):
    lesson = school.page("text")
    lesson.title = "还没有发布"
    lesson.save_revision()


def locked(school):
    policy = school.page("policy")
    policy.locked = True
    policy.save(update_fields=["locked"])


def organization_renamed_and_moved(school):
    branch = school.organization("branch")
    branch.name = "改名支部"
    change_organization(branch, parent=school.organization("other"), fields={"name", "parent"}, actor=None)


def organization_dissolved(school):
    dissolve_organization(school.organization("other"), actor=None)
    assert school.page("policy").opened_to.count() == 1


def only_organization_dissolved(school):
    dissolve_organization(school.organization("branch"), actor=None)
    assert school.page("course").acl() == []


def organization_founded_between(school):
    founded = PartyOrganization(code="001.000", name="新设支部", type="BRANCH")
    found_organization(founded, parent=school.organization("committee"), actor=None)


def member_enrolled(school):
    enrol(Member(username="new", name="新党员", organization=school.organization("branch")), actor=None)


def member_moved(school):
    school.member.organization = school.organization("other")
    change_member(school.member, fields={"organization"}, actor=None)


def member_appointed(school):
    where, today = school.organization("committee"), timezone.localdate()
    appoint(school.member, organization=where, role="ORGANIZER", started_on=today, actor=None)


def lecture_made_anew_as_a_panorama(school):
    school.asset.contents = {**school.asset.contents, "projection": "EQUIRECT"}
    school.asset.save()
    asset_ready.send(sender=type(school.asset), asset=school.asset)


WAYS = [
    edited_and_published,
    saved_by_a_script,
    opened_by_a_script,
    opened_to_others,
    opened_to_nobody,
    withdrawn,
    withdrawn_with_all_below,
    withdrawn_as_a_bare_page,
    saved_as_a_bare_page,
    withdrawn_and_published_again,
    lesson_moved_to_another_course,
    lessons_in_another_order,
    course_with_another_address,
    list_with_another_address,
    list_with_another_address_as_a_bare_page,
    lesson_deleted,
    course_deleted_with_its_lessons,
    deleted_as_a_queryset,
    course_copied_with_its_lessons,
    course_copied_as_a_draft,
    alias_made_and_its_source_changed,
    alias_made_independent,
    source_of_an_alias_withdrawn,
    reverted_to_an_older_revision,
    scheduled_to_go_live,
    expired,
    draft_saved,
    locked,
    organization_renamed_and_moved,
    organization_dissolved,
    only_organization_dissolved,
    organization_founded_between,
    member_enrolled,
    member_moved,
    member_appointed,
    lecture_made_anew_as_a_panorama,
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_no_way_of_changing_things_goes_past_search(school, way):
    way(school)
    api.drain()
    assert not SearchOutbox.objects.exists()
    assert drift() == {}


def test_the_assertion_sees_what_goes_past_search(school):
    """The negative control: a change that tells nobody."""
    Page.objects.filter(pk=school.text.pk).update(title="悄悄改的")
    Page.objects.filter(pk=school.policy.pk).update(live=False)
    assert drift() == {
        "lesson stale": [str(school.text.pk)],
        "policy ghosts": [str(school.policy.pk)],
        "boxes stale": [id_of(school.text)],
    }


@pytest.fixture
def editor(client):
    editor = AdministratorFactory()
    client.force_login(editor)
    return client


def bulk(editor, action, pages, **more):
    address = reverse("wagtail_bulk_action", args=["wagtailcore", "page", action])
    chosen = "&".join(f"id={page.pk}" for page in pages)
    return editor.post(f"{address}?{chosen}&next=/admin/", more)


@pytest.mark.parametrize(
    ("action", "more"),
    [
        ("unpublish", {"include_descendants": "on"}),
        ("publish", {"include_descendants": "on"}),
        ("move", {}),
        ("delete", {}),
    ],
)
def test_the_explorers_bulk_actions_tell_search(school, editor, action, more):
    pages = [school.policy]
    if action == "publish":
        policy = school.page("policy")
        policy.title = "批量发布"
        policy.save_revision()
    if action == "unpublish":
        pages = [school.course, school.policy]
    if action == "move":
        pages, more = [school.lesson, school.text], {"chooser": school.public.pk}
    api.drain()
    before = SearchOutbox.objects.count()

    answer = bulk(editor, action, pages, **more)

    assert answer.status_code == 302, answer.content.decode()[:2000]
    assert SearchOutbox.objects.count() > before
    api.drain()
    assert drift() == {}


def test_the_editors_own_pages_tell_search(school, editor):
    answer = editor.post(
        reverse("wagtailadmin_pages:unpublish", args=[school.course.pk]), {"include_descendants": "on"}
    )
    assert answer.status_code == 302
    answer = editor.post(reverse("wagtailadmin_pages:move_confirm", args=[school.text.pk, school.public.pk]))
    assert answer.status_code == 302
    assert Lesson.objects.get(pk=school.text.pk).get_parent().pk == school.public.pk
    api.drain()
    assert drift() == {}


def test_a_move_that_fails_after_its_rows_leaves_neither(school, monkeypatch):
    """The rows are written inside the move's own transaction, not by the signal that comes after it."""

    def fail(*args):
        raise ZeroDivisionError

    monkeypatch.setattr(Page, "_update_descendant_url_paths", fail)
    with pytest.raises(ZeroDivisionError):
        school.page("lesson").move(school.page("public"), pos="last-child")
    assert not SearchOutbox.objects.exists()
    assert drift() == {}


def test_home_page_is_not_a_document(school):
    home = HomePage.objects.get()
    home.title = "首页"
    home.save_revision().publish()
    assert not SearchOutbox.objects.exclude(kind=BOXES).exists()
