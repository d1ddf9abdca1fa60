"""What must be there before an editor can begin: the tree of pages, groups with their rights, the workflow.

Both functions run after every migrate and may be called again and again: they add what is missing and
leave alone what people changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from wagtail.coreutils import get_supported_content_language_variant
from wagtail.models import (
    Collection,
    GroupApprovalTask,
    GroupCollectionPermission,
    GroupPagePermission,
    Locale,
    Page,
    Site,
    Workflow,
    WorkflowPage,
    WorkflowTask,
)

from courses.catalogue.attached import hanging
from courses.catalogue.attached.models import AttachedFile
from courses.catalogue.models import CourseIndexPage, HomePage, Lesson, Policy, PolicyIndexPage

__all__ = ["EDITORS", "MODERATORS", "WORKFLOW", "Tree", "ensure_attached", "ensure_editors", "ensure_tree"]

EDITORS = "编辑"
MODERATORS = "审核"
WORKFLOW = "审核后发布"

EDITORS_MAY = (
    "wagtailadmin.access_admin",
    "media_pipeline.add_asset",
    "media_pipeline.change_asset",
    "media_pipeline.view_asset",
    *(
        f"courses.{may}_{thing}"
        for thing in ("questionbank", "question", "paper")
        for may in ("add", "change")
    ),
    "courses.delete_question",
    *(
        f"search.{may}_{thing}"
        for thing in ("lexiconword", "synonymgroup")
        for may in ("add", "change", "delete", "view")
    ),
    "search.view_searchlog",
)
EDITORS_MAY_WITH_FILES = (
    "wagtailimages.add_image",
    "wagtailimages.change_image",
    "wagtailimages.choose_image",
    "wagtaildocs.add_document",
    "wagtaildocs.change_document",
    "wagtaildocs.choose_document",
)
PAGE_RIGHTS = {
    EDITORS: ("add_page", "change_page"),
    MODERATORS: ("add_page", "change_page", "publish_page", "lock_page", "unlock_page"),
}


@dataclass(frozen=True)
class Tree:
    """The three pages under which everything hangs: /, /courses/, /policy/."""

    home: HomePage
    courses: CourseIndexPage
    policies: PolicyIndexPage


@transaction.atomic
def ensure_tree() -> Tree:
    """The site with home page, list of courses (/courses/) and list of policies (/policy/), all live."""
    locale, _ = Locale.objects.get_or_create(language_code=get_supported_content_language_variant("zh-hans"))
    root = Page.get_first_root_node() or Page.add_root(
        instance=Page(title="Root", slug="root", locale=locale, url_path="/")
    )
    home = HomePage.objects.first()
    if home is None:
        # Wagtail's migrations leave a page of welcome in the place of ours.
        welcome = Page.objects.filter(depth=2, slug="home", content_type__model="page").first()
        home = root.add_child(instance=HomePage(title="网上党校", slug="eschool", locale=locale))
        Site.objects.update_or_create(
            is_default_site=True, defaults={"root_page": home, "site_name": "网上党校"}
        )
        if welcome is not None:
            welcome.delete()
            home.refresh_from_db()
    courses = CourseIndexPage.objects.first()
    if courses is None:
        courses = home.add_child(instance=CourseIndexPage(title="课程", slug="courses", locale=locale))
    policies = PolicyIndexPage.objects.first()
    if policies is None:
        policies = home.add_child(instance=PolicyIndexPage(title="政策", slug="policy", locale=locale))
    return Tree(home=home, courses=courses, policies=policies)


@transaction.atomic
def ensure_editors() -> None:
    """Groups 编辑 and 审核 with their rights, and the workflow in which the second approves for the first.

    Rights are given when a group is made; what an administrator takes away later stays away. Wagtail's own
    two groups and its workflow of the same sense are renamed, not doubled.
    """
    home = ensure_tree().home
    rooms = ("media_pipeline", "courses", "search")
    for app in ("wagtailcore", "wagtailadmin", "wagtailimages", "wagtaildocs", *rooms):
        create_permissions(apps.get_app_config(app), verbosity=0)
    for name, wagtail_name in ((EDITORS, "Editors"), (MODERATORS, "Moderators")):
        if not Group.objects.filter(name=name).exists():
            _make_group(name, wagtail_name, home)
    if not Workflow.objects.filter(name=WORKFLOW).exists():
        _make_workflow(home)


@transaction.atomic
def ensure_attached() -> None:
    """Note the files of pages that were published before files could be searched (see attached/hanging.py)."""
    if AttachedFile.objects.exists():
        return
    for model in (Policy, Lesson):
        for page in model.objects.live().iterator(chunk_size=100):
            hanging.note(page)


def _make_group(name: str, wagtail_name: str, home: HomePage) -> None:
    group, _ = Group.objects.get_or_create(name=wagtail_name)
    group.name = name
    group.save()
    group.permissions.set([_permission(label) for label in EDITORS_MAY])
    GroupPagePermission.objects.filter(group=group).delete()
    for codename in PAGE_RIGHTS[name]:
        permission = _permission(f"wagtailcore.{codename}")
        GroupPagePermission.objects.create(group=group, page=home, permission=permission)
    collection = Collection.get_first_root_node() or Collection.add_root(name="Root")
    GroupCollectionPermission.objects.filter(group=group).delete()
    for label in EDITORS_MAY_WITH_FILES:
        GroupCollectionPermission.objects.create(
            group=group, collection=collection, permission=_permission(label)
        )


def _make_workflow(home: HomePage) -> None:
    workflow = Workflow.objects.filter(name="Moderators approval").first() or Workflow()
    workflow.name = WORKFLOW
    workflow.active = True
    workflow.save()
    task = GroupApprovalTask.objects.filter(name="Moderators approval").first() or GroupApprovalTask()
    task.name = "审核组审核"
    task.active = True
    task.save()
    task.groups.set([Group.objects.get(name=MODERATORS)])
    WorkflowTask.objects.get_or_create(workflow=workflow, task=task, defaults={"sort_order": 0})
    WorkflowPage.objects.filter(workflow=workflow).delete()
    WorkflowPage.objects.update_or_create(page=home, defaults={"workflow": workflow})


def _permission(label: str) -> Permission:
    app, codename = label.split(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)
