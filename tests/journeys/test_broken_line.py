"""A line that keeps breaking: an editor's browser uploads through a proxy that cuts sockets at random bytes."""

import hashlib
import random
import socket
import struct
import subprocess
import threading
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from media_pipeline.engine import engine
from tests.journeys.conftest import DESKTOP
from tests.journeys.school import Visitor

pytestmark = pytest.mark.journey
CUTS = 4


class BreakingLine:
    """A TCP proxy on loopback. While `cuts_left` is not 0, a connection dies after a random number of bytes upward."""

    def __init__(self, target: str) -> None:
        where = urlsplit(target)
        self.target = (where.hostname, where.port)
        self.cuts_left = 0
        self.whole_until = 0
        self.asleep: list[socket.socket] = []
        self.sent_up = 0
        self.dice = random.Random(20261123)
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # closed at the end of the test
            while True:
                client, _address = self.listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client, socket.create_connection(self.target) as server:
            threading.Thread(target=self._down, args=(server, client), daemon=True).start()
            budget = self.dice.randrange(300_000, 1_500_000)
            while data := client.recv(64 * 1024):
                budget -= len(data)
                with self.lock:
                    self.sent_up += len(data)
                    cut = budget < 0 and self.cuts_left > 0 and self.sent_up > self.whole_until
                    if cut:
                        self.cuts_left -= 1
                        self.whole_until = self.sent_up + 2_500_000
                if cut:
                    server.sendall(data[: max(1, len(data) + budget)])  # the rest is lost on the way
                    silent = self.cuts_left % 2 == 0
                    for end in (client,) if silent else (client, server):
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        end.shutdown(socket.SHUT_RDWR)
                    if silent:  # a laptop was closed: the server hears nothing, not even a good-bye
                        self.asleep.append(server.dup())
                    return
                server.sendall(data)

    @staticmethod
    def _down(server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(64 * 1024):
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.listener.close()
        for sleeper in self.asleep:
            sleeper.close()


@pytest.fixture
def line(school):
    breaking = BreakingLine(school.url)
    yield breaking
    breaking.close()


def test_an_upload_survives_a_line_that_breaks_again_and_again(chromium, school, line, tmp_path):
    lecture = tmp_path / "断网也能传完.mp4"
    noisy = "testsrc2=s=640x360:r=25:d=6,noise=alls=60:allf=t"
    subprocess.run(
        [engine().ffmpeg, "-v", "error", "-f", "lavfi", "-i", noisy, "-c:v", "libx264", "-preset", "ultrafast",
         "-b:v", "16M", "-pix_fmt", "yuv420p", str(lecture)], check=True,
    )  # fmt: skip
    size, digest = lecture.stat().st_size, hashlib.sha256(lecture.read_bytes()).hexdigest()
    assert size > 8_000_000
    context = chromium.new_context(viewport=DESKTOP, locale="zh-CN", timezone_id="Asia/Shanghai")
    editor = Visitor(context.new_page(), replace(school, url=line.url), "broken-line")
    editor.sign_in("editor", to="/admin/")
    editor.go("/admin/lectures/")
    hint = editor.page.locator(".lecture-upload__choose").inner_text()
    assert "GB" in hint and "断网" in hint
    before, line.cuts_left = line.sent_up, CUTS

    editor.page.set_input_files("[data-lecture-upload-target='file']", str(lecture))
    editor.page.get_by_text("断网也能传完.mp4").first.wait_for()
    editor.page.locator(".lecture-stages:visible").first.wait_for(timeout=180_000)

    assert line.cuts_left == 0, "the line did not break as often as it should"
    assert (school.data / "media" / "sources" / digest[:2] / digest).stat().st_size == size
    # What is sent again is at most the piece (4 MB) that was under way, never the whole file.
    assert line.sent_up - before < size + CUTS * 2 * 4 * 1024**2
    context.close()
