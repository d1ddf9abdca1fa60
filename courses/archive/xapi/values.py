"""The special data types of xAPI as yes/no questions and parsers: IRI, UUID, language tag, time, duration.

Pure. 1.0.3 takes ISO 8601 times, 2.0 (IEEE 9274.1.1) RFC 3339 times; neither takes the offset -00:00.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

__all__ = [
    "as_text",
    "is_duration",
    "is_iri",
    "is_language_tag",
    "is_mailto",
    "is_media_type",
    "is_sha1",
    "is_sha2",
    "moment",
    "parse_uuid",
]

_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`\x00-\x20\x7f]+\Z")
_MAILTO = re.compile(r"mailto:[^\s@<>\"(),:;\[\]\\]+@[^\s@<>\"(),:;\[\]\\]+\Z")
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\Z")
_SHA1 = re.compile(r"[0-9a-fA-F]{40}\Z")
_SHA2 = re.compile(r"(?:[0-9a-fA-F]{56}|[0-9a-fA-F]{64}|[0-9a-fA-F]{96}|[0-9a-fA-F]{128})\Z")
_MEDIA_TYPE = re.compile(
    r"[\w!#$&^.+-]+/[\w!#$&^.+*-]+(?:\s*;\s*[\w!#$&^.+-]+=(?:\"[^\"\r\n]*\"|[^\s;\"]+))*\s*;?\Z"
)

# RFC 5646 §2.1: a langtag, a private one, or one of the grandfathered that the grammar does not produce.
_LANGUAGE = re.compile(
    r"""(?:
      (?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4}|[a-z]{5,8})   # language, with extended parts
      (?:-[a-z]{4})?                                          # script
      (?:-(?:[a-z]{2}|[0-9]{3}))?                             # region
      (?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*                # variants
      (?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*                    # extensions
      (?:-x(?:-[a-z0-9]{1,8})+)?
    | x(?:-[a-z0-9]{1,8})+
    | en-gb-oed | i-(?:ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)
    | sgn-(?:be-fr|be-nl|ch-de)
    )\Z""",
    re.IGNORECASE | re.VERBOSE,
)

_NUMBER = r"\d+(?:[.,]\d+)?"
_DURATION = re.compile(
    rf"P(?:(?P<w>{_NUMBER})W|(?=\d|T\d)(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}D)?"
    rf"(?:T(?=\d)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?)\Z"
)
_FRACTION_INSIDE = re.compile(r"[.,]\d+[YMWDHS]T?\d")

_EXTENDED = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(Z|z|[+-]\d\d(?::?\d\d)?)?\Z"
)
_BASIC = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(?:(\d\d)(?:[.,](\d+))?)?(Z|[+-]\d\d(?:\d\d)?)?\Z")
_DATE = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)\Z")
_RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|z|[+-]\d\d:\d\d)\Z")


def is_iri(value: object) -> bool:
    """An IRI with a scheme (RFC 3987), judged by its characters; nobody asks a resolver."""
    return isinstance(value, str) and _IRI.match(value) is not None


def is_mailto(value: object) -> bool:
    return isinstance(value, str) and _MAILTO.match(value) is not None


def is_sha1(value: object) -> bool:
    return isinstance(value, str) and _SHA1.match(value) is not None


def is_sha2(value: object) -> bool:
    """SHA-224, 256, 384 or 512 in hex digits."""
    return isinstance(value, str) and _SHA2.match(value) is not None


def is_media_type(value: object) -> bool:
    return isinstance(value, str) and _MEDIA_TYPE.match(value) is not None


def is_language_tag(value: object) -> bool:
    """Well-formed by RFC 5646 §2.1, and no variant or extension twice (§2.2.5, §2.2.6)."""
    if not isinstance(value, str) or _LANGUAGE.match(value) is None:
        return False
    if len(value) <= 3:
        return True
    public = value.lower().partition("-x-")[0].split("-")
    first_single = next((at for at, part in enumerate(public) if len(part) == 1), len(public))
    variants = [part for part in public[1:first_single] if len(part) > 4 or part[0].isdigit()]
    singles = [part for part in public if len(part) == 1]
    return len(set(variants)) == len(variants) and len(set(singles)) == len(singles)


def is_duration(value: object) -> bool:
    """ISO 8601:2004 §4.4.3.2: designators, weeks alone, a fraction only in the last part."""
    return (
        isinstance(value, str)
        and _DURATION.match(value) is not None
        and _FRACTION_INSIDE.search(value) is None
    )


def parse_uuid(value: object) -> UUID | None:
    """The UUID in its standard form (RFC 4122, any version and case), or None."""
    return UUID(value) if isinstance(value, str) and _UUID.match(value) else None


def moment(value: object, *, rfc3339: bool = False) -> datetime | None:
    """The aware moment in UTC, to the microsecond (more digits are cut), or None. Without an offset: UTC."""
    if not isinstance(value, str):
        return None
    forms = (_RFC3339,) if rfc3339 else (_EXTENDED, _BASIC, _DATE)
    found = next((made for form in forms if (made := form.match(value))), None)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = (*found.groups(""), *("",) * 5)[:8]
    try:
        whole = datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            59 if second == "60" else int(second or 0),
            int((fraction + "000000")[:6]),
            UTC,
        )
        return whole - _offset(offset)
    except (ValueError, OverflowError):
        return None


def _offset(text: str) -> timedelta:
    if not text or text in "Zz":
        return timedelta(0)
    digits = text[1:].replace(":", "")
    hours, minutes = int(digits[:2]), int(digits[2:] or 0)
    if hours > 23 or minutes > 59 or (text[0] == "-" and hours == minutes == 0):
        raise ValueError(text)
    away = timedelta(hours=hours, minutes=minutes)
    return -away if text[0] == "-" else away


def as_text(at: datetime) -> str:
    """RFC 3339 in UTC with six digits: 2026-09-30T01:00:00.000000Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
