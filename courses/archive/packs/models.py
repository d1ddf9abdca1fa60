"""The packed part of the log."""

from django.db import models
from django.utils.translation import gettext_lazy as _

__all__ = ["PackedMonth"]


class PackedMonth(models.Model):
    """All beats of the sessions that one member began in one month, and the turns that ended in it, e.g. 640 beats in
    600 bytes.

    Part of the log as `Beat` and `PlayLease` are: what is in a pack is in those tables no more (packs/api.py), and
    whoever reads the log reads both (log.py). Written once, when none of these sessions can send anything any more.
    Its key is the member and the month, without a number of its own: an index less.
    """

    pk = models.CompositePrimaryKey("member_id", "month")
    member_id = models.BigIntegerField()
    month = models.PositiveIntegerField()
    """Year and month in the school's time zone, e.g. 202609."""
    beats = models.PositiveIntegerField()
    body = models.BinaryField()
    """packs/month.py; knows its own format and checksum."""

    class Meta:
        verbose_name = _("packed month of the log")
        verbose_name_plural = _("packed months of the log")

    def __str__(self) -> str:
        return f"{self.month} of member {self.member_id}"
