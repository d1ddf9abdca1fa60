"""What is: claims of study elsewhere, and the proofs that go with them."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from courses.archive.keys import member_key
from people.models import Member
from people.querysets import Scope

__all__ = ["CLAIMED_MODES", "ClaimProof", "ClaimState", "OfflineClaim"]

CLAIMED_MODES = ("CENTRAL_OFFLINE", "COLLECTIVE")
"""What may be claimed: study that no machine of ours saw. (Names of StudyMode, one room up.)"""


class ClaimState(models.TextChoices):
    WAITING = "WAITING", _("Waiting for the branch")
    RETURNED = "RETURNED", _("Returned")
    APPROVED = "APPROVED", _("Approved")
    WITHDRAWN = "WITHDRAWN", _("Withdrawn")


class ClaimQuerySet(models.QuerySet):
    def of(self, member: Member) -> "ClaimQuerySet":
        """The claims of `member`, the latest first."""
        return self.filter(member=member).select_related("entry__reversal").order_by("-filed_at", "-pk")

    def within(self, scope: Scope, *, but: Member) -> "ClaimQuerySet":
        """Claims of members inside `scope`, never those of `but`: nobody decides about her own."""
        return self.filter(scope.condition("member__organization__path")).exclude(member=but)

    def waiting(self) -> "ClaimQuerySet":
        return self.filter(state=ClaimState.WAITING)


class OfflineClaim(models.Model):
    """One claim, e.g. 县委党校轮训班, 3 to 5 March 2026, 12 hours, with a photograph of the certificate.

    The hours are not here: an approved claim is a line of the ledger (`entry`). A claim that waits is not
    changed; one that was returned is changed and filed again, and `filing` counts how often.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    member = member_key(_("member"), db_index=False)
    mode = models.CharField(_("mode"), max_length=20)
    title = models.CharField(_("studied"), max_length=200)
    provider = models.CharField(_("provider"), max_length=120, blank=True)
    started_on = models.DateField(_("from"))
    finished_on = models.DateField(_("until"))
    hours = models.DecimalField(_("study hours"), max_digits=5, decimal_places=2)
    note = models.CharField(_("note"), max_length=500, blank=True)
    state = models.CharField(
        pgettext_lazy("of a claim", "State"),
        max_length=12,
        choices=ClaimState.choices,
        default=ClaimState.WAITING,
    )
    filing = models.PositiveSmallIntegerField(default=1, editable=False)
    filed_at = models.DateTimeField(_("filed at"))
    decided_by = member_key(_("decided by"), null=True, db_index=False)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    entry = models.OneToOneField(
        "archive.StudyHourEntry",
        verbose_name=_("study hour entry"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="claim",
    )

    objects = ClaimQuerySet.as_manager()

    class Meta:
        verbose_name = _("claim of study elsewhere")
        verbose_name_plural = _("claims of study elsewhere")
        indexes = [
            models.Index(fields=["member", "-filed_at"], name="claim_by_member"),
            models.Index(fields=["state", "filed_at"], name="claim_by_state"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(hours__gt=0), name="claim_has_hours"),
            models.CheckConstraint(
                condition=Q(finished_on__gte=F("started_on")), name="claim_ends_after_start"
            ),
            models.CheckConstraint(
                condition=Q(state="APPROVED", entry__isnull=False)
                | (~Q(state="APPROVED") & Q(entry__isnull=True)),
                name="claim_approved_is_in_the_ledger",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def taken_back(self) -> "models.Model | None":
        """The entry that took the approved hours back (after a request for correction), or None."""
        return getattr(self.entry, "reversal", None)

    @property
    def mode_label(self) -> str:
        from courses.archive.models import StudyMode

        return str(StudyMode(self.mode).label)


class ClaimProof(models.Model):
    """One file that shows what a claim says, e.g. 结业证书.jpg. The bytes lie in a private folder (proofs.py)."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    claim = models.ForeignKey(OfflineClaim, on_delete=models.CASCADE, related_name="proofs")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=8)
    """PDF, JPEG or PNG: what the bytes are, not what the name says."""
    size_bytes = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    """Of the bytes as they are kept."""

    class Meta:
        verbose_name = _("proof")
        verbose_name_plural = _("proofs")
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name
