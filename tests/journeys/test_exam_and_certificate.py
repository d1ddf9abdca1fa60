"""A class of the committee from its exam to its paper: the member passes on her phone, the organiser concludes at the
desk, a stranger checks the certificate and learns no more than domain.md §1.5 allows."""

from __future__ import annotations

import io
from datetime import timedelta
from decimal import Decimal

import pypdfium2
import pytest
from django.utils import timezone

from courses.archive.classes import api as classes
from courses.archive.models import Certificate, StudyHourEntry
from courses.quizzes.models import Paper, Question, QuestionBank

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]


def test_from_the_exam_to_a_paper_that_a_stranger_can_check(people, browser_of, axe):
    # Given an online class with an exam, on its last day
    bank = QuestionBank.objects.create(title="党务工作题库")
    Question.objects.create(bank=bank, kind="JUDGE", text="线下学习可以补录。", is_true=True)
    Question.objects.create(
        bank=bank, kind="SINGLE", text="党的根本组织原则是什么？", options="* 民主集中制\n首长负责制"
    )
    paper = Paper.objects.create(
        title="党务专题班结业考试", bank=bank, singles=1, single_points=50, multis=0, judges=1, judge_points=50,
        audience="ADMITTED", live=True,
    )  # fmt: skip
    today = timezone.localdate()
    course = classes.open_class(
        people.committee, actor=people.organiser, title="党务工作网上专题班", mode="CENTRAL_ONLINE",
        starts_on=max(today - timedelta(days=5), today.replace(month=1, day=1)), ends_on=today,
        hours=Decimal(8), paper=paper,
    )  # fmt: skip
    classes.enter(course, [people.member], actor=people.organiser)

    # When she goes from «me» to her classes and takes the exam
    phone = browser_of(people.member)
    phone.goto("/my/")
    phone.get_by_role("link", name="培训班和证书").click()
    axe.check_page(phone, "my classes")
    phone.get_by_role("link", name="去考试").click()
    phone.get_by_role("button", name="开始考试").click()
    phone.get_by_text("正确", exact=True).click()
    phone.get_by_text("民主集中制").click()
    axe.check_page(phone, "an exam under way")
    phone.get_by_role("button", name="提交").click()
    # Then she has passed, and the class waits for its organiser
    assert "100" in phone.locator("main").inner_text() and "已通过" in phone.locator("h1").inner_text()
    phone.goto("/archive/classes/")
    assert "等待组织员办理结业" in phone.locator("main").inner_text()

    # When the organiser concludes it
    desk = browser_of(people.organiser, desktop=True)
    desk.goto("/archive/desk/classes/")
    desk.get_by_role("link", name=course.title).click()
    axe.check_page(desk, "a class")
    desk.get_by_role("button", name="办理结业，记入学时").click()
    certificate = Certificate.objects.get(member=people.member)
    assert certificate.number in desk.locator("main").inner_text()
    assert StudyHourEntry.objects.get(member=people.member).hours == 8

    # Then the paper is hers to take along
    phone.reload()
    with phone.expect_download() as download:
        phone.get_by_role("link", name=certificate.number).click()
    content = download.value.path().read_bytes()
    text = pypdfium2.PdfDocument(io.BytesIO(content))[0].get_textpage().get_text_range()
    assert certificate.number in text and "李秀兰" in text

    # And a stranger who types what stands on it sees what the rule allows, with a wrong name nothing
    stranger = browser_of(None)
    stranger.goto("/certificates/")
    shown = {}
    for holder in ("李秀", "李秀兰"):
        stranger.get_by_label("证书编号").fill(certificate.number)
        stranger.get_by_label("持有人全名").fill(holder)
        stranger.get_by_role("button", name="核验").click()
        shown[holder] = stranger.locator("main").inner_text()
    axe.check_page(stranger, "a certificate that was checked")
    assert "没有查到这份证书" in shown["李秀"] and course.title not in shown["李秀"]
    facts = stranger.locator("dl.details").inner_text()
    assert stranger.locator("dl.details dt").count() == 5
    assert "李*" in facts and course.title in facts and "8" in facts
    for secret in ("李秀兰", "秀兰", people.member.username, str(people.member.uuid), people.branch.name):
        assert secret not in stranger.locator("main").inner_text()
    stranger.goto(f"/certificates/{certificate.token}/")
    assert "李秀兰" not in stranger.content() and "有效" in stranger.locator("main").inner_text()
