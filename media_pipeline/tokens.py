"""Tokens that stand in delivery addresses: what they allow, how they are signed and read. Pure."""

import base64
import hmac
from dataclasses import dataclass

from media_pipeline.errors import TokenExpired, TokenInvalid

__all__ = ["NOBODY", "Grant", "read_token", "sign"]

NOBODY = "0"


@dataclass(frozen=True)
class Grant:
    """What a token allows: `asset` (uuid) for `member` (uuid hex, "0" for nobody) until `expires` (Unix seconds).

    `only` names the single file it opens; "" opens all files of the asset.
    """

    asset: str
    member: str
    expires: int
    only: str = ""


def sign(grant: Grant, *, key: str) -> str:
    """The token: `<expiry>-<member>-<kind>-<HMAC-SHA256, 24 bytes>`, all URL-safe."""
    kind = "p" if grant.only else "a"
    return f"{grant.expires:x}-{grant.member}-{kind}-{_mac(grant, key)}"


def read_token(token: str, *, asset: str, file: str, now: int, key: str) -> Grant:
    """The grant behind `token` for `file` of `asset`. Raises TokenInvalid, or TokenExpired if it was once good."""
    parts = token.split("-", 3)
    if len(parts) != 4 or parts[2] not in {"a", "p"}:
        raise TokenInvalid
    try:
        expires = int(parts[0], 16)
    except ValueError as nonsense:
        raise TokenInvalid from nonsense
    grant = Grant(asset, parts[1], expires, "poster.jpg" if parts[2] == "p" else "")
    if not hmac.compare_digest(_mac(grant, key).encode(), parts[3].encode("utf-8", "replace")):
        raise TokenInvalid
    if grant.only and file.rpartition("/")[2] != grant.only:
        raise TokenInvalid
    if now > expires:
        raise TokenExpired
    return grant


def _mac(grant: Grant, key: str) -> str:
    text = f"media|{grant.asset}|{grant.member}|{grant.expires}|{grant.only}"
    return base64.urlsafe_b64encode(hmac.digest(key.encode(), text.encode(), "sha256")[:24]).decode()
