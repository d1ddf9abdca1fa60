"""Which files a page shows, and keeping `AttachedFile` and search in step with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, post_save
from wagtail.documents.models import Document
from wagtail.models import Page

from courses.catalogue.attached.models import AttachedFile, FileText
from courses.catalogue.attached.wording import sentence
from courses.catalogue.tasks import ring_for_reading
from search import outbox

__all__ = ["note", "pages_changed", "shown_files", "state_of"]


def shown_files(page: Page) -> dict[int, str]:
    """Document id → what `page` calls it ("" for the document's own title), in the order of the page.

    A policy's list of attachments, attachments in the text, links to files in the text; each file once.
    """
    found: dict[int, str] = {}
    listed = getattr(page, "attachments", None)
    if listed is not None:
        for one in listed.all():
            found.setdefault(one.document_id, one.title)
    for block in page.body:
        if block.block_type == "attachment" and block.value.get("document"):
            found.setdefault(block.value["document"].pk, block.value.get("title") or "")
    for model, pk, _path, _content_path in page.body.stream_block.extract_references(page.body):
        if model is Document:
            found.setdefault(int(pk), "")
    return found


def note(page: Page) -> None:
    """Let the files of `page` be those that it shows now, and tell search of all of them.

    Called in the transaction that writes the page; again, it changes nothing.
    """
    shown = shown_files(page)
    there = set(Document.objects.filter(pk__in=shown).values_list("pk", flat=True))
    before = {row.document_id: row for row in AttachedFile.objects.filter(page_id=page.pk)}
    for document_id, row in before.items():
        if document_id not in shown:
            row.delete()
    kept = []
    for document_id, title in shown.items():
        row = before.get(document_id) or AttachedFile(page_id=page.pk, document_id=document_id)
        if document_id in there:
            row.title = title[:255]
            row.save()
            kept.append(row.pk)
    outbox.changed("attachment", *kept)


def pages_changed(pages: Iterable[Any]) -> None:
    """Tell search of the files of `pages` (ids or a queryset of them): their address or their readers changed."""
    hanging = AttachedFile.objects.filter(page_id__in=pages)
    outbox.changed("attachment", *hanging.values_list("pk", flat=True))


def state_of(page: Page) -> list[tuple[str, str]]:
    """What an editor should know of the files that `page` shows: (name, sentence), nothing for a file well read.

    Of the page as it is given, so also of a draft.
    """
    titles = shown_files(page)
    texts = {row.document_id: row for row in FileText.objects.filter(document__in=titles).defer("text")}
    found = []
    for document in Document.objects.filter(pk__in=titles):
        said = sentence(document, texts.get(document.pk))
        if said:
            found.append((titles[document.pk] or document.title, said))
    return found


def _document_saved(sender: Any, instance: Document, **kwargs: Any) -> None:
    hanging = AttachedFile.objects.filter(document=instance)
    outbox.changed("attachment", *hanging.values_list("pk", flat=True))
    transaction.on_commit(ring_for_reading, robust=True)


def _row_deleted(sender: Any, instance: AttachedFile, **kwargs: Any) -> None:
    # Also with its page or its document.
    outbox.removed("attachment", instance.pk)


def listen() -> None:
    """Called once by courses.apps. Documents are Wagtail's, so their being saved is heard from Django."""
    post_save.connect(_document_saved, sender=Document, dispatch_uid="attached_document_saved")
    post_delete.connect(_row_deleted, sender=AttachedFile, dispatch_uid="attached_file_deleted")
