"""The analyser by table: what a text is cut into."""

import pytest

from search import analysis, highlight
from search.query import plan


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("ＶＲ　党课", "vr 党课"),
        ("mínzhǔ", "minzhu"),
        ("  a\t\nb ", "a b"),
        ("党\x00章\u200b\ud800", "党章"),
        ("①〔2026〕", "1〔2026〕"),
    ],
)
def test_one_form_is_compared(text, normal):
    assert analysis.normalise(text) == normal


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("民主集中制", ["民主", "主集", "集中", "中制"]),
        ("党", ["党"]),
        ("海组发〔2026〕15号", ["海组", "组发", "2026", "15", "号"]),
        ("，。！", []),
    ],
)
def test_pairs(text, tokens):
    assert analysis.bigrams(text) == tokens


def test_the_lexicon_keeps_party_words_whole():
    assert analysis.words("三会一课") == ["三会一课"]
    assert "主题党日" in analysis.words("主题党日怎么安排")
    assert "怎么" not in analysis.words("主题党日怎么安排")


def test_sound():
    assert analysis.syllables("vr民主") == ["vr", "min", "zhu"]
    assert analysis.syllable_pairs("vr民主集中") == ["vr_min", "min_zu", "zu_ji", "ji_zon"]
    assert analysis.syllable_pairs("民主集中", apart=2) == ["min_ji", "zu_zon"]
    assert analysis.syllable_pairs("民") == analysis.syllable_pairs("") == []
    assert analysis.initials("vr民主集中制") == "vrmzjzz"
    assert analysis.trigrams("mzj") == ["^mz", "mzj"]
    assert analysis.trigrams("") == []


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("自愿者", "志愿者"),
        ("城包地", "承包地"),
        ("身请书", "申请书"),
        ("兰图", "蓝图"),
        ("练习点", "联系点"),
    ],
)
def test_what_dialects_mix_up_sounds_alike(said, meant):
    assert analysis.syllable_pairs(said) == analysis.syllable_pairs(meant)


@pytest.mark.parametrize(
    ("text", "one_word"),
    [("民主", True), ("三会一课", True), ("民住", False), ("民主会议", False), ("民", False), ("", False)],
)
def test_a_word_of_the_language(text, one_word):
    assert analysis.is_word(text) is one_word


@pytest.mark.parametrize(
    ("text", "asks"), [("党费怎么算", True), ("有几种处分", True), ("党费收缴", False), ("转正?", True)]
)
def test_questions(text, asks):
    assert analysis.is_question(text) is asks


def test_synonyms_hold_both_ways_or_from_the_whole_to_its_parts():
    known = analysis.synonyms()
    assert "党员活动日" in known["主题党日"] and "主题党日" in known["党员活动日"]
    assert "党课" in known["三会一课"] and "三会一课" not in known.get("党课", ())


def test_a_plan_asks_for_all_of_a_short_query_and_six_tenths_of_a_long_one():
    assert (len(plan("党费").phrase.required), plan("党费").phrase.minimum) == (1, 1)
    long = plan("民主集中制基本原则").phrase
    assert (len(long.required), long.minimum) == (8, 5)
    assert plan("x" * 5000).normal == "x" * 200
    assert plan("？！").is_empty


@pytest.mark.parametrize(
    ("title", "wanted", "meant"),
    [
        ("党章里的民主集中制：六条", "民主及中制", "民主集中制"),
        ("党章里的民主集中制：六条", "民主集制", "民主集中制"),
        ("党章里的民主集中制：六条", "民主集中制", ""),
        ("党章里的民主集中制：六条", "消防条例", ""),
    ],
)
def test_the_nearest_piece_of_a_title(title, wanted, meant):
    assert highlight.nearest(title, wanted) == meant


def test_an_excerpt_shows_the_place_and_escapes_everything():
    text = "前言。" * 60 + "楼道<议事>里也有民主集中制。" + "后记。" * 60
    shown = highlight.excerpt(text, ["民主集中制"])
    assert shown.startswith("……") and shown.endswith("……")
    assert "楼道&lt;议事&gt;里也有<mark>民主集中制</mark>。" in shown
