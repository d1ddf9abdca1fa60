"""Encryption of media sets: whole segments by AES-128 (RFC 8216 §4.3.2.4), and the keys for them.

Why AES-128 over HLS and not Common Encryption (decisions/0003): it plays in hls.js without a
secure context (a school on plain http in an intranet), in Safari and iPhones by themselves, in
ffmpeg; EME ClearKey does none of these. It is no DRM: it makes copied segments and a copied disk
worthless, and lets the key endpoint ask who wants to play.

What is encrypted: every .m4s that a playlist names. Init segments, poster, storyboard, captions
stay in clear. I-frame playlists (byte ranges into segments) and DASH are set aside in `.plain/`,
which is never delivered, so that a set can be opened again without encoding.
"""

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from media_pipeline import shelves, storage
from media_pipeline.models import ContentKey
from media_pipeline.recipe import Recipe

__all__ = [
    "FILE",
    "is_protected",
    "make_from_twin",
    "open_set",
    "protect_set",
    "seal",
    "secret_for",
    "secret_of",
]

FILE = "key.bin"
"""The key's name in playlists, beside master.m3u8; behind it stands `delivery`, not a file."""

_ASIDE = ".plain"
_BLOCK_BITS = 128


def is_protected(contents: dict[str, Any]) -> bool:
    """Whether a published set (asset.contents) is encrypted."""
    return bool(contents.get("recipe", {}).get("protected"))


def secret_for(sha256: str) -> bytes:
    """The 16 bytes for all encrypted sets of the source `sha256`; made when first asked for, by whoever is first."""
    row, _new = ContentKey.objects.get_or_create(
        sha256=sha256, defaults={"secret": secrets.token_bytes(16).hex()}
    )
    return bytes.fromhex(row.secret)


def secret_of(sha256: str) -> bytes:
    """The key that is there already. Raises ContentKey.DoesNotExist."""
    return bytes.fromhex(ContentKey.objects.get(sha256=sha256).secret)


def seal(folder: Path, contents: dict[str, Any], *, sha256: str) -> dict[str, Any]:
    """Encrypt a set that is made but not published yet; returns what set.json has to say now."""
    protect_set(folder, secret_for(sha256))
    (folder / _ASIDE).mkdir(exist_ok=True)
    (folder / _ASIDE / "set.json").write_text(json.dumps(contents, indent=1, sort_keys=True))
    renditions = [
        {**item, "trick_bps": 0} if "trick_bps" in item else item for item in contents["renditions"]
    ]
    return {**contents, "renditions": renditions}


def make_from_twin(sha256: str, made: Recipe, out: Path) -> bool:
    """Fill the empty folder `out` with the set of recipe `made`, if the same set lies here with the other protection.

    Nothing is encoded: segments are encrypted or decrypted, the rest is linked. The bytes are those that
    PACKAGE would make. False (and `out` untouched) when there is no twin.
    """
    other = replace(made, protected=not made.protected)
    twin = shelves.at_hand(storage.set_folder(sha256, other.hash))
    if not (twin / "set.json").is_file():
        return False
    for path in sorted(twin.rglob("*")):
        inside = path.relative_to(twin)
        if path.is_file() and not _comes_later(inside):
            (out / inside).parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path, out / inside)
            except OSError:  # a disk without hard links
                shutil.copyfile(path, out / inside)
    contents = json.loads((out / "set.json").read_text()) | {"recipe": made.as_dict()}
    (out / "set.json").unlink()
    if made.protected:
        shutil.rmtree(out / "progressive", ignore_errors=True)
        contents = seal(out, contents, sha256=sha256)
    else:
        open_set(out, secret_of(sha256))
        contents = json.loads((out / "set.json").read_text()) | {"recipe": made.as_dict()}
        (out / "set.json").unlink()
    (out / "set.json").write_text(json.dumps(contents, indent=1, sort_keys=True))
    return True


def _comes_later(inside: Path) -> bool:
    """Dresses are made anew when the set is published."""
    return inside.parts[0].startswith("m-")


def protect_set(folder: Path, secret: bytes) -> None:
    """Encrypt the media set in `folder` in place: same set and key, same bytes. Once is enough: twice is once.

    Call it last, before set.json is written: what is encrypted cannot be measured any more.
    """
    for playlist in _media_playlists(folder):
        text = playlist.read_text()
        if "#EXT-X-KEY:" in text:
            continue
        up = "../" * len(playlist.relative_to(folder).parts[:-1])
        for number, segment in _segments(playlist, text):
            _rewrite(segment, _encrypt(segment.read_bytes(), secret, number))
        _rewrite(playlist, _with_key(text, f"{up}{FILE}").encode())
    aside = folder / _ASIDE
    for place in sorted([folder / "manifest.mpd", *folder.rglob("iframe.m3u8")]):
        if place.is_file() and _ASIDE not in place.parts:
            kept = aside / place.relative_to(folder)
            kept.parent.mkdir(parents=True, exist_ok=True)
            place.replace(kept)
    for master in sorted(folder.glob("*.m3u8")):
        text = master.read_text()
        fewer = "".join(
            line for line in text.splitlines(keepends=True) if "#EXT-X-I-FRAME-STREAM-INF" not in line
        )
        if fewer != text:
            aside.mkdir(exist_ok=True)
            shutil.copyfile(master, aside / master.name)
            _rewrite(master, fewer.encode())


def open_set(folder: Path, secret: bytes) -> None:
    """Undo `protect_set`: the same bytes as before it."""
    for playlist in _media_playlists(folder):
        text = playlist.read_text()
        if "#EXT-X-KEY:" not in text:
            continue
        for number, segment in _segments(playlist, text):
            _rewrite(segment, _decrypt(segment.read_bytes(), secret, number))
        _rewrite(playlist, re.sub(r"#EXT-X-KEY:.*\n", "", text).encode())
    aside = folder / _ASIDE
    if aside.is_dir():
        for kept in sorted(place for place in aside.rglob("*") if place.is_file()):
            kept.replace(folder / kept.relative_to(aside))
        shutil.rmtree(aside)


def _media_playlists(folder: Path) -> Iterator[Path]:
    """Playlists of segments (not masters, not captions, not I-frames) of a set, without its dresses."""
    for playlist in sorted(folder.rglob("*.m3u8")):
        inside = playlist.relative_to(folder).parts
        if inside[0] == _ASIDE or inside[0].startswith("m-") or playlist.name == "iframe.m3u8":
            continue
        text = playlist.read_text()
        if "#EXT-X-MAP:" in text and "#EXT-X-I-FRAMES-ONLY" not in text:
            yield playlist


def _segments(playlist: Path, text: str) -> Iterator[tuple[int, Path]]:
    """Each segment with its media sequence number (RFC 8216 §4.3.3.2), which is its IV."""
    if "#EXT-X-BYTERANGE" in text:
        raise ValueError(f"{playlist}: byte ranges cannot be encrypted as whole segments")
    said = re.search(r"#EXT-X-MEDIA-SEQUENCE:(\d+)", text)
    number = int(said[1]) if said else 0
    for line in text.splitlines():
        if line and not line.startswith("#"):
            yield number, playlist.parent / line
            number += 1


def _with_key(text: str, uri: str) -> str:
    """The playlist with its key named after the init section, which stays in clear (RFC 8216 §4.3.2.4)."""
    line = f'#EXT-X-KEY:METHOD=AES-128,URI="{uri}"\n'
    return re.sub(r"(#EXT-X-MAP:.*\n)", lambda found: found[1] + line, text, count=1)


def _cipher(secret: bytes, number: int) -> "Cipher[modes.CBC]":
    return Cipher(algorithms.AES(secret), modes.CBC(number.to_bytes(16, "big")))


def _encrypt(clear: bytes, secret: bytes, number: int) -> bytes:
    pad = padding.PKCS7(_BLOCK_BITS).padder()
    seal = _cipher(secret, number).encryptor()
    return seal.update(pad.update(clear) + pad.finalize()) + seal.finalize()


def _decrypt(sealed: bytes, secret: bytes, number: int) -> bytes:
    unseal = _cipher(secret, number).decryptor()
    pad = padding.PKCS7(_BLOCK_BITS).unpadder()
    return pad.update(unseal.update(sealed) + unseal.finalize()) + pad.finalize()


def _rewrite(place: Path, data: bytes) -> None:
    """Never write through a hard link: another set may hold the same file."""
    fresh = place.with_name(place.name + ".new")
    fresh.write_bytes(data)
    os.replace(fresh, place)
