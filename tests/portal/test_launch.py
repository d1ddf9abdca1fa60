"""`./run` and the launcher: what they refuse, and how they say it."""

import ast
import fcntl
import os
import socket
import subprocess
import sys

import pytest

from portal.launch import Child
from portal.settings.environment import ROOT


def launch(*words, **environment):
    """Run the launcher to its end; returns (exit code, everything that it printed)."""
    clean = {k: v for k, v in os.environ.items() if k not in {"DJANGO_SETTINGS_MODULE", "ESCHOOL_DATA_DIR"}}
    done = subprocess.run(
        [sys.executable, "-m", "portal.launch", *words],
        cwd=ROOT,
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def test_run_can_be_read_by_an_old_python_that_is_told_what_to_install():
    source = (ROOT / "run").read_text(encoding="utf-8")

    ast.parse(source, feature_version=(3, 6))


@pytest.mark.parametrize(
    ("words", "code", "says"), [(["--help"], 0, "./run test"), (["dance"], 2, "没有 ./run dance")]
)
def test_run_explains_itself(words, code, says):
    done = subprocess.run(
        [sys.executable, str(ROOT / "run"), *words], capture_output=True, text=True, timeout=60
    )

    assert done.returncode == code
    assert says in done.stdout + done.stderr


def test_a_port_in_use_is_named_and_nothing_is_prepared(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        code, output = launch("serve", "--port", str(port), "--data", str(tmp_path / "data"))

    assert code == 2
    assert f"127.0.0.1:{port} 不能使用" in output and f"--port {port + 1}" in output
    assert not (tmp_path / "data" / "eschool.sqlite3").exists()


def test_two_launchers_do_not_share_a_data_folder(tmp_path):
    with (tmp_path / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        code, output = launch("serve", "--port", "0", "--data", str(tmp_path))

    assert code == 2
    assert "正在被另一个 ./run 使用" in output


def test_reset_leaves_a_foreign_folder_alone(tmp_path):
    (tmp_path / "thesis.docx").write_text("years of work")

    code, output = launch("reset", "--data", str(tmp_path), "--yes")

    assert code == 2 and "没有删除任何内容" in output
    assert (tmp_path / "thesis.docx").read_text() == "years of work"


def test_reset_deletes_our_own_folder(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "secrets.json").write_text("{}")

    code, output = launch("reset", "--data", str(data), "--yes")

    assert code == 0 and "已删除" in output
    assert not data.exists()


def test_production_does_not_start_without_its_secrets(tmp_path):
    code, output = launch(
        "manage",
        "check",
        ESCHOOL_MODE="production",
        ESCHOOL_DATA_DIR=str(tmp_path),
        ALLOWED_HOSTS="a.example",
    )

    assert code != 0
    assert "生产模式缺少密钥" in output and "Traceback" not in output
    assert not (tmp_path / "secrets.json").exists()


def test_secrets_of_a_demonstration_are_made_once_and_kept_private(tmp_path):
    for _time in range(2):
        code, output = launch("manage", "check", ESCHOOL_DATA_DIR=str(tmp_path))
        assert code == 0, output
        kept = tmp_path / "secrets.json"
        assert kept.stat().st_mode & 0o077 == 0
        if _time == 0:
            first = kept.read_text()

    assert kept.read_text() == first


@pytest.mark.parametrize("kind", ["bench", "drill"])
def test_an_unknown_benchmark_or_drill_lists_what_there_is(kind):
    code, output = launch(kind, "nonsense")

    assert code == 2
    assert f"./run {kind}" in output


def test_a_process_group_that_is_somebody_elses_by_now_stops_nothing(monkeypatch):
    # given a process that ended long ago, whose number the system gave to somebody else
    child = Child("web", [sys.executable, "-c", ""], dict(os.environ))
    child.process = subprocess.Popen(child.command)
    child.process.wait()
    child.down_since = 0.0

    def refuses(group, signal):
        raise PermissionError

    started = []
    monkeypatch.setattr(os, "killpg", refuses)
    monkeypatch.setattr(child, "start", lambda: started.append(True))
    child.look_after()
    assert started == [True]
