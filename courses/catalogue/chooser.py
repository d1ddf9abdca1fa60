"""How an editor picks a lecture: the chooser dialog of the Wagtail admin."""

from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.chooser import ChooserViewSet


class AssetChooserViewSet(ChooserViewSet):
    model = "media_pipeline.Asset"
    icon = "media"
    choose_one_text = _("Choose a lecture")
    choose_another_text = _("Choose another lecture")
    edit_item_text = _("See this lecture")


asset_chooser = AssetChooserViewSet("lecture_chooser")
