"""The box on the admin's first page that says whose records of study have not been reckoned for too long."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from wagtail.admin.ui.components import Component

from courses.archive.behind import LONG, behind

__all__ = ["BehindPanel"]

SHOWN = 20


class BehindPanel(Component):
    """For administrators; nothing at all while everything is reckoned. Context: `behind`, `more`, `minutes`."""

    name, order = "archive_behind", 40
    template_name = "archive_admin/_behind.html"

    def get_context_data(self, parent_context: Any) -> dict[str, Any]:
        found = behind(now=timezone.now(), most=SHOWN + 1)
        return {
            "behind": found[:SHOWN],
            "more": len(found) > SHOWN,
            "minutes": int(LONG.total_seconds() // 60),
        }
