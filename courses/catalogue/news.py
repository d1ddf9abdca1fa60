"""Telling search what the pages' own `save` does not see: moves, other addresses above, deletions, organisations, lectures."""

from django.db.models.signals import post_delete, post_save, pre_delete
from wagtail.models import Page

from courses.catalogue.attached import hanging
from courses.catalogue.models import Course, Disclosure, Lesson, Policy, tell_search_below, writes_content
from media_pipeline.signals import asset_ready
from people.models import PartyOrganization
from search import outbox

KINDS = {Course: "course", Lesson: "lesson", Policy: "policy"}


def plain_page_saved(sender, instance, update_fields=None, **kwargs) -> None:
    """A page was saved as a bare `Page`, past the `save` of its own class.

    So does Wagtail when it moves one (within the transaction of the move; its signal comes only after that),
    and whoever has `page.unpublish()` or `page.save()` without `.specific`.
    """
    if writes_content(update_fields):
        tell_search_below(instance)


def page_deleted(sender, instance, **kwargs) -> None:
    outbox.removed(KINDS[sender], instance.pk)


def organization_goes(sender, instance, **kwargs) -> None:
    """Pages that were open to it are open to fewer: those are looked up while the rows that say so are there."""
    for model in (Course, Policy):
        for page in model.objects.filter(disclosure=Disclosure.SUBTREE, opened_to=instance):
            page.tell_search()


def lecture_is_ready(sender, asset, **kwargs) -> None:
    """Made anew, a lecture may be of another kind: with a picture, a panorama."""
    outbox.changed("lesson", *asset.lessons.values_list("pk", flat=True))


def listen() -> None:
    """Called once by courses.apps."""
    post_save.connect(plain_page_saved, sender=Page, dispatch_uid="catalogue_plain_page_saved")
    pre_delete.connect(
        organization_goes, sender=PartyOrganization, dispatch_uid="catalogue_organization_goes"
    )
    asset_ready.connect(lecture_is_ready, dispatch_uid="catalogue_lecture_is_ready")
    for model in KINDS:
        post_delete.connect(page_deleted, sender=model, dispatch_uid=f"catalogue_{KINDS[model]}_deleted")
    hanging.listen()
