"""What the operator of the site writes once: its name, its host, its registration, whom to call."""

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel, MultiFieldPanel
from wagtail.contrib.settings.models import BaseGenericSetting, register_setting


@register_setting(icon="home", order=100)
class SiteFrame(BaseGenericSetting):
    """The words of every page's frame, e.g. 海棠网上党校, 主办：海棠县委组织部. One row for the site.

    Not in the settings files: an administrator without a shell must be able to write the
    registration numbers which the law asks every site to show.
    """

    wordmark = models.CharField(
        _("name of the site"),
        max_length=24,
        blank=True,
        help_text=_("Written at the top of every page. Empty: the name of the installation."),
    )
    headline = models.CharField(
        _("headline of the home page"),
        max_length=60,
        blank=True,
        help_text=_("One or two short lines; a comma parts them."),
    )
    host_organization = models.CharField(_("host organisation"), max_length=80, blank=True)
    icp_number = models.CharField(_("ICP registration number"), max_length=40, blank=True)
    police_number = models.CharField(_("public security registration number"), max_length=60, blank=True)
    help_telephone = models.CharField(
        _("help telephone"),
        max_length=32,
        blank=True,
        validators=[RegexValidator(r"^[0-9+() -]*$", _("Only digits, spaces, hyphens and brackets."))],
        help_text=_("Shown to members whose own organisation has no office telephone."),
    )
    search_hints = models.CharField(
        _("examples under the search box"),
        max_length=120,
        blank=True,
        help_text=_("Parted by spaces, at most five."),
    )

    class Meta:
        verbose_name = _("name, host and registration")

    panels = [
        MultiFieldPanel(
            [FieldPanel("wordmark"), FieldPanel("headline"), FieldPanel("search_hints")],
            heading=_("What visitors read"),
        ),
        MultiFieldPanel(
            [
                FieldPanel("host_organization"),
                FieldPanel("icp_number"),
                FieldPanel("police_number"),
                FieldPanel("help_telephone"),
            ],
            heading=_("Who is responsible"),
        ),
    ]

    @property
    def headline_lines(self) -> list[str]:
        """The headline cut after its first comma, so that it breaks where it breathes."""
        head, comma, rest = self.headline.partition("，")
        return [head + comma, rest] if rest else [self.headline] if self.headline else []

    @property
    def hints(self) -> list[str]:
        """At most five examples for the search box."""
        return self.search_hints.split()[:5]
