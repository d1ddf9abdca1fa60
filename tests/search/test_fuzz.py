"""Whatever is typed is only text: no exception, no foreign markup, on both engines."""

import re

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils.html import escape
from hypothesis import example, given
from hypothesis import strategies as st

from search import api
from tests.search.fuzzing import FUZZED

NOBODY = AnonymousUser()

PIECES = st.sampled_from(
    [
        "党费", "民主集中制", "安全生产", "dangfei", "mzjzz", "ＶＲ", "2026", "？", "怎么", "三会一课",
        '"', "'", "“", "(", ")", "[", "]", "{", "}", "*", "~2", "^9", "\\", "/", ":", "title:", "+", "-", "&&", "||", "!",
        "AND", "OR", "NOT", "_exists_:", "[a TO z]", ">=", "\x00", "\x1f", "\u202e", "\u200b", "\ufeff", "\ud83d", "\udc00",
        "😀", "👨‍👩‍👧‍👦", "🇨🇳", "'; DROP TABLE people_member; --", "1 OR 1=1", "<script>alert(1)</script>", "<mark>", "</mark>",
        "<img src=x onerror=alert(1)>", "&lt;", "&#60;", "{{7*7}}", "%E5%85%9A", "\r\n", "\t", "　", "𠮷", "﨑", "ﬁ", "İ", "ß",
    ]
)  # fmt: skip
ODD = st.one_of(
    st.lists(PIECES, max_size=12).map("".join),
    st.lists(PIECES, max_size=6).map(" ".join),
    st.text(max_size=80),
    st.text(st.characters(categories=["Cs", "Cc", "Po", "Sm", "Lo"]), max_size=40),
    st.tuples(PIECES, st.integers(100, 2000)).map(lambda both: (both[0] * both[1])[:2000]),
)
MARKUP = re.compile(r"</?mark>")


@pytest.fixture
def index(library):
    """The library and one document that is all markup, so that there is something to inject."""
    library.put(
        "evil",
        "<script>alert(1)</script>党费<mark>安全",
        'AND OR NOT <img src=x onerror=alert(1)> "三会一课" &lt;b&gt; </mark> 😀 dangfei',
        kind="film",
    )
    api.rebuild()


@pytest.mark.django_db
@FUZZED
@given(query=ODD)
@example(query="")
@example(query="？！。，、")
@example(query="党" * 2000)
@example(query="a" * 2000)
@example(query="党a" * 1000)
@example(query="\ud800")
@example(query="\x00")
def test_any_text_is_only_text(index, query):
    found = api.search(query, NOBODY, facets=True)
    assert found.total == sum(found.counts.values()) >= len(found.hits)
    for hit in found.hits:
        assert MARKUP.sub("", hit.title_html) == escape(hit.title)  # nothing but our marks was added
        for html in (hit.title_html, hit.excerpt_html):
            assert html.count("<mark>") == html.count("</mark>")
            assert "<" not in MARKUP.sub("", html) and ">" not in MARKUP.sub("", html)
    assert all(one.url for one in api.suggest(query, NOBODY))
