"""Offline claims: filed with proof, returned or approved by the branch, never by oneself."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from courses.archive import api
from courses.archive.claims import proofs
from courses.archive.claims.api import Said
from courses.archive.errors import (
    ClaimMoved,
    ClaimRefused,
    NotAllowed,
    ProofRefused,
    ReasonMissing,
    YearClosed,
)
from courses.archive.models import ClaimProof, OfflineClaim, StudyHourEntry
from people.api import scope_of
from people.models import AuditEntry, Notice, PostRole
from tests.factories import AdministratorFactory, MemberFactory, PartyOrganizationFactory, PostFactory

pytestmark = pytest.mark.django_db
SAID = Said(
    mode="CENTRAL_OFFLINE",
    title="县委党校轮训班",
    started_on=date(2026, 3, 3),
    finished_on=date(2026, 3, 5),
    hours=Decimal(12),
    provider="海棠县委党校",
)
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


def picture(kind="JPEG", size=(40, 30), **more) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, kind, **more)
    return out.getvalue()


@pytest.fixture(autouse=True)
def proofs_dir(settings, tmp_path):
    settings.STUDY = settings.STUDY | {"PROOFS_DIR": tmp_path / "proofs"}
    return tmp_path / "proofs"


def kept_files(proofs_dir):
    return sorted(path.name for path in proofs_dir.rglob("*") if path.is_file())


@pytest.fixture
def branch(clock):
    return PartyOrganizationFactory(code="001.002.001")


@pytest.fixture
def member(branch):
    return MemberFactory(organization=branch, name="李文")


@pytest.fixture
def organiser(branch):
    return PostFactory(member=MemberFactory(organization=branch), role=PostRole.ORG_MEMBER).member


@pytest.fixture
def stranger():
    """An organiser of another branch."""
    return PostFactory(member=MemberFactory()).member


@pytest.fixture
def claim(member):
    return api.file_claim(member, SAID, [proofs.read_proof("证书.pdf", PDF)])


def test_the_help_says_that_organisers_above_see_the_proofs_too(client, member):
    client.force_login(member)
    assert "本组织及上级组织的组织员" in client.get("/archive/claims/new/").text


def test_a_claim_waits_and_the_organisers_are_told_that_something_waits(member, organiser, proofs_dir):
    claim = api.file_claim(member, SAID, [proofs.read_proof("证书.pdf", PDF)])
    assert (claim.state, claim.filing) == ("WAITING", 1)
    assert kept_files(proofs_dir) == [claim.proofs.get().uuid.hex]
    assert not StudyHourEntry.objects.exists()
    notice = Notice.objects.get(member=organiser)
    assert "李文" not in notice.title + notice.text
    assert api.claims_waiting(organiser, scope_of(organiser)) == 1
    assert api.claims_waiting(member, scope_of(member)) == 0


def test_approval_writes_the_ledger_once(claim, member, organiser, clock):
    done = api.approve_claim(claim, actor=organiser, filing=1)
    entry = StudyHourEntry.objects.get()
    assert done.entry == entry and done.state == "APPROVED"
    assert (entry.member, entry.year, entry.mode, entry.hours) == (member, 2026, "CENTRAL_OFFLINE", 12)
    assert (entry.approver, entry.approved_at, entry.provider) == (organiser, clock.at, "海棠县委党校")
    assert (entry.evidence_type, entry.evidence_id) == ("claim", str(claim.uuid))
    assert len(entry.evidence_hash) == 64
    assert [a.actor for a in AuditEntry.objects.filter(action="claim.approved")] == [organiser]
    assert Notice.objects.get(member=member).kind == "claim_decided"
    with pytest.raises(ClaimMoved):
        api.approve_claim(claim, actor=organiser, filing=1)
    assert StudyHourEntry.objects.count() == 1
    assert api.verify().whole


def test_nobody_decides_about_her_own(organiser, proofs_dir, nothing_moved):
    administrator = AdministratorFactory(organization=organiser.organization)
    for who in (organiser, administrator):
        own = api.file_claim(who, SAID, [proofs.read_proof("a.pdf", PDF)])
        nothing_moved()
        with pytest.raises(NotAllowed):
            api.approve_claim(own, actor=who, filing=1)
        with pytest.raises(NotAllowed):
            api.return_claim(own, actor=who, filing=1, reason="x")
        nothing_moved()
        own.refresh_from_db()
        assert own.state == "WAITING"


def test_only_organisers_of_her_organisation_decide(claim, stranger, member, nothing_moved):
    nothing_moved()
    for who in (stranger, MemberFactory(organization=member.organization)):
        with pytest.raises(NotAllowed):
            api.approve_claim(claim, actor=who, filing=1)
        with pytest.raises(NotAllowed):
            api.return_claim(claim, actor=who, filing=1, reason="不清楚")
    claim.refresh_from_db()
    assert claim.state == "WAITING"
    nothing_moved()


def test_returned_changed_filed_again_and_approved(claim, member, organiser, proofs_dir):
    with pytest.raises(ReasonMissing):
        api.return_claim(claim, actor=organiser, reason="  ", filing=1)
    claim = api.return_claim(claim, actor=organiser, reason="看不清印章", filing=1)
    assert (claim.state, claim.reason) == ("RETURNED", "看不清印章")
    old = claim.proofs.get()
    claim = api.file_again(
        claim,
        SAID,
        [proofs.read_proof("新.jpg", picture())],
        member=member,
        without=[old.uuid],
    )
    assert (claim.state, claim.filing, claim.reason, claim.decided_by) == ("WAITING", 2, "", None)
    assert [proof.name for proof in claim.proofs.all()] == ["新.jpg"]
    # an organiser who still reads the first filing does not decide about the second
    with pytest.raises(ClaimMoved):
        api.approve_claim(claim, actor=organiser, filing=1)
    assert api.approve_claim(claim, actor=organiser, filing=2).state == "APPROVED"


def test_a_waiting_claim_is_not_changed_and_a_decided_one_not_taken_back(claim, member, organiser, stranger):
    with pytest.raises(ClaimMoved):
        api.file_again(claim, SAID, member=member)
    with pytest.raises(NotAllowed):
        api.withdraw_claim(claim, member=stranger)
    api.approve_claim(claim, actor=organiser, filing=1)
    with pytest.raises(ClaimMoved):
        api.withdraw_claim(claim, member=member)
    assert OfflineClaim.objects.get().state == "APPROVED"


def test_taking_a_claim_back_deletes_its_proofs(
    claim, member, proofs_dir, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        api.withdraw_claim(claim, member=member)
    assert OfflineClaim.objects.get().state == "WITHDRAWN"
    assert (ClaimProof.objects.count(), kept_files(proofs_dir)) == (0, [])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"mode": "SELF_ONLINE"}, "MODE"),
        ({"mode": "nonsense"}, "MODE"),
        ({"finished_on": date(2026, 3, 2)}, "DATES"),
        ({"started_on": date(2025, 12, 31)}, "DATES"),
        ({"finished_on": date(2026, 10, 1)}, "FUTURE"),
        ({"started_on": date(2024, 3, 3), "finished_on": date(2024, 3, 3)}, "TOO_OLD"),
        ({"hours": Decimal("24.25")}, "HOURS"),
        ({"hours": Decimal("1.10")}, "HOURS"),
        ({"hours": Decimal(0)}, "HOURS"),
    ],
)
def test_claims_that_cannot_be(member, proofs_dir, change, why):
    said = Said(**(vars(SAID) | change))
    with pytest.raises(ClaimRefused) as refused:
        api.file_claim(member, said, [proofs.read_proof("a.pdf", PDF)])
    assert refused.value.why == why
    assert (OfflineClaim.objects.count(), kept_files(proofs_dir)) == (0, [])


def test_three_days_hold_twenty_four_hours(member):
    said = Said(**(vars(SAID) | {"hours": Decimal(24)}))
    assert api.file_claim(member, said, [proofs.read_proof("a.pdf", PDF)]).hours == 24


def test_a_claim_needs_a_proof_and_takes_six(member, proofs_dir):
    one = proofs.read_proof("a.pdf", PDF)
    with pytest.raises(ClaimRefused) as refused:
        api.file_claim(member, SAID, [])
    assert refused.value.why == "NO_PROOF"
    with pytest.raises(ProofRefused) as too_many:
        api.file_claim(member, SAID, [one] * 7)
    assert too_many.value.why == "TOO_MANY"
    assert (OfflineClaim.objects.count(), kept_files(proofs_dir)) == (0, [])
    assert api.file_claim(member, SAID, [one] * 6).proofs.count() == 6


def test_in_a_closed_year_an_approval_is_a_late_entry(claim, organiser, branch, clock, nothing_moved):
    clock.at = datetime(2027, 1, 15, 1, 0, tzinfo=UTC)
    api.close_year(branch, 2026, actor=organiser)
    nothing_moved()
    with pytest.raises(YearClosed):
        api.approve_claim(claim, actor=organiser, filing=1)
    claim.refresh_from_db()
    assert (claim.state, claim.entry) == ("WAITING", None)
    nothing_moved()
    done = api.approve_claim(claim, actor=organiser, filing=1, reason="申报在归档前提交")
    assert (done.entry.year, done.entry.reason) == (2026, "申报在归档前提交")


# What the bytes are


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.pdf", b"", "EMPTY"),
        ("a.pdf", b"<html><script>alert(1)</script>", "NOT_A_PROOF"),
        ("a.jpg", b"GIF89a....", "NOT_A_PROOF"),
        ("a.svg", b"<svg onload='x'/>", "NOT_A_PROOF"),
        ("a.exe", b"MZ\x90", "NOT_A_PROOF"),
        ("a.pdf", b"%PDF-1.7 cut off", "BROKEN"),
        ("a.jpg", b"\xff\xd8\xff\xe0 nothing behind", "BROKEN"),
        ("a.png", picture("PNG")[:60], "BROKEN"),
        ("a.pdf", b"%PDF-" + b"0" * (10 * 1024**2) + b"%%EOF", "TOO_LARGE"),
        ("a.png", picture("PNG", (9000, 7000)), "TOO_LARGE"),
    ],
)
def test_files_that_are_no_proofs(name, content, why):
    with pytest.raises(ProofRefused) as refused:
        proofs.read_proof(name, content)
    assert refused.value.why == why


def test_the_kind_is_that_of_the_bytes_not_of_the_name():
    assert proofs.read_proof("证书.pdf", picture()).kind == "JPEG"
    assert proofs.read_proof("../../etc/passwd", PDF).name == "passwd"


def test_a_large_photograph_is_made_smaller():
    kept = Image.open(io.BytesIO(proofs.read_proof("a.jpg", picture(size=(8000, 6000))).content))
    assert kept.size == (3000, 2250)


def test_transparency_and_print_colours_are_read():
    seen = io.BytesIO()
    Image.new("CMYK", (8, 8)).save(seen, "JPEG")
    assert proofs.read_proof("a.jpg", seen.getvalue()).kind == "JPEG"
    clear = io.BytesIO()
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(clear, "PNG")
    drawn = Image.open(io.BytesIO(proofs.read_proof("a.png", clear.getvalue()).content))
    assert (drawn.mode, drawn.getpixel((4, 4))) == ("RGB", (255, 255, 255))


def test_a_photograph_loses_its_place_and_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90°
    exif.get_ifd(0x8825)[1] = "N"
    shot = picture(size=(40, 30), exif=exif) + b"<script>hidden behind the picture</script>"
    kept = Image.open(io.BytesIO(proofs.read_proof("a.jpg", shot).content))
    assert (kept.size, dict(kept.getexif())) == ((30, 40), {})
    assert b"script" not in proofs.read_proof("a.jpg", shot).content


# The pages


def form(**more):
    return {
        "mode": "CENTRAL_OFFLINE",
        "title": "县委党校轮训班",
        "provider": "",
        "started_on": "2026-03-03",
        "finished_on": "2026-03-05",
        "hours": "12",
        "note": "",
    } | more


def upload(name="证书.jpg", content=None):
    return SimpleUploadedFile(name, picture() if content is None else content)


def test_the_whole_way_over_the_pages(client, member, organiser):
    client.force_login(member)
    sent = client.post("/archive/claims/new/", form(proofs=[upload(), upload("b.pdf", PDF)]))
    claim = OfflineClaim.objects.get()
    assert (sent.status_code, sent.url) == (302, f"/archive/claims/{claim.uuid}/")
    assert claim.proofs.count() == 2
    assert "县委党校轮训班" in client.get("/archive/claims/").text
    client.force_login(organiser)
    assert "李文" in client.get("/archive/desk/claims/").text
    page = client.get(f"/archive/desk/claims/{claim.uuid}/")
    assert page.status_code == 200
    client.post(
        f"/archive/desk/claims/{claim.uuid}/", {"decision": "return", "filing": "1", "reason": "看不清"}
    )
    client.force_login(member)
    assert "看不清" in client.get(f"/archive/claims/{claim.uuid}/again/").text
    client.post(
        f"/archive/claims/{claim.uuid}/again/",
        form(without=[str(claim.proofs.first().uuid)], proofs=[upload("c.jpg")], hours="10"),
    )
    client.force_login(organiser)
    client.post(f"/archive/desk/claims/{claim.uuid}/", {"decision": "approve", "filing": "2"})
    claim.refresh_from_db()
    assert (claim.state, claim.entry.hours, claim.proofs.count()) == ("APPROVED", 10, 2)


def test_sent_by_the_script_it_answers_where_to_go_on_and_keeps_the_files(client, member):
    # given what proofs_controller.ts sends, first with a proof that is none
    client.force_login(member)
    by_script = {"X-Sent-By": "proofs"}
    page = client.post("/archive/claims/new/", form(proofs=[upload("坏.jpg", b"nothing")]), headers=by_script)
    assert page.status_code == 422 and "坏.jpg" in page.text
    assert "请重新选择文件" not in page.text and page.context["kept"]
    sent = client.post("/archive/claims/new/", form(proofs=[upload()]), headers=by_script)
    claim = OfflineClaim.objects.get()
    assert (sent.status_code, sent.json()) == (201, {"url": f"/archive/claims/{claim.uuid}/"})
    assert "申报" in client.get(sent.json()["url"]).text


def test_filed_again_it_begins_with_the_days_as_the_browser_takes_them(client, claim, member, organiser):
    api.return_claim(claim, actor=organiser, reason="看不清", filing=1)
    client.force_login(member)
    page = client.get(f"/archive/claims/{claim.uuid}/again/").text
    assert 'value="2026-03-03"' in page and 'value="2026-03-05"' in page


def test_a_refused_claim_says_why_and_keeps_what_was_written(client, member):
    client.force_login(member)
    page = client.post("/archive/claims/new/", form(proofs=[upload("坏.jpg", b"nothing")]))
    assert page.status_code == 422
    assert "坏.jpg" in page.text and "县委党校轮训班" in page.text
    assert client.post("/archive/claims/new/", form(finished_on="")).status_code == 422
    seven = client.post("/archive/claims/new/", form(proofs=[upload() for _n in range(7)]))
    assert seven.status_code == 422 and seven.context["refused"]
    assert not OfflineClaim.objects.exists()


def test_proofs_are_shown_to_the_member_and_her_organisers_only(client, claim, member, organiser, stranger):
    address = f"/archive/claims/{claim.uuid}/proofs/{claim.proofs.get().uuid}/"
    assert client.get(address).status_code == 302, "strangers sign in first"
    for who in (stranger, MemberFactory(organization=member.organization)):
        client.force_login(who)
        assert client.get(address).status_code == 404
    assert not AuditEntry.objects.filter(action="claim.proof_read").exists()
    client.force_login(member)
    own = client.get(address)
    assert (own.status_code, b"".join(own.streaming_content)) == (200, PDF)
    assert not AuditEntry.objects.filter(action="claim.proof_read").exists(), "one's own reading is nobody's"
    client.force_login(organiser)
    seen = client.get(address)
    assert seen.headers["Content-Disposition"].startswith("attachment")
    assert seen.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in seen.headers["Content-Security-Policy"]
    assert "no-store" in seen.headers["Cache-Control"]
    assert AuditEntry.objects.get(action="claim.proof_read").actor == organiser


def test_other_peoples_claims_are_not_there(client, claim, stranger, organiser):
    client.force_login(stranger)
    for address in (
        f"/archive/claims/{claim.uuid}/",
        f"/archive/claims/{claim.uuid}/again/",
        f"/archive/desk/claims/{claim.uuid}/",
    ):
        assert client.get(address).status_code == 404
    assert client.post(f"/archive/claims/{claim.uuid}/withdraw/").status_code == 404
    assert "李文" not in client.get("/archive/desk/claims/").text
    claim.refresh_from_db()
    assert claim.state == "WAITING"


def test_the_desk_costs_the_same_however_many_wait(client, branch, organiser, django_assert_max_num_queries):
    for number in range(12):
        who = MemberFactory(organization=branch, name=f"王{number}")
        api.file_claim(who, SAID, [proofs.read_proof("a.pdf", PDF)])
    client.force_login(organiser)
    with django_assert_max_num_queries(26):
        page = client.get("/archive/desk/claims/")
    assert page.context["branches"] == [
        {"code": "001.002.001", "name": str(branch), "number": 12},
    ]
