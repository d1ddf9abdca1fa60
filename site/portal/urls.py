"""The promised addresses (README.md); every room's own urls hang here."""

from django.urls import include, path, re_path
from django.views.decorators.cache import never_cache
from wagtail import urls as wagtail_urls
from wagtail.admin import urls as wagtailadmin_urls
from wagtail.admin.auth import require_admin_access
from wagtail.documents import urls as wagtaildocs_urls

from people.admin.account import AccountView
from portal import headsets, views
from portal.api import api
from portal.health import healthz

pages = [
    path("", views.home, name="home"),
    path("study/", views.study, name="study"),
    path("study/read/", views.reading_done, name="reading_done"),
    path("my/", views.my, name="my"),
    path("my/notices/", views.notices, name="notices"),
    path("my/notices/read/", views.notices_read, name="notices_read"),
    path("my/notices/<int:pk>/", views.notice, name="notice"),
    path("elder/", views.elder, name="elder"),
    path("headset/", headsets.page, name="headset"),
    path("deovr/<slug:code>", headsets.deovr, name="deovr"),
    path("heresphere/<slug:code>", headsets.heresphere, name="heresphere"),
    path("privacy/", views.privacy, name="privacy"),
    path("accessibility/", views.accessibility, name="accessibility"),
    path("offline/", views.offline, name="offline"),
    path("manifest.webmanifest", views.manifest, name="manifest"),
    path("service-worker.js", views.service_worker, name="service_worker"),
    path("uploads/images/<path:path>", views.uploaded_picture, name="uploaded_picture"),
]
"""What the portal itself answers."""

urlpatterns = [
    path("", include((pages, "portal"))),
    path("healthz", healthz, name="healthz"),
    path("", include("media_pipeline.urls")),  # /api/media/uploads/ and /media/<token>/…
    path("board/", include("reports.urls")),
    path("archive/", include("courses.archive.urls")),
    path("certificates/", include("courses.archive.certificates.urls")),
    path("cmi5/", include("courses.archive.cmi5.urls")),
    path("exams/", include("courses.quizzes.urls")),
    re_path(r"^xapi/+", include("courses.archive.xapi.urls")),  # programs join with a slash of their own
    path("search/", include("search.urls")),
    path("api/", api.urls),
    path("accounts/", include("allauth.urls")),
    path("admin/account/", require_admin_access(never_cache(AccountView.as_view()))),
    path("admin/", include(wagtailadmin_urls)),
    path("documents/", include(wagtaildocs_urls)),
    path("", include(wagtail_urls)),
]

handler403 = "portal.views.not_allowed"
handler404 = "portal.views.not_found"
handler500 = "portal.views.broken"
