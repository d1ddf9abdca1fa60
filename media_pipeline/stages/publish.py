"""PACKAGE: cut, draw, mark, write manifests, verify, publish by one rename, dress.

`make_set` and `switch` serve whoever has encoded renditions to publish: this stage, and the preview.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from media_pipeline import chapters, graph, jobs, keys, package, shelves, storage, storyboard, vr
from media_pipeline.dress import put_on
from media_pipeline.engine import engine
from media_pipeline.errors import StageFailed
from media_pipeline.jobs import Lease
from media_pipeline.models import Asset, AssetState, Chapter, Rendition
from media_pipeline.package import dash, dressing, hls
from media_pipeline.package.languages import name as language_name
from media_pipeline.package.languages import tag
from media_pipeline.package.names import IMAGES
from media_pipeline.package.tracks import Track, stills
from media_pipeline.recipe import Recipe
from media_pipeline.runner import Limits, run
from media_pipeline.signals import asset_ready, chapters_changed
from media_pipeline.stages.parts import joined
from media_pipeline.stages.shared import decided
from media_pipeline.stages.viewports import open_views

__all__ = ["find_chapters", "make_set", "package_set", "switch"]


def package_set(asset: Asset, lease: Lease, scratch: Path) -> None:
    """Make the media set of the encoded renditions, if it is not there yet, and switch the asset to it."""
    _facts, made = decided(asset)
    folder = storage.set_folder(asset.sha256, made.hash)
    target = shelves.at_hand(folder)
    encoded = storage.encoded_dir(asset.sha256, made.hash)
    if not target.is_dir():
        out = scratch / "set"
        out.mkdir()
        if not keys.make_from_twin(asset.sha256, made, out):
            whole = joined(asset, made, lease, scratch)
            if whole is None:  # swept or lost: it is made again
                return
            contents = make_set(whole, out, made, lease.beat)
            if made.protected:
                contents = keys.seal(out, contents, sha256=asset.sha256)
            (out / "set.json").write_text(json.dumps(contents, indent=1, sort_keys=True))
        storage.move_into_place(out, target)
    contents = json.loads((target / "set.json").read_text())
    shelves.publish(folder, tick=lease.beat)
    switch(asset, lease, folder, contents)
    shutil.rmtree(encoded, ignore_errors=True)


def make_set(
    encoded: Path,
    out: Path,
    made: Recipe,
    beat: Callable[..., None],
) -> dict[str, Any]:
    """Make a whole, verified media set in the empty folder `out` from `encoded/<name>.mp4`; returns its contents.

    `beat` is called now and then with the share done. A protected set is made in clear too: it is
    sealed afterwards (`keys.seal`). Raises StageFailed PACKAGE_UNSOUND.
    """
    tools = engine()
    beat(0.05)

    def must(command: list[str], *, capture: bool = False) -> str:
        outcome = run(
            command,
            limits=Limits(wall_s=7200, cpu_s=7200),
            cwd=out,
            tick=lambda _block: beat(),
            capture=capture,
        )
        if outcome.code != 0:
            raise StageFailed("PACKAGE_UNSOUND", outcome.stderr)
        return outcome.stdout

    must(package.packager_command(tools.packager, encoded, made))
    beat(0.4)
    draft = (out / package.MANIFEST_DASH).read_text()
    whole = vr.dress_set(encoded, out, made, ffmpeg=tools.ffmpeg, must=must)
    tracks = _tracks(out, made, dash.codecs_of(draft))
    duration_s = tracks[0].duration_s
    board = None
    scenes: list[int] = []
    if made.rungs:
        board = _draw(encoded, out, made, duration_s, must)
        beat(0.6)
    if made.kind == "SLIDES":
        smallest = encoded / f"{made.ladder[-1].name}.mp4"
        said = must(graph.scenes_command(tools.ffmpeg, smallest, threshold=chapters.THRESHOLD), capture=True)
        scenes = [round(change * 1000) for change in chapters.changes_of(said)]
    beat(0.7)
    masters = _write_manifests(out, tracks, draft, duration_s, board)
    lengths = {name: _length(encoded, name) for name in made.names}
    package.verify(out, tracks, expected_s=lengths, masters=masters, duration_s=duration_s)
    beat(0.8)
    for track in tracks:
        _try(out, track, must)
    beat(0.95)
    return {
        "layout": dressing.LAYOUT,
        "duration_s": round(duration_s, 3),
        "projection": made.projection,
        "stereo": made.stereo,
        "segment_s": made.segment_s,
        "sound": bool(made.sounds),
        "picture": bool(made.rungs),
        "slides": bool(stills(tracks)),
        "storyboard": {"plan": asdict(board[0]), "bandwidth_bps": board[1]} if board else None,
        "scenes_ms": scenes,
        "renditions": [track.as_dict() for track in tracks],
        "progressive": whole,
        "recipe": made.as_dict(),
    }


def _tracks(out: Path, made: Recipe, codecs: Mapping[str, str]) -> list[Track]:
    """What was packaged, measured; the codecs as the packager read them."""
    measured = package.measure(out, made.names, segment_s=made.segment_s)
    found = []
    for rung in made.rungs:
        item = measured[rung.name]
        rate = float(made.rate) if not rung.fps else _number(rung.fps)
        found.append(
            Track(
                rung.name, rung.codec, codecs.get(rung.name, ""), rung.width, rung.height, rate, bool(rung.fps),
                "", "", 0, item.peak_bps, item.mean_bps, item.trick_bps, item.size_bytes, item.segments,
                round(item.duration_s, 3),
            )
        )  # fmt: skip
    for number, sound in enumerate(made.sounds, 1):
        item = measured[sound.name]
        label = language_name(sound.lang, label=sound.label, number=number)
        found.append(
            Track(
                sound.name, "aac", codecs.get(sound.name, ""), 0, 0, 0.0, False, tag(sound.lang), label,
                sound.channels, item.peak_bps, item.mean_bps, 0, item.size_bytes, item.segments,
                round(item.duration_s, 3),
            )
        )  # fmt: skip
    return found


def _draw(
    encoded: Path, out: Path, made: Recipe, duration_s: float, must: Callable[..., str]
) -> tuple[storyboard.Storyboard, int]:
    """Poster, storyboard sheets and their tracks; the storyboard and its bits a second."""
    ffmpeg = engine().ffmpeg
    largest, smallest = made.ladder[0], made.ladder[-1]
    must(
        graph.poster_command(
            ffmpeg,
            encoded / f"{largest.name}.mp4",
            at_s=min(5.0, duration_s * 0.1),
            projection=made.projection,
            stereo=made.stereo,
            target="poster.jpg",
        )
    )
    board = storyboard.plan(duration_s, smallest.width, smallest.height, stereo=made.stereo)
    must(
        graph.storyboard_command(
            ffmpeg,
            encoded / f"{smallest.name}.mp4",
            every_s=board.every_s,
            columns=board.columns,
            rows=board.rows,
            tile=board.tile,
            stereo=made.stereo,
            target="storyboard-%d.jpg",
        )
    )
    (out / "storyboard.vtt").write_text(storyboard.track(board, duration_s))
    (out / IMAGES).write_text(hls.image_playlist(board, duration_s))
    sheets = [f"storyboard-{number + 1}.jpg" for number in range(board.sheets)]
    for needed in ["poster.jpg", *sheets]:
        if not (out / needed).is_file():
            raise StageFailed("PACKAGE_UNSOUND", f"{needed} was not drawn")
    largest_sheet = max((out / sheet).stat().st_size for sheet in sheets)
    lasts = min(duration_s, board.every_s * board.columns * board.rows)
    return board, max(1, round(largest_sheet * 8 / max(lasts, 0.1)))


def _write_manifests(
    out: Path, tracks: Sequence[Track], draft: str, duration_s: float, board: Any
) -> list[str]:
    """Write the set's own manifests; the names of the HLS masters among them."""
    texts = {package.MANIFEST_HLS: hls.master(tracks, board=board)}
    if stills(tracks):
        texts[package.MANIFEST_SLIDES] = hls.slides_master(tracks)
    if any(track.codec == "hevc" for track in tracks):
        texts[package.MANIFEST_HEADSET] = hls.master(tracks, pictures=dressing.headset_pictures(tracks))
    if any(not track.height for track in tracks):
        texts[package.MANIFEST_SOUND] = hls.sound_master(tracks)
    for name, text in texts.items():
        (out / name).write_text(text, encoding="utf-8")
    ours = dash.manifest(draft, tracks, duration_s=duration_s, board=board)
    (out / package.MANIFEST_DASH).write_text(ours, encoding="utf-8")
    return list(texts)


def _try(out: Path, track: Track, must: Callable[..., str]) -> None:
    """Decode the first and the last segment of a rendition: what comes out is what was promised.

    Without a decoder for its codec (AV1 in some builds) its packets are counted instead.
    """
    segments = sorted((out / track.name).glob("*.m4s"))
    tried = out.parent / f"try-{track.name}.mp4"
    with tried.open("wb") as joined:
        for piece in [out / track.name / "init.mp4", *dict.fromkeys([segments[0], segments[-1]])]:
            joined.write(piece.read_bytes())
    command = [
        engine().ffprobe, "-v", "error", "-protocol_whitelist", "file", "-f", "mov",
        "-show_entries", "stream=codec_name,width,height,nb_read_frames,nb_read_packets", "-of", "json",
    ]  # fmt: skip
    frames = ["-count_frames"] if _decodes(track.codec) else []
    said = must([*command, *frames, "-count_packets", f"file:{tried}"], capture=True)
    tried.unlink()
    faults = _trial_faults(track, json.loads(said or "{}"), counted=bool(frames))
    if faults:
        raise StageFailed("PACKAGE_UNSOUND", "; ".join(faults))


def _trial_faults(track: Track, said: Mapping[str, Any], *, counted: bool) -> list[str]:
    """What ffprobe's answer about a trial says against `track`. Pure."""
    streams = said.get("streams", [])
    if len(streams) != 1:
        return [f"{track.name}: {len(streams)} streams"]
    (stream,) = streams
    found = []
    if stream.get("codec_name") != track.codec:
        found.append(f"{track.name} is {stream.get('codec_name')}, not {track.codec}")
    if track.height and (stream.get("width"), stream.get("height")) != (track.width, track.height):
        found.append(f"{track.name} is {stream.get('width')}x{stream.get('height')}")
    packets = _number(stream.get("nb_read_packets", "0"))
    frames = _number(stream.get("nb_read_frames", "0"))
    if not packets:
        found.append(f"{track.name}: nothing in it")
    elif counted and frames < packets - 2:
        found.append(f"{track.name}: {frames:.0f} of {packets:.0f} frames decode")
    return found


def _decodes(codec: str) -> bool:
    """Whether our ffprobe has a decoder in software for `codec`."""
    return codec != "av1" or bool(getattr(engine(), "decodes_av1", False))


def _number(text: str) -> float:
    """«25», «30000/1001» or «N/A» (0) as a number."""
    above, _slash, below = str(text).partition("/")
    try:
        return float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError):
        return 0.0


def _length(encoded: Path, name: str) -> float:
    """Seconds of an encoded file, asked of ffprobe."""
    outcome = run(
        [engine().ffprobe, "-v", "error", "-protocol_whitelist", "file", "-f", "mov", "-show_entries",
         "stream=duration", "-of", "csv=p=0", f"file:{encoded / name}.mp4"],
        limits=Limits(wall_s=60, cpu_s=60),
        cwd=encoded,
        capture=True,
    )  # fmt: skip
    try:
        return float(outcome.stdout.split()[0])
    except (ValueError, IndexError) as unreadable:
        raise StageFailed("PACKAGE_UNSOUND", f"{name}.mp4: {outcome.stderr}") from unreadable


@transaction.atomic
def switch(
    asset: Asset, lease: Lease, folder: str, contents: dict[str, Any], *, preview: bool = False
) -> None:
    """Switch the asset to its media set, dressed, in one transaction under the lease.

    The folder it played from so far stays where it is: who is in the middle of a lecture goes on.
    With `preview` the asset stays on its way and keeps its rows of renditions.
    """
    now = timezone.now()
    jobs.finish(lease, now=now)
    asset = Asset.objects.select_for_update().get(pk=asset.pk)
    if not preview:
        asset.state, asset.ready_at = AssetState.READY, now
        asset.refusal_code, asset.refusal_values = "", {}
        if find_chapters(asset, contents):
            chapters_changed.send(sender=Asset, asset=asset)
    asset.folder = folder
    asset.contents = put_on(asset, folder, contents | ({"preview": True} if preview else {}))
    asset.duration_s = contents["duration_s"]
    asset.save()
    if preview:
        return
    asset.renditions.all().delete()
    Rendition.objects.bulk_create(
        Rendition(
            asset=asset,
            name=item["name"],
            kind=Rendition.Kind.VIDEO if item["height"] else Rendition.Kind.AUDIO,
            codec=item.get("codec", ""),
            lang=item.get("lang", ""),
            width=item["width"],
            height=item["height"],
            bandwidth_bps=item["bandwidth_bps"],
            size_bytes=item["size_bytes"],
        )
        for item in contents["renditions"]
    )
    asset_ready.send(sender=Asset, asset=asset)
    open_views(asset, bell=lease.bell)


def find_chapters(asset: Asset, contents: Mapping[str, Any]) -> bool:
    """Chapters from slide changes, unless an editor has set some herself; whether anything changed."""
    if asset.chapters.filter(by_hand=True).exists():
        return False
    changes = [change / 1000 for change in contents.get("scenes_ms", [])]
    rows = [
        Chapter(asset=asset, begin_ms=page.begin_ms, title=_("Page %(number)s") % {"number": page.number})
        for page in chapters.pages(changes, contents.get("duration_s", 0.0))
    ]
    had = list(asset.chapters.values_list("begin_ms", "title"))
    if had == [(row.begin_ms, row.title) for row in rows]:
        return False
    asset.chapters.all().delete()
    Chapter.objects.bulk_create(rows)
    return True
