"""Numbers and days of official documents, in the many ways in which people write them, brought to one. Pure.

县发[2026]12号, 县发(2026)12, 县发2026年第12号 → 县发〔2026〕12号 (the form of 党政机关公文格式 GB/T 9704—2012 §7.2.5);
2026-03-01, 2026.3.1, 2026年03月01号 → 2026年3月1日.
"""

import re
import unicodedata
from datetime import date

__all__ = ["as_written", "names_of_day", "names_of_number"]

_NUMBER = re.compile(
    r"(?P<word>(?:[^\W\d_]{1,20})?)\s*"
    r"[〔\[(【﹝<〈《{]?\s*(?P<year>(?:19|20)\d\d)(?P<blank>\s*)(?P<closed>[〕\])】﹞>〉》}年]?)"
    r"\s*(?:第\s*)?0*(?P<number>[1-9]\d{0,4})\s*(?P<end>号?)"
)
_WORD_ENDS = tuple("发字函办规令通电文")
"""How the short name of an issuing body ends in a number; tells one from «党费2026 3» where no 号 and no bracket does."""
_DAY = re.compile(
    r"(?P<year>(?:19|20)\d\d)\s*[-./年]\s*0?(?P<month>1[0-2]|[1-9])"
    r"(?:\s*[-./月]\s*0?(?P<day>3[01]|[12]\d|[1-9])\s*[日号]?|\s*月份?)?"
)


def as_written(text: str) -> str:
    """`text` as official documents write it where it is a document number or a day and nothing else; else itself."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if found := _NUMBER.fullmatch(plain):
        told_apart = (found["closed"] and found["end"]) or (
            found["word"]
            and (found["end"] or found["closed"] or (found["blank"] and found["word"].endswith(_WORD_ENDS)))
        )
        if told_apart:
            return f"{found['word']}〔{found['year']}〕{found['number']}号"
    if found := _DAY.fullmatch(plain):
        day = f"{int(found['day'])}日" if found["day"] else ""
        return f"{found['year']}年{int(found['month'])}月{day}"
    return text


def names_of_number(number: str) -> tuple[str, ...]:
    """By what a document with this number is called, in whole and in part; () for none.

    A number of another form (国务院令第722号) is only itself.
    """
    written = as_written(number.strip())
    found = _NUMBER.fullmatch(unicodedata.normalize("NFKC", written))
    if not found:
        return (written,) if written else ()
    word, year, count = found["word"], found["year"], found["number"]
    year_and_count = f"〔{year}〕{count}号"
    return (
        written,
        year_and_count,
        f"{word}{count}号",
        f"{count}号",
        f"{word}{year}年第{count}号",
        f"{year}年{count}号",
    )


def names_of_day(day: date | None) -> tuple[str, ...]:
    """By what people call the day on which a document was issued: with and without the day, and in digits."""
    if day is None:
        return ()
    month = f"{day.year}年{day.month}月"
    return (f"{month}{day.day}日", month, day.isoformat())
