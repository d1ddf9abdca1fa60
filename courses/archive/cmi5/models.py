"""Rows of the cmi5 room: courses from packages, registrations, what is known of each AU, sessions."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from courses.archive.cmi5.querysets import Cmi5CourseQuerySet
from courses.archive.cmi5.structure import CourseTree

__all__ = ["Cmi5Au", "Cmi5Course", "Cmi5Registration", "Cmi5Session"]


class Cmi5Course(models.Model):
    """One imported package, e.g. 《网络安全》 with 12 units from a publisher. Its structure never changes.

    A corrected package is another row that `replaces` it: what members studied refers to the old one. Its files, where the
    package brought any, lie in `STUDY["CMI5_DIR"]/<uuid>`. Not a catalogue course: a lesson links to it.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    title = models.CharField(_("title"), max_length=255)
    publisher_id = models.TextField(_("publisher's id"), editable=False)
    base_iri = models.CharField(max_length=200, editable=False)
    """Ids of activities begin with it, e.g. https://school.example/cmi5/activities/<uuid>."""
    structure = models.JSONField(editable=False)
    au_count = models.PositiveIntegerField(_("units"), editable=False)
    has_files = models.BooleanField(default=False, editable=False)
    size_bytes = models.PositiveBigIntegerField(_("size"), editable=False)
    sha256 = models.CharField(max_length=64, editable=False)
    published_duration_s = models.PositiveIntegerField(
        _("published length in seconds"),
        null=True,
        blank=True,
        help_text=_(
            "Study hours are reckoned from it when the whole course is completed. Empty: the course brings no hours."
        ),
    )
    lesson = models.ForeignKey(
        "courses.Lesson",
        verbose_name=_("lesson"),
        on_delete=models.PROTECT,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("The lesson on whose page members begin it. Who may open the lesson may open it."),
    )
    imported_by = models.ForeignKey(
        "people.Member",
        verbose_name=_("imported by"),
        on_delete=models.PROTECT,
        db_constraint=False,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    imported_client = models.CharField(_("imported by client"), max_length=64, blank=True, editable=False)
    imported_at = models.DateTimeField(_("imported at"), default=timezone.now, editable=False)
    replaces = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="replaced_by"
    )
    """The version before, where somebody had begun that one."""
    retired_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True, editable=False)
    """Since then it is launched no more; sessions that are open go on."""

    objects = Cmi5CourseQuerySet.as_manager()

    class Meta:
        verbose_name = _("interactive course")
        verbose_name_plural = _("interactive courses")
        ordering = ["-imported_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["lesson"],
                condition=Q(lesson__isnull=False, retired_at__isnull=True),
                name="cmi5_course_one_per_lesson",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def tree(self) -> CourseTree:
        return CourseTree.from_json(self.structure)

    def activity_id(self, kind: str, index: int | None = None) -> str:
        """The id that stands for the course or a part of it in statements; never the publisher's (cmi5 §8.1)."""
        return f"{self.base_iri}/{kind}" if index is None else f"{self.base_iri}/{kind}/{index}"


class Cmi5Registration(models.Model):
    """One learner in one course, e.g. 李想 in 《网络安全》. What counts over all sessions hangs on it.

    `member` is set only where the member began it signed in on our pages; then completing it may bring hours.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    course = models.ForeignKey(Cmi5Course, on_delete=models.PROTECT, related_name="registrations")
    member = models.ForeignKey(
        "people.Member",
        on_delete=models.CASCADE,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="+",
    )
    client = models.CharField(max_length=64, blank=True)
    """Key of the program (xapi.LrsClient) that began it, "" for our own pages. Only that program goes on in it."""
    actor = models.JSONField()
    """The xAPI agent, with an account and without personal data."""
    satisfied = models.JSONField(default=list)
    """Keys of blocks and of the course that were stated as satisfied (move_on.py); each once."""
    satisfied_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("registration for an interactive course")
        verbose_name_plural = _("registrations for interactive courses")
        constraints = [
            models.UniqueConstraint(
                fields=["member", "course"],
                condition=Q(member__isnull=False),
                name="cmi5_registration_once_per_member",
            ),
        ]

    def __str__(self) -> str:
        return f"registration {self.uuid}"


class Cmi5Au(models.Model):
    """What is known of one AU in one registration, e.g. unit 3: completed at 10:02, not passed yet."""

    registration = models.ForeignKey(Cmi5Registration, on_delete=models.CASCADE, related_name="aus")
    index = models.PositiveIntegerField()
    completed_at = models.DateTimeField(null=True, blank=True)
    passed_at = models.DateTimeField(null=True, blank=True)
    waived_at = models.DateTimeField(null=True, blank=True)
    waive_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = _("unit of a registration")
        verbose_name_plural = _("units of registrations")
        constraints = [
            models.UniqueConstraint(fields=["registration", "index"], name="cmi5_au_once_per_registration"),
        ]

    def __str__(self) -> str:
        return f"AU {self.index} of registration {self.registration_id}"


class LaunchMode(models.TextChoices):
    NORMAL = "Normal", _("Normal")
    BROWSE = "Browse", pgettext_lazy("launch mode", "Browse")
    REVIEW = "Review", pgettext_lazy("launch mode", "Review")


class Cmi5Session(models.Model):
    """One launch of one AU, from the launch to terminated or abandoned. Secrets are kept as digests only."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    registration = models.ForeignKey(Cmi5Registration, on_delete=models.CASCADE, related_name="sessions")
    au_index = models.PositiveIntegerField()
    launch_mode = models.CharField(max_length=8, choices=LaunchMode.choices)
    activity_id = models.CharField(max_length=255)
    publisher_id = models.TextField()
    mastery_score = models.DecimalField(max_digits=5, decimal_places=4, null=True, blank=True)
    fetch_digest = models.CharField(max_length=64)
    token_digest = models.CharField(max_length=64, blank=True)
    launched_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    fetched_at = models.DateTimeField(null=True, blank=True)
    launch_data_read_at = models.DateTimeField(null=True, blank=True)
    preferences_read_at = models.DateTimeField(null=True, blank=True)
    last_statement_at = models.DateTimeField(null=True, blank=True)
    initialized_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    passed_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    terminated_at = models.DateTimeField(null=True, blank=True)
    abandoned_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("session of an interactive course")
        verbose_name_plural = _("sessions of interactive courses")
        constraints = [
            models.CheckConstraint(
                condition=Q(terminated_at__isnull=True) | Q(abandoned_at__isnull=True),
                name="cmi5_session_ends_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=Q(terminated_at__isnull=True, abandoned_at__isnull=True),
                name="cmi5_session_open",
            ),
        ]

    def __str__(self) -> str:
        return f"session {self.uuid}"

    @property
    def is_open(self) -> bool:
        return self.terminated_at is None and self.abandoned_at is None

    def note(self, event: str, at: Any) -> None:
        """Set the moment of an event of session_rules; not saved."""
        setattr(self, f"{event}_at", at)
