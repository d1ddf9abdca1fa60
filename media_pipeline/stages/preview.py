"""PREVIEW: one quick rendition of a long lecture, published long before the real ones are ready."""

import json
import os
import shutil
from pathlib import Path

from django.conf import settings
from django.db import transaction

from media_pipeline import jobs, shelves, storage
from media_pipeline.jobs import Lease
from media_pipeline.models import Asset, AssetState
from media_pipeline.stages import publish
from media_pipeline.stages.encode import encode_whole
from media_pipeline.stages.parts import preview_recipe
from media_pipeline.stages.shared import decided
from media_pipeline.stages.sound import write_sounds

__all__ = ["preview"]


def preview(asset: Asset, lease: Lease, scratch: Path) -> None:
    """Make the quick set and publish it, unless the real one is there by then.

    Its sound is the real one, made here once and found by the SOUND job (or the other way round).
    """
    facts, made = decided(asset)
    quick = preview_recipe(made, settings.MEDIA_PIPELINE["PREVIEW_PRESET"])
    if quick is None or asset.folder:
        _drop(lease)
        return
    folder = storage.set_folder(asset.sha256, quick.hash)
    if not storage.absolute(folder).is_dir():
        encoded = storage.encoded_dir(asset.sha256, quick.hash)
        (rung,) = quick.rungs
        if not (encoded / f"{rung.name}.mp4").is_file():
            encode_whole(asset, facts, quick, lease, scratch, upto=0.85)
        if made.sounds:
            write_sounds(asset, facts, made, scratch, lambda _share: lease.beat())
            for sound in made.sounds:
                real = storage.encoded_dir(asset.sha256, made.hash) / f"{sound.name}.mp4"
                _same(real, encoded / real.name)
        out = scratch / "set"
        out.mkdir()
        contents = publish.make_set(encoded, out, quick, lambda share=None: lease.beat(_last(share)))
        (out / "set.json").write_text(json.dumps(contents, indent=1, sort_keys=True))
        storage.move_into_place(out, storage.absolute(folder))
        shutil.rmtree(encoded, ignore_errors=True)
    contents = json.loads((storage.absolute(folder) / "set.json").read_text())
    shelves.publish(folder, tick=lease.beat)
    with transaction.atomic():
        lease.holder(lock=True)  # the job before the asset, as everywhere
        now = Asset.objects.select_for_update().get(pk=asset.pk)
        if now.folder or now.state not in {AssetState.QUEUED, AssetState.TRANSCODING, AssetState.PACKAGING}:
            _drop(lease)
        else:
            publish.switch(asset, lease, folder, contents, preview=True)


@transaction.atomic
def _drop(lease: Lease) -> None:
    jobs.finish(lease)


def _last(share: float | None) -> float | None:
    return None if share is None else 0.85 + 0.14 * share


def _same(real: Path, here: Path) -> None:
    here.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(real, here)
    except FileExistsError:
        pass
    except OSError:
        shutil.copyfile(real, here)
