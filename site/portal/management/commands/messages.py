"""`manage.py messages`: keep the Chinese catalogue; without options extract, merge and compile."""

import json
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from portal import translations


class Command(BaseCommand):
    help = "Extract msgids, merge translations from a JSON file, check or compile the Chinese catalogue."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--add", metavar="FILE.json", help='{"English msgid": "中文"}')
        parser.add_argument(
            "--replace", action="store_true", help="with --add: other Chinese for known msgids"
        )
        parser.add_argument("--check", action="store_true", help="list faults; exit 1 if there are any")
        parser.add_argument("--tidy", action="store_true", help="drop translations that nothing uses")
        parser.add_argument("--compile", action="store_true", help="only compile django.mo")

    def handle(self, *, add, replace, check, tidy, compile, **options):
        if compile:
            self.stdout.write(str(translations.compile_catalogue()))
            return
        if check:
            found = translations.faults()
            for kind in ("missing", "fuzzy", "placeholders", "unused"):
                for line in getattr(found, kind):
                    self.stdout.write(f"{kind}: {line}")
            if found.missing or found.fuzzy or found.placeholders:
                raise CommandError(f"{len(found.missing)} untranslated, {len(found.fuzzy)} fuzzy")
            return
        added = json.loads(Path(add).read_text(encoding="utf-8")) if add else None
        try:
            translations.update(added, tidy=tidy, replace=replace)
        except translations.TranslationTaken as taken:
            raise CommandError(f"{taken}. Use a msgid or context of your own, or --replace.") from taken
        translations.compile_catalogue()
        self.stdout.write(f"{len(translations.faults().missing)} untranslated")
