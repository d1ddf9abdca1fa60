"""What is: a member's request to correct her archive, and the answer."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from courses.archive.models import _member
from people.encryption import EncryptedTextField

__all__ = ["Correction", "CorrectionKind", "CorrectionState"]


class CorrectionKind(models.TextChoices):
    WRONG = "WRONG", _("An entry is wrong")
    MISSING = "MISSING", _("Something is missing")


class CorrectionState(models.TextChoices):
    OPEN = "OPEN", _("Waiting for an answer")
    ACCEPTED = "ACCEPTED", pgettext_lazy("correction", "Corrected")
    DECLINED = "DECLINED", pgettext_lazy("correction", "Declined")
    WITHDRAWN = "WITHDRAWN", pgettext_lazy("correction", "Withdrawn")


class Correction(models.Model):
    """One request, e.g. «the class of 12 May is missing», and what an organiser answered, once and for all.

    The ledger is not here: an accepted request names the reversal and the entry that came of it. The texts
    may tell of health or family, so they are encrypted.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    member = _member(db_index=False)
    kind = models.CharField(max_length=12, choices=CorrectionKind.choices)
    entry = models.ForeignKey(
        "archive.StudyHourEntry",
        on_delete=models.PROTECT,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="+",
    )
    text = EncryptedTextField(_("what is wrong"))
    state = models.CharField(max_length=12, choices=CorrectionState.choices, default=CorrectionState.OPEN)
    opened_at = models.DateTimeField(_("opened at"))
    due_on = models.DateField(_("answer due"))
    answered_by = models.ForeignKey(
        "people.Member",
        verbose_name=_("answered by"),
        on_delete=models.PROTECT,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="+",
    )
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)
    answer = EncryptedTextField(_("answer"), blank=True, default="")
    reversal = models.ForeignKey(
        "archive.StudyHourEntry",
        on_delete=models.PROTECT,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="+",
    )
    new_entry = models.ForeignKey(
        "archive.StudyHourEntry",
        on_delete=models.PROTECT,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="+",
    )

    class Meta:
        verbose_name = _("request for correction")
        verbose_name_plural = _("requests for correction")
        ordering = ["-opened_at", "-pk"]
        indexes = [
            models.Index(fields=["member", "-opened_at"], name="correction_of_member"),
            models.Index(fields=["state", "opened_at"], name="correction_by_state"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["member", "entry"],
                condition=Q(state="OPEN", entry__isnull=False),
                name="correction_open_once_per_entry",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["OPEN", "WITHDRAWN"], answered_by__isnull=True)
                | Q(state__in=["ACCEPTED", "DECLINED"], answered_by__isnull=False, answered_at__isnull=False),
                name="correction_answered_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(reversal__isnull=True, new_entry__isnull=True) | Q(state="ACCEPTED"),
                name="correction_moves_hours_when_accepted",
            ),
        ]

    def __str__(self) -> str:
        return f"correction {self.uuid}"
