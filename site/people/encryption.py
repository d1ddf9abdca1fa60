"""Encrypted text fields and keyed digests for personal data (class S, domain.md §7.2).

The cipher is Fernet (AES-128-CBC with HMAC-SHA256) of `cryptography`; several keys may be
set, the first encrypts and all decrypt, so that keys can be rotated. A certified national
cipher module would replace `_cipher` here and nowhere else.
"""

import base64
import hashlib
import hmac
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import models


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet(
        [Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"field:" + k.encode()).digest())) for k in keys]
    )


def seal(text: str) -> str:
    """Encrypt `text`; the empty string stays empty."""
    return _cipher(tuple(settings.FIELD_KEYS)).encrypt(text.encode()).decode() if text else ""


def unseal(sealed: str) -> str:
    """Decrypt what `seal` made; raises cryptography.fernet.InvalidToken when no key fits."""
    return _cipher(tuple(settings.FIELD_KEYS)).decrypt(sealed.encode()).decode() if sealed else ""


def digest(text: str) -> str:
    """A keyed SHA-256 of `text` (64 hex digits), for finding an encrypted value by equality.

    Keyed with the oldest key, so that adding a new first key does not lose anybody.
    """
    return hmac.new(settings.FIELD_KEYS[-1].encode(), b"digest:" + text.encode(), hashlib.sha256).hexdigest()


class EncryptedTextField(models.TextField):
    """Text that is stored encrypted and read in clear. It can't be filtered on: keep a digest beside it."""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        return unseal(value) if value else value

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return seal(value) if value else value

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name in {"exact", "isnull"}:
            return super().get_lookup(lookup_name)
        raise TypeError("an encrypted field cannot be searched; compare its digest")
