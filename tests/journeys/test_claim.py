"""Study elsewhere: photographed with the phone, approved at the secretary's desk, in the archive with its proof."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from django.utils import timezone
from PIL import Image

from courses.archive.models import OfflineClaim

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]


def photograph() -> bytes:
    """A JPEG as phones make them, with the place where it was taken."""
    picture = Image.effect_noise((1200, 900), 60).convert("RGB")
    exif = Image.Exif()
    exif[0x010F] = "ACME Phone"
    exif.get_ifd(0x8825)[1] = "N"
    out = io.BytesIO()
    picture.save(out, "JPEG", exif=exif)
    return out.getvalue()


def test_a_claim_with_a_photograph_becomes_hours_in_the_archive(people, browser_of, axe, settings, tmp_path):
    settings.STUDY = {**settings.STUDY, "PROOFS_DIR": tmp_path / "proofs"}
    day = max(timezone.localdate() - timedelta(days=2), timezone.localdate().replace(month=1, day=1))
    # When the member files what she studied, from «me», first without the proof
    phone = browser_of(people.member)
    phone.goto("/my/")
    phone.get_by_role("link", name="线下补录申报").click()
    axe.check_page(phone, "my claims, none yet")
    phone.get_by_role("link", name="申报补录").click()
    phone.get_by_label("学习形式").select_option("COLLECTIVE")
    phone.get_by_label("学习内容").fill("县图书馆党史讲座")
    phone.get_by_label("开始日期").fill(day.isoformat())
    phone.get_by_label("结束日期").fill(day.isoformat())
    phone.get_by_label("学时", exact=True).fill("2")
    axe.check_page(phone, "a claim to fill in")
    phone.get_by_role("button", name="提交").click()
    # Then it says what is missing, and what she typed is still there
    assert "至少" in phone.get_by_role("alert").inner_text()
    assert phone.get_by_label("开始日期").input_value() == day.isoformat()
    phone.get_by_label("证明材料").set_input_files(
        {"name": "签到表.jpg", "mimeType": "image/jpeg", "buffer": photograph()}
    )
    phone.get_by_role("button", name="提交").click()
    phone.wait_for_url(re.compile(r"/archive/claims/[0-9a-f-]{36}/$"))
    claim = OfflineClaim.objects.get(member=people.member)
    assert phone.url.endswith(f"/archive/claims/{claim.uuid}/")

    # When the secretary follows her notice, looks at the proof and approves
    desk = browser_of(people.secretary, desktop=True)
    desk.goto("/my/notices/")
    desk.get_by_role("link", name="线下补录申报等您审核").click()
    desk.get_by_role("link", name="去看看").click()
    desk.get_by_role("link", name="县图书馆党史讲座").click()
    axe.check_page(desk, "a claim to decide")
    shown = desk.request.get(desk.get_by_role("link", name="签到表.jpg").get_attribute("href"))
    seen = Image.open(io.BytesIO(shown.body()))
    assert seen.size == (1200, 900) and not seen.getexif()
    desk.get_by_role("button", name="批准 2 学时").click()
    assert "李秀兰" in desk.get_by_role("status").first.inner_text()

    # Then the hours are in her archive, and the entry says on what they rest
    phone.goto("/archive/")
    assert "2" in phone.locator(".standing__figure").inner_text()
    phone.get_by_role("link", name="县图书馆党史讲座").click()
    assert "陈刚" in phone.locator("main").inner_text()
    axe.check_page(phone, "an entry")
