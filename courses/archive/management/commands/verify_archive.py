"""manage.py verify_archive [--json]: whether anybody changed the ledger of study hours behind its back."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from courses.archive import api, chain
from courses.archive.seals import seals_file

__all__ = ["Command", "in_words"]

KINDS = {
    chain.ALTERED: "被改动",
    chain.MISSING: "缺失",
    chain.INSERTED: "被插入",
    chain.BACKDATED: "时间倒填",
    chain.SEAL_ALTERED: "封存被改动",
    chain.SEAL_MISSING: "封存缺失",
}
PLACES = {"seal": "数据库里", "file": "库外文件里", "seal or file": "数据库与库外文件不一致："}


def in_words(one: api.Finding) -> str:
    """A finding as a sentence for the person who has to look into it."""
    kind = f"{KINDS[one.kind]}（{one.kind}）："
    if one.kind == chain.SEAL_MISSING and one.where == "file" and one.count:
        return f"{kind}没有库外封存文件，{one.count} 天的封存无从对照"
    if one.kind in (chain.SEAL_ALTERED, chain.SEAL_MISSING):
        what = f"{one.day} 的封存" if one.day else f"第 {one.seq} 个封存" if one.seq else "有一行不是封存"
        return f"{kind}{PLACES[one.where]}{what}"
    if one.where == "file":
        return f"{kind}库外文件记载的学时记录比数据库里多 {one.count} 条，可能恢复了较旧的备份"
    if one.where == "archive":
        told = "整行不见了" if one.kind == chain.MISSING else "所记的最后一条与学时记录对不上"
        return f"{kind}党员 {one.member} 的学习档案，{told}"
    row = f"（编号 {one.entry}）" if one.entry is not None else ""
    many = f"起共 {one.count} 条" if one.count else "条"
    return f"{kind}党员 {one.member} 的第 {one.seq} {many}学时记录{row}"


class Command(BaseCommand):
    help = (
        "Reckons the chains and seals of the ledger of study hours afresh, from the database and the file outside "
        "it, and names each row that was altered, removed, inserted or back-dated. Changes nothing. Exit code 0 "
        "when all is as it was written, 1 otherwise; with --json one object on stdout."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of sentences")

    def handle(self, *args: Any, **options: Any) -> None:
        seen = api.verify(on_progress=lambda count: self.stderr.write(f"  已核对 {count} 条 …"))
        if options["json"]:
            self.stdout.write(json.dumps(seen.as_json(), ensure_ascii=False))
        else:
            for one in seen.findings:
                self.stdout.write(in_words(one))
            self.stdout.write(
                f"核对了 {seen.members} 名党员的 {seen.entries} 条学时记录、{seen.seals} 个封存"
                f"（库外文件：{seals_file()}）。"
                + ("全部与写入时一致。" if seen.whole else f"发现 {len(seen.findings)} 处问题。")
            )
        if not seen.whole:
            sys.exit(1)
