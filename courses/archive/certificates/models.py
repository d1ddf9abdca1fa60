"""What is: certificates."""

import secrets
import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from courses.archive.keys import member_key
from people.models import Member
from people.querysets import Scope

__all__ = ["Certificate", "new_token"]


def new_token() -> str:
    """128 random bits: nobody finds a certificate by trying."""
    return secrets.token_urlsafe(16)


class CertificateQuerySet(models.QuerySet):
    def of(self, member: Member) -> "CertificateQuerySet":
        """The certificates of one member."""
        return self.filter(member=member)

    def within(self, scope: Scope) -> "CertificateQuerySet":
        """Certificates of classes organised inside `scope`."""
        return self.filter(scope.condition("place__training_class__organization__path"))


class Certificate(models.Model):
    """One certificate, e.g. 001.002-2026-000001-65 for 李文, 书记轮训班, 24 hours.

    What it says is copied and never changes; it can be revoked, with a reason. `token` is in the QR code.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.CharField(_("number"), max_length=90, unique=True)
    token = models.CharField(max_length=32, unique=True, default=new_token, editable=False)
    organization_code = models.CharField(max_length=64)
    organization_name = models.CharField(_("organised by"), max_length=120)
    year = models.PositiveSmallIntegerField(_("year"))
    serial = models.PositiveIntegerField()
    member = member_key(_("member"))
    place = models.ForeignKey("archive.ClassMember", on_delete=models.PROTECT, related_name="certificates")
    holder = models.CharField(_("name"), max_length=64)
    title = models.CharField(_("title"), max_length=160)
    hours = models.DecimalField(_("study hours"), max_digits=5, decimal_places=2)
    starts_on = models.DateField(_("First day"))
    ends_on = models.DateField(_("Last day"))
    issued_at = models.DateTimeField(_("issued at"))
    issued_by = member_key(_("issued by"), null=True, db_index=False)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)
    revoked_by = member_key(_("revoked by"), null=True, db_index=False)
    revoke_reason = models.CharField(_("reason"), max_length=300, blank=True)

    objects = CertificateQuerySet.as_manager()

    class Meta:
        verbose_name = _("certificate")
        verbose_name_plural = _("certificates")
        ordering = ["-issued_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization_code", "year", "serial"], name="certificate_numbered_once"
            ),
            models.UniqueConstraint(
                fields=["place"], condition=Q(revoked_at__isnull=True), name="certificate_valid_once"
            ),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True, revoke_reason="")
                | (Q(revoked_at__isnull=False) & ~Q(revoke_reason="")),
                name="certificate_revoked_with_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def masked_holder(self) -> str:
        """What strangers see of the name: 李文 → 李*, 欧阳明 → 欧*."""
        return f"{self.holder[:1]}*"
