"""The web server itself, in a process of its own: whoever sends half a request, or far too much of one, is hung up on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from portal import serve
from tests.drills._postgres import free_port
from tests.drills._processes import descendants, family, program_of

HERE = Path(__file__).parent
ASK = b"GET /hello HTTP/1.1\r\nHost: school\r\n"


@pytest.fixture(scope="module")
def port():
    number = free_port()
    web = subprocess.Popen(
        [sys.executable, "-c", f"""
import sys
sys.path.insert(0, {str(HERE)!r})
from portal import serve
serve.HEAD_PATIENCE_S = 1.0
serve.main(["--port", "{number}", "--workers", "1", "--application", "served:application"])
"""],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    try:
        for _ in range(200):
            try:
                connect(number).close()
                break
            except OSError:
                time.sleep(0.05)
        yield number
    finally:
        web.terminate()
        web.wait(20)


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def hear(line: socket.socket) -> bytes:
    """All that the server says until it hangs up."""
    said = b""
    while piece := line.recv(65536):
        said += piece
    return said


def test_a_dead_worker_is_replaced_at_once_though_another_does_not_answer():
    number = free_port()
    web = subprocess.Popen(
        [sys.executable, "-m", "portal.serve", "--port", str(number), "--workers", "2",
         "--application", "served:application"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])},
    )  # fmt: skip
    try:
        wait_for(lambda: len(workers_of(web.pid)) == 2 and is_answered(number))
        # given workers that were asked how they are and say nothing
        silent, dying = workers_of(web.pid)
        os.kill(silent, signal.SIGSTOP)
        os.kill(dying, signal.SIGSTOP)
        time.sleep(1.5)
        # when one dies of it
        os.kill(dying, signal.SIGKILL)
        # then another answers soon, long before the patience with the silent one is over
        wait_for(lambda: is_answered(number), 20)
        assert silent in workers_of(web.pid) and dying not in workers_of(web.pid)
        # and when both have died
        os.kill(silent, signal.SIGKILL)
        wait_for(lambda: len(set(workers_of(web.pid)) - {silent, dying}) == 2, 20)
    finally:
        for pid in workers_of(web.pid):
            os.kill(pid, signal.SIGCONT)
        web.terminate()
        web.wait(20)


def workers_of(supervisor: int) -> list[int]:
    known = family()
    return [pid for pid in descendants(known, supervisor) if "spawn_main" in program_of(pid)]


def is_answered(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as line:
            line.sendall(ASK + b"Connection: close\r\n\r\n")
            return hear(line).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def wait_for(is_so, patience_s: float = 60) -> None:
    until = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_an_answer_is_one_packet_and_the_line_is_kept(port):
    with connect(port) as line:
        for _ in range(3):
            line.sendall(ASK + b"\r\n")
            said = line.recv(65536)
            assert said.startswith(b"HTTP/1.1 200 OK\r\n") and said.endswith(b"\r\n\r\nGET /hello 0")


def test_a_large_answer_and_a_large_body_are_whole(port):
    with connect(port) as line:
        line.sendall(
            b"POST /echo HTTP/1.1\r\nHost: school\r\nContent-Length: 3000000\r\nConnection: close\r\n\r\n"
        )
        line.sendall(b"x" * 3_000_000)
        head, _, body = hear(line).partition(b"\r\n\r\n")
    assert b"content-length: 3000000" in head
    assert (len(body), set(body)) == (3_000_000, {ord("x")})


def test_headers_without_end_are_refused(port):
    # forty megabytes fit into no buffer on the way: it must hang up in the middle of what we send
    with connect(port) as line, pytest.raises(ConnectionError):
        line.sendall(ASK)
        for _ in range(20_000):
            line.sendall(b"X-More: " + b"y" * 2000 + b"\r\n")


def test_one_header_of_a_hundred_kilobytes_is_refused(port):
    with connect(port) as line:
        line.sendall(ASK + b"X-Long: " + b"y" * 100_000)
        assert hear(line).startswith(b"HTTP/1.1 431 ")


def test_as_many_headers_as_browsers_send_are_heard(port):
    with connect(port) as line:
        line.sendall(ASK + b"Cookie: " + b"y" * 30_000 + b"\r\nConnection: close\r\n\r\n")
        assert b" 200 OK" in hear(line)


@pytest.mark.parametrize("begun", [b"", b"GET", ASK])
def test_a_request_that_does_not_come_to_its_end_is_hung_up_on(port, begun):
    # given somebody who begins a request, and says a little more now and then
    with connect(port) as line:
        line.sendall(begun)
        before = time.monotonic()
        # when the time for headers is over
        assert hear(line) == b""
        # then the line is closed
        assert 0.5 < time.monotonic() - before < 5


def test_a_line_that_rests_between_two_requests_is_kept(port):
    with connect(port) as line:
        line.sendall(ASK + b"\r\n")
        assert line.recv(65536).endswith(b"GET /hello 0")
        time.sleep(2.5)
        line.sendall(ASK + b"\r\n")
        assert line.recv(65536).endswith(b"GET /hello 0")


def test_what_is_no_request_is_told_so(port):
    with connect(port) as line:
        line.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert hear(line).startswith(b"HTTP/1.1 400 ")


def test_nobody_is_believed_to_come_from_elsewhere(port):
    with connect(port) as line:
        line.sendall(
            b"GET /client HTTP/1.1\r\nHost: school\r\nX-Forwarded-For: 9.9.9.9\r\nConnection: close\r\n\r\n"
        )
        assert hear(line).endswith(b"127.0.0.1")


def test_the_limits_are_those_of_a_browser_and_a_slow_line():
    assert (serve.HEAD_MOST, serve.HEAD_PATIENCE_S) == (65536, 30.0)
