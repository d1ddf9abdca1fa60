"""What search remembers in the database: changes that are not in the index yet, and what comparing it with the truth showed."""

from datetime import datetime, timedelta

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from search.meaning.models import Vector
from search.sought.models import SearchLog
from search.words.models import LexiconWord, SynonymGroup, WordsInUse

__all__ = ["LexiconWord", "SearchLog", "SearchOutbox", "SynonymGroup", "Vector", "WordsInUse"]


class SearchOutboxQuerySet(models.QuerySet["SearchOutbox"]):
    def waiting(self, now: datetime) -> "SearchOutboxQuerySet":
        """What the worker takes up at `now`, oldest first."""
        return self.filter(given_up_at=None, next_try_at__lte=now).order_by("pk")

    def failing(self) -> "SearchOutboxQuerySet":
        """What could not be taken up several times over, or was given up: people should look at it."""
        return self.filter(attempts__gte=SearchOutbox.FAILING)

    def late(self, now: datetime) -> "SearchOutboxQuerySet":
        """What nobody even tried for so long that the worker cannot be well."""
        return self.filter(attempts=0, created_at__lt=now - SearchOutbox.LATE)


class SearchOutbox(models.Model):
    """One change that the index has still to learn, e.g. "lesson 12 changed".

    Written in the transaction of the change itself (search.outbox), deleted after the index has
    committed it. Not a log: an empty table means that the index knows everything. What the row
    says is only "look again": the worker reads the truth afresh. A thing that cannot be read keeps
    one row, which is tried again ever more seldom, and with `given_up_at` no more.
    """

    FAILING = 4
    """Attempts (half a minute) after which a row is shown to people."""
    LATE = timedelta(minutes=5)

    class Op(models.TextChoices):
        CHANGED = "CHANGED", _("Changed")
        REMOVED = "REMOVED", _("Removed")

    kind = models.CharField(max_length=32)
    object_id = models.CharField(max_length=64)
    op = models.CharField(max_length=8, choices=Op.choices)
    created_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(default=timezone.now, db_index=True)
    error = models.TextField(blank=True)
    given_up_at = models.DateTimeField(null=True, blank=True)

    objects = SearchOutboxQuerySet.as_manager()

    class Meta:
        verbose_name = _("change to be indexed")
        verbose_name_plural = _("changes to be indexed")
        ordering = ["pk"]
        indexes = [models.Index(fields=["kind", "object_id"], name="searchoutbox_thing")]

    def __str__(self) -> str:
        return f"{self.op} {self.kind} {self.object_id}"


class IndexCheck(models.Model):
    """One comparison of the index with the truth, e.g. last night's: 3 missing, 0 stale, 1 ghost.

    `missing` should be in the index and are not, `stale` are there in an older state, `ghosts` are there and
    should not be. `repaired`: rows for them were put into the outbox.
    """

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    documents = models.PositiveIntegerField()
    missing = models.PositiveIntegerField()
    stale = models.PositiveIntegerField()
    ghosts = models.PositiveIntegerField()
    unreadable = models.PositiveIntegerField(default=0)
    repaired = models.BooleanField()

    class Meta:
        verbose_name = _("comparison of the search index")
        verbose_name_plural = _("comparisons of the search index")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.finished_at:%Y-%m-%d}: {self.missing}/{self.stale}/{self.ghosts} of {self.documents}"

    @property
    def differences(self) -> int:
        return self.missing + self.stale + self.ghosts
