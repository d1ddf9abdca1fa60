"""What the pipeline keeps: lectures' files (assets), their renditions, jobs, captions, uploads under way."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from modelsearch import index

from media_pipeline.querysets import AssetQuerySet, JobQuerySet
from people.encryption import EncryptedTextField


class AssetState(models.TextChoices):
    UPLOADING = "UPLOADING", _("Uploading")
    RECEIVED = "RECEIVED", _("Received")
    PROBING = "PROBING", _("Being checked")
    REFUSED = "REFUSED", _("Not accepted")
    QUEUED = "QUEUED", _("Waiting for transcoding")
    TRANSCODING = "TRANSCODING", _("Transcoding")
    PACKAGING = "PACKAGING", _("Packaging")
    READY = "READY", _("Ready")
    FAILED = "FAILED", _("Failed")


FINAL_STATES = (AssetState.READY, AssetState.REFUSED, AssetState.FAILED)


class Projection(models.TextChoices):
    FLAT = "FLAT", _("Flat picture")
    EQUIRECT = "EQUIRECT", _("360° panorama")
    HALF_EQUIRECT = "HALF_EQUIRECT", _("180° panorama")


class Kind(models.TextChoices):
    SLIDES = "SLIDES", _("Slides")
    CAMERA = "CAMERA", _("Camera")
    SPHERE = "SPHERE", _("Panorama")
    SOUND = "SOUND", _("Sound only")


class Stereo(models.TextChoices):
    MONO = "MONO", _("One picture for both eyes")
    TOP_BOTTOM = "TOP_BOTTOM", _("Left eye above right eye")
    LEFT_RIGHT = "LEFT_RIGHT", _("Left eye beside right eye")


class Asset(index.Indexed, models.Model):
    """One uploaded lecture file and what became of it, e.g. 民主集中制-录课.mov, 45 min, READY.

    Not the lesson (courses.catalogue points here) and not the media set: the set lies in
    `folder`, named by the source's and the recipe's hash, so equal uploads share one set.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    title = models.CharField(_("title"), max_length=200)
    original_name = models.CharField(_("file name"), max_length=255)
    size_bytes = models.BigIntegerField(_("size"), default=0)
    sha256 = models.CharField(max_length=64, blank=True, db_index=True, editable=False)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("uploaded by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    state = models.CharField(
        _("state"), max_length=16, choices=AssetState.choices, default=AssetState.UPLOADING, db_index=True
    )
    refusal_code = models.CharField(
        max_length=32, blank=True, help_text="why REFUSED or FAILED: a key of verdicts.py"
    )
    refusal_values = models.JSONField(default=dict, blank=True)
    duration_s = models.FloatField(_("duration"), default=0)
    width = models.PositiveIntegerField(
        default=0, help_text="as displayed: rotated, square pixels; 0: no picture"
    )
    height = models.PositiveIntegerField(default=0)
    fps = models.FloatField(default=0)
    video_codec = models.CharField(max_length=32, blank=True)
    audio_codec = models.CharField(max_length=32, blank=True)
    projection_chosen = models.CharField(
        _("kind of picture"),
        max_length=16,
        choices=Projection.choices,
        blank=True,
        help_text=_("Empty: as the file says"),
    )
    stereo_chosen = models.CharField(
        _("stereo layout"),
        max_length=16,
        choices=Stereo.choices,
        blank=True,
        help_text=_("Empty: as the file says"),
    )
    projection = models.CharField(max_length=16, choices=Projection.choices, default=Projection.FLAT)
    stereo = models.CharField(max_length=16, choices=Stereo.choices, default=Stereo.MONO)
    kind = models.CharField(
        _("kind of lecture"),
        max_length=8,
        choices=Kind.choices,
        blank=True,
        editable=False,
        help_text="as the samples say (stage ANALYSE)",
    )
    protected = models.BooleanField(
        _("encrypted"),
        default=False,
        help_text=_("Segments are encrypted; the key is given to members only."),
    )
    edition = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="grows when a rendition is made anew; part of the recipe"
    )
    facts = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="source: probe.Facts, character: decide.Character, recipe: recipe.Recipe",
    )
    recipe_hash = models.CharField(max_length=64, blank=True, editable=False)
    folder = models.CharField(
        max_length=200,
        blank=True,
        editable=False,
        help_text="published media set, below MEDIA_PIPELINE['ROOT']",
    )
    contents = models.JSONField(
        default=dict, blank=True, editable=False, help_text="set.json of the media set"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ready_at = models.DateTimeField(null=True, blank=True, editable=False)

    # What editors find in Wagtail's boxes, and what their lists narrow and order by.
    search_fields = [
        index.SearchField("title", boost=2),
        index.AutocompleteField("title"),
        index.SearchField("original_name"),
        index.AutocompleteField("original_name"),
        index.FilterField("id"),
        index.FilterField("state"),
        index.FilterField("uploaded_by"),
        index.FilterField("created_at"),
    ]

    objects = AssetQuerySet.as_manager()

    class Meta:
        verbose_name = _("lecture file")
        verbose_name_plural = _("lecture files")
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="READY") | (~Q(folder="") & Q(ready_at__isnull=False)),
                name="ready_asset_has_a_media_set",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["REFUSED", "FAILED"]) | ~Q(refusal_code=""),
                name="stopped_asset_has_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def has_picture(self) -> bool:
        return self.width > 0

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES


class Rendition(models.Model):
    """One version of an asset that a player can choose, e.g. v720 (1280×720) or audio.

    Rows appear when the ladder is decided, so that the editor sees what is coming; sizes are
    filled in when the media set is published.
    """

    class Kind(models.TextChoices):
        VIDEO = "VIDEO", _("Picture")
        AUDIO = "AUDIO", _("Sound")

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="renditions")
    name = models.CharField(max_length=16)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    codec = models.CharField(max_length=8, blank=True)
    lang = models.CharField(max_length=16, blank=True)
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    bandwidth_bps = models.PositiveIntegerField(default=0)
    size_bytes = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["asset", "kind", "-height"]
        constraints = [models.UniqueConstraint(fields=["asset", "name"], name="rendition_named_once")]

    def __str__(self) -> str:
        return self.name


class Stage(models.TextChoices):
    PROBE = "PROBE", _("Check")
    ANALYSE = "ANALYSE", _("Analyse")
    PREVIEW = "PREVIEW", _("Preview")
    ENCODE = "ENCODE", _("Transcode")
    SOUND = "SOUND", _("Sound")
    PACKAGE = "PACKAGE", _("Package")
    VIEWPORTS = "VIEWPORTS", _("Views for weak phones")
    TRANSCRIBE = "TRANSCRIBE", _("Speech to text")


class JobState(models.TextChoices):
    WAITING = "WAITING", _("Waiting")
    RUNNING = "RUNNING", _("Running")
    DONE = "DONE", _("Done")
    STOPPED = "STOPPED", _("Stopped")


class Job(models.Model):
    """One stage of one asset's way, e.g. TRANSCODE of asset 7, RUNNING, leased until 08:31:10.

    The truth about work: Celery only rings the bell. Whoever runs it holds a lease and beats;
    when the lease lapses another may take it. `fence` grows with every taking, and every
    write of a worker names the fence it holds, so a worker back from the dead changes nothing.
    `key` tells jobs of one stage apart: the pieces of a long lecture («c0007»), the sounds.
    `work` is how much there is to do in the estimate's units, `cpu_s` what it took.
    """

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="jobs")
    stage = models.CharField(max_length=16, choices=Stage.choices)
    key = models.CharField(max_length=32, blank=True, default="")
    state = models.CharField(max_length=8, choices=JobState.choices, default=JobState.WAITING)
    not_before = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    progress = models.FloatField(default=0)
    priority = models.SmallIntegerField(default=0, help_text="higher is taken first")
    deadline_at = models.DateTimeField(
        null=True, blank=True, help_text="ends as FAILED when not done by then"
    )
    sort = models.CharField(
        max_length=80,
        blank=True,
        default="",
        help_text="what is comparable, e.g. «ENCODE SLIDES h264:faster»",
    )
    work = models.FloatField(default=0)
    cpu_s = models.FloatField(default=0)
    memory_mb = models.PositiveIntegerField(default=0, help_text="what it may need at most; 0: unknown")
    worker = models.CharField(max_length=120, blank=True)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-priority", "created_at", "pk"]
        indexes = [
            models.Index(fields=["state", "lease_until"], name="job_state_lease"),
            models.Index(fields=["state", "finished_at"], name="job_state_finished"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["asset", "stage", "key"], name="job_once_per_stage"),
            models.CheckConstraint(condition=Q(progress__gte=0, progress__lte=1), name="job_progress_0_to_1"),
            models.CheckConstraint(
                condition=~Q(state="RUNNING") | Q(lease_until__isnull=False), name="running_job_has_a_lease"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stage} {self.asset_id}"


class QueuePause(models.Model):
    """One time during which operators let no job begin, e.g. «搬迁硬盘», 20:00 to 21:15; open while `ended_at` is empty.

    Not a setting: who held the queue, when and why is kept. Running jobs go on to their end.
    """

    reason = models.CharField(_("reason"), max_length=200, blank=True)
    began_at = models.DateTimeField(default=timezone.now)
    began_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["-began_at"]

    def __str__(self) -> str:
        return self.reason or str(self.pk)


class Captions(models.Model):
    """Captions of an asset in one language as WebVTT text, e.g. zh-Hans «中文»."""

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="captions")
    lang = models.CharField(_("language"), max_length=16, default="zh-Hans")
    label = models.CharField(_("label"), max_length=40, default="中文")
    vtt = models.TextField(_("captions (WebVTT)"))
    origin = models.CharField(
        _("origin"),
        max_length=8,
        choices=[("FILE", _("Uploaded")), ("MACHINE", _("Speech to text"))],
        default="FILE",
    )
    edited = models.BooleanField(_("corrected by hand"), default=False)
    revision = models.PositiveIntegerField(
        default=1, editable=False, help_text="grows with every change: two editors, one winner, one told"
    )
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("captions")
        verbose_name_plural = _("captions")
        ordering = ["lang"]
        constraints = [models.UniqueConstraint(fields=["asset", "lang"], name="captions_once_per_language")]

    def __str__(self) -> str:
        return f"{self.label} ({self.lang})"


class CaptionsVersion(models.Model):
    """A text of captions that is not shown, e.g. zh-Hans as it was before 14:02, or the machine's beside the corrected one.

    Kept whenever captions are replaced or removed, so that an editor can take them back; the
    newest ten of a language stay. Not Captions itself: those are the one text that members see.
    """

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="captions_versions")
    lang = models.CharField(max_length=16)
    label = models.CharField(max_length=40)
    vtt = models.TextField()
    origin = models.CharField(max_length=8, choices=Captions._meta.get_field("origin").choices)
    edited = models.BooleanField(default=False)
    revision = models.PositiveIntegerField(default=0, help_text="0: never shown")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    made_at = models.DateTimeField()
    kept_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-kept_at", "-pk"]
        indexes = [models.Index(fields=["asset", "lang"], name="captions_version_of")]

    def __str__(self) -> str:
        return f"{self.label} ({self.lang}) {self.revision}"


class Chapter(models.Model):
    """Where a part of a lecture begins, e.g. 00:10 «第2页»: found at a slide change, or set by an editor.

    A machine's chapters are replaced when the lecture is analysed anew; once an editor has touched
    one, all of the asset's are hers.
    """

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="chapters")
    begin_ms = models.PositiveIntegerField(_("begins at"))
    title = models.CharField(_("title"), max_length=120)
    by_hand = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("chapter")
        verbose_name_plural = _("chapters")
        ordering = ["begin_ms"]
        constraints = [models.UniqueConstraint(fields=["asset", "begin_ms"], name="chapter_begins_once")]

    def __str__(self) -> str:
        return self.title


class ContentKey(models.Model):
    """The AES-128 key of all encrypted media sets made of one source file (they may be shared by equal uploads).

    Kept sealed (people.encryption); given out by `delivery` to members only, see keys.py.
    """

    sha256 = models.CharField(max_length=64, unique=True, editable=False)
    secret = EncryptedTextField(editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("key of encrypted lectures")
        verbose_name_plural = _("keys of encrypted lectures")

    def __str__(self) -> str:
        return self.sha256[:12]


class Upload(models.Model):
    """One file on its way in by tus 1.0, e.g. 412 of 980 MB.

    The truth about the offset is the length of the file on disk (`intake.uploads`);
    `offset_bytes` is what the last request saw, for display. The row stays until `expires_at`
    also when all has come, so that a client that lost the last answer learns it by asking again.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    asset = models.OneToOneField(Asset, on_delete=models.CASCADE, related_name="upload")
    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    size_bytes = models.BigIntegerField()
    offset_bytes = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(offset_bytes__gte=0, offset_bytes__lte=F("size_bytes")),
                name="upload_offset_within_size",
            )
        ]

    def __str__(self) -> str:
        return f"{self.offset_bytes}/{self.size_bytes}"
