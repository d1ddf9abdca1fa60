"""What an editor sees of each page type in the Wagtail admin, from top to bottom."""

from typing import Any

from django.forms import RadioSelect
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import (
    FieldPanel,
    FieldRowPanel,
    HelpPanel,
    InlinePanel,
    MultiFieldPanel,
    Panel,
    TitleFieldPanel,
)

from courses.catalogue.attached import hanging
from courses.catalogue.changes import write_stretches


class CarryPanel(MultiFieldPanel):
    """The one question to the editor of a changed lesson: what of the study before holds. Not shown otherwise."""

    class BoundPanel(MultiFieldPanel.BoundPanel):
        template_name = "catalogue_admin/_carry_panel.html"

        def is_shown(self) -> bool:
            return bool(getattr(self.form, "asks", False)) and super().is_shown()

        @cached_property
        def visible_children(self) -> list[Any]:
            # The new part of a text is reckoned from its words.
            change = getattr(self.form, "change", None)
            shown = [child for child in self.children if child.is_shown()]
            return shown[:1] if change and change.kind == "READING" else shown

        def get_context_data(self, parent_context: Any = None) -> dict[str, Any]:
            context = super().get_context_data(parent_context)
            return context | {
                "change": self.form.change,
                "affected": self.form.affected,
                "appended": write_stretches(self.form.appended()),
            }


class FilesPanel(Panel):
    """Attached files whose text cannot be searched, each with what to do; not shown when there are none."""

    class BoundPanel(Panel.BoundPanel):
        template_name = "catalogue_admin/_files_panel.html"

        @cached_property
        def files(self) -> list[tuple[str, str]]:
            return hanging.state_of(self.instance) if self.instance.pk else []

        def is_shown(self) -> bool:
            return bool(self.files) and super().is_shown()

        def get_context_data(self, parent_context: Any = None) -> dict[str, Any]:
            return super().get_context_data(parent_context) | {"files": self.files}


ADDRESS = FieldPanel("slug", help_text=_("The last part of the page's address. It is made from the title."))


def title(placeholder: str) -> TitleFieldPanel:
    return TitleFieldPanel("title", placeholder=placeholder)


def who_may_see() -> MultiFieldPanel:
    return MultiFieldPanel(
        [
            FieldPanel("disclosure", widget=RadioSelect),
            FieldPanel("opened_to", classname="catalogue-opened-to"),
        ],
        heading=_("Who may see it"),
    )


INDEX = [title(_("Title")), FieldPanel("intro")]

COURSE = [
    title(_("Title of the course")),
    FieldPanel("intro"),
    FieldPanel("cover"),
    MultiFieldPanel(
        [
            FieldRowPanel([FieldPanel("category"), FieldPanel("lecturer")]),
            FieldRowPanel([FieldPanel("required"), FieldPanel("due_on")]),
        ],
        heading=_("About the course"),
    ),
    who_may_see(),
    MultiFieldPanel([FieldPanel("protected"), FieldPanel("marked")], heading=_("Against copying")),
]

LESSON = [
    title(_("Title of the lesson")),
    CarryPanel(
        [FieldPanel("carry", classname="catalogue-carry"), FieldPanel("new_parts")],
        heading=_("This lesson has been changed"),
        icon="group",
    ),
    FieldPanel("summary"),
    HelpPanel(
        content=_(
            "Add a «Lecture video» to the content and upload the recording there. "
            "You can save, preview and submit the lesson while the video is being transcoded; "
            "it can be published once the video can be played."
        ),
        heading=_("How a lesson is made"),
    ),
    FieldPanel("body"),
    FilesPanel(heading=_("Searching attached files")),
    FieldRowPanel([FieldPanel("due_on"), FieldPanel("reading_s")], heading=_("Time")),
]

POLICY = [
    title(_("Full title of the document")),
    MultiFieldPanel(
        [
            FieldRowPanel([FieldPanel("category"), FieldPanel("issuing_body")]),
            FieldRowPanel([FieldPanel("document_number"), FieldPanel("issued_on")]),
            FieldRowPanel([FieldPanel("valid_from"), FieldPanel("valid_until")]),
        ],
        heading=_("About the document"),
    ),
    FieldPanel("summary"),
    FieldPanel("body"),
    InlinePanel("attachments", heading=_("Attachments"), label=_("Attachment")),
    FilesPanel(heading=_("Searching attached files")),
    who_may_see(),
]
