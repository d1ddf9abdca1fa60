"""Real Elasticsearch nodes for tests: started from shared/elasticsearch-node, stopped by their pid."""

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

__all__ = ["Node", "free_ports", "missing", "shared_node", "start_cluster"]

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(
    os.environ.get("ESCHOOL_ES_NODE") or ROOT.parent / "shared/elasticsearch-node/elasticsearch-node"
)
HEAP = "320m"
QUIET = "cluster.info.update.interval=24h"
"""The server looks every 30 s how full its disk is and lifts a write block that it finds too strict; a test that
sets one by hand (`test_a_full_disk_is_told_as_such_and_nothing_is_lost`) shall not meet that moment."""


def missing() -> str:
    """Why no node can be started here, or ""."""
    if os.environ.get("ESCHOOL_TEST_SEARCH_URL"):
        return ""
    if not PROGRAM.exists():
        return f"{PROGRAM} is missing; ESCHOOL_ES_NODE may say where the program is"
    with _turn(Path(tempfile.gettempdir())):
        built = subprocess.run([PROGRAM, "build"], capture_output=True, text=True, timeout=600, check=False)
    return "" if built.returncode == 0 else f"{PROGRAM} build: {built.stderr.strip()[-500:]}"


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


class Node:
    """One server process; dies with the process that started it."""

    def __init__(self, home: Path, port: int, *settings: str) -> None:
        self.home, self.port, self.url = home, port, f"http://127.0.0.1:{port}"
        home.mkdir(parents=True, exist_ok=True)
        self.log = home / "out.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "run", home, str(port), QUIET, *settings],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "ELASTICSEARCH_HEAP": HEAP},
                preexec_fn=_die_with_parent,
            )

    def wait(self, *, nodes: int = 1, seconds: float = 180) -> None:
        """Until the cluster of this node is green or yellow and has so many nodes."""
        asked = f"{self.url}/_cluster/health?wait_for_status=yellow&wait_for_nodes=%3E%3D{nodes}&timeout=1s"
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(OSError, ValueError), urllib.request.urlopen(asked, timeout=5) as answer:
                if not json.load(answer)["timed_out"]:
                    return
            time.sleep(0.2)
        self.stop()
        raise AssertionError(f"no healthy Elasticsearch on port {self.port}: {self.log.read_text()[-2000:]}")

    def kill(self) -> None:
        """As a loss of power: SIGKILL."""
        self.process.kill()
        self.process.wait(30)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


def start_cluster(folder: Path, count: int) -> list[Node]:
    """`count` nodes that have found each other."""
    ports, transports = free_ports(count), free_ports(count)
    seeds = ",".join(f"127.0.0.1:{port}" for port in transports)
    names = ",".join(f"n{number}" for number in range(count))
    nodes = [
        Node(
            folder / f"n{number}",
            ports[number],
            f"node.name=n{number}",
            f"transport.port={transports[number]}",
            f"discovery.seed_hosts={seeds}",
            f"cluster.initial_master_nodes={names}",
        )
        for number in range(count)
    ]
    try:
        for node in nodes:
            node.wait(nodes=count)
    except BaseException:
        for node in nodes:
            node.stop()
        raise
    return nodes


@contextlib.contextmanager
def shared_node(folder: Path) -> Iterator[str]:
    """The address of one node for all workers of a parallel run: the first one starts it and stops it last.

    `folder` is common to the workers. With ESCHOOL_TEST_SEARCH_URL that server is used instead.
    """
    given = os.environ.get("ESCHOOL_TEST_SEARCH_URL")
    if given:
        yield given
        return
    folder.mkdir(parents=True, exist_ok=True)
    told, mine = folder / "url", None
    with _turn(folder):
        if not told.exists():
            port, transport = free_ports(2)
            mine = Node(folder / "home", port, f"transport.port={transport}")
            mine.wait()
            told.write_text(mine.url)
        (folder / f"user-{os.getpid()}").touch()
    try:
        yield told.read_text()
    finally:
        (folder / f"user-{os.getpid()}").unlink()
        if mine is not None:
            deadline = time.monotonic() + 900
            while any(folder.glob("user-*")) and time.monotonic() < deadline:
                time.sleep(0.2)
            told.unlink()
            mine.stop()


@contextlib.contextmanager
def _turn(folder: Path) -> Iterator[None]:
    with (folder / "eschool-elasticsearch.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _die_with_parent() -> None:
    ctypes.CDLL("libc.so.6").prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
