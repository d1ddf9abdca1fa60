"""The lists of everyday words: well-formed, and read as words and not as pieces of others."""

import pytest

from search import analysis
from search.query import plan

FILES = sorted(analysis.LEXICON.glob("everyday*.txt"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_line_says_what_people_say_and_what_rules_call_it(file):
    lines = [
        line for line in file.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
    ]
    for line in lines:
        said, arrow, official = line.partition(" > ")
        assert arrow and said.split() and official.split() and ">" not in official, line
        assert len(set(said.split())) == len(said.split()), line
        assert len(set(official.split())) == len(official.split()), line
        assert all(len(one) > 1 for one in official.split()), line
    assert len(lines) > 400


def official(query):
    return plan(query).related.words


def test_what_people_say_is_looked_for_as_rules_say_it():
    assert "劳动报酬" in official("老板拖着不给工钱怎么办")
    assert "法律援助" in official("没钱请律师怎么办")


def test_of_two_terms_the_longer_one_speaks():
    assert analysis.everyday()["年纪"] != analysis.everyday()["结婚年纪"]
    assert set(official("结婚年纪是多少")) >= {"结婚", "年龄"}
    assert "年满" not in official("结婚年纪是多少")


def test_two_of_the_rarest_characters_of_a_sentence_make_a_match():
    wanted = plan("海水退下去以后去滩上捡贝壳抓小蟹，这叫什么")
    assert wanted.characters_minimum == 2
    assert len(wanted.telling) == 6 and set("滩贝壳蟹") <= set(wanted.telling)
    assert plan("坎儿井是什么时候修的").characters_minimum == 0  # it is named
    assert plan("消防安全 通道").characters_minimum == 0  # keywords want pairs


def test_a_single_character_must_be_a_word():
    assert "收支" in official("支部的账多久公布一次")
    assert "收支" not in official("账号被盗了怎么办")
