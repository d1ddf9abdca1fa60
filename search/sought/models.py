"""What people look for, as sums without anybody in them."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class SearchLog(models.Model):
    """How often one query was asked on one day, e.g. on 27 November 党费 among policies: 12, of them 2 in vain.

    Not a log of requests: no member, no address, no time finer than the day, and one visitor counts once a
    day for one query. Texts that may be personal are not kept at all and those that stay rare not for long
    (search.sought.counting); all such are summed up under the query "".
    """

    day = models.DateField(_("day"))
    query = models.CharField(_("query"), max_length=40, blank=True)
    kind = models.CharField(_("kind"), max_length=32, blank=True)
    searches = models.PositiveIntegerField(_("searches"), default=0)
    without_results = models.PositiveIntegerField(_("in vain"), default=0)

    class Meta:
        verbose_name = _("what was looked for")
        verbose_name_plural = _("what was looked for")
        constraints = [
            models.UniqueConstraint(fields=["day", "query", "kind"], name="search_log_once_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.query or '…'}: {self.searches}"
