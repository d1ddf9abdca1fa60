"""From an attached file to a member's finding it: its text, whose it is to see, and what editors are told."""

import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.urls import reverse
from wagtail.documents.models import Document

from courses.catalogue.attached import reading
from courses.catalogue.attached.hanging import state_of
from courses.catalogue.attached.models import AttachedFile, FileText
from courses.catalogue.models import Disclosure, Lesson, Policy, PolicyAttachment
from courses.catalogue.setup import ensure_attached
from media_pipeline import sandbox
from people.models import Member
from search import api
from search.models import SearchOutbox
from tests.courses.attached import files
from tests.factories import AdministratorFactory, CourseFactory, LessonFactory, MemberFactory, PolicyFactory

pytestmark = pytest.mark.django_db

ANYBODY = AnonymousUser()


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.SEARCH = {**settings.SEARCH, "INDEX_DIR": tmp_path / "search"}
    settings.MEDIA_ROOT = tmp_path / "uploads"
    api.rebuild()


def document(name: str, content: bytes, title: str = "申请表") -> Document:
    made = Document(title=title, file=ContentFile(content, name=name))
    made._set_document_file_metadata()  # as the form of an upload does
    made.save()
    return made


@pytest.fixture
def form():
    return document("form.docx", files.word("乡村振兴项目资金公示表", cells=("项目负责人", "公示期")))


def hang(page: Policy, *documents: Document, title: str = "") -> Policy:
    page.attachments.set([PolicyAttachment(document=one, title=title) for one in documents])
    page.save_revision().publish()
    return Policy.objects.get(pk=page.pk)


def found(query: str, viewer=ANYBODY):
    """Titles of attachments that `viewer` finds once everything waiting is done."""
    reading.read_waiting()
    api.drain()
    assert not SearchOutbox.objects.exists()
    told = {"course", "lesson", "policy", "attachment"}  # members made by a factory are not
    assert not any(one.differing for one in api.verify(repair=False) if one.kind in told)
    return [hit.title for hit in api.search(query, viewer, kind="attachment").hits]


def test_an_attached_file_is_found_by_its_text_and_says_where_it_hangs(form):
    policy = hang(
        PolicyFactory(title="项目管理办法", disclosure=Disclosure.PUBLIC), form, title="附件1 公示表"
    )
    assert found("项目负责人 公示期") == ["附件1 公示表"]

    hit = api.search("资金公示表", ANYBODY).hits[0]
    assert (hit.kind, hit.url) == ("attachment", f"{policy.url}#file-{form.pk}")
    assert "乡村振兴项目<mark>资金公示表</mark>" in hit.excerpt_html
    assert hit.extra == {
        "page": "项目管理办法",
        "file_type": "DOCX",
        "size_bytes": form.file_size,
        "file_url": form.url,
    }
    assert found("项目管理办法 公示表") == ["附件1 公示表"]


def test_the_place_that_a_hit_opens_is_on_the_page(client, form):
    policy = hang(PolicyFactory(disclosure=Disclosure.PUBLIC), form)
    lesson = LessonFactory(parent=CourseFactory(disclosure=Disclosure.PUBLIC))
    lesson.body = [("attachment", {"document": form, "title": ""})]
    lesson.save_revision().publish()
    for page in (policy, lesson):
        assert f'id="file-{form.pk}"' in client.get(page.url).content.decode()


def test_a_file_in_a_lessons_text_is_as_open_as_its_course(form):
    inside, outside = MemberFactory(), MemberFactory()
    course = CourseFactory(disclosure=Disclosure.SUBTREE, opened_to=[inside.organization])
    lesson = LessonFactory(parent=course, text=f'<p>请填<a linktype="document" id="{form.pk}">表</a></p>')
    inside, outside = (Member.objects.get(pk=one.pk) for one in (inside, outside))
    assert AttachedFile.objects.get().page_id == lesson.pk
    assert found("公示期", inside) == ["申请表"]
    assert found("公示期", outside) == found("公示期") == []
    assert api.search("公示期", outside).counts == {}
    assert api.suggest("申请表", outside) == []

    course.disclosure = Disclosure.PUBLIC
    course.save()
    assert found("公示期") == ["申请表"]
    course.unpublish()
    assert found("公示期") == found("公示期", inside) == []


def test_a_draft_a_withdrawn_and_a_deleted_page_show_no_file(form):
    policy = PolicyFactory(disclosure=Disclosure.PUBLIC, live=False)
    policy.attachments.set([PolicyAttachment(document=form)])
    policy.save_revision()
    assert found("公示期") == []
    policy.get_latest_revision().publish()
    assert found("公示期") == ["申请表"]
    Policy.objects.get(pk=policy.pk).unpublish()
    assert found("公示期") == []
    hang(Policy.objects.get(pk=policy.pk), form)
    assert found("公示期") == ["申请表"]
    Policy.objects.get(pk=policy.pk).delete()
    assert found("公示期") == []
    assert not AttachedFile.objects.exists()


def test_a_file_taken_off_renamed_or_deleted_is_followed(form):
    other = document("b.txt", "公示期为五个工作日".encode(), title="说明")
    policy = hang(PolicyFactory(disclosure=Disclosure.PUBLIC), form, other)
    assert sorted(found("公示期")) == ["申请表", "说明"]

    policy = hang(policy, other)
    assert found("公示期") == ["说明"]
    other.title = "公示说明"
    other.save()
    assert found("公示期") == ["公示说明"]
    LessonFactory(
        parent=CourseFactory(disclosure=Disclosure.PUBLIC),
        text=f'<p><a linktype="document" id="{form.pk}">表</a></p>',
    )
    assert sorted(found("公示期")) == ["公示说明", "申请表"]
    form.delete()
    assert found("公示期") == ["公示说明"]


def test_another_file_in_the_same_document_is_read_anew(form):
    hang(PolicyFactory(disclosure=Disclosure.PUBLIC), form)
    assert found("公示期") == ["申请表"]
    before = FileText.objects.get()
    form.file = ContentFile(files.word("责任清单与问题台账"), name="form.docx")
    form._set_document_file_metadata()
    form.save()
    assert found("问题台账") == ["申请表"]
    assert found("公示期") == []
    assert FileText.objects.get().sha256 != before.sha256


def test_a_file_is_read_once_and_equal_files_once_for_all(form, monkeypatch):
    asked = []
    read_apart = reading._read_apart
    monkeypatch.setattr(reading, "_read_apart", lambda *a: asked.append(a) or read_apart(*a))
    twin = document("twin.docx", form.file.storage.open(form.file.name).read())
    assert reading.read_waiting() == 2
    assert reading.read_waiting() == 0
    assert len(asked) == 1
    texts = dict(FileText.objects.values_list("document_id", "text"))
    assert texts[twin.pk] == texts[form.pk] == "乡村振兴项目资金公示表\n项目负责人\n公示期"

    monkeypatch.setattr(reading, "READER", reading.READER + 1)
    assert reading.read_waiting() == 2 and len(asked) == 2


def test_an_upload_rings_for_the_reader(form, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        made = document("c.txt", "会议记录".encode())
    assert FileText.objects.get(document=made).text == "会议记录"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.pdf", lambda: files.pdf("机密", password="8848"), "有密码"),
        ("a.pdf", lambda: files.pdf(""), "扫描"),
        ("a.docx", lambda: b"PK\x03\x04 cut off", "已损坏"),
        ("a.zip", lambda: b"PK\x05\x06" + b"\0" * 18, "PDF、Word、Excel"),
    ],
)
def test_an_editor_is_told_what_cannot_be_searched_and_what_to_do(client, name, content, said):
    policy = hang(
        PolicyFactory(title="实施办法", disclosure=Disclosure.PUBLIC), document(name, content(), title="样表")
    )
    assert found("样表 实施办法") == ["样表"]
    ((title, sentence),) = state_of(policy)
    assert title == "样表" and said in sentence
    client.force_login(AdministratorFactory())
    shown = client.get(reverse("wagtailadmin_pages:edit", args=[policy.pk])).content.decode()
    assert sentence in shown


def test_an_editor_is_told_nothing_of_files_that_were_read(client, form):
    policy = hang(PolicyFactory(), form)
    assert [said for _name, said in state_of(policy)] == ["正在读取其中的文字，一两分钟后就能搜到。"]
    reading.read_waiting()
    assert state_of(policy) == []
    client.force_login(AdministratorFactory())
    shown = client.get(reverse("wagtailadmin_pages:edit", args=[policy.pk])).content.decode()
    assert "党员可以按附件里的文字找到附件" not in shown


def test_a_reader_that_is_stopped_harms_nothing_and_keeps_nobody_waiting(form, monkeypatch, tmp_path):
    """Given a file whose reading would never end, then it is stopped, said, and the next file is read."""
    slow = tmp_path / "slow.py"
    slow.write_text(
        "import sys, json\nwhile sys.argv[2] == 'slow.txt': pass\n" + Path(reading._PROGRAM).read_text()
    )
    monkeypatch.setattr(reading, "_PROGRAM", str(slow))
    monkeypatch.setattr(reading, "LIMITS", reading.Limits(wall_s=3, cpu_s=1, memory_bytes=1024**3))
    made = document("slow.txt", "甲".encode())
    assert reading.read_waiting() == 2
    assert FileText.objects.get(document=made).unread == "TOO_LARGE"
    assert FileText.objects.get(document=form).unread == ""


def test_the_reader_sees_nothing_but_the_file_that_it_reads(form, monkeypatch, tmp_path):
    """Given a reader that a file has taken over, then what it tells of the disk is nothing."""
    secret = tmp_path / "secret.txt"
    secret.write_text("机密")
    taken_over = tmp_path / "taken_over.py"
    taken_over.write_text(
        "import json, pathlib\n"
        f"told = [path for path in ({str(secret)!r}, '/etc/passwd') if pathlib.Path(path).exists()]\n"
        "print(json.dumps({'text': ' '.join(told) or 'nothing', 'unread': '', 'is_cut': False}))\n"
    )
    monkeypatch.setattr(reading, "_PROGRAM", str(taken_over))
    if sandbox.available(sys.executable, sandbox.PYTHON) is None:
        pytest.skip("bubblewrap does not work here")
    assert reading.read_waiting() == 1
    assert FileText.objects.get(document=form).text == "nothing"


def test_without_the_sandbox_that_is_required_files_wait(form, settings, monkeypatch, caplog):
    document("another.txt", "甲".encode())
    monkeypatch.setattr(sandbox, "available", lambda program, sees=(): None)
    settings.MEDIA_PIPELINE = {**settings.MEDIA_PIPELINE, "SANDBOX": "require"}
    assert reading.read_waiting() == 0
    assert caplog.text.count("bubblewrap does not work here") == 1  # not once for each file, every minute
    settings.MEDIA_PIPELINE = {**settings.MEDIA_PIPELINE, "SANDBOX": "auto"}
    assert reading.read_waiting() == 2
    assert FileText.objects.get(document=form).unread == ""


def test_a_file_that_needs_more_memory_than_there_is_for_it_is_too_large(monkeypatch):
    monkeypatch.setattr(reading, "LIMITS", reading.Limits(wall_s=20, cpu_s=10, memory_bytes=40 * 1024**2))
    made = document("a.txt", b"a" * 400_000)
    made_large = document("b.docx", files.bomb(30))
    assert reading.read_waiting() == 2
    assert FileText.objects.get(document=made).unread == ""
    assert FileText.objects.get(document=made_large).unread in {"TOO_LARGE", "BROKEN"}


def test_a_file_that_is_gone_is_said_and_an_ailing_storage_is_asked_again(form, monkeypatch):
    lost = document("lost.txt", b"a")
    lost.file.storage.delete(lost.file.name)

    def down(*args):
        raise OSError("the storage does not answer")

    with monkeypatch.context() as ailing:
        ailing.setattr(FileSystemStorage, "open", down)
        assert reading.read_waiting() == 0
    assert not FileText.objects.exists()
    assert reading.read_waiting() == 2
    assert FileText.objects.get(document=lost).unread == "MISSING"


def test_pages_from_before_files_could_be_searched_are_taken_up_after_a_migrate(form):
    hang(PolicyFactory(disclosure=Disclosure.PUBLIC), form)
    AttachedFile.objects.all().delete()
    assert found("公示期") == []
    ensure_attached()
    assert found("公示期") == ["申请表"]
    with_rows = set(AttachedFile.objects.values_list("pk", flat=True))
    ensure_attached()
    assert set(AttachedFile.objects.values_list("pk", flat=True)) == with_rows


def test_loading_costs_the_same_however_many(form, django_assert_max_num_queries):
    lesson = Lesson.objects.get(
        pk=LessonFactory(text=f'<p><a linktype="document" id="{form.pk}">表</a></p>').pk
    )
    for _ in range(4):
        hang(PolicyFactory(), form)
    from courses.catalogue.attached.documents import load_attachments

    with django_assert_max_num_queries(9):
        # the rows; policies, whom they are opened to; lessons; courses, whom; texts; the site's root for addresses
        assert len(list(load_attachments(None))) == 5
    assert lesson.live
