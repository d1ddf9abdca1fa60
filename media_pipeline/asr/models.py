"""Which model lies in a folder, told by its files. Pure but for looking."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Model", "recognise_model"]

_TAIL = 64 * 1024


@dataclass(frozen=True)
class Model:
    """`kind` is sense-voice, paraformer or stand-in; `languages` our tags, empty: any."""

    kind: str
    folder: Path
    languages: frozenset[str]

    @property
    def weights(self) -> Path:
        return next(path for name in _WEIGHTS if (path := self.folder / name).is_file())

    @property
    def tokens(self) -> Path:
        return self.folder / "tokens.txt"


_WEIGHTS = ("model.int8.onnx", "model.onnx")


def recognise_model(folder: Path) -> Model | None:
    """The model as sherpa-onnx publishes them: model.int8.onnx or model.onnx with tokens.txt. None: none that we know.

    SenseVoice and Paraformer have the same file names; the first says «with_itn» in its metadata, which
    stands at the end of an ONNX file.
    """
    weights = next((path for name in _WEIGHTS if (path := folder / name).is_file()), None)
    if weights is None or not (folder / "tokens.txt").is_file():
        return None
    with weights.open("rb") as opened:
        opened.seek(max(0, weights.stat().st_size - _TAIL))
        tail = opened.read()
    if b"with_itn" in tail:
        return Model("sense-voice", folder, frozenset({"zh-Hans", "yue", "en", "ko"}))
    if b"lfr_window_size" in tail:
        return Model("paraformer", folder, frozenset({"zh-Hans", "en"}))
    return None
