"""What is: banks of questions, papers that draw from them, and attempts at a paper."""

from __future__ import annotations

import uuid

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from courses.quizzes.drawing import Item, Plan, right_keys
from courses.quizzes.options import OptionsUnreadable, parse_options
from courses.quizzes.querysets import AttemptQuerySet, PaperQuerySet

__all__ = ["Admission", "Attempt", "Audience", "Paper", "Question", "QuestionBank", "QuestionKind"]


class QuestionBank(models.Model):
    """Questions on one subject, e.g. 党章知识题库. Papers draw from one bank."""

    title = models.CharField(_("title"), max_length=120)

    class Meta:
        verbose_name = _("question bank")
        verbose_name_plural = _("question banks")
        ordering = ["title", "pk"]

    def __str__(self) -> str:
        return self.title


class QuestionKind(models.TextChoices):
    SINGLE = "SINGLE", _("One right answer")
    MULTI = "MULTI", _("Several right answers")
    JUDGE = "JUDGE", _("Right or wrong")


class Question(models.Model):
    """One question of a bank. An attempt keeps its own copy, so editing here changes nothing that was asked."""

    bank = models.ForeignKey(
        QuestionBank, verbose_name=_("question bank"), on_delete=models.CASCADE, related_name="questions"
    )
    kind = models.CharField(
        pgettext_lazy("of a question", "kind"), max_length=8, choices=QuestionKind.choices
    )
    text = models.TextField(_("question"))
    options = models.TextField(
        _("answers"),
        blank=True,
        help_text=_("One a line; put * before each right one. Leave empty for «right or wrong»."),
    )
    is_true = models.BooleanField(_("the statement is right"), default=False)
    explanation = models.TextField(_("explanation"), blank=True)
    live = models.BooleanField(_("in use"), default=True)

    class Meta:
        verbose_name = _("question")
        verbose_name_plural = _("questions")
        ordering = ["bank", "kind", "pk"]

    def __str__(self) -> str:
        return self.text[:60]

    def clean(self) -> None:
        if self.kind == QuestionKind.JUDGE:
            if self.options.strip():
                raise ValidationError({"options": _("«Right or wrong» has no answers of its own.")})
            return
        try:
            options = parse_options(self.options)
        except OptionsUnreadable as bad:
            raise ValidationError({"options": bad.said}) from bad
        right = sum(option.right for option in options)
        if self.kind == QuestionKind.SINGLE and right != 1:
            raise ValidationError({"options": _("Put * before exactly one answer.")})
        if self.kind == QuestionKind.MULTI and right < 2:
            raise ValidationError({"options": _("Put * before at least two answers.")})

    def item(self) -> Item:
        """The question as the drawing takes it."""
        if self.kind == QuestionKind.JUDGE:
            answers = (("", self.is_true), ("", not self.is_true))
        else:
            answers = tuple((option.text, option.right) for option in parse_options(self.options))
        return Item(self.pk, self.kind, self.text, answers, self.explanation)


class Audience(models.TextChoices):
    MEMBERS = "MEMBERS", _("All members; with a lesson: those to whom it is open")
    ADMITTED = "ADMITTED", _("Only those whom a training class admits")


class Paper(models.Model):
    """One paper, e.g. 党章知识测验: 10 single, 5 multiple, 5 to judge out of a bank, 60 of 100 to pass, three attempts.

    The figures are defaults that no rule prescribes (domain.md §1.5). `revision` grows with each edit and is
    copied into attempts, which go on as they began.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    title = models.CharField(_("title"), max_length=120)
    intro = models.TextField(_("introduction"), blank=True)
    bank = models.ForeignKey(
        QuestionBank, verbose_name=_("question bank"), on_delete=models.PROTECT, related_name="papers"
    )
    lesson = models.ForeignKey(
        "courses.Lesson",
        verbose_name=_("test of the lesson"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="papers",
        help_text=_("Passing it and completing the lesson brings the study hours for a test."),
    )
    audience = models.CharField(
        _("open to"), max_length=10, choices=Audience.choices, default=Audience.MEMBERS
    )
    singles = models.PositiveSmallIntegerField(_("questions with one right answer"), default=10)
    single_points = models.PositiveSmallIntegerField(_("points each"), default=5)
    multis = models.PositiveSmallIntegerField(_("questions with several right answers"), default=5)
    multi_points = models.PositiveSmallIntegerField(_("points each"), default=6)
    judges = models.PositiveSmallIntegerField(_("questions to judge"), default=5)
    judge_points = models.PositiveSmallIntegerField(_("points each"), default=4)
    pass_mark = models.PositiveSmallIntegerField(_("points to pass"), default=60)
    attempts = models.PositiveSmallIntegerField(
        _("attempts"), default=3, validators=[MinValueValidator(1), MaxValueValidator(20)]
    )
    minutes = models.PositiveSmallIntegerField(
        _("minutes"), default=60, validators=[MinValueValidator(1), MaxValueValidator(600)]
    )
    live = models.BooleanField(_("in use"), default=False)
    revision = models.PositiveIntegerField(_("revision"), default=1, editable=False)

    objects = PaperQuerySet.as_manager()

    class Meta:
        verbose_name = _("exam paper")
        verbose_name_plural = _("exam papers")
        ordering = ["title", "pk"]

    def __str__(self) -> str:
        return self.title

    @property
    def plan(self) -> Plan:
        """How many of which kind, and what each is worth."""
        return {
            "SINGLE": (self.singles, self.single_points),
            "MULTI": (self.multis, self.multi_points),
            "JUDGE": (self.judges, self.judge_points),
        }

    @property
    def questions_asked(self) -> int:
        return self.singles + self.multis + self.judges

    @property
    def total_points(self) -> int:
        return sum(number * points for number, points in self.plan.values())

    def clean(self) -> None:
        if not self.questions_asked:
            raise ValidationError(_("A paper asks at least one question."))
        if not 0 < self.pass_mark <= self.total_points:
            raise ValidationError(
                {
                    "pass_mark": _("Between 1 and %(total)s, the points of all questions.")
                    % {"total": self.total_points}
                }
            )
        if not self.live or self.bank_id is None:
            return
        for kind, (wanted, _points) in self.plan.items():
            there = self.bank.questions.filter(live=True, kind=kind).count()
            if there < wanted:
                said = _("The bank holds %(there)s questions «%(kind)s», the paper asks %(wanted)s.")
                raise ValidationError(
                    said % {"there": there, "kind": QuestionKind(kind).label, "wanted": wanted}
                )


class Admission(models.Model):
    """One member may take one paper, whatever its audience: e.g. since she is in a training class."""

    paper = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="admissions")
    member = models.ForeignKey("people.Member", on_delete=models.CASCADE, related_name="+")

    class Meta:
        verbose_name = _("admission to an exam")
        verbose_name_plural = _("admissions to exams")
        constraints = [models.UniqueConstraint(fields=["member", "paper"], name="admitted_once")]

    def __str__(self) -> str:
        return f"{self.member_id} to {self.paper_id}"


class Attempt(models.Model):
    """One go at a paper, e.g. the second of three: its questions as they were drawn, the answers so far.

    Open until `submitted_at`; whatever was answered by `ends_at` counts, also when the browser was closed.
    Which answers were wrong is shown to the member alone.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    member = models.ForeignKey("people.Member", on_delete=models.PROTECT, related_name="+")
    paper = models.ForeignKey(Paper, on_delete=models.PROTECT, related_name="taken")
    number = models.PositiveSmallIntegerField()
    revision = models.PositiveIntegerField()
    """Revision of the paper when the attempt began; the next three are copied with it."""
    title = models.CharField(max_length=120)
    pass_mark = models.PositiveSmallIntegerField()
    total_points = models.PositiveSmallIntegerField()
    questions = models.JSONField()
    """[{"id", "kind", "text", "points", "options": [{"key", "text"}], "right": [key], "explanation"}, …]"""
    answers = models.JSONField(default=dict)
    """{"<id>": [key, …]}; what was not answered is not there."""
    started_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True, blank=True)
    score = models.PositiveSmallIntegerField(null=True, blank=True)
    passed = models.BooleanField(default=False)

    objects = AttemptQuerySet.as_manager()

    class Meta:
        verbose_name = _("attempt at an exam")
        verbose_name_plural = _("attempts at exams")
        ordering = ["paper", "number"]
        constraints = [
            models.UniqueConstraint(fields=["member", "paper", "number"], name="attempt_numbered_once"),
            models.UniqueConstraint(
                fields=["member", "paper"],
                condition=Q(submitted_at__isnull=True),
                name="attempt_open_once",
            ),
            models.CheckConstraint(
                condition=Q(submitted_at__isnull=True, score__isnull=True, passed=False)
                | Q(submitted_at__isnull=False, score__isnull=False),
                name="attempt_graded_when_submitted",
            ),
        ]
        indexes = [
            models.Index(fields=["ends_at"], condition=Q(submitted_at__isnull=True), name="attempt_overdue")
        ]

    def __str__(self) -> str:
        return f"{self.title} #{self.number}"

    def right_keys(self) -> dict[str, list[str]]:
        return right_keys(self.questions)
