"""What must be there before an editor can begin: the tree of pages, groups with their rights, the workflow.

Both functions may be called again and again; they add what is missing and leave alone what people changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from courses.catalogue.models import CourseIndexPage, HomePage, PolicyIndexPage

__all__ = ["EDITORS", "MODERATORS", "Tree", "ensure_editors", "ensure_tree"]

EDITORS = "编辑"
MODERATORS = "审核"


@dataclass(frozen=True)
class Tree:
    """The three pages under which everything hangs: /, /courses/, /policy/."""

    home: HomePage
    courses: CourseIndexPage
    policies: PolicyIndexPage


def ensure_tree() -> Tree:
    """The site with home page, list of courses (/courses/) and list of policies (/policy/), all live."""
    raise NotImplementedError


def ensure_editors() -> None:
    """Groups 编辑 and 审核 with their rights, and the workflow in which the second approves for the first."""
    raise NotImplementedError
