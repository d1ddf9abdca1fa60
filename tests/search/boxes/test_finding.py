"""What the boxes find in Chinese, what they never find, and that counts, pages and order agree."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from modelsearch.query import MATCH_ALL, And, Fuzzy, Not, Or, Phrase, PlainText
from wagtail.documents.models import Document
from wagtail.images.models import Image
from wagtail.models import Page

from courses.catalogue.models import Course, Policy
from media_pipeline.models import Asset
from search.boxes import backend, tokens
from search.boxes.backend import SearchBackend
from search.boxes.tokens import Space
from tests.factories import CourseFactory, PolicyFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def by_the_engine(monkeypatch, indexed):
    """Only the engine finds in these tests; substrings would find nothing."""
    monkeypatch.setattr(backend, "containing", lambda queryset, *asked: queryset.none())


def pages_for(query, **how) -> set[str]:
    return {page.title for page in Page.objects.search(query, **how)}


def typed(query, queryset=None) -> list[str]:
    return [thing.title for thing in SearchBackend({}).autocomplete(query, queryset or Page.objects.all())]


def test_while_typing_a_chinese_title_is_found():
    for query, title in [
        ("收缴怎么算", "党费收缴怎么算"),  # a part
        ("怎么算党费", "党费收缴怎么算"),  # the halves the other way round
        ("党费手缴怎么算", "党费收缴怎么算"),  # a wrong character of the right sound
        ("党费收缴怎算", "党费收缴怎么算"),  # one left out
        ("dangfeishoujiaozenme", "党费收缴怎么算"),  # pinyin
        ("dfsjzms", "党费收缴怎么算"),  # initials
        ("党费 怎么算", "党费收缴怎么算"),  # two words
        ("xiaofang tiaoli", "消防条例"),
        ("xf", "消防条例"),  # the first letters
        ("条", "消防条例"),  # one character
    ]:
        assert typed(query)[:1] == [title], query


def test_each_kind_of_thing_is_found_by_pinyin():
    assert typed("dangfeishoujiao", Document.objects.all()) == ["各支部党费收缴表"]
    assert typed("shoudangfei", Image.objects.all()) == ["收党费的窗口照片"]
    assert typed("disanjiang", Asset.objects.all()) == ["第三讲党费收缴录像"]


def test_a_document_of_policy_is_found_by_number_and_issuing_body(up_to_date):
    PolicyFactory(
        title="关于转正的通知", document_number="海组发〔2031〕77号", issuing_body="红旗镇纪检监察组"
    )
    CourseFactory(title="怎样写思想汇报", lecturer="王建国")
    up_to_date()

    assert typed("海组发〔2031〕77号") == typed("2031 77") == typed("hqzjjjcz") == ["关于转正的通知"]
    assert typed("王建国") == typed("wangjianguo") == ["怎样写思想汇报"]


def test_tags_are_found_after_the_object_was_told_again(up_to_date):
    image = Image.objects.get()
    image.tags.add("支部活动")
    SearchBackend({}).add(image)
    up_to_date()

    assert [one.pk for one in SearchBackend({}).search("支部活动", Image)] == [image.pk]


def test_the_very_title_stands_first_and_what_says_it_before_what_sounds_like_it(up_to_date):
    for title in ("消防条例的解读与消防条例的宣传", "消防", "销房手续"):
        PolicyFactory(title=title)
    up_to_date()

    found = typed("消防")
    assert found[0] == "消防" and found[-1] == "销房手续" and len(found) == 4
    assert typed("消防条例")[0] == "消防条例"


def test_nothing_is_found_for_signs_alone_and_nothing_for_foreign_words():
    for query in ('"', "《》", " ", "…", "\x00", "😀", "100%", "社会保险"):
        assert typed(query) == [] and pages_for(query) == set(), query


def test_quotation_marks_are_no_error_wherever_they_stand():
    assert pages_for('"安全') == pages_for('消防 "安') == set()
    assert pages_for('消防"条例') == pages_for('"消防') == pages_for('消防 "') == {"消防条例"}
    assert pages_for(Phrase('消防"条例')) == set()  # as words one after another it is not written
    assert pages_for(Phrase("消防条例")) == {"消防条例"}
    assert pages_for(Phrase('"')) == pages_for(Phrase("条例消防")) == set()


def test_words_are_joined_by_and_or_not():
    assert pages_for("党费 办法") == {"党费收缴使用管理办法"}
    assert pages_for("消防 办法", operator="or") == {"消防条例", "党费收缴使用管理办法"}
    assert pages_for(PlainText("党费") & ~PlainText("办法")) == {"党费收缴怎么算", "谁来收党费"}
    assert pages_for(And([MATCH_ALL, Or([PlainText("消防"), PlainText("办法")])])) == {
        "消防条例",
        "党费收缴使用管理办法",
    }
    everything = {page.title for page in Page.objects.all()}
    assert pages_for(Not(PlainText("党费")) | PlainText("办法")) == everything - {
        "党费收缴怎么算",
        "谁来收党费",
    }


def test_not_shuts_out_what_says_it_and_not_what_sounds_like_it(up_to_date):
    PolicyFactory(title="销房手续")
    up_to_date()
    assert "销房手续" in pages_for("消防") and "销房手续" in pages_for(~PlainText("消防"))


def test_a_misspelt_latin_word_is_found_when_asked_for(up_to_date):
    PolicyFactory(title="Zigbee 门禁 Protocol")
    up_to_date()
    for misspelt in ("protocl", "protcool", "protokol", "protocoll"):
        assert pages_for(misspelt) == set(), misspelt
        assert pages_for(Fuzzy(misspelt)) == {"Zigbee 门禁 Protocol"}, misspelt
    assert pages_for(Fuzzy("protein")) == set()


def test_a_beginning_finds_while_typing_and_only_then(up_to_date):
    PolicyFactory(title="Zigbee 门禁")
    up_to_date()
    assert (
        typed("zig") == ["Zigbee 门禁"]
        and pages_for("zig") == set()
        and pages_for("ZIGBEE") == {"Zigbee 门禁"}
    )


def test_one_field_can_be_asked_alone(up_to_date):
    PolicyFactory(title="党费的通知", issuing_body="组织部")
    PolicyFactory(title="转正的通知", issuing_body="党费管理处")
    up_to_date()

    def found(how, *fields):
        asked = getattr(SearchBackend({}), how)("党费", Policy.objects.all(), fields=list(fields))
        return {page.title for page in asked}

    for how in ("search", "autocomplete"):
        assert found(how, "issuing_body") == {"转正的通知"}
        assert found(how, "title") == {"党费收缴使用管理办法", "党费的通知"}
        assert found(how, "title", "issuing_body") == {"党费收缴使用管理办法", "党费的通知", "转正的通知"}


def test_only_objects_of_the_given_queryset_are_found_and_the_count_agrees(up_to_date):
    draft = Page.objects.get(title="谁来收党费")
    draft.unpublish()
    up_to_date()
    for queryset, expected in [
        (Page.objects.filter(live=True), {"党费收缴怎么算", "党费收缴使用管理办法"}),
        (Page.objects.filter(pk=draft.pk), {"谁来收党费"}),
        (Course.objects.all(), {"党费收缴怎么算"}),
        (Page.objects.none(), set()),
        (Page.objects.child_of(draft.get_parent()), {"谁来收党费"}),
    ]:
        results = SearchBackend({}).autocomplete("党费", queryset)
        assert {page.title for page in results} == expected
        assert SearchBackend({}).autocomplete("党费", queryset).count() == len(expected)


def test_a_queryset_that_is_sliced_or_made_of_two_is_searched_as_it_is():
    newest = Page.objects.order_by("-pk")[:1]
    unordered = Page.objects.order_by()
    two = unordered.filter(title="消防条例").union(unordered.filter(title="谁来收党费"))
    for queryset in (newest, two):
        for query, expected in (("消防", ["消防条例"]), ("收缴", []), (MATCH_ALL, list(queryset))):
            results = SearchBackend({}).search(query, queryset)
            assert results.count() == len(expected)
            assert [str(page) for page in results] == [str(page) for page in expected]


def test_what_the_index_still_holds_of_a_deleted_object_is_not_found():
    Policy.objects.filter(title="消防条例").delete()
    results = Page.objects.search("消防")
    assert (results.count(), list(results)) == (0, [])


def test_pages_of_results_are_the_whole_in_pieces_and_order_can_be_given(up_to_date):
    for number in range(25):
        PolicyFactory(title=f"安全生产通报第{number:02d}期")
    up_to_date()
    results = Policy.objects.all().search("安全生产通报")
    whole = [page.pk for page in results]
    assert len(whole) == results.count() == 25
    again = Policy.objects.all().search("安全生产通报")
    assert [page.pk for start in (0, 10, 20) for page in again[start : start + 10]] == whole
    by_title = Policy.objects.order_by("-title").search("安全生产通报", order_by_relevance=False)
    assert [page.title[7:9] for page in by_title[:3]] == ["24", "23", "22"]
    assert by_title[20:].count() == 5 and by_title[1].title == "安全生产通报第23期"


def test_facets_count_the_results_of_each_type(django_assert_num_queries):
    results = Page.objects.search("党费")
    with django_assert_num_queries(3):  # what waits in the outbox; the matching pages' keys; the facet
        facet = results.facet("content_type_id")
    assert sorted(facet.values()) == [1, 1, 1] and sum(facet.values()) == results.count()


def test_a_page_of_results_costs_three_queries_whatever_is_found(django_assert_num_queries, up_to_date):
    for number in range(30):
        PolicyFactory(title=f"安全生产通报第{number}期")
    up_to_date()
    for query, number in (("安全生产通报", 20), ("党费", 3)):
        results = SearchBackend({}).autocomplete(query, Page.objects.all())
        with django_assert_num_queries(3):
            # 1 what waits in the outbox
            # 2 keys of the matching pages that are in the queryset
            # 3 the pages shown
            assert len(results[:20]) == number and results.count() >= number
    with django_assert_num_queries(1):  # nothing matches: only what waits in the outbox
        assert list(Page.objects.search("社会保险")) == []


def test_scores_can_be_asked_for():
    first, *rest = Page.objects.search("消防条例").annotate_score("score")
    assert first.title == "消防条例" and first.score > 8 and rest == []


def test_specific_pages_come_as_themselves():
    assert [type(page) for page in Page.objects.specific().search("消防", fields=["title"])] == [Policy]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(max_size=40)
    | st.sampled_from(["'; DROP TABLE x --", "<b>", "a AND (b OR", "\ud800党", "党" * 3000])
)
def test_no_text_is_an_error(text):
    for query in (PlainText(text), PlainText(text, operator="or"), Phrase(text), Fuzzy(text), ~Phrase(text)):
        assert Page.objects.search(query).count() == len(Page.objects.search(query))
        SearchBackend({}).autocomplete(query, Image).count()


@given(st.text(max_size=60))
def test_every_token_is_one_word_for_an_engine(text):
    fields = tokens.entry_tokens(
        [tokens.Text(text, "title", 2.0), tokens.Text(text, "title", autocomplete=True)]
    )
    for found in fields.values():
        assert all(token and token.split() == [token] for token in found)
    for piece in tokens.pieces(text):
        space = Space.of(typing=False)
        ways = [*tokens.exactly(piece, space), *tokens.sounding(piece, space), *tokens.nearly(piece, space)]
        assert all(1 <= way.minimum <= len(way.tokens) for way in ways)
        # What was written finds itself.
        assert set(tokens.exactly(piece, space)[-1].tokens) <= {
            *fields.get("title_bigrams", ()),
            *fields["pinyin"],
        }
