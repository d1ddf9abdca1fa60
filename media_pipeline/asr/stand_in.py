"""An engine for tests and for trying the editor's screens: hears where sound is, and writes fixed words there."""

import wave
from collections.abc import Callable, Iterator
from pathlib import Path

from media_pipeline.asr.pieces import levels, speech
from media_pipeline.asr.sherpa import _parts
from media_pipeline.captions import Cue

__all__ = ["StandIn"]


class StandIn:
    """A Recogniser that understands nothing; ASR_ENGINE=stand-in."""

    name = "stand-in"
    languages: frozenset[str] = frozenset()

    def transcribe(
        self, wav_path: Path, *, language: str, on_progress: Callable[[int], None]
    ) -> Iterator[Cue]:
        with wave.open(str(wav_path), "rb") as opened:
            loudness = levels(_parts(opened, opened.getframerate()), opened.getframerate())
        for number, (begin, end) in enumerate(speech(loudness), start=1):
            yield Cue(begin, end, f"（试听写 {number}，{language}）")
            on_progress(end)
