"""manage.py import_record FILE --member 登录名 [--yes]: take a signed record into a member's ledger."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from courses.archive.errors import ArchiveError
from courses.archive.records import keys, merge, reading
from courses.archive.records.wording import identity_words, in_words
from people.models import Member

__all__ = ["Command"]


class Command(BaseCommand):
    help = (
        "Shows what a signed record would add to a member's ledger; with --yes adds it. The key must be trusted "
        "(trust_school). The same record again adds nothing. Exit code 1 when it is refused; nothing moves then."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--member", required=True, help="sign-in name of the member here")
        parser.add_argument("--by", help="sign-in name of the organiser who made sure of the person")
        parser.add_argument(
            "--phone", default="", help="the number that the person says the other school knew"
        )
        parser.add_argument("--papers-seen", action="store_true", help="when the other school knew no number")
        parser.add_argument("--reason", default="", help="why it is still written into years that are closed")
        parser.add_argument("--yes", action="store_true", help="add it")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            member = Member.objects.get(username=options["member"])
            actor = Member.objects.get(username=options["by"]) if options["by"] else None
            content = options["file"].read_bytes()
        except Member.DoesNotExist as absent:
            raise CommandError("没有这个登录名的账号。") from absent
        except OSError as bad:
            raise CommandError(f"读不了这个文件：{bad}") from bad
        try:
            record = reading.read(content, keys.trusted())
            identity = merge.identify(record, member, stated_phone=options["phone"])
            if options["yes"]:
                _made, planned = merge.take_in(
                    record,
                    member,
                    actor=actor,
                    stated_phone=options["phone"],
                    by_sight=options["papers_seen"],
                    reason=options["reason"],
                )
            else:
                planned = merge.plan(record, member)
        except ArchiveError as refusal:
            self.stderr.write(in_words(refusal))
            sys.exit(1)
        self.stderr.write(
            f"{record.body.school.name} · {record.body.person.name} · {identity_words(identity)}"
        )
        for one in planned.items:
            self.stdout.write(f"{one.entry.year}  {one.entry.hours:>6}  {one.entry.title}  {one.words}")
        done = "已写入" if options["yes"] else "将写入（加 --yes 才写入）"
        self.stdout.write(
            f"{done} {planned.added} 条，冲销 {planned.taken_back} 条，不重复计 {planned.left_out} 条，"
            f"学时合计变化 {planned.hours:+}。"
        )
