"""Dressing a published set: captions and chapters as an immutable folder beside it, switched under a row lock."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from media_pipeline import package, shelves, storage
from media_pipeline.models import Asset
from media_pipeline.package.dressing import CaptionText, ChapterMark

__all__ = ["dress", "dress_soon", "put_on"]


def dress(asset: Asset) -> str:
    """Make the asset's manifests say its captions and chapters as they are now; the dress's name, "" for none.

    May be called at any time, also twice and side by side: each reads under the asset's row lock,
    so whoever comes last has read the last change. Encodes nothing. An asset that is not yet
    published is left alone: publishing dresses it.
    """
    with transaction.atomic():
        held = Asset.objects.select_for_update().filter(pk=asset.pk).first()
        if held is None or not held.folder:
            return ""
        contents = put_on(held, held.folder, held.contents)
        if contents.get("dress", "") != held.contents.get("dress", ""):
            held.contents = contents
            held.save(update_fields=["contents"])
    return str(contents.get("dress", ""))


def dress_soon(*, asset: Asset, **_news: Any) -> None:
    """At captions_changed and chapters_changed: dress the asset as soon as the change stands.

    A dress that cannot be made (disk full) leaves the old one on and is told to the log; the next change makes it.
    """
    transaction.on_commit(lambda: dress(asset), robust=True)


def put_on(asset: Asset, folder: str, contents: Mapping[str, Any]) -> dict[str, Any]:
    """`contents` with the name of the dress for the asset's captions and chapters, which lies in `folder` now.

    Call with the asset's row locked.
    """
    home = shelves.at_hand(folder)
    captions = [CaptionText(row.lang, row.label, row.vtt) for row in asset.captions.order_by("lang")]
    marks = [ChapterMark(row.begin_ms, row.title) for row in asset.chapters.order_by("begin_ms")]
    draft = home / package.MANIFEST_DASH
    files = package.dress_files(contents, draft.read_text() if draft.is_file() else "", captions, marks)
    if not files:
        return {**contents, "dress": ""}
    name = package.dress_name(files)
    if not (home / name).is_dir():
        made = storage.absolute("work") / f"dress-{uuid.uuid4().hex}"
        made.mkdir(parents=True)
        for file, text in files.items():
            (made / file).write_text(text, encoding="utf-8")
        storage.move_into_place(made, home / name)
    shelves.publish(f"{folder}/{name}")
    return {**contents, "dress": name}
