"""Who, where: members, the organisation tree, posts, notices, the audit trail."""

import uuid

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from pypinyin import lazy_pinyin
from treebeard.mp_tree import MP_Node

from people.encryption import EncryptedTextField, digest
from people.querysets import (
    AuditQuerySet,
    MemberQuerySet,
    NoticeQuerySet,
    PartyOrganizationManager,
    PostQuerySet,
)


class OrganizationType(models.TextChoices):
    COMMITTEE = "COMMITTEE", _("Party committee or work committee")
    GRASSROOTS_COMMITTEE = "GRASSROOTS_COMMITTEE", _("Grassroots committee")
    GENERAL_BRANCH = "GENERAL_BRANCH", _("General branch")
    BRANCH = "BRANCH", _("Branch")
    GROUP = "GROUP", _("Group")


class PartyOrganization(MP_Node):
    """One organisation of the Party, e.g. 桂花社区第一党支部 (001.002.001).

    A tree (treebeard materialised path): `path` prefixes answer "mine and everything below".
    Order among siblings is that of `code`, never of a result.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    code = models.CharField(_("code"), max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=120)
    short_name = models.CharField(_("short name"), max_length=40, blank=True)
    type = models.CharField(_("type"), max_length=24, choices=OrganizationType.choices)
    contact_phone = models.CharField(_("office telephone"), max_length=32, blank=True)

    node_order_by = ["code"]
    objects = PartyOrganizationManager()

    class Meta:
        verbose_name = _("Party organisation")
        verbose_name_plural = _("Party organisations")

    def __str__(self) -> str:
        return self.short_name or self.name

    def ancestor_paths(self) -> list[str]:
        """Tree paths of this organisation and of all above it, root first; no query is made."""
        return [self.path[:end] for end in range(self.steplen, len(self.path) + 1, self.steplen)]


class MemberStatus(models.TextChoices):
    FULL = "FULL", _("Full member")
    PROBATIONARY = "PROBATIONARY", _("Probationary member")
    STAFF = "STAFF", _("Staff account, no member")


class MemberManager(BaseUserManager.from_queryset(MemberQuerySet)):  # type: ignore[misc]
    def create_user(self, username: str, password: str | None = None, **fields) -> "Member":
        """Create an account; without a password it cannot sign in until it is activated."""
        member = self.model(username=username, **fields)
        if password:
            member.set_password(password)
        else:
            member.set_unusable_password()
        member.save(using=self._db)
        return member

    def create_superuser(self, username: str, password: str | None = None, **fields) -> "Member":
        fields.setdefault("name", username)
        return self.create_user(username, password, is_superuser=True, status=MemberStatus.STAFF, **fields)


class Member(AbstractBaseUser, PermissionsMixin):
    """One person with an account: a Party member on the roster, or staff (status STAFF).

    Not a "user profile": membership is the reason why an account exists. We keep what study
    and organisation life need and nothing else: no ID number, no birthday, no address.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    username = models.CharField(_("sign-in name"), max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=64)
    name_pinyin = models.CharField(max_length=128, editable=False, db_index=True)
    name_initials = models.CharField(max_length=32, editable=False)
    status = models.CharField(
        _("membership"), max_length=16, choices=MemberStatus.choices, default=MemberStatus.FULL
    )
    organization = models.ForeignKey(
        PartyOrganization,
        verbose_name=_("organisation"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="members",
    )
    joined_on = models.DateField(_("joined the Party on"), null=True, blank=True)
    phone = EncryptedTextField(_("mobile number"), blank=True, default="")
    phone_digest = models.CharField(max_length=64, null=True, blank=True, unique=True, editable=False)
    elder_mode = models.BooleanField(_("elder mode"), default=False)
    is_active = models.BooleanField(_("may sign in"), default=True)
    password_is_temporary = models.BooleanField(default=False, editable=False)
    activated_at = models.DateTimeField(_("activated at"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS = ["name"]
    EMAIL_FIELD = None
    objects = MemberManager()

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        indexes = [models.Index(fields=["organization", "status"], name="member_org_status")]

    def __str__(self) -> str:
        return self.name

    def save(self, *args, **kwargs) -> None:
        syllables = lazy_pinyin(self.name)
        self.name_pinyin = " ".join(syllables)[:128]
        self.name_initials = "".join(s[:1] for s in syllables)[:32]
        self.phone_digest = digest(self.phone) if self.phone else None
        super().save(*args, **kwargs)

    def set_password(self, raw_password: str | None) -> None:
        """Set the password (not saved yet); one that the member chose is never temporary."""
        super().set_password(raw_password)
        self.password_is_temporary = False

    @property
    def masked_phone(self) -> str:
        """The mobile number as lists and forms show it, e.g. 138****1234; "" when none is kept."""
        return f"{self.phone[:3]}****{self.phone[-4:]}" if self.phone else ""

    # Wagtail asks its users for these three.
    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name

    @property
    def email(self) -> str:
        return ""


class PostRole(models.TextChoices):
    SECRETARY = "SECRETARY", _("Secretary")
    DEPUTY = "DEPUTY", _("Deputy secretary")
    ORG_MEMBER = "ORG_MEMBER", _("Committee member for organisation")
    PUBLICITY_MEMBER = "PUBLICITY_MEMBER", _("Committee member for publicity")
    DISCIPLINE_MEMBER = "DISCIPLINE_MEMBER", _("Committee member for discipline")
    GROUP_LEADER = "GROUP_LEADER", _("Group leader")
    ORGANIZER = "ORGANIZER", _("Organiser")


ORGANISING_ROLES = (PostRole.SECRETARY, PostRole.DEPUTY, PostRole.ORG_MEMBER, PostRole.ORGANIZER)
"""Posts whose holders look at the study of their own organisation and everything below it."""

LEADING_ROLES = tuple(role for role in PostRole if role not in {PostRole.GROUP_LEADER, PostRole.ORGANIZER})
"""Secretaries and committee members: those whom REQ_LEADER_56 concerns (domain.md §1.1)."""


class Post(models.Model):
    """One person holding one post in one organisation for a time, e.g. 周敏, organiser of 桂花社区党委."""

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="posts")
    organization = models.ForeignKey(PartyOrganization, on_delete=models.CASCADE, related_name="posts")
    role = models.CharField(_("post"), max_length=24, choices=PostRole.choices)
    started_on = models.DateField(_("from"))
    ended_on = models.DateField(_("until"), null=True, blank=True)

    objects = PostQuerySet.as_manager()

    class Meta:
        verbose_name = _("post")
        verbose_name_plural = _("posts")
        constraints = [
            models.UniqueConstraint(
                fields=["member", "organization", "role"],
                condition=Q(ended_on__isnull=True),
                name="post_held_once_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(ended_on__isnull=True) | Q(ended_on__gte=models.F("started_on")),
                name="post_ends_after_it_starts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member} {self.get_role_display()} {self.organization}"


class Notice(models.Model):
    """One message to one member in the inbox inside the site, e.g. a reminder of what is still missing."""

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=32)
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    link = models.CharField(max_length=300, blank=True)
    dedupe_key = models.CharField(max_length=120)
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["member", "dedupe_key"], name="notice_said_once"),
        ]

    def __str__(self) -> str:
        return self.title


class AuditEntry(models.Model):
    """One thing that somebody did and that must stay known, e.g. an export of a board with its purpose.

    Rows are only ever added (`people.api.record`).
    """

    at = models.DateTimeField(default=timezone.now, db_index=True)
    actor = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, related_name="+")
    action = models.CharField(max_length=64, db_index=True)
    object_type = models.CharField(max_length=64, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    detail = models.JSONField(default=dict)
    source = models.CharField(max_length=64, blank=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit trail")
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.action}"

    def save(self, *args, **kwargs) -> None:
        if self.pk is not None:
            raise TypeError("the audit trail is only ever added to")
        super().save(*args, **kwargs)

    def delete(self, *args, **kwargs):
        raise TypeError("the audit trail is only ever added to")
