"""How the boxes learn of changes: a row in the transaction of the change, the worker, rebuilds; and the time before."""

from io import StringIO

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import connection, transaction
from modelsearch import index as library
from modelsearch.query import PlainText
from wagtail.documents.models import Document
from wagtail.images.models import Image
from wagtail.models import Page

from people.models import Member
from search import api, verification
from search.boxes import backend, objects
from search.boxes.backend import SearchBackend
from search.boxes.objects import BOXES, INDEX, id_of
from search.documents import tokens_of
from search.errors import IndexUnreadable
from search.models import SearchOutbox
from search.query import plan
from tests.factories import CourseFactory, PolicyFactory

pytestmark = pytest.mark.django_db


def found(query: str, model=Page) -> list[str]:
    return [thing.title for thing in SearchBackend({}).autocomplete(query, model)]


def waiting() -> list[tuple[str, str]]:
    return list(SearchOutbox.objects.filter(kind=BOXES).order_by("pk").values_list("op", "object_id"))


@pytest.fixture
def engine_alone(monkeypatch):
    """From now on only the engine may find."""
    monkeypatch.setattr(backend, "containing", lambda queryset, *asked: queryset.none())


def test_a_save_leaves_a_row_in_its_own_transaction(indexed):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        page = PolicyFactory(title="流动党员管理")
        assert ("CHANGED", id_of(page)) in waiting()
        raise ZeroDivisionError
    assert waiting() == [] and found("流动党员") == []


def test_the_worker_takes_up_what_was_saved_renamed_and_deleted(indexed, up_to_date, engine_alone):
    page = PolicyFactory(title="流动党员管理")
    assert up_to_date() > 0 and waiting() == []
    assert found("流动党员") == found("liudongdangyuan") == ["流动党员管理"]

    page.title = "失联党员查找"
    page.save()
    up_to_date()
    assert (found("流动党员"), found("失联党员")) == ([], ["失联党员查找"])

    gone = id_of(page)
    page.delete()
    assert set(waiting()) == {("REMOVED", gone)}
    up_to_date()
    assert found("失联党员") == [] and waiting() == []


def test_a_page_has_one_place_in_the_index_whichever_way_it_is_met(indexed, up_to_date, engine_alone):
    course = CourseFactory(title="支部书记十讲", lecturer="王建国")
    SearchBackend({}).add(Page.objects.get(pk=course.pk))  # met as a plain page
    up_to_date()
    assert found("王建国") == ["支部书记十讲"]  # yet read as a course
    assert waiting() == []


def test_the_library_s_own_way_to_tell_an_index_ends_in_the_outbox(indexed):
    image = Image.objects.get()
    library.insert_or_update_object(image)
    assert waiting() == [("CHANGED", id_of(image))]
    library.remove_object(image)
    assert waiting()[1:] == [("REMOVED", id_of(image))]


def test_a_change_leaves_one_row_and_starts_no_task_of_the_library(indexed, monkeypatch):
    monkeypatch.setattr("modelsearch.signal_handlers.insert_or_update_object_task", None)
    Document.objects.create(title="花名册", file=ContentFile(b"x", "b.pdf"))
    assert len(waiting()) == 1


def test_a_save_that_touches_no_text_is_not_told(indexed):
    page = Page.objects.get(title="消防条例").specific
    page.title = "消防条例（修订）"
    page.save_revision()  # a draft; Wagtail writes some columns of the page
    assert waiting() == []
    page.save(update_fields=["document_number"])
    assert waiting() == [("CHANGED", id_of(page))]


def test_before_the_worker_comes_what_was_saved_is_found_as_it_is_written(indexed):
    page = Page.objects.get(title="消防条例")
    page.title = "安全生产条例"
    page.save()
    PolicyFactory(title="条例的解释")

    assert found("消防") == []  # not by its former title either
    assert set(found("条例")) == {"安全生产条例", "条例的解释"}
    assert found("安全生产") == ["安全生产条例"]
    results = SearchBackend({}).search(~PlainText("条例"), Page.objects.filter(title__contains="条例"))
    assert results.count() == 0


def test_a_worker_that_comes_between_the_two_looks_hides_nothing(indexed, up_to_date, monkeypatch):
    PolicyFactory(title="流动党员管理")
    engine, match = INDEX.engine, INDEX.engine.match

    def match_and_drain(*asked, **more):
        rows = list(match(*asked, **more))
        up_to_date()
        return iter(rows)

    monkeypatch.setattr(engine, "match", match_and_drain)
    assert found("流动党员") == ["流动党员管理"] and waiting() == []


def test_more_waits_than_a_box_looks_at_and_the_rest_is_found_as_it_was(indexed, monkeypatch):
    monkeypatch.setattr("search.boxes.objects.MOST", 1)
    for title in ("条例甲", "条例乙"):
        PolicyFactory(title=title)
    assert set(found("条例")) == {"消防条例", "条例乙"}


@pytest.mark.embedded
@pytest.mark.parametrize("fault", ["missing", "damaged", "down"])
def test_without_an_engine_the_boxes_find_by_substrings(fault, indexed, index_dir, monkeypatch, caplog):
    if fault == "missing":
        (index_dir / "named" / "boxes" / "CURRENT").unlink()
    elif fault == "damaged":
        next((index_dir / "named" / "boxes").glob("index-*/meta.json")).write_text("{")
    else:
        engine = INDEX.engine
        monkeypatch.setattr(engine, "match", raising(IndexUnreadable("no answer")))

    assert found("防条") == ["消防条例"] and found("xiaofang") == []
    results = SearchBackend({}).search("党费", Page.objects.order_by("title"), order_by_relevance=False)
    assert [page.title for page in results] == ["党费收缴使用管理办法", "党费收缴怎么算", "谁来收党费"]
    assert results[1:].count() == 2 and len(results.facet("content_type_id")) == 3
    assert [page.title for page in SearchBackend({}).search("消防", Page.objects.order_by("-pk")[:2])] == [
        "消防条例"
    ]
    assert "falls back to substrings" in caplog.text


@pytest.mark.embedded
def test_an_index_that_is_gone_is_made_anew_by_the_worker(indexed, index_dir, up_to_date, engine_alone):
    (index_dir / "named" / "boxes" / "CURRENT").unlink()
    assert found("消防") == []
    up_to_date()
    assert found("消防") == ["消防条例"]


def test_the_library_s_command_rebuilds_by_our_rebuild(titles, engine_alone):
    written = StringIO()
    call_command("rebuild_modelsearch_index", stdout=written)
    assert found("xiaofang") == ["消防条例"] and waiting() == []
    assert "Rebuilding index boxes" in written.getvalue()


def test_rebuild_search_makes_both_indexes(titles, engine_alone):
    call_command("rebuild_search", stdout=StringIO())
    api.drain()
    assert found("xiaofang") == ["消防条例"] and api.is_ready()


@pytest.mark.embedded
def test_rebuild_search_if_needed_makes_only_the_one_that_is_missing(titles, engine_alone, index_dir):
    call_command("rebuild_search", stdout=StringIO())
    api.drain()
    site = (index_dir / "CURRENT").read_text()
    (index_dir / "named" / "boxes" / "CURRENT").unlink()
    call_command("rebuild_search", "--if-needed", stdout=StringIO())
    assert found("xiaofang") == ["消防条例"] and (index_dir / "CURRENT").read_text() == site


def test_an_object_that_cannot_be_read_keeps_no_other_waiting(indexed, up_to_date, engine_alone, monkeypatch):
    bad, good = PolicyFactory(title="读不出来"), PolicyFactory(title="读得出来")
    entry_of = objects.entry_of

    def faulty(thing):
        if thing.pk == bad.pk:
            raise ValueError("cannot be read")
        return entry_of(thing)

    monkeypatch.setattr(objects, "entry_of", faulty)
    up_to_date()
    assert found("读得出来") == [good.title]
    assert {(row.object_id, row.error) for row in SearchOutbox.objects.filter(kind=BOXES)} == {
        (id_of(bad), "ValueError: cannot be read")
    }


def test_the_nightly_comparison_mends_what_nobody_told(indexed, up_to_date, engine_alone):
    call_command("rebuild_search", stdout=StringIO())
    api.drain()
    image, ghost = Image.objects.get(), Document.objects.get()
    # Given changes that send no signal: a column, a tag, a new row, a row taken away
    Page.objects.filter(title="消防条例").update(title="安全生产条例")
    image.tags.add("支部活动")
    Document.objects.bulk_create([Document(title="花名册", file="b.pdf")])
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM wagtaildocs_document WHERE id = %s", [ghost.pk])

    [boxes] = [one for one in verification.verify(repair=True) if one.kind == BOXES]

    assert set(boxes.stale) == {id_of(Page.objects.get(title="安全生产条例")), id_of(image)}
    assert boxes.missing == [id_of(Document.objects.get(title="花名册"))]
    assert boxes.ghosts == [id_of(ghost)] and boxes.unreadable == []
    up_to_date()
    assert found("安全生产") == ["安全生产条例"] and found("花名册", Document) == ["花名册"]
    assert [one.pk for one in SearchBackend({}).search("支部活动", Image)] == [image.pk]
    assert [one.differing for one in verification.verify(repair=False) if one.kind == BOXES] == [[]]


def test_other_tokens_of_the_same_texts_are_stale_for_the_comparison(indexed, monkeypatch):
    api.rebuild()
    monkeypatch.setattr("search.boxes.texts.LAYOUT", 99)
    [boxes] = [one for one in verification.verify(repair=False) if one.kind == BOXES]
    assert len(boxes.stale) == boxes.documents > 5 and boxes.missing == boxes.ghosts == []


def test_nothing_that_could_be_read_lies_in_the_index(indexed):
    entry = objects.entry_of(Page.objects.get(title="消防条例").specific)
    assert set(entry.stored) == {"id", "kind", "fingerprint"} and entry.access == ()
    access = tokens_of(Member.objects.create_superuser("root", name="管理员"))
    assert INDEX.engine.find(plan("消防条例"), access, kind=None, offset=0, limit=9).counts == {}


def raising(fault: Exception):
    def act(*args, **more):
        raise fault

    return act
