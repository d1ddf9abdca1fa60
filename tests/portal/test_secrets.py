"""Secrets of a school that was just installed."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ASK = "from portal.settings.environment import secret; print([secret(name) for name in ('A', 'B', 'C')])"


def test_processes_that_begin_at_the_same_moment_make_up_the_same_secrets(tmp_path):
    environment = os.environ | {
        "ESCHOOL_DATA_DIR": str(tmp_path / "new"),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'site'}",
    }

    asking = [
        subprocess.Popen([sys.executable, "-c", ASK], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    answers = {process.communicate()[0] for process in asking}

    assert [process.returncode for process in asking] == [0, 0, 0, 0]
    assert len(answers) == 1
    kept = json.loads((tmp_path / "new" / "secrets.json").read_text())
    assert sorted(kept) == ["A", "B", "C"]
    assert (tmp_path / "new" / "secrets.json").stat().st_mode & 0o077 == 0
