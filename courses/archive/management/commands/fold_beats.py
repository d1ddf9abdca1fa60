"""`manage.py fold_beats`: keep everybody's progress up to the log of beats, until it is told to stop."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from courses.archive.folder import Folder


class Command(BaseCommand):
    help = "Folds beats into progress, turns and hours in the background; ./run starts it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="fold what waits, then end")

    def handle(self, *args: Any, once: bool = False, **options: Any) -> None:
        folder = Folder()
        if once:
            while folder.round():
                pass
            return
        stopping = threading.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda *_: stopping.set())
        folder.run(stopping.wait)
