"""How far an asset is, in words for an editor."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from media_pipeline import admission, eta, storage
from media_pipeline.api.playing import poster_url
from media_pipeline.intake import uploads
from media_pipeline.models import (
    Asset,
    AssetState,
    Job,
    JobState,
    Stage,
    Upload,
)
from media_pipeline.verdicts import sentence

__all__ = [
    "AssetStatus",
    "RenditionStatus",
    "StageStatus",
    "quality_label",
    "share_done",
    "status",
    "why_not_playable",
]


@dataclass(frozen=True)
class StageStatus:
    """One step of the way as the editor sees it; `state` is done, running, waiting or failed."""

    name: str
    label: str
    state: str
    progress: float = 0.0


@dataclass(frozen=True)
class RenditionStatus:
    """One row of the table of versions. `height` 0: sound only. `state`: done, running, waiting, failed."""

    name: str
    label: str
    height: int
    bytes_per_minute: int | None
    state: str
    state_label: str


@dataclass(frozen=True)
class AssetStatus:
    """Everything that the editor's panel shows of one asset. `progress` is 0..1 and never falls."""

    uuid: str
    title: str
    original_name: str
    size_bytes: int
    duration_s: float
    width: int
    height: int
    state: str
    state_label: str
    progress: float
    stages: list[StageStatus]
    message: str
    eta_s: int | None
    queue_place: int | None
    renditions: list[RenditionStatus]
    playable: bool
    final: bool
    poster_url: str


_READY, _REFUSED, _FAILED = AssetState.READY, AssetState.REFUSED, AssetState.FAILED
_WEIGHTS = {AssetState.RECEIVED: 0.2, AssetState.PROBING: 0.22, AssetState.QUEUED: 0.25}
_ENCODING = (Stage.ENCODE, Stage.SOUND)
"""Their jobs together are the step «Transcode»: pieces of the picture, and the sounds."""
_OPEN = {JobState.WAITING, JobState.RUNNING}


def status(asset: Asset, *, forecasts: Mapping[int, eta.Forecast] | None = None) -> AssetStatus:
    """How far `asset` is, in words for an editor and in her language. Five queries at most.

    `eta_s` is the whole way until READY, waiting included; None while the queue is held, and when
    nothing is under way. Who shows several assets asks `eta.forecast()` once and gives it along.
    """
    rows = list(asset.jobs.all())
    progress = _progress(asset, rows)
    job = _current(rows)
    held = admission.queue_held() if job is not None else ""
    expected = None
    if job is not None and not asset.is_final:
        expected = (eta.forecast() if forecasts is None else forecasts).get(asset.pk)
    return AssetStatus(
        uuid=str(asset.uuid),
        title=asset.title,
        original_name=asset.original_name,
        size_bytes=asset.size_bytes,
        duration_s=asset.duration_s,
        width=asset.width,
        height=asset.height,
        state=asset.state,
        state_label=str(asset.get_state_display()),
        progress=progress,
        stages=_stages(asset, rows, progress),
        message=_message(asset, job, held),
        eta_s=expected.eta_s if expected and not held else None,
        queue_place=expected.queue_place if expected else None,
        renditions=_renditions(asset, rows),
        playable=bool(asset.folder),
        final=asset.is_final,
        poster_url=poster_url(asset),
    )


def _current(rows: list[Job]) -> Job | None:
    """The job that says most about the asset now: a running one before a waiting one."""
    under_way = [row for row in rows if row.state in _OPEN]
    return min(
        under_way, key=lambda row: (row.state != JobState.RUNNING, row.created_at, row.pk), default=None
    )


def share_done(rows: Iterable[Job]) -> float:
    """How much of these jobs is done, 0..1, each weighted by its `work` (1 when nobody estimated it)."""
    weighed = [(row.work or 1.0, 1.0 if row.state == JobState.DONE else row.progress) for row in rows]
    whole = sum(work for work, _share in weighed)
    return sum(work * share for work, share in weighed) / whole if whole else 0.0


def why_not_playable(asset: Asset) -> str:
    """ "" when playable, else a sentence saying why not and what to do."""
    if asset.folder:
        return ""
    if asset.state in {_REFUSED, _FAILED}:
        return sentence(asset.refusal_code, asset.refusal_values)
    if asset.state == AssetState.UPLOADING:
        return _("The lecture file “%(name)s” has not been uploaded completely.") % {
            "name": asset.original_name
        }
    return _("The lecture file “%(name)s” is still being processed (%(state)s, %(percent)s%%).") % {
        "name": asset.original_name,
        "state": asset.get_state_display(),
        "percent": round(_progress(asset, list(asset.jobs.all())) * 100),
    }


def _progress(asset: Asset, rows: list[Job]) -> float:
    if asset.state == _READY:
        return 1.0
    if asset.state == AssetState.UPLOADING:
        upload = Upload.objects.filter(asset=asset).first()
        arrived = uploads.offset_of(storage.incoming_path(upload.uuid)) if upload else 0
        share = arrived / upload.size_bytes if upload else 0.0
        return round(0.2 * share, 4)
    if asset.state in _WEIGHTS:
        return _WEIGHTS[AssetState(asset.state)]
    encoded = share_done(row for row in rows if row.stage in _ENCODING)
    packaged = share_done(row for row in rows if row.stage == Stage.PACKAGE)
    if asset.state == AssetState.PACKAGING:
        encoded = 1.0
    return round(0.25 + 0.67 * encoded + 0.07 * packaged, 4)


def _stages(asset: Asset, rows: list[Job], progress: float) -> list[StageStatus]:
    stopped = asset.state in {_REFUSED, _FAILED}
    uploading = asset.state == AssetState.UPLOADING
    never_came = stopped and not asset.sha256
    steps = [
        StageStatus(
            "upload",
            _("Upload complete") if not uploading else _("Uploading"),
            "running" if uploading else "failed" if never_came else "done",
            progress * 5 if uploading else 1.0,
        )
    ]
    names = {
        (Stage.PROBE,): (_("Check"), _("Checked")),
        (Stage.ANALYSE,): (_("Analyse"), _("Analysed")),
        _ENCODING: (_("Transcode"), _("Transcoded")),
        (Stage.PACKAGE,): (_("Package and verify"), _("Packaged and verified")),
    }
    for stages, (coming, past) in names.items():
        own = [row for row in rows if row.stage in stages]
        state = "done" if asset.state == _READY else _together(own)
        steps.append(
            StageStatus(
                "encode" if stages is _ENCODING else stages[0].lower(),
                past if state == "done" else coming,
                state,
                1.0 if state == "done" else round(share_done(own), 4),
            )
        )
    ready = asset.state == _READY
    steps.append(StageStatus("publish", _("May be published"), "done" if ready else "waiting", float(ready)))
    return steps


def _together(rows: list[Job]) -> str:
    """One word for the jobs of a step: failed when one is, running when something has begun."""
    states = {JobState(row.state) for row in rows}
    if JobState.STOPPED in states:
        return "failed"
    if states == {JobState.DONE}:
        return "done"
    return "running" if states & {JobState.RUNNING, JobState.DONE} else "waiting"


def _message(asset: Asset, job: Job | None, held: str) -> str:
    if asset.state in {_REFUSED, _FAILED}:
        return sentence(asset.refusal_code, asset.refusal_values)
    if job is None or job.state != JobState.WAITING:
        return ""
    if held == admission.PAUSED:
        return _("The administrators have paused the queue; processing goes on when they let it.")
    if held == admission.DISK_FULL or job.error.startswith("disk full"):
        return _("The server's disk is full; processing goes on by itself when there is room.")
    if job.attempts:
        return _("Processing was interrupted and is taken up again by itself.")
    return ""


def _renditions(asset: Asset, rows: list[Job]) -> list[RenditionStatus]:
    ready = asset.state == _READY
    share = share_done(row for row in rows if row.stage in _ENCODING)
    found = []
    for row in sorted(asset.renditions.all(), key=lambda item: -item.height):
        if ready:
            state, label = "done", _("Ready")
        elif asset.state == _FAILED:
            state, label = "failed", _("Failed")
        elif asset.state == AssetState.TRANSCODING:
            state, label = "running", f"{share:.0%}"
        elif asset.state == AssetState.PACKAGING:
            state, label = "running", _("Packaging")
        else:
            state, label = "waiting", _("Waiting")
        minute = (
            round(row.size_bytes * 60 / asset.duration_s) if row.size_bytes and asset.duration_s else None
        )
        found.append(
            RenditionStatus(row.name, quality_label(row.width, row.height), row.height, minute, state, label)
        )
    return found


def quality_label(width: int, height: int) -> str:
    """The word for a picture size (design: 高清 标清 流畅); of sound: 听课."""
    side = min(width, height)
    if not side:
        return _("Sound only")
    if side >= 900:
        return _("High definition")
    if side >= 600:
        return _("Standard definition")
    return _("Smooth") if side >= 400 else _("Data saving")
