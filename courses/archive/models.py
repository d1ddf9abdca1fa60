"""What is: the beat log, what it folds into, the ledger of study hours, rules, exemptions.

Laid out so that it can grow (decisions in README.md): every row belongs to one member and
begins its keys with the member; the log knows members and lessons by number only; foreign keys
have no constraint in the database, since the archive may get one of its own.
"""

import uuid
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from courses.archive.conversion import Conversion
from courses.archive.fields import (
    BitmapField,
    FoldField,
    MomentField,
    PackedBodyField,
    RefusedField,
    RulesField,
)
from courses.archive.keys import member_key
from courses.archive.querysets import AppendOnlyQuerySet, EntryQuerySet, ExemptionQuerySet, RuleQuerySet
from courses.archive.rule_values import parse_value
from people.encryption import EncryptedTextField

__all__ = [
    "ArchiveSeal",
    "ArchiveYear",
    "Beat",
    "Confidence",
    "CreditConversion",
    "Exemption",
    "ExemptionBasis",
    "LearningArchive",
    "LessonState",
    "PlayLease",
    "Rounding",
    "Rule",
    "RuleUnit",
    "StudyHourEntry",
    "StudyMode",
]


class AppendOnly(models.Model):
    """Rows are added and never changed or removed; a correction is a row of its own."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError(f"{self._meta.label} is only ever added to")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError(f"{self._meta.label} is only ever added to")


def _member(*, db_index: bool = True) -> models.ForeignKey:
    """The member to whom a row belongs; without a constraint, see the head of this file."""
    return models.ForeignKey(
        "people.Member",
        verbose_name=_("member"),
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=db_index,
        related_name="+",
    )


class LearningArchive(models.Model):
    """One member's archive, opened when the account is activated (学习档案).

    Its row is also the lock under which everything of one member's is written in turn, and it knows
    where the chain of her ledger ends (chain.py), so that a last row which is gone is missed at once.
    """

    member = models.OneToOneField(
        "people.Member",
        verbose_name=_("member"),
        on_delete=models.PROTECT,
        db_constraint=False,
        related_name="+",
        primary_key=True,
    )
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    created_at = models.DateTimeField(_("opened at"))
    chain_seq = models.PositiveIntegerField(default=0, editable=False)
    """How many entries the ledger has been given."""
    chain_link = models.CharField(max_length=64, blank=True, default="", editable=False)
    """The link of the last one; "" before the first."""
    beats_folded = models.BigIntegerField(default=0, editable=False)
    """The last of the member's beats (`Beat.id`) that her states, turns and hours take account of."""
    stuck_at = models.DateTimeField(null=True, blank=True, editable=False)
    """When the folder last began to fail with her log (behind.py); of no meaning once nothing waits."""

    class Meta:
        verbose_name = _("learning archive")
        verbose_name_plural = _("learning archives")
        indexes = [
            models.Index(fields=["stuck_at"], condition=Q(stuck_at__isnull=False), name="archive_stuck"),
        ]

    def __str__(self) -> str:
        return f"archive of member {self.member_id}"


class ArchiveYear(models.Model):
    """One calendar year in one member's archive, opened on 1 January or with the archive.

    Kept so that «who was on the roster that year» does not depend on today's roster. The
    hours are not here: they are the sum of the ledger.
    """

    member = _member()
    year = models.PositiveSmallIntegerField(_("year"))
    opened_at = models.DateTimeField()

    class Meta:
        verbose_name = _("year of study")
        verbose_name_plural = _("years of study")
        constraints = [models.UniqueConstraint(fields=["member", "year"], name="archive_year_opened_once")]

    def __str__(self) -> str:
        return f"{self.year} of member {self.member_id}"


class Beat(AppendOnly):
    """One beat as the player sent it: what was played since the beat before, e.g. [[15000, 30000]].

    The log from which all progress is reckoned (`api.rebuild_state`). Not a heartbeat of
    the connection: a phone may hand in a day's beats at once. `id` is the order of arrival
    (log_order.py); the order of study is (session, seq), since a session's number begins with its start. No index
    begins with the member and goes on with `id`: it cost a third of what SQLite does for a beat, and what a member
    sent lately is found by the unique key (or, for many members at once, by number).
    """

    id = models.BigAutoField(primary_key=True)
    member_id = models.BigIntegerField()
    version_id = models.BigIntegerField()
    received_at = MomentField()
    happened_at = MomentField()
    """When it happened by the server's clock, less the age that the phone claims; evidence only."""
    wall_ms = models.BigIntegerField()
    """Server time that the session had held the lease by then: the most that it may count so far. Of a session that
    shares its time with another device (turns.py): how old the session was, or less than 0 when the beat had no room in its turns."""
    session = models.UUIDField()
    seq = models.PositiveIntegerField()
    in_lease = models.BooleanField()
    """False: it happened while another device held the lease; kept, never counted."""
    body = PackedBodyField()
    """{"intervals": [[a_ms, b_ms], …], "position_ms", "rate", "visible", "clock_ms", "flags": […]}"""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        verbose_name = _("beat")
        verbose_name_plural = _("beats")
        constraints = [
            models.UniqueConstraint(fields=["member_id", "session", "seq"], name="beat_kept_once"),
        ]

    def __str__(self) -> str:
        return f"beat {self.session}/{self.seq}"


class LessonState(models.Model):
    """How far one member is with one version of a lesson: the fold of the beats, e.g. 2286 of 2712 s.

    Nothing here is truth of its own: it is rebuilt from `Beat` at any time. `fold` is where the
    next beat goes on from (spans.Fold), `params` the rules as they were at the first beat. In the database all of it
    is some 120 bytes (state_packing.py; wide columns stand first, so that none needs padding). No index has a column
    that a fold changes: then PostgreSQL rewrites the row alone (HOT).
    A text lesson may be completed by something else than beats (otherwise.py): then `done_by` says by what.
    """

    member = _member(db_index=False)
    version = models.ForeignKey(
        "courses.LessonVersion", on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    last_beat_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True, blank=True)
    duration_s = models.PositiveIntegerField()
    watched_s = models.PositiveIntegerField(default=0)
    needed_s = models.PositiveIntegerField()
    position_ms = models.PositiveIntegerField(default=0)
    frontier_ms = models.PositiveIntegerField(default=0)
    watched = BitmapField(default=bytes)
    """One bit per second, lowest bit first: bit i is the second from i to i + 1."""
    refused = RefusedField(default=list)
    """Spans that were played and not counted: [[start_s, end_s, reason code], …]."""
    params = RulesField()
    fold = FoldField(default=dict)
    done_by = models.CharField(max_length=64, blank=True, default="", editable=False)
    """What completed it instead of beats: cmi5:<uuid of the registration>; "" for beats."""

    class Meta:
        verbose_name = _("progress in a lesson")
        verbose_name_plural = _("progress in lessons")
        constraints = [
            models.UniqueConstraint(fields=["member", "version"], name="lesson_state_once_per_version"),
        ]

    def __str__(self) -> str:
        return f"member {self.member_id} in version {self.version_id}: {self.watched_s} s"


class PlayLease(models.Model):
    """One play session's turn to count, e.g. the phone from 09:00 until the laptop took over at 09:30.

    Turns of one member never overlap, so that wall time is counted once however many devices
    play. The turn without an end holds the lease. A session has several when it took the lease again,
    or when another device turns out to have played while it stood still.
    """

    member = _member(db_index=False)
    version = models.ForeignKey(
        "courses.LessonVersion",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    session = models.UUIDField()
    from_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    until_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("play lease")
        verbose_name_plural = _("play leases")
        constraints = [
            models.UniqueConstraint(
                fields=["member"], condition=Q(until_at__isnull=True), name="play_lease_held_by_one"
            ),
            models.CheckConstraint(
                condition=Q(until_at__isnull=True) | Q(until_at__gte=F("from_at")),
                name="play_lease_ends_after_it_starts",
            ),
        ]
        indexes = [models.Index(fields=["member", "from_at"], name="play_lease_in_order")]

    def __str__(self) -> str:
        return f"lease of {self.session}"


class StudyMode(models.TextChoices):
    """How something was studied (domain.md §1.2)."""

    CENTRAL_OFFLINE = "CENTRAL_OFFLINE", _("Central training")
    CENTRAL_ONLINE = "CENTRAL_ONLINE", _("Online training class")
    COLLECTIVE = "COLLECTIVE", _("Collective study")
    SELF_ONLINE = "SELF_ONLINE", _("Self-study online")


class StudyHourEntry(AppendOnly):
    """One line of the ledger of study hours, e.g. +0.50 for 第一讲 in 2026. Total = sum.

    Never changed: a correction is an entry with `reversal_of` and the negative hours. What it
    says is copied (title, organisation, rule), since those change and the record does not.
    """

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    member = _member(db_index=False)
    year = models.PositiveSmallIntegerField(_("year"))
    mode = models.CharField(_("mode"), max_length=20, choices=StudyMode.choices)
    hours = models.DecimalField(_("study hours"), max_digits=5, decimal_places=2)
    title = models.CharField(_("studied"), max_length=255)
    provider = models.CharField(_("provider"), max_length=200, blank=True)
    lesson_version = models.ForeignKey(
        "courses.LessonVersion",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="+",
    )
    credit_key = models.CharField(max_length=120, blank=True)
    """What may be credited once a year, e.g. lesson:<page id>; empty for reversals."""
    started_at = models.DateTimeField(_("from"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished at"))
    published_duration_s = models.PositiveIntegerField(_("published length"), null=True, blank=True)
    verified_coverage = models.DecimalField(
        _("verified coverage"), max_digits=5, decimal_places=4, null=True, blank=True
    )
    rule_version = models.CharField(_("rule"), max_length=80, blank=True)
    organization_code = models.CharField(
        _("code of the organisation at that time"), max_length=64, blank=True
    )
    organization_name = models.CharField(_("organisation at that time"), max_length=120, blank=True)
    roles = models.CharField(_("posts at that time"), max_length=200, blank=True)
    evidence_type = models.CharField(max_length=32, blank=True)
    evidence_id = models.CharField(max_length=120, blank=True)
    evidence_hash = models.CharField(max_length=64, blank=True)
    recorder = models.ForeignKey(
        "people.Member",
        verbose_name=_("recorded by"),
        on_delete=models.PROTECT,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="+",
    )
    approver = models.ForeignKey(
        "people.Member",
        verbose_name=_("approved by"),
        on_delete=models.PROTECT,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="+",
    )
    approved_at = models.DateTimeField(_("approved at"), null=True, blank=True)
    source_system = models.CharField(max_length=64, blank=True)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    reversal_of = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversal"
    )
    recorded_at = models.DateTimeField(_("recorded at"), default=timezone.now)
    chain_seq = models.PositiveIntegerField(editable=False)
    """Place in the member's chain, from 1 without a gap."""
    link = models.CharField(max_length=64, editable=False)
    """What binds the row to all rows of the member before it (chain.py), 64 hex digits."""

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("study hour entry")
        verbose_name_plural = _("ledger of study hours")
        ordering = ["member", "-finished_at", "-id"]
        indexes = [models.Index(fields=["member", "year", "mode"], name="entry_by_member_and_year")]
        constraints = [
            models.UniqueConstraint(
                fields=["member", "year", "credit_key"],
                condition=~Q(credit_key=""),
                name="entry_credited_once_a_year",
            ),
            models.UniqueConstraint(fields=["member", "chain_seq"], name="entry_has_its_place"),
            models.CheckConstraint(
                condition=Q(reversal_of__isnull=True, hours__gt=0)
                | Q(reversal_of__isnull=False, hours__lt=0),
                name="entry_adds_and_reversal_takes_away",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.hours:+} {self.title}"


class ArchiveSeal(AppendOnly):
    """One day's seal over the ledger, e.g. number 41 for 2026-11-27: 1,204 links, all together 73,002, the root.

    Each link that the chains gained since the seal before is a leaf of one growing tree (merkle.py); the root
    stands for every entry ever sealed. The same facts, but for the leaves, are a line in a file outside the
    database (seals.py). Not a lock: the ledger goes on, and the next seal holds what came after this one.
    """

    number = models.PositiveIntegerField(primary_key=True)
    day = models.DateField(_("day"), unique=True)
    """The day that had ended when the seal was made (Asia/Shanghai)."""
    members = models.PositiveIntegerField(_("members"))
    tree_size = models.PositiveBigIntegerField(_("entries"))
    root = models.CharField(_("root"), max_length=64)
    previous_root = models.CharField(max_length=64, blank=True)
    sealed_at = models.DateTimeField(_("sealed at"))
    leaves = models.BinaryField()
    """The leaves that this seal added (chain.pack_leaves), ordered by member and place."""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        verbose_name = _("seal of the archive")
        verbose_name_plural = _("seals of the archive")
        ordering = ["number"]

    def __str__(self) -> str:
        return f"seal {self.number} of {self.day}"


class ExemptionBasis(models.TextChoices):
    ART23 = "ART23", _("Old, frail, seriously ill or disabled (Regulations on members' education, Art. 23)")
    OTHER = "OTHER", _("Other, decided by the organisation")


class Exemption(models.Model):
    """One member freed from the study requirement of a year or some years; leaves the denominator (domain.md §0.8).

    E.g. 赵淑珍 from 2026 until further notice. In whole years, since the requirement is one of the calendar year.

    The reasons tell of health, so they are encrypted and shown to nobody but the member and those who
    may grant exemptions. Ending it and taking it back keep the row.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    member = _member(db_index=False)
    year = models.PositiveSmallIntegerField(_("year"))
    until_year = models.PositiveSmallIntegerField(_("until the end of"), null=True, blank=True)
    """The last calendar year that it frees from, `year` itself for one year; None: until it is ended."""
    basis = models.CharField(_("basis"), max_length=16, choices=ExemptionBasis.choices)
    reason = EncryptedTextField(_("reason"), blank=True, default="")
    granted_by = models.ForeignKey(
        "people.Member",
        verbose_name=_("granted by"),
        on_delete=models.PROTECT,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="+",
    )
    granted_at = models.DateTimeField(_("granted at"))
    revoked_at = models.DateTimeField(_("taken back at"), null=True, blank=True)
    """It was given by mistake: then it frees from nothing. One that ended keeps the years until then."""
    ended_by = member_key(_("ended by"), null=True, db_index=False)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    end_reason = EncryptedTextField(_("why it ended"), blank=True, default="")

    objects = ExemptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("exemption")
        verbose_name_plural = _("exemptions")
        constraints = [
            models.UniqueConstraint(
                fields=["member", "year"], condition=Q(revoked_at__isnull=True), name="exemption_once_a_year"
            ),
            models.CheckConstraint(
                condition=Q(until_year__isnull=True) | Q(until_year__gte=F("year")),
                name="exemption_ends_after_it_starts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.year} {self.get_basis_display()}"

    def years(self, *, last: int) -> range:
        """The years that it frees from, up to `last`; none once it was taken back."""
        if self.revoked_at is not None:
            return range(0)
        return range(self.year, min(last if self.until_year is None else self.until_year, last) + 1)


class RuleUnit(models.TextChoices):
    HOURS = "HOURS", _("study hours")
    TIMES = "TIMES", _("times")
    SECONDS = "SECONDS", _("seconds")
    SHARE = "SHARE", _("share from 0 to 1")
    FACTOR = "FACTOR", _("factor")
    DAYS = "DAYS", _("days")
    MONTHS = "MONTHS", _("months")
    FRACTION = "FRACTION", _("fraction, e.g. 1/7")
    MEASURES = "MEASURES", _("alternatives, e.g. 3 DAYS | 24 HOURS")
    YES_NO = "YES_NO", _("1 yes, 0 no")
    WORD = "WORD", _("word")
    TIERS = "TIERS", _("tiers of seconds and hours")


class Confidence(models.TextChoices):
    """How sure we are of a rule (domain.md, confidence marks)."""

    A = "A", _("A: text of the rule read")
    B = "B", _("B: secondary source read")
    C = "C", _("C: own knowledge, quite sure")
    D = "D", _("D: unsure, or differs from place to place")
    X = "X", _("X: our default, no rule says it")


class Rule(models.Model):
    """One rule with its dates, e.g. REQ_MEMBER_32 = 32 study hours from 2019-05-06. Data, never a constant.

    Another value from some day on is another row. A row in use is ended with `effective_to`, not
    deleted. `revision` grows with each edit and is copied, with code and date, into each result.
    """

    code = models.CharField(pgettext_lazy("rule", "code"), max_length=48)
    title = models.CharField(_("says"), max_length=120)
    value = models.CharField(_("value"), max_length=200)
    unit = models.CharField(_("unit"), max_length=12, choices=RuleUnit.choices)
    legal_source = models.CharField(_("source"), max_length=200, blank=True)
    article = models.CharField(_("article"), max_length=80, blank=True)
    effective_from = models.DateField(_("from"))
    effective_to = models.DateField(_("until"), null=True, blank=True)
    scope_org = models.ForeignKey(
        "people.PartyOrganization",
        verbose_name=_("only for"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Empty: everywhere. Otherwise this organisation and everything below it."),
    )
    confidence = models.CharField(_("confidence"), max_length=1, choices=Confidence.choices)
    note = models.TextField(_("note"), blank=True)
    revision = models.PositiveIntegerField(_("revision"), default=1, editable=False)

    objects = RuleQuerySet.as_manager()

    class Meta:
        verbose_name = _("study rule")
        verbose_name_plural = _("study rules")
        ordering = ["code", "effective_from", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["code", "effective_from", "scope_org"],
                condition=Q(scope_org__isnull=False),
                name="rule_once_per_day_and_organization",
            ),
            models.UniqueConstraint(
                fields=["code", "effective_from"],
                condition=Q(scope_org__isnull=True),
                name="rule_once_per_day_everywhere",
            ),
            models.CheckConstraint(
                condition=Q(effective_to__isnull=True) | Q(effective_to__gte=F("effective_from")),
                name="rule_ends_after_it_starts",
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.code

    @property
    def version(self) -> str:
        """What is copied into results, e.g. TIER_YN@2026-01-01#1."""
        return self.version_of(self.code, self.effective_from, self.revision)

    @staticmethod
    def version_of(code: str, effective_from: date, revision: int) -> str:
        return f"{code}@{effective_from:%Y-%m-%d}#{revision}"

    def clean(self) -> None:
        try:
            parse_value(self.unit, self.value)
        except ValueError as bad:
            raise ValidationError({"value": _("This value does not fit its unit: %s") % bad}) from bad


class Rounding(models.TextChoices):
    FLOOR = "FLOOR", _("down")
    HALF_UP = "HALF_UP", _("to the nearest")
    CEILING = "CEILING", _("up")


class CreditConversion(models.Model):
    """How study hours become credits of another system for a time, e.g. 16 学时 = 1 学分, down to 0.5.

    None is shipped: there is no national credit bank for members (domain.md §1.5). A result names the
    conversion's dates; the ledger keeps hours only.
    """

    from_unit = models.CharField(_("from (unit)"), max_length=24, default="学时")
    to_unit = models.CharField(_("to (unit)"), max_length=24)
    ratio = models.DecimalField(_("how many make one"), max_digits=8, decimal_places=4)
    step = models.DecimalField(_("in steps of"), max_digits=5, decimal_places=2, default="0.5")
    rounding = models.CharField(_("rounded"), max_length=8, choices=Rounding.choices, default=Rounding.FLOOR)
    cap = models.DecimalField(_("at most a year"), max_digits=7, decimal_places=2, null=True, blank=True)
    valid_from = models.DateField(pgettext_lazy("a day", "valid from"))
    valid_to = models.DateField(pgettext_lazy("a day", "valid until"), null=True, blank=True)
    note = models.TextField(_("note"), blank=True)

    class Meta:
        verbose_name = _("credit conversion")
        verbose_name_plural = _("credit conversions")
        ordering = ["from_unit", "to_unit", "valid_from"]
        constraints = [
            models.CheckConstraint(condition=Q(ratio__gt=0, step__gt=0), name="conversion_divides"),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="conversion_ends_after_it_starts",
            ),
            models.UniqueConstraint(
                fields=["from_unit", "to_unit", "valid_from"], name="conversion_once_per_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_unit} → {self.to_unit}"

    @property
    def rule(self) -> Conversion:
        """What `conversion.convert` takes."""
        return Conversion(Decimal(self.ratio), Decimal(self.step), self.rounding, self.cap)


# Models of the rooms inside; Django looks for them here.
from courses.archive.certificates.models import Certificate  # noqa: E402, F401
from courses.archive.claims.models import ClaimProof, ClaimState, OfflineClaim  # noqa: E402, F401
from courses.archive.classes.models import (  # noqa: E402, F401
    Attendance,
    ClassMember,
    ClassSession,
    TrainingClass,
)
from courses.archive.closing.models import YearClose  # noqa: E402, F401
from courses.archive.cmi5.models import *  # noqa: E402, F403
from courses.archive.corrections.models import Correction  # noqa: E402, F401
from courses.archive.exports.models import ArchiveExport  # noqa: E402, F401
from courses.archive.imports.models import HoursImport, ImportFile, RefusedLine  # noqa: E402, F401
from courses.archive.late.models import LateKind, LateLine, LateState  # noqa: E402, F401
from courses.archive.packs.models import PackedMonth  # noqa: E402, F401
from courses.archive.records.models import RecordImport, SchoolKey  # noqa: E402, F401
from courses.archive.xapi.models import *  # noqa: E402, F403
