"""Papers and questions in the editor's admin."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel, FieldRowPanel, HelpPanel, MultiFieldPanel, PageChooserPanel
from wagtail.admin.ui.tables import BooleanColumn
from wagtail.snippets.views.snippets import CreateView, EditView, SnippetViewSet, SnippetViewSetGroup

from courses.quizzes.models import Paper, Question, QuestionBank
from people.api import record

TO_KNOW = _(
    "Attempts that have begun keep the questions and figures with which they began. Twenty questions, 60 of 100 "
    "points, three attempts and 60 minutes are a proposal; no rule prescribes them."
)

IN_USE = BooleanColumn("live", label=_("in use"), sort_key="live")
"""A tick or a cross with its word, where Django would write True."""


def _facts(paper: Paper) -> dict[str, Any]:
    return {
        "title": paper.title,
        "plan": {kind: list(figures) for kind, figures in paper.plan.items()},
        "pass_mark": paper.pass_mark,
        "attempts": paper.attempts,
        "minutes": paper.minutes,
        "live": paper.live,
        "revision": paper.revision,
    }


class PaperCreateView(CreateView):
    def save_instance(self) -> Paper:
        paper = super().save_instance()
        record(self.request.user, "exam.paper_added", paper, detail=_facts(paper), source="admin")
        return paper


class PaperEditView(EditView):
    def save_instance(self) -> Paper:
        before = Paper.objects.get(pk=self.object.pk)
        self.form.instance.revision = before.revision + 1
        paper = super().save_instance()
        detail = {"before": _facts(before), "after": _facts(paper)}
        record(self.request.user, "exam.paper_changed", paper, detail=detail, source="admin")
        return paper


class PaperViewSet(SnippetViewSet):
    model = Paper
    icon = "form"
    menu_label = _("Exam papers")
    list_display = ["title", "bank", "lesson", IN_USE]
    list_filter = ["live", "bank"]
    search_fields = ["title"]
    copy_view_enabled = False
    inspect_view_enabled = True
    add_view_class = PaperCreateView
    edit_view_class = PaperEditView
    panels = [
        FieldPanel("title"),
        FieldPanel("intro"),
        HelpPanel(TO_KNOW),
        FieldRowPanel([FieldPanel("bank"), FieldPanel("audience")]),
        PageChooserPanel("lesson", "courses.Lesson"),
        MultiFieldPanel(
            [
                FieldRowPanel([FieldPanel("singles"), FieldPanel("single_points")]),
                FieldRowPanel([FieldPanel("multis"), FieldPanel("multi_points")]),
                FieldRowPanel([FieldPanel("judges"), FieldPanel("judge_points")]),
            ],
            heading=_("What is asked"),
        ),
        FieldRowPanel([FieldPanel("pass_mark"), FieldPanel("attempts"), FieldPanel("minutes")]),
        FieldPanel("live"),
    ]


class QuestionViewSet(SnippetViewSet):
    model = Question
    icon = "help"
    menu_label = _("Questions")
    list_display = ["text", "kind", "bank", IN_USE]
    list_filter = ["bank", "kind", "live"]
    search_fields = ["text", "options"]
    list_per_page = 50
    copy_view_enabled = True
    panels = [
        FieldRowPanel([FieldPanel("bank"), FieldPanel("kind")]),
        FieldPanel("text"),
        FieldPanel("options"),
        FieldPanel("is_true"),
        FieldPanel("explanation"),
        FieldPanel("live"),
    ]


class BankViewSet(SnippetViewSet):
    model = QuestionBank
    icon = "folder-open-inverse"
    menu_label = _("Question banks")
    list_display = ["title"]
    panels = [FieldPanel("title")]


class ExamGroup(SnippetViewSetGroup):
    """Papers, questions and banks under one heading of the menu."""

    items = (PaperViewSet, QuestionViewSet, BankViewSet)
    menu_label = _("Exams")
    menu_icon = "form"
    menu_order = 250
    add_to_admin_menu = True
