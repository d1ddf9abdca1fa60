"""Telling search what `Page.save` does not see: pages moved in the tree, pages deleted (also with a parent)."""

from django.db.models.signals import post_delete
from wagtail.signals import post_page_move

from courses.catalogue.attached import hanging
from courses.catalogue.models import Course, Lesson, Policy
from search import outbox

KINDS = {Course: "course", Lesson: "lesson", Policy: "policy"}


def page_moved(sender, instance, **kwargs) -> None:
    for page in instance.get_descendants(inclusive=True).specific():
        if type(page) in KINDS:
            outbox.changed(KINDS[type(page)], page.pk)
    hanging.pages_changed(instance.get_descendants(inclusive=True).values("pk"))


def page_deleted(sender, instance, **kwargs) -> None:
    outbox.removed(KINDS[sender], instance.pk)


def listen() -> None:
    """Called once by courses.apps."""
    post_page_move.connect(page_moved, dispatch_uid="catalogue_page_moved")
    for model in KINDS:
        post_delete.connect(page_deleted, sender=model, dispatch_uid=f"catalogue_{KINDS[model]}_deleted")
    hanging.listen()
