"""`manage.py index_documents FILE.jsonl …`: load documents and captions of another system (search/foreign.py)."""

import re
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from search import foreign
from search.documents import MEMBERS, PUBLIC
from search.errors import IndexMissing, IndexNameUnfit, SearchError, WriterBusy
from search.kept import foreign_or_site

MOST_TOLD = 20
"""Bad lines that are told one by one."""

IN_THE_FILES, IN_THE_CALL, AT_THE_INDEX = 1, 2, 3


class Command(BaseCommand):
    help = (
        "Load JSON Lines of another system into a search index of its own, which GET /api/search/?index=NAME "
        'searches: documents {"id", "kind", "title", "body", "category", "date", "url"} and cues '
        '{"video", "start", "end", "text"} (seconds). '
        "Exit status: 1 bad lines or files, 2 bad call, 3 the index could not be written; "
        "the index is unchanged then."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE.jsonl")
        parser.add_argument(
            "--index", default="", help="Name of the index; the first file's name if left out."
        )
        parser.add_argument(
            "--replace",
            action="store_true",
            help="Forget what the index held; without it, documents of the same kind and id are replaced.",
        )
        parser.add_argument(
            "--access",
            choices=[PUBLIC, MEMBERS],
            default=PUBLIC,
            help="Who finds what is loaded: everybody (default), or only signed-in accounts.",
        )
        parser.add_argument("--skip-bad", action="store_true", help="Leave bad lines out and count them.")

    def handle(self, *args: Any, **options: Any) -> None:
        name = self._name(options["index"], options["files"][0])
        with foreign.shelf() as kept:
            bad = sum(self._read(kept, path) for path in options["files"])
            if bad and not options["skip_bad"]:
                words = _(
                    "%(bad)d bad lines; nothing was loaded. Correct them, or leave them out with --skip-bad."
                )
                raise CommandError(words % {"bad": bad}, returncode=IN_THE_FILES)
            kept.is_ready()
            if kept.counts() == (0, 0):
                raise CommandError(_("The files hold no document and no cue."), returncode=IN_THE_FILES)
            try:
                done = foreign.load(
                    kept, name, access=options["access"], replace=options["replace"], told=self._tell
                )
            except WriterBusy:
                words = _("Another process is writing the index “%(name)s”. Try again when it is done.")
                raise CommandError(words % {"name": name}, returncode=AT_THE_INDEX) from None
            except (SearchError, OSError) as fault:
                words = _("The index “%(name)s” could not be written: %(fault)s")
                raise CommandError(words % {"name": name, "fault": fault}, returncode=AT_THE_INDEX) from fault
        words = _(
            "Index “%(name)s”: %(documents)d documents, %(cues)d cues, %(bad)d lines left out, "
            "%(seconds).1f s, %(bytes)d bytes."
        )
        self.stdout.write(words % {**vars(done), "name": name, "bad": bad})

    def _name(self, asked: str, first: Path) -> str:
        name = asked or re.sub("[^a-z0-9_-]+", "-", first.stem.lower()).strip("-_")[:40]
        try:
            if name:
                foreign_or_site(name)
                return name
        except IndexMissing:
            words = _("The index “%(name)s” is one of this site's own. Give --index another name.")
            raise CommandError(words % {"name": name}, returncode=IN_THE_CALL) from None
        except IndexNameUnfit:
            pass
        words = _(
            "An index cannot be called “%(name)s”. Give --index a name of small Latin letters, digits, - and _, "
            "at most 40 characters."
        )
        raise CommandError(words % {"name": asked or first.stem}, returncode=IN_THE_CALL)

    def _read(self, kept: foreign.Shelf, path: Path) -> int:
        """Put the lines of a file on the shelf; how many were bad."""
        bad = read = 0
        try:
            with path.open("rb") as file:
                for number, line in foreign.lines_of(file):
                    try:
                        if line is None:
                            most = foreign.LONGEST_LINE // 1024 // 1024
                            raise foreign.BadLine(_("is longer than %(most)d MB.") % {"most": most})
                        kept.put(line)
                    except foreign.BadLine as fault:
                        bad += 1
                        if bad <= MOST_TOLD:
                            self._tell(
                                _("%(file)s, line %(number)d: %(fault)s")
                                % {"file": path, "number": number, "fault": fault}
                            )
                    read += 1
                    if read % foreign.STEP == 0:
                        self._tell(_("%(file)s: %(read)d lines read") % {"file": path, "read": read})
        except OSError as fault:
            words = _("%(file)s cannot be read: %(fault)s")
            raise CommandError(
                words % {"file": path, "fault": fault.strerror or fault}, returncode=IN_THE_FILES
            ) from fault
        if bad > MOST_TOLD:
            self._tell(_("%(file)s: and %(more)d more bad lines") % {"file": path, "more": bad - MOST_TOLD})
        return bad

    def _tell(self, text: str) -> None:
        self.stderr.write(text)
