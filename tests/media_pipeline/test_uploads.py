"""Uploads by tus: through HTTP, broken off and taken up again, refused in words."""

import base64
import gc
import hashlib
import io
import os
import threading
import time
import tracemalloc
import weakref
from datetime import timedelta

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.test import Client
from django.test.client import ClientHandler
from django.utils import timezone

from media_pipeline import api
from media_pipeline.errors import OffsetMismatch, UploadBrokenOff, UploadBusy
from media_pipeline.intake import uploads
from media_pipeline.intake.patience import PatientStream
from media_pipeline.models import Asset, Job, Upload
from tests.factories import MemberFactory
from tests.media_pipeline.clips import tree

pytestmark = pytest.mark.django_db
TUS = {"HTTP_TUS_RESUMABLE": "1.0.0"}
COLLECTION = "/api/media/uploads/"


@pytest.fixture
def browser(client, editor, own_root):
    client.force_login(editor)
    return client


def create(browser, name: str, size: int, **told):
    pairs = {"filename": name, **told}
    said = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())
    return browser.post(COLLECTION, HTTP_UPLOAD_LENGTH=str(size), HTTP_UPLOAD_METADATA=said, **TUS)


def send(browser, address: str, offset: int, data: bytes):
    return browser.patch(
        address, data, content_type="application/offset+octet-stream", HTTP_UPLOAD_OFFSET=str(offset), **TUS
    )


def test_the_server_says_what_it_speaks(browser):
    said = browser.options(COLLECTION)

    assert said.status_code == 204
    assert said["Tus-Version"] == "1.0.0"
    assert said["Tus-Extension"] == "creation,checksum,expiration,termination"
    assert said["Tus-Checksum-Algorithm"] == "sha256,sha1"
    assert said["Tus-Max-Size"] == str(20 * 1024**3)


def test_a_whole_upload(browser, editor, own_root):
    data = bytes(range(256)) * 5000
    made = create(browser, "民主集中制-录课.mov", len(data), projection="EQUIRECT", stereo="NONSENSE")
    address = made["Location"]

    assert made.status_code == 201 and made.json() == {"asset": made["X-Asset"], "upload": address}
    asset = Asset.objects.get(uuid=made["X-Asset"])
    assert (asset.state, asset.title, asset.uploaded_by) == ("UPLOADING", "民主集中制-录课", editor)
    assert (asset.projection_chosen, asset.stereo_chosen) == ("EQUIRECT", "")

    first = send(browser, address, 0, data[:700_000])
    assert (first.status_code, first["Upload-Offset"]) == (204, "700000")
    assert browser.head(address, **TUS)["Upload-Offset"] == "700000"
    last = send(browser, address, 700_000, data[700_000:])
    assert (last.status_code, last["Upload-Offset"]) == (204, str(len(data)))

    asset.refresh_from_db()
    digest = hashlib.sha256(data).hexdigest()
    assert (asset.state, asset.sha256, asset.size_bytes) == ("RECEIVED", digest, len(data))
    assert tree(own_root) == {f"sources/{digest[:2]}/{digest}": data}
    assert [(job.stage, job.state) for job in asset.jobs.all()] == [("PROBE", "WAITING")]
    # The client lost our last answer: it asks, and learns that all is there.
    assert browser.head(address, **TUS)["Upload-Offset"] == str(len(data))
    assert api.receive_chunk(Upload.objects.get(), offset=len(data), stream=io.BytesIO()) == len(data)
    assert Job.objects.count() == 1


class Cut:
    """A stream that breaks after `good` bytes."""

    def __init__(self, data: bytes, good: int) -> None:
        self.data, self.good = data, good

    def read(self, most: int) -> bytes:
        if self.good == 0:
            raise OSError("connection reset")
        piece, self.data = self.data[: min(most, self.good)], self.data[min(most, self.good) :]
        self.good -= len(piece)
        return piece


def test_what_had_come_when_the_line_broke_is_kept(browser, editor, own_root, tmp_path):
    data = b"lecture" * 100_000
    upload = api.begin_upload(editor, name="a.mp4", size_bytes=len(data))

    with pytest.raises(UploadBrokenOff) as broken:
        api.receive_chunk(upload, offset=0, stream=Cut(data, 123_456))

    assert broken.value.offset == 123_456
    address = f"{COLLECTION}{upload.uuid}/"
    assert browser.head(address, **TUS)["Upload-Offset"] == "123456"
    assert api.status(upload.asset).progress == round(0.2 * 123_456 / len(data), 4)
    # Another server process goes on: it does not know the hash under way.
    uploads._running.drop(own_root / "incoming" / str(upload.uuid))
    assert send(browser, address, 123_456, data[123_456:]).status_code == 204
    upload.asset.refresh_from_db()
    assert upload.asset.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("dies_at", ["uploads.digest", "storage.keep_source", "_received"])
def test_a_server_that_dies_at_the_last_byte(browser, editor, own_root, monkeypatch, dies_at):
    data = b"lecture" * 1000
    upload = api.begin_upload(editor, name="a.mp4", size_bytes=len(data))
    address = f"{COLLECTION}{upload.uuid}/"

    def die(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr(f"media_pipeline.api.intake.{dies_at}", die)
    with pytest.raises(MemoryError):
        api.receive_chunk(upload, offset=0, stream=io.BytesIO(data))
    monkeypatch.undo()

    assert Asset.objects.get().state == "UPLOADING"
    for _time in range(2):
        assert browser.head(address, **TUS)["Upload-Offset"] == str(len(data))
    asset = Asset.objects.get()
    digest = hashlib.sha256(data).hexdigest()
    assert (asset.state, asset.sha256, asset.jobs.count()) == ("RECEIVED", digest, 1)
    assert tree(own_root) == {f"sources/{digest[:2]}/{digest}": data}


@pytest.mark.parametrize("algorithm", ["sha256", "sha1"])
def test_a_piece_that_does_not_hash_to_its_checksum_is_taken_back(browser, editor, own_root, algorithm):
    upload = api.begin_upload(editor, name="a.mp4", size_bytes=300)
    address = f"{COLLECTION}{upload.uuid}/"
    send(browser, address, 0, b"x" * 100)

    def piece(offset: int, sent: bytes, meant: bytes):
        digest = base64.b64encode(hashlib.new(algorithm, meant).digest()).decode()
        return browser.patch(
            address, sent, content_type="application/offset+octet-stream", HTTP_UPLOAD_OFFSET=str(offset),
            HTTP_UPLOAD_CHECKSUM=f"{algorithm} {digest}", **TUS,
        )  # fmt: skip

    damaged = piece(100, b"y" * 99 + b"?", b"y" * 100)
    assert (damaged.status_code, damaged.json()["code"]) == (460, "CHECKSUM")
    assert tree(own_root) == {f"incoming/{upload.uuid}": b"x" * 100}
    assert browser.head(address, **TUS)["Upload-Offset"] == "100"

    assert piece(100, b"y" * 100, b"y" * 100).status_code == 204
    assert piece(200, b"z" * 100, b"z" * 100).status_code == 204
    upload.asset.refresh_from_db()
    assert upload.asset.sha256 == hashlib.sha256(b"x" * 100 + b"y" * 100 + b"z" * 100).hexdigest()


@pytest.mark.parametrize("said", ["md5 AAAA", "sha256", "sha256 ***"])
def test_a_checksum_that_we_do_not_understand_moves_nothing(browser, editor, own_root, said):
    upload = api.begin_upload(editor, name="a.mp4", size_bytes=300)

    answer = browser.patch(
        f"{COLLECTION}{upload.uuid}/", b"x", content_type="application/offset+octet-stream",
        HTTP_UPLOAD_OFFSET="0", HTTP_UPLOAD_CHECKSUM=said, **TUS,
    )  # fmt: skip

    assert answer.status_code in {400, 460}
    assert tree(own_root) == {f"incoming/{upload.uuid}": b""}


def test_a_large_file_needs_no_memory(editor, own_root):
    """64 MB go through; what Python holds at most is a few pieces. (Nothing in it grows with the file.)"""
    most = 64 * 1024**2
    upload = api.begin_upload(editor, name="a.mp4", size_bytes=most)
    piece = os.urandom(1024**2)

    class Wire:
        left = most

        def read(self, wanted):
            given = piece[: min(wanted, self.left)]
            self.left -= len(given)
            return given

    tracemalloc.start()
    try:
        api.receive_chunk(upload, offset=0, stream=Wire())
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 8 * 1024**2
    assert Asset.objects.get().sha256 == hashlib.sha256(piece * 64).hexdigest()


@pytest.mark.parametrize("name", ["讲稿.docx", "课件.PPTX", "照片.jpg", "资料.zip"])
def test_documents_are_refused_before_a_byte_goes(browser, own_root, name):
    said = create(browser, name, 100)

    assert (said.status_code, said.json()["code"]) == (422, "TYPE")
    assert name[-4:].lower() in said.json()["message"]
    assert not Asset.objects.exists() and tree(own_root) == {}


def test_what_may_be_uploaded_is_known_before(editor, own_root, settings):
    chosen = settings.MEDIA_PIPELINE
    settings.MEDIA_PIPELINE = chosen | {"MAX_UPLOAD_BYTES": 500, "QUOTA_BYTES": 0, "DISK_RESERVE_BYTES": 0}
    assert api.upload_terms().largest_bytes == 500

    settings.MEDIA_PIPELINE = chosen | {"MAX_UPLOAD_BYTES": 500, "QUOTA_BYTES": 300, "DISK_RESERVE_BYTES": 0}
    assert (api.upload_terms().largest_bytes, api.upload_terms().room_bytes) == (300, 300)


@pytest.mark.parametrize("who", ["nobody", "an editor with an old form token", "an editor at a wrong offset"])
def test_a_refused_piece_is_heard_out(client, editor, own_root, who):
    """A browser that is still sending does not listen: what is refused must be read to its end all the same."""
    upload = api.begin_upload(editor, name="a.mp4", size_bytes=10**6)
    body = io.BytesIO(b"x" * 300_000)
    client.force_login(editor)
    environ = client._base_environ() | {
        "REQUEST_METHOD": "PATCH", "PATH_INFO": f"{COLLECTION}{upload.uuid}/", "CONTENT_LENGTH": "300000",
        "CONTENT_TYPE": "application/offset+octet-stream", "HTTP_UPLOAD_OFFSET": "777", "wsgi.input": body, **TUS,
    }  # fmt: skip
    if who == "nobody":
        environ["HTTP_COOKIE"] = ""
    if who == "an editor at a wrong offset":
        environ["HTTP_COOKIE"] += "; csrftoken=" + "a" * 32
        environ["HTTP_X_CSRFTOKEN"] = "a" * 32

    answer = ClientHandler(enforce_csrf_checks=True)(environ)

    assert answer.status_code == {"nobody": 403, "an editor with an old form token": 403}.get(who, 409)
    assert body.tell() == 300_000
    assert tree(own_root) == {f"incoming/{upload.uuid}": b""}


def test_a_wrong_offset_moves_nothing(browser, editor, own_root):
    upload = api.begin_upload(editor, name="a.mp4", size_bytes=100)
    address = f"{COLLECTION}{upload.uuid}/"
    send(browser, address, 0, b"x" * 40)

    said = send(browser, address, 10, b"y" * 40)

    assert (said.status_code, said["Upload-Offset"]) == (409, "40")
    assert tree(own_root) == {f"incoming/{upload.uuid}": b"x" * 40}


def test_more_than_announced_is_not_taken(editor, own_root, browser):
    upload = api.begin_upload(editor, name="a.mp4", size_bytes=10)

    assert send(browser, f"{COLLECTION}{upload.uuid}/", 0, b"0123456789tail").status_code == 204
    (kept,) = tree(own_root).values()
    assert kept == b"0123456789"


def test_the_newest_request_has_the_turn(editor, own_root):
    """A laptop was closed while it sent: the server still waits on the old line, the new one goes on at once."""
    data = b"0123456789" * 10
    upload = api.begin_upload(editor, name="a.mp4", size_bytes=100)
    pieces = iter([data[:30], b"late bytes of the old line"])

    class OldLine:
        first = True

        def read(self, most):
            if not self.first:
                assert api.receive_chunk(upload, offset=30, stream=Cut(data[30:], 70)) == 100
            self.first = False
            return next(pieces)

    with pytest.raises(UploadBusy):
        api.receive_chunk(upload, offset=0, stream=OldLine())

    asset = Asset.objects.get()
    assert (asset.state, asset.sha256) == ("RECEIVED", hashlib.sha256(data).hexdigest())
    assert list(tree(own_root).values()) == [data]


def test_a_line_that_falls_silent_is_given_up_and_what_had_come_is_kept(editor, own_root):
    upload = api.begin_upload(editor, name="a.mp4", size_bytes=100)
    hung_up = threading.Event()

    class Silent:
        given = False

        def read(self, most):
            if self.given:
                hung_up.wait(30)
                return b""
            self.given = True
            return b"x" * 40

    with pytest.raises(UploadBrokenOff) as broken, PatientStream(Silent(), patience_s=0.2) as stream:
        api.receive_chunk(upload, offset=0, stream=stream)
    hung_up.set()

    assert broken.value.offset == 40
    assert tree(own_root) == {f"incoming/{upload.uuid}": b"x" * 40}
    assert api.receive_chunk(upload, offset=40, stream=io.BytesIO(b"y" * 60)) == 100


def test_a_patient_stream_gives_what_the_stream_gives():
    with PatientStream(io.BytesIO(b"0123456789"), patience_s=5) as stream:
        assert [stream.read(4), stream.read(4), stream.read(4), stream.read(4)] == [
            b"0123",
            b"4567",
            b"89",
            b"",
        ]
    with PatientStream(io.BytesIO(b"0123"), patience_s=5, expected=10) as stream:
        assert stream.read(10) == b"0123"
        with pytest.raises(ConnectionError, match="6 bytes did not come"):
            stream.read(10)
    with PatientStream(Cut(b"abc", 2), patience_s=5) as stream:
        assert stream.read(10) == b"ab"
        with pytest.raises(OSError, match="connection reset"):
            stream.read(10)


def test_the_same_file_twice_is_kept_once(editor, own_root):
    for _time in range(2):
        upload = api.begin_upload(editor, name="a.mp4", size_bytes=3)
        api.receive_chunk(upload, offset=0, stream=io.BytesIO(b"abc"))

    assert len(tree(own_root)) == 1
    assert Asset.objects.filter(sha256=hashlib.sha256(b"abc").hexdigest()).count() == 2


@pytest.mark.parametrize(
    ("size", "limits", "status", "code", "words"),
    [
        (0, {}, 422, "EMPTY", "0 字节"),
        (2000, {"MAX_UPLOAD_BYTES": 1000}, 413, "TOO_BIG", "超过上限"),
        (2000, {"QUOTA_BYTES": 1000}, 507, "QUOTA", "空间"),
        (2000, {"DISK_RESERVE_BYTES": 10**18}, 507, "NO_ROOM", "磁盘"),
    ],
)
def test_refused_before_a_byte_goes(browser, settings, own_root, size, limits, status, code, words):
    settings.MEDIA_PIPELINE = settings.MEDIA_PIPELINE | limits

    said = create(browser, "a.mp4", size)

    assert (said.status_code, said.json()["code"]) == (status, code)
    assert words in said.json()["message"]
    assert not Asset.objects.exists() and not Upload.objects.exists() and tree(own_root) == {}


def test_who_may_not(client, own_root, editor):
    said = create(client, "a.mp4", 10)
    assert (said.status_code, said.json()["code"]) == (401, "SIGN_IN")

    client.force_login(MemberFactory())
    said = create(client, "a.mp4", 10)
    assert (said.status_code, said.json()["code"]) == (403, "NO_RIGHT")

    upload = api.begin_upload(editor, name="a.mp4", size_bytes=10)
    other = MemberFactory()
    other.user_permissions.set(editor.user_permissions.all())
    client.force_login(other)
    address = f"{COLLECTION}{upload.uuid}/"
    assert client.head(address, **TUS).status_code == 404
    assert send(client, address, 0, b"x").status_code == 404
    assert client.delete(address, **TUS).status_code == 404
    assert tree(own_root) == {f"incoming/{upload.uuid}": b""}
    assert Asset.objects.count() == 1


def test_another_site_cannot_send(editor, own_root):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(editor)

    assert create(strict, "a.mp4", 10).status_code == 403
    assert not Asset.objects.exists()


def test_cancelled(browser, editor, own_root):
    upload = api.begin_upload(editor, name="a.mp4", size_bytes=10)
    address = f"{COLLECTION}{upload.uuid}/"
    send(browser, address, 0, b"12345")

    assert browser.delete(address, **TUS).status_code == 204
    assert browser.head(address, **TUS).status_code == 404
    asset = Asset.objects.get()
    assert (asset.state, asset.refusal_code) == ("REFUSED", "CANCELLED")
    assert tree(own_root) == {}


def test_abandoned_uploads_are_swept(editor, own_root):
    upload = api.begin_upload(editor, name="a.mp4", size_bytes=10)
    api.receive_chunk(upload, offset=0, stream=io.BytesIO(b"12345"))
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    api.reap()

    asset = Asset.objects.get()
    assert (asset.state, asset.refusal_code) == ("REFUSED", "ABANDONED")
    assert not list((own_root / "incoming").iterdir()) and not Upload.objects.exists()
    with pytest.raises(OffsetMismatch):
        api.receive_chunk(upload, offset=5, stream=io.BytesIO(b"67890"))


def test_forgotten_files_are_swept_fresh_ones_kept(own_root, db):
    for name, age_s in (("old", 8 * 24 * 3600), ("fresh", 3600)):
        path = own_root / "incoming" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        os.utime(path, (time.time() - age_s,) * 2)

    api.reap()

    assert list(tree(own_root / "incoming")) == ["fresh"]


def test_names_are_for_showing_only(editor, own_root):
    upload = api.begin_upload(editor, name="..\\..\\C:/etc/-vf\n<b>.mp4", size_bytes=10)

    assert upload.asset.original_name == "-vf<b>.mp4"
    assert list(tree(own_root)) == [f"incoming/{upload.uuid}"]


def test_nothing_of_a_body_is_left_once_it_is_answered(browser, editor, own_root):
    """A request of Django's is garbage in a ring; the megabytes that it would hold must not wait for the collector."""
    address = create(browser, "大课.mp4", 4000)["Location"]

    class Body(io.BytesIO):
        pass

    body = Body(b"x" * 1000)
    gone = weakref.ref(body)
    environ = {
        "REQUEST_METHOD": "PATCH",
        "PATH_INFO": address,
        "CONTENT_LENGTH": "1000",
        "CONTENT_TYPE": "application/offset+octet-stream",
        "HTTP_UPLOAD_OFFSET": "0",
        "HTTP_COOKIE": f"sessionid={browser.cookies['sessionid'].value}",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "wsgi.input": body,
        "wsgi.url_scheme": "http",
    } | TUS
    del body
    handler = ClientHandler(enforce_csrf_checks=False)
    handler.load_middleware()
    gc.collect()
    gc.disable()
    try:
        request = WSGIRequest(environ)
        request._dont_enforce_csrf_checks = True
        answer = handler.get_response(request)
        del environ
        del request
        assert answer.status_code == 204
        assert answer["Upload-Offset"] == "1000"
        assert gone() is None
    finally:
        gc.enable()
