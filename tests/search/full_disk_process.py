"""A process for test_rebuilding.py: an engine on a file system that gets full. `full_disk_process.py FOLDER`."""

import os
import random
import sys
from contextlib import suppress
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings.test"

import django

django.setup()

from search.engines import Entry  # noqa: E402
from search.engines.tantivy import TantivyEngine  # noqa: E402
from search.errors import SearchError  # noqa: E402

disk = Path(sys.argv[1])
engine = TantivyEngine(disk / "search")
chance = random.Random(6)


def entry(number, size=10):
    stored = {"id": str(number), "fingerprint": "", "body": chance.randbytes(size).hex()}
    return Entry(kind="book", id=str(number), access=(), tokens={}, exact_title="", stored=stored)


def held():
    return sorted(id for id, _fingerprint in engine.inventory("book"))


def tried(what, action):
    try:
        action()
    except SearchError as fault:
        print(f"{what}: {type(fault).__name__}, after it: {len(held())}")


def change():
    with engine.writing() as writer:
        writer.put(entry(4))


engine.rebuild(entry(number) for number in range(3))
print(f"before: {len(held())}")
tried("rebuild", lambda: engine.rebuild(entry(number, 40_000) for number in range(1000)))
filler = disk / "filler"
with filler.open("wb", buffering=0) as handle, suppress(OSError):
    while True:
        handle.write(bytes(4096))
tried("change", change)
filler.unlink()
engine.rebuild(entry(number) for number in range(3))
change()
print(f"with room again: {' '.join(held())}")
print(f"left on the disk: {len(list((disk / 'search').glob('index-*')))} index")
