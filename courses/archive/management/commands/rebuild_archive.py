"""`manage.py rebuild_archive [--verify] [--json]`: reckon every state afresh from the log of beats."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from courses.archive.folding import catch_up, differs, rebuild_state
from courses.archive.ledger import lock_archive
from courses.archive.models import LearningArchive, LessonState

__all__ = ["Command"]


class Command(BaseCommand):
    help = (
        "Folds the log of beats again, member by member, and compares every state to the byte. Without --verify the "
        "states that differ are put right. Exit code 1 when any differed and --verify was given."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--verify", action="store_true", help="change nothing, only say what differs")
        parser.add_argument("--json", action="store_true", help="a line of JSON on stdout")

    def handle(self, *args: Any, verify: bool, **options: Any) -> None:
        states = wrong = 0
        for archive in LearningArchive.objects.select_related("member").order_by("member_id").iterator():
            if not verify:
                catch_up(archive.member)
            with transaction.atomic():
                # Nobody folds meanwhile: log and state are those of one moment.
                lock_archive(archive.member, at=archive.created_at)
                for state in LessonState.objects.filter(member=archive.member).order_by("version_id"):
                    states += 1
                    if (differs if verify else rebuild_state)(state):
                        wrong += 1
                        self.stderr.write(
                            f"党员 {archive.member_id}，课程版本 {state.version_id}：与记录不一致"
                        )
        if options["json"]:
            self.stdout.write(json.dumps({"states": states, "wrong": wrong}))
        else:
            what = "与记录不一致" if verify else "已按记录改正"
            self.stdout.write(f"共 {states} 条学习进度，{wrong} 条{what}。")
        if verify and wrong:
            raise SystemExit(1)
