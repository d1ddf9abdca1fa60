"""What an editor is told of a file that cannot be searched."""

from __future__ import annotations

from django.utils.translation import gettext as _
from wagtail.documents.models import Document

from courses.catalogue.attached.models import FileText, Unread
from courses.catalogue.attached.reading import READER

__all__ = ["sentence"]


def sentence(document: Document, text: FileText | None) -> str:
    """Why, or how far, the text of `document` cannot be searched; "" when all of it can."""
    mine = (document.file.name, document.file_hash, READER)
    if text is None or (text.file_name, text.file_hash, text.reader) != mine:
        return _("Its text is being read; it can be searched in a minute or two.")
    if text.unread:
        why = str(Unread(text.unread).label)
        return _("Its text cannot be searched, only its title. %(why)s") % {"why": why}
    if text.is_cut:
        return _("It is long: only the first %(n)s characters can be searched.") % {
            "n": f"{len(text.text):,}"
        }
    return ""
