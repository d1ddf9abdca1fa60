"""Which texts of queries may be kept, and which may be shown. Pure: no database, no clock.

People type names, telephone and identity numbers into search boxes. What may be one of these is never
written down as text; what stays rare is not shown (domain.md §7.4: a positive cell below five is "<5", and a
total beside a suppressed cell is rounded to the nearest five) and its text is forgotten with the month.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from search import analysis

__all__ = ["LEAST", "Line", "Report", "keepable", "name_candidates", "report"]

LEAST = 5
"""A query asked fewer times in a month is not shown: k of domain.md §7.4."""
LONGEST = 40
"""Characters; who writes more writes a letter, and letters hold names."""

_BETWEEN_DIGITS = re.compile(r"(?<=\d)[\s\-–—_.,·/()]+(?=\d)")
_DIGITS = re.compile(r"\d{6}")
_SPOKEN_DIGITS = re.compile("[零〇一二三四五六七八九幺两]{6}")
_ADDRESS = re.compile(r"@|https?:|www\.")
_HAN = re.compile(f"[{analysis.HAN}]+")


def keepable(query: str) -> str:
    """`query` in the form in which it is counted, or "" when its text is not to be kept.

    Not kept: six digits in a row, whatever stands between them (telephone, identity card, date of birth),
    six digits in Chinese characters, addresses, more than LONGEST characters, nothing but punctuation.
    """
    normal = analysis.normalise(query)
    digits = _BETWEEN_DIGITS.sub("", normal)
    if len(normal) > LONGEST or not any(analysis.runs(normal)):
        return ""
    if _DIGITS.search(digits) or _SPOKEN_DIGITS.search(normal) or _ADDRESS.search(normal):
        return ""
    return normal


def name_candidates(query: str) -> set[str]:
    """What of `query` would be kept out if it is a name on the roster: each part between blanks, and each stretch of
    three or four characters (two are too often an ordinary word: 安全, 文明)."""
    stretches = {
        run[start : start + size]
        for run in _HAN.findall(query)
        for size in (3, 4)
        for start in range(len(run) - size + 1)
    }
    return stretches | {part for part in query.split() if len(part) > 1}


@dataclass(frozen=True)
class Line:
    """One query as editors may see it; `without_results` is a figure or "<5"."""

    query: str
    searches: int
    without_results: int | str


@dataclass(frozen=True)
class Report:
    """`lines` most sought first; `others` and `total` are rounded to five ("<5" for fewer) where something is held back."""

    lines: list[Line]
    others: int | str
    total: int | str

    @property
    def in_vain(self) -> list[Line]:
        """Those that found nothing at least LEAST times, the most frequent first."""
        found = [
            line for line in self.lines if isinstance(line.without_results, int) and line.without_results
        ]
        return sorted(found, key=lambda line: (-int(line.without_results), line.query))


def report(rows: Iterable[tuple[str, int, int]]) -> Report:
    """`rows`: (query, searches, without results) summed over one calendar month, "" for what has no text.

    Calendar months do not overlap, so no two reports differ by a few people's queries.
    """
    lines, others, total = [], 0, 0
    for query, searches, without in rows:
        total += searches
        if query and searches >= LEAST:
            lines.append(Line(query, searches, without if without == 0 or without >= LEAST else _few()))
        else:
            others += searches
    lines.sort(key=lambda line: (-line.searches, line.query))
    return Report(lines, _rounded(others), _rounded(total) if others else total)


def _few() -> str:
    return f"<{LEAST}"


def _rounded(count: int) -> int | str:
    if 0 < count < LEAST:
        return _few()
    return LEAST * ((2 * count + LEAST) // (2 * LEAST))
