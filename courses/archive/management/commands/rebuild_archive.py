"""`manage.py rebuild_archive [--verify] [--json]`: reckon every state afresh from the log of beats."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError, transaction

from courses.archive.folding import catch_up, differs, rebuild_state
from courses.archive.ledger import lock_archive
from courses.archive.models import LearningArchive, LessonState
from courses.archive.packs.api import damaged_months

__all__ = ["Command"]


class Command(BaseCommand):
    help = (
        "Folds the log of beats again, packed or not, member by member, and compares every state to the byte. Without "
        "--verify the states that differ are put right. Packs that are damaged are named. Exit code 1 when any state "
        "differed and --verify was given, when a log cannot be read (check_archive names the record) or a pack is damaged."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--verify", action="store_true", help="change nothing, only say what differs")
        parser.add_argument("--json", action="store_true", help="a line of JSON on stdout")

    def handle(self, *args: Any, verify: bool, **options: Any) -> None:
        states = wrong = unreadable = damaged = 0
        for archive in LearningArchive.objects.select_related("member").order_by("member_id").iterator():
            if not verify:
                catch_up(archive.member)
            with transaction.atomic():
                # Nobody folds meanwhile: log and state are those of one moment.
                lock_archive(archive.member, at=archive.created_at)
                for month, why in damaged_months(archive.member_id):
                    damaged += 1
                    self.stderr.write(
                        f"党员 {archive.member_id}，{month // 100} 年 {month % 100} 月：整理后的学习记录已损坏，"
                        f"请从备份恢复 archive_packedmonth 中的这一行（{why}）"
                    )
                for state in LessonState.objects.filter(member=archive.member).order_by("version_id"):
                    states += 1
                    what = f"党员 {archive.member_id}，课程版本 {state.version_id}"
                    try:
                        with transaction.atomic():
                            changed = (differs if verify else rebuild_state)(state)
                    except (OperationalError, InterfaceError):
                        raise
                    except Exception as broken:  # one broken record hides nobody else's fault
                        unreadable += 1
                        self.stderr.write(f"{what}：无法按记录重算（{broken}）")
                    else:
                        if changed:
                            wrong += 1
                            self.stderr.write(f"{what}：与记录不一致")
        if options["json"]:
            told = {"states": states, "wrong": wrong, "unreadable": unreadable, "damaged": damaged}
            self.stdout.write(json.dumps(told))
        else:
            what = "与记录不一致" if verify else "已按记录改正"
            self.stdout.write(
                f"共 {states} 条学习进度，{wrong} 条{what}，{unreadable} 条无法重算；{damaged} 个月的记录已损坏。"
            )
        if unreadable or damaged or (verify and wrong):
            raise SystemExit(1)
