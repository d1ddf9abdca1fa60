"""Numbers of certificates: `ORG-YYYY-NNNNNN-c`, c by ISO/IEC 7064 MOD 97-10. Pure; domain.md §1.5.

ORG is the organisation's code in capitals. For the check, letters are 10 to 35 (A to Z), digits are
themselves, all other signs are left out; the whole with its two check digits is 1 modulo 97.
"""

from __future__ import annotations

import re

__all__ = ["number_of", "tidy"]

_WHOLE = re.compile(r"(.+)-(\d{4})-(\d{6})-(\d{2})")


def _digits(text: str) -> str:
    return "".join(str(int(sign, 36)) for sign in text.upper() if sign.isascii() and sign.isalnum())


def number_of(organization_code: str, year: int, serial: int) -> str:
    """E.g. ("001.002", 2026, 1) → `001.002-2026-000001-65`. Raises ValueError beyond 999,999 a year."""
    if not 0 < serial <= 999_999 or not 1000 <= year <= 9999:
        raise ValueError(f"{year} {serial}")
    code = organization_code.upper().replace(" ", "")
    stem = f"{code}-{year}-{serial:06}"
    return f"{stem}-{98 - int(_digits(stem) + '00') % 97:02}"


def tidy(text: str) -> str | None:
    """The number as it is kept, out of what somebody typed; None when the check digits do not fit.

    One wrong digit, or two neighbours changed about, are always found.
    """
    plain = text.strip().upper().replace("－", "-").replace("—", "-").replace("–", "-").replace(" ", "")
    found = _WHOLE.fullmatch(plain)
    if found is None or int(_digits(plain)) % 97 != 1:
        return None
    return plain
