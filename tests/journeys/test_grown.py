"""The same school grown: PostgreSQL and Redis by settings alone (`.ci/run` starts both)."""

import json
import os
import subprocess
import sys
import urllib.request

import pytest

from tests.journeys.school import ROOT, start_school, stop_school

pytestmark = [
    pytest.mark.grown,
    pytest.mark.media,
    pytest.mark.skipif(
        not os.environ.get("DATABASE_URL", "").startswith("postgres")
        or not os.environ.get("BROKER_URL", "").startswith("redis:"),
        reason="needs DATABASE_URL (PostgreSQL) and BROKER_URL (Redis); .ci/run sets both",
    ),
]

TRANSCODE = """
import time
from people.models import Member
from media_pipeline.api import ingest_file
member = Member.objects.create_user("grown", "correct-horse-9", name="周敏", status="STAFF")
asset = ingest_file({path!r}, title="一段视频", uploaded_by=member)
until = time.monotonic() + 120
while time.monotonic() < until:
    asset.refresh_from_db()
    if asset.is_final:
        break
    time.sleep(0.5)
print("STATE", asset.state)
"""


@pytest.fixture
def clip(tmp_path):
    from media_pipeline.engine import engine

    target = tmp_path / "clip.mp4"
    subprocess.run(
        [
            *(
                engine().ffmpeg,
                "-v",
                "error",
                "-f",
                "lavfi",
                "-i",
                "testsrc2=size=320x180:rate=25:duration=3",
            ),
            *("-f", "lavfi", "-i", "sine=duration=3", "-c:v", "libx264", "-c:a", "aac", str(target)),
        ],
        check=True,
    )
    return target


def test_postgresql_and_redis_carry_the_school_by_settings_alone(tmp_path, clip):
    data = tmp_path / "data"
    school = start_school(data, "--no-demonstration")
    try:
        with urllib.request.urlopen(f"{school.url}/healthz", timeout=20) as answer:
            assert json.load(answer) == {"ready": True, "missing": {}}
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "portal.launch",
                "manage",
                "shell",
                "-c",
                TRANSCODE.format(path=str(clip)),
            ],
            cwd=ROOT,
            env={k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
            | {"ESCHOOL_DATA_DIR": str(data)},
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert "STATE READY" in done.stdout, done.stdout + done.stderr
        assert not any(line.startswith("valkey") for line in school.lines), (
            "the embedded broker was started too"
        )
        assert not (data / "eschool.sqlite3").exists()
    finally:
        stop_school(school)
