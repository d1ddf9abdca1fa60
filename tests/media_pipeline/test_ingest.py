"""manage.py ingest_lecture: lectures from disk, for moving in from an old portal."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from media_pipeline.models import Asset, Job

pytestmark = [pytest.mark.django_db]


def ingest(*words) -> tuple[int, list[dict]]:
    """Exit code and the lines on stdout."""
    out = StringIO()
    try:
        call_command("ingest_lecture", *[str(word) for word in words], stdout=out, stderr=StringIO())
        code = 0
    except SystemExit as end:
        code = end.code
    return code, [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.mark.media
def test_a_folder_of_an_old_portal(clips, own_root, tmp_path):
    # given a folder with a lecture, the same again, a document, an empty file and a hidden one
    old = tmp_path / "旧平台" / "2019"
    old.mkdir(parents=True)
    (old / "a-党课.mp4").write_bytes(clips.flat.read_bytes())
    (old / "b-党课（副本）.mp4").write_bytes(clips.flat.read_bytes())
    (old / "c-纪要.mp4").write_bytes(clips.text.read_bytes())
    (old / "d-空.mp4").touch()
    (old / ".DS_Store").write_bytes(b"x")

    code, told = ingest(old.parent, tmp_path / "没有这个.mp4", "--wait")

    # then each file has its line, the bad ones with a reason, and the others are ready
    lines = {Path(line["file"]).name[0]: line for line in told}
    assert (code, len(told)) == (1, 5)
    assert {key: line["state"] for key, line in lines.items()} == {
        "a": "READY", "b": "READY", "c": "REFUSED", "d": "REFUSED", "没": "REFUSED",
    }  # fmt: skip
    assert lines["a"]["folder"] == lines["b"]["folder"] and lines["a"]["asset"] == lines["b"]["asset"]
    assert Path(lines["a"]["folder"]).is_absolute()
    assert all(Path(manifest).is_file() for manifest in lines["a"]["manifests"].values())
    assert lines["a"]["reason"] == "" and set(lines["a"]["manifests"]) == {"hls", "dash"}
    assert "请上传录制的视频" in lines["c"]["reason"]
    assert "0 字节" in lines["d"]["reason"]
    assert "找不到" in lines["没"]["reason"] and lines["没"]["asset"] == ""
    assert Asset.objects.filter(state="READY").count() == 1
    assert len(list((own_root / "sets").glob("*/*/*"))) == 1

    # and a second time nothing is made again
    jobs = Job.objects.count()
    code, told = ingest(old / "a-党课.mp4", "--wait")
    assert (code, told[0]["asset"], Job.objects.count()) == (0, lines["a"]["asset"], jobs)


def test_without_waiting_the_file_is_queued(clips, own_root):
    code, (line,) = ingest(clips.flat, "--title", "党史第一讲", "--projection", "EQUIRECT")

    asset = Asset.objects.get()
    assert (code, line["state"], line["reason"], line["folder"]) == (0, "RECEIVED", "", "")
    assert (line["asset"], asset.title, asset.projection_chosen) == (
        str(asset.uuid),
        "党史第一讲",
        "EQUIRECT",
    )
    assert asset.jobs.get().state == "WAITING"


@pytest.mark.media
def test_a_lecture_that_had_failed_is_taken_up_again(clips, own_root):
    ingest(clips.flat)
    asset = Asset.objects.get()
    asset.jobs.update(state="STOPPED")
    Asset.objects.update(state="FAILED", refusal_code="INTERNAL")

    code, (line,) = ingest(clips.flat, "--wait")

    assert (code, line["state"], line["asset"]) == (0, "READY", str(asset.uuid))


def test_a_title_for_many_files_is_refused(tmp_path, own_root):
    (tmp_path / "a.mp4").touch()
    (tmp_path / "b.mp4").touch()
    with pytest.raises(CommandError):
        ingest(tmp_path, "--title", "x")
    assert not Asset.objects.exists()
