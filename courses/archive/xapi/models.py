"""What is: the clients that may speak to the LRS, statements with what they are found by, documents.

Statements are kept as text, with the few columns that queries ask for beside it. Nothing here is a
measure of study: what counts is in the archive's own ledger.
"""

import uuid
from typing import Any

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

__all__ = [
    "ActivitySeen",
    "AgentSeen",
    "DocumentKind",
    "LrsAttachment",
    "LrsClient",
    "LrsDocument",
    "OutsideReport",
    "OutsideSession",
    "RefKind",
    "Statement",
    "StatementRef",
    "StatementTarget",
    "StatementUse",
]


class LrsClient(models.Model):
    """A program that speaks to the LRS by Basic authentication, e.g. a training provider's course player.

    The secret is shown once when it is made; only its keyed digest is kept (clients.py). Not a member:
    statements of members come through a client, whose name is then their authority.
    """

    name = models.CharField(_("name"), max_length=100)
    key = models.CharField(_("user name"), max_length=64, unique=True, editable=False)
    secret_digest = models.CharField(max_length=64, editable=False)
    scopes = models.CharField(
        _("scopes"), max_length=200, help_text=_("What it may do, e.g. statements/write")
    )
    requests_per_minute = models.PositiveIntegerField(
        _("requests a minute"), default=12_000, validators=[MinValueValidator(1)]
    )
    active = models.BooleanField(_("active"), default=True)
    note = models.TextField(_("note"), blank=True)
    created_at = models.DateTimeField(_("added"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    requests = models.PositiveBigIntegerField(_("requests"), default=0, editable=False)
    reads_of_others = models.PositiveBigIntegerField(
        _("reads of others' statements"), default=0, editable=False
    )

    class Meta:
        verbose_name = _("learning record client")
        verbose_name_plural = _("learning record clients")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


def _client(**kwargs: Any) -> models.ForeignKey:
    return models.ForeignKey(
        LrsClient, verbose_name=_("client"), on_delete=models.PROTECT, db_constraint=False, **kwargs
    )


class Statement(models.Model):
    """One statement, never changed after it was stored (only `voided` is set when another voids it).

    `body` is the JSON that is answered with format=exact: as sent, with id, stored, timestamp, version
    and authority set. `digest` is over what may not differ when the same id comes again.
    """

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(unique=True)
    client = _client(related_name="statements")
    verb = models.UUIDField()
    """Key of the verb's IRI (references.key), as in StatementRef."""
    registration = models.UUIDField(null=True)
    stored_at = models.DateTimeField()
    timestamp_at = models.DateTimeField()
    voided = models.BooleanField(default=False)
    voids = models.UUIDField(null=True)
    """The statement that this one voids (verb voided), whether or not it is here."""
    target = models.UUIDField(null=True)
    """The statement that this one's object refers to."""
    version = models.CharField(max_length=8)
    digest = models.CharField(max_length=64)
    body = models.TextField()

    class Meta:
        verbose_name = _("statement")
        indexes = [
            models.Index(fields=["stored_at", "id"], name="statement_by_stored"),
            models.Index(fields=["verb", "stored_at", "id"], name="statement_by_verb"),
            models.Index(
                fields=["registration", "stored_at"],
                condition=Q(registration__isnull=False),
                name="statement_by_registration",
            ),
            models.Index(fields=["target"], condition=Q(target__isnull=False), name="statement_by_target"),
            models.Index(fields=["voids"], condition=Q(voids__isnull=False), name="statement_by_voids"),
            models.Index(fields=["client", "stored_at", "id"], name="statement_by_client"),
        ]


class RefKind(models.IntegerChoices):
    """What a statement is found by. What is named plainly is related as well and has one row, the plain."""

    AGENT = 1, "agent"
    RELATED_AGENT = 2, "related agent"
    ACTIVITY = 3, "activity"
    RELATED_ACTIVITY = 4, "related activity"


class StatementRef(models.Model):
    """That a statement names an agent or an activity. `key` is a 128-bit digest of it (references.key)."""

    id = models.BigAutoField(primary_key=True)
    kind = models.PositiveSmallIntegerField(choices=RefKind.choices)
    key = models.UUIDField()
    statement = models.ForeignKey(Statement, on_delete=models.CASCADE, db_constraint=False, db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "key", "statement"], name="statement_ref_once")
        ]


class StatementTarget(models.Model):
    """That `statement` refers to `origin`, directly or through others: it is found when `origin` is found
    (xAPI 1.0.3, Communication 2.1.3 «Filter conditions for StatementRefs»)."""

    id = models.BigAutoField(primary_key=True)
    origin = models.UUIDField()
    statement = models.ForeignKey(Statement, on_delete=models.CASCADE, db_constraint=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["origin", "statement"], name="statement_target_once")]


class LrsAttachment(models.Model):
    """The bytes of attachments, once for each content. Several statements may name the same."""

    sha2 = models.CharField(max_length=128, primary_key=True)
    content_type = models.CharField(max_length=255)
    content = models.BinaryField()
    stored_at = models.DateTimeField()


class StatementUse(models.Model):
    """That a statement names an attachment whose bytes are kept: nobody reads bytes of others by guessing."""

    id = models.BigAutoField(primary_key=True)
    statement = models.ForeignKey(Statement, on_delete=models.CASCADE, db_constraint=False)
    sha2 = models.CharField(max_length=128)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["statement", "sha2"], name="statement_use_once")]


class ActivitySeen(models.Model):
    """What is known of an activity: the definitions that statements brought, merged (format=canonical)."""

    key = models.UUIDField(primary_key=True)
    iri = models.TextField()
    definition = models.TextField(default="{}")


class AgentSeen(models.Model):
    """The names under which an agent came, for the Person of /agents. `ifi` is its identifier as JSON."""

    key = models.UUIDField(primary_key=True)
    ifi = models.TextField()
    names = models.TextField(default="[]")


class DocumentKind(models.IntegerChoices):
    STATE = 1, "state"
    ACTIVITY_PROFILE = 2, "activity profile"
    AGENT_PROFILE = 3, "agent profile"


class LrsDocument(models.Model):
    """A document that a program keeps here: a state, an activity's or an agent's profile.

    `activity` and `agent` are keys, or the nil UUID where the kind has none; so is `registration`
    for a state without one. The bytes are the sender's own.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.PositiveSmallIntegerField(choices=DocumentKind.choices)
    activity = models.UUIDField(default=uuid.UUID(int=0))
    agent = models.UUIDField(default=uuid.UUID(int=0))
    registration = models.UUIDField(default=uuid.UUID(int=0))
    name_key = models.UUIDField()
    name = models.TextField()
    """stateId or profileId."""
    content_type = models.CharField(max_length=255)
    content = models.BinaryField()
    etag = models.CharField(max_length=40)
    updated_at = models.DateTimeField()
    client = _client(related_name="+", null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "activity", "agent", "registration", "name_key"], name="lrs_document_once"
            )
        ]


class OutsideSession(models.Model):
    """One session in which another program's player plays a lesson of ours for a member (outside.py).

    Begun by its first statement. `session` is its number in the log of beats, in the archive's own form.
    """

    client = _client(related_name="+")
    member = models.ForeignKey(
        "people.Member", on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    version = models.ForeignKey(
        "courses.LessonVersion", on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    told = models.UUIDField()
    """Key of the registration and the session-id by which the program knows it."""
    session = models.UUIDField(unique=True)
    began_at = models.DateTimeField()
    beats = models.PositiveIntegerField(default=0)
    """How many were made of it: the number of the next one."""
    segments = models.TextField(default="")
    """What it has reported so far, e.g. 0.000[.]12.000[,]14.000[.]21.000."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["member", "client", "version", "told"], name="outside_session_once"
            )
        ]

    def __str__(self) -> str:
        return f"outside session {self.session}"


class OutsideReport(models.Model):
    """A stored statement whose segments wait to be turned into beats; gone when they were."""

    statement = models.OneToOneField(Statement, on_delete=models.CASCADE, db_constraint=False)
    session = models.ForeignKey(OutsideSession, on_delete=models.CASCADE, db_constraint=False)

    def __str__(self) -> str:
        return f"report in statement {self.statement_id}"
