"""A SenseVoice model of a few kB: it hears loudness and says 党课党课 where there is sound.

Its weights are nothing, but its file, inputs, outputs and metadata are those of the real one, so that the
engine's own loading, features, decoding and times run (sherpa-onnx: csrc/offline-sense-voice-model.cc).
"""

from pathlib import Path

TOKENS = ["<unk>", "<blk>", "党", "课", "<|zh|>", "<|NEUTRAL|>", "<|Speech|>", "<|woitn|>", "。"]
"""Token 0 is the blank of SenseVoice's CTC (metadata «blank_id»)."""
FRAMES_A_TOKEN = 10
"""Each frame is 60 ms: a token every 0.6 s of sound."""


def write_model(folder: Path) -> Path:
    """Write model.onnx and tokens.txt into `folder`."""
    import onnx
    from onnx import TensorProto, helper

    vocabulary, width = len(TOKENS), 560
    begins = [[-50.0] * vocabulary for _ in range(4)]
    for frame, token in enumerate((4, 5, 6, 7)):  # what SenseVoice says before the words
        begins[frame][token] = 50.0

    def row(blank: float, first: float, second: float) -> list[float]:
        line = [-90.0] * vocabulary
        line[0], line[2], line[3] = blank, first, second
        return line

    def floats(name: str, shape: list[int], values: list[float]):
        return helper.make_tensor(name, TensorProto.FLOAT, shape, values)

    def whole(name: str, shape: list[int], values: list[int]):
        return helper.make_tensor(name, TensorProto.INT64, shape, values)

    constants = [
        floats("begins", [1, 4, vocabulary], [value for line in begins for value in line]),
        floats("silent", [1, 1, vocabulary], row(50, -90, -90)),
        floats("first", [1, 1, vocabulary], row(-90, 50, -90)),
        floats("second", [1, 1, vocabulary], row(-90, -90, 50)),
        floats("loud", [], [9.0]),
        whole("zero", [], [0]),
        whole("one", [], [1]),
        whole("at_time", [], [1]),
        whole("pair", [], [2 * FRAMES_A_TOKEN]),
        whole("half", [], [FRAMES_A_TOKEN]),
        whole("as_column", [3], [1, -1, 1]),
        whole("last_axis", [1], [2]),
    ]
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["level"], axes=[2], keepdims=1),
        helper.make_node("Greater", ["level", "loud"], ["voiced"]),
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "at_time"], ["frames"]),
        helper.make_node("Range", ["zero", "frames", "one"], ["places"]),
        helper.make_node("Mod", ["places", "pair"], ["place"]),
        helper.make_node("Less", ["place", "half"], ["early_flat"]),
        helper.make_node("Reshape", ["early_flat", "as_column"], ["early"]),
        helper.make_node("Where", ["early", "first", "second"], ["words"]),
        helper.make_node("Where", ["voiced", "words", "silent"], ["body"]),
        helper.make_node("Concat", ["begins", "body"], ["logits"], axis=1),
        helper.make_node("Identity", ["language"], ["_language"]),
        helper.make_node("Identity", ["text_norm"], ["_text_norm"]),
        helper.make_node("Identity", ["x_length"], ["_x_length"]),
    ]
    graph = helper.make_graph(
        nodes,
        "loudness",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", "T", width]),
            helper.make_tensor_value_info("x_length", TensorProto.INT32, ["N"]),
            helper.make_tensor_value_info("language", TensorProto.INT32, ["N"]),
            helper.make_tensor_value_info("text_norm", TensorProto.INT32, ["N"]),
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", "T2", vocabulary])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    languages = {"auto": 0, "zh": 3, "en": 4, "yue": 7, "ja": 11, "ko": 12, "nospeech": 13}
    known = {
        "lfr_window_size": 7,
        "lfr_window_shift": 6,
        "normalize_samples": 0,
        "without_itn": 15,
        "with_itn": 14,
        "vocab_size": vocabulary,
        "blank_id": 0,
        "neg_mean": ",".join(["0"] * width),
        "inv_stddev": ",".join(["1"] * width),
        "model_type": "sense_voice_ctc",
        "version": 1,
        "model_author": "the tests",
        "maintainer": "the tests",
        "comment": "loudness",
    } | {f"lang_{name}": number for name, number in languages.items()}
    for key, value in known.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, str(value)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(folder / "model.onnx"))
    lines = "".join(f"{token} {number}\n" for number, token in enumerate(TOKENS))
    (folder / "tokens.txt").write_text(lines, encoding="utf-8")
    return folder
