"""What lectures come in: a matrix of codecs, containers, rates, shapes, fields, colours and sounds, really made and decoded.

Each source shows four patches (red, green, blue, white: top left to bottom right), so that a
turned, mirrored, stretched or wrongly coloured picture is seen. Made here with ffmpeg; what it has
no encoder for is not in the matrix: WMV3/VC-1 (decoded all the same), HEVC in 10 bits, Dolby Vision.
"""

import json
import re
import subprocess
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from media_pipeline import api, loudness
from media_pipeline.decide import Character, recipe
from media_pipeline.engine import engine
from media_pipeline.errors import AssetRefused
from media_pipeline.graph.encode import encode_command
from media_pipeline.graph.sound import sound_command
from media_pipeline.probe import Facts, Policy, examine, settle
from media_pipeline.runner import Limits, run

pytestmark = pytest.mark.media

LIMITS = Limits(wall_s=600, cpu_s=120)
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
UPRIGHT = (RED, GREEN, BLUE, WHITE)
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "12")


def patches(size="320x180", rate="25", seconds=2.0, matrix="bt709", full=False):
    """The lavfi picture: four patches, as YCbCr in `matrix`."""
    width, height = (int(side) for side in size.split("x"))
    each = f"s={width // 2}x{height // 2}:r={rate}:d={seconds},format=rgb24"
    signs = "".join(f"color={name}:{each}[{name}];" for name in ("red", "lime", "blue", "white"))
    to = f"scale=out_color_matrix={matrix}:out_range={'pc' if full else 'tv'}"
    if width % 2 or height % 2:
        to = f"scale={width}:{height}:flags=neighbor,{to}"
    return f"{signs}[red][lime]hstack[above];[blue][white]hstack[below];[above][below]vstack,{to}"


def tone(seconds=2.0, hz=440, layout="stereo", level=0.125):
    return f"sine=frequency={hz}:sample_rate=48000:d={seconds},volume={level * 8},aformat=channel_layouts={layout}"


def make(target: Path, *arguments: str) -> Path:
    done = subprocess.run(
        [engine().ffmpeg, "-v", "error", "-y", *arguments, str(target)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return target


def lavfi(graph: str) -> list[str]:
    return ["-f", "lavfi", "-i", graph]


class Made:
    """A source gone through check, recipe, encoding of pictures and sound; `out` holds the renditions."""

    def __init__(self, source: Path, out: Path, name: str | None = None) -> None:
        out.mkdir(exist_ok=True)
        tools, rules = engine(), Policy()
        facts = examine(source, name=name or source.name, engine=tools, policy=rules)
        self.facts: Facts = settle(source, facts, tools, rules)
        bounds = {"engine": tools, "max_pixels": rules.max_pixels, "max_duration_s": rules.max_duration_s}
        self.loud = loudness.measure(source, self.facts, self.facts.sounds, cwd=out, **bounds)
        self.recipe = recipe(
            self.facts, Character("CAMERA" if self.facts.width else "SOUND", loudness=self.loud), projection="FLAT",
            stereo="MONO", engine=tools.version, preset="ultrafast", crf=14, threads=1, max_duration_s=43200, stills=False,
        )  # fmt: skip
        program = tools.decoder_for(self.facts.video_codec)
        commands = []
        if self.recipe.rungs:
            commands.append(
                encode_command(program, source, self.facts, self.recipe, max_pixels=rules.max_pixels)
            )
        if self.recipe.sounds:
            commands.append(
                sound_command(tools.ffmpeg, source, self.facts, self.recipe, max_pixels=rules.max_pixels)
            )
        for command in commands:
            outcome = run(command, limits=LIMITS, cwd=out)
            assert outcome.code == 0, outcome.stderr
        self.out = out

    @property
    def top(self) -> Path:
        return self.out / f"{self.recipe.rungs[0].name}.mp4"

    def colours(self, frame: int = 12) -> list[tuple[int, int, int]]:
        """RGB in the middle of the four quarters of one frame, read as BT.709 in limited range."""
        width, height = self.recipe.rungs[0].width, self.recipe.rungs[0].height
        graph = f"select=eq(n\\,{frame}),scale=in_color_matrix=bt709:in_range=tv,format=rgb24"
        raw = decoded(self.top, "-vf", graph, "-frames:v", "1", "-f", "rawvideo")
        assert len(raw) == width * height * 3
        at = [(x, y) for y in (height // 4, height * 3 // 4) for x in (width // 4, width * 3 // 4)]
        return [tuple(raw[(y * width + x) * 3 : (y * width + x) * 3 + 3]) for x, y in at]


def decoded(path: Path, *arguments: str) -> bytes:
    return subprocess.run(
        [engine().ffmpeg, "-v", "error", "-i", str(path), *arguments, "-"], capture_output=True, check=True
    ).stdout


def streams(path: Path) -> list[dict]:
    said = subprocess.run(
        [engine().ffprobe, "-v", "error", "-count_frames", "-show_streams", "-of", "json", str(path)],
        capture_output=True, check=True,
    )  # fmt: skip
    return json.loads(said.stdout)["streams"]


def near(found, wanted, by=28):
    return all(
        abs(a - b) <= by for f, w in zip(found, wanted, strict=True) for a, b in zip(f, w, strict=True)
    )


def check(made, *, size, seconds=2.0, rate="25/1", look=UPRIGHT, by=28):
    """The largest rendition: size, square pixels, rate, length within a frame, colours where they belong, tags."""
    (stream,) = streams(made.top)
    assert (stream["width"], stream["height"]) == size
    assert stream.get("sample_aspect_ratio", "1:1") == "1:1"
    assert made.recipe.fps == rate
    assert abs(int(stream["nb_read_frames"]) / Fraction(rate) - seconds) <= 1 / Fraction(rate) + Fraction(
        1, 1000
    )
    assert stream["pix_fmt"] == "yuv420p" and stream["field_order"] == "progressive"
    tags = [stream[f"color_{name}"] for name in ("space", "primaries", "transfer", "range")]
    assert tags == ["bt709", "bt709", "bt709", "tv"]
    assert near(made.colours(), look, by), made.colours()


CONTAINERS = {
    "h264.mp4": [*X264, "-c:a", "aac"],
    "h264.mov": [*X264, "-c:a", "pcm_s16le"],
    "h264.mkv": [*X264, "-c:a", "libopus"],
    "h264.ts": [*X264, "-c:a", "aac"],
    "h264.flv": [*X264, "-c:a", "aac"],
    "h264.avi": [*X264, "-bf", "0", "-c:a", "libmp3lame"],
    "hevc.mp4": ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:crf=12", "-tag:v", "hvc1",
                 "-c:a", "aac"],
    "hevc.mkv": ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:crf=12", "-c:a", "flac"],
    "vp9.mkv": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "2M", "-c:a", "libopus"],
    "mpeg2.ts": ["-c:v", "mpeg2video", "-q:v", "2", "-c:a", "mp2"],
    "mpeg2.mpg": ["-c:v", "mpeg2video", "-q:v", "2", "-c:a", "ac3"],
    "prores.mov": ["-c:v", "prores_ks", "-profile:v", "1", "-c:a", "pcm_s24le"],
    "mpeg4.avi": ["-c:v", "mpeg4", "-q:v", "2", "-c:a", "libmp3lame"],
    "wmv2.wmv": ["-c:v", "wmv2", "-q:v", "2", "-c:a", "wmav2"],
    "sorenson.flv": ["-c:v", "flv", "-q:v", "2", "-c:a", "libmp3lame", "-ar", "44100"],
}  # fmt: skip


@pytest.mark.parametrize("name", CONTAINERS)
def test_codecs_and_containers(name, tmp_path):
    source = make(
        tmp_path / name, *lavfi(patches(matrix="bt601")), *lavfi(tone()), "-map", "0", "-map", "1",
        "-pix_fmt", "yuv422p10le" if "prores" in name else "yuv420p", "-colorspace", "bt470bg", *CONTAINERS[name],
    )  # fmt: skip

    made = Made(source, tmp_path / "out")

    check(made, size=(320, 180))
    (sound,) = streams(made.out / "audio.mp4")
    assert (sound["codec_name"], sound["profile"], sound["sample_rate"], sound["channels"]) == (
        "aac", "LC", "48000", 2,
    )  # fmt: skip
    assert abs(float(sound["duration"]) - 2.0) < 0.1


@pytest.mark.parametrize("second_engine", [True, False])
def test_av1_needs_an_engine_that_decodes_it(second_engine, tmp_path):
    from dataclasses import replace

    source = make(
        tmp_path / "a.mkv", *lavfi(patches()), "-c:v", "libsvtav1", "-preset", "12", "-crf", "20", "-pix_fmt",
        "yuv420p", "-colorspace", "bt709", "-svtav1-params", "lp=1",
    )  # fmt: skip
    tools = engine()
    if not second_engine:
        facts = examine(source, name="a.mkv", engine=tools, policy=Policy())
        with pytest.raises(AssetRefused) as no:
            settle(source, facts, replace(tools, second=""), Policy())
        assert no.value.code == "NO_DECODER"
        return
    if tools.decoder_for("av1") == tools.ffmpeg:
        pytest.skip("no second engine here")

    check(Made(source, tmp_path / "out"), size=(320, 180))


TURNED = {90: (BLUE, RED, WHITE, GREEN), 180: (WHITE, BLUE, GREEN, RED), 270: (GREEN, WHITE, RED, BLUE)}


@pytest.mark.parametrize("clockwise", TURNED)
def test_a_telephone_held_upright(clockwise, tmp_path):
    plain = make(
        tmp_path / "plain.mp4", *lavfi(patches()), *X264, "-pix_fmt", "yuv420p", "-colorspace", "bt709"
    )
    source = make(
        tmp_path / "a.mp4", "-display_rotation:v:0", str(-clockwise), "-i", str(plain), "-c", "copy"
    )

    made = Made(source, tmp_path / "out")

    size = (320, 180) if clockwise == 180 else (180, 320)
    check(made, size=size, look=TURNED[clockwise])


@pytest.mark.parametrize(
    ("size", "shape", "shown"),
    [("321x181", "1/1", (320, 180)), ("322x182", "1/1", (322, 182)), ("240x180", "4/3", (320, 180)),
     ("320x240", "3/4", (320, 320)), ("720x576", "64/45", (1024, 576)), ("1278x718", "1/1", (1278, 718))],
)  # fmt: skip
def test_odd_and_anamorphic_sizes(size, shape, shown, tmp_path):
    source = make(
        tmp_path / "a.mkv", *lavfi(f"{patches(size)},setsar={shape}"), *X264, "-pix_fmt", "yuv444p", "-colorspace",
        "bt709",
    )  # fmt: skip

    check(Made(source, tmp_path / "out"), size=shown)


@pytest.mark.parametrize("pixels", ["yuv420p10le", "yuv422p", "yuv422p10le", "yuv444p", "yuv444p10le"])
def test_more_bits_and_finer_colours(pixels, tmp_path):
    source = make(tmp_path / "a.mkv", *lavfi(patches()), *X264, "-pix_fmt", pixels, "-colorspace", "bt709")

    check(Made(source, tmp_path / "out"), size=(320, 180))


def test_full_range_and_rgb(tmp_path):
    full = make(
        tmp_path / "full.mp4", *lavfi(patches(full=True)), *X264, "-pix_fmt", "yuv420p", "-color_range", "pc",
        "-colorspace", "bt709",
    )  # fmt: skip
    rgb = make(tmp_path / "rgb.mkv", *lavfi(f"{patches()},format=rgb24"), "-c:v", "libx264rgb", "-crf", "8")
    gray = make(tmp_path / "gray.mkv", *lavfi(f"{patches()},format=gray"), *X264)

    for source in (full, rgb):
        made = Made(source, tmp_path / source.stem)
        assert made.facts.full_range or made.facts.matrix == "rgb"
        check(made, size=(320, 180))
    black_and_white = Made(gray, tmp_path / "g").colours()
    assert all(max(colour) - min(colour) < 8 for colour in black_and_white)
    assert black_and_white[3][0] > 245


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
@pytest.mark.parametrize("ending", ["mp4", "mov"])
def test_hdr_becomes_what_an_ordinary_screen_shows(transfer, ending, tmp_path):
    """White paper (203 cd/m²), black, a lamp (1000 cd/m²) and a BT.2020 red, as code values of 10 bits."""
    paper = 572 if transfer == "smpte2084" else 721  # ITU-R BT.2408 table 1
    lamp = 723 if transfer == "smpte2084" else 940
    red = (300, 440, 750)

    def patch(luma, cb=512, cr=512):
        return f"color=black:s=160x90:r=25:d=1.2,format=yuv420p10le,geq=lum={luma}:cb={cb}:cr={cr}"

    graph = (
        f"{patch(paper)}[a];{patch(64)}[b];{patch(lamp)}[c];{patch(*red)}[d];[a][b]hstack[e];[c][d]hstack[f];"
    )
    graph += "[e][f]vstack,"
    graph += f"setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc:range=tv"
    coder = (
        [*X264, "-pix_fmt", "yuv420p10le"] if ending == "mp4" else ["-c:v", "prores_ks", "-profile:v", "2"]
    )
    source = make(tmp_path / f"a.{ending}", *lavfi(graph), *coder)

    made = Made(source, tmp_path / "out")

    assert made.facts.hdr == ("pq" if transfer == "smpte2084" else "hlg")
    white, black, lamp_seen, reddish = made.colours()
    check(made, size=(320, 180), seconds=1.2, look=(white, black, lamp_seen, reddish))
    # Paper is light but not glaring, a lamp is brighter than paper, greys have no tint, red stays red.
    assert min(white) >= 215 and max(white) <= 245 and max(white) - min(white) <= 6
    assert max(black) <= 4 and min(lamp_seen) >= 250
    assert reddish[0] > 90 and reddish[0] > 3 * max(reddish[1:])


def test_interlaced_pictures_are_taken_apart_and_whole_ones_are_not(tmp_path):
    moving = "testsrc2=s=320x180:r=50:d=2,scroll=h=0.02"
    tags = ["-flags", "+ilme+ildct", "-x264-params", "tff=1", "-pix_fmt", "yuv420p"]
    woven = make(tmp_path / "w.mp4", *lavfi(f"{moving},interlace=scan=tff:lowpass=off"), *X264, *tags)
    whole = make(
        tmp_path / "p.mp4", *lavfi("testsrc2=s=320x180:r=25:d=2,scroll=h=0.02,setfield=tff"), *X264, *tags
    )
    tape = make(
        tmp_path / "m.ts", *lavfi(f"{moving},interlace=scan=tff:lowpass=off"), "-c:v", "mpeg2video", "-q:v", "2",
        "-flags", "+ilme+ildct", "-pix_fmt", "yuv420p",
    )  # fmt: skip

    results = {source.name: Made(source, tmp_path / source.stem) for source in (woven, whole, tape)}

    assert [made.facts.interlaced for made in results.values()] == [True, False, True]
    for name, made in results.items():
        said = subprocess.run(
            [engine().ffmpeg, "-hide_banner", "-nostats", "-i", str(made.top), "-vf", "idet", "-f", "null", "-"],
            capture_output=True, text=True, check=True,
        ).stderr  # fmt: skip
        top, bottom = re.findall(r"Multi frame detection: TFF:\s*(\d+) BFF:\s*(\d+)", said)[0]
        assert int(top) + int(bottom) <= 2, name
        (stream,) = streams(made.top)
        assert (made.recipe.fps, abs(int(stream["nb_read_frames"]) - 50) <= 1) == ("25/1", True)


# --- flash and beep: picture and sound at the same moment ------------------------------------


def flash(at_s: float, rate: str = "25", seconds: float = 3.0) -> str:
    return f"color=black:s=160x90:r={rate}:d={seconds},drawbox=c=white:t=fill:enable='between(t,{at_s},{at_s}+0.15)'"


def beep(at_s: float, seconds: float = 3.0, layout: str = "stereo") -> str:
    gate = f"volume='if(between(t,{at_s},{at_s}+0.15),1,0)':eval=frame:eval=frame"
    return f"sine=frequency=1000:sample_rate=48000:samples_per_frame=96:d={seconds},{gate},aformat=channel_layouts={layout}"


def lag(picture: Path, sound: Path, rate: Fraction) -> tuple[float, float]:
    """When it flashes, and how much later it beeps, in seconds."""
    raw = decoded(picture, "-vf", "scale=2:2,format=gray", "-f", "rawvideo")
    flashes = next(n for n in range(len(raw) // 4) if raw[n * 4] > 128) / rate
    heard = decoded(sound, "-ac", "1", "-f", "s16le", "-c:a", "pcm_s16le")
    samples = memoryview(heard[: len(heard) // 2 * 2]).cast("h")
    loudest = max(abs(value) for value in samples)
    beeps = next(n for n, value in enumerate(samples) if abs(value) > loudest / 4) / 48000
    return float(flashes), beeps - float(flashes)


def inputs(picture: str, sound: str, *, late: str = "") -> list[str]:
    return [*lavfi(picture), *(["-itsoffset", late] if late else []), *lavfi(sound), "-map", "0", "-map", "1"]


SYNC = {
    "plain.mp4": inputs(flash(1.2), beep(1.2)),
    "b-frames.mkv": [*inputs(flash(1.2), beep(1.2)), "-bf", "3"],
    "clock-starts-late.ts": [*inputs(flash(1.2), beep(1.2)), "-output_ts_offset", "3600"],
    "sound-starts-late.mkv": inputs(flash(1.7), beep(1.2), late="0.5"),
    "variable-rate.mp4": [*inputs(flash(1.2, "30"), beep(1.2)), "-vf",
                          "select='if(lt(t,1),not(mod(n,6)),if(lt(t,2),1,not(mod(n,10))))'", "-fps_mode", "vfr"],
    "variable-rate.mkv": [*inputs(flash(1.2, "60"), beep(1.2)), "-vf", "select='not(mod(n,4))+between(t,1,1.5)'",
                          "-fps_mode", "vfr"],
    "ntsc.mov": inputs(flash(1.2, "30000/1001"), beep(1.2)),
    "high-rate.mp4": inputs(flash(1.2, "120"), beep(1.2)),
    "odd-rate.mkv": inputs(flash(1.2, "17"), beep(1.2)),
    "gap-in-sound.mkv": [*inputs(flash(2.0), beep(2.0)), "-af", "aselect='not(between(t,0.5,1.3))'"],
}  # fmt: skip


def test_a_broadcast_that_changes_its_channels_and_size(tmp_path):
    """One channel and a small picture, then 5.1 and a larger one, as a receiver writes it."""
    coder = [*X264, "-pix_fmt", "yuv420p", "-c:a", "aac"]
    first = make(tmp_path / "1.ts", *inputs(flash(9), beep(9, layout="mono")), *coder)
    larger = flash(1.2).replace("160x90", "320x180")
    then = make(tmp_path / "2.ts", *inputs(larger, beep(1.2, layout="5.1")), *coder, "-output_ts_offset", "3")
    source = tmp_path / "a.ts"
    source.write_bytes(first.read_bytes() + then.read_bytes())

    made = Made(source, tmp_path / "out")

    at_s, late_s = lag(made.top, made.out / "audio.mp4", Fraction(25))
    assert abs(at_s - 4.2) <= 0.1 and abs(late_s) <= 0.06, (at_s, late_s)
    packets = int(streams(made.out / "audio.mp4")[0]["nb_read_frames"])
    assert abs(packets * 1024 / 48000 - 6) < 0.15


@pytest.mark.parametrize("name", SYNC)
def test_sound_stays_with_the_picture(name, tmp_path):
    source = make(tmp_path / name, *SYNC[name], *X264, "-pix_fmt", "yuv420p", "-c:a", "aac")

    made = Made(source, tmp_path / "out")

    rate = made.recipe.rate
    at_s, late_s = lag(made.top, made.out / "audio.mp4", rate)
    # A frame of the result and a frame of the source; EBU R 37 allows +40 ms / −60 ms.
    assert abs(late_s) <= max(0.045, float(1 / rate) + 0.012), (at_s, late_s)
    lengths = [float(streams(path)[0]["duration"]) for path in (made.top, made.out / "audio.mp4")]
    assert abs(lengths[0] - lengths[1]) <= max(0.06, float(1 / rate)), lengths


def test_the_published_set_is_in_sync(db, own_root, tmp_path):
    """Through the packager too, which knows nothing of edit lists."""
    from media_pipeline import storage

    source = make(tmp_path / "a.mp4", *SYNC["plain.mp4"], *X264, "-pix_fmt", "yuv420p", "-c:a", "aac")
    asset = api.work_off(api.ingest_file(source, title="a", uploaded_by=None, enqueue=False))
    assert asset.state == "READY", asset.refusal_code

    folder = storage.absolute(asset.folder)
    joined = {}
    for name in ("v90", "audio"):
        pieces = [folder / name / "init.mp4", *sorted((folder / name).glob("*.m4s"))]
        joined[name] = tmp_path / f"{name}.mp4"
        joined[name].write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    at_s, late_s = lag(joined["v90"], joined["audio"], Fraction(25))
    assert abs(at_s - 1.2) <= 0.041 and abs(late_s) <= 0.045, (at_s, late_s)


def test_the_last_picture_stays_while_the_speaker_goes_on(db, own_root, settings, tmp_path):
    """In chunks, the later of which hold nothing but that picture; and a slide that is a single frame."""
    settings.MEDIA_PIPELINE |= {"CHUNK_S": 4}
    held = make(
        tmp_path / "a.mp4", *lavfi(patches(seconds=3.0)), *lavfi(tone(seconds=10)), *X264, "-pix_fmt", "yuv420p",
        "-c:a", "aac",
    )  # fmt: skip
    slow = make(
        tmp_path / "b.mp4", *lavfi(patches(rate="1/6", seconds=12)), *lavfi(tone(seconds=12)), *X264, "-pix_fmt",
        "yuv420p", "-c:a", "aac",
    )  # fmt: skip

    for source, length_s in ((held, 10), (slow, 12)):
        asset = api.work_off(api.ingest_file(source, title="a", uploaded_by=None, enqueue=False))
        assert (asset.state, asset.refusal_code) == ("READY", "")
        assert abs(asset.duration_s - length_s) < 0.1
        lengths = [item["duration_s"] for item in asset.contents["renditions"]]
        assert max(lengths) - min(lengths) < 0.1, lengths


def test_a_recorder_that_crashed(tmp_path):
    """No length in the header, or no index at the end: the length is counted; half a file is refused."""
    coder = [*X264, "-bf", "0", "-pix_fmt", "yuv420p", "-c:a", "libmp3lame"]
    talk = [*lavfi(patches(seconds=6.0)), *lavfi(tone(seconds=6)), *coder]
    live = make(tmp_path / "a.mkv", *talk, "-live", "1")
    avi = make(tmp_path / "a.avi", *talk).read_bytes()
    no_index = tmp_path / "b.avi"
    no_index.write_bytes(avi[: avi.rindex(b"idx1")])
    whole = make(tmp_path / "whole.mkv", *talk).read_bytes()
    half = tmp_path / "c.mkv"
    half.write_bytes(whole[: len(whole) // 2])

    def looked_at(source):
        facts = examine(source, name=source.name, engine=engine(), policy=Policy())
        return settle(source, facts, engine(), Policy())

    assert abs(looked_at(live).duration_s - 6) < 0.2
    assert abs(looked_at(no_index).duration_s - 6) < 0.5  # ffprobe reckons it from the bit rate
    with pytest.raises(AssetRefused) as no:
        looked_at(half)
    assert no.value.code == "DAMAGED"


# --- sound ------------------------------------------------------------------------------------


def heard(path: Path) -> tuple[float, float]:
    """Integrated LUFS (one channel as heard from both loudspeakers) and true peak dBTP."""
    said = subprocess.run(
        [engine().ffmpeg, "-hide_banner", "-nostats", "-i", str(path), "-af",
         "ebur128=peak=true:dualmono=1:framelog=quiet", "-f", "null", "-"],
        capture_output=True, text=True, check=True,
    ).stderr  # fmt: skip
    figures = [re.findall(pattern, said)[-1] for pattern in (r"I:\s+(\S+) LUFS", r"Peak:\s+(\S+) dBFS")]
    return float(figures[0]), float(figures[1])


TALK = (
    "anoisesrc=d=12:c=pink:a=0.5:seed=7:r=48000,highpass=150,lowpass=4000,tremolo=f=4:d=0.9,volume={gain}dB"
)


@pytest.mark.parametrize(
    ("gain", "layout", "channels"),
    [(-15, "stereo", 2), (14, "stereo", 2), (-14, "mono", 1), (0, "mono", 1), (-10, "5.1", 2)],
)
def test_every_lecture_is_equally_loud(gain, layout, channels, tmp_path):
    source = make(
        tmp_path / "a.mkv",
        *lavfi(TALK.format(gain=gain) + f",aformat=channel_layouts={layout}"),
        "-c:a",
        "flac",
    )

    made = Made(source, tmp_path / "out", name="a.mka")

    loud, peak = heard(made.out / "audio.mp4")
    assert abs(loud - loudness.TARGET_LUFS) <= 1.0
    assert peak <= loudness.CEILING_DBTP
    assert streams(made.out / "audio.mp4")[0]["channels"] == channels


def test_a_knock_on_the_microphone_does_not_keep_speech_low(tmp_path):
    talk = TALK.format(gain=-8) + "[t];aevalsrc='if(between(t,6,6.004),0.9*sin(2000*t),0)':s=48000:d=12[k];"
    source = make(tmp_path / "a.mkv", *lavfi(f"{talk}[t][k]amix=normalize=0"), "-c:a", "flac")

    made = Made(source, tmp_path / "out", name="a.mka")

    loud, peak = heard(made.out / "audio.mp4")
    assert (
        abs(loud - loudness.TARGET_LUFS) <= 2.0 and peak <= loudness.CEILING_DBTP
    )  # the knock was measured too


def test_silence_is_left_alone(tmp_path):
    silent = make(tmp_path / "s.mkv", *lavfi("anullsrc=r=48000:cl=stereo:d=3"), "-c:a", "flac")
    hiss = make(tmp_path / "h.mkv", *lavfi("anoisesrc=d=5:a=0.0005:r=48000"), "-c:a", "flac")

    nothing, little = Made(silent, tmp_path / "1", name="a.mka"), Made(hiss, tmp_path / "2", name="a.mka")

    assert nothing.loud == {}
    assert heard(nothing.out / "audio.mp4")[0] <= -70
    assert loudness.gain_db(next(iter(little.loud.values()))) == 0
    assert heard(little.out / "audio.mp4")[0] < loudness.SILENCE_LUFS


def test_the_voice_in_the_centre_of_5_1_is_not_lost(tmp_path):
    """A voice in the centre only, thunder in the low-frequency channel only: the voice is heard, from the middle."""
    graph = (
        "sine=frequency=1000:sample_rate=48000:d=4[v];sine=frequency=50:sample_rate=48000:d=4,volume=8[l];"
    )
    graph += "[v][l]amerge=2,pan=5.1|FL=0*c0|FR=0*c0|FC=c0|LFE=c1|BL=0*c0|BR=0*c0"
    source = make(tmp_path / "a.mkv", *lavfi(graph), "-c:a", "flac")

    made = Made(source, tmp_path / "out", name="a.mka")

    raw = decoded(made.out / "audio.mp4", "-f", "s16le", "-c:a", "pcm_s16le")
    samples = memoryview(raw).cast("h")[48000:144000]
    left, right = samples[::2].tolist(), samples[1::2].tolist()
    assert max(abs(a - b) for a, b in zip(left, right, strict=True)) < 1000 < max(left)
    crossings = sum(1 for a, b in pairwise(left) if a < 0 <= b)
    assert abs(crossings - 1000) < 20  # one second of 1000 Hz, not of 50 Hz


def test_all_languages_are_kept_the_preferred_first(tmp_path):
    arguments = [*lavfi(patches())]
    for hz in (300, 600, 900, 1200, 1500, 1800, 2100):
        arguments += lavfi(tone(hz=hz, layout="mono" if hz == 600 else "stereo"))
    for number in range(8):
        arguments += ["-map", str(number)]
    for number, (lang, title) in enumerate(
        [("zho", "普通话"), ("eng", "<b>English</b>"), ("und", ""), ("yue", "")]
    ):
        arguments += [
            f"-metadata:s:a:{number}",
            f"language={lang}",
            f"-metadata:s:a:{number}",
            f"title={title}",
        ]
    arguments += ["-disposition:a", "0", "-disposition:a:1", "default"]
    source = make(tmp_path / "a.mkv", *arguments, *X264, "-c:a", "aac", "-pix_fmt", "yuv420p")

    made = Made(source, tmp_path / "out")

    assert [(s.name, s.channels, s.lang, s.label) for s in made.recipe.sounds][:4] == [
        ("audio", 1, "eng", "<b>English</b>"), ("audio2", 2, "zho", "普通话"), ("audio3", 2, "", ""), ("audio4", 2, "yue", ""),
    ]  # fmt: skip
    assert len(made.recipe.sounds) == 6
    assert sorted(path.name for path in made.out.glob("audio*.mp4")) == [
        "audio.mp4", "audio2.mp4", "audio3.mp4", "audio4.mp4", "audio5.mp4", "audio6.mp4",
    ]  # fmt: skip


@pytest.mark.parametrize("silent", [True, False])
def test_a_lecture_goes_the_whole_way(silent, db, own_root, tmp_path):
    """HDR, turned, at a variable rate; with two sounds or none."""
    graph = f"{patches(rate='30', matrix='bt2020nc')},select='not(eq(mod(n,5),2))',format=yuv420p10le"
    graph += ",setparams=color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc:range=tv"
    more = (
        []
        if silent
        else [*lavfi(tone()), *lavfi(tone(hz=700, layout="5.1")), "-map", "0", "-map", "1", "-map", "2"]
    )
    plain = make(tmp_path / "plain.mov", *lavfi(graph), *more, "-fps_mode", "vfr", *X264, "-c:a", "aac")
    source = make(
        tmp_path / "a.mov", "-display_rotation:v:0", "90", "-i", str(plain), "-map", "0", "-c", "copy"
    )

    asset = api.work_off(api.ingest_file(source, title="a", uploaded_by=None, enqueue=False))

    assert (asset.state, asset.refusal_code) == ("READY", "")
    rows = list(asset.renditions.order_by("name").values_list("name", "width", "height"))
    assert ("v180", 180, 320) in rows
    assert [name for name, _w, _h in rows if name.startswith("audio")] == (
        [] if silent else ["audio", "audio2"]
    )
