"""Editors' words and synonyms: checked, used at once, taken into the index without a pause."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import AnonymousUser, Permission
from django.core.exceptions import ValidationError
from django.test import Client

from search import analysis, api, indexing
from search.models import LexiconWord, SynonymGroup, WordsInUse
from search.query import plan
from search.words import vocabulary

pytestmark = pytest.mark.django_db

ANYBODY = AnonymousUser()
NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)


def titles(query):
    return [hit.title for hit in api.search(query, ANYBODY).hits]


def synonym(term, *others, one_way=False) -> SynonymGroup:
    group = SynonymGroup(term=term, others="\n".join(others), one_way=one_way)
    group.full_clean()
    group.save()
    return group


def word(text) -> LexiconWord:
    made = LexiconWord(word=text)
    made.full_clean()
    made.save()
    return made


@pytest.fixture
def short_patience(monkeypatch):
    monkeypatch.setattr(vocabulary, "FRESH_S", 0.0)
    monkeypatch.setattr(vocabulary, "QUIET_S", 0.0)


def test_a_synonym_finds_at_once_and_both_ways(library, short_patience):
    api.rebuild()
    assert titles("灭火") == []
    group = synonym("灭火", "消防安全", "救火")
    assert titles("灭火") == titles("救火") == ["消防安全进社区"]
    group.delete()
    assert titles("灭火") == []


def test_in_one_direction_only(short_patience):
    synonym("两学一做常态化", "做合格党员", one_way=True)
    vocabulary.refresh()
    assert analysis.synonyms()["两学一做常态化"] == ("做合格党员",)
    assert "两学一做常态化" not in analysis.synonyms().get("做合格党员", ())


def test_the_files_stay_and_both_count(short_patience):
    synonym("三会一课", "组织生活")
    vocabulary.refresh()
    assert analysis.synonyms()["三会一课"] == ("支部党员大会", "支部委员会", "党小组会", "党课", "组织生活")
    assert analysis.synonyms()["四风"][0] == "形式主义"


def test_looking_costs_a_query_and_only_now_and_then(django_assert_num_queries):
    vocabulary.refresh()
    with django_assert_num_queries(0):
        vocabulary.refresh()
    with django_assert_num_queries(1):  # how many words and synonyms, and when the last was changed
        vocabulary.refresh(at_once=True)


def test_a_word_is_a_word_at_once_and_in_the_index_when_the_list_rests(
    library, short_patience, monkeypatch, indexes
):
    api.rebuild()
    assert "网格党小组" not in analysis.words("网格党小组在行动")
    word("网格党小组")
    monkeypatch.setattr(vocabulary, "QUIET_S", 3600.0)
    before = indexes()[0]
    indexing.drain()
    assert "网格党小组" in analysis.words("网格党小组在行动")
    assert vocabulary.state() == ("waiting", None)
    assert indexes()[0] == before
    assert titles("党费")[0] == "党费收缴怎么算"  # the old index goes on answering
    monkeypatch.setattr(vocabulary, "QUIET_S", 0.0)
    indexing.drain()
    after = indexes()[0]
    assert after != before
    assert vocabulary.state()[0] == "in_use"
    indexing.drain()
    assert indexes()[0] == after


def test_the_list_must_rest_before_a_new_index_is_made():
    word("网格党小组")
    vocabulary.refresh(at_once=True)
    assert not vocabulary.index_lags(now=100.0)
    assert not vocabulary.index_lags(now=100.0 + vocabulary.QUIET_S - 1)
    word("红色代办点")
    vocabulary.refresh(at_once=True)
    assert not vocabulary.index_lags(now=100.0 + vocabulary.QUIET_S)
    assert vocabulary.index_lags(now=100.0 + 2 * vocabulary.QUIET_S)


def test_a_rebuild_that_fails_or_dies_is_no_rebuild():
    word("网格党小组")
    with pytest.raises(ZeroDivisionError), vocabulary.taking_up(now=NOW):
        assert vocabulary.state(now=NOW + timedelta(minutes=3)) == ("rebuilding", NOW)
        raise ZeroDivisionError
    assert vocabulary.state() == ("waiting", None)
    WordsInUse.objects.update(rebuilding_since=NOW)
    assert vocabulary.state(now=NOW + timedelta(hours=3)) == ("waiting", None)
    with vocabulary.taking_up(now=NOW):
        pass
    assert vocabulary.state() == ("in_use", NOW)


def test_a_word_that_comes_while_an_index_is_made_waits_for_the_next():
    word("网格党小组")
    with vocabulary.taking_up(now=NOW):
        word("红色代办点")
        vocabulary.refresh(at_once=True)
    assert vocabulary.state() == ("waiting", None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("党", "只有一个字"),
        ("  ？！", "请在这里写词"),
        ("民主 集中", "只写一个词"),
        ("VR党课", "汉字和字母不要混在一起"),
        ("很" * 31, "30"),
    ],
)
def test_a_word_that_cannot_be_one_is_refused_in_plain_words(text, said):
    with pytest.raises(ValidationError) as refused:
        word(text)
    assert said in str(refused.value.message_dict["word"])
    assert not LexiconWord.objects.exists()


@pytest.mark.parametrize(
    ("term", "others", "field", "said"),
    [
        ("党", ["党员"], "term", "只有一个字"),
        ("党费", [], "others", ""),
        ("党费", ["？"], "others", "请在这里写词"),
        ("党费", ["会费", "ＤＦ", "党费"], "others", "与上面的词重复"),
        ("党费", [f"说法{n}" for n in range(21)], "others", "最多 20 个说法"),
        ("三会", ["会议"], "term", "已有一条"),
    ],
)
def test_a_synonym_that_says_nothing_is_refused(term, others, field, said):
    synonym("三会", "三会一课")
    with pytest.raises(ValidationError) as refused:
        synonym(term, *others)
    assert said in str(refused.value.message_dict[field])
    assert SynonymGroup.objects.count() == 1


def test_what_is_saved_is_normalised():
    assert synonym("ＶＲ　课", " 全景课 ", "", "全景课", "360度").phrases == ["全景课", "360度"]
    assert SynonymGroup.objects.get().term == "vr 课"
    assert word("ＡＰＰ").word == "app"


@pytest.fixture
def editor(member_in):
    member = member_in(None)
    names = [
        f"{may}_{thing}" for thing in ("lexiconword", "synonymgroup") for may in ("add", "change", "view")
    ]
    for name in ("access_admin", *names):
        member.user_permissions.add(Permission.objects.get(codename=name))
    client = Client()
    client.force_login(member, backend="people.sign_in.UsernameOrPhoneBackend")
    return client


def test_in_the_admin_with_history_and_the_state_of_the_index(editor):
    made = editor.post("/admin/snippets/search/lexiconword/add/", {"word": "网格党小组", "note": "社区提出"})
    assert made.status_code == 302
    listed = editor.get("/admin/snippets/search/lexiconword/").content.decode()
    assert "网格党小组" in listed and "约半分钟后，后台会重建索引" in listed
    pk = LexiconWord.objects.get().pk
    editor.post(f"/admin/snippets/search/lexiconword/edit/{pk}/", {"word": "网格党小组", "note": "改"})
    history = editor.get(f"/admin/snippets/search/lexiconword/history/{pk}/").content.decode()
    assert history.count("党员1") >= 2
    again = editor.post("/admin/snippets/search/lexiconword/add/", {"word": "网格党小组"})
    assert "已经在列表里" in again.content.decode()
    assert LexiconWord.objects.count() == 1


def test_the_report_s_word_comes_along(editor):
    form = editor.get("/admin/snippets/search/synonymgroup/add/", {"term": "积极分子档案"}).content.decode()
    assert 'value="积极分子档案"' in form


def test_a_thousand_synonyms_cost_a_query_little(short_patience):
    SynonymGroup.objects.bulk_create(
        SynonymGroup(term=f"说法{n}甲", others=f"说法{n}乙\n说法{n}丙") for n in range(1000)
    )
    vocabulary.refresh()
    plan("党员教育培训学时认定")
    started = time.process_time()
    for _turn in range(20):
        plan("党员教育培训学时认定")
    assert (time.process_time() - started) / 20 < 0.005
