"""TRANSCRIBE: sound of a published lecture to captions in the language that the editor stated."""

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings
from django.db import transaction

from media_pipeline import asr, caption_texts, jobs, storage
from media_pipeline.captions import Cue, write_vtt
from media_pipeline.captions.mending import mended
from media_pipeline.engine import engine
from media_pipeline.errors import RecogniserMissing, StageFailed
from media_pipeline.graph.speech import speech_command
from media_pipeline.jobs import Lease
from media_pipeline.models import Asset, Captions
from media_pipeline.probe import Facts
from media_pipeline.runner import Limits, run

__all__ = ["transcribe"]

_LISTEN = str(Path(asr.__file__).with_name("listen.py"))
_LABELS = {"zh-Hans": "中文", "yue": "粵語", "en": "English", "ko": "조선어"}


def transcribe(asset: Asset, lease: Lease, scratch: Path) -> None:
    """Write down what is said; the job's key is the language. Never fails the lecture itself.

    Captions that a person uploaded or corrected stay; the machine's are put aside among the versions then.
    """
    lang = lease.holder().key
    try:
        model = asr.chosen_model()
    except RecogniserMissing as missing:
        raise StageFailed("TRANSCRIBE", f"BROKE: {missing.reason}") from missing
    sound, stream, demuxer = _sound_of(asset, scratch)
    length_s = max(1.0, asset.duration_s)

    def converted(block: Mapping[str, str]) -> None:
        done = block.get("out_time_us", "")
        lease.beat(0.1 * int(done) / 1e6 / length_s if done.isdigit() else None)

    prepared = run(
        speech_command(engine().ffmpeg, sound, "speech.wav", stream=stream, demuxer=demuxer),
        limits=Limits(wall_s=600 + length_s, cpu_s=int(600 + length_s)),
        cwd=scratch,
        tick=converted,
    )
    if prepared.code != 0 or not (scratch / "speech.wav").is_file():
        raise StageFailed("TRANSCRIBE", f"BROKE: {prepared.stderr}")

    def heard(block: Mapping[str, str]) -> None:
        done = block.get("done_ms", "")
        lease.beat(0.1 + 0.88 * int(done) / 1000 / length_s if done.isdigit() else None)

    order = {
        "kind": model.kind,
        "folder": str(model.folder.resolve()),
        "wav": "speech.wav",
        "language": lang,
        "threads": settings.MEDIA_PIPELINE["ASR_THREADS"],
        "out": "cues.jsonl",
    }
    listened = run(
        [sys.executable, "-I", _LISTEN, json.dumps(order)],
        limits=Limits(
            wall_s=600 + 4 * length_s,
            cpu_s=int(600 + 8 * length_s),
            memory_bytes=settings.MEDIA_PIPELINE["ASR_MEMORY_BYTES"],
        ),
        cwd=scratch,
        tick=heard,
    )
    if listened.code != 0:
        raise StageFailed("TRANSCRIBE", f"BROKE: {listened.stderr}")
    lines = (scratch / "cues.jsonl").read_text(encoding="utf-8").splitlines()
    cues = [Cue(begin, end, text) for begin, end, text in map(json.loads, lines)]
    if not cues:
        raise StageFailed("TRANSCRIBE", "NOTHING_HEARD")
    cues, _notes = mended(cues, duration_ms=round(asset.duration_s * 1000))
    _hand_over(asset, lease, lang, write_vtt(cues))


@transaction.atomic
def _hand_over(asset: Asset, lease: Lease, lang: str, vtt: str) -> None:
    """Publish the machine's captions, or put them aside where a person's stand; under the lease."""
    jobs.finish(lease)
    label = _LABELS.get(lang, lang)
    standing = Captions.objects.select_for_update().filter(asset=asset, lang=lang).first()
    if standing is not None and (standing.edited or standing.origin != caption_texts.MACHINE):
        caption_texts.put_aside(
            asset, lang, vtt=vtt, label=standing.label, origin=caption_texts.MACHINE, actor=None
        )
        return
    caption_texts.put(
        asset,
        lang,
        vtt=vtt,
        label=label,
        origin=caption_texts.MACHINE,
        edited=False,
        revision=standing.revision if standing else 0,
        actor=None,
    )


def _sound_of(asset: Asset, scratch: Path) -> tuple[Path, str, str]:
    """The first sound to listen to: path, stream, demuxer. The published one where it lies in clear, else the source.

    A rendition's init segment and its segments one after the other are a whole file (ISO 14496-12 §8.8).
    """
    folder = storage.absolute(asset.folder) / "audio"
    segments = sorted(folder.glob("*.m4s"))
    if segments and not asset.protected and (folder / "init.mp4").is_file():
        whole = scratch / "sound.mp4"
        with whole.open("wb") as out:
            for part in [folder / "init.mp4", *segments]:
                with part.open("rb") as opened:
                    shutil.copyfileobj(opened, out)
        return whole, "0:a:0", "mov"
    facts = Facts.from_dict(asset.facts["source"])
    source = storage.source_path(asset.sha256)
    if not source.is_file():
        raise StageFailed("TRANSCRIBE", "BROKE: neither sound nor source is there")
    return source, "0:a:0", facts.demuxer
