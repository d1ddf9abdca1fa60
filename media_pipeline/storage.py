"""Where bytes lie below MEDIA_PIPELINE["ROOT"], and how a finished folder takes its place at once.

incoming/<upload uuid>            a file on its way in
sources/<ab>/<sha256>             what came, kept once however often it was sent
work/<job>-<fence>/               scratch of one attempt; swept when nobody holds its lease
encoded/<sha256>-<recipe>/        whole renditions on their way to PACKAGE: <name>.mp4
  chunks/<key>/<name>.mp4         a long lecture's finished pieces; an empty file: the picture ended before
sets/<ab>/<sha256>/<recipe>/      published media sets; never changed after they appear
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

__all__ = [
    "absolute",
    "chunk_dir",
    "encoded_dir",
    "folders_named",
    "forget_encoded",
    "incoming_path",
    "keep_source",
    "may_sweep",
    "move_into_place",
    "put_file",
    "room_left",
    "set_folder",
    "sha256_of",
    "source_path",
    "sweep_encoded",
    "sweep_incoming",
    "sweep_sets",
    "sweep_work",
    "work_dir",
]

_RECIPE_SHOWN = 16


def root() -> Path:
    return Path(settings.MEDIA_PIPELINE["ROOT"])


def absolute(folder: str) -> Path:
    """The path of a folder that is stored relative to the root."""
    return root() / folder


def incoming_path(upload_uuid: object) -> Path:
    return root() / "incoming" / str(upload_uuid)


def source_path(sha256: str) -> Path:
    return root() / "sources" / sha256[:2] / sha256


def work_dir(job_id: int, fence: int) -> Path:
    return root() / "work" / f"{job_id}-{fence}"


def encoded_dir(sha256: str, recipe_hash: str) -> Path:
    return root() / "encoded" / f"{sha256}-{recipe_hash[:_RECIPE_SHOWN]}"


def chunk_dir(sha256: str, recipe_hash: str, key: str) -> Path:
    """Where the finished files of one chunk lie, for every asset with this source and recipe."""
    return encoded_dir(sha256, recipe_hash) / "chunks" / key


def set_folder(sha256: str, recipe_hash: str) -> str:
    """The folder of a media set, relative to the root: the same source and recipe, the same folder."""
    return f"sets/{sha256[:2]}/{sha256}/{recipe_hash[:_RECIPE_SHOWN]}"


def keep_source(incoming: Path, sha256: str) -> Path:
    """Move a complete file to its place by content. If the same bytes are kept already, drop this copy.

    Twice is once. Raises FileNotFoundError when the bytes are in neither place.
    """
    target = source_path(sha256)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        incoming.unlink(missing_ok=True)
        return target
    try:
        _sync_file(incoming)
        os.replace(incoming, target)
    except FileNotFoundError:
        if not target.exists():  # else another request moved it a moment ago
            raise
    _sync_folder(target.parent)
    return target


def move_into_place(made: Path, target: Path) -> None:
    """Publish the folder `made` as `target`, all at once: fsync everything, then one rename.

    If `target` is there already (another worker was faster, with the same content by
    construction), `made` is dropped.
    """
    for place, _folders, names in os.walk(made):
        for name in names:
            _sync_file(Path(place) / name)
        _sync_folder(Path(place))
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.rename(made, target)
    except OSError:
        if not target.is_dir():
            raise
        shutil.rmtree(made)
    _sync_folder(target.parent)


def put_file(made: Path, target: Path) -> None:
    """Publish one finished file as `target`: fsync, then one rename. Twice is once: equal by construction."""
    _sync_file(made)
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(made, target)
    _sync_folder(target.parent)


def sweep_encoded(kept: set[str], *, older_than: float) -> None:
    """Delete folders in encoded/ that are not among `kept` (names) and untouched since `older_than` (Unix seconds)."""
    for place in (root() / "encoded").glob("*-*"):
        if place.name not in kept and _last_touched(place) < older_than:
            shutil.rmtree(place, ignore_errors=True)


def folders_named(sha256: str, folder: str, contents: object) -> set[str]:
    """All folders of media sets that an asset refers to: its own, and those that its contents name by their 16 letters."""
    named = set(re.findall(rf"[0-9a-f]{{{_RECIPE_SHOWN}}}", json.dumps(contents)))
    return {place for place in {folder} if place} | {f"sets/{sha256[:2]}/{sha256}/{name}" for name in named}


def sweep_sets(
    kept: set[str], *, now: float, kept_s: float, remove_elsewhere: Callable[[str], None] | None = None
) -> list[str]:
    """Delete media sets that have not been among `kept` (folders relative to the root) for `kept_s` seconds.

    A file `<folder>.unused` beside the set says since when nobody refers to it; it is taken away when
    somebody does again. Returns what was deleted. A set is renamed first, so nobody finds half of
    one; `remove_elsewhere` then deletes what other shelves hold of it.
    """
    gone = []
    for half in (root() / "work").glob("swept-*"):  # a sweep before was killed
        shutil.rmtree(half, ignore_errors=True)
    for place in (root() / "sets").glob("*/*/*"):
        if not place.is_dir():
            continue
        folder, mark = str(place.relative_to(root())), place.with_name(f"{place.name}.unused")
        if folder in kept:
            mark.unlink(missing_ok=True)
        elif not mark.exists():
            mark.touch()
            os.utime(mark, (now, now))
        elif mark.stat().st_mtime <= now - kept_s:
            doomed = root() / "work" / f"swept-{place.parent.name[:16]}-{place.name}"
            doomed.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(doomed, ignore_errors=True)
            os.rename(place, doomed)
            if remove_elsewhere is not None:
                remove_elsewhere(folder)
            mark.unlink()
            shutil.rmtree(doomed, ignore_errors=True)
            gone.append(folder)
    return gone


def may_sweep(now: float, *, every_s: float) -> bool:
    """Whether the last sweep of sets was `every_s` seconds ago; if so, this one counts from now."""
    mark = root() / ".swept"
    if mark.exists() and mark.stat().st_mtime > now - every_s:
        return False
    root().mkdir(parents=True, exist_ok=True)
    mark.touch()
    os.utime(mark, (now, now))
    return True


def forget_encoded(sha256: str, recipe_hash: str) -> None:
    """Delete all renditions and chunks on their way to PACKAGE for this source and recipe."""
    if recipe_hash:
        shutil.rmtree(encoded_dir(sha256, recipe_hash), ignore_errors=True)


def _last_touched(folder: Path) -> float:
    """When something was last put into `folder` or below (Unix seconds)."""
    return max(place.stat().st_mtime for place in [folder, *folder.rglob("*")] if place.is_dir())


def sweep_work(held: set[tuple[int, int]]) -> None:
    """Delete scratch folders of attempts (job, fence) that are not among `held`."""
    for place in (root() / "work").glob("*-*"):
        job_id, _, fence = place.name.partition("-")
        if job_id.isdigit() and fence.isdigit() and (int(job_id), int(fence)) not in held:
            shutil.rmtree(place, ignore_errors=True)


def sweep_incoming(expected: set[str], *, older_than: float) -> None:
    """Delete files in incoming/ that no upload expects and that were last written before `older_than` (Unix seconds)."""
    for place in (root() / "incoming").glob("*"):
        if place.name not in expected and place.stat().st_mtime < older_than:
            place.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """sha256 of a file, read in pieces."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def room_left() -> int:
    """Free bytes on the disk of the root, less the reserve that is kept for the system."""
    root().mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(root()).free - settings.MEDIA_PIPELINE["DISK_RESERVE_BYTES"]


def bytes_used() -> int:
    """Bytes of all kept sources (what the quota counts)."""
    return sum(entry.stat().st_size for entry in (root() / "sources").glob("*/*"))


def _sync_file(path: Path) -> None:
    with path.open("rb") as opened:
        os.fsync(opened.fileno())


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
