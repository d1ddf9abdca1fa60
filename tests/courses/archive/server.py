"""The school's web process as `./run` starts it, on a database that a test gives it, for what only the wire can show."""

from __future__ import annotations

import http.client
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection

from portal.settings.environment import ROOT

__all__ = ["DJANGO_ALONE", "Answer", "Server", "database_url", "free_port", "raw_post"]

PATIENCE_S = 60
DJANGO_ALONE = "tests.courses.archive.django_alone:application"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def database_url(folder: Path) -> str:
    """Where another process finds what the test wrote: the test's own PostgreSQL database, or a copy of SQLite's,
    which is in memory, in a file below `folder`. Called after the test has written what it needs."""
    known = connection.settings_dict
    if connection.vendor == "postgresql":
        place = f"{known['HOST'] or '127.0.0.1'}:{known['PORT'] or 5432}"
        return f"postgres://{known['USER']}:{known['PASSWORD']}@{place}/{known['NAME']}"
    file = folder / "school.sqlite3"
    connection.ensure_connection()
    copy = sqlite3.connect(file)
    connection.connection.backup(copy)
    copy.close()
    return f"sqlite:///{file}"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    cookies: list[str] = field(default_factory=list)
    """Lines of Set-Cookie."""

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """One web process, with both doors of production or with DJANGO_ALONE.

    It has the tests' settings and keys, so that tokens made here are good there.
    """

    url: str
    folder: Path
    application: str = "portal.asgi:application"
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Server:
        self.log = self.folder / "web.log"
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "portal.serve",
                "--application",
                self.application,
                "--port",
                str(self.port),
                "--workers",
                "1",
            ],
            cwd=ROOT,
            env=os.environ
            | {
                "DJANGO_SETTINGS_MODULE": "portal.settings.test",
                "DATABASE_URL": self.url,
                "PYTHONPATH": f"{ROOT}:{ROOT / 'site'}",
                "PLAY_TOKEN_KEY": str(settings.STUDY["PLAY_TOKEN_KEY"]),
                "SECRET_KEY": str(settings.SECRET_KEY),
            },
            stdin=subprocess.DEVNULL,
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
        )
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.ask("GET", "/api/archive/beats")
                return self
            except OSError:
                if time.monotonic() > until or self.process.poll() is not None:
                    self.__exit__()
                    raise AssertionError(f"the server did not start:\n{self.said()[-3000:]}") from None
                time.sleep(0.1)

    def __exit__(self, *unused: object) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def sql(self, text: str) -> list[tuple]:
        """One statement in the database that the school runs on, past Django; its rows, where it has any."""
        if self.url.startswith("sqlite"):
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=20)) as kept, kept:
                return kept.execute(text).fetchall()
        with psycopg.connect(self.url, autocommit=True) as server:
            done = server.execute(text)
            return done.fetchall() if done.description else []

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        *,
        timeout: float = 30,
    ) -> Answer:
        there = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            there.request(method, path, body, headers or {})
            answer = there.getresponse()
            return Answer(
                answer.status,
                {name.lower(): value for name, value in answer.getheaders()},
                answer.read(),
                answer.headers.get_all("Set-Cookie", []),
            )
        finally:
            there.close()

    def beats(self, body: bytes | dict, **headers: str) -> Answer:
        sent = json.dumps(body).encode() if isinstance(body, dict) else body
        return self.ask("POST", "/api/archive/beats", sent, {"Content-Type": "application/json"} | headers)


def raw_post(server: Server, head: str, *pieces: bytes, pause_s: float = 0.0, hang_up: bool = False) -> bytes:
    """POST to the beats as it is written here, piece by piece; what came back (nothing after hanging up)."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as there:
        lines = f"POST /api/archive/beats HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}\r\n\r\n"
        there.sendall(lines.encode())
        for piece in pieces:
            there.sendall(piece)
            time.sleep(pause_s)
        if hang_up:
            return b""
        said = b""
        while b"\r\n\r\n" not in said:
            more = there.recv(65536)
            if not more:
                return said
            said += more
        return said
