"""Training classes: the 1/7 rule, required lessons and exams, hours once, taken back and given again."""

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from courses.archive import api
from courses.archive.claims import api as claims
from courses.archive.classes import api as classes
from courses.archive.classes.class_rule import Facts, judge
from courses.archive.errors import ClassRefused, NotAllowed, ReasonMissing, YearClosed
from courses.archive.models import (
    Certificate,
    ClassMember,
    Cmi5Course,
    Cmi5Registration,
    LessonState,
    OfflineClaim,
    StudyHourEntry,
    TrainingClass,
)
from courses.quizzes.api import start as start_exam
from courses.quizzes.api import submit
from courses.quizzes.models import Paper, Question, QuestionBank
from people.models import AuditEntry, Notice
from tests.courses.archive.conftest import add_version
from tests.factories import LessonFactory, MemberFactory, PartyOrganizationFactory, PostFactory

SEVENTH = Fraction(1, 7)
FOUR = Decimal(4)


# The rule


@pytest.mark.parametrize(
    ("statuses", "met", "hours"),
    [
        (["PRESENT"] * 7, True, 28),
        (["PRESENT"] * 6 + ["LEAVE"], True, 24),  # exactly 1/7
        (["PRESENT"] * 6 + ["ABSENT"], True, 24),
        (["PRESENT"] * 5 + ["LEAVE", "LEAVE"], False, 20),
        (["PRESENT"] * 6 + [None], False, 24),
        (["LEAVE"] * 7, False, 0),
        ([], False, 0),
    ],
)
def test_leave_up_to_a_seventh(statuses, met, hours):
    verdict = judge(Facts(sessions=[(FOUR, status) for status in statuses]), SEVENTH)
    assert (verdict.met, verdict.hours) == (met, hours)


def test_a_seventh_is_exact():
    # 0.25 h more than 1/7 of 24.5 h = 3.5 h
    just = [(Decimal("3.5"), "LEAVE"), (Decimal(21), "PRESENT")]
    over = [(Decimal("3.75"), "LEAVE"), (Decimal("20.75"), "PRESENT")]
    assert judge(Facts(sessions=just), SEVENTH).met
    assert judge(Facts(sessions=over), SEVENTH).open == ("MISSED_TOO_MUCH",)


@pytest.mark.parametrize(
    ("lessons_open", "exam_open", "open_"),
    [(0, False, ()), (1, False, ("LESSONS_OPEN",)), (2, True, ("LESSONS_OPEN", "EXAM_OPEN"))],
)
def test_an_online_class_asks_lessons_and_exam(lessons_open, exam_open, open_):
    facts = Facts(online_hours=Decimal(16), lessons_open=lessons_open, exam_open=exam_open)
    verdict = judge(facts, SEVENTH)
    assert (verdict.open, verdict.met, verdict.hours) == (open_, not open_, 16)


# Classes


pytestmark = pytest.mark.django_db


@pytest.fixture
def member(branch):
    return MemberFactory(organization=branch, name="李文")


@pytest.fixture
def hold(committee, organiser):
    """`hold(member, …, **said)`: opens a class of the committee (9 to 12 June, at the place) with these members in it.

    `said` is anything of `open_class`, also its `organization` and `actor`.
    """

    def hold(*members, **said):
        said = {
            "organization": committee,
            "actor": organiser,
            "title": "书记轮训班",
            "mode": "CENTRAL_OFFLINE",
            "starts_on": date(2026, 6, 9),
            "ends_on": date(2026, 6, 12),
        } | said
        course = classes.open_class(said.pop("organization"), **said)
        classes.enter(course, members, actor=said["actor"])
        return course

    return hold


@pytest.fixture
def hold_online(hold, member):
    """`hold_online(**said)`: an online class of eight hours, 1 to 29 September, with 李文 in it."""
    online = {"title": "网上专题班", "mode": "CENTRAL_ONLINE", "hours": Decimal(8)}
    days = {"starts_on": date(2026, 9, 1), "ends_on": date(2026, 9, 29)}
    return lambda **said: hold(member, **(online | days | said))


@pytest.fixture
def at_the_place(hold, organiser, member):
    """Seven sessions of four hours in June; 李文 is in it."""
    course = hold(member)
    for number in range(7):
        classes.add_session(
            course, actor=organiser, title=f"第{number}讲", held_on=date(2026, 6, 9 + number // 2), hours=FOUR
        )
    return course


def mark(course, member, organiser, *statuses):
    place = course.roster.get(member=member)
    for session, status in zip(course.sessions.all(), statuses, strict=True):
        classes.mark_attendance(session, {place.pk: status}, actor=organiser)
    return place


def total(member, year=2026):
    return sum(entry.hours for entry in api.entries(member, year))


def test_attendance_hours_and_certificate_once(at_the_place, member, organiser, committee):
    mark(at_the_place, member, organiser, *["PRESENT"] * 6, "LEAVE")
    assert classes.conclude(at_the_place, actor=organiser).counts == (1, 0)
    entry = StudyHourEntry.objects.get()
    assert (entry.mode, entry.hours, entry.provider) == ("CENTRAL_OFFLINE", 24, "桂花社区党委")
    assert (entry.approver, entry.evidence_type, entry.year) == (organiser, "class", 2026)
    certificate = Certificate.objects.get()
    assert (certificate.member, certificate.hours, certificate.number) == (
        member,
        24,
        "001.002-2026-000001-65",
    )
    # again changes nothing
    assert classes.conclude(at_the_place, actor=organiser).counts == (0, 0)
    assert (StudyHourEntry.objects.count(), Certificate.objects.count()) == (1, 1)
    assert {n.kind for n in Notice.objects.filter(member=member)} == {"class_entered", "class_completed"}
    assert api.verify().whole


def test_a_large_class_is_concluded_in_turns(
    at_the_place, member, organiser, branch, client, clock, monkeypatch
):
    # given a class of four, and no time for more than one of them in a request
    everybody = [member, *(MemberFactory(organization=branch) for _ in range(3))]
    classes.enter(at_the_place, everybody, actor=organiser)
    for one in everybody:
        mark(at_the_place, one, organiser, *["PRESENT"] * 7)
    monkeypatch.setattr("courses.archive.classes.views.CONCLUDE_S", 0.0)
    client.force_login(organiser)
    # when it is concluded again and again
    for done in range(1, 5):
        page = client.post(f"/archive/desk/classes/{at_the_place.uuid}/conclude/", follow=True)
        assert StudyHourEntry.objects.count() == Certificate.objects.count() == done
        assert (f"{4 - done} 人" in page.text and "再点一次" in page.text) is (done < 4)
    # then everybody has her hours once
    assert {total(one) for one in everybody} == {28}


def test_a_class_counts_as_central_training_of_a_leader(at_the_place, secretary, organiser):
    assert "MISSING_CENTRAL_TRAINING" in api.year_standing(secretary, 2026).flags
    classes.enter(at_the_place, [secretary], actor=organiser)
    mark(at_the_place, secretary, organiser, *["PRESENT"] * 7)
    classes.conclude(at_the_place, actor=organiser)
    assert "MISSING_CENTRAL_TRAINING" not in api.year_standing(secretary, 2026).flags


def test_more_leave_than_a_seventh_credits_nothing(at_the_place, member, organiser):
    mark(at_the_place, member, organiser, *["PRESENT"] * 5, "LEAVE", "LEAVE")
    assert classes.conclude(at_the_place, actor=organiser).counts == (0, 1)
    assert (StudyHourEntry.objects.exists(), Certificate.objects.exists()) == (False, False)
    assert ClassMember.objects.get().left_at is None, "leaving the class is for people to decide"


def test_taken_back_corrected_and_concluded_again(at_the_place, member, organiser):
    place = mark(at_the_place, member, organiser, *["PRESENT"] * 7)
    classes.conclude(at_the_place, actor=organiser)
    session = at_the_place.sessions.first()
    with pytest.raises(ClassRefused) as refused:
        classes.mark_attendance(session, {place.pk: "LEAVE"}, actor=organiser)
    assert refused.value.why == "COMPLETED"
    with pytest.raises(ReasonMissing):
        classes.take_back(place, actor=organiser, reason=" ")
    assert total(member) == 28
    classes.take_back(place, actor=organiser, reason="签到有误")
    assert total(member) == 0
    assert Certificate.objects.get().revoke_reason == "签到有误"
    classes.mark_attendance(session, {place.pk: "LEAVE"}, actor=organiser)
    assert classes.conclude(at_the_place, actor=organiser).counts == (1, 0)
    assert total(member) == 24
    assert list(Certificate.objects.order_by("serial").values_list("serial", "hours")) == [(1, 28), (2, 24)]
    assert api.verify().whole


def test_who_may_not(at_the_place, hold, member, secretary, organiser, nothing_moved):
    stranger = PostFactory(member=MemberFactory()).member
    outsider = MemberFactory()
    place = at_the_place.roster.get()
    session = at_the_place.sessions.first()
    nothing_moved()
    for who in (stranger, secretary, member):  # a secretary below the committee that holds the class
        with pytest.raises(NotAllowed):
            classes.enter(at_the_place, [member], actor=who)
        with pytest.raises(NotAllowed):
            classes.mark_attendance(session, {place.pk: "PRESENT"}, actor=who)
        with pytest.raises(NotAllowed):
            classes.conclude(at_the_place, actor=who)
        with pytest.raises(NotAllowed):
            classes.leave(place, actor=who, reason="x")
        with pytest.raises(NotAllowed):
            classes.take_back(place, actor=who, reason="x")
    with pytest.raises(NotAllowed):
        classes.enter(at_the_place, [outsider], actor=organiser)
    with pytest.raises(NotAllowed):
        hold(actor=secretary)
    assert (at_the_place.roster.count(), TrainingClass.objects.count()) == (1, 1)
    nothing_moved()


def test_nobody_marks_or_concludes_for_herself(at_the_place, organiser, committee):
    classes.enter(at_the_place, [organiser], actor=organiser)
    place = at_the_place.roster.get(member=organiser)
    with pytest.raises(NotAllowed):
        classes.mark_attendance(at_the_place.sessions.first(), {place.pk: "PRESENT"}, actor=organiser)
    colleague = PostFactory(member=MemberFactory(organization=committee)).member
    for session in at_the_place.sessions.all():
        classes.mark_attendance(session, {place.pk: "PRESENT"}, actor=colleague)
    assert classes.conclude(at_the_place, actor=organiser).counts == (0, 2)
    assert classes.conclude(at_the_place, actor=colleague).counts == (1, 1)
    assert total(organiser) == 28


def test_members_outside_the_scope_stay_open_for_somebody_above(
    hold, branch, committee, organiser, secretary
):
    # given a class of the branch, into which the committee entered somebody of another branch
    course = hold(organization=branch, actor=secretary)
    session = classes.add_session(
        course, actor=secretary, title="第一讲", held_on=date(2026, 6, 9), hours=FOUR
    )
    neighbour = MemberFactory(organization=PartyOrganizationFactory(parent=committee, code="001.002.009"))
    classes.enter(course, [neighbour, MemberFactory(organization=branch)], actor=organiser)
    classes.mark_attendance(session, {p.pk: "PRESENT" for p in course.roster.all()}, actor=organiser)
    assert classes.conclude(course, actor=secretary).counts == (1, 1)
    assert classes.conclude(course, actor=organiser).counts == (1, 0)
    assert total(neighbour) == 4


def test_a_class_is_concluded_from_its_last_day_on(at_the_place, organiser, clock):
    clock.at = datetime(2026, 6, 11, 15, 59, tzinfo=UTC)  # 23:59 on the 11th in Shanghai
    with pytest.raises(ClassRefused) as refused:
        classes.conclude(at_the_place, actor=organiser)
    assert refused.value.why == "NOT_OVER"
    clock.at = datetime(2026, 6, 11, 16, 0, tzinfo=UTC)
    classes.conclude(at_the_place, actor=organiser)


def test_in_a_closed_year_a_class_is_a_late_entry(at_the_place, committee, member, organiser, clock):
    mark(at_the_place, member, organiser, *["PRESENT"] * 7)
    clock.at = datetime(2027, 1, 10, 1, 0, tzinfo=UTC)
    api.close_year(committee, 2026, actor=organiser)
    with pytest.raises(YearClosed):
        classes.conclude(at_the_place, actor=organiser)
    assert not StudyHourEntry.objects.exists()
    assert classes.conclude(at_the_place, actor=organiser, reason="名册补交").counts == (1, 0)
    entry = StudyHourEntry.objects.get()
    assert (entry.year, entry.reason) == (2026, "名册补交")
    assert Certificate.objects.get().year == 2027, (
        "a certificate is numbered in the year in which it is issued"
    )


def test_the_audit_trail_tells_neither_marks_nor_reasons(at_the_place, member, organiser):
    place = mark(at_the_place, member, organiser, *["PRESENT"] * 6, "LEAVE")
    classes.leave(place, actor=organiser, reason="住院治疗")
    trail = AuditEntry.objects.filter(action__in=["class.attendance", "class.left"]).order_by("pk")
    details = [entry.detail for entry in trail]
    assert [detail.get("changed") for detail in details] == [1] * 7 + [None]
    assert "LEAVE" not in str(details) and "住院" not in str(details)
    assert details[-1] == {"member": str(member.uuid)}
    assert ClassMember.objects.get().left_reason == "住院治疗"


def test_one_closed_branch_does_not_stop_the_others(
    client, at_the_place, committee, branch, member, organiser, clock
):
    # given somebody of a branch that has closed the year, by the name before somebody whose branch has not
    neighbour = MemberFactory(
        organization=PartyOrganizationFactory(parent=committee, code="001.002.009"), name="周敏"
    )
    classes.enter(at_the_place, [neighbour], actor=organiser)
    mark(at_the_place, member, organiser, *["PRESENT"] * 7)
    mark(at_the_place, neighbour, organiser, *["PRESENT"] * 7)
    clock.at = datetime(2027, 1, 10, 1, 0, tzinfo=UTC)
    api.close_year(branch, 2026, actor=organiser)
    # when the class is concluded over the page
    client.force_login(organiser)
    address = f"/archive/desk/classes/{at_the_place.uuid}/"
    assert 'name="reason" maxlength="200">' in client.get(address).text
    page = client.post(f"{address}conclude/", follow=True).text
    # then the others have their hours, and she is named with the reason
    assert (total(member), total(neighbour)) == (0, 28)
    assert "李文未结业" in page and "已归档 2026 年度" in page
    assert classes.conclude(at_the_place, actor=organiser, reason="名册补交").counts == (1, 0)
    assert total(member) == 28


def test_sessions_stay_once_somebody_is_credited_though_concluding_stopped(at_the_place, member, organiser):
    mark(at_the_place, member, organiser, *["PRESENT"] * 7)
    classes.conclude(at_the_place, actor=organiser)
    TrainingClass.objects.update(concluded_at=None, concluded_by=None)  # as after a stop half-way
    said = {"title": "加课", "held_on": date(2026, 6, 9), "hours": FOUR}
    for change in (
        lambda: classes.add_session(at_the_place, actor=organiser, **said),
        lambda: classes.remove_session(at_the_place.sessions.first(), actor=organiser),
    ):
        with pytest.raises(ClassRefused) as refused:
            change()
        assert refused.value.why == "CONCLUDED"
    assert at_the_place.sessions.count() == 7


def test_somebody_who_left_gets_nothing_and_may_come_back(at_the_place, member, organiser):
    place = mark(at_the_place, member, organiser, *["PRESENT"] * 7)
    classes.leave(place, actor=organiser, reason="调离")
    assert classes.conclude(at_the_place, actor=organiser).counts == (0, 0)
    assert classes.enter(at_the_place, [member], actor=organiser) == 1
    assert classes.conclude(at_the_place, actor=organiser).counts == (1, 0)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"ends_on": date(2026, 6, 8)}, "DATES"),
        ({"ends_on": date(2027, 1, 2)}, "DATES"),
        ({"starts_on": date(1026, 6, 9), "ends_on": date(1026, 6, 9)}, "YEAR"),
        ({"starts_on": date(2024, 12, 31), "ends_on": date(2024, 12, 31)}, "YEAR"),
        ({"starts_on": date(2028, 1, 1), "ends_on": date(2028, 1, 1)}, "YEAR"),
        ({"mode": "CENTRAL_ONLINE"}, "HOURS"),
        ({"mode": "CENTRAL_ONLINE", "hours": Decimal(8)}, "MODE"),
    ],
)
def test_classes_that_cannot_be(hold, change, why):
    with pytest.raises(ClassRefused) as refused:
        hold(**change)
    assert refused.value.why == why
    assert not TrainingClass.objects.exists()


# Online


@pytest.fixture
def paper(db):
    bank = QuestionBank.objects.create(title="题库")
    Question.objects.create(bank=bank, kind="JUDGE", text="对吗", is_true=True)
    return Paper.objects.create(
        title="结业考试",
        bank=bank,
        singles=0,
        multis=0,
        judges=1,
        judge_points=100,
        live=True,
        audience="ADMITTED",
    )


@pytest.fixture
def studied(course, phone_of, member):
    """Two lessons of half an hour, both studied by 李文 in September 2026: an hour each."""
    lessons = [LessonFactory(parent=course), LessonFactory(parent=course)]
    for lesson in lessons:
        phone = phone_of(member, add_version(lesson, duration_s=1800))
        phone.watch(1800)
        phone.flush()
    return lessons


def test_an_online_class_counts_its_lessons_once(hold_online, studied, organiser, member, paper, clock):
    online = hold_online(lessons=studied, paper=paper, ends_on=date(2026, 10, 1))
    # then each lesson has brought its hour, and the class still asks for the exam
    assert total(member) == 2
    assert classes.roster(online)[0].verdict.open == ("EXAM_OPEN",)
    attempt = start_exam(paper, member)
    submit(attempt, attempt.right_keys())
    clock.at = datetime(2026, 10, 1, 4, 0, tzinfo=UTC)
    assert classes.conclude(online, actor=organiser).counts == (1, 0)
    # and at the end there are the hours of the class, not those of its lessons beside them
    assert total(member) == 8
    sums = {mode.code: mode.hours for mode in api.year_standing(member, 2026).by_mode}
    assert sums == {"CENTRAL_ONLINE": 8}
    # and when the completion is taken back the lessons count by themselves again, as often as it happens
    for _time in range(2):
        classes.take_back(online.roster.get(), actor=organiser, reason="名册有误")
        assert total(member) == 2
        assert classes.conclude(online, actor=organiser).counts == (1, 0)
        assert total(member) == 8
    assert api.verify().whole


def until_today(clock):
    clock.at = datetime(2026, 10, 1, 4, 0, tzinfo=UTC)
    return {"ends_on": date(2026, 10, 1)}


def test_a_lesson_of_two_classes_counts_in_one(hold_online, studied, member, organiser, clock):
    # given three classes: both lessons, one of them and a third, both again
    third = LessonFactory(parent=studied[0].course)
    days = until_today(clock)
    both = hold_online(lessons=studied, **days)
    one = hold_online(lessons=[studied[0], third], **days)
    again = hold_online(lessons=studied, **days)
    state = {"member": member, "duration_s": 600, "needed_s": 570, "params": {}, "last_beat_at": clock.at}
    LessonState.objects.create(version=add_version(third), completed_at=clock.at, **state)
    # when all are concluded
    assert classes.conclude(both, actor=organiser).counts == (1, 0)
    assert classes.conclude(one, actor=organiser).counts == (1, 0)
    assert classes.conclude(again, actor=organiser).counts == (0, 1)
    # then the second brings the half that is new, the third nothing
    assert [entry.hours for entry in StudyHourEntry.objects.filter(evidence_type="class").order_by("pk")] == [
        8,
        4,
    ]
    assert classes.roster(again)[0].verdict.open == ("COUNTED_ELSEWHERE",)
    assert total(member) == 12
    # and what the first gives back counts by itself, never beside a class
    classes.take_back(both.roster.get(), actor=organiser, reason="名册有误")
    assert total(member) == 6
    assert classes.conclude(both, actor=organiser).counts == (1, 0)
    assert total(member) == 9, (
        "4 of its one lesson left, 4 of the second class, 1 of the shared lesson by itself"
    )
    assert api.verify().whole


def test_an_exam_alone_counts_in_one_class(hold_online, paper, member, organiser, clock):
    first, second = (hold_online(paper=paper, **until_today(clock)) for _n in range(2))
    attempt = start_exam(paper, member)
    submit(attempt, attempt.right_keys())
    assert classes.conclude(first, actor=organiser).counts == (1, 0)
    assert classes.conclude(second, actor=organiser).counts == (0, 1)
    assert total(member) == 8


def test_what_was_studied_in_an_earlier_year_completes_no_class(
    hold_online, studied, paper, organiser, member, clock
):
    paper.audience = "MEMBERS"
    paper.save()
    attempt = start_exam(paper, member)
    submit(attempt, attempt.right_keys())
    clock.at = datetime(2027, 3, 2, 1, 0, tzinfo=UTC)
    online = hold_online(lessons=studied, paper=paper, starts_on=date(2027, 3, 1), ends_on=date(2027, 3, 2))
    assert classes.roster(online)[0].verdict.open == ("LESSONS_OPEN", "EXAM_OPEN")
    assert classes.conclude(online, actor=organiser).counts == (0, 1)
    assert total(member, 2027) == 0
    # the first moment of the year of the class is inside
    LessonState.objects.update(completed_at=datetime(2026, 12, 31, 16, 0, tzinfo=UTC))
    assert classes.roster(online)[0].verdict.open == ("EXAM_OPEN",)


def test_tests_and_interactive_courses_of_its_lessons_count_once_too(
    hold_online, studied, paper, organiser, member, clock
):
    # given the bonus of a lesson's test and the hours of its interactive course
    paper.lesson, paper.audience = studied[0], "MEMBERS"
    paper.save()
    attempt = start_exam(paper, member)
    submit(attempt, attempt.right_keys())
    package = Cmi5Course.objects.create(
        title="互动课", publisher_id="https://publisher.example/1", base_iri="x", structure={}, au_count=1,
        size_bytes=1, sha256="x", lesson=studied[1],
    )  # fmt: skip
    begun = Cmi5Registration.objects.create(course=package, member=member, actor={})
    api.add_entry(
        member, mode="SELF_ONLINE", title="互动课", hours=Decimal(2), finished_at=clock.at, credit_key="cmi5:1",
        evidence_type="cmi5", evidence_id=str(begun.uuid), source_system="cmi5",
    )  # fmt: skip
    assert total(member) == Decimal("4.5")
    online = hold_online(lessons=studied, **until_today(clock))
    for _time in range(2):
        assert classes.conclude(online, actor=organiser).counts == (1, 0)
        assert total(member) == 8
        classes.take_back(online.roster.get(), actor=organiser, reason="名册有误")
        assert total(member) == Decimal("4.5")
    assert api.verify().whole


def test_what_comes_after_the_last_day_is_too_late(hold_online, organiser, member, lesson, clock):
    online = hold_online(lessons=[lesson])
    version = add_version(lesson)
    state = {"member": member, "version": version, "duration_s": 600, "needed_s": 570, "params": {}}
    done = LessonState.objects.create(
        **state, last_beat_at=clock.at, completed_at=datetime(2026, 9, 29, 16, 0, tzinfo=UTC)
    )
    assert classes.conclude(online, actor=organiser).counts == (0, 1)
    LessonState.objects.filter(pk=done.pk).update(completed_at=datetime(2026, 9, 29, 15, 59, tzinfo=UTC))
    assert classes.conclude(online, actor=organiser).counts == (1, 0)


def test_the_roster_costs_the_same_however_many(at_the_place, branch, organiser, django_assert_num_queries):
    classes.enter(at_the_place, [MemberFactory(organization=branch) for _n in range(20)], actor=organiser)
    # places with member, organisation and entry · sessions · attendance · the organisation · the rule book
    with django_assert_num_queries(5):
        assert len(classes.roster(at_the_place)) == 21


# The pages


def test_the_whole_way_over_the_pages(client, committee, organiser, member, clock):
    client.force_login(organiser)
    sent = client.post(
        "/archive/desk/classes/new/",
        {
            "organization": str(committee.uuid),
            "title": "轮训班",
            "mode": "CENTRAL_OFFLINE",
            "starts_on": "2026-09-28",
            "ends_on": "2026-09-29",
            "gives_certificate": "on",
        },
    )
    course = TrainingClass.objects.get()
    address = f"/archive/desk/classes/{course.uuid}/"
    assert sent.url == address
    assert client.get(address).status_code == 200
    client.post(f"{address}sessions/", {"title": "第一讲", "held_on": "2026-09-28", "hours": "4"})
    session = course.sessions.get()
    found = client.get(f"{address}roster/", {"text": "李文"})
    assert found.context["found"][0] == member
    client.post(f"{address}roster/", {"member": [str(member.pk)]})
    assert client.get(f"{address}sessions/{session.pk}/").status_code == 200
    place = course.roster.get()
    client.post(f"{address}sessions/{session.pk}/", {f"p{place.pk}": "PRESENT"})
    client.post(f"{address}conclude/")
    place.refresh_from_db()
    assert place.entry.hours == 4
    assert "轮训班" in client.get("/archive/desk/classes/").text
    client.force_login(member)
    page = client.get("/archive/classes/")
    assert Certificate.objects.get().number in page.text
    client.force_login(organiser)
    client.post(f"{address}roster/{place.pk}/", {"what": "take_back", "reason": "重复"})
    place.refresh_from_db()
    assert place.entry is None


def test_a_list_of_names_from_a_spreadsheet_is_looked_at_before_anybody_is_entered(
    client, hold, branch, member, organiser
):
    # given 李文 and two 王芳 in the scope, and somebody outside it
    one, two = (MemberFactory(organization=branch, name="王芳") for _n in range(2))
    MemberFactory(name="赵外")
    course = hold()
    client.force_login(organiser)
    address = f"/archive/desk/classes/{course.uuid}/roster/"
    page = client.post(address, {"what": "look", "names": "1\t李文\r\n2\t王芳\r\n3\t赵外\r\n"})
    assert {found.pk for found in page.context["found"]} == {member.pk, one.pk, two.pk}
    assert page.context["ticked"] == {member.pk}
    assert (page.context["lost"], page.context["several"]) == (["赵外"], ["王芳"])
    assert "没有找到：赵外" in page.text and course.roster.count() == 0
    client.post(address, {"member": [str(member.pk), str(two.pk)]})
    assert set(course.roster.values_list("member_id", flat=True)) == {member.pk, two.pk}


def test_a_class_of_days_without_a_rule_keeps_the_pages_open(client, at_the_place, member, organiser):
    mark(at_the_place, member, organiser, *["PRESENT"] * 6, "LEAVE")
    TrainingClass.objects.update(starts_on=date(1026, 6, 9), ends_on=date(1026, 6, 12))
    client.force_login(member)
    assert client.get("/archive/classes/").status_code == 200
    client.force_login(organiser)
    page = client.get(f"/archive/desk/classes/{at_the_place.uuid}/")
    assert page.context["met"] == 1


def test_a_mistyped_year_is_said_in_the_form(client, committee, organiser):
    client.force_login(organiser)
    said = {"organization": str(committee.uuid), "title": "轮训班", "mode": "CENTRAL_OFFLINE"}
    page = client.post(
        "/archive/desk/classes/new/", said | {"starts_on": "0206-06-09", "ends_on": "0206-06-09"}
    )
    assert (page.status_code, TrainingClass.objects.count()) == (422, 0)
    assert "培训班只能在上一年、今年或明年" in page.text


def test_the_desk_turns_pages_not_lessons(client, at_the_place, hold, organiser, monkeypatch):
    monkeypatch.setattr("courses.archive.classes.views.SHOWN", 1)
    hold(title="第二期", starts_on=date(2026, 7, 1), ends_on=date(2026, 7, 1))
    client.force_login(organiser)
    assert "下一页" in client.get("/archive/desk/classes/").text
    last = client.get("/archive/desk/classes/?page=2").text
    assert "上一页" in last and "上一课" not in last


def test_the_page_says_how_many_are_not_credited_yet(client, at_the_place, member, organiser):
    client.force_login(organiser)
    page = client.post(f"/archive/desk/classes/{at_the_place.uuid}/conclude/", follow=True)
    assert "已结业 0 人，1 人尚未结业。" in page.text


def test_the_page_names_who_has_claimed_these_days(
    client, at_the_place, branch, committee, member, organiser
):
    # given an approved claim over the last day of the class, one of the day after, and one of somebody else
    def claim(who, first, last, title):
        made = OfflineClaim.objects.create(
            member=who, mode="CENTRAL_OFFLINE", title=title, started_on=first, finished_on=last, hours=FOUR,
            filed_at=datetime(2026, 7, 1, tzinfo=UTC),
        )  # fmt: skip
        return claims.approve_claim(made, actor=organiser, filing=1)

    beside = claim(member, date(2026, 6, 12), date(2026, 6, 13), "县委党校班")
    claim(member, date(2026, 6, 13), date(2026, 6, 13), "第二天的班")
    claim(MemberFactory(organization=branch), date(2026, 6, 9), date(2026, 6, 9), "别人的班")
    client.force_login(organiser)
    address = f"/archive/desk/classes/{at_the_place.uuid}/"
    page = client.get(address).text
    assert "县委党校班" in page and "第二天的班" not in page and "别人的班" not in page
    assert "1 人这几天已有获批的申报" in page
    # and once those hours are taken back nothing stands in the way
    api.reverse_entry(beside.entry, actor=organiser, reason="与培训班重复")
    assert "获批的申报" not in client.get(address).text


def test_other_peoples_classes_are_not_there(client, at_the_place, secretary, member):
    address = f"/archive/desk/classes/{at_the_place.uuid}/"
    for who in (secretary, member):
        client.force_login(who)
        assert client.get(address).status_code == 404
        assert client.post(f"{address}conclude/").status_code == 404
        assert client.get(f"{address}roster/").status_code == 404
    assert not StudyHourEntry.objects.exists()
