"""manage.py record_key [--rotate] [--name 名称]: the school's key for signed records."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from courses.archive.records import keys

__all__ = ["Command"]


class Command(BaseCommand):
    help = (
        "Shows the school's public keys as JSON (the same as at /archive/keys.json), making the first key when there "
        "is none. --rotate makes a new one: the old private half is destroyed, its public half stays listed. The "
        "private half lies in the database, encrypted with FIELD_KEYS."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rotate", action="store_true", help="from now on a new key signs")
        parser.add_argument(
            "--name", default=None, help="with --rotate: the school's name in records from now on"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["name"] and not options["rotate"]:
            raise CommandError("--name 要和 --rotate 一起用：学校名称写在密钥里，改名就换密钥。")
        if options["rotate"]:
            fresh = keys.rotate(name=options["name"])
            self.stderr.write(
                f"已启用新密钥 {fresh.kid}；旧公钥仍在列表中，旧记录仍可核对。请把新的列表发给对方学校。"
            )
        self.stdout.write(json.dumps(keys.our_keys(), ensure_ascii=False, indent=1))
