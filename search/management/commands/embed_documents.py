"""`manage.py embed_documents [--index NAME]`: have the documents of an index found by meaning too (search/meaning)."""

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from search import meaning
from search.errors import SearchError

AT_ONCE = 16


class Command(BaseCommand):
    help = (
        "Reckon what the documents of the site, or of an index loaded with index_documents, mean; only those that "
        "were changed since. May be interrupted and started again. The worker does it for the site by itself."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--index", default="", help="Name of the index; the site's own if left out.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not meaning.is_on():
            raise CommandError(
                _("Search by meaning is off. Set SEARCH_MEANING=e5 first (search/meaning/README.md).")
            )
        from search.meaning import process, vectors

        embedder = process.reading(threads=min(2, os.cpu_count() or 1))
        done = to_do = 0
        try:
            for done, to_do in vectors.keep_up(options["index"], embedder, at_once=AT_ONCE):
                self.stderr.write(
                    _("%(done)d of %(to_do)d documents") % {"done": done, "to_do": to_do}, ending="\r"
                )
        except SearchError as fault:
            words = _("Stopped after %(done)d of %(to_do)d documents: %(fault)s. What is done stays.")
            values = {"done": done, "to_do": to_do, "fault": fault or type(fault).__name__}
            raise CommandError(words % values) from fault
        finally:
            embedder.close()
        self.stdout.write(_("%(done)d documents embedded.") % {"done": done})
