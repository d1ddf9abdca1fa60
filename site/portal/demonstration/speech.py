"""Spoken sentences at known times: eSpeak NG driven through ctypes, in a process of its own.

Run as a module it reads {"home": folder of the unpacked package, "rate": words a minute,
"sentences": [text, …]} on stdin and writes one mono WAV after another into `folder`. The synthesiser
is native code: should it fall over, only this little process falls.
"""

import ctypes
import json
import platform
import subprocess
import sys
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Cue", "SpeechFailed", "Spoken", "silent", "speak", "vtt"]

SAMPLE_RATE = 22050
PAUSE_S = 0.55
"""Silence after each sentence."""


class SpeechFailed(Exception):
    """The synthesiser could not be loaded or said nothing."""


@dataclass(frozen=True)
class Cue:
    """One sentence and when it is heard, in seconds from the start."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True)
class Spoken:
    """A WAV file (mono, 16 bit, 22,050 Hz) and the exact time of every sentence in it."""

    path: Path
    duration_s: float
    cues: tuple[Cue, ...]


def speak(sentences: list[str], *, home: Path, into: Path, rate: int = 165, lead_s: float = 0.8) -> Spoken:
    """Say `sentences` in Mandarin into the WAV file `into`; the cues are exact to one sample.

    `home` is the unpacked package (`sources.SPEECH`). Raises SpeechFailed.
    """
    into.parent.mkdir(parents=True, exist_ok=True)
    order = {
        "home": str(home),
        "rate": rate,
        "sentences": sentences,
        "folder": str(into.parent),
        "stem": into.stem,
    }
    done = subprocess.run(
        [sys.executable, str(Path(__file__).resolve())],
        input=json.dumps(order).encode(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise SpeechFailed(done.stderr.decode(errors="replace").strip()[-300:] or f"exit {done.returncode}")
    pause = b"\0\0" * int(PAUSE_S * SAMPLE_RATE)
    sound = bytearray(b"\0\0" * int(lead_s * SAMPLE_RATE))
    cues = []
    for number, text in enumerate(sentences):
        part = into.parent / f"{into.stem}-{number:03d}.raw"
        start = len(sound) // 2
        sound += part.read_bytes()
        part.unlink()
        cues.append(Cue(start / SAMPLE_RATE, len(sound) // 2 / SAMPLE_RATE, text))
        sound += pause
    with wave.open(str(into), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes(bytes(sound))
    return Spoken(into, len(sound) / 2 / SAMPLE_RATE, tuple(cues))


def silent(sentences: list[str], *, into: Path, lead_s: float = 0.8) -> Spoken:
    """The same file without a voice, paced at four Han characters a second: what remains without eSpeak NG."""
    into.parent.mkdir(parents=True, exist_ok=True)
    at = lead_s
    cues = []
    for text in sentences:
        end = at + max(1.5, len(text) / 4)
        cues.append(Cue(at, end, text))
        at = end + PAUSE_S
    with wave.open(str(into), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes(b"\0\0" * int(at * SAMPLE_RATE))
    return Spoken(into, at, tuple(cues))


def vtt(cues: tuple[Cue, ...]) -> str:
    """The cues as a WebVTT file."""

    def clock(seconds: float) -> str:
        ms = round(seconds * 1000)
        return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"

    blocks = [f"{clock(c.start_s)} --> {clock(c.end_s)}\n{c.text}\n" for c in cues]
    return "WEBVTT\n\n" + "\n".join(blocks)


def _synthesise(order: dict) -> None:
    names = {"Windows": "espeak-ng.dll", "Darwin": "libespeak-ng.dylib"}
    inside = Path(order["home"]) / "espeakng_loader"
    library = ctypes.CDLL(str(inside / names.get(platform.system(), "libespeak-ng.so")))
    retrieval, utf8, rate_parameter = 2, 1, 1
    if library.espeak_Initialize(retrieval, 0, str(inside / "espeak-ng-data").encode(), 0) != SAMPLE_RATE:
        raise SystemExit("espeak_Initialize refused")
    if library.espeak_SetVoiceByName(b"cmn"):
        raise SystemExit("no Mandarin voice")
    library.espeak_SetParameter(rate_parameter, int(order["rate"]), 0)
    heard = bytearray()
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)

    @kind
    def take(samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            heard.extend(ctypes.string_at(samples, count * 2))
        return 0

    library.espeak_SetSynthCallback(take)
    for number, text in enumerate(order["sentences"]):
        heard.clear()
        raw = text.encode()
        if library.espeak_Synth(raw, len(raw) + 1, 0, 1, 0, utf8, None, None):
            raise SystemExit(f"espeak_Synth refused sentence {number}")
        library.espeak_Synchronize()
        if len(heard) < SAMPLE_RATE // 5:
            raise SystemExit(f"nothing was heard of sentence {number}")
        (Path(order["folder"]) / f"{order['stem']}-{number:03d}.raw").write_bytes(bytes(heard))


if __name__ == "__main__":
    _synthesise(json.load(sys.stdin))
