"""What is: who took a member's archive out, when and as what."""

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from courses.archive.models import AppendOnly, _member
from courses.archive.querysets import AppendOnlyQuerySet

__all__ = ["ArchiveExport", "ExportKind"]


class ExportKind(models.TextChoices):
    JSON = "JSON", _("All data (JSON)")
    PDF = "PDF", _("On paper (PDF)")
    RECORD = "RECORD", _("Signed record for another school")


class ArchiveExport(AppendOnly):
    """One file that was made of one member's archive, e.g. the PDF of 27 November, with its SHA-256.

    The file itself is not kept: whoever holds one can be told whether it is this one. Shown to the member.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    member = _member(db_index=False)
    actor = models.ForeignKey(
        "people.Member",
        verbose_name=_("taken by"),
        on_delete=models.PROTECT,
        db_constraint=False,
        related_name="+",
    )
    kind = models.CharField(max_length=12, choices=ExportKind.choices)
    made_at = models.DateTimeField(_("made at"), default=timezone.now)
    entries = models.PositiveIntegerField(_("entries"))
    size_bytes = models.PositiveIntegerField(_("size"))
    sha256 = models.CharField(max_length=64)

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        verbose_name = _("export of an archive")
        verbose_name_plural = _("exports of archives")
        ordering = ["-made_at", "-pk"]
        indexes = [models.Index(fields=["member", "-made_at"], name="export_of_member")]

    def __str__(self) -> str:
        return f"{self.kind} of member {self.member_id}"
