"""{% load exams %}{% lesson_exams page as papers %}: papers of a lesson that the visitor may take."""

from __future__ import annotations

from django import template

from courses.catalogue.models import Lesson
from courses.quizzes.api import PaperStanding, standings
from courses.quizzes.models import Paper
from people.models import Member

register = template.Library()


@register.simple_tag(takes_context=True)
def lesson_exams(context: template.Context, lesson: Lesson) -> list[PaperStanding]:
    """How the visitor is with each paper of `lesson`; nothing without a sign-in."""
    user = getattr(context.get("request"), "user", None)
    if not isinstance(user, Member):
        return []
    papers = list(Paper.objects.open_to(user).filter(lesson=lesson))
    return list(standings(papers, user).values()) if papers else []
