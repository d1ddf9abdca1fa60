"""What is: lists of study hours that were handed in as files, and how far they are entered."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from courses.archive.keys import member_key
from people.encryption import EncryptedTextField
from people.models import Member

__all__ = ["HoursImport", "ImportFile", "ImportState", "RefusedLine"]


class ImportState(models.TextChoices):
    WAITING = "WAITING", pgettext_lazy("of a list", "Waiting")
    RUNNING = "RUNNING", pgettext_lazy("of a list", "Being entered")
    DONE = "DONE", pgettext_lazy("of a list", "Done")
    UNREADABLE = "UNREADABLE", pgettext_lazy("of a list", "Not readable")


class ImportQuerySet(models.QuerySet):
    def of(self, actor: Member) -> "ImportQuerySet":
        """Lists that `actor` handed in: nobody else sees them."""
        return self.filter(actor=actor).order_by("-handed_in_at", "-pk")


class HoursImport(models.Model):
    """One list that an organiser handed in, e.g. 集中培训签到.xlsx of 5,000 lines, 4,321 of them looked at so far.

    The truth of the work: a worker that dies leaves the row RUNNING, and the next goes on from `done`
    (courses/archive/imports/api.py). The hours themselves are lines of the ledger, with this number as their
    evidence. Small, since it is written with each line; the file lies beside it.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    actor = member_key(_("handed in by"))
    name = models.CharField(_("file"), max_length=200)
    sha256 = models.CharField(max_length=64)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    """For lines of a closed year."""
    state = models.CharField(
        pgettext_lazy("of a list", "State"),
        max_length=12,
        choices=ImportState.choices,
        default=ImportState.WAITING,
    )
    fault = models.CharField(max_length=40, blank=True)
    """Why the file is UNREADABLE."""
    total = models.PositiveIntegerField(_("lines"), default=0)
    done = models.PositiveIntegerField(_("looked at"), default=0)
    added = models.PositiveIntegerField(_("entered"), default=0)
    known = models.PositiveIntegerField(_("entered before"), default=0)
    refused = models.PositiveIntegerField(_("refused"), default=0)
    handed_in_at = models.DateTimeField(_("handed in at"), default=timezone.now)
    touched_at = models.DateTimeField(default=timezone.now)
    """When a worker last moved on; a RUNNING one that is silent for long has died."""
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ImportQuerySet.as_manager()

    class Meta:
        verbose_name = _("list of study hours")
        verbose_name_plural = _("lists of study hours")
        ordering = ["-handed_in_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(done=F("added") + F("known") + F("refused")), name="import_counts_each_line"
            ),
        ]
        indexes = [
            models.Index(
                fields=["touched_at"],
                condition=Q(state__in=["WAITING", "RUNNING"]),
                name="import_still_to_do",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.handed_in_at:%Y-%m-%d}"

    @property
    def over(self) -> bool:
        return self.state in (ImportState.DONE, ImportState.UNREADABLE)


class ImportFile(models.Model):
    """The file of a list that is not entered yet, in Base64. It names people and their numbers: encrypted, and
    deleted once every line is looked at."""

    of = models.OneToOneField(HoursImport, on_delete=models.CASCADE, primary_key=True, related_name="file")
    content = EncryptedTextField()


class RefusedLine(models.Model):
    """One line that was not entered, e.g. line 17: there is no such member. Encrypted; deleted after thirty days."""

    of = models.ForeignKey(
        HoursImport, on_delete=models.CASCADE, related_name="refused_lines", db_index=False
    )
    line = models.PositiveIntegerField(_("line"))
    code = models.CharField(max_length=16)
    value = models.CharField(max_length=80, blank=True)
    said = EncryptedTextField()
    """JSON: field → text, as it stood in the file."""

    class Meta:
        ordering = ["of", "line"]
        constraints = [models.UniqueConstraint(fields=["of", "line"], name="import_line_refused_once")]
