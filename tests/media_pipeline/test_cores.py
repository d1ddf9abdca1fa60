"""Cores for jobs: each taken once, given back, and never by force."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from media_pipeline.cores import held_cores
from media_pipeline.runner import Limits, run

linux = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity on this system")
_SAYS_ITS_CORES = "import os; print(sorted(os.sched_getaffinity(0)))"


@linux
def test_each_core_is_held_once_and_given_back(tmp_path):
    all_cores = sorted(os.sched_getaffinity(0))
    with held_cores(len(all_cores), folder=tmp_path) as mine:
        assert list(mine) == all_cores
        with held_cores(1, folder=tmp_path) as none_left:
            assert none_left == ()
    with held_cores(1, folder=tmp_path) as one:
        assert list(one) == all_cores[:1]


@linux
def test_too_few_are_as_none(tmp_path):
    with held_cores(10**4, folder=tmp_path) as mine:
        assert mine == ()
        with held_cores(1, folder=tmp_path) as one:
            assert len(one) == 1


@linux
def test_a_killed_holder_holds_nothing(tmp_path):
    program = (
        "import pathlib, sys, time\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from media_pipeline.cores import held_cores\n"
        f"with held_cores(1, folder=pathlib.Path({str(tmp_path)!r})) as mine:\n"
        "    print(mine, flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as holder:
        held = holder.stdout.readline()
        holder.kill()
        holder.wait()
    with held_cores(1, folder=tmp_path) as mine:
        assert f"{mine}\n" == held


def test_none_wanted_none_taken(tmp_path):
    with held_cores(0, folder=tmp_path / "never") as mine:
        assert mine == ()
    assert not (tmp_path / "never").exists()


@linux
def test_a_program_runs_on_the_core_that_is_held(tmp_path, monkeypatch):
    monkeypatch.setattr("media_pipeline.cores.tempfile.gettempdir", lambda: str(tmp_path))
    limits = Limits(wall_s=30, cpu_s=30)
    said = run([sys.executable, "-c", _SAYS_ITS_CORES], limits=limits, cwd=tmp_path, capture=True, cores=1)
    anywhere = run([sys.executable, "-c", _SAYS_ITS_CORES], limits=limits, cwd=tmp_path, capture=True)

    all_cores = sorted(os.sched_getaffinity(0))
    assert said.stdout.strip() == str(all_cores[:1])
    assert anywhere.stdout.strip() == str(all_cores)
