"""The door that uvicorn serves: clients that go away, bodies that break off, queries that are none."""

from __future__ import annotations

import asyncio

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.http import UnreadablePostError

from portal import asgi

MIB = b"x" * 1024**2


class Client:
    """Sends `messages`, then goes away when `leaves` is set; keeps what it was sent."""

    def __init__(self, *messages: dict, reads: int = 1000) -> None:
        self.messages, self.reads = list(messages), reads
        self.said: list[dict] = []
        self.leaves = asyncio.Event()

    async def receive(self) -> dict:
        if self.messages:
            return self.messages.pop(0)
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict) -> None:
        if self.reads == 0:
            await asyncio.Event().wait()  # the connection is full: nobody reads
        self.reads -= 1
        self.said.append(message)


def ask(client: Client, method="GET", path="/download", *, query: bytes = b"", leaves_after=None, length=100):
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "http_version": "1.1",
        "headers": [(b"content-length", b"%d" % length)] if method in ("POST", "PATCH") else [],
    }

    async def run() -> None:
        if leaves_after is not None:
            asyncio.get_running_loop().call_later(leaves_after, client.leaves.set)
        await asyncio.wait_for(asgi.application(scope, client.receive, client.send), 10)

    asyncio.run(run())


class Download:
    """A file of 64 MiB, a piece at a time; knows whether it was closed."""

    def __init__(self) -> None:
        self.read = 0
        self.closed = False

    def __iter__(self):
        while self.read < 64:
            self.read += 1
            yield MIB

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def download(monkeypatch):
    served = Download()

    def application(environ, start_response):
        start_response("200 OK", [])
        return served

    monkeypatch.setattr(asgi, "wsgi_application", application)
    return served


EMPTY = {"type": "http.request", "body": b"", "more_body": False}


def test_a_download_that_nobody_waits_for_gives_its_thread_back(download):
    # given a client that reads three pieces, stops reading, and goes away
    client = Client(EMPTY, reads=4)
    ask(client, leaves_after=0.2)
    # then the file is not read to its end, is closed, and no end is said
    assert (download.read, download.closed) == (4, True)
    assert [message.get("more_body") for message in client.said] == [None, True, True, True]


def test_a_download_that_is_read_is_whole(download):
    client = Client(EMPTY, reads=2000)
    ask(client)
    assert (download.read, download.closed) == (64, True)
    assert sum(len(message.get("body", b"")) for message in client.said) == 64 * 1024**2
    assert client.said[-1]["more_body"] is False


@pytest.fixture
def reader(monkeypatch):
    """What a view gets that reads its body."""
    found: list[object] = []

    def application(environ, start_response):
        try:
            found.append(WSGIRequest(environ).body)
        except UnreadablePostError as broken:
            found.append(broken)
        start_response("204 No Content", [])
        return []

    monkeypatch.setattr(asgi, "wsgi_application", application)
    return found


HALF = {"type": "http.request", "body": b"a" * 50, "more_body": True}
LARGE = {"type": "http.request", "body": b"a" * 100_000, "more_body": True}
REST = {"type": "http.request", "body": b"b" * 50, "more_body": False}


def test_half_a_form_is_not_taken_for_a_whole_one(reader):
    # a small one never comes to Django at all
    client = Client(HALF)
    ask(client, "POST", "/form", leaves_after=0)
    assert (reader, client.said) == ([], [])
    # a large one breaks off while it is read
    ask(Client(*[LARGE] * 3), "POST", "/form", leaves_after=0, length=500_000)
    assert [type(one) for one in reader] == [UnreadablePostError]


def test_an_upload_keeps_what_came_of_it(reader):
    ask(Client(HALF), "PATCH", "/api/media/uploads/1", leaves_after=0)
    assert reader == [b"a" * 50]


def test_a_body_that_comes_whole_is_read(reader):
    ask(Client(HALF, REST), "POST", "/form")
    assert reader == [b"a" * 50 + b"b" * 50]


def test_a_query_that_is_not_ascii_is_a_bad_request(reader):
    client = Client(EMPTY)
    ask(client, query="q=党".encode())
    assert (client.said[0]["status"], reader) == (400, [])


def test_a_large_body_is_read_as_it_comes(reader):
    last = REST | {"body": b"b" * 100_000}
    ask(Client(*[LARGE] * 4, last), "POST", "/form", length=500_000)
    assert reader == [b"a" * 400_000 + b"b" * 100_000]


def test_a_body_without_a_length_is_read(reader, monkeypatch):
    # given a body that comes in chunks (RFC 9112 §7.1), as some programs send theirs
    scope = {"type": "http", "method": "POST", "path": "/form", "query_string": b"", "http_version": "1.1",
             "headers": [(b"transfer-encoding", b"chunked")]}  # fmt: skip
    client = Client(HALF, REST)
    asyncio.run(asgi.application(scope, client.receive, client.send))
    assert reader == [b"a" * 50 + b"b" * 50]


# Slow lines


class Lecture(Download):
    """A file: Django's FileResponse looks like this to the door."""

    is_file = True


def together(*asking) -> None:
    async def run() -> None:
        await asyncio.wait_for(asyncio.gather(*asking), 20)

    asyncio.run(run())


def scope_of(method: str, path: str) -> dict:
    headers = [(b"content-length", b"100")] if method in ("POST", "PATCH") else []
    return {"type": "http", "method": method, "path": path, "query_string": b"", "http_version": "1.1",
            "headers": headers}  # fmt: skip


@pytest.fixture
def school(monkeypatch):
    """Pages, lectures, and forms that are read, behind as few threads as `./run` gives them."""
    lectures: list[Lecture] = []

    def application(environ, start_response):
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/lecture":
            lectures.append(Lecture())
            return lectures[-1]
        if environ["REQUEST_METHOD"] in ("POST", "PATCH"):
            environ["wsgi.input"].read(100)
        return [b"page"]

    monkeypatch.setattr(asgi, "wsgi_application", application)
    return lectures


def slow_ones(method: str, path: str, number: int, *messages: dict, reads: int) -> tuple[list[Client], list]:
    clients = [Client(*messages, reads=reads) for _ in range(number)]
    return clients, [asgi.application(scope_of(method, path), one.receive, one.send) for one in clients]


@pytest.mark.parametrize(
    ("method", "path", "messages", "reads"),
    [
        ("GET", "/lecture", [EMPTY], 3),
        ("POST", "/form", [HALF], 1000),
        ("PATCH", "/api/media/uploads/1", [HALF], 1000),
    ],
)
def test_members_on_slow_lines_keep_nobody_waiting(school, method, path, messages, reads):
    # given thirty that are slow: in taking a lecture, in sending a form, in uploading
    slow, asking = slow_ones(method, path, 30, *messages, reads=reads)

    async def page() -> list[dict]:
        # when somebody wants a page meanwhile
        await asyncio.sleep(0.3)
        one = Client(EMPTY)
        await asyncio.wait_for(asgi.application(scope_of("GET", "/page"), one.receive, one.send), 5)
        # (and the thirty go away at last)
        for client in slow:
            client.leaves.set()
        return one.said

    said: list = []

    async def keep() -> None:
        said.extend(await page())

    together(*asking, keep())
    # then it comes at once
    assert [message.get("body") for message in said] == [None, b"page"]
    # and of the lectures no more was read than was taken, and none stays open
    assert [(one.read <= 4, one.closed) for one in school] == [(True, True)] * len(school)


def test_a_lecture_is_poured_whole_and_closed(school):
    client = Client(EMPTY, reads=1000)
    ask(client, path="/lecture")
    assert sum(len(message.get("body", b"")) for message in client.said) == 64 * 1024**2
    assert (client.said[-1]["more_body"], school[0].closed) == (False, True)


def test_of_a_lecture_only_the_head_is_said_when_only_that_is_asked(school):
    client = Client(EMPTY)
    ask(client, "HEAD", "/lecture")
    assert [message.get("body") for message in client.said] == [None, b""]
    assert (school[0].read, school[0].closed) == (0, True)
