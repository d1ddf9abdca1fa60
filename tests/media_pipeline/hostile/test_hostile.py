"""Files that mean harm, through the whole pipeline: nothing leaks, nobody is called, limits hold, words are plain.

The table runs without the sandbox, so that the guards of the argument list have to hold by
themselves (and what a program used can be measured); what reaches out runs again inside it.
"""

import contextlib
import hashlib
import re
import shutil
import socket
import subprocess
import threading

import pytest
from django.utils import translation

from media_pipeline import api, runner, sandbox, storage
from media_pipeline.engine import engine
from media_pipeline.models import AssetState, Job
from tests.media_pipeline.clips import picture, sound, tree
from tests.media_pipeline.hostile.kinds import KINDS, REACHING_OUT, World

pytestmark = [pytest.mark.django_db, pytest.mark.media]

SECRET = b"NEIGHBOUR-SECRET-5f1c"
MOST_CPU_S = 30
MOST_BYTES = 1536 * 1024**2
"""Resident memory no program may exceed on any of these files (the limit of the check is 3 GiB of addresses)."""


@pytest.fixture(scope="module")
def listener():
    """TCP and UDP on loopback; who calls is written down."""
    calls: list[str] = []
    tcp = socket.create_server(("127.0.0.1", 0))
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))

    def accept():
        with contextlib.suppress(OSError):
            while True:
                peer, _address = tcp.accept()
                calls.append("tcp")
                peer.close()

    def receive():
        with contextlib.suppress(OSError):
            while True:
                udp.recvfrom(2048)
                calls.append("udp")

    for wait in (accept, receive):
        threading.Thread(target=wait, daemon=True).start()
    yield tcp.getsockname()[1], udp.getsockname()[1], calls
    tcp.close()
    udp.close()


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """Honest pieces to start from, as bytes."""
    folder = tmp_path_factory.mktemp("honest")

    def made(name, *arguments):
        target = folder / name
        subprocess.run(
            [engine().ffmpeg, "-v", "error", "-y", *arguments, str(target)], check=True, capture_output=True
        )
        return target.read_bytes()

    quick = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
    clip = picture("128x72", 10, 2)
    with_sound = [*clip, *sound(2), "-c:a", "aac"]
    return {
        "mp4": made("a.mp4", *with_sound, *quick),
        "mkv": made("a.mkv", *clip, *quick),
        "wmv": made("a.wmv", *clip, *sound(2), "-c:v", "wmv2", "-c:a", "wmav2"),
        "mp3": made("a.mp3", *sound(2), "-c:a", "libmp3lame"),
        "jpeg": made("a.jpg", *picture("128x72", 1, 1), "-frames:v", "1", "-q:v", "8", "-pix_fmt", "yuvj420p"),
        "ts_small": made("a.ts", *clip, *quick),
        "ts_large": made("b.ts", *picture("640x360", 10, 1), *quick),
        "huge_picture": made(
            "h.mp4", "-f", "lavfi", "-i", "color=black:s=6016x6016:r=1:d=2", *quick, "-threads", "1"
        ),
    }  # fmt: skip


@pytest.fixture
def world(listener, honest, own_root, tmp_path):
    secret = tmp_path / "secret.ts"
    secret.write_bytes(honest["ts_small"] + SECRET)
    return World(port=listener[0], udp_port=listener[1], secret=secret, **honest)


@pytest.fixture
def used(monkeypatch):
    """CPU seconds and resident bytes of every program that was run."""
    spent: list[tuple[float, int]] = []
    real = runner._wait

    def measured(process, end):
        spent.append(real(process, end))
        return spent[-1]

    monkeypatch.setattr(runner, "_wait", measured)
    return spent


def send(world, tmp_path, kind, name=None):
    """The file `kind` as an asset that has gone its whole way, with the secret beside its stored bytes."""
    content = KINDS[kind].make(world)
    upload = tmp_path / "inbox" / (name or KINDS[kind].name)
    upload.parent.mkdir(exist_ok=True)
    upload.write_bytes(content)
    beside = storage.source_path(hashlib.sha256(content).hexdigest()).parent / world.secret.name
    beside.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(world.secret, beside)
    asset = api.ingest_file(upload, title=upload.stem, uploaded_by=None, enqueue=False)
    asset = api.work_off(asset)
    beside.unlink()
    return asset


def said_of(asset):
    """All that was kept or shown in words: refusal, job errors, facts."""
    with translation.override("zh-hans"):
        shown = api.why_not_playable(asset) + api.status(asset).message
    jobs = "".join(Job.objects.filter(asset=asset).values_list("error", flat=True))
    return shown, f"{shown}{asset.refusal_values}{jobs}{asset.facts}{asset.contents}"


def unharmed(asset, own_root, kind):
    """Assert what holds for every kind, refused or published."""
    shown, kept = said_of(asset)
    assert not Job.objects.open().filter(asset=asset).exists()
    assert SECRET.decode() not in kept
    outcome = "READY" if asset.state == AssetState.READY else asset.refusal_code
    assert outcome == KINDS[kind].end, (outcome, kept[-1500:])
    if asset.state != AssetState.READY:
        assert asset.state in {AssetState.REFUSED, AssetState.FAILED}
        assert re.search("[一-鿿]", shown) and "%(" not in shown and "/tmp" not in shown
        assert asset.folder == ""
        return
    published = tree(own_root / "sets")
    assert sum(len(content) for content in published.values()) < 3 * 1024**2
    assert asset.duration_s < 8 and asset.fps <= 120
    for path, content in published.items():
        for mark in (
            SECRET,
            b"<script",
            b"POLYGLOT-MARK",
            b"ATTACHED-MARK",
            b"#EXTM3U\n#EXT-X-TARGETDURATION:9",
        ):
            assert mark not in content, (path, mark)


@pytest.mark.parametrize("kind", KINDS)
def test_harmless(kind, world, listener, own_root, settings, tmp_path, used):
    settings.MEDIA_PIPELINE |= {"SANDBOX": "off"}

    asset = send(world, tmp_path, kind)

    unharmed(asset, own_root, kind)
    assert listener[2] == []
    # `wait4` says how much memory and time each program really took.
    assert max((peak for _cpu, peak in used), default=0) < MOST_BYTES
    assert sum(cpu for cpu, _peak in used) < MOST_CPU_S


@pytest.mark.parametrize("kind", REACHING_OUT)
def test_harmless_in_the_sandbox(kind, world, listener, own_root, settings, tmp_path, sandboxed):
    asset = send(world, tmp_path, kind)

    unharmed(asset, own_root, kind)
    assert listener[2] == []


@pytest.fixture
def sandboxed(settings):
    if sandbox.available(engine().ffprobe) is None:
        pytest.skip("bubblewrap does not work here")
    settings.MEDIA_PIPELINE |= {"SANDBOX": "require"}


@pytest.mark.parametrize(
    "name",
    [
        "-vf.mp4",
        "a\nfile 'secret.ts'.mp4",
        "%05d.mp4",
        "|id|.mp4",
        "concat:a|b.mp4",
        "$(id).mp4",
        "a" * 200 + ".mp4",
    ],
)
def test_the_name_is_no_weapon(name, world, own_root, settings, tmp_path):
    settings.MEDIA_PIPELINE |= {"SANDBOX": "off"}

    asset = send(world, tmp_path, "html-inside", name=name)

    assert asset.state == AssetState.READY
    assert "\n" not in asset.original_name
    assert not any("secret" in path or "vf" in path for path in tree(own_root / "sets"))


@pytest.mark.parametrize(
    "name", ["../../secret.ts", "/etc/passwd", "C:\\x\\..\\nul.mp4", "\x00a.mp4", "http://127.0.0.1/x.mp4"]
)
def test_names_of_an_upload_lead_nowhere(name, editor, own_root):
    upload = api.begin_upload(editor, name=name, size_bytes=10)

    assert "/" not in upload.asset.original_name and "\\" not in upload.asset.original_name
    assert "\x00" not in upload.asset.original_name
    assert set(tree(own_root)) == {f"incoming/{upload.uuid}"}


def open_everything(world, tmp_path, kind, *, wrapped):
    """The probe with all protocols and formats deliberately allowed."""
    path = tmp_path / f"open-{kind}.m3u8"
    path.write_bytes(KINDS[kind].make(world))
    command = [
        engine().ffprobe, "-v", "error", "-protocol_whitelist", "file,http,tcp,udp,crypto", "-allowed_extensions",
        "ALL", "-extension_picky", "0", "-f", "hls", "-i", f"file:{path}",
    ]  # fmt: skip
    if wrapped:
        command = sandbox.wrap(command, bwrap=sandbox.available(command[0]), cwd=tmp_path)
    subprocess.run(command, capture_output=True, timeout=60, check=False)


def test_these_tests_can_fail(world, listener, tmp_path):
    """With the guards taken away the same file does call out, and a neighbour is read."""
    _port, _udp, calls = listener
    open_everything(world, tmp_path, "hls-http", wrapped=False)
    assert calls == ["tcp"]
    calls.clear()

    listed = tmp_path / "list.mp4"
    listed.write_bytes(KINDS["ffconcat-neighbour"].make(world))
    done = subprocess.run(
        [engine().ffprobe, "-v", "error", "-show_entries", "stream=width", "-of", "csv=p=0", str(listed)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "128"  # the neighbour's width


def test_without_guards_the_sandbox_still_holds(world, listener, tmp_path, sandboxed):
    open_everything(world, tmp_path, "hls-http", wrapped=True)

    assert listener[2] == []
