"""A huge lecture through a bad line: pieces, cut sockets, one memory, and the same bytes at the other end.

    ./run drill upload [--gb 20] [--cuts 20] [--seed 4]

A real school (web server, worker, broker) in a folder of its own takes a file of so many GB as the editor's browser
sends it: pieces of 4 MiB with a checksum each. At random bytes the socket is cut in the middle of a piece; the client then
asks how much has arrived and goes on. The file is a real lecture of some seconds followed by an empty box
(ISO/IEC 14496-12 §8.1.2), so that at the end the pipeline has something to make. It must arrive with its sha256, end READY, and
the web server must not grow by it. Before that a smaller upload, dropped again at its end, goes the same way over many
connections: each thread of each process fills buffers of its own with its first pieces and with its first cuts, whatever
comes later. Progress goes to stderr, a table to stdout, last a line of JSON. Exit code 0 when all is well.
"""

import argparse
import base64
import hashlib
import http.client
import json
import os
import random
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from _processes import descendants, family, program_of, resident_mb

ROOT = Path(__file__).resolve().parents[2]
PIECE = 4 * 1024**2
TOKEN = "d" * 32
GROWTH_MB = 32
"""What the web server's processes together may grow by from the first piece of the file to its last."""
WARM_UP = 1.5 * 10**9
"""Bytes that are sent before, at most a quarter of the file."""
EDITOR = """
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
editor = get_user_model().objects.create_superuser(username="drill", password="drill-" + "x" * 20, name="演习")
session = SessionStore()
session[SESSION_KEY] = str(editor.pk)
session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
session[HASH_SESSION_KEY] = editor.get_session_auth_hash()
session.save()
print("session", session.session_key)
"""
STATE = """
from media_pipeline.models import Asset
asset = Asset.objects.get(uuid="{uuid}")
print("state", asset.state, asset.sha256, asset.refusal_code)
"""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def lecture(folder: Path) -> bytes:
    """A moving picture with sound, six seconds."""
    from media_pipeline.engine import engine

    target = folder / "lecture.mp4"
    subprocess.run(
        [engine().ffmpeg, "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=25:d=6", "-f", "lavfi", "-i",
         "sine=d=6", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", str(target)],
        check=True,
    )  # fmt: skip
    return target.read_bytes()


class Huge:
    """The file that is sent: made piece by piece, never whole anywhere on this side."""

    def __init__(self, head: bytes, size: int, seed: int) -> None:
        rest = size - len(head)
        self.head = head + struct.pack(">I4sQ", 1, b"free", rest)
        self.size = size
        self.filling = random.Random(seed).randbytes(PIECE)

    def piece(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset` on."""
        length = min(length, self.size - offset)
        begin = self.head[offset : offset + length]
        at = (offset + len(begin)) % PIECE
        filling = self.filling[at:] + self.filling[:at]
        return begin + filling[: length - len(begin)]

    def digest(self) -> str:
        running = hashlib.sha256()
        for offset in range(0, self.size, PIECE):
            running.update(self.piece(offset, PIECE))
        return running.hexdigest()


class Client:
    """The tus requests of one signed-in editor."""

    def __init__(self, url: str, session: str) -> None:
        self.at = urlsplit(url)
        self.headers = {
            "Cookie": f"sessionid={session}; csrftoken={TOKEN}", "X-CSRFToken": TOKEN, "Tus-Resumable": "1.0.0",
        }  # fmt: skip
        self.line: http.client.HTTPConnection | None = None

    def ask(
        self, verb: str, path: str, headers: dict[str, str], body: bytes | None = None
    ) -> http.client.HTTPResponse:
        """The answer, read to its end. An answer that nobody here expects ends the drill with what it says."""
        if self.line is None:
            self.line = http.client.HTTPConnection(self.at.hostname or "", self.at.port, timeout=300)
        self.line.request(verb, path, body, self.headers | headers)
        answer = self.line.getresponse()
        said = answer.read()
        if answer.status not in {200, 201, 204, 409, 423}:
            raise SystemExit(f"{verb} {path}: {answer.status} {said.decode('utf-8', 'replace')[:500]}")
        return answer

    def open(self, name: str, size: int) -> tuple[str, str]:
        """Begin an upload; its address and the asset's uuid."""
        told = f"filename {base64.b64encode(name.encode()).decode()}"
        opened = self.ask(
            "POST", "/api/media/uploads/", {"Upload-Length": str(size), "Upload-Metadata": told}
        )
        return opened.headers["Location"], opened.headers["X-Asset"]

    def cut(self, path: str, headers: dict[str, str], body: bytes, after: int) -> None:
        """Begin a PATCH, send `after` bytes of it, and vanish."""
        self.hang_up()
        line = http.client.HTTPConnection(self.at.hostname or "", self.at.port, timeout=300)
        line.putrequest("PATCH", path)
        for name, value in (self.headers | headers | {"Content-Length": str(len(body))}).items():
            line.putheader(name, value)
        line.endheaders()
        line.send(body[:after])
        line.close()

    def drop(self, path: str) -> None:
        """End an upload without keeping it."""
        self.ask("DELETE", path, {})

    def hang_up(self) -> None:
        if self.line is not None:
            self.line.close()
            self.line = None


def web_memory_mb(launcher: int) -> float:
    """Resident memory of all processes of the web server together."""
    known = family()
    return sum(
        resident_mb(pid)
        for pid in descendants(known, launcher)
        if "portal.serve" in program_of(pid) + program_of(known[pid][0])
    )


def asked_of_django(script: str, environment: dict[str, str], word: str) -> list[str]:
    """The words behind `word` in what a script printed that ran on the school's own data."""
    said = subprocess.run(
        [sys.executable, str(ROOT / "site" / "manage.py"), "shell", "-v", "0", "-c", script],
        env=environment, cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    (line,) = (line for line in said.splitlines() if line.startswith(word + " "))
    return line.split()[1:]


def send(
    client: Client, path: str, huge: Huge, cuts: list[int], launcher: int, *, hang_up_each: int = 0
) -> Iterator[tuple[int, float]]:
    """Send everything; yields the offset and the web server's memory now and then. With `hang_up_each` every so many
    pieces go over a connection of their own."""
    offset, number = 0, 0
    while offset < huge.size:
        body = huge.piece(offset, PIECE)
        checksum = base64.b64encode(hashlib.sha1(body).digest()).decode()
        headers = {
            "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream",
            "Upload-Checksum": f"sha1 {checksum}",
        }  # fmt: skip
        if cuts and cuts[0] < offset + len(body):
            client.cut(path, headers, body, cuts.pop(0) - offset)
            offset = int(client.ask("HEAD", path, {}).headers["Upload-Offset"])
            continue
        answer = client.ask("PATCH", path, headers, body)
        if answer.status == 423:  # the request that was cut still has the turn
            time.sleep(0.2)
        else:
            offset = int(answer.headers["Upload-Offset"])
        number += 1
        if hang_up_each and number % hang_up_each == 0:
            client.hang_up()
        if number % 16 == 0 or offset == huge.size:
            yield offset, web_memory_mb(launcher)


def main(words: list[str]) -> int:
    asked = argparse.ArgumentParser(prog="./run drill upload", description=__doc__.splitlines()[0])
    asked.add_argument("--gb", type=float, default=2.0)
    asked.add_argument("--cuts", type=int, default=20)
    asked.add_argument("--seed", type=int, default=4)
    chosen = asked.parse_args(words)
    dice = random.Random(chosen.seed)
    with tempfile.TemporaryDirectory(prefix="eschool-drill-", dir=os.environ.get("DRILL_DIR")) as folder:
        data = Path(folder) / "data"
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.base")
        os.environ["ESCHOOL_DATA_DIR"] = str(data)
        size = max(int(chosen.gb * 10**9), 64 * PIECE)
        environment = os.environ | {
            "MAX_UPLOAD_BYTES": str(size),
            "MEDIA_ANALYSE": "off",
            "PYTHONUNBUFFERED": "1",
        }
        launcher = subprocess.Popen(
            [sys.executable, "-m", "portal.launch", "serve", "--port", "0", "--data", str(data), "--no-demonstration"],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        try:
            assert launcher.stdout is not None
            lines = []
            for line in launcher.stdout:
                lines.append(line)
                if found := re.match(r"ready (http://\S+)", line):
                    break
            else:
                raise SystemExit("the school did not start:\n" + "".join(lines[-40:]))
            return drilled(found[1], data, launcher.pid, size, chosen.cuts, dice, environment)
        finally:
            launcher.send_signal(signal.SIGINT)
            try:
                launcher.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(launcher.pid, signal.SIGKILL)


def drilled(
    url: str,
    data: Path,
    launcher: int,
    size: int,
    count: int,
    dice: random.Random,
    environment: dict[str, str],
) -> int:
    (session,) = asked_of_django(EDITOR, environment, "session")
    huge = Huge(lecture(data.parent), size, dice.randrange(10**6))
    cuts = sorted(dice.sample(range(PIECE, size), count))
    client, before = Client(url, session), 0.0
    warm = Huge(huge.head[:-16], max(16 * PIECE, min(int(WARM_UP), size // 4)), dice.randrange(10**6))
    path, _uuid = client.open("热身.mp4", warm.size)
    for _offset, held in send(
        client, path, warm, sorted(dice.sample(range(PIECE, warm.size), count)), launcher, hang_up_each=4
    ):
        before = held
    client.drop(path)
    say(f"  warm-up of {warm.size / 10**9:.2f} GB over, web server {before:.0f} MB")
    memory: list[float] = []
    began, told = time.monotonic(), 0.0
    path, uuid = client.open("大课.mp4", size)
    for offset, held in send(client, path, huge, cuts, launcher):
        memory.append(held)
        if time.monotonic() - told > 5:
            told = time.monotonic()
            say(f"  {offset / 10**9:6.2f} GB of {size / 10**9:.2f}, web server {held:.0f} MB")
    took = time.monotonic() - began
    wanted, until = huge.digest(), time.monotonic() + 600
    while True:
        state, digest, *why = asked_of_django(STATE.format(uuid=uuid), environment, "state")
        if state in {"READY", "REFUSED", "FAILED"} or time.monotonic() > until:
            break
        time.sleep(1)
    figures = {
        "gb": round(size / 10**9, 2), "cuts": count, "sha256_equal": digest == wanted, "state": state,
        "web_mb_before": round(before), "web_mb_begin": round(memory[0]), "web_mb_end": round(memory[-1]),
        "web_mb_peak": round(max(memory)), "mb_per_s": round(size / 10**6 / took),
    }  # fmt: skip
    well = figures["sha256_equal"] and state == "READY" and max(memory) - memory[0] <= GROWTH_MB
    for name, value in figures.items():
        print(f"{name:18} {value}")
    if why:
        say(f"refused: {why}")
    print(json.dumps(figures))
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
