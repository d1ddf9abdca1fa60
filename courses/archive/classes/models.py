"""What is: training classes, who is in them, their sessions, who was there."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from courses.archive.keys import member_key, organization_key
from people.models import Member
from people.querysets import Scope

__all__ = ["Attendance", "AttendanceStatus", "ClassMember", "ClassMode", "ClassSession", "TrainingClass"]


class ClassMode(models.TextChoices):
    """The two of StudyMode that a class may have, by the same names."""

    CENTRAL_OFFLINE = "CENTRAL_OFFLINE", _("Central training")
    CENTRAL_ONLINE = "CENTRAL_ONLINE", _("Online training class")


class ClassQuerySet(models.QuerySet):
    def within(self, scope: Scope) -> "ClassQuerySet":
        """Classes of organisations inside `scope`."""
        return self.filter(scope.condition("organization__path"))


class TrainingClass(models.Model):
    """One class, e.g. 2026年党支部书记轮训班, 9 to 11 June, at the place or online.

    At the place: sessions with their hours, attendance at each, at most 1/7 missed (LEAVE_1_7). Online:
    required lessons and, if there is one, an exam, by the last day; `hours` is what it is worth.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organization = organization_key(_("organised by"))
    organization_code = models.CharField(max_length=64)
    organization_name = models.CharField(_("organised by"), max_length=120)
    title = models.CharField(_("title"), max_length=160)
    mode = models.CharField(_("mode"), max_length=20, choices=ClassMode.choices)
    starts_on = models.DateField(_("First day"))
    ends_on = models.DateField(_("Last day"))
    hours = models.DecimalField(_("study hours"), max_digits=5, decimal_places=2, null=True, blank=True)
    """Of an online class; of one at the place the sum of its sessions."""
    lessons = models.ManyToManyField(
        "courses.Lesson", verbose_name=_("required lessons"), blank=True, related_name="+"
    )
    paper = models.ForeignKey(
        "courses.Paper",
        verbose_name=_("exam"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    gives_certificate = models.BooleanField(_("gives a certificate"), default=True)
    created_by = member_key(_("opened by"), db_index=False)
    created_at = models.DateTimeField()
    concluded_by = member_key(_("concluded by"), null=True, db_index=False)
    concluded_at = models.DateTimeField(_("concluded at"), null=True, blank=True)

    objects = ClassQuerySet.as_manager()

    class Meta:
        verbose_name = _("training class")
        verbose_name_plural = _("training classes")
        ordering = ["-starts_on", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="class_ends_after_start"),
            models.CheckConstraint(
                condition=Q(mode="CENTRAL_ONLINE", hours__gt=0)
                | Q(mode="CENTRAL_OFFLINE", hours__isnull=True),
                name="class_online_says_its_hours",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def online(self) -> bool:
        return self.mode == ClassMode.CENTRAL_ONLINE


class ClassSession(models.Model):
    """One part of a class at the place, e.g. 9 June, morning: 4 hours."""

    training_class = models.ForeignKey(TrainingClass, on_delete=models.CASCADE, related_name="sessions")
    title = models.CharField(_("title"), max_length=120)
    held_on = models.DateField(_("Day"))
    hours = models.DecimalField(_("study hours"), max_digits=4, decimal_places=2)

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        ordering = ["held_on", "pk"]
        constraints = [models.CheckConstraint(condition=Q(hours__gt=0), name="class_session_has_hours")]

    def __str__(self) -> str:
        return self.title


class ClassMemberQuerySet(models.QuerySet):
    def of(self, member: Member) -> "ClassMemberQuerySet":
        """The places of one member in classes."""
        return self.filter(member=member)


class ClassMember(models.Model):
    """One member in one class. Leaving it is a decision of people, with a reason; the row stays."""

    training_class = models.ForeignKey(TrainingClass, on_delete=models.CASCADE, related_name="roster")
    member = member_key(_("member"))
    joined_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True, blank=True)
    left_reason = models.CharField(_("reason"), max_length=300, blank=True)
    completed_at = models.DateTimeField(_("completed at"), null=True, blank=True)
    completions = models.PositiveSmallIntegerField(default=0)
    """How often hours were credited: again only after they were taken back."""
    entry = models.OneToOneField(
        "archive.StudyHourEntry", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    replaced = models.JSONField(default=list)
    """Uuids of the entries of single lessons that were reversed since the class counts them."""

    objects = ClassMemberQuerySet.as_manager()

    class Meta:
        verbose_name = _("place in a class")
        verbose_name_plural = _("places in classes")
        constraints = [
            models.UniqueConstraint(fields=["training_class", "member"], name="class_entered_once"),
            models.CheckConstraint(
                condition=Q(completed_at__isnull=True, entry__isnull=True)
                | Q(completed_at__isnull=False, entry__isnull=False),
                name="class_completed_is_in_the_ledger",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member_id} in {self.training_class_id}"


class AttendanceStatus(models.TextChoices):
    PRESENT = "PRESENT", pgettext_lazy("attendance", "Present")
    LEAVE = "LEAVE", pgettext_lazy("attendance", "On leave")
    ABSENT = "ABSENT", pgettext_lazy("attendance", "Absent")


class Attendance(models.Model):
    """Whether one member of a class was at one session. No row: not recorded yet."""

    session = models.ForeignKey(ClassSession, on_delete=models.CASCADE, related_name="attendance")
    place = models.ForeignKey(ClassMember, on_delete=models.CASCADE, related_name="attendance")
    status = models.CharField(max_length=8, choices=AttendanceStatus.choices)

    class Meta:
        verbose_name = _("attendance")
        verbose_name_plural = _("attendance")
        constraints = [models.UniqueConstraint(fields=["session", "place"], name="attendance_said_once")]

    def __str__(self) -> str:
        return f"{self.place_id} at {self.session_id}: {self.status}"
