"""`manage.py rebuild_search`: make the search indexes anew while readers go on with the old ones."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from search import api, indexing
from search.errors import EngineRefused, EngineUnreachable, NoSpaceLeft, WriterBusy
from search.kept import Kept, kept


class Command(BaseCommand):
    help = (
        "Make the indexes of the site and of the admin's boxes anew; both go on with the old ones meanwhile."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--if-needed",
            action="store_true",
            help="Do nothing when the present index can be used; changes still waiting are taken up.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        for index in kept():
            if options["if_needed"] and index.is_ready():
                continue
            started = time.monotonic()
            try:
                number = self._rebuilt(index)
            except (EngineUnreachable, EngineRefused) as fault:
                text = _(
                    "The search server does not answer (%(reason)s). Check SEARCH_URL and whether it runs."
                ) % {"reason": fault}
                if not options["if_needed"]:
                    raise CommandError(text) from fault
                # The school opens without search; the worker makes the index as soon as the server is there.
                self.stderr.write(text)
                return
            except NoSpaceLeft as fault:
                raise CommandError(
                    _(
                        "The disk is full (%(folder)s): the new index was given up, search goes on with the old one. "
                        "Make room (about twice the size of the present index), then run this command again."
                    )
                    % {"folder": fault.where}
                ) from fault
            took_s = time.monotonic() - started
            self.stdout.write(
                _("%(index)s: %(number)d documents indexed in %(seconds).1f s.")
                % {"index": index.label, "number": number, "seconds": took_s}
            )
        if options["if_needed"]:
            api.drain()

    def _rebuilt(self, index: Kept) -> int:
        for attempt in range(20):
            try:
                return indexing.rebuild(index)
            except WriterBusy:
                if attempt == 0:
                    self.stderr.write(_("Another process is writing the index; waiting for it."))
                time.sleep(1)
        raise CommandError(_("The index is still being written by another process. Try again later."))
