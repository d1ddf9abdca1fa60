"""`manage.py search_verify [--repair]`: compare the search index with the truth."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from search import api


class Command(BaseCommand):
    help = (
        "Compare the search index with the database; exit code 1 when they differ and nothing was repaired."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--repair", action="store_true", help="Have the worker index afresh what differs."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = api.verify(repair=options["repair"])
        except api.SearchError as fault:
            raise CommandError(
                _("There is no index to compare: %(why)s. Run “manage.py rebuild_search”.")
                % {"why": str(fault) or type(fault).__name__}
            ) from fault
        for one in found:
            self.stdout.write(
                _(
                    "%(kind)s: %(documents)d documents, %(missing)d missing, %(stale)d stale, %(ghosts)d too many, "
                    "%(unreadable)d unreadable"
                )
                % {
                    "kind": one.kind,
                    "documents": one.documents,
                    "missing": len(one.missing),
                    "stale": len(one.stale),
                    "ghosts": len(one.ghosts),
                    "unreadable": len(one.unreadable),
                }
            )
            for id in one.differing[:20]:
                self.stdout.write(f"  {one.kind} {id}")
        differing = sum(len(one.differing) for one in found)
        if not differing:
            self.stdout.write(_("The index says what the database says."))
        elif options["repair"]:
            self.stdout.write(
                _("%(number)d were put into the outbox; the search worker indexes them.")
                % {"number": differing}
            )
        else:
            raise CommandError(
                _("%(number)d differ. “manage.py search_verify --repair” has them indexed afresh.")
                % {"number": differing}
            )
