"""Certificates: numbers with a check, a page for strangers that shows little, no walking through numbers."""

import io
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pypdfium2
import pytest
from django.core.cache import cache
from django.db import IntegrityError
from hypothesis import given
from hypothesis import strategies as st

from courses.archive.certificates import api
from courses.archive.certificates.brake import LOOKUPS
from courses.archive.certificates.document import certificate_pdf
from courses.archive.certificates.numbers import number_of, tidy
from courses.archive.classes import api as classes
from courses.archive.errors import CertificateRevoked, NotAllowed, ReasonMissing
from courses.archive.models import Certificate
from people.models import AuditEntry
from tests.factories import MemberFactory, PartyOrganizationFactory, PostFactory

pytestmark = pytest.mark.django_db

CODES = st.from_regex(r"[0-9A-Z]{1,4}(\.[0-9A-Z]{1,3}){0,3}", fullmatch=True)
SERIALS = st.integers(1, 999_999)


# Numbers


@pytest.mark.parametrize(
    ("code", "year", "serial", "number"),
    [
        ("001.002", 2026, 1, "001.002-2026-000001-65"),
        ("001", 2027, 999_999, "001-2027-999999-04"),
        ("hs.1", 2026, 12, "HS.1-2026-000012-09"),
    ],
)
def test_numbers(code, year, serial, number):
    assert number_of(code, year, serial) == number
    assert tidy(number) == number


@given(CODES, SERIALS, st.data())
def test_one_wrong_digit_or_two_changed_about_are_found(code, serial, data):
    number = number_of(code, 2026, serial)
    assert tidy(f" {number.lower()} ") == number
    places = [place for place, sign in enumerate(number) if sign.isdigit()]
    place = data.draw(st.sampled_from(places))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != number[place]]))
    assert tidy(number[:place] + other + number[place + 1 :]) is None
    if place + 1 in places and number[place] != number[place + 1]:
        swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
        assert tidy(swapped) is None


@pytest.mark.parametrize(
    "text", ["", "x", "001-2026-000001", "001-2026-1-65", "' OR 1=1 --", "张-2026-000001-00"]
)
def test_what_is_no_number(text):
    assert tidy(text) is None


@pytest.mark.parametrize(("year", "serial"), [(2026, 0), (2026, 1_000_000), (26, 1)])
def test_numbers_that_cannot_be(year, serial):
    with pytest.raises(ValueError, match=f"{year} {serial}"):
        number_of("001", year, serial)


# Issuing and revoking


@pytest.fixture
def committee(clock):
    return PartyOrganizationFactory(code="001.002", name="桂花社区党委")


@pytest.fixture
def organiser(committee):
    return PostFactory(member=MemberFactory(organization=committee)).member


def conclude_for(committee, organiser, *members, title="书记轮训班"):
    course = classes.open_class(
        committee,
        actor=organiser,
        title=title,
        mode="CENTRAL_OFFLINE",
        starts_on=date(2026, 6, 9),
        ends_on=date(2026, 6, 10),
    )
    session = classes.add_session(
        course, actor=organiser, title="第一讲", held_on=date(2026, 6, 9), hours=Decimal(4)
    )
    classes.enter(course, members, actor=organiser)
    classes.mark_attendance(session, {p.pk: "PRESENT" for p in course.roster.all()}, actor=organiser)
    classes.conclude(course, actor=organiser)
    return course


@pytest.fixture
def member(committee):
    return MemberFactory(organization=committee, name="欧阳文")


@pytest.fixture
def certificate(committee, organiser, member):
    conclude_for(committee, organiser, member)
    return Certificate.objects.get()


def test_serials_run_by_organisation_and_year(committee, organiser, certificate):
    conclude_for(
        committee, organiser, *(MemberFactory(organization=committee) for _n in range(3)), title="第二期"
    )
    other = PartyOrganizationFactory(code="003")
    conclude_for(
        other, PostFactory(member=MemberFactory(organization=other)).member, MemberFactory(organization=other)
    )
    serials = Certificate.objects.order_by("organization_code", "serial")
    assert list(serials.values_list("organization_code", "serial")) == [
        ("001.002", 1), ("001.002", 2), ("001.002", 3), ("001.002", 4), ("003", 1),
    ]  # fmt: skip


def test_two_who_ask_for_the_next_number_at_once_get_different_ones(
    certificate, committee, organiser, monkeypatch
):
    # given one whose look at the numbers came before the other's commit
    real, looks = api.number_of, []

    def stale(code, year, serial):
        looks.append(serial)
        if len(looks) == 1:
            raise IntegrityError("somebody else was faster")
        return real(code, year, serial)

    monkeypatch.setattr(api, "number_of", stale)
    conclude_for(committee, organiser, MemberFactory(organization=committee), title="第二期")
    assert looks == [2, 2]
    assert Certificate.objects.count() == 2


def test_issuing_again_gives_the_same(certificate):
    assert api.issue(certificate.place, actor=None) == certificate
    assert Certificate.objects.count() == 1


def test_revoking_needs_a_reason_a_post_and_somebody_else(certificate, organiser, member, committee):
    stranger = PostFactory(member=MemberFactory()).member
    PostFactory(member=member)
    for who in (stranger, member):
        with pytest.raises(NotAllowed):
            api.revoke(certificate, actor=who, reason="x")
    with pytest.raises(ReasonMissing):
        api.revoke(certificate, actor=organiser, reason=" ")
    certificate.refresh_from_db()
    assert certificate.revoked_at is None
    api.revoke(certificate, actor=organiser, reason="发错班次")
    with pytest.raises(CertificateRevoked):
        api.revoke(certificate, actor=organiser, reason="再来")
    said = AuditEntry.objects.get(action="certificate.revoked")
    assert (said.actor, said.detail["reason"]) == (organiser, "发错班次")


# The page for strangers


def ask(client, number, holder):
    return client.post("/certificates/", {"number": number, "holder": holder})


@pytest.fixture(autouse=True)
def empty_cache():
    cache.clear()
    yield
    cache.clear()


def test_a_stranger_sees_what_the_paper_says_and_of_the_name_one_sign(client, certificate):
    for page in (
        client.get(f"/certificates/{certificate.token}/"),
        ask(client, certificate.number.replace("-", "－"), " 欧阳文 "),
    ):
        assert page.status_code == 200
        shown = page.context["found"]
        assert vars(shown) == {
            "number": "001.002-2026-000001-65",
            "holder": "欧*",
            "title": "书记轮训班",
            "hours": Decimal("4.00"),
            "starts_on": date(2026, 6, 9),
            "ends_on": date(2026, 6, 10),
            "valid": True,
        }
        assert "noindex" in page.headers["X-Robots-Tag"]
    # what was typed stands in the form again; the page of the QR code has the name nowhere
    assert "欧阳文" not in client.get(f"/certificates/{certificate.token}/").text


def test_a_revoked_one_says_so_and_not_why(client, certificate, organiser):
    api.revoke(certificate, actor=organiser, reason="发错班次")
    page = client.get(f"/certificates/{certificate.token}/")
    assert page.context["found"].valid is False
    assert "发错班次" not in page.text


def test_number_without_the_name_and_name_without_the_number_find_nothing(client, certificate):
    answers = [
        ask(client, certificate.number, "王五"),
        ask(client, certificate.number, ""),
        ask(client, certificate.number, "欧*"),
        ask(client, "001.002-2026-000002-62", "欧阳文"),
        ask(client, "001.002-2026-000001-66", "欧阳文"),
    ]
    assert [page.context["found"] for page in answers] == [None] * 5
    blank = {re.sub(r'value="[^"]*"', "", page.text) for page in answers}
    assert len(blank) == 1, "whatever is wrong looks the same"


def test_numbers_cannot_be_walked_through(client, certificate):
    for serial in range(2, LOOKUPS + 2):
        assert ask(client, number_of("001.002", 2026, serial), "欧阳文").status_code == 200
    braked = ask(client, certificate.number, "欧阳文")
    assert (braked.status_code, braked.context["found"]) == (429, None)
    # neither can codes be guessed; a right one still opens
    assert client.get("/certificates/guess/").status_code == 429
    assert client.get(f"/certificates/{certificate.token}/").status_code == 200
    # and another address is not braked
    other = client.post(
        "/certificates/", {"number": certificate.number, "holder": "欧阳文"}, REMOTE_ADDR="10.1.2.3"
    )
    assert other.context["found"] is not None


def test_the_pause_ends_with_its_ten_minutes_and_asking_on_does_not_lengthen_it(client, certificate, clock):
    clock.at = datetime(2026, 6, 12, 2, 0, tzinfo=UTC)
    for _ in range(LOOKUPS):
        ask(client, "x", "y")
    (key,) = [one for one in cache._cache if "certificate-check" in one]
    before = cache._cache[key]
    assert ask(client, certificate.number, "欧阳文").status_code == 429
    # one look-up too many is not written any more
    assert cache._cache[key] == before
    clock.at += timedelta(minutes=9, seconds=59)
    assert ask(client, certificate.number, "欧阳文").status_code == 429
    clock.at += timedelta(seconds=1)
    assert ask(client, certificate.number, "欧阳文").context["found"] is not None


def test_behind_a_proxy_each_visitor_has_a_count_of_her_own(client, certificate, settings):
    def look_up(said, number="x"):
        return client.post(
            "/certificates/", {"number": number, "holder": "欧阳文"}, HTTP_X_FORWARDED_FOR=said
        )

    # given nobody to believe, the header is a stranger's word: writing it anew does not help
    for visitor in range(LOOKUPS):
        assert look_up(f"10.0.0.{visitor}").status_code == 200
    assert look_up("10.0.1.1").status_code == 429
    # given one proxy of ours, what it wrote last is the visitor
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    for visitor in range(LOOKUPS):
        assert look_up(f"10.0.0.{visitor}, 203.0.113.7").status_code == 200
    assert look_up("10.0.1.1, 203.0.113.7").status_code == 429
    assert look_up("203.0.113.7, 203.0.113.8", certificate.number).context["found"] is not None


@pytest.mark.parametrize("address", ["/certificates/%00/", "/certificates/a%00b/"])
def test_a_nul_in_the_code_is_not_there(client, certificate, address):
    assert client.get(address).status_code == 404


def test_a_nul_in_number_or_name_finds_nothing_and_asks_nothing(
    client, certificate, django_assert_num_queries
):
    with django_assert_num_queries(0):
        assert api.by_number(certificate.number, "欧阳\x00文") is None
        assert api.by_number(certificate.number + "\x00", "欧阳文") is None
        assert api.by_token("\x00") is None
    page = ask(client, certificate.number, "欧阳\x00文")
    assert (page.status_code, page.context["found"]) == (200, None) and "没有" in page.text


@pytest.mark.parametrize("desk", ["claims", "classes", "years", "corrections"])
def test_a_nul_in_the_query_of_a_desk_is_not_there(client, organiser, desk):
    client.force_login(organiser)
    assert client.get(f"/archive/desk/{desk}/").status_code == 200
    for query in ("organization=%00", "organization=a%00b", "%00=1", "p=%00"):
        assert client.get(f"/archive/desk/{desk}/?{query}").status_code == 404


def test_an_unknown_code_is_not_there(client, certificate):
    assert client.get("/certificates/nonsense/").status_code == 404


# On paper


def text_of(content):
    return pypdfium2.PdfDocument(io.BytesIO(content))[0].get_textpage().get_text_range()


def test_the_holder_gets_the_paper(client, certificate, member):
    client.force_login(member)
    answer = client.get(f"/archive/certificates/{certificate.uuid}.pdf")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/pdf")
    said = re.sub(r"\s", "", text_of(answer.content))
    assert "欧阳文同志于2026年6月9日至2026年6月10日" in said
    assert "001.002-2026-000001-65" in said and "4学时" in said and "桂花社区党委" in said
    assert not AuditEntry.objects.filter(action="certificate.read").exists()


LONG = "关于学习贯彻习近平新时代中国特色社会主义思想基层党组织书记示范培训" * 5
BODY = "中共某某市某某区某某街道工作委员会党员教育管理服务中心" * 5


@pytest.mark.parametrize(
    ("title", "organization"),
    [
        ("书记轮训班", "桂花社区党委"),
        (LONG[:160], BODY[:120]),
        ("短", BODY[:120]),
        (LONG[:160], "桂花社区党委"),
    ],
)
def test_nothing_on_the_paper_runs_over_anything_else(certificate, title, organization):
    certificate.title, certificate.organization_name = title, organization
    content = certificate_pdf(
        certificate, check_url="https://x.example/c/abc", check_page="x.example/certificates/"
    )
    document = pypdfium2.PdfDocument(io.BytesIO(content))
    assert len(document) == 1
    page = document[0]
    width, height = page.get_size()
    text = page.get_textpage()
    whole = text.get_text_range()
    kept = re.sub(r"\s", "", whole)
    assert title in kept and kept.count(organization) == 2
    boxes = [(whole[at], text.get_charbox(at)) for at in range(text.count_chars()) if whole[at].strip()]
    mm = 72 / 25.4
    # within the frame
    for sign, (left, bottom, right, top) in boxes:
        assert left > 13 * mm and right < width - 13 * mm and bottom > 13 * mm and top < height - 13 * mm, (
            sign
        )
    # the sentence ends above the QR code and the seal line, which stand beside one another
    code = height - (height / mm - 66) * mm
    below = [box for _sign, box in boxes if box[3] < code]
    sentence = [box for _sign, box in boxes if box[3] >= code]
    assert min(box[1] for box in sentence) > code
    seal = [box for box in below if box[0] > 172 * mm]
    assert all(box[2] <= 172 * mm for box in below if box not in seal) and seal
    # and no sign stands on another
    for at, (_sign, one) in enumerate(boxes):
        for _other, two in boxes[at + 1 :]:
            wide = min(one[2], two[2]) - max(one[0], two[0])
            high = min(one[3], two[3]) - max(one[1], two[1])
            assert wide < 1 or high < 1


def test_organisers_of_the_class_get_it_too_and_that_is_recorded(client, certificate, organiser):
    client.force_login(organiser)
    assert client.get(f"/archive/certificates/{certificate.uuid}.pdf").status_code == 200
    assert AuditEntry.objects.get(action="certificate.read").actor == organiser


def test_others_and_revoked_ones_are_not_there(client, certificate, organiser, member):
    address = f"/archive/certificates/{certificate.uuid}.pdf"
    assert client.get(address).status_code == 302
    client.force_login(MemberFactory(organization=member.organization))
    assert client.get(address).status_code == 404
    client.force_login(organiser)
    client.post(f"/archive/desk/certificates/{certificate.uuid}/revoke/", {"reason": "发错班次"})
    client.force_login(member)
    assert client.get(address).status_code == 404
