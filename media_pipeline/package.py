"""From renditions to one CMAF media set: the packager's arguments, the verification, the description. Pure but for reading."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from media_pipeline.errors import StageFailed
from media_pipeline.recipe import Recipe

__all__ = ["MANIFEST_DASH", "MANIFEST_HLS", "MANIFEST_SOUND", "packager_command", "sound_master", "verify"]

MANIFEST_HLS = "master.m3u8"
MANIFEST_DASH = "manifest.mpd"
MANIFEST_SOUND = "listen.m3u8"


@dataclass(frozen=True)
class Packed:
    """One rendition as it lies on disk: seconds, bytes of all segments, peak and mean bits per second."""

    name: str
    duration_s: float
    segments: int
    size_bytes: int
    peak_bps: int


def packager_command(program: str, encoded: Path, recipe: Recipe) -> list[str]:
    """Arguments that cut `encoded/<rung>.mp4` into segments below the working folder, with HLS and DASH manifests."""
    streams = [
        f"in={encoded}/{rung.name}.mp4,stream=video,init_segment={rung.name}/init.mp4,"
        f"segment_template={rung.name}/$Number%05d$.m4s,playlist_name={rung.name}/main.m3u8,"
        f"iframe_playlist_name={rung.name}/iframe.m3u8"
        for rung in recipe.rungs
    ]
    for sound in recipe.sounds:
        name = sound.name
        streams.append(
            f"in={encoded}/{name}.mp4,stream=audio,init_segment={name}/init.mp4,"
            f"segment_template={name}/$Number%05d$.m4s,playlist_name={name}/main.m3u8,"
            f"hls_group_id=sound,hls_name=sound"
        )
    return [
        program,
        *streams,
        "--segment_duration", str(recipe.segment_s),
        "--hls_master_playlist_output", MANIFEST_HLS,
        "--hls_playlist_type", "VOD",
        "--mpd_output", MANIFEST_DASH,
        "--generate_static_live_mpd",
        "--use_fake_clock_for_muxer",
        "--single_threaded",  # same input, same bytes, down to the order in the manifests
    ]  # fmt: skip


def sound_master(*, peak_bps: int) -> str:
    """A master playlist of the sound alone, for listening without picture (RFC 8216 §4.3.4.2)."""
    return (
        "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n"
        f'#EXT-X-STREAM-INF:BANDWIDTH={peak_bps},CODECS="mp4a.40.2"\naudio/main.m3u8\n'
    )


def verify(folder: Path, names: Sequence[str], *, duration_s: float, fps: float) -> list[Packed]:
    """Check a media set before it is published, and measure it.

    Every playlist ends, every file it names is there and not empty, all picture renditions have
    the same number of segments, durations agree with `duration_s` (of the encoded files) within
    half a second. Raises StageFailed PACKAGE_UNSOUND with what is wrong.
    """
    found = [_measure(folder, name) for name in names]
    pictures = [packed for packed in found if packed.name.startswith("v")]
    if len({packed.segments for packed in pictures}) > 1:
        counts = ", ".join(f"{packed.name} {packed.segments}" for packed in pictures)
        raise StageFailed("PACKAGE_UNSOUND", f"segment counts differ: {counts}")
    for packed in pictures or found:
        if abs(packed.duration_s - duration_s) > max(0.5, 2 / fps if fps else 0):
            raise StageFailed("PACKAGE_UNSOUND", f"{packed.name} lasts {packed.duration_s}, not {duration_s}")
    for manifest in (MANIFEST_HLS, MANIFEST_DASH):
        if not (folder / manifest).stat().st_size:
            raise StageFailed("PACKAGE_UNSOUND", f"{manifest} is empty")
    return found


def _measure(folder: Path, name: str) -> Packed:
    playlist = folder / name / "main.m3u8"
    try:
        lines = playlist.read_text().splitlines()
    except FileNotFoundError as absent:
        raise StageFailed("PACKAGE_UNSOUND", f"{name}/main.m3u8 is not there") from absent
    if "#EXT-X-ENDLIST" not in lines:
        raise StageFailed("PACKAGE_UNSOUND", f"{name}/main.m3u8 has no end")
    durations: list[float] = []
    total = 0
    peak = 0.0
    for line in lines:
        if line.startswith("#EXT-X-MAP"):
            uri = re.search(r'URI="([^"]+)"', line)
            total += _size(playlist.parent / (uri.group(1) if uri else ""), name)
        elif line.startswith("#EXTINF:"):
            durations.append(float(line[8:].split(",")[0]))
        elif line and not line.startswith("#"):
            size = _size(playlist.parent / line, name)
            total += size
            if durations[-1] > 0.3:
                peak = max(peak, size * 8 / durations[-1])
    if not durations:
        raise StageFailed("PACKAGE_UNSOUND", f"{name} has no segment")
    return Packed(name, sum(durations), len(durations), total, round(peak))


def _size(path: Path, name: str) -> int:
    size = path.stat().st_size if path.is_file() else 0
    if not size:
        raise StageFailed("PACKAGE_UNSOUND", f"{name}: {path.name} is missing or empty")
    return size
