"""Reading the files of documents, once for each file, in a program of its own under limits and in the sandbox."""

from __future__ import annotations

import hashlib
import json
import logging
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from wagtail.documents.models import Document

from courses.catalogue.attached.models import AttachedFile, FileText, Unread
from media_pipeline.api import Limits, run_program
from media_pipeline.errors import EngineMissing, StageInterrupted
from search import outbox

__all__ = ["READER", "Reading", "read_waiting", "waiting"]

log = logging.getLogger(__name__)

READER = 1
"""Raise by one when read_file.py reads better: everything is read again."""
LARGEST_BYTES = 100 * 1024**2
LIMITS = Limits(wall_s=60, cpu_s=40, memory_bytes=1024**3, file_bytes=1024**2, open_files=64)
AT_ONCE = 200
"""Files read by one call; the scheduler comes again every minute."""

_PROGRAM = str(Path(__file__).with_name("read_file.py"))


@dataclass(frozen=True)
class Reading:
    """What came of reading one file; `sha256` is that of its bytes ("" when they could not be had)."""

    sha256: str = ""
    text: str = ""
    unread: str = ""
    is_cut: bool = False


def waiting() -> QuerySet[Document]:
    """Documents whose present file has not been read by the present reader."""
    known = FileText.objects.filter(
        document=OuterRef("pk"), file_name=OuterRef("file"), file_hash=OuterRef("file_hash"), reader=READER
    )
    return Document.objects.filter(~Exists(known)).order_by("pk")


def read_waiting() -> int:
    """Read what waits, and tell search; how many files were taken up.

    May run twice or side by side and ends the same. A storage that does not answer leaves its file waiting, a machine
    without the sandbox that it requires leaves all of them.
    """
    done = 0
    for document in waiting()[:AT_ONCE]:
        try:
            _take_up(document)
        except EngineMissing as missing:  # nor can any other be
            log.error("No file can be read: %s", missing)
            break
        except (OSError, StageInterrupted):
            log.exception("The file of document %s cannot be read now", document.pk)
        else:
            done += 1
    return done


def _take_up(document: Document) -> None:
    found = _read(document)
    with transaction.atomic():
        # Deleted, or given another file meanwhile: then this reading is of no use, and another waits.
        if not Document.objects.filter(
            pk=document.pk, file=document.file.name, file_hash=document.file_hash
        ).exists():
            return
        FileText.objects.update_or_create(
            document=document,
            defaults={
                "file_name": document.file.name,
                "file_hash": document.file_hash,
                "reader": READER,
                "sha256": found.sha256,
                "unread": found.unread,
                "text": found.text,
                "is_cut": found.is_cut,
                "read_at": timezone.now(),
            },
        )
        hanging = AttachedFile.objects.filter(document=document)
        outbox.changed("attachment", *hanging.values_list("pk", flat=True))


def _read(document: Document) -> Reading:
    with tempfile.TemporaryDirectory(prefix="attached-") as folder:
        copy = Path(folder) / "file"
        digest = hashlib.sha256()
        size = 0
        try:
            with document.file.storage.open(document.file.name, "rb") as source, copy.open("wb") as target:
                while piece := source.read(1024**2):
                    size += len(piece)
                    if size > LARGEST_BYTES:
                        return Reading(unread=Unread.TOO_LARGE)
                    digest.update(piece)
                    target.write(piece)
        except FileNotFoundError:
            return Reading(unread=Unread.MISSING)
        sha256 = digest.hexdigest()
        known = FileText.objects.filter(sha256=sha256, reader=READER).first()
        if known is not None:
            return Reading(sha256, known.text, known.unread, known.is_cut)
        return Reading(sha256, **_read_apart(copy, document.filename))


def _read_apart(file: Path, name: str) -> dict[str, Any]:
    """What read_file.py says of `file`; a program that had to be stopped found it too large."""
    command = [sys.executable, "-I", _PROGRAM, str(file), name]
    try:
        outcome = run_program(command, limits=LIMITS, cwd=file.parent, capture=True, python=True)
    except StageInterrupted as stopped:
        if stopped.from_outside:
            raise
        return {"unread": Unread.TOO_LARGE}
    try:
        said = json.loads(outcome.stdout)
    except json.JSONDecodeError:
        log.warning("%s: the reader ended with %s: %s", name, outcome.code, outcome.stderr[-500:])
        return {"unread": Unread.BROKEN}
    return {"text": said["text"], "unread": said["unread"], "is_cut": said["is_cut"]}
