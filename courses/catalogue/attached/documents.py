"""Attached files as documents of search: found by their text and title, open to whom their page is open.

A kind of its own and not a part of the page's text: a hit says in which file it stands («附件1：申请表»), many
pages of annexes do not drown the page's own words, and the excerpt comes from the file.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Q
from wagtail.models import Page

from courses.catalogue.attached.models import AttachedFile, FileText
from courses.catalogue.models import Course, Lesson, Policy
from search.documents import Document
from search.entries import BODY_LIMIT

__all__ = ["by_title", "ids", "load_attachments", "names_of"]

BY_TITLE = 20


def load_attachments(ids: list[str] | None) -> Iterable[Document]:
    """Files of live pages, those of ids that are rows of AttachedFile (or all)."""
    rows = AttachedFile.objects.select_related("document").order_by("pk")
    if ids is not None:
        rows = rows.filter(pk__in=ids)
    return _documents(list(rows))


def ids() -> Iterable[int]:
    return AttachedFile.objects.order_by("pk").values_list("pk", flat=True)


def names_of(ids: list[str]) -> dict[str, str]:
    return {
        str(row.pk): str(row) for row in AttachedFile.objects.filter(pk__in=ids).select_related("document")
    }


def by_title(words: list[str], viewer: Any) -> Iterable[Document]:
    """Files whose name has each of `words`, of pages open to `viewer`; no more than name and address."""
    named = Q()
    for word in words:
        named &= Q(title__icontains=word) | Q(title="", document__title__icontains=word)
    rows = AttachedFile.objects.filter(named).select_related("document").order_by("pk")
    open_pages = [model.objects.open_to(viewer).values("pk") for model in (Policy, Lesson)]
    rows = rows.filter(Q(page__in=open_pages[0]) | Q(page__in=open_pages[1]))[:BY_TITLE]
    pages = Page.objects.in_bulk([row.page_id for row in rows])
    for row in rows:
        url = pages[row.page_id].url
        yield Document(
            id=str(row.pk),
            kind="attachment",
            title=str(row),
            url=f"{url}#file-{row.document_id}" if url else "",
        )


def _pages(ids: set[int]) -> dict[int, tuple[Any, Any]]:
    """Live pages among `ids`, each with the page that says who may see it."""
    policies = Policy.objects.live().filter(pk__in=ids).prefetch_related("opened_to")
    found: dict[int, tuple[Any, Any]] = {policy.pk: (policy, policy) for policy in policies}
    lessons = list(Lesson.objects.live().filter(pk__in=ids))
    above = {lesson.path[: -lesson.steplen] for lesson in lessons}
    courses = {
        one.path: one for one in Course.objects.live().filter(path__in=above).prefetch_related("opened_to")
    }
    for lesson in lessons:
        if (course := courses.get(lesson.path[: -lesson.steplen])) is not None:
            found[lesson.pk] = (lesson, course)
    return found


def _documents(rows: list[AttachedFile]) -> Iterator[Document]:
    pages = _pages({row.page_id for row in rows})
    texts = dict(
        FileText.objects.filter(document__in=[row.document_id for row in rows]).values_list(
            "document_id", "text"
        )
    )
    for row in rows:
        if row.page_id not in pages:
            continue
        page, discloser = pages[row.page_id]
        file = row.document
        published = page.last_published_at.date() if page.last_published_at else None
        yield Document(
            id=str(row.pk),
            kind="attachment",
            title=str(row),
            # With the page's title behind it, so that «实施办法 申请表» finds the form under it.
            body=f"{texts.get(row.document_id, '')[: BODY_LIMIT - 500]}\n{page.title}",
            url=f"{page.url}#file-{row.document_id}" if page.url else "",
            acl=discloser.acl(),
            category=str(page.get_category_display()) if isinstance(page, Policy) else "",
            published_on=page.issued_on if isinstance(page, Policy) else published,
            issuing_body=page.issuing_body if isinstance(page, Policy) else "",
            extra={
                "page": page.title,
                "file_type": file.file_extension.upper(),
                "size_bytes": file.file_size,
                "file_url": file.url,
            },
        )
