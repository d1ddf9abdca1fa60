"""What cannot be taken up: tried ever more seldom, given up after a day, shown to those who may mend it."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser, Permission
from django.utils import timezone

from people.models import AuditEntry
from search import api, arrears, documents, indexing, outbox
from search.engines.current import engine
from search.errors import WritesRefused
from search.kept import the_site
from search.models import IndexCheck, SearchOutbox
from tests.factories import AdministratorFactory, MemberFactory

pytestmark = pytest.mark.django_db

NOBODY = AnonymousUser()


def found(query="安全生产"):
    return sorted(hit.id for hit in api.search(query, NOBODY).hits)


def come_round(hours=0.0):
    """As if so much time had gone by and every row were due."""
    for row in SearchOutbox.objects.all():
        row.created_at -= timedelta(hours=hours)
        row.next_try_at = row.created_at
        row.save()


@pytest.fixture
def broken(shelf):
    """Book 1 is in the index and can no longer be read; a change of it waits."""
    shelf.put("1", "安全生产", kind="book")
    api.rebuild()
    shelf.broken = {"1"}
    outbox.changed("book", 1)
    return shelf


def test_it_is_given_up_after_a_day_of_attempts_and_not_before(broken):
    for _ in range(indexing.ATTEMPTS + 3):
        api.drain()
        come_round()
    row = SearchOutbox.objects.get()
    assert (row.attempts, row.given_up_at) == (15, None)  # many attempts, but a deployment may mend it today
    come_round(hours=24)
    api.drain()
    row = SearchOutbox.objects.get()
    assert row.attempts == 16 and row.given_up_at is not None
    come_round()
    assert api.drain() == 0
    assert SearchOutbox.objects.get().attempts == 16
    assert found() == ["1"]  # as it was


def test_a_first_failure_long_after_the_change_gives_nothing_up(broken):
    """The worker was off for two days: that is not the thing's fault."""
    come_round(hours=48)
    api.drain()
    assert SearchOutbox.objects.get().given_up_at is None


def test_waiting_grows_to_an_hour(broken):
    waits = []
    for _ in range(14):
        before = timezone.now()
        api.drain()
        row = SearchOutbox.objects.get()
        waits.append(round((row.next_try_at - before).total_seconds()))
        come_round()
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600, 3600]


def test_many_changes_of_one_thing_leave_one_row_and_one_success_clears_all(broken):
    api.drain()
    outbox.changed("book", 1, 1, 1)
    api.drain()
    row = SearchOutbox.objects.get()
    assert row.attempts == 2
    SearchOutbox.objects.update(given_up_at=timezone.now(), attempts=40)

    broken.broken = set()
    broken.put("1", "消防安全", kind="book")
    outbox.changed("book", 1)
    assert api.drain() == 2  # the new row, and the one given up along with it
    assert not SearchOutbox.objects.exists()
    assert found("消防安全") == ["1"]


def test_a_kind_that_this_programme_does_not_know_is_not_dropped(shelf, monkeypatch):
    """During an update an old worker meets rows of a newer programme: the documents stay, the rows wait."""
    shelf.put("1", "安全生产", kind="film")
    shelf.put("2", "安全生产", kind="book")
    api.rebuild()
    film = documents._kinds["film"]
    outbox.changed("film", 1)
    outbox.changed("book", 2)
    monkeypatch.delitem(documents._kinds, "film")

    assert api.drain() == 1
    row = SearchOutbox.objects.get()
    assert (row.kind, row.attempts) == ("film", 1)
    assert [id for id, _ in engine().inventory("film")] == ["1"]

    monkeypatch.setitem(documents._kinds, "film", film)
    come_round()
    assert api.drain() == 1
    assert not SearchOutbox.objects.exists()


def test_what_the_engine_refuses_keeps_its_row_and_the_others_are_learned(shelf, monkeypatch):
    from contextlib import contextmanager

    api.rebuild()
    for id in ("1", "2"):
        shelf.put(id, "安全生产", kind="book")
    outbox.changed("book", 1, 2)
    real = engine().writing

    @contextmanager
    def refusing():
        with real() as writer:
            yield writer
        raise WritesRefused({("book", "2"): "400 too long"})

    monkeypatch.setattr(engine(), "writing", refusing)
    assert api.drain() == 1
    row = SearchOutbox.objects.get()
    assert (row.object_id, row.error) == ("2", "Refused: 400 too long")


def test_a_row_of_a_later_commit_with_a_lower_number_is_not_swept_away(shelf):
    """Numbers are given before the commit: what was not seen when the thing was read must stay."""
    shelf.put("1", "安全生产", kind="book")
    api.rebuild()
    SearchOutbox.objects.create(pk=100, kind="book", object_id="1", op="CHANGED")
    late = []

    def load(ids):
        late.append(SearchOutbox.objects.create(pk=50, kind="book", object_id="1", op="CHANGED"))
        return shelf.loader("book")(ids)

    documents._kinds["book"] = documents.Kind("book", "Books", load)
    rows = list(the_site().waiting())
    learned, things = indexing._take_up(the_site(), rows)
    assert (learned, things) == ([100], {("book", "1")})
    assert SearchOutbox.objects.get().pk == 50


# For people


@pytest.fixture
def failing(broken, monkeypatch):
    book = broken.loader("book")
    kind = documents.Kind("book", "图书", book, names=lambda ids: {"1": "安全生产手册"})
    monkeypatch.setitem(documents._kinds, "book", kind)
    for _ in range(SearchOutbox.FAILING):
        api.drain()
        come_round()
    return SearchOutbox.objects.get()


@pytest.fixture
def desk(client):
    client.force_login(AdministratorFactory())
    return client


@pytest.mark.embedded
def test_the_list_shows_kind_name_reason_and_when_it_is_tried_next(failing, desk):
    page = desk.get("/admin/search/index/").content.decode()
    for text in (
        "未能收录的内容",
        "安全生产手册",
        "图书 · 1",
        "读取这项内容时出错。",
        "ValueError: 1 cannot be read",
    ):
        assert text in page
    assert "全部再试" in page and "不再自动重试" not in page
    SearchOutbox.objects.update(given_up_at=timezone.now())
    assert "不再自动重试" in desk.get("/admin/search/index/").content.decode()


@pytest.mark.embedded
def test_what_just_failed_once_is_nobodys_business(broken, desk):
    api.drain()
    assert "全部内容都已收录" in desk.get("/admin/search/index/").content.decode()
    assert arrears.state().is_well


@pytest.mark.embedded
def test_the_first_page_tells_those_who_may_mend_it(failing, desk, client):
    assert "搜索未能收录的内容：1 项" in desk.get("/admin/").content.decode()
    SearchOutbox.objects.all().delete()
    assert "搜索未能收录" not in desk.get("/admin/").content.decode()


@pytest.mark.embedded
def test_changes_that_nobody_takes_up_are_told_too(shelf, desk):
    api.rebuild()
    row = SearchOutbox.objects.create(kind="book", object_id="1", op="CHANGED")
    assert arrears.state().is_well
    row.created_at -= timedelta(minutes=6)
    row.save()
    page = desk.get("/admin/").content.decode()
    assert "搜索自" in page and "等待中：1 项" in page


@pytest.mark.embedded
def test_trying_again_takes_it_up_when_it_is_mended(failing, desk, broken):
    SearchOutbox.objects.update(given_up_at=timezone.now(), next_try_at=timezone.now() + timedelta(hours=1))
    broken.broken = set()
    answer = desk.post(f"/admin/search/index/{failing.pk}/retry/", follow=True)
    assert "正在重试：1 项" in answer.content.decode()
    api.drain()
    assert not SearchOutbox.objects.exists()


@pytest.mark.embedded
def test_trying_all_again_leaves_alone_what_did_not_fail(failing, desk):
    other = SearchOutbox.objects.create(
        kind="book", object_id="2", op="CHANGED", next_try_at=timezone.now() + timedelta(hours=1)
    )
    SearchOutbox.objects.filter(pk=failing.pk).update(given_up_at=timezone.now())
    desk.post("/admin/search/index/retry/")
    assert SearchOutbox.objects.get(pk=failing.pk).given_up_at is None
    assert SearchOutbox.objects.get(pk=other.pk).next_try_at == other.next_try_at


@pytest.mark.embedded
def test_taking_it_off_the_list_is_recorded_and_changes_nothing_else(failing, desk):
    desk.post(f"/admin/search/index/{failing.pk}/drop/")
    assert not SearchOutbox.objects.exists()
    entry = AuditEntry.objects.get(action="search.change_dropped")
    assert (entry.detail["kind"], entry.detail["id"]) == ("book", "1")
    assert found() == ["1"]
    desk.post(f"/admin/search/index/{failing.pk}/drop/")  # twice does no harm
    assert AuditEntry.objects.filter(action="search.change_dropped").count() == 1


@pytest.mark.embedded
def test_only_those_with_the_permission_see_it_and_only_those_with_another_act(failing, client):
    looker = MemberFactory()
    looker.user_permissions.add(Permission.objects.get(codename="access_admin"))
    client.force_login(looker)
    paths = [
        "/admin/search/index/retry/",
        f"/admin/search/index/{failing.pk}/retry/",
        f"/admin/search/index/{failing.pk}/drop/",
    ]
    assert client.get("/admin/search/index/").status_code in (302, 403)
    assert "搜索未能收录" not in client.get("/admin/").content.decode()

    looker.user_permissions.add(Permission.objects.get(codename="view_searchoutbox"))
    page = client.get("/admin/search/index/")
    assert page.status_code == 200 and "全部再试" not in page.content.decode()
    before = SearchOutbox.objects.values().get()
    for path in paths:
        assert client.post(path).status_code in (302, 403)
    assert SearchOutbox.objects.values().get() == before
    assert client.get(paths[0]).status_code == 405


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("missing", "said"), [(0, "7 条全部一致"), (2, "缺 2 条"), (None, "还没有和内容核对过")]
)
def test_the_list_says_how_the_last_comparison_went(shelf, desk, missing, said):
    if missing is not None:
        now = timezone.now()
        IndexCheck.objects.create(
            started_at=now, finished_at=now, documents=7, missing=missing, stale=0, ghosts=0, repaired=True
        )
    assert said in desk.get("/admin/search/index/").content.decode()
