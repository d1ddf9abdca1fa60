"""What the pages hand to their templates, and what a policy says of its validity."""

from datetime import date

import pytest
from django.core.exceptions import ValidationError

from courses.catalogue import api
from courses.catalogue.models import Policy, Validity
from tests.factories import CourseFactory, LessonFactory, MemberFactory, PlayableAssetFactory, PolicyFactory

pytestmark = pytest.mark.django_db


def test_the_list_of_courses_counts_live_lessons_and_their_length(client):
    course = CourseFactory(disclosure="PUBLIC")
    LessonFactory(parent=course, lecture=PlayableAssetFactory(duration_s=600.4))
    LessonFactory(parent=course, reading_s=300)
    LessonFactory(parent=course, live=False)
    CourseFactory(disclosure="PUBLIC", title="空课程")

    listed = {one.title: one for one in client.get("/courses/").context["courses"]}

    assert (listed[course.title].lesson_count, listed[course.title].length_s) == (2, 900)
    assert (listed["空课程"].lesson_count, listed["空课程"].length_s) == (0, 0)


def test_required_courses_stand_first_then_the_nearest_day():
    CourseFactory(title="选学")
    CourseFactory(title="年底", required=True, due_on=date(2026, 12, 31))
    CourseFactory(title="月底", required=True, due_on=date(2026, 11, 30))
    CourseFactory(title="不限期", required=True)

    index = api.ensure_tree().courses
    from courses.catalogue.models import Course

    order = list(Course.objects.child_of(index).in_order().values_list("title", flat=True))
    assert order == ["月底", "年底", "不限期", "选学"]


def test_the_category_filter_ignores_nonsense(client):
    CourseFactory(disclosure="PUBLIC", category="THEORY")
    CourseFactory(disclosure="PUBLIC", category="SKILLS")

    assert len(client.get("/courses/?category=SKILLS").context["courses"]) == 1
    nonsense = client.get("/courses/?category=x' OR 1=1").context
    assert (len(nonsense["courses"]), nonsense["chosen_category"]) == (2, "")


def test_a_lesson_knows_its_neighbours(client):
    course = CourseFactory(disclosure="PUBLIC")
    first, second, third = (LessonFactory(parent=course) for _ in range(3))

    seen = client.get(second.url).context

    assert (seen["previous_lesson"], seen["next_lesson"]) == (first, third)
    assert [row.position for row in seen["outline"]] == [1, 2, 3]
    assert seen["outline"][2].version == api.lesson_version(third)


def test_the_outline_takes_few_queries(django_assert_num_queries):
    course = CourseFactory()
    for _ in range(6):
        LessonFactory(parent=course, lecture=PlayableAssetFactory())
    member = MemberFactory()

    with django_assert_num_queries(3):  # 1 posts, 2 lessons with their lectures, 3 versions
        assert len(api.course_outline(course, member)) == 6


@pytest.mark.parametrize(
    ("valid_from", "valid_until", "day", "validity"),
    [
        (None, None, date(2026, 1, 1), "IN_FORCE"),
        (date(2026, 3, 1), None, date(2026, 2, 28), "NOT_YET"),
        (date(2026, 3, 1), None, date(2026, 3, 1), "IN_FORCE"),
        (date(2026, 3, 1), date(2026, 12, 31), date(2026, 12, 31), "IN_FORCE"),
        (date(2026, 3, 1), date(2026, 12, 31), date(2027, 1, 1), "EXPIRED"),
    ],
)
def test_validity_counts_both_days(valid_from, valid_until, day, validity):
    policy = PolicyFactory(valid_from=valid_from, valid_until=valid_until)

    assert policy.validity_on(day) == Validity(validity)
    assert Policy.objects.in_force(day).exists() is (validity == "IN_FORCE")


def test_a_policy_cannot_end_before_it_begins():
    with pytest.raises(ValidationError):
        PolicyFactory(valid_from=date(2026, 3, 2), valid_until=date(2026, 3, 1))


def test_the_list_of_policies_is_newest_first_and_can_show_only_those_in_force(client):
    PolicyFactory(
        disclosure="PUBLIC", title="旧办法", issued_on=date(2019, 1, 1), valid_until=date(2020, 1, 1)
    )
    PolicyFactory(disclosure="PUBLIC", title="新办法", issued_on=date(2026, 1, 1))
    PolicyFactory(disclosure="PUBLIC", title="无日期", issued_on=None)

    assert [p.title for p in client.get("/policy/").context["policies"]] == ["新办法", "旧办法", "无日期"]
    assert [p.title for p in client.get("/policy/?in_force=1").context["policies"]] == ["新办法", "无日期"]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"projection": "FLAT"}, "LECTURE"),
        ({"projection": "EQUIRECT"}, "PANORAMA"),
        ({"projection": "HALF_EQUIRECT"}, "PANORAMA"),
        ({"width": 0, "height": 0}, "AUDIO"),
    ],
)
def test_the_kind_of_a_lesson_is_read_off_its_lecture(given, kind):
    assert LessonFactory(lecture=PlayableAssetFactory(**given)).kind == kind


def test_a_lesson_without_lecture_is_reading_and_takes_the_time_of_its_text():
    lesson = LessonFactory(text="<p>" + "学" * 601 + "</p>")

    assert (lesson.kind, lesson.published_duration_s) == ("READING", 180)
