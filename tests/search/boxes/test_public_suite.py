"""modelsearch's public backend tests pass against our backend, all of them, and by the engine, not by substrings."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SUITE = Path(__file__).parent / "public_suite"


@pytest.mark.database
def test_the_public_suite_passes_without_a_test_left_out(engine_kind, settings):
    # The suite needs modelsearch's test app among the installed ones, so it runs in a process of its own.
    ended = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                "-p",
                "no:xdist",
                "--nomigrations",
            ),
            f"--ds={settings_of(SUITE)}",
            str(SUITE / "suite.py"),
        ],
        cwd=ROOT,
        env={
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTEST_", "ESCHOOL_TEST"))
        }
        | {
            "SEARCH_URL": settings.SEARCH["URL"] if engine_kind == "elasticsearch" else "",
            "SEARCH_INDEX": f"{settings.SEARCH['INDEX']}-suite",
        },
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert ended.returncode == 0, ended.stdout[-5000:]
    summary = ended.stdout.strip().splitlines()[-1]
    assert int(re.search(r"(\d+) passed", summary)[1]) >= 121, summary
    assert "skipped" not in summary and "xfailed" not in summary, summary


def settings_of(folder: Path) -> str:
    return ".".join([*folder.relative_to(ROOT).parts, "settings"])
