"""What an address of /search/ asks for, and addresses that ask a little otherwise. Pure: no database, no engine.

`?q=党费&kind=policy&category=通知&year=2026&issuer=…&length=short&finished=no&sort=date&p=2`; whatever is
missing or makes no sense asks for nothing, so that an old or a mistyped address still finds something.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from search.engines import FACETS, Filters, Sort

__all__ = ["FINISHED", "LENGTHS", "NARROWED_BY", "Asked", "asked"]

LONGEST_QUERY = 2000
LONGEST_VALUE = 200
LENGTHS = ("short", "medium", "long")
"""Values of the facet length (search.entries.length_of)."""
FINISHED = ("no", "yes")
"""Without what the member has finished, and that alone."""
NARROWED_BY = (*FACETS, "finished")
"""The filters, by their names in the address."""


@dataclass(frozen=True)
class Asked:
    """One question put to the page. `query` is as typed; "" everywhere else means: anything."""

    query: str = ""
    kind: str = ""
    category: str = ""
    year: str = ""
    issuer: str = ""
    length: str = ""
    finished: str = ""
    sort: Sort = "relevance"
    page: int = 1

    @property
    def chosen(self) -> dict[str, str]:
        """The filters that are set, by their names in the address."""
        return {name: value for name in NARROWED_BY if (value := getattr(self, name))}

    def filters(self, finished: frozenset[str] = frozenset()) -> Filters:
        """For the engine; `finished` are the keys of what the asker has finished, wanted when `finished` is set."""
        return Filters(
            category=self.category,
            year=self.year,
            issuer=self.issuer,
            length=self.length,
            only=finished if self.finished == "yes" else None,
            without=finished if self.finished == "no" else frozenset(),
        )

    def address(self, **changes: Any) -> str:
        """The query string that asks this with `changes`; it begins at page 1 again unless `page` is given.

        Asked("党费", year="2026").address(year="") → "?q=%E5%85%9A%E8%B4%B9".
        """
        other = replace(self, **({"page": 1} | changes))
        named = {
            "q": other.query,
            "kind": other.kind,
            **other.chosen,
            "sort": other.sort if other.sort != "relevance" else "",
            "p": str(other.page) if other.page > 1 else "",
        }
        return "?" + urlencode({name: value for name, value in named.items() if value})

    def unfiltered(self) -> "Asked":
        """The same without any filter."""
        return replace(self, page=1, category="", year="", issuer="", length="", finished="")


def asked(data: Mapping[str, str], *, kinds: Container[str], signed_in: bool) -> Asked:
    """Read the parameters of an address; `kinds` are the names that exist."""

    def value(name: str) -> str:
        return data.get(name, "")[:LONGEST_VALUE].replace("\x00", "").strip()

    kind, year, length, finished = value("kind"), value("year"), value("length"), value("finished")
    page = data.get("p", "")[:4]
    return Asked(
        query=data.get("q", "")[:LONGEST_QUERY].replace("\x00", ""),
        kind=kind if kind in kinds else "",
        category=value("category"),
        year=year if year.isascii() and year.isdecimal() and len(year) == 4 else "",
        issuer=value("issuer"),
        length=length if length in LENGTHS else "",
        finished=finished if signed_in and finished in FINISHED else "",
        sort="date" if value("sort") == "date" else "relevance",
        page=max(1, int(page)) if page.isascii() and page.isdecimal() else 1,
    )
