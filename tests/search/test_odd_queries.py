"""Any text at all as a query or as a document: never an exception, never markup that is not ours."""

import html
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from search import analysis, highlight, second_look
from search.cues import best_cue
from search.query import LONGEST, plan

ODD = [
    '"安全', "消防 \"", "title:(党", "AND OR NOT", "[a TO z]", "党~2^9", "\\", "'; DROP TABLE x; --",
    "<script>alert(1)</script>", "<mark>党</mark>", "&lt;", "\x00", "党\x00员", "\ud800", "\udc00党\ud83d",
    "😀👨‍👩‍👧", "\u202e党员", "ﬁ", "㍿", "İ", "ß", "a" * 2000, "党" * 2000, "党费？" * 700, " ", "？！。", "%", "{{ 7*7 }}",
    "𠀀𠀁𠀂", "¼", "é́", "　", "1", "？",
]  # fmt: skip
PIECES = [
    "党费",
    "怎么交",
    "老公",
    "拖欠工资",
    "吗",
    "minzhu",
    "三会一课",
    "<b>",
    "&",
    '"',
    "\ud800",
    "\x00",
    "，",
    " ",
    "I",
    "ﬁ",
]

texts = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.sampled_from(ODD),
)
thorough = settings(max_examples=150)


def with_odd_ones(test):
    for one in ODD:
        test = example(one, "党费怎么交")(example("党费 怎么交", one)(test))
    return test


@thorough
@given(query=texts)
@pytest.mark.parametrize("loose", [False, True])
def test_any_text_is_a_plan(query, loose):
    made = plan(query, loose=loose)
    assert len(made.normal) <= LONGEST
    for phrase in (made.phrase, *made.synonyms):
        assert phrase.minimum <= len(phrase.required)
        assert all(token and not token.isspace() for token in phrase.required)
    assert all(1 <= sound.minimum <= len(sound.tokens) for _field, sound in made.sounds)
    assert made.characters_minimum <= len(made.characters)
    everything = [*made.phrase.bigrams, *made.phrase.words, *made.characters, *made.related.bigrams]
    # Tokens are parted by blanks in an index: none may hold one; and all must be text that can be sent.
    assert not any(re.search(r"\s", token) for token in everything)
    "".join(everything).encode()
    assert plan(query, loose=loose) == made


@with_odd_ones
@thorough
@given(query=texts, text=texts)
def test_marking_adds_marks_and_nothing_else(query, text):
    made = plan(query)
    for shown in (
        highlight.mark(text, highlight.spans(text, made.parts, made.synonym_texts)),
        highlight.excerpt(text, made.parts, made.synonym_texts),
    ):
        bare = shown.replace("<mark>", "").replace("</mark>", "")
        assert "<" not in bare and ">" not in bare and '"' not in bare
        assert re.fullmatch(r"(?:[^&]|&(?:amp|lt|gt|quot|#x27);)*", bare, re.DOTALL)
        assert shown.count("<mark>") == shown.count("</mark>")
    assert (
        html.unescape(re.sub("</?mark>", "", highlight.mark(text, highlight.spans(text, made.parts)))) == text
    )
    highlight.nearest(text, made.normal)
    highlight.spoken_spans(text, made.normal)


@with_odd_ones
@thorough
@given(query=texts, text=texts)
def test_a_second_look_keeps_every_hit(query, text):
    made = plan(query)
    rows = [
        (float(9 - number), {"title": title, "body": body})
        for number, (title, body) in enumerate([(text, text), ("", ""), ("党费", text), (text, query)])
    ]
    seen = second_look.reordered(rows, made)
    assert sorted(id(stored) for _score, stored in seen) == sorted(id(stored) for _score, stored in rows)
    assert [score for score, _stored in seen] == sorted((score for score, _stored in seen), reverse=True)
    assert second_look.reordered(rows, made) == seen


@with_odd_ones
@thorough
@given(query=texts, text=texts)
def test_some_cue_is_always_chosen(query, text):
    cues = [(0.0, 1.0, text), (1.0, 2.0, "党费怎么交"), (2.0, 3.0, query)]
    assert best_cue(cues, plan(query)) in (0, 1, 2)


@thorough
@given(text=texts)
def test_normal_text_stays_as_it_is(text):
    normal = analysis.normalise(text)
    assert analysis.normalise(normal) == normal
    normal.encode()
