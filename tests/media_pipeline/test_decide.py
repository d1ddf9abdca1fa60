"""What kind of lecture it is, where it is looked into, and what recipe comes of it."""

import math
import random
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline import api
from media_pipeline.decide import Character, recipe
from media_pipeline.decide.classify import SIZE, Signs, kind_of, signs_of
from media_pipeline.decide.samples import SAMPLE_S, lead, plan
from media_pipeline.decide.study import Bench, look
from media_pipeline.engine import engine
from media_pipeline.errors import StageFailed, StageInterrupted
from media_pipeline.models import Asset
from media_pipeline.probe import Facts, Policy, SoundStream, examine
from media_pipeline.recipe import Loudness, Recipe
from media_pipeline.stages import analyse
from tests.media_pipeline.clips import sound

PIXELS = SIZE[0] * SIZE[1]
FACTS = Facts(
    demuxer="mov", duration_s=3600, video_index=0, width=1920, height=1080, fps="25/1",
    sounds=(SoundStream(1, "aac", 2, "zho"), SoundStream(2, "aac", 1, "eng", "English")),
)  # fmt: skip
CHOICES = {"engine": "x", "preset": "medium", "crf": 24, "threads": 1, "max_duration_s": 43200}


def made(character, facts=FACTS, **more):
    return recipe(facts, character, **({"projection": "FLAT", "stereo": "MONO"} | CHOICES | more))


# --- kinds, by pictures drawn here ---------------------------------------------------------------


def page(seed: int) -> bytes:
    """A page: paper, a title bar, lines of ink."""
    chance = random.Random(seed)
    paper = bytearray([240]) * PIXELS
    paper[: PIXELS // 8] = bytes([60]) * (PIXELS // 8)
    for _ in range(PIXELS // 6):
        paper[chance.randrange(PIXELS // 8, PIXELS)] = 30
    return bytes(paper)


def flickering(picture: bytes, deviation: float, seed: int, share: float = 1.0) -> bytes:
    """`picture` with a sensor's noise in the first `share` of it."""
    chance = random.Random(seed)
    upto = int(len(picture) * share)
    noisy = [min(255, max(0, round(value + chance.gauss(0, deviation)))) for value in picture[:upto]]
    return bytes(noisy) + picture[upto:]


def scene(seed: int, step: int = 0) -> bytes:
    """A camera's picture: soft shades that move sideways by `step`."""
    chance = random.Random(seed)
    waves = [(chance.uniform(0.02, 0.3), chance.uniform(0, 6)) for _ in range(4)]
    wide, high = SIZE
    row = [sum(math.sin((x + step) * f + p) for f, p in waves) for x in range(wide)]
    return bytes(min(255, max(0, int(128 + 28 * v + y))) for y in range(high) for v in row)


def still_page(count=40):
    return [page(1)] * count


@pytest.mark.parametrize(
    ("samples", "kind", "still"),
    [
        pytest.param([still_page()] * 3, "SLIDES", True, id="a page that stays"),
        pytest.param([[page(1)] * 20 + [page(2)] * 20] * 2, "SLIDES", True, id="pages that turn"),
        pytest.param(
            [[flickering(page(1), 4, n, share=0.12) for n in range(40)]], "SLIDES", False,
            id="a page with a speaker's head",
        ),
        pytest.param([[flickering(page(1), 0.6, n) for n in range(40)]], "SLIDES", False, id="a page, coded coarsely"),
        pytest.param([[flickering(scene(3), 4, n) for n in range(40)]], "CAMERA", False, id="a camera on a tripod"),
        pytest.param([[scene(3, 2 * n) for n in range(40)]], "CAMERA", False, id="a camera that pans"),
        pytest.param(
            [[flickering(scene(n // 8, n), 2, n) for n in range(40)]], "CAMERA", False, id="a film with cuts"
        ),
    ],
)  # fmt: skip
def test_kinds(samples, kind, still):
    signs = signs_of(samples)

    assert kind_of(signs) == kind
    assert (signs.frozen >= 0.97) is still


def test_signs_are_what_was_drawn():
    turning = signs_of([[page(1)] * 20 + [page(2)] * 20])
    noisy = signs_of([[flickering(bytes([128]) * PIXELS, 3, n) for n in range(10)]])

    assert turning.cuts_per_minute == pytest.approx(60 / (39 * 0.2), abs=0.1)
    assert turning.stillness == 1.0
    assert noisy.noise == pytest.approx(3, rel=0.1)
    assert signs_of([]) is None and signs_of([[page(1)]]) is None


@pytest.mark.parametrize(
    ("signs", "kind"),
    [
        (Signs(stillness=0.94, frozen=0, cuts_per_minute=7.7, noise=0.25, flat=0.83), "SLIDES"),
        (Signs(stillness=0.24, frozen=0, cuts_per_minute=0, noise=3.8, flat=0.28), "CAMERA"),  # bikes.mp4
        (Signs(stillness=0.47, frozen=0, cuts_per_minute=0, noise=2.7, flat=0.24), "CAMERA"),  # carphone
        (Signs(stillness=0.42, frozen=0, cuts_per_minute=0, noise=3.1, flat=0.17), "CAMERA"),  # bigbuckbunny
        (
            Signs(stillness=0.5, frozen=0, cuts_per_minute=0, noise=1, flat=0.7),
            "SLIDES",
        ),  # a page being drawn on
        (
            Signs(stillness=0.9, frozen=0.1, cuts_per_minute=30, noise=0.5, flat=0.2),
            "CAMERA",
        ),  # stills of a film
    ],
)
def test_kinds_of_real_clips(signs, kind):
    assert kind_of(signs) == kind


# --- samples ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("duration_s", "number"), [(0, 1), (5, 1), (30, 2), (600, 3), (3600, 4), (43200, 4)])
def test_so_many_samples(duration_s, number):
    assert len(plan(duration_s, made(Character("CAMERA")))) == number


@given(
    st.floats(0, 43200),
    st.sampled_from(["25/1", "30000/1001", "24/1", "12/1"]),
    st.sampled_from(["SLIDES", "CAMERA"]),
)
def test_samples_are_whole_gops_apart_and_inside(duration_s, fps, kind):
    plan_of = replace(made(Character(kind)), fps=fps)
    found = plan(duration_s, plan_of)

    for sample in found:
        assert sample.first % plan_of.gop == 0 and sample.frames % plan_of.gop == 0
        assert lead(plan_of) < sample.frames <= lead(plan_of) + SAMPLE_S * Fraction(fps) + plan_of.gop
    for before, after in pairwise(found):
        assert after.first >= before.first + before.frames
    if duration_s > 2 * SAMPLE_S:
        assert found[-1].first < duration_s * Fraction(fps)
    assert sum(s.frames for s in found) <= 4 * (lead(plan_of) + SAMPLE_S * Fraction(fps) + plan_of.gop)


def test_slides_are_judged_after_their_first_segment():
    assert lead(made(Character("SLIDES"))) == 200 and lead(made(Character("CAMERA"))) == 0


# --- recipes ------------------------------------------------------------------------------------


def rungs_of(r: Recipe):
    return [(g.name, g.crf) for g in r.rungs]


def test_slides_have_long_segments_their_own_qualities_and_stills():
    it = made(Character("SLIDES", crf={"v1080": 27.5, "v720": 27, "v480": 26, "v240": 25.5}))

    assert (it.segment_s, it.gop, it.chunk_s % it.segment_s) == (8, 200, 0)
    assert rungs_of(it) == [("v1080", 27.5), ("v720", 27), ("v480", 26), ("v240", 25.5), ("s480", 28)]
    stills = it.rungs[-1]
    assert (stills.fps, stills.width, stills.height, stills.ceiling_kbps) == ("1/2", 852, 480, 100)
    assert [rung.name for rung in it.ladder] == ["v1080", "v720", "v480", "v240"]


@pytest.mark.parametrize(
    ("kind", "projection", "segment_s"),
    [("SLIDES", "FLAT", 8), ("CAMERA", "FLAT", 4), ("SPHERE", "EQUIRECT", 2)],
)
def test_segments_by_kind(kind, projection, segment_s):
    it = made(Character(kind), projection=projection)

    assert (it.segment_s, it.chunk_s % it.segment_s) == (segment_s, 0)


def test_what_is_left_out_is_not_made():
    it = made(Character("CAMERA", crf={"v1080": 20, "v720": 23, "v480": 22, "v240": 21}, left_out=("v1080",)))

    assert rungs_of(it)[:3] == [("v720", 23), ("v480", 22), ("v240", 21)]


def test_leaving_all_out_leaves_the_smallest():
    it = made(Character("CAMERA", left_out=("v1080", "v720", "v480", "v240")), stills=False)

    assert [rung.name for rung in it.rungs] == ["v240"]


def test_av1_beside_the_larger_renditions():
    it = made(Character("SLIDES", crf={"a720": 47}), av1=True)

    assert [rung.name for rung in it.rungs] == [
        "v1080", "v720", "v480", "v240", "a1080", "a720", "a480", "s480",
    ]  # fmt: skip
    assert {(r.codec, r.preset) for r in it.rungs if r.name[0] == "a"} == {("av1", "10")}
    assert [r.crf for r in it.rungs if r.name[0] == "a"] == [46, 47, 46]


def test_no_stills_without_sound_nor_of_small_pictures():
    slides = Character("SLIDES")

    assert not [r for r in made(slides, replace(FACTS, sounds=())).rungs if r.fps]
    assert not [r for r in made(slides, replace(FACTS, width=426, height=240)).rungs if r.fps]
    assert [r.name for r in made(slides, replace(FACTS, width=640, height=360)).rungs if r.fps] == ["s360"]


def test_one_sound_for_each_language_at_its_loudness():
    loud = Loudness(-23.4, 6.1, -3.2, -33.8)
    it = made(Character("CAMERA", loudness={2: loud}))

    assert [(s.name, s.stream, s.lang, s.channels, s.loudness) for s in it.sounds] == [
        ("audio", 1, "zho", 2, None), ("audio2", 2, "eng", 1, loud),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fps", "still", "expected"), [("25/1", True, "25/2"), ("25/1", False, "25/1"), ("10/1", True, "10/1")]
)
def test_only_a_still_screen_gets_fewer_frames(fps, still, expected):
    it = made(Character("SLIDES", still=still), replace(FACTS, fps=fps))

    assert it.fps == expected
    assert it.gop == math.ceil(Fraction(expected) * 8)


def test_encryption_and_edition_are_part_of_the_recipe():
    plain = made(Character("CAMERA"))

    assert made(Character("CAMERA"), protected=True).protected
    assert (
        len(
            {
                plain.hash,
                made(Character("CAMERA"), protected=True).hash,
                made(Character("CAMERA"), edition=1).hash,
            }
        )
        == 3
    )


def test_a_character_survives_json():
    import json

    it = Character("SLIDES", {"v720": 25.5}, {2: Loudness(-23, 6, -3, -33)}, ("v1080",), still=True)

    assert Character.from_dict(json.loads(json.dumps(it.as_dict()))) == it


def test_a_sphere_is_left_to_its_own_sizes():
    it = made(Character("SPHERE"), replace(FACTS, width=3840, height=1920), projection="EQUIRECT", av1=True)

    assert {rung.codec for rung in it.rungs} == {"h264", "hevc"}
    assert [(r.name, r.preset, r.crf) for r in it.rungs if r.codec == "hevc"] == [("h3840", "fast", 27)]
    assert not [
        r for r in made(Character("SPHERE"), replace(FACTS, width=3840, height=1920), projection="EQUIRECT", hevc=False).rungs
        if r.codec == "hevc"
    ]  # fmt: skip


# --- with real files ----------------------------------------------------------------------------


def slides_clip(clips, seconds=6):
    """A page of text bars that turns once, with a small noisy head in the corner."""
    half = seconds / 2
    pages = [
        f"color=0xF5F5F0:s=640x360:r=25:d={half},drawbox=0:0:640:48:0x8B1A1A:t=fill,"
        + ",".join(
            f"drawbox=40:{70 + 32 * n}:{200 + (n * 97 + 60 * p) % 300}:10:0x222222:t=fill" for n in range(8)
        )
        for p in (0, 1)
    ]
    graph = (
        f"{pages[0]}[a];{pages[1]}[b];[a][b]concat=n=2[p];"
        f"testsrc2=s=96x96:r=25:d={seconds},noise=alls=12:allf=t[h];[p][h]overlay=530:250,format=yuv420p[v]"
    )
    return clips.make(
        "讲稿.mp4", *sound(seconds), "-filter_complex", graph, "-map", "[v]", "-map", "0:a", "-crf", "16"
    )


def camera_clip(clips, seconds=6):
    """A picture that pans through a fractal under a sensor's noise."""
    graph = f"mandelbrot=s=640x360:r=25:inner=mincol,noise=alls=14:allf=t,trim=duration={seconds},format=yuv420p[v]"
    return clips.make(
        "课堂.mp4", *sound(seconds), "-filter_complex", graph, "-map", "[v]", "-map", "0:a", "-crf", "16"
    )


def facts_of(path):
    return examine(path, name=path.name, engine=engine(), policy=Policy())


@pytest.mark.media
@pytest.mark.parametrize(("draw", "kind"), [(slides_clip, "SLIDES"), (camera_clip, "CAMERA")])
def test_real_clips_are_told_apart(clips, tmp_path, draw, kind):
    path = draw(clips)
    facts = facts_of(path)

    signs = look(path, facts, made(Character("CAMERA"), facts), Bench(engine(), tmp_path, 10**8))

    assert kind_of(signs) == kind
    assert list(tmp_path.iterdir()) == []


@pytest.mark.media
@pytest.mark.django_db
class TestTheStage:
    def ingest(self, path, **more):
        return api.ingest_file(path, title=path.stem, uploaded_by=None, enqueue=False, **more)

    @pytest.fixture(autouse=True)
    def quick(self, own_root, settings):
        settings.MEDIA_PIPELINE = settings.MEDIA_PIPELINE | {"ANALYSE": "quick"}

    def test_slides_become_a_set_of_slides(self, clips):
        asset = api.work_off(self.ingest(slides_clip(clips)))

        assert (asset.state, asset.kind) == ("READY", "SLIDES")
        assert asset.contents["segment_s"] == 8
        assert {row.name for row in asset.renditions.all()} >= {"v360", "v240", "s360", "audio"}
        assert asset.facts["analysis"]["signs"]["stillness"] > 0.7
        assert asset.facts["character"]["loudness"]["1"]["integrated"] < 0

    def test_an_editors_choice_beats_the_samples(self, clips):
        asset = api.work_off(self.ingest(slides_clip(clips), projection="EQUIRECT"))

        assert (asset.state, asset.kind, asset.projection) == ("READY", "SPHERE", "EQUIRECT")

    def test_the_same_bytes_are_not_studied_twice(self, clips, monkeypatch):
        first = api.work_off(self.ingest(slides_clip(clips)))
        monkeypatch.setattr(analyse, "look", None)

        second = api.work_off(self.ingest(slides_clip(clips)))

        assert second.recipe_hash == first.recipe_hash and second.kind == "SLIDES"

    def test_a_failing_analysis_does_not_fail_a_lecture(self, clips, monkeypatch):
        def broken(*args):
            raise StageFailed("ENCODE_FAILED", "no such filter")

        monkeypatch.setattr(analyse, "look", broken)

        asset = api.work_off(self.ingest(slides_clip(clips)))

        assert (asset.state, asset.kind) == ("READY", "CAMERA")
        assert "no such filter" in asset.facts["analysis"]["failed"]

    def test_a_killed_analysis_is_made_again_and_finds_the_same(self, clips, monkeypatch, settings):
        undisturbed = api.work_off(self.ingest(slides_clip(clips)))
        Asset.objects.filter(pk=undisturbed.pk).update(facts={})  # forget what was found
        real, calls = analyse.look, []

        def killed_once(*args):
            calls.append(1)
            if len(calls) == 1:
                raise StageInterrupted("killed by signal 9")
            return real(*args)

        monkeypatch.setattr(analyse, "look", killed_once)

        asset = api.work_off(self.ingest(slides_clip(clips)))

        assert len(calls) == 2
        assert asset.recipe_hash == undisturbed.recipe_hash
