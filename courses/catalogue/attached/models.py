"""Which file hangs on which page, and what could be read out of it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

__all__ = ["AttachedFile", "FileText", "Unread"]


class AttachedFile(models.Model):
    """One file as one page shows it to its readers, e.g. 附件1：申请表 under 实施办法.

    Follows the page's content whenever that is written (`hanging.note`; a draft of a live page is not), be it
    a policy's list of attachments, an attachment in the text or a link to a file. Not `PolicyAttachment`,
    which is what an editor fills in on one kind of page; this is what all pages show, so that it can be found.
    """

    page = models.ForeignKey("wagtailcore.Page", on_delete=models.CASCADE, related_name="+")
    document = models.ForeignKey("wagtaildocs.Document", on_delete=models.CASCADE, related_name="+")
    title = models.CharField(max_length=255, blank=True)
    """What the page calls it; empty: the document's own title."""

    class Meta:
        verbose_name = _("attached file")
        verbose_name_plural = _("attached files")
        constraints = [models.UniqueConstraint(fields=["page", "document"], name="attached_once_to_a_page")]

    def __str__(self) -> str:
        return self.title or self.document.title


class Unread(models.TextChoices):
    """Why a file has no text to be found by; the label tells the editor what to do."""

    SCAN = (
        "SCAN",
        _("It holds pictures and no text (a scan?). Attach the electronic original if there is one."),
    )
    LOCKED = "LOCKED", _("It is protected by a password. Attach a copy without one.")
    OLD_FORMAT = (
        "OLD_FORMAT",
        _("It is in an old Office format (.doc, .ppt). Save it as .docx, .pptx or PDF and attach that."),
    )
    OTHER_FORMAT = (
        "OTHER_FORMAT",
        _("Text is read from PDF, Word, Excel, PowerPoint and text files; this is none of them."),
    )
    BROKEN = "BROKEN", _("The file is damaged. Open it on your computer, save it anew and attach it again.")
    TOO_LARGE = (
        "TOO_LARGE",
        _("It is too large or too complicated to be read. Split it, or attach it as a PDF."),
    )
    MISSING = "MISSING", _("The file is no longer there. Attach it again.")


class FileText(models.Model):
    """What could be read out of a document's file, e.g. 申请表.docx, 1,204 characters.

    Valid for one file of the document: `file_name` and `file_hash` are the document's own at the time.
    `sha256` is that of the bytes read; documents with equal files are read once.
    """

    document = models.OneToOneField("wagtaildocs.Document", on_delete=models.CASCADE, related_name="+")
    file_name = models.CharField(max_length=255)
    file_hash = models.CharField(max_length=40, blank=True)
    sha256 = models.CharField(max_length=64, blank=True, db_index=True)
    reader = models.PositiveSmallIntegerField()
    """Of `reading.READER`: a better reader reads again."""
    unread = models.CharField(max_length=16, choices=Unread.choices, blank=True)
    text = models.TextField(blank=True)
    is_cut = models.BooleanField(default=False)
    """Whether the file holds more than was kept."""
    read_at = models.DateTimeField()

    class Meta:
        verbose_name = _("text of a file")
        verbose_name_plural = _("texts of files")

    def __str__(self) -> str:
        return f"{self.file_name}: {self.unread or len(self.text)}"
