"""What the body of a page can be made of."""

from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from wagtail.blocks import CharBlock, ChooserBlock, RichTextBlock, StreamBlock, StructBlock, TextBlock
from wagtail.documents.blocks import DocumentChooserBlock
from wagtail.images.blocks import ImageChooserBlock

from courses.catalogue.chooser import asset_chooser


class AssetChooserBlock(ChooserBlock):
    """Value: a media_pipeline.Asset (or None)."""

    target_model = asset_chooser.model

    @cached_property
    def widget(self):
        return asset_chooser.widget_class()

    class Meta:
        icon = "media"


class PictureBlock(StructBlock):
    """Value: {image, caption}."""

    image = ImageChooserBlock(label=_("Picture"))
    caption = CharBlock(required=False, max_length=200, label=_("Caption"))

    class Meta:
        icon = "image"
        label = _("Picture")
        template = "courses/blocks/picture.html"


class LectureBlock(StructBlock):
    """Value: {asset}. The lesson page plays it at the top, wherever the block stands in the body."""

    asset = AssetChooserBlock(label=_("Lecture"))

    class Meta:
        icon = "media"
        label = _("Lecture video")
        template = "courses/blocks/lecture.html"


class AttachmentBlock(StructBlock):
    """Value: {document, title}; `title` may be empty, then the document's own counts."""

    document = DocumentChooserBlock(label=_("File"))
    title = CharBlock(required=False, max_length=200, label=_("Shown as"))

    class Meta:
        icon = "doc-full"
        label = _("Attachment")
        template = "courses/blocks/attachment.html"


class QuizBlock(StructBlock):
    """Value: {title, note}. A place kept for a test; the test itself comes with the quizzes room."""

    title = CharBlock(max_length=120, label=_("Title"))
    note = TextBlock(required=False, label=_("What the test will be about"))

    class Meta:
        icon = "help"
        label = _("Quiz (place kept)")
        template = "courses/blocks/quiz.html"


class LessonBody(StreamBlock):
    text = RichTextBlock(label=_("Text"), icon="pilcrow", template="courses/blocks/text.html")
    picture = PictureBlock()
    lecture = LectureBlock()
    attachment = AttachmentBlock()
    quiz = QuizBlock()

    class Meta:
        block_counts = {"lecture": {"max_num": 1}}


class PolicyBody(StreamBlock):
    text = RichTextBlock(label=_("Text"), icon="pilcrow", template="courses/blocks/text.html")
    picture = PictureBlock()
    attachment = AttachmentBlock()
