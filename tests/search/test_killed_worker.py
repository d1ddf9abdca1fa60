"""kill -9 of the worker at any moment: no change is lost, none stays stale. Real processes, real signals."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture
def school(
    transactional_db, tree, tmp_path, engine_kind, settings
):  # no open transaction: SQLite's backup waits for its end
    """A function that starts a process over this test's database and an index of its own."""
    if connection.vendor == "sqlite":  # the tests' database is in memory: the processes get a copy
        copy = tmp_path / "school.sqlite3"
        with sqlite3.connect(copy) as target:
            connection.connection.backup(target)
        target.close()
        database_url = f"sqlite:///{copy}"
    else:
        given = {**connection.settings_dict}
        who = ":".join(quote(given[name], safe="") for name in ("USER", "PASSWORD") if given[name])
        where = (
            f"{quote(given['HOST'], safe='')}:{given['PORT']}" if given["PORT"] else quote(given["HOST"], "")
        )
        database_url = f"postgres://{who}@{where}/{given['NAME']}"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "portal.settings.base",
        "ESCHOOL_DATA_DIR": str(tmp_path),
        "DATABASE_URL": database_url,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'site'}",
        "STOP_FILE": str(tmp_path / "stop"),
    }
    if engine_kind == "elasticsearch":
        environment |= {"SEARCH_URL": settings.SEARCH["URL"], "SEARCH_INDEX": settings.SEARCH["INDEX"]}
    started = []

    def start(*arguments, **more):
        process = subprocess.Popen(
            [sys.executable, str(HERE / "school_process.py"), *arguments],
            env={**environment, **more},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def answer(school):
    output, _ = school("show").communicate(timeout=180)
    return json.loads(output)


def test_killed_between_outbox_and_commit_nothing_is_lost(school, tmp_path):
    stop = tmp_path / "stop"
    stop.touch()  # a worker goes home when the outbox is empty
    assert school("worker").wait(180) == 0  # makes the index
    # Given four changes in the outbox
    assert school("editor", "4").wait(180) == 0
    # When the worker dies before the index commits, and again after that but before the rows go
    for moment in ("read", "committed"):
        assert school("worker", DIE_AT=moment).wait(180) == -signal.SIGKILL
        assert answer(school)["waiting"] == 4
    # Then the next one finishes the work
    assert school("worker").wait(180) == 0
    seen = answer(school)
    assert seen["found"] == seen["truth"]
    assert (len(seen["truth"]), seen["waiting"]) == (4, 0)


@pytest.mark.embedded  # some fifty processes: once is enough in every run
def test_killed_at_random_during_many_saves_nothing_is_lost(school, tmp_path):
    chance = random.Random(6)
    editor = school("editor", "400")
    for _ in range(4):
        worker = school("worker")
        assert worker.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.05, 0.8))
        worker.send_signal(signal.SIGKILL)
        worker.wait(30)
    assert editor.wait(300) == 0
    (tmp_path / "stop").touch()
    assert school("worker").wait(300) == 0
    seen = answer(school)
    assert seen["found"] == seen["truth"]
    assert (len(seen["truth"]), seen["waiting"]) == (4, 0)
