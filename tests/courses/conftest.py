"""People who work in the admin, and the forms that they send."""

import json

import pytest
from django.contrib.auth.models import Group
from wagtail.test.utils.form_data import nested_form_data

from courses.catalogue.setup import EDITORS, MODERATORS, ensure_editors
from people.models import MemberStatus
from tests.factories import MemberFactory


def staff(name, *groups):
    member = MemberFactory(username=name, name=name, status=MemberStatus.STAFF, organization=None)
    ensure_editors()
    member.groups.set(Group.objects.filter(name__in=groups))
    return member


@pytest.fixture
def editor(db):
    return staff("editor", EDITORS)


@pytest.fixture
def moderator(db):
    return staff("moderator", MODERATORS)


@pytest.fixture
def editing(client, editor):
    client.force_login(editor)
    return client


@pytest.fixture
def moderating(client, moderator):
    client.force_login(moderator)
    return client


def blocks(*values):
    """StreamField blocks (type, value) as the page editor posts them."""
    data = {"count": str(len(values))}
    for place, (type_, value) in enumerate(values):
        data[str(place)] = {"id": "", "order": str(place), "deleted": "", "type": type_, "value": value}
    return data


def rich_text(text):
    return json.dumps(
        {
            "blocks": [
                {
                    "key": "a",
                    "text": text,
                    "type": "unstyled",
                    "depth": 0,
                    "inlineStyleRanges": [],
                    "entityRanges": [],
                }
            ],
            "entityMap": {},
        }
    )


def lesson_form(title="第一课", lecture=None, **more):
    parts = [("text", rich_text("民主集中制是根本组织原则。"))]
    if lecture is not None:
        parts.append(("lecture", {"asset": str(lecture.pk)}))
    comments = {"TOTAL_FORMS": 0, "INITIAL_FORMS": 0, "MIN_NUM_FORMS": 0, "MAX_NUM_FORMS": 1000}
    return nested_form_data(
        {
            "title": title,
            "slug": "di-yi-ke",
            "summary": "",
            "body": blocks(*parts),
            "due_on": "",
            "reading_s": "",
            "go_live_at": "",
            "expire_at": "",
            "comment_notifications": "",
            "comments": comments,
            **more,
        }
    )
