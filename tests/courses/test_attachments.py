"""An attached file is as open as the pages that it hangs on."""

import pytest
from django.core.files.base import ContentFile
from wagtail.documents.models import Document

from courses.catalogue.models import Disclosure, PolicyAttachment
from tests.factories import (
    AdministratorFactory,
    LessonFactory,
    MemberFactory,
    PartyOrganizationFactory,
    PolicyFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def document():
    return Document.objects.create(title="申请表", file=ContentFile("申请表".encode(), name="form.txt"))


@pytest.fixture
def west():
    return PartyOrganizationFactory(code="001.001", name="城西党委")


def attach(document, capture, **policy):
    with capture(execute=True):
        page = PolicyFactory(**policy)
        page.attachments.add(PolicyAttachment(document=document))
        page.save()
    return page


def answers(client, document, *members):
    """Status codes for each of `members` (None: not signed in)."""
    codes = []
    for member in members:
        client.logout()
        if member is not None:
            client.force_login(member)
        codes.append(client.get(document.url).status_code)
    return codes


def test_a_subtrees_attachment_is_absent_for_everybody_else(
    client, document, west, django_capture_on_commit_callbacks
):
    attach(document, django_capture_on_commit_callbacks, disclosure=Disclosure.SUBTREE, opened_to=[west])

    codes = answers(
        client, document, MemberFactory(organization=west), MemberFactory(), None, AdministratorFactory()
    )

    assert codes == [200, 404, 404, 200]


def test_a_public_policys_attachment_is_for_everybody(client, document, django_capture_on_commit_callbacks):
    attach(document, django_capture_on_commit_callbacks, disclosure=Disclosure.PUBLIC)

    assert answers(client, document, None, MemberFactory()) == [200, 200]


def test_an_unpublished_pages_attachment_is_absent(client, document, django_capture_on_commit_callbacks):
    attach(document, django_capture_on_commit_callbacks, disclosure=Disclosure.PUBLIC, live=False)

    assert answers(client, document, None, MemberFactory()) == [404, 404]


def test_an_attachment_in_a_lessons_text_is_as_open_as_its_course(
    client, document, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        lesson = LessonFactory()
        lesson.body = [("attachment", {"document": document, "title": ""})]
        lesson.save()

    assert answers(client, document, MemberFactory(), None) == [200, 404]


def test_a_file_that_hangs_nowhere_is_for_editors_only(client, document):
    assert answers(client, document, MemberFactory(), None, AdministratorFactory()) == [404, 404, 200]
