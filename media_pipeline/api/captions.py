"""Captions of an asset: what editors hand in, correct, take back; what search reads; speech to text on request."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from media_pipeline import asr, caption_texts, jobs
from media_pipeline.captions import CaptionsRefused, Cue, Reading, checked, parse_vtt, read, write_vtt
from media_pipeline.errors import RecogniserMissing
from media_pipeline.models import Asset, Captions, CaptionsVersion, Job, JobState, Stage
from people.api import record

__all__ = [
    "CAPTION_LANGUAGES",
    "CaptionsInfo",
    "CueRow",
    "Transcription",
    "ask_for_transcription",
    "cancel_transcription",
    "captions_of",
    "captions_versions",
    "cue_documents",
    "cues",
    "opened_captions",
    "read_captions",
    "remove_captions",
    "restore_captions",
    "save_cues",
    "set_captions",
    "transcriptions",
    "upload_captions",
    "why_no_transcription",
]

CAPTION_LANGUAGES = {
    "zh-Hans": "中文",
    "zh-Hant": "繁體中文",
    "yue": "粵語",
    "bo": "བོད་ཡིག",
    "ug": "ئۇيغۇرچە",
    "mn": "ᠮᠣᠩᠭᠣᠯ",
    "kk": "قازاقشا",
    "za": "Vahcuengh",
    "ko": "조선어",
    "en": "English",
}
"""Languages that an editor may choose, by their own names, which are also the labels in the player."""

_TRANSCRIBE_PRIORITY = -10


@dataclass(frozen=True)
class CaptionsInfo:
    """Captions in one language as the editor's list shows them. `origin` is FILE or MACHINE."""

    lang: str
    label: str
    origin: str
    origin_label: str
    edited: bool
    count: int
    revision: int
    by: str
    at: datetime

    @property
    def unchecked(self) -> bool:
        """Heard by the machine and corrected by nobody yet."""
        return self.origin == caption_texts.MACHINE and not self.edited


class CueRow(NamedTuple):
    """One cue for search: `video` is the asset's uuid, times in milliseconds from its beginning."""

    video: UUID
    lang: str
    begin_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True)
class Transcription:
    """Speech to text that was asked for, one a language. `state` is waiting, running, done or stopped."""

    lang: str
    label: str
    state: str
    progress: float
    reason: str


# what is there


def captions_of(asset: Asset) -> list[CaptionsInfo]:
    """The captions of `asset`, one entry a language. One query."""
    rows = asset.captions.select_related("updated_by").order_by("pk")
    return [
        CaptionsInfo(
            lang=row.lang,
            label=row.label,
            origin=row.origin,
            origin_label=str(row.get_origin_display()),
            edited=row.edited,
            count=len(parse_vtt(row.vtt)),
            revision=row.revision,
            by=_name(row.updated_by),
            at=row.updated_at,
        )
        for row in rows
    ]


def cues(asset: Asset, lang: str) -> list[Cue]:
    """The cues in `lang`, in order; [] when there are no such captions."""
    row = Captions.objects.filter(asset=asset, lang=lang).first()
    return parse_vtt(row.vtt) if row else []


def opened_captions(asset: Asset, lang: str) -> tuple[CaptionsInfo, list[Cue]] | None:
    """Captions to be corrected, with the revision that save_cues asks for; None when there are none."""
    info = next((one for one in captions_of(asset) if one.lang == lang), None)
    return None if info is None else (info, cues(asset, lang))


def captions_versions(asset: Asset) -> list[CaptionsVersion]:
    """Texts that were replaced, removed, or heard by the machine beside a corrected one; newest first."""
    return list(
        CaptionsVersion.objects.filter(asset=asset).select_related("made_by").order_by("-kept_at", "-pk")
    )


def cue_documents(asset: Asset) -> Iterator[CueRow]:
    """Every cue of every language of `asset`, for search. Read anew at signals.captions_changed."""
    for row in asset.captions.order_by("lang"):
        for cue in parse_vtt(row.vtt):
            yield CueRow(asset.uuid, row.lang, cue.begin_ms, cue.end_ms, cue.text)


# what editors do


def read_captions(asset: Asset, data: bytes, *, encoding: str = "") -> Reading:
    """Read a file without keeping anything, for the preview. Raises captions.CaptionsRefused."""
    return read(data, encoding=encoding, duration_ms=round(asset.duration_s * 1000))


def upload_captions(
    asset: Asset,
    *,
    name: str,
    data: bytes,
    lang: str,
    actor: Any,
    label: str = "",
    encoding: str = "",
    revision: int | None = None,
) -> Captions:
    """Keep the captions in a VTT, SRT or ASS file; what stood there before becomes a version.

    `name` is only recorded; what the file is says its content. With `revision` (0: none yet) a
    change that the editor has not seen raises errors.CaptionsChanged; captions.CaptionsRefused says what
    is wrong with the file.
    """
    _check_language(lang)
    found = read_captions(asset, data, encoding=encoding)
    with transaction.atomic():
        row = caption_texts.put(
            asset,
            lang,
            vtt=write_vtt(found.cues),
            label=(label or CAPTION_LANGUAGES.get(lang, lang))[:40],
            origin=caption_texts.FILE,
            edited=False,
            revision=revision,
            actor=actor,
        )
        told = {"lang": lang, "file": name[-200:], "cues": len(found.cues), "encoding": found.encoding}
        record(actor, "captions.uploaded", asset, detail=told)
    return row


def save_cues(asset: Asset, lang: str, cues: Iterable[Cue], *, revision: int, actor: Any) -> int:
    """Keep what an editor corrected; returns the new revision. `revision` is the one that she opened.

    Saving the same again is no change. Raises errors.CaptionsChanged when somebody else saved
    meanwhile (nothing is written), captions.CaptionsRefused when a text is too long or there are too many or none.
    """
    kept = checked(cues, duration_ms=round(asset.duration_s * 1000))
    if not kept:
        raise CaptionsRefused("NO_WORDS")
    with transaction.atomic():
        before = Captions.objects.filter(asset=asset, lang=lang).first()
        row = caption_texts.put(
            asset,
            lang,
            vtt=write_vtt(kept),
            label=CAPTION_LANGUAGES.get(lang, lang),
            keep_label=True,
            origin=before.origin if before else caption_texts.FILE,
            edited=True,
            revision=revision,
            actor=actor,
        )
        if row.revision != revision:
            told = {"lang": lang, "cues": len(kept), "revision": row.revision}
            record(actor, "captions.corrected", asset, detail=told)
    return row.revision


def remove_captions(asset: Asset, lang: str, *, actor: Any, revision: int | None = None) -> bool:
    """Take captions away; their text stays among the versions. False when there were none.

    Raises errors.CaptionsChanged when they are not what the editor saw any more.
    """
    with transaction.atomic():
        gone = caption_texts.take_away(asset, lang, revision=revision)
        if gone is not None:
            record(actor, "captions.removed", asset, detail={"lang": lang, "revision": gone.revision})
    return gone is not None


def restore_captions(asset: Asset, version_id: int, *, actor: Any) -> Captions:
    """Show an earlier text again; the one shown now becomes a version. Raises CaptionsVersion.DoesNotExist."""
    with transaction.atomic():
        version = CaptionsVersion.objects.get(pk=version_id, asset=asset)
        row = caption_texts.put(
            asset,
            version.lang,
            vtt=version.vtt,
            label=version.label,
            origin=version.origin,
            edited=version.edited,
            revision=None,
            actor=actor,
        )
        CaptionsVersion.objects.filter(pk=version_id).delete()
        told = {"lang": version.lang, "was": version.revision, "revision": row.revision}
        record(actor, "captions.restored", asset, detail=told)
    return row


def set_captions(asset: Asset, *, vtt: str, lang: str = "zh-Hans", label: str = "中文") -> Captions:
    """Store captions (WebVTT text, kept as it is) in a language; the same language again replaces them.

    For programs (seeding, importers); editors come by upload_captions. Raises ValueError when the text is no WebVTT
    (W3C WebVTT §4.1: it begins with WEBVTT) or `lang` is no language tag.
    """
    text = vtt.removeprefix("\ufeff").lstrip().replace("\r\n", "\n").replace("\r", "\n")
    if not re.match(r"WEBVTT([ \t\n]|$)", text):
        raise ValueError("no WebVTT: the first line must be WEBVTT")
    _check_language(lang)
    return caption_texts.put(
        asset,
        lang,
        vtt=text,
        label=label,
        origin=caption_texts.FILE,
        edited=False,
        revision=None,
        actor=None,
    )


# speech to text


def why_no_transcription(asset: Asset, lang: str = "") -> str:
    """Why speech cannot be turned into text (no model, no sound, language unknown to it), worded; "" if it can."""
    try:
        known = asr.languages()
    except RecogniserMissing as missing:
        return missing.reason
    if lang and known and lang not in known:
        return asr.sentence("LANGUAGE", language=CAPTION_LANGUAGES.get(lang, lang))
    if not asset.folder:
        return asr.sentence("NOT_READY")
    if not asset.contents.get("sound"):
        return asr.sentence("NO_SOUND")
    return ""


def ask_for_transcription(asset: Asset, *, lang: str, actor: Any) -> Job:
    """Queue speech to text, behind all transcoding; asked again while it waits or runs, nothing happens.

    The result never replaces captions that a person made or corrected: it is put aside then.
    Raises errors.RecogniserMissing with the sentence for the editor.
    """
    _check_language(lang)
    if reason := why_no_transcription(asset, lang):
        raise RecogniserMissing(reason)
    with transaction.atomic():
        Asset.objects.select_for_update().get(pk=asset.pk)
        under_way = asset.jobs.open().filter(stage=Stage.TRANSCRIBE, key=lang).first()
        if under_way is not None:
            return under_way
        job = jobs.open_job(asset, Stage.TRANSCRIBE, key=lang, priority=_TRANSCRIBE_PRIORITY)
        record(actor, "captions.transcription_asked", asset, detail={"lang": lang})
    return job


def cancel_transcription(asset: Asset, *, lang: str, actor: Any) -> bool:
    """Stop speech to text that waits or runs; a worker on it notices at its next beat. False: there was none."""
    with transaction.atomic():
        stopped = (
            asset.jobs.open()
            .filter(stage=Stage.TRANSCRIBE, key=lang)
            .update(state=JobState.STOPPED, lease_until=None, error=asr.CANCELLED)
        )
        if stopped:
            record(actor, "captions.transcription_cancelled", asset, detail={"lang": lang})
    return bool(stopped)


def transcriptions(asset: Asset) -> list[Transcription]:
    """How far speech to text is, for the editor's panel."""
    return [
        Transcription(
            lang=job.key,
            label=CAPTION_LANGUAGES.get(job.key, job.key),
            state=JobState(job.state).name.lower(),
            progress=job.progress,
            reason=asr.worded(job.error) if job.state == JobState.STOPPED else "",
        )
        for job in asset.jobs.filter(stage=Stage.TRANSCRIBE).order_by("pk")
    ]


def _check_language(lang: str) -> None:
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", lang) or len(lang) > 16:
        raise CaptionsRefused("LANGUAGE", lang=lang[:40])


def _name(member: Any) -> str:
    return str(getattr(member, "name", "") or member or "")
