"""The model's process may die, hang, talk rubbish or be left alone: words answer, and nobody waits."""

import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from django.contrib.auth.models import AnonymousUser

from search import api
from search.errors import MeaningAway
from search.meaning import process

NOBODY = AnonymousUser()
QUESTION = "每个月要上交多少钱？"
ROOT = Path(process.__file__).parents[2]


@pytest.fixture
def library_embedded(library, embed):
    api.rebuild()
    embed()
    return library


@pytest.fixture
def child(monkeypatch):
    """A function that makes the child that is asked from now on; of a line of Python, or the real model."""
    made = []

    def make(code: str | None = None, **more) -> process.Child:
        program = (*process.PROGRAM, "e5") if code is None else (sys.executable, "-c", f"{HEAD}; {code}")
        made.append(process.Child(program, **more))
        monkeypatch.setattr(process, "asking", lambda: made[-1])
        return made[-1]

    yield make
    for one in made:
        one.close()


HEAD = "import socket, time; s = socket.socket(fileno=0); ready = (384).to_bytes(4, 'little')"


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(what, seconds=10.0) -> bool:
    until = time.monotonic() + seconds
    while not what() and time.monotonic() < until:
        time.sleep(0.02)
    return what()


def asked():
    found = asdict(api.search(QUESTION, NOBODY))
    del found["took_ms"]
    return found


@pytest.mark.django_db
@pytest.mark.embedded
def test_a_killed_child_costs_the_meaning_once_and_comes_back(library_embedded, child, settings, caplog):
    one = child(rest_s=0.5)
    on = asked()
    settings.SEARCH = {**settings.SEARCH, "MEANING": ""}
    by_words = asked()
    settings.SEARCH = {**settings.SEARCH, "MEANING": "e5"}
    assert on != by_words
    os.kill(one.pid, signal.SIGKILL)
    caplog.clear()
    assert asked() == asked() == by_words
    assert one.pid is None
    assert wait_for(lambda: asked() == on)
    told = [record for record in caplog.records if record.name == process.__name__]
    assert [record.levelno for record in told] == [logging.WARNING]


@pytest.mark.django_db
@pytest.mark.embedded
@pytest.mark.parametrize(
    "code",
    [
        "raise SystemExit(1)",
        "s.sendall(bytes(4)); time.sleep(60)",
        "s.sendall(b'not at all a number'); time.sleep(60)",
        "s.sendall(ready); s.recv(9999); s.sendall(bytes(384 * 4)); time.sleep(60)",
        "s.sendall(ready); s.recv(9999); s.sendall(b'\\xff' * 384 * 4); time.sleep(60)",
        "s.sendall(ready); s.recv(9999); s.sendall(b'half of it'); s.close()",
        "s.sendall(ready + bytes(5000)); time.sleep(60)",
    ],
)
def test_a_child_that_dies_or_talks_rubbish_is_ended(library_embedded, child, code):
    one = child(code)
    results = api.search(QUESTION, NOBODY)
    assert not results.degraded
    assert one.pid is None
    started = time.monotonic()
    api.search(QUESTION, NOBODY)
    assert time.monotonic() - started < 1 and one.pid is None  # it rests


@pytest.mark.parametrize("code", ["time.sleep(60)", "s.sendall(ready); time.sleep(60)"])
def test_a_child_that_hangs_is_waited_for_a_moment_and_then_ended(child, code, monkeypatch):
    monkeypatch.setattr(process, "QUERY_S", 0.25)
    monkeypatch.setattr(process, "HANGS_S", 1.0)
    one = child(code)
    started = time.monotonic()
    with pytest.raises(MeaningAway):
        one.query(QUESTION)
    assert time.monotonic() - started < 1.0
    pid = one.pid
    assert is_alive(pid)
    while one.pid is not None and time.monotonic() - started < 10:
        with pytest.raises(MeaningAway):
            one.query(QUESTION)
    assert time.monotonic() - started < 10 and not is_alive(pid)


def test_an_answer_that_comes_late_is_given_to_nobody(child, monkeypatch):
    answers = "import struct; a = lambda n: struct.pack('<384f', *[float(i == n) for i in range(384)])"
    late = "s.sendall(ready); s.recv(9999); time.sleep(1); s.sendall(a(1)); s.recv(9999); s.sendall(a(2)); time.sleep(60)"
    one = child(f"{answers}; {late}")
    monkeypatch.setattr(process, "QUERY_S", 0.6)
    with pytest.raises(MeaningAway):
        one.query("first")
    monkeypatch.setattr(process, "QUERY_S", 20.0)
    assert np.argmax(one.query("second")) == 2


def test_the_child_knows_none_of_our_secrets(child, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "geheim")
    one = child()
    one.query(QUESTION)
    told = Path(f"/proc/{one.pid}/environ").read_bytes()
    assert b"OMP_NUM_THREADS=1" in told and b"geheim" not in told and b"DJANGO" not in told


PARENT = f"""
import sys, threading, time
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "site")!r}]
from django.conf import settings
settings.configure(SEARCH={{"MEANING": "e5"}})
from search.meaning import process
process.QUERY_S = 20
"""


def begun(code: str) -> tuple[subprocess.Popen, list[int]]:
    """A process of another school, and the numbers in its first line."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT + code], stdout=subprocess.PIPE, text=True)
    return parent, [int(one) for one in parent.stdout.readline().split()]


@pytest.mark.parametrize("work", ["one.query('a')", "one.passages(['很长的一段话' * 50] * 2000)"])
def test_no_child_is_left_when_its_parent_is_killed(work):
    busy = f"threading.Thread(target=lambda: {work}, daemon=True).start(); time.sleep(1)"
    parent, [pid] = begun(
        f"one = process.asking(); one.query('a'); {busy}; print(one.pid, flush=True); time.sleep(60)"
    )
    assert is_alive(pid)
    parent.kill()
    parent.wait()
    assert wait_for(lambda: not is_alive(pid), 3.0)


def test_a_forked_process_has_a_child_of_its_own():
    """The fork asks, then the one that was there before: both are answered, by two children."""
    code = """
import os
one = process.asking(); one.query('a'); first = one.pid
fork = os.fork()
if not fork:
    process.asking().query('b')
    os._exit(0 if process.asking().pid != first else 1)
done = os.waitpid(fork, 0)[1]
one.query('c')
print(done, int(one.pid == first), flush=True)
"""
    parent, told = begun(code)
    parent.wait()
    assert told == [0, 1]
