"""«相关课程» under a lesson or a policy."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from django import template

from courses.catalogue.api import OutlineRow
from courses.catalogue.models import Lesson, Policy
from search import api
from search.documents import Document

register = template.Library()
log = logging.getLogger(__name__)


@register.simple_tag(takes_context=True)
def related_lessons(
    context: template.Context, page: Lesson | Policy, outline: Iterable[OutlineRow] = ()
) -> list[api.Hit]:
    """Lessons of other courses that speak of the same things and that the visitor may see; none when search cannot say.

    Not those of the lesson's own course, which stand beside it anyway. Finished ones too: who reads on wants what
    belongs to it, and what is still to be studied is said elsewhere.
    """
    request = context.get("request")
    if request is None or not page.pk:
        return []
    document = Document(id=str(page.pk), kind=page._meta.model_name, title=page.title, body=page.plain_text())
    try:
        return api.related(document, request.user, kind="lesson", without=[row.lesson.pk for row in outline])
    except api.SearchError as fault:
        log.info("No related lessons: %s", fault or type(fault).__name__)
        return []
