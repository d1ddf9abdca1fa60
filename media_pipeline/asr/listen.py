"""Run as a script by stages/transcribe.py, in a process of its own, under the runner's limits.

    python -I listen.py '{"kind": "sense-voice", "folder": "…", "wav": "sound.wav", "language": "zh-Hans",
                          "threads": 1, "out": "cues.jsonl"}'

Writes one JSON line [begin_ms, end_ms, text] a cue to `out`, and tells on stdout how far it is in the words of
ffmpeg's -progress (`done_ms=…`, `progress=continue`), which the runner understands.
"""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from django.conf import settings

settings.configure(USE_I18N=False)  # this process has neither database nor translations

from media_pipeline.asr.models import Model  # noqa: E402
from media_pipeline.asr.sherpa import Sherpa  # noqa: E402
from media_pipeline.asr.stand_in import StandIn  # noqa: E402


def main(order: dict) -> None:
    os.nice(10)
    model = Model(order["kind"], Path(order["folder"]), frozenset())
    engine = StandIn() if model.kind == "stand-in" else Sherpa(model, threads=order["threads"])

    def told(done_ms: int) -> None:
        print(f"done_ms={done_ms}\nprogress=continue", flush=True)

    with open(order["out"], "w", encoding="utf-8") as out:
        for cue in engine.transcribe(Path(order["wav"]), language=order["language"], on_progress=told):
            out.write(json.dumps([cue.begin_ms, cue.end_ms, cue.text], ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
