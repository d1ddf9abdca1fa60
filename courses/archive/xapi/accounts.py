"""The account by which a member is known in statements of every kind: our player's, cmi5's, whoever else's."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from courses.archive.xapi import values
from people.models import Member

__all__ = ["actor_of", "home_page", "is_ours", "member_of"]


def home_page() -> str:
    """The homePage of our accounts: the school's address without a slash at its end."""
    return settings.WAGTAILADMIN_BASE_URL.rstrip("/")


def is_ours(agent: dict[str, Any]) -> bool:
    """Whether the agent is an account here, also below our address, or with it written in another way."""
    page = agent.get("account", {}).get("homePage", "")
    return page.strip().lower().startswith(home_page().lower())


def actor_of(member: Member) -> dict[str, Any]:
    """The agent that stands for a member: no name, no number of any paper."""
    return {"objectType": "Agent", "account": {"homePage": home_page(), "name": str(member.uuid)}}


def member_of(agent: dict[str, Any]) -> Member | None:
    """The member whose account `agent` is, or None."""
    account = agent.get("account", {})
    uuid = values.parse_uuid(account.get("name"))
    if account.get("homePage") != home_page() or uuid is None:
        return None
    return Member.objects.filter(uuid=uuid).first()
