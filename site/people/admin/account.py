"""The page `/admin/account/` of somebody who works in the admin."""

from django import forms
from django.utils.translation import gettext_lazy as _
from wagtail.admin.views import account

from people.models import Member


class ElderModeForm(forms.ModelForm):
    class Meta:
        model = Member
        fields = ["elder_mode"]


class ReadingPanel(account.BaseSettingsPanel):
    """Takes the place of Wagtail's panel for first name, last name and e-mail, which we do not have."""

    name = "reading"
    order = 100
    title = _("Reading the site")
    form_class = ElderModeForm


class AccountView(account.AccountView):
    def get_panels(self):
        panels = super().get_panels()
        kept = [panel for panel in panels if not isinstance(panel, account.NameEmailSettingsPanel)]
        return [*kept, ReadingPanel(self.request, self.request.user, kept[0].profile)]
