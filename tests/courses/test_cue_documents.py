"""What is said in lectures is found at its second, by those to whom the course is open, as it is said now."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import transaction

from courses.catalogue.cue_documents import load_cues
from courses.catalogue.models import Course, Disclosure, Lesson
from media_pipeline import api as media
from media_pipeline.captions import Cue
from people.models import Member
from search import api
from search.models import SearchOutbox
from tests.factories import CourseFactory, LessonFactory, MemberFactory, PlayableAssetFactory

pytestmark = pytest.mark.django_db

SAID = ["同志们好", "今天学习民主集中制", "第一条是四个服从", "个人服从组织", "下级服从上级", "谢谢大家"]
SRT = "".join(
    f"{number + 1}\n00:00:{number * 5:02},000 --> 00:00:{number * 5 + 4:02},500\n{text}\n\n"
    for number, text in enumerate(SAID)
)


@pytest.fixture(autouse=True)
def index_dir(settings, tmp_path):
    settings.SEARCH = {**settings.SEARCH, "INDEX_DIR": tmp_path / "search"}


@pytest.fixture
def editor():
    return MemberFactory()


@pytest.fixture
def lesson(editor):
    """A live lesson of a public course, with captions, in an index that knows all."""
    course = CourseFactory(title="党章学习", disclosure=Disclosure.PUBLIC)
    asset = PlayableAssetFactory(duration_s=60)
    lesson = LessonFactory(parent=course, title="第三讲", lecture=asset, text="")
    media.upload_captions(asset, name="a.srt", data=SRT.encode(), lang="zh-Hans", actor=editor)
    api.rebuild()
    SearchOutbox.objects.all().delete()
    return lesson


def heard(query, viewer=None):
    api.drain()
    found = api.search(query, viewer or AnonymousUser(), kind="cue")
    return [] if found.loosened else [(hit.start_s, hit.url) for hit in found.hits]


def waiting():
    return set(SearchOutbox.objects.filter(kind="cue").values_list("object_id", flat=True))


def test_a_sentence_is_found_at_its_second_and_opens_the_player_there(lesson):
    (hit,) = api.search("四个服从", AnonymousUser(), kind="cue").hits
    assert (hit.start_s, hit.end_s, hit.video) == (10.0, 14.5, str(lesson.lecture.uuid))
    assert hit.url == f"{lesson.url}?from=10#player"
    assert (hit.title, hit.extra, str(hit.kind_label)) == ("第三讲", {"course": "党章学习"}, "课中讲到")
    assert "<mark>四个服从</mark>" in hit.excerpt_html


def test_in_a_list_of_all_kinds_a_lecture_stands_once_with_its_moments(lesson):
    (hit,) = api.search("个人服从组织 同志们好 谢谢大家", AnonymousUser()).hits or [None]
    assert hit.kind == "cue"
    assert hit.moments[0].url == hit.url


def test_corrected_captions_are_found_at_their_new_second(lesson, editor):
    info, cues = media.opened_captions(lesson.lecture, "zh-Hans")
    moved = [Cue(cue.begin_ms + 20_000, cue.end_ms + 20_000, cue.text) for cue in cues[:3]]
    media.save_cues(lesson.lecture, "zh-Hans", moved, revision=info.revision, actor=editor)

    assert waiting() == {str(lesson.pk)}
    assert heard("四个服从") == [(30.0, f"{lesson.url}?from=30#player")]
    assert heard("下级服从上级") == []


def test_removed_captions_are_found_no_more_and_restored_ones_again(lesson, editor):
    media.remove_captions(lesson.lecture, "zh-Hans", actor=editor)
    assert heard("四个服从") == []

    (version,) = media.captions_versions(lesson.lecture)
    media.restore_captions(lesson.lecture, version.pk, actor=editor)
    assert [start for start, _url in heard("四个服从")] == [10.0]


def test_a_correction_that_is_taken_back_leaves_no_trace(lesson, editor):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        media.remove_captions(lesson.lecture, "zh-Hans", actor=editor)
        raise ZeroDivisionError
    assert waiting() == set()


def test_chapters_are_found_where_they_begin(lesson, editor):
    rows = [media.ChapterRow(0, "开场"), media.ChapterRow(25_000, "入党介绍人的责任")]
    media.set_chapters(lesson.lecture, rows, actor=editor)

    assert waiting() == {str(lesson.pk)}
    assert heard("入党介绍人") == [(25.0, f"{lesson.url}?from=25#player")]
    (hit,) = api.search("入党介绍人", AnonymousUser(), kind="cue").hits
    assert (hit.end_s, hit.extra["chapter"]) == (60.0, "入党介绍人的责任")


def test_who_may_see_the_course_finds_what_is_said_in_it(lesson):
    inside, outside = MemberFactory(), MemberFactory()
    course = Course.objects.get(pk=lesson.get_parent().pk)
    course.disclosure = Disclosure.SUBTREE
    course.opened_to = [inside.organization]
    course.save_revision().publish()

    assert waiting() == {str(lesson.pk)}
    inside, outside = (Member.objects.get(pk=one.pk) for one in (inside, outside))
    assert heard("四个服从", inside) and not heard("四个服从", outside) and not heard("四个服从")


def test_withdrawn_and_deleted_lessons_and_courses_are_silent(lesson):
    Course.objects.get(pk=lesson.get_parent().pk).unpublish()
    assert heard("四个服从") == [] and list(load_cues(None)) == []

    Course.objects.get(pk=lesson.get_parent().pk).get_latest_revision().publish()
    assert heard("四个服从")
    Lesson.objects.get(pk=lesson.pk).unpublish()
    assert heard("四个服从") == []


def test_a_lesson_that_is_deleted_takes_its_captions_out(editor):
    asset = PlayableAssetFactory(duration_s=60)
    media.upload_captions(asset, name="a.srt", data=SRT.encode(), lang="zh-Hans", actor=editor)
    draft = LessonFactory(lecture=asset, live=False)
    SearchOutbox.objects.all().delete()
    pk = draft.pk
    Lesson.objects.get(pk=pk).delete()
    assert ("cue", str(pk), "REMOVED") in set(SearchOutbox.objects.values_list("kind", "object_id", "op"))


def test_captions_of_two_languages_are_both_found(lesson, editor):
    english = "1\n00:00:10,000 --> 00:00:14,000\ndemocratic centralism\n"
    media.upload_captions(lesson.lecture, name="e.srt", data=english.encode(), lang="en", actor=editor)
    assert [start for start, _url in heard("centralism")] == [10.0]
    assert [start for start, _url in heard("四个服从")] == [10.0]


def test_only_the_lessons_asked_for_are_read(lesson, django_assert_num_queries):
    other = LessonFactory(parent=CourseFactory(), lecture=PlayableAssetFactory(), text="")
    # Courses with their organisations; the lesson with its lecture; its captions; its chapters; addresses of sites.
    documents = list(load_cues([str(lesson.pk)]))
    assert {document.group for document in documents} == {str(lesson.pk)}
    assert list(load_cues([str(other.pk)])) == []
