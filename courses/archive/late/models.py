"""What is: lines that are proposed for a closed year."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from courses.archive.keys import member_key
from people.models import Member
from people.querysets import Scope

__all__ = ["LateKind", "LateLine", "LateState"]


class LateKind(models.TextChoices):
    ENTER = "ENTER", _("Enter late")
    TAKE_BACK = "TAKE_BACK", _("Take back")


class LateState(models.TextChoices):
    WAITING = "WAITING", _("Waiting for approval")
    APPROVED = "APPROVED", pgettext_lazy("late line", "Approved")
    REFUSED = "REFUSED", pgettext_lazy("late line", "Refused")
    WITHDRAWN = "WITHDRAWN", pgettext_lazy("late line", "Withdrawn")


class LateQuerySet(models.QuerySet):
    def within(self, scope: Scope, *, but: Member) -> "LateQuerySet":
        """Lines for members inside `scope`, never for `but`: nobody decides about her own."""
        return self.filter(scope.condition("member__organization__path")).exclude(member=but)

    def waiting(self) -> "LateQuerySet":
        return self.filter(state=LateState.WAITING)


class LateLine(models.Model):
    """One proposal, e.g. 6 hours of 支部集体学习 for 李文 in 2025, or an entry of 2025 to take back.

    The hours are not here: an approved one is a line of the ledger (`made`). Not a claim, which the member
    files with proofs, nor a correction, which she asks for: an organiser found it herself.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    member = member_key(_("member"), db_index=False)
    year = models.PositiveSmallIntegerField(_("year"))
    kind = models.CharField(max_length=12, choices=LateKind.choices)
    entry = models.ForeignKey(
        "archive.StudyHourEntry",
        verbose_name=_("study hour entry"),
        on_delete=models.PROTECT,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="+",
    )
    """What is to be taken back."""
    mode = models.CharField(_("mode"), max_length=20, blank=True)
    title = models.CharField(_("studied"), max_length=200)
    provider = models.CharField(_("provider"), max_length=120, blank=True)
    started_on = models.DateField(_("from"))
    finished_on = models.DateField(_("until"))
    hours = models.DecimalField(_("study hours"), max_digits=5, decimal_places=2)
    """To add, or (TAKE_BACK) those of the entry."""
    reason = models.CharField(_("reason"), max_length=300)
    state = models.CharField(max_length=12, choices=LateState.choices, default=LateState.WAITING)
    proposed_by = member_key(_("proposed by"), db_index=False)
    proposed_at = models.DateTimeField(_("proposed at"))
    decided_by = member_key(_("decided by"), null=True, db_index=False)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    answer = models.CharField(_("answer"), max_length=300, blank=True)
    made = models.OneToOneField(
        "archive.StudyHourEntry",
        on_delete=models.PROTECT,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="late_line",
    )
    """The line of the ledger that came of it."""

    objects = LateQuerySet.as_manager()

    class Meta:
        verbose_name = _("late line")
        verbose_name_plural = _("late lines")
        ordering = ["-proposed_at", "-pk"]
        indexes = [
            models.Index(fields=["member", "year"], name="late_line_by_member"),
            models.Index(fields=["state", "proposed_at"], name="late_line_by_state"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["entry"],
                condition=Q(state="WAITING", entry__isnull=False),
                name="late_line_once_per_entry",
            ),
            models.CheckConstraint(
                condition=Q(kind="ENTER", entry__isnull=True) | Q(kind="TAKE_BACK", entry__isnull=False),
                name="late_line_takes_back_an_entry",
            ),
            models.CheckConstraint(
                condition=Q(state="APPROVED", made__isnull=False)
                | (~Q(state="APPROVED") & Q(made__isnull=True)),
                name="late_line_approved_is_in_the_ledger",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=models.F("proposed_by")),
                name="late_line_has_four_eyes",
            ),
            models.CheckConstraint(condition=Q(hours__gt=0), name="late_line_has_hours"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def mode_label(self) -> str:
        from courses.archive.models import StudyMode

        return str(StudyMode(self.mode).label)
