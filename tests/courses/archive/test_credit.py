"""From a completed lesson to the ledger: once a year, append-only, reversed by entries (domain.md §1.3, §1.4)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest
from django.db import IntegrityError, transaction

from courses.archive import api
from courses.archive.errors import AlreadyCredited, AlreadyReversed, NotAllowed
from courses.archive.models import ArchiveYear, Exemption, LearningArchive, LessonState, StudyHourEntry
from courses.archive.signals import lesson_completed
from people.api import activate
from people.models import AuditEntry, Member, PostRole
from search.documents import kind_of, member_token
from tests.courses.archive.conftest import add_version
from tests.factories import MemberFactory, PartyOrganizationFactory, PostFactory

pytestmark = pytest.mark.django_db


def complete(phone_of, member, version):
    phone = phone_of(member, version)
    phone.watch(version.duration_s)
    return phone.flush().json()["state"]


def total(member, year=2026):
    return sum(entry.hours for entry in api.entries(member, year))


def test_sh8_completing_twice_in_a_year_credits_once(phone_of, member, lesson):
    version = add_version(lesson, duration_s=1800)
    assert complete(phone_of, member, version)["credited_hours"] == 1.0
    assert complete(phone_of, member, version)["credited_hours"] == 1.0
    assert (total(member), StudyHourEntry.objects.count()) == (Decimal(1), 1)


def test_sh10_a_new_version_does_not_credit_again_in_the_year(phone_of, member, lesson):
    complete(phone_of, member, add_version(lesson, duration_s=1800))
    newer = add_version(lesson, duration_s=1860)
    state = complete(phone_of, member, newer)
    assert (state["completed"], state["credited_hours"], total(member)) == (True, 1.0, Decimal(1))


def test_a_new_version_in_a_new_year_credits_again(phone_of, member, lesson, clock):
    complete(phone_of, member, add_version(lesson, duration_s=1800))
    clock.at = datetime(2027, 2, 1, 1, 0, tzinfo=UTC)
    complete(phone_of, member, add_version(lesson, duration_s=1860))
    assert (total(member, 2026), total(member, 2027)) == (1, 1)
    assert api.years_of(member) == [2027, 2026]


def test_the_year_is_that_of_shanghai(phone_of, member, lesson, clock):
    # given a lesson begun on 31 December 23:50 in Shanghai, and completed at 00:02
    clock.at = datetime(2026, 12, 31, 15, 50, tzinfo=UTC)
    complete(phone_of, member, add_version(lesson, duration_s=720))
    assert StudyHourEntry.objects.get().year == 2027


def test_completion_is_announced_once(phone_of, member, version, clock):
    heard = []

    def listen(sender, member, version, at, **kwargs):
        heard.append((member, version, at))

    lesson_completed.connect(listen)
    try:
        complete(phone_of, member, version)
        complete(phone_of, member, version)
    finally:
        lesson_completed.disconnect(listen)
    assert [(who, what) for who, what, _at in heard] == [(member, version)]


def test_the_entry_copies_what_may_change(phone_of, member, course, version):
    PostFactory(member=member, role=PostRole.SECRETARY)
    complete(phone_of, member, version)
    entry = StudyHourEntry.objects.get()
    assert entry.title == version.title
    assert entry.provider == course.title
    assert entry.organization_code == member.organization.code
    assert entry.roles == "SECRETARY"
    assert entry.verified_coverage == 1
    assert (entry.evidence_type, entry.evidence_id) == ("beats", str(version.uuid))
    assert len(entry.evidence_hash) == 64
    assert (entry.finished_at - entry.started_at) == timedelta(seconds=585)


def test_of_a_course_with_a_long_title_as_much_is_kept_as_there_is_room_for(
    phone_of, member, course, version
):
    course.title = "学" * 255
    course.save()
    complete(phone_of, member, version)
    assert StudyHourEntry.objects.get().provider == "学" * 200


def test_the_ledger_is_only_ever_added_to(member):
    entry = api.add_entry(
        member,
        mode="COLLECTIVE",
        title="主题党日",
        hours=Decimal(2),
        finished_at=datetime(2026, 5, 1, tzinfo=UTC),
    )
    entry.hours = Decimal(9)
    rows = StudyHourEntry.objects.filter(pk=entry.pk)
    for change in (
        entry.save,
        entry.delete,
        rows.delete,
        lambda: rows.update(hours=9),
        lambda: StudyHourEntry.objects.bulk_update([entry], ["hours"]),
    ):
        with pytest.raises(TypeError):
            change()
    assert StudyHourEntry.objects.get().hours == 2


def test_the_database_itself_refuses_a_second_credit_empty_hours_and_a_place_taken(member):
    places = count(1)

    def row(**more):
        more = {"chain_seq": next(places)} | more
        return StudyHourEntry(
            member=member,
            link="0" * 64,
            year=2026,
            mode="COLLECTIVE",
            title="x",
            finished_at=datetime(2026, 5, 1, tzinfo=UTC),
            **more,
        )

    row(hours=1, credit_key="lesson:1").save()
    without_place = row(hours=1, chain_seq=None)
    for bad in (
        row(hours=1, credit_key="lesson:1"), row(hours=0), row(hours=-1), row(hours=1, chain_seq=1), without_place
    ):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            bad.save()
    row(hours=1).save()
    row(hours=1).save()
    assert StudyHourEntry.objects.count() == 3


def test_the_same_evidence_is_credited_once_a_year(member):
    told = {"mode": "CENTRAL_OFFLINE", "title": "书记培训班", "hours": Decimal(8), "credit_key": "class:7"}
    api.add_entry(member, finished_at=datetime(2026, 5, 1, tzinfo=UTC), **told)
    with pytest.raises(AlreadyCredited):
        api.add_entry(member, finished_at=datetime(2026, 6, 1, tzinfo=UTC), **told)
    api.add_entry(member, finished_at=datetime(2027, 6, 1, tzinfo=UTC), **told)
    assert (total(member, 2026), total(member, 2027)) == (8, 8)


def test_a_correction_is_an_entry_of_its_own(member):
    organizer = MemberFactory(organization=member.organization)
    PostFactory(member=organizer)
    entry = api.add_entry(
        member,
        mode="CENTRAL_OFFLINE",
        title="书记培训班",
        hours=Decimal(8),
        finished_at=datetime(2026, 5, 1, tzinfo=UTC),
        recorder=organizer,
    )
    back = api.reverse_entry(entry, actor=organizer, reason="名单有误")
    assert (back.hours, back.reversal_of, back.year, back.recorder) == (Decimal(-8), entry, 2026, organizer)
    assert total(member) == 0
    for again in (entry, back):
        with pytest.raises(AlreadyReversed):
            api.reverse_entry(again, actor=organizer, reason="再来一次")
    assert StudyHourEntry.objects.count() == 2
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == [
        "archive.entry_added",
        "archive.entry_reversed",
    ]


def test_who_does_not_look_after_the_member_may_not_write(member):
    root = PartyOrganizationFactory()
    stranger = MemberFactory(organization=root)
    PostFactory(member=stranger)
    own = PostFactory(member=member).member  # an organiser, but not for herself
    told = {"mode": "COLLECTIVE", "title": "x", "hours": 1, "finished_at": datetime(2026, 5, 1, tzinfo=UTC)}
    entry = api.add_entry(member, **told)
    administrator = MemberFactory(organization=root, is_superuser=True)
    with pytest.raises(NotAllowed):
        api.add_entry(administrator, recorder=administrator, **told)
    for actor in (stranger, MemberFactory(organization=member.organization), own):
        with pytest.raises(NotAllowed):
            api.add_entry(member, recorder=actor, **told)
        with pytest.raises(NotAllowed):
            api.reverse_entry(entry, actor=actor, reason="")
        with pytest.raises(NotAllowed):
            api.grant_exemption(member, year=2026, actor=actor)
    assert (StudyHourEntry.objects.count(), Exemption.objects.count()) == (1, 0)


@pytest.mark.parametrize("hours", [0, -1])
def test_hours_that_are_none_are_refused(member, hours):
    with pytest.raises(ValueError):
        api.add_entry(
            member, mode="COLLECTIVE", title="x", hours=hours, finished_at=datetime(2026, 5, 1, tzinfo=UTC)
        )
    assert StudyHourEntry.objects.count() == 0


# Archives, years, exemptions


def test_activating_an_account_opens_the_archive_and_its_year():
    member = MemberFactory(closed=True)
    activate(member, password="study-2026-ok", at=datetime(2026, 3, 1, tzinfo=UTC))
    assert LearningArchive.objects.get(member=member).created_at == datetime(2026, 3, 1, tzinfo=UTC)
    assert api.years_of(member) == [2026]
    assert api.open_archive(member).member == member
    assert LearningArchive.objects.count() == 1


def test_a_new_year_is_opened_in_every_archive_once(member):
    for one in (member, MemberFactory()):
        api.open_archive(one, at=datetime(2026, 3, 1, tzinfo=UTC))
    assert (api.open_years(2027), api.open_years(2027)) == (2, 0)
    assert ArchiveYear.objects.filter(year=2027).count() == 2


def test_an_exemption_is_granted_once_and_taken_back_by_keeping_it(member):
    first = api.grant_exemption(member, year=2026, reason="术后康复", actor=None)
    assert api.grant_exemption(member, year=2026, actor=None) == first
    assert api.year_standing(member, 2026).state == "EXEMPT"
    api.revoke_exemption(first, actor=None)
    assert api.year_standing(member, 2026).state == "NOT_STARTED"
    assert Exemption.objects.get().reason == "术后康复"
    assert not any("康复" in str(entry.detail) for entry in AuditEntry.objects.all())


def test_the_reason_of_an_exemption_is_encrypted(member, django_assert_num_queries):
    from django.db import connection

    api.grant_exemption(member, year=2026, reason="术后康复", actor=None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT reason FROM archive_exemption")
        kept = cursor.fetchone()[0]
    assert kept and "康复" not in kept


# Search


def test_own_records_are_found_by_their_member_alone(phone_of, member, version):
    complete(phone_of, member, version)
    entry = StudyHourEntry.objects.get()
    (document,) = kind_of("record").load([str(entry.pk)])
    assert (document.title, list(document.acl)) == (version.title, [member_token(member)])
    api.reverse_entry(entry, actor=None, reason="")
    assert list(kind_of("record").load([str(entry.pk)])) == []
    assert list(kind_of("record").load(None)) == []


def test_members_with_a_record_are_not_deleted(phone_of, member, version):
    complete(phone_of, member, version)
    with pytest.raises(Exception, match="protected"):
        Member.objects.get(pk=member.pk).delete()
    assert LessonState.objects.count() == 1
