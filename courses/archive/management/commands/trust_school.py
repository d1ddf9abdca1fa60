"""manage.py trust_school keys.json [--yes]: accept records that another school signed."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from courses.archive.records import keys

__all__ = ["Command"]


class Command(BaseCommand):
    help = (
        "Shows the keys in another school's keys.json (from its /archive/keys.json); with --yes takes them for true. "
        "Compare the numbers by telephone first: whoever can slip you a file can sign records."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--yes", action="store_true", help="the numbers were compared with the other school"
        )
        parser.add_argument(
            "--rotate",
            action="store_true",
            help="the school is known already and has a new key or another name; it was asked",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = keys.public_keys(options["file"].read_bytes())
            for one in found:
                ended = f"，{one.until:%Y-%m-%d} 停用" if one.until else ""
                self.stdout.write(f"{one.school_name}  {one.school}  {one.kid}{ended}")
            keys.require_trustable(found, rotate=options["rotate"])
            if not options["yes"]:
                self.stderr.write(
                    "请用电话与对方学校逐字核对以上编号，一致后加 --yes 再运行一次。什么都没有改动。"
                )
                return
            keys.trust(found, rotate=options["rotate"])
        except OSError as bad:
            raise CommandError(f"读不了这个文件：{bad}") from bad
        except ValueError as bad:
            raise CommandError(f"没有登记：这不是一份学校公钥列表，或与已登记的学校不符（{bad}）") from bad
        self.stderr.write(f"已登记 {len(found)} 个公钥。")
