"""A PostgreSQL of a drill's or a benchmark's own: made below a folder, on a free port, gone at the end."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

__all__ = ["Postgres", "free_port"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Postgres:
    """Its commits are on disk before they are answered (the server's own defaults)."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
        self._bin = found[-1].parent if found else None

    @property
    def available(self) -> bool:
        return self._bin is not None

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def program(self, name: str) -> str:
        assert self._bin is not None
        return str(self._bin / name)

    def make(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:  # initdb refuses to be root
            for one in (self.folder, *self.folder.parents):
                if one == Path("/tmp") or one == Path("/"):
                    break
                one.chmod(0o755)
            shutil.chown(self.folder, "postgres")
        self._run(
            "initdb",
            "-D",
            str(self.folder / "db"),
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "-U",
            "postgres",
        )

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        options += " -c max_connections=200"
        self._run(
            "pg_ctl",
            "-D",
            str(self.folder / "db"),
            "-w",
            "-l",
            str(self.folder / "log"),
            "-o",
            options,
            "start",
        )

    def stop(self) -> None:
        if (self.folder / "db" / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", str(self.folder / "db"), "-m", "immediate", "stop")

    @property
    def pid(self) -> int:
        return int((self.folder / "db" / "postmaster.pid").read_text().split()[0])

    def _run(self, name: str, *words: str) -> None:
        before = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run(
            [*before, self.program(name), *words],
            check=True,
            stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            cwd="/",
        )
