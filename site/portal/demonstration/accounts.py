"""The sign-ins of the demonstration, kept in DATA_DIR/demo-accounts.json for whoever tries it."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import Group

from courses.catalogue.setup import EDITORS, MODERATORS
from people.api import activate
from people.models import Member, MemberStatus

__all__ = ["STAFF", "Staff", "make_staff", "open_for_trying", "write_file"]


@dataclass(frozen=True)
class Staff:
    """An account that is no member of the roster."""

    role: str
    username: str
    name: str
    note: str
    group: str = ""


STAFF = (
    Staff("editor", "editor", "何静", "海棠县融媒体中心编辑：建课程、传授课视频、提交审核", EDITORS),
    Staff("reviewer", "reviewer", "吕敏之", "海棠县委组织部审核员：审核并发布", MODERATORS),
    Staff("administrator", "admin", "系统管理员", "管理组织、党员、规则和站点"),
)

NOTES = {
    "member": "党员，桂花社区第一党支部",
    "organiser": "组织员，查看桂花社区党委及下级",
    "elder": "党员，离退休第一党支部，长辈版",
    "secretary": "党支部书记，桂花社区第一党支部",
}


def password_for(username: str) -> str:
    """A password that belongs to this installation: the same every time, another on every machine."""
    mark = hmac.new(settings.SECRET_KEY.encode(), f"demonstration:{username}".encode(), hashlib.sha256)
    return (
        "haitang-"
        + base64.b32encode(mark.digest()).decode().lower().translate(str.maketrans("lio", "789"))[:8]
    )


def make_staff() -> dict[str, Member]:
    """Editor, reviewer and administrator by role; accounts that exist already are left alone."""
    made = {}
    for one in STAFF:
        member = Member.objects.filter(username=one.username).first()
        if member is None:
            member = Member(
                username=one.username,
                name=one.name,
                status=MemberStatus.STAFF,
                is_superuser=one.role == "administrator",
            )
            member.set_unusable_password()
            member.save()
            if one.group:
                member.groups.add(Group.objects.get(name=one.group))
            activate(member, password=password_for(one.username))
        made[one.role] = member
    return made


def open_for_trying(member: Member) -> None:
    """Give somebody of the roster the password of the demonstration."""
    member.set_password(password_for(member.username))
    member.save(update_fields=["password"])


def write_file(path: Path, accounts: dict[str, Member], *, url: str, fresh_accounts: bool) -> bool:
    """Write the sign-ins unless the file is there already; whether it was written.

    A file that was lost is written again, and then the passwords are those of the file again;
    `fresh_accounts` says that they were made a moment ago and need no look.
    """
    if path.exists():
        return False
    notes = NOTES | {one.role: one.note for one in STAFF}
    told: dict[str, object] = {}
    for role, member in accounts.items():
        if not fresh_accounts and not member.check_password(password_for(member.username)):
            open_for_trying(member)
        told[role] = {
            "username": member.username,
            "password": password_for(member.username),
            "name": member.name,
            "note": notes[role],
        }
    told["url"] = url
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    fresh.replace(path)
    return True
