"""The tree of pages, the groups and the workflow are there after migrate, once."""

import pytest
from django.contrib.auth.models import Group
from wagtail.models import GroupPagePermission, Page, Site, Workflow, WorkflowPage

from courses.catalogue.setup import EDITORS, MODERATORS, ensure_editors, ensure_tree

pytestmark = pytest.mark.django_db


def test_the_addresses_are_there_and_calling_again_makes_nothing_twice():
    tree = ensure_tree()
    ensure_editors()
    before = (Page.objects.count(), Group.objects.count(), Workflow.objects.count())

    ensure_editors()

    assert (tree.courses.url, tree.policies.url) == ("/courses/", "/policy/")
    assert Site.objects.get().root_page_id == tree.home.pk
    assert not Page.objects.filter(title__startswith="Welcome").exists()
    assert (Page.objects.count(), Group.objects.count(), Workflow.objects.count()) == before


def test_only_moderators_may_publish():
    def may(name):
        rights = GroupPagePermission.objects.filter(group__name=name)
        return set(rights.values_list("permission__codename", flat=True))

    assert may(EDITORS) == {"add_page", "change_page"}
    assert may(MODERATORS) == {"add_page", "change_page", "publish_page", "lock_page", "unlock_page"}
    assert not Group.objects.filter(name__in=["Editors", "Moderators"]).exists()


def test_a_right_taken_away_stays_away():
    group = Group.objects.get(name=EDITORS)
    group.permissions.clear()

    ensure_editors()

    assert not group.permissions.exists()


def test_everything_below_home_goes_through_the_workflow():
    assert WorkflowPage.objects.get().page_id == ensure_tree().home.pk
    assert ensure_tree().policies.get_workflow().name == "审核后发布"
