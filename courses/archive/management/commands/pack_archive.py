"""`manage.py pack_archive [--until YYYY-MM] [--json]`: pack what can receive nothing more."""

import json
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from courses.archive.packs.api import Packed, closed_month, pack_all

__all__ = ["Command"]


def _month(text: str) -> int:
    return int(datetime.strptime(text, "%Y-%m").strftime("%Y%m"))


class Command(BaseCommand):
    help = (
        "Moves beats and turns of sessions that can send nothing any more out of their tables into one small row a "
        "member and month. Stop it at any time; called again it goes on. The worker does it each night by itself."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--until", type=_month, help="the last month to be packed, e.g. 2026-09")
        parser.add_argument("--json", action="store_true", help="a line of JSON on stdout")

    def handle(self, *args: Any, until: int | None, **options: Any) -> None:
        now = timezone.now()
        closed = closed_month(now)
        if until is not None and until > closed:
            raise CommandError(
                f"{_words(until)}的学习记录还可能有离线数据补传，暂不能整理；目前最晚可整理到{_words(closed)}。"
            )
        done = pack_all(until=until, now=now, told=None if options["json"] else self._tell)
        for member_id, month, why in done.left:
            self.stderr.write(f"党员 {member_id}，{_words(month)}：这次没有整理，下次再试（{why}）")
        if options["json"]:
            names = ("members", "months", "beats", "turns", "bytes")
            told = {name: getattr(done, name) for name in names} | {"left": len(done.left)}
            self.stdout.write(json.dumps(told))
        else:
            self.stdout.write(
                f"完成：{done.members} 名党员的 {done.beats} 条学习记录整理为 {done.months} 个月包，"
                f"共 {done.bytes} 字节；{len(done.left)} 个月留待下次。"
            )

    def _tell(self, so_far: Packed) -> None:
        self.stdout.write(f"已整理 {so_far.members} 名党员，{so_far.beats} 条记录……")


def _words(month: int) -> str:
    return f"{month // 100} 年 {month % 100} 月"
