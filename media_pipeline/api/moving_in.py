"""Taking in lectures that lie on disk, e.g. out of an old portal: files and folders, one outcome a file."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from media_pipeline import package, storage
from media_pipeline.api.intake import ingest_file
from media_pipeline.api.steering import retry
from media_pipeline.errors import UploadRefused
from media_pipeline.models import Asset, AssetState
from media_pipeline.verdicts import sentence

__all__ = ["MovedIn", "files_below", "move_in", "outcome"]


@dataclass(frozen=True)
class MovedIn:
    """What became of one file. `asset` "" when it never came in; `folder` and `manifests` are paths on disk."""

    file: str
    asset: str
    state: str
    reason: str = ""
    folder: str = ""
    manifests: dict[str, str] = field(default_factory=lambda: {"hls": "", "dash": ""})

    @property
    def well(self) -> bool:
        """Ready, or on its way."""
        return self.state not in {AssetState.REFUSED, AssetState.FAILED}


def files_below(path: Path) -> Iterator[Path]:
    """The file itself, or all files below a folder in order of their names; hidden ones are left out."""
    if not path.is_dir():
        yield path
        return
    for entry in sorted(path.iterdir()):
        if not entry.name.startswith("."):
            yield from files_below(entry)


def move_in(
    path: Path,
    *,
    title: str = "",
    projection: str = "",
    stereo: str = "",
    actor: Any = None,
) -> Asset | MovedIn:
    """Take a copy of the file and queue it: its asset, or what to say when it cannot be taken in.

    The same bytes with the same choices come in once: a second time the asset that is there
    already is given back, taken up again if it had failed.
    """
    if not path.is_file():
        return MovedIn(str(path), "", AssetState.REFUSED, _("There is no such file. Please check the path."))
    try:
        known = _known(path, projection, stereo)
        if known is not None:
            return retry(known, actor=actor) if known.state == AssetState.FAILED else known
        return ingest_file(
            path, title=title or path.stem, uploaded_by=actor, projection=projection, stereo=stereo
        )
    except UploadRefused as no:
        return MovedIn(str(path), "", AssetState.REFUSED, sentence(no.code, no.values))
    except OSError as broken:
        reason = _("The file cannot be read (%(why)s).") % {"why": broken.strerror or broken}
        return MovedIn(str(path), "", AssetState.REFUSED, reason)


def _known(path: Path, projection: str, stereo: str) -> Asset | None:
    """The newest asset of the same bytes and choices that was not refused. Reads the file once."""
    same_size = Asset.objects.filter(
        size_bytes=path.stat().st_size, projection_chosen=projection, stereo_chosen=stereo
    ).exclude(state__in=[AssetState.REFUSED, AssetState.UPLOADING])
    if not same_size.exists():
        return None
    return same_size.filter(sha256=storage.sha256_of(path)).first()


def outcome(file: Path, asset: Asset) -> MovedIn:
    """What became of `asset`, which came from `file`."""
    reason = ""
    if asset.state in {AssetState.REFUSED, AssetState.FAILED}:
        reason = sentence(asset.refusal_code, asset.refusal_values)
    if not asset.folder:
        return MovedIn(str(file), str(asset.uuid), asset.state, reason)
    folder = storage.absolute(asset.folder).resolve()
    dressed = folder / asset.contents.get("dress", "")
    names = {"hls": package.MANIFEST_HLS, "dash": package.MANIFEST_DASH}
    manifests = {kind: str(dressed / name) for kind, name in names.items() if (dressed / name).is_file()}
    return MovedIn(
        str(file), str(asset.uuid), asset.state, reason, str(folder), {"hls": "", "dash": ""} | manifests
    )
