"""HLS playlists (RFC 8216, and EXT-X-IMAGE-STREAM-INF as Roku and shaka-player read it). Pure: values in, text out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from media_pipeline.package.names import (
    CHAPTERS_APPLE,
    IMAGES,
    caption_file,
)
from media_pipeline.package.tracks import Track, heard, in_main, names_apart, stills
from media_pipeline.storyboard import Storyboard

__all__ = ["Subtitle", "image_playlist", "master", "slides_master", "sound_master", "subtitle_playlist"]

_HEAD = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS", ""]


@dataclass(frozen=True)
class Subtitle:
    """Captions in one language: `lang` a tag, `label` for the menu."""

    lang: str
    label: str


def master(
    tracks: Sequence[Track],
    *,
    pictures: Sequence[Track] | None = None,
    board: tuple[Storyboard, int] | None = None,
    subtitles: Sequence[Subtitle] = (),
    chapters: bool = False,
    up: str = "",
) -> str:
    """The master playlist: every picture with every sound, I-frame playlists, thumbnails, captions.

    `pictures` are those to offer (None: of the main ladder); without any, the sounds are offered by
    themselves. `board` is the storyboard and its bits a second. `up` stands before addresses of
    the set's own files («../» in a dress).
    """
    shown = in_main(tracks) if pictures is None else list(pictures)
    sounds = heard(tracks)
    lines = [*_HEAD, *_subtitle_lines(subtitles), *_sound_lines(sounds, up) * bool(shown)]
    if chapters:
        lines.append(f'#EXT-X-SESSION-DATA:DATA-ID="com.apple.hls.chapters",URI="{CHAPTERS_APPLE}"')
    loudest = max((sound.bandwidth_bps for sound in sounds), default=0)
    mean = max((sound.mean_bps for sound in sounds), default=0)
    hears = _codecs(sounds)
    for track in shown:
        told = [
            f"BANDWIDTH={track.bandwidth_bps + loudest}",
            f"AVERAGE-BANDWIDTH={track.mean_bps + mean}",
            f'CODECS="{",".join([track.codecs, *hears])}"',
            f"RESOLUTION={track.width}x{track.height}",
            f"FRAME-RATE={track.fps:.3f}",
            *(['AUDIO="sound"'] if sounds else []),
            *(['SUBTITLES="captions"'] if subtitles else []),
            "CLOSED-CAPTIONS=NONE",
        ]
        lines += ["#EXT-X-STREAM-INF:" + ",".join(told), f"{up}{track.name}/main.m3u8"]
    if not shown:
        lines += _alone(sounds, up, subtitles)
    for track in shown:
        if track.trick_bps:
            lines.append(
                f'#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={track.trick_bps},CODECS="{track.codecs}",'
                f'RESOLUTION={track.width}x{track.height},URI="{up}{track.name}/iframe.m3u8"'
            )
    if board:
        plan, bps = board
        wide, tall = plan.tile
        lines.append(
            f'#EXT-X-IMAGE-STREAM-INF:BANDWIDTH={bps},CODECS="jpeg",RESOLUTION={wide}x{tall},URI="{up}{IMAGES}"'
        )
    return "\n".join(lines) + "\n"


def slides_master(tracks: Sequence[Track], *, subtitles: Sequence[Subtitle] = (), up: str = "") -> str:
    """Sound and stills, the thriftiest way to see a lecture; same timeline as `master`."""
    return master(tracks, pictures=stills(tracks), subtitles=subtitles, up=up)


def sound_master(tracks: Sequence[Track], *, up: str = "") -> str:
    """The sound alone, for listening without picture (RFC 8216 §4.3.4.2)."""
    return "\n".join([*_HEAD, *_alone(heard(tracks), up, ())]) + "\n"


def subtitle_playlist(lang: str, duration_s: float) -> str:
    """Captions as a playlist of one segment: a lecture's WebVTT is tens of kilobytes (RFC 8216 §3.5)."""
    return (
        f"#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{max(1, math.ceil(duration_s))}\n"
        f"#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:{duration_s:.3f},\n{caption_file(lang)}\n#EXT-X-ENDLIST\n"
    )


def image_playlist(board: Storyboard, duration_s: float, *, sheet: str = "storyboard-{}.jpg") -> str:
    """The storyboard's sheets as a playlist of images, each of `columns`×`rows` pictures."""
    holds_s = board.every_s * board.columns * board.rows
    wide, tall = board.tile
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{holds_s}",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-IMAGES-ONLY",
    ]
    for number in range(board.sheets):
        lasts = min(holds_s, duration_s - number * holds_s)
        lines += [
            f"#EXTINF:{max(0.001, lasts):.3f},",
            f"#EXT-X-TILES:RESOLUTION={wide}x{tall},LAYOUT={board.columns}x{board.rows},DURATION={board.every_s}",
            sheet.format(number + 1),
        ]
    return "\n".join([*lines, "#EXT-X-ENDLIST"]) + "\n"


def _sound_lines(sounds: Sequence[Track], up: str) -> list[str]:
    labels = names_apart([sound.label for sound in sounds])
    return [
        f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",URI="{up}{sound.name}/main.m3u8"'
        + (f',LANGUAGE="{sound.lang}"' if sound.lang != "und" else "")
        + f',NAME="{label}",DEFAULT={"YES" if number == 0 else "NO"},AUTOSELECT=YES,CHANNELS="{sound.channels}"'
        for number, (sound, label) in enumerate(zip(sounds, labels, strict=True))
    ]


def _subtitle_lines(subtitles: Sequence[Subtitle]) -> list[str]:
    labels = names_apart([_quoted(one.label) for one in subtitles])
    return [
        f'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="captions",URI="{caption_file(one.lang, ".m3u8")}",'
        f'LANGUAGE="{one.lang}",NAME="{label}",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO'
        for one, label in zip(subtitles, labels, strict=True)
    ]


def _alone(sounds: Sequence[Track], up: str, subtitles: Sequence[Subtitle]) -> list[str]:
    """Each sound as a variant; with several they are one group, so that a listener may choose the language."""
    if not sounds:
        return []
    group = _sound_lines(sounds, up) if len(sounds) > 1 else []
    first = sounds[0]
    told = [
        f"BANDWIDTH={max(sound.bandwidth_bps for sound in sounds)}",
        f"AVERAGE-BANDWIDTH={first.mean_bps}",
        f'CODECS="{",".join(_codecs(sounds))}"',
        *(['AUDIO="sound"'] if group else []),
        *(['SUBTITLES="captions"'] if subtitles else []),
    ]
    return [*group, "#EXT-X-STREAM-INF:" + ",".join(told), f"{up}{first.name}/main.m3u8"]


def _codecs(sounds: Sequence[Track]) -> list[str]:
    return list(dict.fromkeys(sound.codecs for sound in sounds))


def _quoted(text: str) -> str:
    """For a quoted string of RFC 8216 §4.2, which knows no escapes."""
    return " ".join(text.replace('"', "”").split()) or "字幕"
