"""Proof files: what they are is read from their bytes; they are kept in a folder that no web server serves.

Pictures are decoded and written anew without what cameras add (place, device, time), upright as the camera
meant it. A PDF is kept as it is, known by its first and last bytes only, and is never shown inside a page:
it is handed over as a download.
"""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from dataclasses import dataclass
from pathlib import Path, PurePath
from uuid import UUID

from django.conf import settings
from PIL import Image, ImageOps

from courses.archive.errors import ProofRefused

__all__ = ["CONTENT_TYPES", "Proof", "forget", "keep", "most_bytes", "path_of", "read_proof"]

CONTENT_TYPES = {"PDF": "application/pdf", "JPEG": "image/jpeg", "PNG": "image/png"}
MAX_PIXELS = {"JPEG": 120_000_000, "PNG": 25_000_000}
"""A large JPEG is decoded at a part of its size; a PNG only whole (about 200 MB of memory)."""
LONGEST_SIDE = 3000
"""Pictures are made smaller than this: enough to read a certificate."""


@dataclass(frozen=True)
class Proof:
    """A file that was looked at and may be kept."""

    name: str
    kind: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def read_proof(name: str, content: bytes) -> Proof:
    """Look at an uploaded file. Raises ProofRefused with TOO_LARGE, EMPTY, NOT_A_PROOF or BROKEN."""
    shown = PurePath(name.replace("\\", "/")).name.replace("\x00", "")[:120] or "-"
    if not content:
        raise ProofRefused("EMPTY", shown)
    if len(content) > most_bytes():
        raise ProofRefused("TOO_LARGE", shown)
    if content.startswith(b"%PDF-"):
        if b"%%EOF" not in content[-2048:]:
            raise ProofRefused("BROKEN", shown)
        return Proof(shown, "PDF", content)
    if content.startswith(b"\xff\xd8\xff"):
        return Proof(shown, "JPEG", _drawn_anew(content, "JPEG", shown))
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return Proof(shown, "PNG", _drawn_anew(content, "PNG", shown))
    raise ProofRefused("NOT_A_PROOF", shown)


def _drawn_anew(content: bytes, kind: str, name: str) -> bytes:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(content), formats=[kind])
            if picture.width * picture.height > MAX_PIXELS[kind]:
                raise ProofRefused("TOO_LARGE", name)
            picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            picture.load()
            upright = ImageOps.exif_transpose(picture)
    except (
        OSError,
        ValueError,
        SyntaxError,
        Image.DecompressionBombWarning,
        Image.DecompressionBombError,
    ) as bad:
        raise ProofRefused("BROKEN", name) from bad
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    bare = Image.new("RGB", upright.size, "white")
    if "A" in upright.mode or "transparency" in upright.info:
        seen = upright.convert("RGBA")
        bare.paste(seen, mask=seen.getchannel("A"))
    else:
        bare.paste(upright.convert("RGB"))
    out = io.BytesIO()
    bare.save(out, kind, **({"quality": 88} if kind == "JPEG" else {}))
    return out.getvalue()


def path_of(number: UUID) -> Path:
    """Where the bytes of the proof with this uuid lie."""
    return Path(settings.STUDY["PROOFS_DIR"]) / number.hex[:2] / number.hex


def keep(number: UUID, content: bytes) -> None:
    """Write the bytes so that they are whole or not there, readable for the school's own user only."""
    place = path_of(number)
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_suffix(".new")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(place)


def forget(number: UUID) -> None:
    """Remove the bytes; again changes nothing."""
    path_of(number).unlink(missing_ok=True)


def most_bytes() -> int:
    """The largest file that is taken."""
    return int(settings.STUDY["PROOF_MAX_BYTES"])
