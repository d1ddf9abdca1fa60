"""Who may fetch an attached file: whoever may see a live page that refers to it.

Wagtail serves documents to everybody who knows the address; ours follow the pages that they hang on.
"""

from typing import Any

from django.contrib.contenttypes.models import ContentType
from wagtail.models import Page, ReferenceIndex

from courses.catalogue.models import Lesson, Policy

__all__ = ["may_read"]


def may_read(document: Any, reader: Any) -> bool:
    """Whether `reader` (people.Member or AnonymousUser) may fetch `document` (wagtaildocs.Document).

    Editors may fetch everything; others what a live lesson or policy open to them refers to, be it as an
    attachment or as a link in the text. A file that no such page refers to is open to nobody else.
    """
    if reader.is_authenticated and reader.has_perm("wagtailadmin.access_admin"):
        return True
    references = ReferenceIndex.get_references_to(document)
    on_pages = references.filter(base_content_type=ContentType.objects.get_for_model(Page))
    pages = [int(pk) for pk in set(on_pages.values_list("object_id", flat=True))]
    return any(model.objects.open_to(reader).filter(pk__in=pages).exists() for model in (Policy, Lesson))
