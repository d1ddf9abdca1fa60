"""PROBE: judge the source."""

from pathlib import Path

from django.db import transaction

from media_pipeline import jobs
from media_pipeline.engine import engine
from media_pipeline.jobs import Lease
from media_pipeline.models import Asset, AssetState, Stage
from media_pipeline.probe import examine, settle
from media_pipeline.stages.shared import policy, source_of

__all__ = ["probe_source"]


def probe_source(asset: Asset, lease: Lease, _scratch: Path) -> None:
    """Judge the source; keep its facts. Raises AssetRefused."""
    Asset.objects.filter(pk=asset.pk, state__in=[AssetState.RECEIVED, AssetState.PROBING]).update(
        state=AssetState.PROBING
    )
    source = source_of(asset)
    tools, rules = engine(), policy()
    facts = examine(source, name=asset.original_name, engine=tools, policy=rules)
    lease.beat(0.5)
    facts = settle(source, facts, tools, rules)
    with transaction.atomic():
        jobs.finish(lease)
        asset.refresh_from_db()
        asset.duration_s = facts.duration_s
        asset.width, asset.height, asset.fps = facts.width, facts.height, float(facts.rate)
        asset.video_codec, asset.audio_codec = facts.video_codec, facts.audio_codec
        asset.facts = {"source": facts.as_dict()}
        asset.save()
        jobs.open_job(asset, Stage.ANALYSE, bell=lease.bell)
