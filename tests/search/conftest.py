"""A shelf of documents of our own, an index of its own on either engine, people in a small tree.

Whoever uses `shelf` is tested against both engines, unless it is marked `embedded` (about tantivy's
files). Those of Elasticsearch bear the marker `elasticsearch`; where no node can be started they are
left out, with a word about it, and fail in CI.
"""

import json
import os
import urllib.request
import warnings
from datetime import date
from itertools import count

import pytest

from people.models import Member, PartyOrganization
from search import api, documents
from search.documents import Document
from search.engines import tantivy as tantivy_engine
from search.engines.current import engine
from search.engines.elasticsearch import cluster, mapping
from search.sought import counting
from search.words import vocabulary
from tests.search import elasticsearch_node

_number = count()


class Shelf:
    """A room's things, kept in a dict instead of a table: what `load` returns is what it holds now."""

    def __init__(self) -> None:
        self.things: dict[str, Document] = {}
        self.broken: set[str] = set()

    def put(self, id: str, title: str, body: str = "", *, kind: str, acl=("public",), **more) -> Document:
        document = Document(
            id=id, kind=kind, title=title, body=body, url=f"/{kind}/{id}/", acl=list(acl), **more
        )
        self.things[f"{kind}:{id}"] = document
        return document

    def loader(self, kind: str):
        def load(ids):
            for document in list(self.things.values()):
                if document.kind == kind and (ids is None or document.id in ids):
                    if document.id in self.broken:
                        raise ValueError(f"{document.id} cannot be read")
                    yield document

        return load


def pytest_generate_tests(metafunc):
    marked = {mark.name for mark in metafunc.definition.iter_markers()}
    if "engine_kind" in metafunc.fixturenames and not marked & {"embedded", "elasticsearch"}:
        marks = [pytest.mark.elasticsearch]
        if metafunc.module.__name__.endswith("test_outbox"):
            marks.append(
                pytest.mark.grown
            )  # once more with PostgreSQL beside it (.ci/run): that is how it grows
        both = ["tantivy", pytest.param("elasticsearch", marks=marks)]
        metafunc.parametrize("engine_kind", both, indirect=True)


def pytest_collection_modifyitems(config, items):
    wanted = [item for item in items if "elasticsearch" in item.keywords]
    if not wanted or os.environ.get("CI") == "true":
        return
    reason = elasticsearch_node.missing()
    if reason:
        config.hook.pytest_deselected(items=wanted)
        items[:] = [item for item in items if item not in set(wanted)]
        warnings.warn(
            pytest.PytestWarning(f"{len(wanted)} tests of Elasticsearch are left out: {reason}"), stacklevel=1
        )


@pytest.fixture(scope="session")
def search_url(tmp_path_factory):
    """The address of a real Elasticsearch, one for all workers of a parallel run."""
    reason = elasticsearch_node.missing()
    if reason:
        pytest.fail(reason)
    parallel = "PYTEST_XDIST_WORKER" in os.environ
    common = tmp_path_factory.getbasetemp().parent if parallel else tmp_path_factory.getbasetemp()
    with elasticsearch_node.shared_node(common / "elasticsearch") as url:
        yield url


@pytest.fixture
def engine_kind(request) -> str:
    """Which engine answers in this test: "tantivy" or "elasticsearch"."""
    kind = getattr(request, "param", "tantivy")
    return kind if kind == "tantivy" else request.getfixturevalue("elasticsearch_only")


@pytest.fixture
def elasticsearch_only(settings, search_url, monkeypatch):
    """Elasticsearch answers, with indexes of this test alone; they are gone after it."""
    monkeypatch.setattr(cluster, "PATIENCE_S", 30.0)  # a busy machine is no broken server
    prefix = f"t{os.getpid()}-{next(_number)}"
    settings.SEARCH = {**settings.SEARCH, "ENGINE": "elasticsearch", "URL": search_url, "INDEX": prefix}
    yield "elasticsearch"
    _forget(search_url, prefix)


def _forget(url: str, prefix: str) -> None:
    with urllib.request.urlopen(
        f"{url}/_cat/indices/{prefix}*?format=json&h=index&expand_wildcards=all"
    ) as answer:
        names = ",".join(one["index"] for one in json.load(answer))
    if names:
        urllib.request.urlopen(urllib.request.Request(f"{url}/{names}", method="DELETE")).close()


@pytest.fixture
def indexes(engine_kind, index_dir, settings):
    """A function that tells (the index in use, all indexes that are there), by their names in the engine."""

    def tell() -> tuple[str, list[str]]:
        if engine_kind == "tantivy":
            there = sorted(one.name for one in index_dir.glob("index-*"))
            return (index_dir / "CURRENT").read_text(), there
        with urllib.request.urlopen(f"{settings.SEARCH['URL']}/{settings.SEARCH['INDEX']}*/_alias") as answer:
            there = json.load(answer)
        [used] = [name for name, more in there.items() if settings.SEARCH["INDEX"] in more["aliases"]]
        return used, sorted(there)

    return tell


@pytest.fixture
def lose_index(engine_kind, index_dir, settings):
    """A function that takes the index away behind the programme's back."""

    def lose() -> None:
        if engine_kind == "tantivy":
            (index_dir / "CURRENT").unlink()
        else:
            _forget(settings.SEARCH["URL"], settings.SEARCH["INDEX"])

    return lose


@pytest.fixture
def another_version(monkeypatch, engine_kind):
    """A function that makes this the programme of another analyser, newly started."""

    def change() -> None:
        if engine_kind == "tantivy":
            monkeypatch.setattr(tantivy_engine, "VERSION", "another")
            engine()._opened = None
        else:
            monkeypatch.setattr(mapping, "SCHEMA", "another")

    return change


@pytest.fixture(autouse=True)
def index_dir(settings, tmp_path):
    settings.SEARCH = {**settings.SEARCH, "INDEX_DIR": tmp_path / "search"}
    return tmp_path / "search"


@pytest.fixture(autouse=True)
def fresh_process():
    """What this process knows of editors' words and has counted of searches is of this test alone."""
    vocabulary.forget()
    counting.forget()
    yield
    vocabulary.forget()
    counting.forget()


@pytest.fixture
def shelf(monkeypatch, engine_kind) -> Shelf:
    """Two kinds, book and film, in the place of the real ones."""
    monkeypatch.setattr(documents, "_kinds", {})
    shelf = Shelf()
    documents.register("book", label="Books", load=shelf.loader("book"))
    documents.register("film", label="Films", load=shelf.loader("film"))
    return shelf


@pytest.fixture
def library(shelf) -> Shelf:
    """A dozen documents such as a Party school has."""
    for id, title, body in [
        (
            "1",
            "党章里的民主集中制：六条基本原则",
            "第一条就是四个服从，个人服从组织，少数服从多数，下级服从上级。",
        ),
        (
            "2",
            "党员教育培训学时认定办法（试行）",
            "第六条　学习民主集中制等党章内容的，按照实际时长认定学时。",
        ),
        ("3", "党费收缴怎么算", "党员每月按照工资收入的比例缴纳党费，预备党员从支部大会通过之日起交。"),
        (
            "4",
            "预备党员转正的手续",
            "本人提出书面转正申请，党小组提出意见，支部大会讨论表决。需要的材料有转正申请书和思想汇报。",
        ),
        ("5", "组织关系转接一次办好", "流动党员转移组织关系，先在系统中发起，接收支部确认后生效。"),
        ("6", "支部党员大会怎样开", "支部党员大会一般每季度召开一次，由支部委员会召集。"),
        ("7", "村级后备干部的培养", "乡村振兴要有人，后备干部从党员、致富能手中发现。"),
        ("8", "VR 全景：走进旧址", "戴上头显，走进县委旧址，听讲解员说当年的故事。"),
    ]:
        shelf.put(id, title, body, kind="book", published_on=date(2026, 3, 1))
    shelf.put(
        "1",
        "消防安全进社区",
        "楼道不堆物，电动车不进门。消防条例规定了单位的责任。",
        kind="film",
        duration_s=600.0,
    )
    shelf.put("2", "主题党日这样安排", "每月相对固定一天开展主题党日。", kind="film")
    return shelf


@pytest.fixture
def shelves(shelf):
    """Five books on fire safety, of two years and two issuing bodies, and a film of twelve minutes."""
    for id, day, body, category in [
        ("1", date(2025, 3, 1), "应急管理局", "通知"),
        ("2", date(2026, 3, 1), "应急管理局", "通知"),
        ("3", date(2026, 9, 1), "县委组织部", "通知"),
        ("4", date(2026, 1, 1), "县委组织部", "办法"),
        ("5", None, "", ""),
    ]:
        shelf.put(
            id, f"消防安全工作{id}", kind="book", published_on=day, issuing_body=body, category=category
        )
    shelf.put("9", "消防安全演练", kind="film", published_on=date(2026, 5, 1), duration_s=700.0)
    api.rebuild()
    return shelf


@pytest.fixture
def tree(db) -> dict[str, PartyOrganization]:
    """One committee 1 with two branches 11 and 13, and a group 111 in the first."""

    def add(parent, code):
        fields = {"code": code, "name": f"组织{code}", "type": "BRANCH"}
        if parent is None:
            return PartyOrganization.add_root(**fields)
        return PartyOrganization.objects.get(pk=parent.pk).add_child(**fields)

    root = add(None, "1")
    first = add(root, "11")
    found = {"1": root, "11": first, "13": add(root, "13"), "111": add(first, "111")}
    return {code: PartyOrganization.objects.get(pk=one.pk) for code, one in found.items()}


@pytest.fixture
def member_in(tree):
    """A function that makes a member of the organisation with this code."""

    def make(code: str | None, **fields) -> Member:
        number = Member.objects.count() + 1
        return Member.objects.create_user(
            f"member{number}",
            name=f"党员{number}",
            organization=tree[code] if code else None,
            **fields,
        )

    return make
