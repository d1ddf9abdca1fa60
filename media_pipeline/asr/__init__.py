"""Speech to text by an engine and a model that lie on this machine; nothing is ever fetched.

`MEDIA_PIPELINE["ASR_MODEL_DIR"]` names the folder of a model (setting ASR_MODEL_DIR); empty: editors upload
captions instead. The engine runs in a process of its own (listen.py): a broken model ends that, not the worker.

Why sherpa-onnx (looked at in November 2026): last release October 2026, Apache-2.0, 15 MB of wheels
without PyTorch, holds no code that downloads, runs the Mandarin models SenseVoice and Paraformer.
faster-whisper: last release October 2025, fetches from a hub unless told not to, 150 MB with ctranslate2.
vosk: December 2022. funasr-onnx: needs librosa and numba, downloads by modelscope.
"""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from media_pipeline.asr.models import Model, recognise_model
from media_pipeline.captions import Cue
from media_pipeline.errors import RecogniserMissing

__all__ = ["CANCELLED", "Recogniser", "chosen_model", "languages", "sentence", "worded"]

SENTENCES = {
    "NO_MODEL": gettext_noop(
        "Speech to text is not set up on this server. Captions can be uploaded. "
        "For the administrator: put a model into a folder and set ASR_MODEL_DIR (media_pipeline/asr/README.md)."
    ),
    "NO_FOLDER": gettext_noop(
        "The folder of the speech model (%(folder)s) is not there. Please tell the administrator."
    ),
    "NO_FILES": gettext_noop(
        "There is no speech model that we know in %(folder)s (model.onnx and tokens.txt). "
        "Please tell the administrator."
    ),
    "NO_PACKAGE": gettext_noop(
        "The program for speech to text is not installed. "
        "For the administrator: .venv/bin/pip install sherpa-onnx==2.0.1 numpy"
    ),
    "NO_ENGINE": gettext_noop(
        "ASR_ENGINE=%(engine)s is no engine that we know. Please tell the administrator."
    ),
    "LANGUAGE": gettext_noop("The speech model on this server does not know %(language)s."),
    "NOT_READY": gettext_noop("Speech to text can begin when the lecture is playable."),
    "NO_SOUND": gettext_noop("This lecture has no sound, so there is nothing to write down."),
    "CANCELLED": gettext_noop("Cancelled."),
    "NOTHING_HEARD": gettext_noop("No speech was heard in this lecture. Nothing was changed."),
    "BROKE": gettext_noop(
        "Speech to text broke off. The lecture itself is not affected. Please try again; if it happens again, "
        "tell the administrator."
    ),
}
CANCELLED = "CANCELLED"


class Recogniser(Protocol):
    """An engine with a model loaded."""

    name: str
    languages: frozenset[str]
    """Language tags that it knows; empty: whatever the model was made for."""

    def transcribe(
        self, wav_path: Path, *, language: str, on_progress: Callable[[int], None]
    ) -> Iterator[Cue]:
        """Cues in order of a WAV file (16 kHz, mono, 16 bit). `on_progress` hears the milliseconds done."""
        ...


def chosen_model() -> Model:
    """The model that the settings name. Raises RecogniserMissing with what to do."""
    engine, folder = settings.MEDIA_PIPELINE["ASR_ENGINE"], settings.MEDIA_PIPELINE["ASR_MODEL_DIR"]
    if engine == "stand-in":
        return Model("stand-in", Path("."), frozenset())
    if engine != "sherpa-onnx":
        raise RecogniserMissing(sentence("NO_ENGINE", engine=engine))
    if not folder:
        raise RecogniserMissing(sentence("NO_MODEL"))
    place = Path(folder)
    if not place.is_dir():
        raise RecogniserMissing(sentence("NO_FOLDER", folder=folder))
    model = recognise_model(place)
    if model is None:
        raise RecogniserMissing(sentence("NO_FILES", folder=folder))
    if importlib.util.find_spec("sherpa_onnx") is None:
        raise RecogniserMissing(sentence("NO_PACKAGE"))
    return model


def languages() -> frozenset[str]:
    """Languages of the model in use; empty: any. Raises RecogniserMissing. Loads nothing."""
    return chosen_model().languages


def sentence(code: str, **values: Any) -> str:
    return _(SENTENCES[code]) % values


def worded(error: str) -> str:
    """The sentence for what a stopped job keeps in `error` (a code, perhaps with detail behind a colon)."""
    code = error.partition(":")[0]
    return sentence(code) if code in {"CANCELLED", "NOTHING_HEARD"} else sentence("BROKE")
