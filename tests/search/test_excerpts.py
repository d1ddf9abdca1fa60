"""Excerpts of long texts: a file of 200,000 characters is a hit like any other."""

import time

from search import highlight


def test_an_excerpt_comes_from_anywhere_in_a_long_text_and_soon():
    text = "今天我们学习有关规定，" * 9_000 + "项目资金公示期不少于五个工作日。" + "其他内容。" * 9_000
    began = time.process_time()
    shown = highlight.excerpt(text, ["公示期"])
    assert time.process_time() - began < 0.05
    assert "项目资金<mark>公示期</mark>不少于五个工作日。" in shown
    assert shown.startswith("……") and shown.endswith("……")


def test_an_excerpt_of_the_beginning_and_of_the_end():
    assert highlight.excerpt("今天我们学习。" * 9_000, ["没有"]).startswith("今天我们学习")
    end = highlight.excerpt("甲" * 9_000 + "公示期", ["公示期"])
    assert end.startswith("……") and end.endswith("<mark>公示期</mark>")
    start = highlight.excerpt("公示期" + "甲" * 9_000, ["公示期"])
    assert start.startswith("<mark>公示期</mark>") and start.endswith("……")


def test_of_two_places_the_one_that_holds_more():
    text = "公示。" + "甲" * 9_000 + "资金公示期满。" + "乙" * 9_000
    assert "<mark>资金公示期</mark>满。" in highlight.excerpt(text, ["公示期", "资金"])
