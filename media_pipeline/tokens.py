"""Tokens that stand in delivery addresses: what they allow, how they are signed and read. Pure.

One token speaks to two readers. Django reads the HMAC-SHA256; nginx, which offers nothing better
than `secure_link_md5`, reads an MD5 over the same words (HMAC included) with a secret of its own:

    1795000000-3f9a…e1-5c0d9b7e-a-<HMAC, 32 characters><MD5, 22 characters, where nginx serves>
    expiry     member  epoch    kind

Whoever steals nginx's secret (it stands in nginx's configuration) can forge addresses for nginx
but none that Django believes: keys of encrypted lectures and what changes stay closed to him.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

from media_pipeline.errors import TokenExpired, TokenInvalid

__all__ = ["NEVER", "NOBODY", "Grant", "Keys", "read_token", "sign"]

NOBODY = "0"
NEVER = "0"
"""The epoch of addresses that no member holds: they are not revoked, they run out."""

_TOKEN = re.compile(
    r"(?P<expires>[1-9][0-9]{0,11})-(?P<member>[0-9a-f]{1,32})-(?P<epoch>[0-9a-f]{1,16})-(?P<kind>[apk])-"
    r"(?P<mac>[A-Za-z0-9_-]{32})(?P<md5>[A-Za-z0-9_-]{22})?"
)


@dataclass(frozen=True)
class Keys:
    """What tokens are signed with: `own` by Django, `nginx` (""; nginx does not serve) by both."""

    own: str
    nginx: str = ""


@dataclass(frozen=True)
class Grant:
    """What a token allows: `asset` (uuid) for `member` (uuid hex, "0" for nobody) until `expires` (Unix seconds).

    `epoch` is a digest of what must not have changed since (the member's password); whoever reads
    a token compares it with today's. `only` names the single file it opens; "" opens all files of
    the asset. `key`: it also opens the key of an encrypted lecture.
    """

    asset: str
    member: str
    expires: int
    epoch: str = NEVER
    only: str = ""
    key: bool = False

    @property
    def kind(self) -> str:
        return "p" if self.only else "k" if self.key else "a"


def sign(grant: Grant, *, keys: Keys) -> str:
    """The token of a grant, URL-safe: about 75 to 130 characters."""
    words = f"{grant.expires}-{grant.member}-{grant.epoch}-{grant.kind}-{_mac(grant, keys.own)}"
    return words + (_md5(words, grant.asset, keys.nginx) if keys.nginx else "")


def read_token(token: str, *, asset: str, file: str, now: int, keys: Keys) -> Grant:
    """The grant behind `token` for `file` (`<version>/…`) of `asset`, in constant time as to the signatures.

    Raises TokenInvalid, or TokenExpired if it was once good. Whether the epoch still holds is asked elsewhere.
    """
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise TokenInvalid
    kind = found["kind"]
    grant = Grant(
        asset, found["member"], int(found["expires"]), found["epoch"],
        only="poster.jpg" if kind == "p" else "", key=kind == "k",
    )  # fmt: skip
    good = hmac.compare_digest(_mac(grant, keys.own), found["mac"])
    if keys.nginx:
        words = token[: found.end("mac")]
        good &= hmac.compare_digest(_md5(words, asset, keys.nginx), found["md5"] or "")
    elif found["md5"]:
        good = False
    if not good or (grant.only and file.rpartition("/")[2] != grant.only):
        raise TokenInvalid
    if now > grant.expires:
        raise TokenExpired
    return grant


def _mac(grant: Grant, key: str) -> str:
    text = f"media|{grant.asset}|{grant.member}|{grant.expires}|{grant.epoch}|{grant.kind}"
    return base64.urlsafe_b64encode(hmac.digest(key.encode(), text.encode(), "sha256")[:24]).decode()


def _md5(words: str, asset: str, secret: str) -> str:
    """What nginx reckons for `secure_link_md5 "$words $asset secret"`. The secret stands last: no extension attack."""
    digest = hashlib.md5(f"{words} {asset} {secret}".encode(), usedforsecurity=False).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
