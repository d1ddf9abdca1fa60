"""The search boxes of the Wagtail admin find Chinese titles, and odd signs in a query are no error.

Each test runs twice: with the index, and without one (substrings of the database).
"""

import re

import pytest
from modelsearch.query import PlainText
from wagtail.models import Page
from wagtail.search.backends import get_search_backend

from search.boxes import SearchBackend
from tests.factories import PolicyFactory

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]

BOXES = {
    "pages": ("/admin/pages/search/?q=", "党费收缴使用管理办法"),
    "pages while typing": ("/admin/pages/search/results/?q=", "党费收缴使用管理办法"),
    "page chooser": ("/admin/choose-page/search/?q=", "党费收缴使用管理办法"),
    "course list": ("/admin/course_list/?q=", "党费收缴怎么算"),
    "policy list": ("/admin/policy_list/results/?q=", "党费收缴使用管理办法"),
    "images": ("/admin/images/?q=", "收党费的窗口照片"),
    "images while typing": ("/admin/images/results/?q=", "收党费的窗口照片"),
    "image chooser": ("/admin/images/chooser/results/?q=", "收党费的窗口照片"),
    "documents": ("/admin/documents/?q=", "各支部党费收缴表"),
    "document chooser": ("/admin/documents/chooser/results/?q=", "各支部党费收缴表"),
    "lectures": ("/admin/lectures/?q=", "第三讲党费收缴录像"),
    "lecture chooser": ("/admin/lecture_chooser/results/?q=", "第三讲党费收缴录像"),
}


@pytest.fixture(params=["with the index", "without an index"], autouse=True)
def whether_indexed(request, titles, up_to_date, index_dir):
    if request.param == "with the index":
        up_to_date()
    else:
        assert not (index_dir / "named" / "boxes").exists()


def test_the_backend_in_use_is_ours():
    assert type(get_search_backend()) is SearchBackend


def test_each_box_finds_a_chinese_title_by_its_middle(admin_client):
    for box, (address, title) in BOXES.items():
        assert title in admin_client.get(f"{address}党费").content.decode(), box
        assert title not in admin_client.get(f"{address}消防").content.decode(), box


def test_quotes_and_signs_are_no_error(admin_client):
    for box, (address, _title) in BOXES.items():
        for odd in ('党 "', "'党\"费' \\", '"', "%_", "(党*费) OR"):
            assert admin_client.get(address, {"q": odd}).status_code == 200, (box, odd)


def test_a_quotation_finds_what_stands_inside():
    assert {page.title for page in Page.objects.search('"党费收缴')} == {
        "党费收缴怎么算",
        "党费收缴使用管理办法",
    }
    assert [page.title for page in Page.objects.search("《党费》 办法")] == ["党费收缴使用管理办法"]
    assert list(Page.objects.search('""')) == []
    assert list(Page.objects.search("100%")) == []
    either = Page.objects.search(PlainText("消防 怎么算", operator="or"))
    assert {page.title for page in either} == {"消防条例", "党费收缴怎么算"}


def test_a_new_title_is_found_after_its_commit(admin_client, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        PolicyFactory(title="流动党员管理")
    assert "流动党员管理" in admin_client.get("/admin/pages/search/?q=党员管理").content.decode()


def test_the_list_of_pages_says_what_it_counts(admin_client):
    shown = admin_client.get("/admin/pages/search/?q=党费").content.decode()
    assert re.search(r"共 3 个\s*(\w+)", shown)[1] == "页面"
