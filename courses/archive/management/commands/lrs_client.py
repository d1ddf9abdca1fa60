"""manage.py lrs_client 外部课件 --scopes "statements/write statements/read/mine": add a client of the LRS."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError

from courses.archive.xapi.clients import RESERVED, SCOPES, add_client
from people.api import record

__all__ = ["Command"]

SECRET_LENGTH = 12


class Command(BaseCommand):
    help = "Adds a client of the LRS (/xapi/) and prints its user name and secret, which is kept nowhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--scopes", default="all", help=f"one or more of: {' '.join(SCOPES)}")
        parser.add_argument("--key", default="", help="the user name; made up when not given")
        parser.add_argument(
            "--secret",
            default="",
            help=f"the password, at least {SECRET_LENGTH} characters; made up when not given",
        )
        parser.add_argument("--requests-per-minute", type=int, default=None)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["key"] in RESERVED:
            raise CommandError(f"用户名 {options['key']} 由系统自己使用，请换一个。")
        if options["secret"] and len(options["secret"]) < SECRET_LENGTH:
            raise CommandError(f"密码至少要 {SECRET_LENGTH} 个字符；不填时自动生成。")
        try:
            client, secret = add_client(
                options["name"],
                scopes=options["scopes"],
                key=options["key"],
                secret=options["secret"],
                requests_per_minute=options["requests_per_minute"],
            )
        except ValueError as bad:
            raise CommandError(f"没有这样的权限范围。可用的有：{' '.join(SCOPES)}（{bad}）") from bad
        except IntegrityError as taken:
            raise CommandError(f"用户名 {options['key']} 已被占用，请换一个。") from taken
        record(None, "lrs.client_added", client, detail={"scopes": client.scopes}, source="command")
        self.stdout.write(f"{client.key}\n{secret}")
        self.stderr.write("以上两行是用户名和密码。密码不再显示，请现在保存。")
