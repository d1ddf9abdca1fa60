"""Which quality reaches the floor, which renditions are worth their bytes, and who measures it."""

import json
import stat
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline import checks
from media_pipeline.decide import Character, recipe
from media_pipeline.decide.quality import (
    FLOOR,
    SCALES,
    Point,
    Score,
    crf_for,
    measure,
    next_crf,
    pooled,
    read_scores,
    scale_of,
    settled,
    table_crf,
    worth_keeping,
)  # fmt: skip
from media_pipeline.decide.study import Bench, try_out
from media_pipeline.engine import Engine, decodes, engine
from media_pipeline.errors import EngineMissing, StageFailed
from media_pipeline.ladder import ladder
from media_pipeline.probe import Policy, examine

NONE = Score(0, 0)


def points(*rows):
    return [Point(crf, 1000, Score(mean, p5)) for crf, mean, p5 in rows]


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        # the mean binds: 95.5 lies halfway
        pytest.param(points((24, 96.5, 96), (28, 94.5, 94)), 26.0, id="between, by the mean"),
        # the worst frames bind
        pytest.param(points((22, 97.0, 94.0), (24, 96.5, 92.0)), 23.0, id="between, by the worst frames"),
        pytest.param(points((24, 96.0, 95.0)), 24.5, id="one trial: by the usual slope"),
        pytest.param(points((24, 94.0, 92.0), (22, 95.0, 93.5)), 21.0, id="beyond the better one"),
        pytest.param(points((24, 96.0, 95.0), (28, 96.0, 95.0)), 25.0, id="a flat line is not followed upwards"),
        pytest.param(points((34, 99.0, 99.0), (33, 99.2, 99.2)), 34.0, id="never above 34"),
        pytest.param(points((17, 80.0, 70.0), (16, 81.0, 71.0)), 16.0, id="never below 16"),
        pytest.param(points((20, 95.4, 94.0), (24, 95.6, 95.0)), 19.0, id="chance that rises with crf: nearly a plain"),
    ],
)  # fmt: skip
def test_the_largest_crf_that_reaches_the_floor(trials, expected):
    assert crf_for(trials, floor=FLOOR, margin=NONE) == pytest.approx(expected, abs=0.51)


def test_without_trials_there_is_no_answer():
    with pytest.raises(ValueError, match="no trials"):
        crf_for([])


@given(
    st.floats(18, 32), st.floats(-2, -0.2), st.floats(-2.4, -0.2), st.floats(95.6, 99), st.floats(1, 5)
)  # fmt: skip
def test_where_scores_fall_by_a_straight_line_the_answer_has_the_floor(at, slope, slope5, mean, apart):
    def score(crf):
        return Score(mean + slope * (crf - at), mean - 1 + slope5 * (crf - at))

    trials = [Point(crf, 1, score(crf)) for crf in (at, at + apart)]
    found = crf_for(trials, margin=NONE)

    assert 16 <= found <= 34 and found * 4 == int(found * 4)
    if found > 16:
        assert score(found).mean >= 95.5 - 1e-6 and score(found).p5 >= 93 - 1e-6
    if at <= found and found + 0.25 <= min(
        at + apart, 34
    ):  # between trials a quarter step more would be too much
        more = score(found + 0.25)
        assert more.mean < 95.5 + 1e-6 or more.p5 < 93 + 1e-6


def test_above_the_highest_trial_loss_grows_faster():
    """Two slides' trials (27: 96.4, 29.5: 96.0) would point to 32; really 31.25 was below the floor."""
    trials = points((27, 96.41, 95.99), (29.5, 95.96, 95.44))

    assert 30 < crf_for(trials, scale=scale_of("h264", "SLIDES")) < 31


def test_av1_has_a_scale_of_its_own():
    trials = points((48, 97.2, 96), (54, 95.4, 94))

    assert scale_of("av1", "CAMERA") == SCALES["av1"] and scale_of("av1", "SLIDES").slope > -0.3
    assert crf_for(trials, margin=NONE, scale=SCALES["av1"]) == 53
    assert crf_for(points((58, 99, 98)), margin=NONE, scale=SCALES["av1"]) == 60
    assert next_crf(points((50, 97.0, 96)), scale=SCALES["av1"]) == 54


def test_a_margin_asks_for_more():
    trials = points((24, 96.5, 96), (28, 94.5, 94))

    assert crf_for(trials, margin=Score(0.5, 0)) < crf_for(trials, margin=NONE)


@pytest.mark.parametrize(
    "trials", [points((24, 98, 97)), points((24, 95.7, 95)), points((24, 90, 80), (21, 95.7, 95))]
)
def test_the_next_trial_is_a_step_away_from_all_before(trials):
    chosen = next_crf(trials)

    assert 16 <= chosen <= 34
    assert all(abs(chosen - point.crf) >= 1 for point in trials)


@pytest.mark.parametrize(
    ("tried", "expected"),
    [
        ({"v1080": 28, "v720": 27, "v480": 26.5}, {"v1080": 28, "v720": 27, "v480": 26.5}),
        ({"v1080": 24, "v720": 24.75, "v480": 23, "v240": 23.5}, {"v1080": 24, "v720": 24, "v480": 23, "v240": 23}),
        ({"v1080": 19, "v480": 23, "v240": 22}, {"v1080": 19, "v480": 22, "v240": 22}),  # a noisy camera
        ({"v480": 23, "a480": 50}, {"v480": 23}),
    ],
)  # fmt: skip
def test_smaller_pictures_get_a_worse_quality_only_by_more_than_chance(tried, expected):
    assert settled(tried, ["v1080", "v720", "v480", "v240"]) == expected


RUNGS = ladder(1920, 1080)


@pytest.mark.parametrize(
    ("detail", "sizes", "kept"),
    [
        ({}, {}, ["v1080", "v720", "v480", "v240"]),
        ({"v1080": 99, "v720": 94, "v480": 80}, {}, ["v1080", "v720", "v480", "v240"]),
        ({"v1080": 99, "v720": 98, "v480": 90}, {}, ["v720", "v480", "v240"]),  # 1080p that holds no more than 720p
        ({"v1080": 99, "v720": 98.5, "v480": 98}, {}, ["v480", "v240"]),  # blown up from 480p
        ({"v1080": 99, "v720": 97.5, "v480": 96}, {}, ["v1080", "v480", "v240"]),  # together they are worth it
        ({"v1080": 99.9, "v720": 99.9, "v480": 99.8, "v240": 99}, {}, ["v480", "v240"]),  # never less than 480
        ({}, {"v1080": 1000, "v720": 900, "v480": 300, "v240": 290}, ["v1080", "v480", "v240"]),
        ({}, {"v1080": 1000, "v720": 600, "v480": 300, "v240": 90}, ["v1080", "v720", "v480", "v240"]),
    ],
)  # fmt: skip
def test_rungs_that_show_hardly_more_or_save_hardly_anything_go(detail, sizes, kept):
    assert [rung.name for rung in worth_keeping(RUNGS, detail=detail, size_bytes=sizes)] == kept


@given(
    st.dictionaries(st.sampled_from([r.name for r in RUNGS]), st.floats(0, 100)),
    st.dictionaries(st.sampled_from([r.name for r in RUNGS]), st.integers(1, 10**6)),
)
def test_the_smallest_always_stays(detail, sizes):
    kept = worth_keeping(RUNGS, detail=detail, size_bytes=sizes)

    assert kept[-1] == RUNGS[-1] and list(kept) == [rung for rung in RUNGS if rung in kept]


def test_the_worst_twentieth():
    assert pooled([float(n) for n in range(100)]) == Score(49.5, 5.0)
    assert pooled([97.0]) == Score(97.0, 97.0)
    with pytest.raises(ValueError, match="no frames"):
        pooled([])


def test_logs_of_both_judges(tmp_path):
    (tmp_path / "a.json").write_text(
        json.dumps({"frames": [{"metrics": {"vmaf": 96.5}}, {"metrics": {"vmaf": 91}}]})
    )
    (tmp_path / "b.log").write_text(
        "n:    1  XPSNR y: 38.1234  XPSNR u: 44.0  XPSNR v: 45.0\nn:    2  XPSNR y: inf  XPSNR u: inf  XPSNR v: inf\n"
    )
    (tmp_path / "c.json").write_text("{")

    assert read_scores(tmp_path / "a.json", "vmaf") == [96.5, 91.0]
    found = read_scores(tmp_path / "b.log", "xpsnr")
    assert len(found) == 2 and 60 < found[0] < found[1] <= 100
    for missing in ("c.json", "d.json"):
        with pytest.raises(StageFailed):
            read_scores(tmp_path / missing, "vmaf")


def test_tables_forgive_smaller_pictures_less():
    for kind in ("SLIDES", "CAMERA", "SPHERE"):
        assert table_crf(kind, 1080) >= table_crf(kind, 480) >= table_crf(kind, 240)
    assert table_crf("SLIDES", 720) > table_crf("CAMERA", 720)


# --- programs -----------------------------------------------------------------------------------


def program(folder, name, *, code):
    path = folder / name
    path.write_text(f"#!/bin/sh\ncat >/dev/null\necho ' T.. libvmaf VV->V'\nexit {code}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_av1_goes_to_the_engine_that_decodes_it(tmp_path):
    blind, seeing = program(tmp_path, "one", code=1), program(tmp_path, "two", code=0)
    both = Engine(blind, "p", "k", "v", seeing, seeing)

    assert both.decoder_for("av1") == seeing
    assert both.decoder_for("h264") == blind
    assert Engine(seeing, "p", "k", "v", blind, blind).decoder_for("av1") == seeing
    assert Engine(blind, "p", "k", "v").decoder_for("av1") == blind  # its refusal is the verdict
    assert both.version_for("h264") == "v" and both.version_for("av1") != "v"


def test_what_is_lacking_is_said(monkeypatch, tmp_path):
    blind = program(tmp_path, "one", code=1)
    monkeypatch.setattr(checks, "engine", lambda: Engine(blind, "p", "k", "v"))

    assert [found.id for found in checks.second_engine(None)] == [
        "media_pipeline.I001",
        "media_pipeline.I002",
    ]

    def missing():
        raise EngineMissing("FFMPEG_MEASURING=nowhere is not a program")

    monkeypatch.setattr(checks, "engine", missing)
    assert [found.id for found in checks.second_engine(None)] == ["media_pipeline.E004"]


@pytest.mark.media
def test_the_first_engine_is_tried_not_believed():
    tools = engine()

    assert decodes(tools.ffmpeg, "h264")
    if tools.second:
        assert decodes(tools.second, "av1") and tools.measuring
        assert decodes(tools.decoder_for("av1"), "av1")


# --- with real files ----------------------------------------------------------------------------


def coded(source, target, crf):
    subprocess.run(
        [engine().ffmpeg, "-v", "error", "-y", "-i", source, "-an", "-vf", "scale=320:180:flags=lanczos", "-c:v",
         "libx264", "-preset", "veryfast", "-crf", str(crf), target],
        check=True,
    )  # fmt: skip
    return target


@pytest.fixture(scope="module")
def lecture(tmp_path_factory):
    """3 s of 640×360, moving."""
    path = tmp_path_factory.mktemp("quality") / "lecture.mp4"
    subprocess.run(
        [engine().ffmpeg, "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=25:d=3", "-vf",
         "noise=alls=6:allf=t", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-pix_fmt", "yuv420p", path],
        check=True,
    )  # fmt: skip
    return path


@pytest.mark.media
@pytest.mark.parametrize("judge", ["vmaf", "xpsnr"])
def test_both_judges_rank_renditions(lecture, tmp_path, judge):
    if judge == "vmaf" and not engine().measuring:
        pytest.skip("no libvmaf here")
    good, bad = (coded(lecture, tmp_path / f"{crf}.mp4", crf) for crf in (18, 38))

    fine = measure(lecture, good, size=(320, 180), judge=judge)
    poor = measure(lecture, bad, size=(320, 180), judge=judge)

    assert poor.mean < fine.mean - 10
    assert judge == "xpsnr" or fine.mean > 90  # on a drawn, noisy picture the proxy is too severe
    assert fine.p5 <= fine.mean and poor.p5 <= poor.mean
    assert fine.reaches(poor) and not poor.reaches(fine)


@pytest.mark.media
def test_trying_out_finds_the_floor(lecture, tmp_path):
    tools = engine()
    facts = examine(lecture, name=lecture.name, engine=tools, policy=Policy())
    draft = recipe(
        facts, Character("CAMERA"), projection="FLAT", stereo="MONO", engine="x", preset="ultrafast", crf=24,
        threads=1, max_duration_s=60,
    )  # fmt: skip

    trials = try_out(lecture, facts, draft, Bench(tools, tmp_path, 10**8))

    assert list(trials.crf) == ["v360", "v240"] and trials.crf["v240"] <= trials.crf["v360"]
    for name, tried in trials.points.items():
        (first, second) = sorted(tried, key=lambda point: point.crf)
        assert first.crf < second.crf, name
        assert first.size_bytes > second.size_bytes and first.score.mean > second.score.mean
    assert json.loads(json.dumps(trials.as_dict()))["judge"] == trials.judge
    assert list(tmp_path.iterdir()) == []
