"""manage.py verify_record FILE [--key keys.json]: whether a signed record is as its school signed it."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from courses.archive.errors import ArchiveError
from courses.archive.records import keys, reading
from courses.archive.records.wording import in_words

__all__ = ["Command"]


class Command(BaseCommand):
    help = (
        "Checks a signed record against a school's public keys. With --key (a keys.json) neither network nor database "
        "is needed; without it, against our own keys and those of the schools that we trust. Exit code 0 when the "
        "record is as it was signed, 1 otherwise."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--key", type=Path, help="the issuing school's keys.json")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of sentences")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            content = options["file"].read_bytes()
            given = keys.public_keys(options["key"].read_bytes()) if options["key"] else None
            known = keys.trusted() if given is None else {one.kid: one for one in given}
        except OSError as bad:
            raise CommandError(f"读不了这个文件：{bad}") from bad
        except ValueError as bad:
            raise CommandError(f"这不是一份学校公钥列表：{bad}") from bad
        try:
            record = reading.read(content, known)
        except ArchiveError as refusal:
            said = {"valid": False, "code": refusal.code, "detail": str(refusal.detail)}
            self.stdout.write(json.dumps(said, ensure_ascii=False) if options["json"] else in_words(refusal))
            sys.exit(1)
        body = record.body
        facts = {
            "valid": True,
            "school": body.school.name,
            "key": record.kid,
            "person": body.person.name,
            "issued_at": body.issued_at.isoformat(),
            "entries": len(body.entries),
            "total_hours": str(body.total_hours),
        }
        self.stdout.write(
            json.dumps(facts, ensure_ascii=False)
            if options["json"]
            else f"签名有效：{body.school.name} 于 {body.issued_at:%Y-%m-%d} 为 {body.person.name} 开具，"
            f"{len(body.entries)} 条记录，合计 {body.total_hours} 学时，开具以来没有改动。"
        )
