"""The member's pages as a browser without script sees them: complete, in Chinese, in the frame, within the rules."""

import re
from datetime import date, timedelta
from itertools import pairwise

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from courses.catalogue.models import CourseCategory, Disclosure, PolicyCategory
from people.api import notify
from people.models import Notice, PostRole
from portal.models import SiteFrame
from portal.views import daypart
from tests.factories import (
    CourseFactory,
    LessonFactory,
    MemberFactory,
    PartyOrganizationFactory,
    PlayableAssetFactory,
    PolicyFactory,
    PostFactory,
)

pytestmark = pytest.mark.django_db

SPOKEN_LATIN = {"ICP", "GB", "T", "WCAG", "AA", "Excel", "VR", "CC", "BY"}
"""Latin words that Chinese readers expect."""


@pytest.fixture
def branch():
    above = PartyOrganizationFactory(code="001", name="海棠街道党工委", contact_phone="0000-6688100")
    return PartyOrganizationFactory(parent=above, code="001.001", name="桂花社区第一党支部")


@pytest.fixture
def member(branch):
    return MemberFactory(username="李秀兰", name="李秀兰", organization=branch)


@pytest.fixture
def client(member):
    browser = Client(HTTP_ACCEPT="text/html")
    browser.force_login(member, backend="people.sign_in.UsernameOrPhoneBackend")
    return browser


@pytest.fixture
def stranger():
    return Client(HTTP_ACCEPT="text/html")


@pytest.fixture
def library(settings, tmp_path):
    """One course of two lessons (a text and a lecture), open to members, and one public policy."""
    settings.MEDIA_ROOT = tmp_path
    course = CourseFactory(
        title="党章学习", slug="dangzhang", required=True, due_on=timezone.localdate() + timedelta(9)
    )
    LessonFactory(parent=course, title="党员的义务和权利", slug="yiwu")
    LessonFactory(parent=course, title="六条基本原则", slug="liutiao", lecture=PlayableAssetFactory())
    PolicyFactory(
        title="学时认定办法",
        slug="xueshi",
        disclosure=Disclosure.PUBLIC,
        body='[{"type": "text", "value": "<h3>总则</h3><p>第一条</p>"}]',
    )
    return course


def soup(response) -> BeautifulSoup:
    return BeautifulSoup(response.content.decode(), "html.parser")


def words(page: BeautifulSoup) -> str:
    """What a reader sees and what a screen reader says."""
    for hidden in page(["script", "style", "symbol", "template"]):
        hidden.decompose()
    spoken = [
        tag.get(name, "")
        for tag in page.find_all(True)
        for name in ("aria-label", "placeholder", "title", "alt")
    ]
    return page.get_text(" ") + " " + " ".join(spoken)


PAGES = {
    "portal": "/",
    "study": "/study/",
    "archive": "/archive/",
    "me": "/my/",
    "notices": "/my/notices/",
    "courses": "/courses/",
    "a category without courses": "/courses/?category=SKILLS",
    "course": "/courses/dangzhang/",
    "reading": "/courses/dangzhang/yiwu/",
    "lecture": "/courses/dangzhang/liutiao/",
    "policies": "/policy/",
    "policies, none": "/policy/?category=GUIDE&in_force=1",
    "policy": "/policy/xueshi/",
    "search": "/search/",
    "password": "/accounts/password/change/",
    "logout": "/accounts/logout/",
    "privacy": "/privacy/",
    "accessibility": "/accessibility/",
    "offline": "/offline/",
}


FOR_MEMBERS = {"study", "archive", "me", "notices", "course", "reading", "lecture", "password", "logout"}


def faults_of(response) -> list[str]:
    """What a page lacks of what every page promises."""
    page, found = soup(response), []

    def expect(fact: object, fault: str) -> None:
        if not fact:
            found.append(fault)

    expect(response.status_code == 200, f"answers {response.status_code}")
    expect(page.html["lang"] == "zh-Hans", "its language")
    expect(page.title.get_text(strip=True), "a title")
    expect(len(page.find_all("h1")) == 1, "one h1")
    expect(len(page.find_all("main")) == 1, "one main")
    levels = [int(tag.name[1]) for tag in page.find_all(re.compile(r"^h[1-6]$"))]
    expect(all(after <= before + 1 for before, after in pairwise(levels)), f"headings {levels}")
    # No script of its own and no handlers: the content security policy would stop them.
    inline = [s for s in page.find_all("script") if not s.get("src") and s.get("type") != "application/json"]
    expect(not inline, "no inline script")
    expect(not [n for tag in page.find_all(True) for n in tag.attrs if n.startswith("on")], "no handlers")
    for tag, name in (("script", "src"), ("link", "href"), ("img", "src"), ("source", "src")):
        abroad = [t[name] for t in page.find_all(tag) if re.match(r"(https?:)?//", t.get(name, ""))]
        expect(not abroad, f"nothing from elsewhere: {abroad}")
    ids = [tag["id"] for tag in page.find_all(id=True)]
    expect(len(ids) == len(set(ids)), "ids once")
    for name in ("for", "aria-labelledby", "aria-describedby"):
        astray = [t[name] for t in page.find_all(attrs={name: True}) if t[name] not in ids]
        expect(not astray, f"{name} leads somewhere: {astray}")
    undrawn = [use["href"] for use in page.find_all("use") if use["href"][1:] not in ids]
    expect(not undrawn, f"icons are drawn: {undrawn}")
    for form in page.find_all("form", method="post"):
        expect(form.find("input", attrs={"name": "csrfmiddlewaretoken"}), "forms with their token")
        expect(form["action"].startswith("/"), "forms that go to us")
    expect(not page.find_all("img", alt=False), "pictures with alt")
    latin = set(re.findall(r"[A-Za-z]{2,}", words(page))) - SPOKEN_LATIN
    expect(not latin, f"no English: {latin}")
    return found


@pytest.mark.parametrize("who", ["member", "elder", "stranger"])
def test_every_page_is_whole_and_in_chinese(client, stranger, member, library, who):
    # given a member in one of the versions, or somebody without a sign-in
    member.elder_mode = who == "elder"
    member.save()
    browser = stranger if who == "stranger" else client
    # when every page is opened
    found = {}
    for name, path in PAGES.items():
        response = browser.get(path, follow=True)
        if who == "stranger" and name in FOR_MEMBERS:
            assert response.redirect_chain or response.status_code == 404, name
            continue
        found[name] = faults_of(response)
    # then each keeps what every page promises
    assert {name: faults for name, faults in found.items() if faults} == {}


@pytest.mark.parametrize("path", ["/study/", "/archive/", "/my/", "/my/notices/"])
def test_own_pages_lead_to_the_sign_in_and_back(stranger, path):
    response = stranger.get(path)
    assert (response.status_code, response.url) == (302, f"/accounts/login/?next={path}")


def test_signing_in_with_the_form_leads_where_one_was_going(stranger, member, library):
    page = soup(stranger.get("/accounts/login/?next=/courses/dangzhang/"))
    form = page.find("form", action="/accounts/login/")
    assert form.find("input", attrs={"name": "password"})["autocomplete"] == "current-password"
    given = {tag["name"]: tag.get("value", "") for tag in form.find_all("input")}
    wrong = stranger.post("/accounts/login/", given | {"login": member.username, "password": "falsch-2026"})
    assert wrong.status_code == 200
    assert soup(wrong).find(class_="msg--error", attrs={"role": "alert"})
    right = stranger.post("/accounts/login/", given | {"login": member.username, "password": "study-2026"})
    assert (right.status_code, right.url) == (302, "/courses/dangzhang/")


# The frame


def test_the_frame_says_who_is_responsible(stranger):
    # given what an administrator wrote
    frame = SiteFrame.load()
    frame.wordmark, frame.host_organization = "海棠网上党校", "中共海棠县委组织部"
    frame.icp_number, frame.help_telephone = "某ICP备00000000号", "0000-6688100"
    frame.headline, frame.search_hints = "把党课带在身边，学过的都算数", "党费 民主评议"
    frame.save()
    # when anybody opens the portal
    page = soup(stranger.get("/"))
    # then it stands there
    assert page.title.get_text() == "海棠网上党校"
    assert page.find(class_="head__mark").get_text() == "海棠网上党校"
    foot = page.find("footer").get_text(" ", strip=True)
    assert "主办：中共海棠县委组织部" in foot and "某ICP备00000000号" in foot
    assert page.find("footer").find("a", href="tel:0000-6688100")
    assert [line.get_text() for line in page.h1.find_all("span")] == ["把党课带在身边，", "学过的都算数"]
    assert [a.get_text() for a in page.find(class_="hero__hints").find_all("a")] == ["党费", "民主评议"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/study/", "学习"),
        ("/archive/", "学习"),
        ("/courses/dangzhang/", "课程"),
        ("/search/", "检索"),
        ("/my/", "我的"),
    ],
)
def test_the_tab_of_the_place_is_marked(client, library, path, name):
    tabs = soup(client.get(path)).find("nav", class_="tabbar")
    assert [tab.get_text(strip=True) for tab in tabs.find_all("a", attrs={"aria-current": "page"})] == [name]
    assert [tab.get_text(strip=True) for tab in tabs.find_all("a")] == ["学习", "课程", "检索", "我的"]


def test_the_desk_is_shown_to_organisers_only(client, member):
    assert not soup(client.get("/")).find("a", href="/board/")
    PostFactory(member=member, organization=member.organization, role=PostRole.SECRETARY)
    assert soup(client.get("/")).find("a", href="/board/")


# My study


def test_my_study_of_a_new_member(client, library):
    page = soup(client.get("/study/"))
    assert page.find(class_="standing__figure").get_text(" ", strip=True) == "0 / 32 学时"
    assert "还差 32 学时。先学下面 2 项。" in page.find(class_="standing").get_text()
    rows = page.find(id="due").find_parent("section").find_all("a", class_="row")
    assert [row.find(class_="row__title").get_text(strip=True) for row in rows] == [
        "党员的义务和权利",
        "六条基本原则",
    ]
    assert all("未开始" in row.get_text() for row in rows)
    assert not page.find(id="go-on")


def test_my_study_without_anything_says_what_will_come(client):
    assert "有完成期限的课会出现在这里" in client.get("/study/").content.decode()


def test_many_due_lessons_are_shortened_until_one_asks(client):
    course = CourseFactory(due_on=timezone.localdate() + timedelta(5))
    for _ in range(7):
        LessonFactory(parent=course)
    count = lambda page: len(page.find(id="due").find_parent("section").find_all("a", class_="row"))  # noqa: E731
    short = soup(client.get("/study/"))
    assert count(short) == 5
    assert short.find("a", href="?due=all#due").get_text(strip=True).startswith("全部 7 项")
    assert count(soup(client.get("/study/?due=all"))) == 7


@pytest.mark.parametrize(
    ("hour", "said"),
    [
        (0, "您好"),
        (5, "上午好"),
        (10, "上午好"),
        (11, "中午好"),
        (13, "下午好"),
        (18, "晚上好"),
        (23, "晚上好"),
    ],
)
def test_the_greeting_follows_the_clock(hour, said):
    assert daypart(hour) == said


# Elder mode


def test_elder_version_is_chosen_by_a_form_and_stays_with_the_member(client, member, library):
    # given the ordinary version
    assert "class" not in soup(client.get("/study/")).html.attrs
    # when she chooses the elder version
    answer = client.post("/elder/", {"on": "1", "next": "/study/"})
    # then she is back where she was, with four choices and a way back
    assert (answer.status_code, answer.url) == (302, "/study/")
    page = soup(client.get("/study/"))
    assert page.html["class"] == ["elder"]
    choices = page.find("ul", class_="elder-choices").find_all("a", class_="elder-choice")
    assert [choice.find(class_="elder-choice__name").get_text() for choice in choices] == [
        "开始学",
        "听课",
        "要学的课",
        "找人帮忙",
    ]
    assert choices[0]["href"].endswith("/yiwu/#player")
    # and also on another device
    elsewhere = Client()
    elsewhere.force_login(member, backend="people.sign_in.UsernameOrPhoneBackend")
    assert soup(elsewhere.get("/")).html["class"] == ["elder"]
    # when she goes back
    client.post("/elder/", {"on": "0", "next": "/study/"})
    member.refresh_from_db()
    assert member.elder_mode is False


def test_elder_version_without_an_account_stays_on_the_device(stranger):
    stranger.post("/elder/", {"on": "1", "next": "/"})
    assert soup(stranger.get("/courses/")).html["class"] == ["elder"]
    assert "class" not in soup(Client().get("/")).html.attrs


@pytest.mark.parametrize(
    "next_", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)", ""]
)
def test_switching_never_leads_off_the_site(client, next_):
    assert client.post("/elder/", {"on": "1", "next": next_}).url == "/"


def test_switching_is_no_link(client):
    assert client.get("/elder/").status_code == 405


def test_help_calls_the_office_and_names_the_secretary_but_never_a_mobile(client, member, branch):
    secretary = MemberFactory(name="王建国", organization=branch, phone="13800001234")
    PostFactory(member=secretary, organization=branch, role=PostRole.SECRETARY)
    client.post("/elder/", {"on": "1"})
    text = client.get("/study/").content.decode()
    # the nearest office is that of the committee above
    assert 'href="tel:0000-6688100"' in text and "打电话给海棠街道党工委" in text
    assert "1380000" not in text + client.get("/my/").content.decode()
    # with an office of the branch's own it is the secretary who answers
    branch.contact_phone = "0000-6688123"
    branch.save()
    text = client.get("/study/").content.decode()
    assert 'href="tel:0000-6688123"' in text and "打电话给支部书记王建国" in text


def test_a_former_secretary_is_not_named(client, branch):
    PostFactory(
        member=MemberFactory(name="旧书记", organization=branch),
        organization=branch,
        role=PostRole.SECRETARY,
        started_on=date(2015, 1, 1),
        ended_on=date(2020, 1, 1),
    )
    assert "旧书记" not in client.get("/my/").content.decode()


# Notices


def test_notices_are_counted_read_and_ones_own(client, member):
    # given one notice of hers and one of somebody else
    notify(member, kind="reminder", title="还差 3 学时", text="请接着学", link="/study/", dedupe_key="a")
    other = MemberFactory()
    notify(other, kind="reminder", title="别人的通知", dedupe_key="a")
    mine, theirs = Notice.objects.get(member=member), Notice.objects.get(member=other)
    # when she looks at any page
    bell = soup(client.get("/")).find("a", href="/my/notices/", class_="head__tool")
    assert bell["aria-label"] == "1 条未读通知"
    inbox = client.get("/my/notices/").content.decode()
    assert "还差 3 学时" in inbox and "别人的通知" not in inbox
    # and opens it
    page = soup(client.get(f"/my/notices/{mine.pk}/"))
    assert page.find("a", class_="btn--primary")["href"] == "/study/"
    mine.refresh_from_db()
    first_read = mine.read_at
    assert first_read is not None
    client.get(f"/my/notices/{mine.pk}/")
    mine.refresh_from_db()
    assert mine.read_at == first_read
    # then somebody else's is not there for her, and stays unread
    assert client.get(f"/my/notices/{theirs.pk}/").status_code == 404
    client.post("/my/notices/read/")
    theirs.refresh_from_db()
    assert theirs.read_at is None


def test_a_notice_never_leads_off_the_site(client, member):
    notify(member, kind="x", title="看这里", link="https://elsewhere.example/", dedupe_key="b")
    page = client.get(f"/my/notices/{Notice.objects.get().pk}/").content.decode()
    assert "elsewhere.example" not in page


# Reading


def test_reading_counts_by_its_form_without_script(client, member, library):
    page = soup(client.get("/courses/dangzhang/yiwu/"))
    form = page.find("form", class_="reading-done")
    given = {tag["name"]: tag.get("value", "") for tag in form.find_all("input")}
    # too early: kept, told what is missing, back at the lesson
    answer = client.post(form["action"], given, follow=True)
    assert answer.redirect_chain == [("/courses/dangzhang/yiwu/", 302)]
    assert "还差" in soup(answer).find(class_="msg").get_text()


def test_a_made_up_token_moves_nothing(client, library):
    answer = client.post("/study/read/", {"token": "x.y", "next": "/courses/dangzhang/yiwu/"}, follow=True)
    assert soup(answer).find(class_="msg--error")
    assert "已记入" not in answer.content.decode()


# Courses and policies


def test_what_is_not_open_looks_like_an_absence(client, stranger, library):
    secret = PartyOrganizationFactory(code="009", name="别处支部")
    hidden = CourseFactory(slug="neibu", disclosure=Disclosure.SUBTREE, opened_to=[secret])
    absent, refused = client.get("/courses/nothing/"), client.get(hidden.url)
    assert (absent.status_code, refused.status_code) == (404, 404)

    def without_token(response):
        own = r'(csrfmiddlewaretoken" value|name="next" value)="[^"]*"'
        return re.sub(own, "", response.content.decode())

    assert without_token(absent) == without_token(refused)
    # a stranger is told that a sign-in may help, and led back here
    page = soup(stranger.get("/courses/dangzhang/"))
    assert page.find("a", string="登录后再看")["href"] == "/accounts/login/?next=/courses/dangzhang/"


def test_policies_show_source_number_and_validity(stranger):
    PolicyFactory(title="旧办法", slug="old", disclosure=Disclosure.PUBLIC, valid_until=date(2020, 12, 31))
    page = soup(stranger.get("/policy/"))
    row = page.find("a", class_="row", href="/policy/old/").get_text(" ", strip=True)
    for word in ("旧办法", "中共海棠县委组织部", "海组发〔2026〕3号", "已失效"):
        assert word in row
    details = soup(stranger.get("/policy/old/")).find("dl").get_text(" ", strip=True)
    assert "至 2020 年 12 月 31 日" in details
    assert not soup(stranger.get("/policy/?in_force=1")).find("a", href="/policy/old/")


def test_long_lists_have_pages_that_keep_the_filter(stranger):
    for number in range(21):
        PolicyFactory(slug=f"p{number}", disclosure=Disclosure.PUBLIC, category=PolicyCategory.LOCAL)
    page = soup(stranger.get("/policy/?category=LOCAL"))
    assert page.find("nav", class_="pages").find("a", rel="next")["href"] == "?category=LOCAL&p=2"


def test_a_category_is_marked_and_can_be_left(client, library):
    page = soup(client.get(f"/courses/?category={CourseCategory.THEORY}"))
    chosen = page.find("nav", class_="choices").find_all(attrs={"aria-current": "true"})
    assert [choice.get_text(strip=True) for choice in chosen] == ["政治理论"]
    assert page.find("a", class_="choice", href="/courses/")


def test_a_lecture_without_script_still_plays_and_names_its_place(client, library, monkeypatch):
    page = soup(client.get("/courses/dangzhang/liutiao/"))
    assert page.find("a", href="/courses/dangzhang/")
    assert (
        page.find("aside").find("a", attrs={"aria-current": "page"}).find(class_="row__title").get_text()
        == "六条基本原则"
    )
    video = page.find("video")
    assert video is not None and video.has_attr("controls")
    assert video.find("source")["src"].startswith("/media/")


# Errors and the installed app


def test_a_form_without_its_token_says_that_nothing_was_changed(member):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(member, backend="people.sign_in.UsernameOrPhoneBackend")
    response = strict.post("/elder/", {"on": "1"})
    assert response.status_code == 403
    assert "什么都没有改动" in response.content.decode()
    member.refresh_from_db()
    assert member.elder_mode is False


def test_a_broken_page_says_what_is_safe_without_asking_the_database(django_assert_num_queries, rf):
    from portal.views import broken

    with django_assert_num_queries(0):
        response = broken(rf.get("/"))
    assert response.status_code == 500
    assert "之前学过并保存的内容都在" in response.content.decode()


def test_the_app_can_be_installed(stranger):
    SiteFrame.objects.create(wordmark="海棠网上党校")
    manifest = stranger.get("/manifest.webmanifest")
    assert manifest["Content-Type"] == "application/manifest+json"
    assert manifest.json()["name"] == "海棠网上党校"
    assert manifest.json()["start_url"] == "/study/"
    assert {icon["sizes"] for icon in manifest.json()["icons"]} == {"any", "192x192", "512x512"}
    worker = stranger.get("/service-worker.js")
    assert worker["Content-Type"].startswith("text/javascript")
    assert '"/offline/"' in worker.content.decode()
    assert "{%" not in worker.content.decode() and "&#" not in worker.content.decode()


@pytest.mark.parametrize(
    "path", ["../secrets.json", "..%2Fsecrets.json", "x/../../secrets.json", "nothing.jpg"]
)
def test_only_pictures_are_given_out_of_the_uploads(stranger, settings, tmp_path, path):
    settings.MEDIA_ROOT = tmp_path
    (tmp_path / "images").mkdir()
    (tmp_path / "secrets.json").write_text("{}")
    (tmp_path / "images" / "a.jpg").write_bytes(b"picture")
    assert stranger.get(f"/uploads/images/{path}").status_code == 404
    picture = stranger.get("/uploads/images/a.jpg")
    assert b"".join(picture.streaming_content) == b"picture"


# Query counts: the same for one and for many


@pytest.fixture
def crowd(library):
    for number in range(6):
        course = CourseFactory(slug=f"c{number}", due_on=timezone.localdate() + timedelta(20))
        for _ in range(4):
            LessonFactory(parent=course, lecture=PlayableAssetFactory())
        PolicyFactory(slug=f"p{number}", disclosure=Disclosure.PUBLIC)


def queries_of(client, path, django_assert_max_num_queries):
    client.get(path)  # warms what the site keeps between requests (content types, site roots)
    with django_assert_max_num_queries(500) as asked:
        assert client.get(path).status_code == 200
    return len(asked)


@pytest.mark.parametrize("path", ["/", "/study/?due=all", "/courses/", "/policy/", "/courses/dangzhang/"])
def test_lists_ask_the_same_however_long_they_are(
    client, library, path, django_assert_max_num_queries, request
):
    few = queries_of(client, path, django_assert_max_num_queries)
    request.getfixturevalue("crowd")
    for _ in range(5):
        LessonFactory(parent=type(library).objects.get(pk=library.pk), lecture=PlayableAssetFactory())
    many = queries_of(client, path, django_assert_max_num_queries)
    assert many <= few, (few, many)


def test_notices_ask_the_same_however_many(client, member, django_assert_max_num_queries):
    notify(member, kind="x", title="一", dedupe_key="0")
    few = queries_of(client, reverse("portal:notices"), django_assert_max_num_queries)
    for number in range(1, 20):
        notify(member, kind="x", title="多", dedupe_key=str(number))
    assert queries_of(client, reverse("portal:notices"), django_assert_max_num_queries) == few
