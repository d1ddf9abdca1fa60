"""The ground: who, where, may-see."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from wagtail.users.apps import WagtailUsersAppConfig


class PeopleConfig(AppConfig):
    name = "people"
    verbose_name = "组织与党员"
    default = True

    def ready(self) -> None:
        from people import checks  # noqa: F401  (registers the system checks)


class MemberAdminConfig(WagtailUsersAppConfig):
    """Stands in INSTALLED_APPS in the place of `wagtail.users`; its users are our members."""

    user_viewset = "people.admin.members.MemberViewSet"
    verbose_name = _("Members and accounts")
    default = False
