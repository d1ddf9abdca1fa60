"""Pages: home, courses with their lessons, policies; and the versions of lessons that people studied."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.core.validators import MinValueValidator
from django.db import models, transaction
from django.db.models import F
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import strip_tags
from django.utils.translation import gettext_lazy as _
from modelcluster.fields import ParentalKey, ParentalManyToManyField
from wagtail.fields import StreamField
from wagtail.models import COMMENTS_RELATION_NAME, Orderable, Page, PageManager
from wagtail.search import index

from courses.catalogue import panels
from courses.catalogue.attached import hanging
from courses.catalogue.blocks import LessonBody, PolicyBody
from courses.catalogue.changes import Carry, Change, new_characters, reading_time_s, tidy_stretches
from courses.catalogue.errors import LectureNotPlayable
from courses.catalogue.forms import DisclosedPageForm, LessonForm, PublishingForm
from courses.catalogue.querysets import CourseQuerySet, LessonQuerySet, PolicyQuerySet
from media_pipeline import api as media
from people.api import notify
from search import outbox
from search.documents import MEMBERS, PUBLIC, organization_token

__all__ = [
    "Course",
    "CourseCategory",
    "CourseIndexPage",
    "Disclosure",
    "HomePage",
    "Lesson",
    "LessonKind",
    "LessonVersion",
    "OutlineRow",
    "Policy",
    "PolicyAttachment",
    "PolicyCategory",
    "PolicyIndexPage",
    "Validity",
]

log = logging.getLogger(__name__)

POLICIES_PER_PAGE = 20


class Disclosure(models.TextChoices):
    PUBLIC = "PUBLIC", _("Everybody, also without signing in")
    ALL_MEMBERS = "ALL_MEMBERS", _("Everybody who is signed in")
    SUBTREE = "SUBTREE", _("Only the organisations chosen below")


class CourseCategory(models.TextChoices):
    """The seven tasks of members' education (党员教育管理工作条例 2019, chapter 2)."""

    THEORY = "THEORY", _("Political theory")
    POLITICS = "POLITICS", _("Political training")
    DISCIPLINE = "DISCIPLINE", _("Constitution, rules and discipline")
    PURPOSE = "PURPOSE", _("Purpose of the Party")
    TRADITION = "TRADITION", _("Revolutionary tradition")
    SITUATION = "SITUATION", _("Situation and policies")
    SKILLS = "SKILLS", _("Knowledge and skills")


class PolicyCategory(models.TextChoices):
    PARTY_RULE = "PARTY_RULE", _("Rules of the Party")
    LAW = "LAW", _("Laws and regulations")
    DOCUMENT = "DOCUMENT", _("Policy documents")
    LOCAL = "LOCAL", _("Local provisions")
    EXPLANATION = "EXPLANATION", _("Explanations")
    GUIDE = "GUIDE", _("How to get things done")


class Validity(models.TextChoices):
    IN_FORCE = "IN_FORCE", _("In force")
    NOT_YET = "NOT_YET", _("Not yet in force")
    EXPIRED = "EXPIRED", _("No longer in force")


class LessonKind(models.TextChoices):
    LECTURE = "LECTURE", _("Video")
    PANORAMA = "PANORAMA", _("Panorama")
    AUDIO = "AUDIO", _("Audio")
    READING = "READING", _("Reading")


UNSEEN = frozenset(
    {
        *(
            "alias_of",
            "alias_of_id",
            "approved_schedule",
            "draft_title",
            "expire_at",
            "expired",
            "go_live_at",
        ),
        *("has_unpublished_changes", "latest_revision", "latest_revision_created_at", "live_revision"),
        *("locked", "locked_at", "locked_by", "numchild", "owner", "search_description", "show_in_menus"),
        *("first_published_at", "translation_key", COMMENTS_RELATION_NAME),
    }
)
"""Fields of a page which no member sees and no search says: what Wagtail notes of drafts, comments, locks and copies."""


def writes_content(update_fields: Iterable[str] | None) -> bool:
    """Whether a `save(update_fields=…)` writes what people see; Wagtail notes a draft without doing so."""
    return update_fields is None or not UNSEEN.issuperset(update_fields)


RENEWING = frozenset({Carry.NEW_PART, Carry.AGAIN})
"""What makes a version of its own even of a text that is as long as before."""


class MemberPage(Page):
    """What all our pages share: who may see a page is said by the page itself, not by Wagtail's privacy."""

    private_page_options: list[str] = []
    base_form_class = PublishingForm
    promote_panels: list[Any] = []
    settings_panels = [panels.ADDRESS, *Page.settings_panels]

    class Meta:
        abstract = True


class DisclosedPage(MemberPage):
    """A page that says to whom it is open. `opened_to` counts only with disclosure SUBTREE."""

    disclosure = models.CharField(
        _("open to"), max_length=16, choices=Disclosure.choices, default=Disclosure.ALL_MEMBERS
    )
    opened_to = ParentalManyToManyField(
        "people.PartyOrganization",
        verbose_name=_("organisations"),
        blank=True,
        related_name="+",
        help_text=_("Each one opens the page to itself and to every organisation below it."),
    )

    class Meta:
        abstract = True

    def open_to(self, member: Any) -> bool:
        """Whether `member` may see this page, were it live."""
        return type(self).objects.filter(pk=self.pk).disclosed_to(member).exists()

    def serve(self, request, *args, **kwargs):
        if not (getattr(request, "is_preview", False) or self.open_to(request.user)):
            raise Http404
        return super().serve(request, *args, **kwargs)

    @transaction.atomic
    def save(self, *args, **kwargs):
        """Write the page and tell search, in one transaction."""
        saved = super().save(*args, **kwargs)
        if writes_content(kwargs.get("update_fields")):
            self.tell_search()
        return saved

    def tell_search(self) -> None:
        """Note in the outbox which documents this page changes."""
        raise NotImplementedError

    def acl(self) -> list[str]:
        """Who may find this page in a search, in the words of search.documents."""
        if self.disclosure == Disclosure.PUBLIC:
            return [PUBLIC]
        if self.disclosure == Disclosure.ALL_MEMBERS:
            return [MEMBERS]
        return [organization_token(organization) for organization in self.opened_to.all()]


class IndexPage(MemberPage):
    """A page above the contents: its address begins theirs."""

    class Meta:
        abstract = True

    @transaction.atomic
    def save(self, *args, **kwargs):
        """Write the page and tell search of everything below it when it moves to another address."""
        before = type(self).objects.filter(pk=self.pk).values_list("url_path", flat=True).first()
        saved = super().save(*args, **kwargs)
        if before is not None and before != self.url_path:
            tell_search_below(self)
        return saved


class HomePage(IndexPage):
    """The root of the site; the address / itself is answered by the portal."""

    template = "courses/home_page.html"
    max_count = 1
    parent_page_types = ["wagtailcore.Page"]
    subpage_types = ["courses.CourseIndexPage", "courses.PolicyIndexPage"]

    class Meta:
        verbose_name = _("home page")


class CourseIndexPage(IndexPage):
    """All courses, e.g. at /courses/."""

    intro = models.TextField(_("introduction"), blank=True, max_length=500)

    template = "courses/course_index_page.html"
    max_count = 1
    content_panels = panels.INDEX
    parent_page_types = ["courses.HomePage"]
    subpage_types = ["courses.Course"]

    class Meta:
        verbose_name = _("list of courses")

    def get_context(self, request, *args, **kwargs):
        context = super().get_context(request, *args, **kwargs)
        courses = Course.objects.open_to(request.user).child_of(self)
        chosen = request.GET.get("category", "")
        if chosen in CourseCategory.values:
            courses = courses.filter(category=chosen)
        else:
            chosen = ""
        context["courses"] = courses.with_lesson_counts().in_order().select_related("cover")
        context["categories"] = CourseCategory.choices
        context["chosen_category"] = chosen
        return context


class Course(DisclosedPage):
    """One course: lessons in the order in which they are studied, e.g. 党章十讲.

    Its lessons are its child pages; whoever may see the course may see its live lessons.
    """

    intro = models.TextField(_("introduction"), blank=True, max_length=1000)
    cover = models.ForeignKey(
        "wagtailimages.Image",
        verbose_name=_("cover"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    category = models.CharField(
        _("category"), max_length=16, choices=CourseCategory.choices, default=CourseCategory.THEORY
    )
    required = models.BooleanField(
        _("required"), default=False, help_text=_("Required courses stand first in «my study».")
    )
    due_on = models.DateField(_("to be finished by"), null=True, blank=True)
    lecturer = models.CharField(_("lecturer"), max_length=120, blank=True)
    protected = models.BooleanField(
        _("encrypt lectures"),
        default=False,
        help_text=_(
            "Downloaded pieces of the lectures cannot be played without a key, and the key is given only to "
            "members for whom the course is open. Lectures that are there already are encrypted in the background. "
            "Panorama apps on headsets cannot play encrypted lectures; the browser of a headset can."
        ),
    )
    marked = models.BooleanField(
        _("show the member's name in the picture"),
        default=False,
        help_text=_(
            "While a lecture plays, the name and organisation of whoever watches wander faintly over the picture. "
            "This discourages filming the screen."
        ),
    )

    search_fields = [
        *Page.search_fields,
        index.SearchField("lecturer"),
        index.AutocompleteField("lecturer"),
    ]

    objects = PageManager.from_queryset(CourseQuerySet)()
    template = "courses/course.html"
    content_panels = panels.COURSE
    base_form_class = DisclosedPageForm
    parent_page_types = ["courses.CourseIndexPage"]
    subpage_types = ["courses.Lesson"]

    class Meta:
        verbose_name = _("course")
        verbose_name_plural = _("courses")

    def tell_search(self) -> None:
        outbox.changed("course", self.pk)
        # Who may see the course may see its lessons, and its address begins theirs.
        lessons = list(Lesson.objects.child_of(self).values_list("pk", flat=True))
        outbox.changed("lesson", *lessons)
        hanging.pages_changed(lessons)

    @classmethod
    def lesson_model(cls) -> type[Lesson]:
        return Lesson

    def get_context(self, request, *args, **kwargs):
        context = super().get_context(request, *args, **kwargs)
        context["outline"] = outline(self, request.user)
        return context


class Lesson(MemberPage):
    """One lesson of a course: a lecture to watch or listen to, or a text to read, e.g. 第一讲 党的性质.

    `lecture` is the asset of the one lecture block in `body`; a lesson without one is a READING.
    A lesson is live only while its lecture can be played: `save` holds that, see `require_playable`.
    """

    summary = models.CharField(_("summary"), max_length=300, blank=True)
    body = StreamField(LessonBody(required=False), verbose_name=_("content"), blank=True)
    lecture = models.ForeignKey(
        "media_pipeline.Asset",
        verbose_name=_("lecture"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="lessons",
    )
    due_on = models.DateField(_("to be finished by"), null=True, blank=True)
    published_duration_s = models.PositiveIntegerField(
        _("published length"),
        default=0,
        editable=False,
        help_text=_("Seconds, fixed when the lesson is published; study hours are reckoned from it."),
    )
    reading_s = models.PositiveIntegerField(
        _("time for reading"),
        default=0,
        blank=True,
        help_text=_("Only for lessons without a lecture. Empty: reckoned from the length of the text."),
    )
    carry = models.CharField(
        _("members who studied the version before"), max_length=16, choices=Carry.choices, blank=True
    )
    """What the editor said of the next change; it travels with the revision, also to a later publishing."""
    new_parts = models.JSONField(_("the new part"), default=list, blank=True)
    """[[from_s, to_s], …] on the new lecture's own timeline; only for NEW_PART."""
    carry_after = models.PositiveIntegerField(default=0, editable=False)
    """Number of the version after which `carry` was said; for any other it is void, and asked anew."""

    objects = PageManager.from_queryset(LessonQuerySet)()
    template = "courses/lesson.html"
    content_panels = panels.LESSON
    base_form_class = LessonForm
    parent_page_types = ["courses.Course"]
    subpage_types: list[str] = []

    class Meta:
        verbose_name = _("lesson")
        verbose_name_plural = _("lessons")

    @classmethod
    def course_model(cls) -> type[Course]:
        return Course

    @cached_property
    def course(self) -> Course:
        """The course to which this lesson belongs (its parent page)."""
        return Course.objects.get(pk=self.get_parent().pk)

    @property
    def kind(self) -> str:
        """One of LessonKind, read off the lecture."""
        if self.lecture is None:
            return LessonKind.READING
        if self.lecture.projection != "FLAT":
            return LessonKind.PANORAMA
        if not self.lecture.has_picture:
            return LessonKind.AUDIO
        return LessonKind.LECTURE

    @property
    def kind_label(self) -> str:
        return str(LessonKind(self.kind).label)

    @property
    def duration_s(self) -> int:
        """Length in whole seconds as a member will study it: of the lecture, or the time for reading."""
        if self.lecture is None:
            return self.reading_s or self._reading_time_published_before() or self.estimated_reading_s()
        return round(self.lecture.duration_s)

    def _reading_time_published_before(self) -> int:
        # An estimate once published stays, else every corrected sentence would make a new version.
        latest = self.latest_version()
        if latest is None or latest.kind != LessonKind.READING or self.said_carry(latest) in RENEWING:
            return 0
        return latest.duration_s

    def estimated_reading_s(self) -> int:
        """Seconds that the text takes, in whole minutes, at least one."""
        return reading_time_s(len("".join(self.plain_text().split())))

    def latest_version(self) -> LessonVersion | None:
        """The version that was published last; None before the first publishing."""
        return self.versions.order_by("-number").first() if self.pk else None

    def said_carry(self, latest: LessonVersion | None) -> str:
        """What the editor said of the change after the version `latest` (a Carry), or ""."""
        return self.carry if latest is not None and self.carry_after == latest.number else ""

    def change(self) -> Change | None:
        """What publishing this page as it stands changes for those who study it; None for nothing at all.

        Compares with the latest version and, for a text, with the words that are published now.
        """
        latest = self.latest_version()
        if latest is None:
            return None
        kind, after_s = self.kind, self.duration_s
        fresh = 0
        if kind == LessonKind.READING and latest.kind == kind:
            published = Lesson.objects.filter(pk=self.pk).first()
            fresh = new_characters(published.plain_text(), self.plain_text()) if published else 0
        other = (latest.asset_id, latest.kind) != (self.lecture.pk if self.lecture else None, kind)
        if not other and not fresh and latest.duration_s == after_s:
            return None
        return Change(kind, latest.duration_s, after_s, other, fresh)

    def plain_text(self) -> str:
        """Summary and text of the body without markup, for searching and for reckoning reading time."""
        parts = [self.summary]
        parts += [strip_tags(block.value.source) for block in self.body if block.block_type == "text"]
        return "\n".join(part for part in parts if part)

    def take_lecture_from_body(self) -> None:
        """Let `lecture` be the asset of the lecture block; body is what the editor edits."""
        chosen = [block.value.get("asset") for block in self.body if block.block_type == "lecture"]
        self.lecture = next((asset for asset in chosen if asset), None)

    def clean(self) -> None:
        super().clean()
        self.take_lecture_from_body()

    @property
    def publish_obstacle(self) -> str:
        """Why this lesson, as it stands, cannot go live: a sentence for the editor. Empty when it can."""
        return "" if self.lecture is None else media.why_not_playable(self.lecture)

    @transaction.atomic
    def save(self, *args, **kwargs):
        """Write the page; a page that goes live makes its version, or raises LectureNotPlayable.

        This is the one narrow place: the publish button, an approval in the workflow, a bulk action, the
        scheduler and a script that sets `live` by hand all end in this call (Wagtail's edit view goes round
        `publish`). Drafts pass, also drafts of live pages, which Wagtail keeps in revisions. A lesson that
        is live already with the same lecture passes too: it is not made live here.
        """
        if not writes_content(kwargs.get("update_fields")):
            return super().save(*args, **kwargs)
        self.take_lecture_from_body()
        change = None
        if self.live:
            before = Lesson.objects.filter(pk=self.pk, live=True).values_list("lecture_id", flat=True)
            if list(before) != [self.lecture_id] and (obstacle := self.publish_obstacle):
                raise LectureNotPlayable(self, obstacle)
            self.published_duration_s = self.duration_s
            change = self.change()
        saved = super().save(*args, **kwargs)
        if self.live:
            self._note_version(change)
        outbox.changed("lesson", self.pk)
        hanging.note(self)
        return saved

    def _note_version(self, change: Change | None) -> None:
        """Make the next version where one is due, bound to the one before as the editor said (else KEEP)."""
        latest = self.latest_version()
        carry = self.said_carry(latest) or Carry.KEEP
        if latest is not None:
            reworded = change is not None and change.new_characters > 0 and carry in RENEWING
            other = change is not None and (change.other_lecture or change.before_s != change.after_s)
            if not other and not reworded:
                return
        new_parts = []
        if latest is not None and change is not None and carry == Carry.NEW_PART:
            length_s = self.published_duration_s
            new_parts = tidy_stretches(self.new_parts, seconds=length_s)
            if self.kind == LessonKind.READING:
                # The axis of a text is the time spent with it, wherever in the text the new words stand.
                new_s = min(change.new_text_s, length_s)
                new_parts = [[length_s - new_s, length_s]]
        LessonVersion.objects.create(
            lesson=self,
            number=latest.number + 1 if latest else 1,
            asset=self.lecture,
            duration_s=self.published_duration_s,
            kind=self.kind,
            title=self.title,
            carry=carry,
            new_parts=new_parts,
        )

    def publish(self, revision, user=None, *args, log_action=True, **kwargs):
        """As Wagtail's; but a scheduled publishing that cannot be done yet stays scheduled.

        The scheduler comes again every minute and must not stop at one lesson whose lecture is still
        being transcoded; whoever made the revision is told once.
        """
        try:
            with transaction.atomic():
                return super().publish(revision, user, *args, log_action=log_action, **kwargs)
        except LectureNotPlayable as obstacle:
            if log_action != "wagtail.publish.scheduled":
                raise
            log.warning("lesson %s waits with its scheduled publishing: %s", self.pk, obstacle.reason)
            if revision.user is not None:
                notify(
                    revision.user,
                    kind="publishing_waits",
                    title=_("«%(title)s» is waiting to be published") % {"title": self.title},
                    text=obstacle.reason,
                    link=reverse("wagtailadmin_pages:edit", args=[self.pk]),
                    dedupe_key=f"publishing-waits:{revision.pk}",
                )
            return None

    def with_content_json(self, content):
        obj = super().with_content_json(content)
        obj.published_duration_s = self.published_duration_s
        return obj

    def get_context(self, request, *args, **kwargs):
        context = super().get_context(request, *args, **kwargs)
        rows = outline(self.course, request.user)
        here = next((place for place, row in enumerate(rows) if row.lesson.pk == self.pk), None)
        context["course"] = self.course
        context["outline"] = rows
        context["previous_lesson"] = rows[here - 1].lesson if here else None
        context["next_lesson"] = rows[here + 1].lesson if here is not None and here + 1 < len(rows) else None
        return context

    def open_to(self, member: Any) -> bool:
        """Whether `member` may see this lesson, were it live."""
        return self.course.live and self.course.open_to(member)

    def serve(self, request, *args, **kwargs):
        if not (getattr(request, "is_preview", False) or self.open_to(request.user)):
            raise Http404
        return super().serve(request, *args, **kwargs)


@dataclass(frozen=True)
class OutlineRow:
    """One lesson in a course's list: the page and its current version (None before the first publishing).

    `position` is 1, 2, 3 … in the order of study.
    """

    lesson: Lesson
    version: LessonVersion | None
    position: int


def current_versions(lessons: Iterable[Lesson]) -> dict[int, LessonVersion]:
    """Current version by lesson id, for many lessons in one query; never published ones are left out."""
    rows = LessonVersion.objects.filter(lesson__in=[lesson.pk for lesson in lessons]).order_by("number")
    return {row.lesson_id: row for row in rows}


def outline(course: Course, member: Any) -> list[OutlineRow]:
    """The lessons of `course` that `member` (or AnonymousUser) may study, in order of study.

    Empty when the course itself is not open to the member.
    """
    lessons = Lesson.objects.open_to(member).child_of(course).order_by("path").select_related("lecture")
    lessons = list(lessons)
    versions = current_versions(lessons)
    return [
        OutlineRow(lesson=lesson, version=versions.get(lesson.pk), position=position)
        for position, lesson in enumerate(lessons, start=1)
    ]


class LessonVersion(models.Model):
    """One published state of a lesson's lecture, e.g. 第一讲, version 2, 2712 s. Progress hangs on it.

    Not the page's revision: a corrected comma makes a revision, but only another lecture, length or
    kind makes a new version (domain.md §1.3, SH10), or a text of which the editor says that it is new.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    lesson = models.ForeignKey(Lesson, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    asset = models.ForeignKey(
        "media_pipeline.Asset", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    duration_s = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=LessonKind.choices)
    title = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=timezone.now)
    carry = models.CharField(max_length=16, choices=Carry.choices, default=Carry.KEEP)
    """What of the version before (number - 1) holds for this one; of no meaning for number 1."""
    new_parts = models.JSONField(default=list, blank=True)
    """[[from_s, to_s], …] that NEW_PART asks for, in order, within the length."""

    class Meta:
        verbose_name = _("version of a lesson")
        verbose_name_plural = _("versions of lessons")
        ordering = ["lesson_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["lesson", "number"], name="lesson_version_numbered_once"),
        ]

    def __str__(self) -> str:
        return f"{self.title} v{self.number}"


class PolicyIndexPage(IndexPage):
    """All policies, e.g. at /policy/."""

    intro = models.TextField(_("introduction"), blank=True, max_length=500)

    template = "courses/policy_index_page.html"
    max_count = 1
    content_panels = panels.INDEX
    parent_page_types = ["courses.HomePage"]
    subpage_types = ["courses.Policy"]

    class Meta:
        verbose_name = _("list of policies")

    def get_context(self, request, *args, **kwargs):
        context = super().get_context(request, *args, **kwargs)
        policies = Policy.objects.open_to(request.user).child_of(self)
        chosen = request.GET.get("category", "")
        if chosen in PolicyCategory.values:
            policies = policies.filter(category=chosen)
        else:
            chosen = ""
        only_in_force = request.GET.get("in_force") == "1"
        if only_in_force:
            policies = policies.in_force()
        pages = Paginator(policies.order_by(F("issued_on").desc(nulls_last=True), "-pk"), POLICIES_PER_PAGE)
        context["policies"] = pages.get_page(request.GET.get("p"))
        context["categories"] = PolicyCategory.choices
        context["chosen_category"] = chosen
        context["only_in_force"] = only_in_force
        return context


class Policy(DisclosedPage):
    """One document of policy with its source and its time of validity, e.g. 海棠县…实施办法."""

    category = models.CharField(
        _("category"), max_length=16, choices=PolicyCategory.choices, default=PolicyCategory.DOCUMENT
    )
    issuing_body = models.CharField(_("issuing body"), max_length=200)
    document_number = models.CharField(_("document number"), max_length=80, blank=True)
    issued_on = models.DateField(_("date of issue"), null=True, blank=True)
    valid_from = models.DateField(_("valid from"), null=True, blank=True)
    valid_until = models.DateField(
        _("valid until"), null=True, blank=True, help_text=_("Empty: valid until further notice.")
    )
    summary = models.CharField(_("summary"), max_length=300, blank=True)
    body = StreamField(PolicyBody(required=False), verbose_name=_("content"), blank=True)

    search_fields = [
        *Page.search_fields,
        index.SearchField("document_number"),
        index.AutocompleteField("document_number"),
        index.SearchField("issuing_body"),
        index.AutocompleteField("issuing_body"),
    ]

    objects = PageManager.from_queryset(PolicyQuerySet)()
    template = "courses/policy.html"
    content_panels = panels.POLICY
    base_form_class = DisclosedPageForm
    parent_page_types = ["courses.PolicyIndexPage"]
    subpage_types: list[str] = []

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")

    def tell_search(self) -> None:
        outbox.changed("policy", self.pk)
        hanging.note(self)

    def validity_on(self, day: date) -> Validity:
        """IN_FORCE from `valid_from` to `valid_until`, both days included; without dates always."""
        if self.valid_from and day < self.valid_from:
            return Validity.NOT_YET
        if self.valid_until and day > self.valid_until:
            return Validity.EXPIRED
        return Validity.IN_FORCE

    @property
    def validity(self) -> Validity:
        """Today's validity (a Validity: .value for a class name, .label for people)."""
        return self.validity_on(timezone.localdate())

    def plain_text(self) -> str:
        """Summary and text of the body without markup, for searching."""
        parts = [self.summary]
        parts += [strip_tags(block.value.source) for block in self.body if block.block_type == "text"]
        return "\n".join(part for part in parts if part)

    def clean(self) -> None:
        super().clean()
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            raise ValidationError({"valid_until": _("A policy cannot end before it begins.")})


class PolicyAttachment(Orderable):
    """One file that belongs to a policy, e.g. 附件1：申请表."""

    policy = ParentalKey(Policy, on_delete=models.CASCADE, related_name="attachments")
    document = models.ForeignKey(
        "wagtaildocs.Document", verbose_name=_("file"), on_delete=models.PROTECT, related_name="+"
    )
    title = models.CharField(_("shown as"), max_length=200, blank=True)

    class Meta(Orderable.Meta):
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")

    def __str__(self) -> str:
        return self.title or self.document.title


def tell_search_below(page: Page) -> None:
    """Note in the outbox `page` and all pages below it: their address is another, or whom their course is open to."""
    below = Page.objects.descendant_of(page, inclusive=True).values("pk")
    for model, kind in ((Course, "course"), (Lesson, "lesson"), (Policy, "policy")):
        outbox.changed(kind, *model.objects.filter(pk__in=below).values_list("pk", flat=True))
    hanging.pages_changed(below)
