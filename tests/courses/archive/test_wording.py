"""What the archive says: a word for everything that it writes, one name for one thing, and the right next step."""

import ast
from pathlib import Path

from django.conf import settings

from courses.archive.wording import EVIDENCE

COURSES = Path(__file__).parents[3] / "courses"


def literals_of(name):
    """Every text that is written as `name="…"` somewhere in courses/."""
    return {
        part.value.value
        for file in COURSES.rglob("*.py")
        for part in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(part, ast.keyword) and part.arg == name and isinstance(part.value, ast.Constant)
    }


def test_every_kind_of_evidence_that_is_written_has_its_word():
    written = literals_of("evidence_type") - {""}
    assert written >= {"beats", "cmi5", "claim", "record"}
    assert written - set(EVIDENCE) == set()


def test_closing_a_year_has_one_name():
    catalogue = Path(settings.LOCALE_PATHS[0]) / "zh_Hans" / "LC_MESSAGES" / "django.po"
    text = catalogue.read_text(encoding="utf-8")
    assert "归档" in text and "关账" not in text
