"""The engine sherpa-onnx with a SenseVoice or Paraformer model from a local folder."""

import wave
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from media_pipeline.asr.cutting import as_cues
from media_pipeline.asr.models import Model
from media_pipeline.asr.pieces import levels, speech
from media_pipeline.captions import Cue

__all__ = ["Sherpa"]

_TAGS = {"zh-Hans": "zh", "yue": "yue", "en": "en", "ko": "ko"}
_READ_S = 30


class Sherpa:
    """A Recogniser. Takes about 1 GB with the int8 SenseVoice model; reads the recording piece by piece."""

    name = "sherpa-onnx"

    def __init__(self, model: Model, *, threads: int) -> None:
        self.model, self.threads = model, threads
        self.languages = model.languages

    def transcribe(
        self, wav_path: Path, *, language: str, on_progress: Callable[[int], None]
    ) -> Iterator[Cue]:
        """See asr.Recogniser."""
        engine = self._engine(language)
        with wave.open(str(wav_path), "rb") as opened:
            rate = opened.getframerate()
            loudness = levels(_parts(opened, rate), rate)
            for begin, end in speech(loudness):
                opened.setpos(begin * rate // 1000)
                heard = array("h", opened.readframes((end - begin) * rate // 1000))
                stream = engine.create_stream()
                stream.accept_waveform(rate, array("f", (sample / 32768 for sample in heard)))
                engine.decode_stream(stream)
                result = stream.result
                begins = [round(at * 1000) for at in result.timestamps]
                if len(begins) != len(result.tokens):  # a model without times: spread evenly
                    step = (end - begin) / max(1, len(result.tokens))
                    begins = [round(step * place) for place in range(len(result.tokens))]
                yield from as_cues(result.tokens, begins, from_ms=begin, until_ms=end)
                on_progress(end)

    def _engine(self, language: str) -> Any:
        import sherpa_onnx

        files = {"tokens": str(self.model.tokens), "num_threads": self.threads}
        if self.model.kind == "sense-voice":
            return sherpa_onnx.OfflineRecognizer.from_sense_voice(
                model=str(self.model.weights), language=_TAGS.get(language, ""), use_itn=True, **files
            )
        return sherpa_onnx.OfflineRecognizer.from_paraformer(paraformer=str(self.model.weights), **files)


def _parts(opened: wave.Wave_read, rate: int) -> Iterator[array]:
    while part := opened.readframes(rate * _READ_S):
        yield array("h", part)
