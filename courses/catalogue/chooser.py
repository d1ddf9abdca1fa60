"""How an editor picks or uploads a lecture: the chooser dialog and the widget of the Wagtail admin."""

from __future__ import annotations

from django import forms
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from wagtail.admin.forms.choosers import BaseFilterForm, SearchFilterMixin
from wagtail.admin.telepath import register as register_adapter
from wagtail.admin.ui.tables import Column
from wagtail.admin.views.generic.chooser import ChooseResultsView, ChooseView
from wagtail.admin.viewsets.chooser import ChooserViewSet
from wagtail.admin.widgets.chooser import BaseChooser, BaseChooserAdapter

from courses.catalogue.words import minutes_and_seconds
from media_pipeline.models import Projection

STATES_TO_CHOOSE = ("RECEIVED", "PROBING", "QUEUED", "TRANSCODING", "PACKAGING", "READY")
"""An editor may put a lecture into a draft while it is on its way, but not one that was refused."""


class LectureFilterForm(SearchFilterMixin, BaseFilterForm):
    q = forms.CharField(label=_("Search in titles and file names"), required=False)


class LectureListing:
    """Columns and rows of the chooser's list."""

    filter_form_class = LectureFilterForm

    def get_object_list(self):
        return super().get_object_list().filter(state__in=STATES_TO_CHOOSE)

    @property
    def columns(self):
        return [
            *super().columns,
            Column("state", label=_("State"), accessor="get_state_display"),
            Column(
                "duration", label=_("Length"), accessor=lambda asset: minutes_and_seconds(asset.duration_s)
            ),
            Column(
                "created_at",
                label=pgettext_lazy("column", "Uploaded"),
                accessor=lambda asset: date_format(localtime(asset.created_at), "Y-m-d H:i"),
            ),
        ]


class LectureChooseView(LectureListing, ChooseView):
    pass


class LectureChooseResultsView(LectureListing, ChooseResultsView):
    pass


class LectureChooser(BaseChooser):
    """Choose or upload; under the chosen lecture stands how far its transcoding is."""

    template_name = "catalogue_admin/lecture_chooser.html"

    def get_context(self, name, value_data, attrs):
        context = super().get_context(name, value_data, attrs)
        context["begin_url"] = reverse("lectures:begin")
        # The browser puts the id of the chosen lecture in the place of the 0.
        context["card_url"] = reverse("lectures:card", args=[0])
        context["projections"] = Projection.choices
        return context


class LectureChooserAdapter(BaseChooserAdapter):
    pass


class AssetChooserViewSet(ChooserViewSet):
    model = "media_pipeline.Asset"
    icon = "media"
    choose_one_text = _("Choose a video uploaded before")
    choose_another_text = _("Choose another lecture")
    edit_item_text = _("See this lecture")
    per_page = 10
    base_widget_class = LectureChooser
    widget_telepath_adapter_class = LectureChooserAdapter
    choose_view_class = LectureChooseView
    choose_results_view_class = LectureChooseResultsView


asset_chooser = AssetChooserViewSet("lecture_chooser")
register_adapter(LectureChooserAdapter(), LectureChooser)
