"""Three search servers, one of them killed under writes: nothing acknowledged is lost, and the school goes on."""

import random
import threading
import time

import pytest
from django.contrib.auth.models import AnonymousUser

from search import api
from search.documents import Document
from search.engines.current import engine
from search.entries import entry_of
from search.errors import SearchError
from tests.search import elasticsearch_node

pytestmark = [pytest.mark.django_db, pytest.mark.elasticsearch, pytest.mark.xdist_group("three nodes")]
NOBODY = AnonymousUser()


@pytest.fixture
def nodes(tmp_path, settings):
    nodes = elasticsearch_node.start_cluster(tmp_path, 3)
    settings.SEARCH = {
        **settings.SEARCH,
        "ENGINE": "elasticsearch",
        "URL": ",".join(node.url for node in nodes),
        "INDEX": "three",
    }
    yield nodes
    for node in nodes:
        node.stop()


def copies(client):
    """(the name of the node with the primary, how many copies are in use)"""
    rows = client.cat.shards(index=engine().alias, h="prirep,state,node", format="json").body
    started = [row for row in rows if row["state"] == "STARTED"]
    return next(row["node"] for row in started if row["prirep"] == "p"), len(started)


def write(number):
    with engine().writing() as writer:
        for place in range(5):
            document = Document(
                id=f"{number}-{place}", kind="book", title=f"安全生产第{number}讲", acl=["public"]
            )
            writer.put(entry_of(document, {}))


def test_a_server_killed_under_writes_loses_nothing(shelf, nodes):
    assert engine().rebuild(iter(())) == 0
    with engine().cluster.asking(patiently=True) as client:
        client.cluster.health(index=engine().alias, wait_for_status="green", timeout="30s")
        primary, number_of_copies = copies(client)
    assert number_of_copies == 2  # settings of ours: a copy as soon as there is a second server
    acknowledged: list[int] = []
    failed: list[int] = []
    asked: list[bool] = []
    stop = threading.Event()
    plan = api.plan("安全生产")

    def write_on():
        number = 0
        while not stop.is_set():
            number += 1
            try:
                write(number)
                acknowledged.append(number)
            except SearchError:
                failed.append(number)
                time.sleep(0.1)

    def ask_on():
        while not stop.is_set():
            try:
                engine().find(plan, ["public"], kind=None, offset=0, limit=10)
                asked.append(True)
            except SearchError:
                asked.append(False)
            time.sleep(0.05)

    threads = [threading.Thread(target=write_on), threading.Thread(target=ask_on)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: len(acknowledged) >= 10)
        time.sleep(random.Random(6).uniform(0, 0.2))
        # When the server that holds the primary loses its power
        nodes[int(primary.removeprefix("n"))].kill()
        before, asked_before = len(acknowledged), len(asked)
        until(lambda: len(acknowledged) >= before + 10)
        until(lambda: asked[asked_before:].count(True) >= 10)
    finally:
        stop.set()
        for thread in threads:
            thread.join(90)
    # Then everything that was acknowledged is found, and what is written afterwards too
    write(100_000)
    there = set()
    for page in range(1, 11):
        there |= {hit.id for hit in api.search("安全生产", NOBODY, page=page, size=100).hits}
    wanted = {f"{number}-{place}" for number in [*acknowledged, 100_000] for place in range(5)}
    assert len(wanted) <= 1000
    assert wanted <= there
    assert there - wanted <= {f"{number}-{place}" for number in failed for place in range(5)}
    print(
        f"{len(acknowledged)} blocks acknowledged, {len(failed)} failed, {asked.count(False)} of {len(asked)} queries refused"
    )


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it does not go on"
        time.sleep(0.02)
