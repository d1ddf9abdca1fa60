"""Exams over HTTP: without script, with answers saved one by one, and never somebody else's."""

import re

import pytest

from courses.quizzes.models import Attempt
from tests.factories import MemberFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed_in(client, member, clock):
    client.force_login(member)
    return client


def begin(client, paper):
    sent = client.post(f"/exams/{paper.uuid}/start/")
    return sent.url, Attempt.objects.get(submitted_at=None)


def form(attempt, number=20):
    keys = attempt.right_keys()
    data = {"shows": [str(question["id"]) for question in attempt.questions]}
    for question in attempt.questions[:number]:
        data[f"q{question['id']}"] = keys[str(question["id"])]
    return data


def test_the_whole_way_without_script(signed_in, paper):
    assert "党章知识测验" in signed_in.get("/exams/").text
    assert signed_in.get(f"/exams/{paper.uuid}/").status_code == 200
    address, attempt = begin(signed_in, paper)
    page = signed_in.get(address)
    assert page.context["left_s"] == 3600
    assert "right" not in str(page.context["questions"][0].get("options"))
    assert signed_in.post(f"{address}submit/", form(attempt, 3) | {"save": "1"}).url == address
    assert len([q for q in signed_in.get(address).context["questions"] if q["chosen"]]) == 3
    signed_in.post(f"{address}submit/", form(attempt, 20))
    done = signed_in.get(address)
    assert done.context["attempt"].score == 100
    assert all(question["answered_right"] for question in done.context["questions"])


def as_rendered(page):
    """The form of a page as a browser sends it when nothing is touched."""
    data = {"shows": re.findall(r'name="shows" value="(\d+)"', page.text)}
    data |= dict(re.findall(r'name="(was\d+)" value="([^"]*)"', page.text))
    for question in page.context["questions"]:
        if question["chosen"]:
            data[f"q{question['id']}"] = question["chosen"]
    return data


def test_a_blank_page_left_open_takes_nothing_back(signed_in, paper):
    # given a blank page left open here, and everything answered on another device meanwhile
    address, attempt = begin(signed_in, paper)
    blank = as_rendered(signed_in.get(address))
    assert len(blank) == 1 + 20
    signed_in.post(f"{address}submit/", form(attempt, 20) | {"save": "1"})
    # when the time runs out and the blank page hands itself in
    signed_in.post(f"{address}submit/", blank)
    # then what was answered counts
    attempt.refresh_from_db()
    assert (attempt.score, attempt.submitted_at is not None) == (100, True)


def test_the_other_order_a_page_of_before_the_change(signed_in, paper):
    # given a page that shows wrong answers, which were put right on another device
    address, attempt = begin(signed_in, paper)
    keys = attempt.right_keys()
    first = str(attempt.questions[0]["id"])
    wrong = next(o["key"] for o in attempt.questions[0]["options"] if o["key"] not in keys[first])
    signed_in.post(f"{address}answers/", {"shows": first, f"q{first}": wrong})
    stale = as_rendered(signed_in.get(address))
    signed_in.post(f"{address}submit/", form(attempt, 20) | {"save": "1"})
    # when it saves, then hands in
    signed_in.post(f"{address}submit/", stale | {"save": "1"})
    signed_in.post(f"{address}submit/", stale)
    attempt.refresh_from_db()
    assert attempt.score == 100


def test_without_script_an_answer_is_taken_back_on_the_page_that_shows_it(signed_in, paper):
    address, attempt = begin(signed_in, paper)
    signed_in.post(f"{address}submit/", form(attempt, 20) | {"save": "1"})
    page = as_rendered(signed_in.get(address))
    several = next(str(q["id"]) for q in attempt.questions if q["kind"] == "MULTI")
    del page[f"q{several}"]
    signed_in.post(f"{address}submit/", page)
    attempt.refresh_from_db()
    assert (attempt.answers[several], attempt.score) == ([], 94)


def test_a_page_that_does_not_say_what_was_saved_takes_nothing_back(signed_in, paper):
    address, attempt = begin(signed_in, paper)
    signed_in.post(f"{address}submit/", form(attempt, 20) | {"save": "1"})
    signed_in.post(f"{address}submit/", form(attempt, 0))
    attempt.refresh_from_db()
    assert attempt.score == 100


def test_the_page_of_an_open_attempt_gives_no_answer_away(signed_in, paper, bank):
    bank.questions.update(explanation="因为党章这样规定")
    address, _attempt = begin(signed_in, paper)
    text = signed_in.get(address).text
    assert "因为党章这样规定" not in text and "chip--green" not in text


def test_a_failed_attempt_shows_the_score_but_no_answers(signed_in, paper):
    address, attempt = begin(signed_in, paper)
    signed_in.post(f"{address}submit/", form(attempt, 1))
    page = signed_in.get(address)
    assert (page.context["attempt"].score, page.context["questions"]) == (5, [])


def test_answers_are_saved_one_by_one(signed_in, paper, clock):
    address, attempt = begin(signed_in, paper)
    number = str(attempt.questions[0]["id"])
    key = attempt.right_keys()[number][0]
    saved = signed_in.post(f"{address}answers/", {"shows": number, f"q{number}": key})
    assert (saved.status_code, saved.json()) == (200, {"left_s": 3600})
    taken_back = signed_in.post(f"{address}answers/", {"shows": number})
    attempt.refresh_from_db()
    assert (taken_back.status_code, attempt.answers) == (200, {number: []})
    assert signed_in.post(f"{address}answers/", {"shows": number, f"q{number}": "Z"}).status_code == 422
    clock.advance(minutes=61)
    assert signed_in.post(f"{address}answers/", {"shows": number, f"q{number}": key}).status_code == 409


def test_somebody_elses_attempt_is_not_there(client, signed_in, paper):
    address, attempt = begin(signed_in, paper)
    client.force_login(MemberFactory())
    assert client.get(address).status_code == 404
    assert client.post(f"{address}answers/", {}).status_code == 404
    assert client.post(f"{address}submit/", form(attempt)).status_code == 404
    attempt.refresh_from_db()
    assert (attempt.answers, attempt.submitted_at) == ({}, None)


def test_the_time_of_a_paper_is_said_in_minutes(signed_in, paper):
    assert "60 分钟" in signed_in.get(f"/exams/{paper.uuid}/").text
    assert "60 分钟" in signed_in.get("/exams/").text


def test_a_paper_for_others_is_not_there(signed_in, paper):
    paper.audience = "ADMITTED"
    paper.save()
    assert signed_in.get(f"/exams/{paper.uuid}/").status_code == 404
    assert signed_in.post(f"/exams/{paper.uuid}/start/").status_code == 404
    assert paper.title not in signed_in.get("/exams/").text


def test_editors_write_questions_and_papers(client, editor, bank):
    client.force_login(editor)
    added = client.post(
        "/admin/snippets/courses/question/add/",
        {
            "bank": bank.pk,
            "kind": "SINGLE",
            "text": "新题",
            "options": "* 对\n错",
            "explanation": "",
            "live": "on",
        },
    )
    assert added.status_code == 302, added.context and added.context["form"].errors
    paper = {
        "title": "新卷", "intro": "", "bank": bank.pk, "audience": "MEMBERS", "lesson": "", "singles": 10,
        "single_points": 5, "multis": 5, "multi_points": 6, "judges": 5, "judge_points": 4, "pass_mark": 60,
        "attempts": 3, "minutes": 60, "live": "on",
    }  # fmt: skip
    too_many = client.post("/admin/snippets/courses/paper/add/", paper | {"multis": 11})
    assert too_many.status_code == 200 and too_many.context["form"].errors
    assert client.post("/admin/snippets/courses/paper/add/", paper).status_code == 302
    made = bank.papers.get()
    edited = client.post(f"/admin/snippets/courses/paper/edit/{made.pk}/", paper | {"minutes": 45})
    assert edited.status_code == 302
    made.refresh_from_db()
    assert (made.revision, made.minutes) == (2, 45)
