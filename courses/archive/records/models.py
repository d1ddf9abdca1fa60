"""What is: keys of schools, ours and others', and the records that were taken in."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from courses.archive.models import _member
from people.encryption import EncryptedTextField

__all__ = ["RecordImport", "SchoolKey"]


class SchoolKey(models.Model):
    """One Ed25519 key of one school, e.g. ours since 2026, or the public half of a school that we trust.

    The private half (`seed`) is there only for our own key that signs now; it is encrypted with FIELD_KEYS.
    Rotation ends a key with `until_at` and keeps its public half, so that older records stay verifiable.
    """

    kid = models.CharField(_("key number"), max_length=43, unique=True)
    """The RFC 7638 thumbprint of the public key, base64url."""
    school = models.UUIDField(_("school"))
    school_name = models.CharField(_("name of the school"), max_length=120)
    public = models.CharField(_("public key"), max_length=43)
    """32 bytes as base64url without padding."""
    seed = EncryptedTextField(blank=True, default="", editable=False)
    ours = models.BooleanField(_("ours"), default=False)
    since_at = models.DateTimeField(_("since"), default=timezone.now)
    until_at = models.DateTimeField(_("until"), null=True, blank=True)
    """Records issued later than this are refused."""

    class Meta:
        verbose_name = _("key of a school")
        verbose_name_plural = _("keys of schools")
        ordering = ["since_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["ours"], condition=Q(ours=True, until_at__isnull=True), name="school_key_one_signs"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.school_name} {self.kid[:8]}"


class RecordImport(models.Model):
    """One time that a record was taken in: whose, from which school, what came of it. Only ever added.

    It also binds a person of the other school to one member here, so that no later record of hers can go to
    somebody else.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    member = _member()
    record = models.UUIDField()
    school = models.UUIDField()
    school_name = models.CharField(max_length=120)
    person = models.UUIDField()
    """The member's uuid at the other school."""
    issued_at = models.DateTimeField()
    sha256 = models.CharField(max_length=64)
    identity = models.CharField(max_length=16)
    """How the organiser made sure who it is: PHONE, STATED_PHONE or BY_SIGHT."""
    actor = models.ForeignKey(
        "people.Member",
        on_delete=models.PROTECT,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="+",
    )
    imported_at = models.DateTimeField()
    added = models.PositiveIntegerField()
    taken_back = models.PositiveIntegerField()
    left_out = models.PositiveIntegerField()

    class Meta:
        verbose_name = _("imported record")
        verbose_name_plural = _("imported records")
        ordering = ["-imported_at", "-pk"]
        indexes = [models.Index(fields=["school", "person"], name="record_import_person")]

    def __str__(self) -> str:
        return f"record {self.record}"
