"""The stages of an asset's way. Each may run twice and ends the same.

PROBE → ANALYSE → {ENCODE for each chunk, SOUND, PREVIEW} → PACKAGE; VIEWPORTS and TRANSCRIBE in
their own time. What a stage makes is keyed by the source's and the recipe's
hash and put in place by one rename; only then, in one transaction under the lease, does the
database move on.
"""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from media_pipeline import jobs, storage
from media_pipeline.errors import (
    AssetRefused,
    DiskFull,
    EngineMissing,
    LeaseLost,
    StageFailed,
    StageInterrupted,
)
from media_pipeline.jobs import Lease
from media_pipeline.models import Asset, AssetState, Stage
from media_pipeline.stages import analyse, check, encode, preview, publish, sound, transcribe, viewports
from media_pipeline.stages.shared import forget_source, quietly

__all__ = ["run_stage"]

log = logging.getLogger(__name__)
_DISK_FULL_PAUSE_S = 60


def run_stage(lease: Lease) -> None:
    """Do the stage that `lease` is for, and see to it that the job ends or waits with a reason."""
    scratch = storage.work_dir(lease.job_id, lease.fence)
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        asset = Asset.objects.get(pk=lease.asset_id)
        _STAGES[Stage(lease.stage)](asset, lease, scratch)
    except LeaseLost:
        log.warning("job %s was taken over by somebody else", lease.job_id)
    except AssetRefused as no:
        _refuse(lease, no)
    except StageFailed as no:
        quietly(jobs.stop, lease, AssetState.FAILED, no.code, error=no.detail)
    except DiskFull as full:
        jobs.give_back(lease, error=f"disk full: {full}", after_s=_DISK_FULL_PAUSE_S, counted=False)
    except (StageInterrupted, EngineMissing) as stopped:
        if lease.attempts >= settings.MEDIA_PIPELINE["ATTEMPTS"]:
            values = {"attempts": lease.attempts}
            quietly(jobs.stop, lease, AssetState.FAILED, "KEEPS_DYING", values=values, error=str(stopped))
        else:
            pauses = settings.MEDIA_PIPELINE["BACK_OFF_S"]
            wait = pauses[min(lease.attempts, len(pauses)) - 1]
            jobs.give_back(lease, error=str(stopped), after_s=wait)
    except OSError as broken:
        if broken.errno == 28:  # ENOSPC
            jobs.give_back(lease, error="disk full", after_s=_DISK_FULL_PAUSE_S, counted=False)
        else:
            log.exception("job %s", lease.job_id)
            quietly(jobs.stop, lease, AssetState.FAILED, "INTERNAL", error=repr(broken))
    except Exception as unforeseen:
        log.exception("job %s", lease.job_id)
        quietly(jobs.stop, lease, AssetState.FAILED, "INTERNAL", error=repr(unforeseen))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _refuse(lease: Lease, no: AssetRefused) -> None:
    """End the asset as REFUSED and keep nothing of the file, unless another asset has the same bytes."""
    quietly(jobs.stop, lease, AssetState.REFUSED, no.code, values=no.values)
    asset = Asset.objects.get(pk=lease.asset_id)
    if asset.state == AssetState.REFUSED and asset.sha256:
        forget_source(asset)


_STAGES: dict[Stage, Callable[[Asset, Lease, Path], None]] = {
    Stage.PROBE: check.probe_source,
    Stage.ANALYSE: analyse.analyse,
    Stage.PREVIEW: preview.preview,
    Stage.ENCODE: encode.encode,
    Stage.SOUND: sound.make_sound,
    Stage.PACKAGE: publish.package_set,
    Stage.VIEWPORTS: viewports.make_views,
    Stage.TRANSCRIBE: transcribe.transcribe,
}
