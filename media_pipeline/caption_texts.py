"""The one text of captions that members see, and the earlier ones: replaced under a revision, nothing lost.

Everybody who writes captions comes through here (editors by api/captions.py, the machine by
stages/transcribe.py), inside a transaction of their own or ours.
"""

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from media_pipeline.errors import CaptionsChanged
from media_pipeline.models import Asset, Captions, CaptionsVersion
from media_pipeline.signals import captions_changed

__all__ = ["MACHINE", "put", "put_aside", "take_away"]

FILE, MACHINE = "FILE", "MACHINE"
_KEPT = 10


def put(
    asset: Asset,
    lang: str,
    *,
    vtt: str,
    label: str,
    origin: str,
    edited: bool,
    revision: int | None,
    actor: Any,
    keep_label: bool = False,
) -> Captions:
    """Make `vtt` the captions of `asset` in `lang`; what stood there before becomes a version.

    `revision` is what the writer saw (0: nothing), None writes over whatever stands. The same text again changes
    nothing. Of two who saw the same revision one wins; the other gets errors.CaptionsChanged.
    """
    now = timezone.now()
    with transaction.atomic():
        row = Captions.objects.select_for_update().filter(asset=asset, lang=lang).first()
        if revision is not None and revision != (row.revision if row else 0):
            raise _changed(row)
        if row is None:
            try:
                with transaction.atomic():
                    row = Captions.objects.create(
                        asset=asset,
                        lang=lang,
                        label=label,
                        vtt=vtt,
                        origin=origin,
                        edited=edited,
                        revision=1 + _last_revision(asset, lang),
                        updated_by=actor,
                    )
            except IntegrityError:
                other = Captions.objects.filter(asset=asset, lang=lang).first()
                raise _changed(other) from None
            captions_changed.send(sender=Asset, asset=asset, lang=lang)
            return row
        if keep_label:
            label = row.label
        if (row.vtt, row.label, row.origin) == (vtt, label, origin) and (row.edited or not edited):
            return row
        moved = Captions.objects.filter(pk=row.pk, revision=row.revision).update(
            vtt=vtt,
            label=label,
            origin=origin,
            edited=edited,
            revision=row.revision + 1,
            updated_by=actor,
            updated_at=now,
        )
        if not moved:  # databases without row locks: somebody wrote between our look and our write
            raise _changed(Captions.objects.filter(pk=row.pk).first())
        if row.vtt != vtt:
            _keep(row)
        row.refresh_from_db()
        captions_changed.send(sender=Asset, asset=asset, lang=lang)
    return row


def put_aside(asset: Asset, lang: str, *, vtt: str, label: str, origin: str, actor: Any) -> CaptionsVersion:
    """Keep a text that is not shown, beside what is; an editor may take it from the list of versions."""
    version = CaptionsVersion.objects.create(
        asset=asset,
        lang=lang,
        label=label,
        vtt=vtt,
        origin=origin,
        made_by=actor,
        made_at=timezone.now(),
    )
    _forget_old(asset, lang)
    return version


def take_away(asset: Asset, lang: str, *, revision: int | None) -> CaptionsVersion | None:
    """Remove the captions in `lang`; their text becomes a version. None when there were none.

    Raises errors.CaptionsChanged when they are not at `revision` any more.
    """
    with transaction.atomic():
        row = Captions.objects.select_for_update().filter(asset=asset, lang=lang).first()
        if row is None:
            return None
        if revision is not None and revision != row.revision:
            raise _changed(row)
        version = _keep(row)
        deleted, _models = Captions.objects.filter(pk=row.pk, revision=row.revision).delete()
        if not deleted:
            raise _changed(Captions.objects.filter(pk=row.pk).first())
        captions_changed.send(sender=Asset, asset=asset, lang=lang)
    return version


def _keep(row: Captions) -> CaptionsVersion:
    version = CaptionsVersion.objects.create(
        asset_id=row.asset_id,
        lang=row.lang,
        label=row.label,
        vtt=row.vtt,
        origin=row.origin,
        edited=row.edited,
        revision=row.revision,
        made_by_id=row.updated_by_id,
        made_at=row.updated_at,
    )
    _forget_old(row.asset, row.lang)
    return version


def _forget_old(asset: Asset, lang: str) -> None:
    of = CaptionsVersion.objects.filter(asset=asset, lang=lang)
    of.exclude(pk__in=list(of.values_list("pk", flat=True)[:_KEPT])).delete()


def _last_revision(asset: Asset, lang: str) -> int:
    """The highest revision that ever stood: a number is not used twice, also after a removal."""
    numbers = CaptionsVersion.objects.filter(asset=asset, lang=lang).values_list("revision", flat=True)
    return max(numbers, default=0)


def _changed(row: Captions | None) -> CaptionsChanged:
    if row is None:
        return CaptionsChanged(0)
    by = row.updated_by
    return CaptionsChanged(row.revision, by=str(getattr(by, "name", "") or by or ""), at=row.updated_at)
