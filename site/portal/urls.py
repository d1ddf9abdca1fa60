"""The promised addresses (README.md); every room's own urls hang here."""

from django.urls import include, path
from django.views.decorators.cache import never_cache
from wagtail import urls as wagtail_urls
from wagtail.admin import urls as wagtailadmin_urls
from wagtail.admin.auth import require_admin_access
from wagtail.documents import urls as wagtaildocs_urls

from people.admin.account import AccountView

urlpatterns = [
    path("accounts/", include("allauth.urls")),
    path("admin/account/", require_admin_access(never_cache(AccountView.as_view()))),
    path("admin/", include(wagtailadmin_urls)),
    path("documents/", include(wagtaildocs_urls)),
    path("", include(wagtail_urls)),
]
