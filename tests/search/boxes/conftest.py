"""Titles of courses, policies, images, documents and lectures, and the index of the boxes brought up to date."""

import pytest
from django.core.files.base import ContentFile
from wagtail.documents.models import Document
from wagtail.images.models import Image
from wagtail.images.tests.utils import get_test_image_file

from people.models import Member
from search import indexing
from search.boxes.objects import INDEX
from tests.factories import CourseFactory, LessonFactory, PlayableAssetFactory, PolicyFactory


@pytest.fixture
def up_to_date():
    """A function that does the worker's turn for the boxes; says how many changes were taken up."""
    return lambda: indexing.drain_one(INDEX)


@pytest.fixture
def titles(db, engine_kind, tmp_path, settings):
    settings.MEDIA_ROOT = str(tmp_path)
    course = CourseFactory(title="党费收缴怎么算")
    LessonFactory(parent=course, title="谁来收党费")
    PolicyFactory(title="党费收缴使用管理办法")
    PolicyFactory(title="消防条例")
    Image.objects.create(title="收党费的窗口照片", file=get_test_image_file())
    Document.objects.create(title="各支部党费收缴表", file=ContentFile(b"x", "a.pdf"))
    PlayableAssetFactory(title="第三讲党费收缴录像")


@pytest.fixture
def indexed(titles, up_to_date):
    """The titles, in the index."""
    up_to_date()


@pytest.fixture
def admin_client(client, db):
    client.force_login(
        Member.objects.create_superuser("root", name="管理员"),
        backend="people.sign_in.UsernameOrPhoneBackend",
    )
    return client
