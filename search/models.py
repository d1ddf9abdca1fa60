"""What search remembers in the database: which documents have changed and are not in the index yet."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from search.sought.models import SearchLog
from search.words.models import LexiconWord, SynonymGroup, WordsInUse

__all__ = ["LexiconWord", "SearchLog", "SearchOutbox", "SynonymGroup", "WordsInUse"]


class SearchOutbox(models.Model):
    """One change that the index has still to learn, e.g. "lesson 12 changed".

    Written in the transaction of the change itself (search.outbox), deleted after the index has
    committed it. Not a log: an empty table means that the index knows everything. What the row
    says is only "look again": the worker reads the truth afresh.
    """

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

    class Meta:
        verbose_name = _("change to be indexed")
        verbose_name_plural = _("changes to be indexed")
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.op} {self.kind} {self.object_id}"
