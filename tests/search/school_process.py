"""A process of its own for test_killed_worker.py: `editor N`, `worker`, or `show`, over one database and index.

The documents are Party organisations with their names as titles: any table would do, and this one
belongs to a room below. With DIE_AT=read|committed the worker kills itself (SIGKILL) at that point.
"""

import json
import os
import signal
import sys
import time
from contextlib import contextmanager

import django

django.setup()

from django.contrib.auth.models import AnonymousUser  # noqa: E402
from django.db import transaction  # noqa: E402

from people.models import PartyOrganization  # noqa: E402
from search import api, documents, indexing, outbox  # noqa: E402
from search.engines.current import engine  # noqa: E402
from search.models import SearchOutbox  # noqa: E402

documents._kinds.clear()


def load(ids):
    found = PartyOrganization.objects.all() if ids is None else PartyOrganization.objects.filter(pk__in=ids)
    for one in found:
        yield documents.Document(id=str(one.pk), kind="place", title=one.name, acl=["public"])


documents.register("place", label="Places", load=load)


def editor(count: int) -> None:
    places = list(PartyOrganization.objects.order_by("pk").values_list("pk", flat=True))
    for number in range(count):
        with transaction.atomic():
            pk = places[number % len(places)]
            PartyOrganization.objects.filter(pk=pk).update(name=f"安全生产第{number}稿")
            outbox.changed("place", pk)
        time.sleep(0.005)


def worker() -> None:
    die_at = os.environ.get("DIE_AT")
    if die_at == "read":
        indexing._take_in = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    if die_at == "committed":
        writing = engine().writing

        @contextmanager
        def dying():
            with writing() as writer:
                yield writer
            os.kill(os.getpid(), signal.SIGKILL)

        engine().writing = dying
    print("ready", flush=True)
    while not os.path.exists(os.environ["STOP_FILE"]) or SearchOutbox.objects.exists():
        indexing.drain()
        time.sleep(0.01)


def show() -> None:
    found = api.search("安全生产", AnonymousUser(), size=100)
    truth = {str(one.pk): one.name for one in PartyOrganization.objects.filter(name__startswith="安全生产")}
    waiting = SearchOutbox.objects.count()
    print(
        json.dumps({"found": {hit.id: hit.title for hit in found.hits}, "truth": truth, "waiting": waiting})
    )


if __name__ == "__main__":
    {"editor": lambda: editor(int(sys.argv[2])), "worker": worker, "show": show}[sys.argv[1]]()
