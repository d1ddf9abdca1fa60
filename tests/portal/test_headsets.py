"""在头显里打开: who gets which list, by which code, for how long."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.test import Client

from courses.catalogue.models import Disclosure
from portal import headsets
from tests.factories import CourseFactory, LessonFactory, MemberFactory, PlayableAssetFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_codes():
    cache.clear()


def panorama(title, *, disclosure=Disclosure.ALL_MEMBERS, projection="EQUIRECT", **recipe):
    asset = PlayableAssetFactory(
        title=title, projection=projection, folder=f"sets/ab/{title}/0123456789abcdef"
    )
    lesson = LessonFactory(title=title, lecture=asset, parent=CourseFactory(disclosure=disclosure))
    asset.refresh_from_db()
    asset.contents |= {"projection": projection, "recipe": recipe}
    asset.save()
    return lesson


def titles(answer):
    return [one["title"] for scene in answer.json()["scenes"] for one in scene["list"]]


def test_a_member_sees_the_panoramas_open_to_her_without_a_cookie():
    member = MemberFactory()
    panorama("展馆")
    panorama("别处的展馆", disclosure=Disclosure.SUBTREE)
    panorama("平面课", projection="FLAT")
    panorama("加密的展馆", protected=True)
    code = headsets.code_for(member)

    answer = Client().get(f"/deovr/{code}")

    assert titles(answer) == ["展馆"]
    (one,) = answer.json()["scenes"][0]["list"]
    assert set(one) == {"title", "videoLength", "thumbnailUrl", "video_url"}
    assert one["video_url"].startswith("http://testserver/media/") and one["video_url"].endswith(
        "/deovr.json"
    )
    assert one["videoLength"] == 2712


def test_heresphere_may_post():
    panorama("展馆")
    code = headsets.code_for(MemberFactory())

    answer = Client(enforce_csrf_checks=True).post(
        f"/heresphere/{code}", "{}", content_type="application/json"
    )

    assert answer.headers["HereSphere-JSON-Version"] == "1"
    (address,) = answer.json()["library"][0]["list"]
    assert address.endswith("/heresphere.json")


def test_an_unknown_code_is_nobodys():
    panorama("展馆")
    panorama("开放日", disclosure=Disclosure.PUBLIC)

    assert titles(Client().get("/deovr/abcdefghjkmn")) == ["开放日"]


def test_a_code_ends_with_the_password_and_with_the_account():
    member = MemberFactory()
    panorama("展馆")
    code = headsets.code_for(member)
    assert titles(Client().get(f"/deovr/{code.upper()}")) == ["展馆"]

    member.set_password("另一个很长的密码-2026")
    member.save()
    assert titles(Client().get(f"/deovr/{code}")) == []
    fresh = headsets.code_for(member)
    assert fresh != code
    assert titles(Client().get(f"/deovr/{fresh}")) == ["展馆"]
    member.is_active = False
    member.save()
    assert titles(Client().get(f"/deovr/{fresh}")) == []


def test_a_code_is_the_same_until_it_ends_and_different_for_everybody():
    one, other = MemberFactory(), MemberFactory()

    assert headsets.code_for(one) == headsets.code_for(one)
    assert headsets.code_for(one) != headsets.code_for(other)
    assert len(headsets.code_for(one)) == 12


def test_a_closed_course_is_gone_from_the_list():
    member = MemberFactory()
    lesson = panorama("展馆")
    code = headsets.code_for(member)
    lesson.get_parent().unpublish()

    assert titles(Client().get(f"/deovr/{code}")) == []


def test_the_page_shows_both_doors(client):
    member = MemberFactory()
    panorama("展馆")
    assert client.get("/headset/").status_code == 302

    client.force_login(member)
    text = client.get("/headset/").content.decode()

    code = headsets.code_for(member)
    assert f"http://testserver/deovr/{code}" in text and f"http://testserver/heresphere/{code}" in text
    assert text.count("<svg") >= 2 and "展馆" in text


def test_without_a_panorama_the_page_says_so(client):
    client.force_login(MemberFactory())

    assert "/deovr/" not in client.get("/headset/").content.decode()


def test_a_stranger_has_no_list_of_hers():
    assert headsets._panoramas(AnonymousUser()) == []
