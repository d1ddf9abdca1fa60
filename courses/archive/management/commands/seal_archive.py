"""manage.py seal_archive [--day 2026-11-27]: seal the ledger of study hours, as the scheduler does each night."""

import json
from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from courses.archive import api
from courses.archive.errors import SealOutOfOrder
from courses.archive.folder import fold_everything
from courses.archive.seals import facts, seals_file

__all__ = ["Command"]


class Command(BaseCommand):
    help = (
        "Seals the ledger of study hours under the name of a day (default: yesterday). Once a day; again changes "
        "nothing. The seal as a line of JSON on stdout; it is also appended to the file outside the database."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--day", type=date.fromisoformat, default=None, help="2026-11-27")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            fold_everything()
            made = api.seal(options["day"])
        except SealOutOfOrder as reason:
            raise CommandError(
                f"不能封存这一天：只能按日期先后封存，且这一天已经开始。（{reason}）"
            ) from reason
        except OSError as reason:
            raise CommandError(f"已在数据库中封存，但库外封存文件写不进去：{reason}") from reason
        self.stdout.write(json.dumps(facts(made)))
        self.stderr.write(f"已封存 {made.day}，库外副本：{seals_file()}（请复制到别的机器上）")
