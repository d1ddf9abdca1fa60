"""The box on the admin's first page that says whose records of study cannot be reckoned."""

from __future__ import annotations

from typing import Any

from wagtail.admin.ui.components import Component

from courses.archive.behind import behind

__all__ = ["BehindPanel"]

SHOWN = 20


class BehindPanel(Component):
    """For administrators; nothing at all while everything is reckoned. Context: `behind`, `more`."""

    name, order = "archive_behind", 40
    template_name = "archive_admin/_behind.html"

    def get_context_data(self, parent_context: Any) -> dict[str, Any]:
        found = behind(most=SHOWN + 1)
        return {"behind": found[:SHOWN], "more": len(found) > SHOWN}
