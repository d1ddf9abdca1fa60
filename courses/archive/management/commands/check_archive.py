"""`manage.py check_archive [--json]`: fold what waits, and name whose log cannot be folded and which record it is."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from courses.archive.behind import Broken, broken_logs

__all__ = ["Command"]


def in_words(one: Broken) -> str:
    """For the person who has to look into it."""
    if one.beat_id is None:
        return f"党员 {one.member_id}：学习记录无法计算（{one.why}）"
    return (
        f"党员 {one.member_id}：第 {one.beat_id} 条播放记录无法读出（{one.why}），"
        f"课程版本 {one.version_id}，播放 {one.session}，序号 {one.seq}"
    )


class Command(BaseCommand):
    help = (
        "Folds the beats that wait and names each member of whom that cannot be done, with the record that cannot be "
        "read. Her beats are kept; once the record is put back from a backup, or the fault is mended, everything is "
        "counted by itself. Exit code 0 when nothing is stuck, 1 otherwise; with --json one object on stdout."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of sentences")

    def handle(self, *args: Any, **options: Any) -> None:
        found = broken_logs()
        if options["json"]:
            self.stdout.write(json.dumps({"stuck": [asdict(one) for one in found]}, default=str))
        else:
            for one in found:
                self.stdout.write(in_words(one))
            self.stdout.write(
                f"{len(found)} 名党员的学习记录无法计算；记录都保存着，从备份恢复该条记录后自动补算。"
                if found
                else "所有学习记录都已计算。"
            )
        if found:
            raise SystemExit(1)
