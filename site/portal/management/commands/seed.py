"""`manage.py seed`: build the demonstration (once; a second run changes nothing)."""

import logging
import sys
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from portal.celery import app
from portal.demonstration.seeding import Seeding
from portal.settings.environment import BASE_URL, DATA_DIR


class Command(BaseCommand):
    help = "Build the demonstration: a fictional county with members, courses, policies and study history."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--without-media", action="store_true", help="leave the lectures out (no transcoding)"
        )

    def handle(self, *args: Any, without_media: bool = False, **options: Any) -> None:
        began = time.monotonic()

        def say(text: str, *, end: str = "\n") -> None:
            if end == "\r":
                if sys.stderr.isatty():
                    self.stderr.write(f"{text:<40}\r", ending="")
                    self.stderr.flush()
                return
            self.stderr.write(text)

        # No worker listens yet: bells ring in memory, and the scheduler finds the rows on its next round.
        app.conf.broker_url = "memory://localhost/"
        # Wagtail tells of every page: here only what we say ourselves is of interest.
        logging.disable(logging.INFO)
        Seeding(data_dir=DATA_DIR, url=BASE_URL, say=say).run(with_media=not without_media)
        if options["verbosity"] > 0:
            say(
                f"  演示内容就绪（{time.monotonic() - began:.1f} 秒，数据库 {settings.DATABASES['default']['ENGINE'].rpartition('.')[2]}）"
            )
