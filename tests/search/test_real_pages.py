"""From an editor's publishing to a member's finding, with the real pages of the catalogue."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.files.base import ContentFile
from wagtail.documents.models import Document

from courses.catalogue.models import Disclosure
from courses.quizzes.models import Paper, Question, QuestionBank
from people import api as people
from people.models import Member, PartyOrganization
from search import api
from search.models import SearchOutbox
from tests.factories import (
    AdministratorFactory,
    CourseFactory,
    LessonFactory,
    MemberFactory,
    PartyOrganizationFactory,
    PolicyFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def branches():
    """甲 and 乙 beside each other below the county, and a branch of 乙."""
    root = PartyOrganizationFactory(code="001", name="县委")
    first = PartyOrganizationFactory(parent=root, code="001.001", name="甲党委")
    second = PartyOrganizationFactory(parent=root, code="001.002", name="乙党委")
    return first, second, PartyOrganizationFactory(parent=second, code="001.002.001", name="乙一支部")


def seen(query, viewer):
    return [(hit.kind, hit.title) for hit in api.search(query, viewer).hits]


def test_published_pages_are_found_and_withdrawn_ones_are_not():
    api.rebuild()
    course = CourseFactory(title="基层治理十讲", disclosure=Disclosure.PUBLIC)
    lesson = LessonFactory(parent=course, title="第四讲 议事怎么开", text="<p>楼道议事里也有民主集中制。</p>")
    policy = PolicyFactory(
        title="学时认定办法", document_number="海组发〔2026〕15号", disclosure=Disclosure.PUBLIC
    )
    LessonFactory(parent=course, title="草稿 楼道议事", live=False)
    assert seen("楼道议事", AnonymousUser()) == []

    api.drain()
    assert not SearchOutbox.objects.exists()
    hits = api.search("楼道议事", AnonymousUser()).hits
    assert [(hit.kind, hit.title, hit.url) for hit in hits] == [("lesson", lesson.title, lesson.url)]
    assert hits[0].excerpt_html == "<mark>楼道议事</mark>里也有民主集中制。"
    assert seen("海组发〔2026〕15号", AnonymousUser())[0] == ("policy", "学时认定办法")

    policy.unpublish()
    course.unpublish()
    api.drain()
    assert seen("学时认定办法", AnonymousUser()) == []
    assert seen("楼道议事", AnonymousUser()) == []


def test_a_course_opened_to_one_subtree_is_found_there_only():
    inside, outside = MemberFactory(), MemberFactory()
    course = CourseFactory(
        title="支部内部培训", disclosure=Disclosure.SUBTREE, opened_to=[inside.organization]
    )
    LessonFactory(parent=course, title="内部培训第一课")
    api.rebuild()
    inside, outside = (Member.objects.get(pk=one.pk) for one in (inside, outside))
    assert {title for _kind, title in seen("内部培训", inside)} == {"支部内部培训", "内部培训第一课"}
    assert seen("内部培训", outside) == seen("内部培训", AnonymousUser()) == []

    course.disclosure = Disclosure.ALL_MEMBERS
    course.save()
    api.drain()
    assert len(seen("内部培训", outside)) == 2
    assert seen("内部培训", AnonymousUser()) == []


def test_what_is_opened_to_an_organisation_follows_whoever_moves_below_it_and_out_again(branches):
    """A course, its lesson and its file, opened to 甲; 乙's branch moves below 甲, and back."""
    first, second, below_second = branches
    file = Document.objects.create(title="内部样表", file=ContentFile(b"x", name="a.txt"))
    course = CourseFactory(title="支部内部培训", disclosure=Disclosure.SUBTREE, opened_to=[first])
    LessonFactory(
        parent=course, title="内部培训第一课", text=f'<p>见<a linktype="document" id="{file.pk}">表</a></p>'
    )
    mover = MemberFactory(organization=below_second)
    api.rebuild()

    def found():
        api.drain()
        viewer = Member.objects.get(pk=mover.pk)
        results = api.search("内部", viewer)
        return sorted(hit.kind for hit in results.hits), results.total

    assert found() == ([], 0)
    for parent, seen in ((first, ["attachment", "course", "lesson"]), (second, [])):
        people.change_organization(
            PartyOrganization.objects.get(pk=below_second.pk),
            parent=PartyOrganization.objects.get(pk=parent.pk),
            fields={"parent"},
            actor=None,
        )
        assert found() == (seen, len(seen))


def test_what_was_opened_to_an_organisation_that_moves_stays_open_to_its_people(branches):
    first, _second, below_second = branches
    CourseFactory(title="支部内部培训", disclosure=Disclosure.SUBTREE, opened_to=[below_second])
    own, of_first = MemberFactory(organization=below_second), MemberFactory(organization=first)
    api.rebuild()
    people.change_organization(
        PartyOrganization.objects.get(pk=below_second.pk),
        parent=PartyOrganization.objects.get(pk=first.pk),
        fields={"parent"},
        actor=None,
    )
    api.drain()
    own, of_first = (Member.objects.get(pk=one.pk) for one in (own, of_first))
    assert seen("内部培训", own) == [("course", "支部内部培训")]
    assert seen("内部培训", of_first) == []


def test_quizzes_are_never_found():
    """Questions, options, answers and papers: in no hit, no suggestion, no count, for nobody."""
    asked = "四种形态首先强调哪一种"
    keywords = ("咬耳扯袖", "廉洁自律", "随堂小测", "监督执纪", "lianjie", "移送司法")
    viewers = (AnonymousUser(), MemberFactory(), AdministratorFactory())

    def seen(words, viewer):
        found = api.search(words, viewer)
        return [(hit.kind, hit.id) for hit in found.hits], found.counts, api.suggest(words, viewer)

    course = CourseFactory(title="纪律教育", disclosure=Disclosure.PUBLIC)
    lesson = LessonFactory(parent=course, title="第一课")
    lesson.body = [("text", "<p>课文</p>")]
    lesson.save_revision().publish()
    api.rebuild()
    api.drain()
    # Everyday words (咬耳扯袖: 批评教育) may find what is near without any quiz; that must stay as it is.
    every = [(words, viewer) for words in (asked, *keywords) for viewer in viewers]
    before = [seen(*one) for one in every]
    assert before.count(([], {}, [])) > len(every) / 2

    bank = QuestionBank.objects.create(title="廉洁自律题库")
    Question.objects.create(
        bank=bank,
        kind="SINGLE",
        text=asked,
        options="*咬耳扯袖红脸出汗\n移送司法",
        explanation="常态化监督执纪",
    )
    Paper.objects.create(title="廉洁自律试卷", lesson=lesson, bank=bank)
    lesson.body = [
        ("text", "<p>课文</p>"),
        ("quiz", {"title": "随堂小测", "note": "考查监督执纪"}),
    ]
    lesson.save_revision().publish()
    api.rebuild()
    api.drain()
    assert not {"question", "quiz", "paper"} & {kind.name for kind in api.kinds()}
    said = "".join(f"{document}" for kind in api.kinds() for document in kind.load(None))
    assert not [words for words in (asked, *keywords) if words in said]
    assert [seen(*one) for one in every] == before
