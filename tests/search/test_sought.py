"""Counting what is looked for without knowing by whom, and showing it to editors."""

import io
import threading
from datetime import date

import openpyxl
import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from people.models import AuditEntry
from search import api
from search.models import SearchLog
from search.sought import counting

pytestmark = pytest.mark.embedded  # nothing here depends on the engine
DAY = date(2026, 11, 27)


def rows() -> set[tuple]:
    return set(SearchLog.objects.values_list("day", "query", "kind", "searches", "without_results"))


def ask(query, *, times=1, kind="", in_vain=False, day=DAY):
    for visitor in range(times):
        counting.note(query, kind, in_vain=in_vain, visitor=f"visitor {visitor}", day=day)


@pytest.mark.django_db
def test_counted_in_memory_and_written_later(django_assert_num_queries):
    with django_assert_num_queries(0):
        ask("党费", times=3)
        ask(" 党费 ", kind="policy", in_vain=True)
    counting.flush()
    assert rows() == {(DAY, "党费", "", 3, 0), (DAY, "党费", "policy", 1, 1)}
    ask("党费", times=4)  # one more visitor than before
    counting.flush()
    counting.flush()
    assert (DAY, "党费", "", 4, 0) in rows()


@pytest.mark.django_db
def test_one_visitor_counts_once_a_day():
    ask("党费")
    ask("党费")
    ask("党费", day=date(2026, 11, 28))
    counting.flush()
    assert rows() == {(DAY, "党费", "", 1, 0), (date(2026, 11, 28), "党费", "", 1, 0)}


@pytest.mark.django_db
def test_numbers_and_names_of_the_roster_leave_no_text(member_in):
    member = member_in(None)
    member.name = "欧阳春"
    member.save()
    for query in ("欧阳春", "欧阳春的学时", "13800001234", "欧阳 党费"):
        ask(query)
    counting.flush()
    assert rows() == {(DAY, "", "", 3, 0), (DAY, "欧阳 党费", "", 1, 0)}


@pytest.mark.django_db
def test_a_month_later_rare_texts_are_forgotten_and_a_year_later_all(settings):
    settings.SEARCH = {**settings.SEARCH, "COUNT_MONTHS": 12}
    for day, query, count in [
        (date(2025, 10, 31), "党费", 9),
        (date(2025, 11, 1), "党费", 9),
        (date(2026, 10, 1), "换届", 3),
        (date(2026, 10, 2), "换届", 1),
        (date(2026, 10, 2), "党课", 4),
        (date(2026, 10, 3), "党课", 1),
        (date(2026, 11, 1), "换届", 1),
    ]:
        SearchLog.objects.create(day=day, query=query, searches=count, without_results=1)
    for _again in (1, 2):
        counting.tidy(today=date(2026, 11, 27))
        assert rows() == {
            (date(2025, 11, 1), "党费", "", 9, 1),
            (date(2026, 10, 1), "", "", 3, 1),
            (date(2026, 10, 2), "", "", 1, 1),
            (date(2026, 10, 2), "党课", "", 4, 1),
            (date(2026, 10, 3), "党课", "", 1, 1),
            (date(2026, 11, 1), "换届", "", 1, 1),
        }


@pytest.mark.django_db
def test_the_page_counts_a_question_once(library, member_in):
    api.rebuild()
    client = Client()
    client.force_login(member_in(None), backend="people.sign_in.UsernameOrPhoneBackend")
    client.get("/search/", {"q": "党费"})
    client.get("/search/", {"q": "党费", "p": "2"})
    client.get("/search/", {"q": "党费", "year": "2026"})
    client.get("/search/", {"q": "党费", "sort": "date"})
    client.get("/search/", {"q": "zzzzqqqq", "kind": "book"})
    client.get("/api/search/", {"q": "党费"})
    Client().get("/search/", {"q": "党费"})
    counting.flush()
    counted = {(query, kind, n, vain) for _day, query, kind, n, vain in rows()}
    assert counted == {("党费", "", 2, 0), ("zzzzqqqq", "book", 1, 1)}


@pytest.mark.django_db(transaction=True)
def test_a_count_that_cannot_be_written_is_lost_and_nothing_else(monkeypatch):
    ask("党费")
    monkeypatch.setattr(counting, "_names_among", lambda texts: 1 / 0)
    counting._flush_beside()
    assert (rows(), counting._waiting) == (set(), {})


@pytest.mark.django_db(transaction=True)
def test_written_by_itself_after_a_while(settings):
    settings.SEARCH = {**settings.SEARCH, "COUNT_EVERY_S": 0.01}
    written = threading.Event()
    original = counting._flush_beside

    def flush():
        original()
        written.set()

    counting._flush_beside = flush
    try:
        ask("党费")
        assert written.wait(10)
    finally:
        counting._flush_beside = original
    assert rows() == {(DAY, "党费", "", 1, 0)}


@pytest.fixture
def report(db, shelf):
    for query, searches, without in [
        ("党费", 31, 0),
        ("积极分子档案", 9, 9),
        ("换届", 8, 3),
        ("=1+1", 6, 5),
        ("少见的词", 4, 4),
        ("", 2, 0),
    ]:
        SearchLog.objects.create(day=DAY, query=query, searches=searches, without_results=without)
    SearchLog.objects.create(day=date(2026, 10, 5), query="上个月", searches=50)


def editor(member_in, *permissions) -> Client:
    member = member_in(None)
    for name in ("access_admin", *permissions):
        member.user_permissions.add(Permission.objects.get(codename=name))
    client = Client()
    client.force_login(member, backend="people.sign_in.UsernameOrPhoneBackend")
    return client


def test_editors_see_a_month_and_nothing_rare(report, member_in):
    client = editor(member_in, "view_searchlog", "add_synonymgroup")
    page = client.get("/admin/reports/searches/", {"month": "2026-11"})
    assert [one["line"].query for one in page.context["in_vain"]] == ["积极分子档案", "=1+1"]
    assert [one["line"].query for one in page.context["lines"]] == ["党费", "积极分子档案", "换届", "=1+1"]
    assert (page.context["report"].others, page.context["report"].total) == (5, 60)
    text = page.content.decode()
    assert "少见的词" not in text and "上个月" not in text
    assert "&lt;5" in text
    assert "?term=%E7%A7%AF%E6%9E%81" in text and "/search/?q=%E7%A7%AF" in text
    assert page.context["months"] == sorted({*page.context["months"], "2026-11", "2026-10"}, reverse=True)


def test_the_export_has_the_same_rows_and_is_written_down(report, member_in):
    client = editor(member_in, "view_searchlog")
    answer = client.get("/admin/reports/searches/", {"month": "2026-11", "as": "csv"})
    assert answer.content.decode() == (
        "\ufeff搜索词,人次,其中没有结果\r\n党费,31,0\r\n积极分子档案,9,9\r\n换届,8,<5\r\n'=1+1,6,5\r\n其他,5,\r\n"
    )
    book = openpyxl.load_workbook(
        io.BytesIO(client.get("/admin/reports/searches/", {"month": "2026-11", "as": "xlsx"}).content)
    )
    cells = [[cell.value for cell in row] for row in book.active.iter_rows()]
    assert cells[1] == ["党费", 31, 0] and cells[4] == ["=1+1", 6, 5] and cells[5][:2] == ["其他", 5]
    assert book.active["A5"].data_type == "s"
    exported = AuditEntry.objects.filter(action="search.sought_exported")
    assert [entry.detail for entry in exported] == [{"month": "2026-11", "rows": 4}] * 2


def test_who_may_not_sees_nothing_of_it(report, member_in):
    client = editor(member_in)
    assert client.get("/admin/reports/searches/").status_code == 302
    assert "大家在找什么" not in client.get("/admin/").content.decode()


@pytest.mark.parametrize("month", ["", "2026-13", "x", "0000-00", "2026-11-01"])
def test_a_month_that_is_none_is_this_one(report, member_in, month):
    client = editor(member_in, "view_searchlog")
    assert client.get("/admin/reports/searches/", {"month": month}).status_code == 200
