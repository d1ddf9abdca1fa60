"""/archive/ and what hangs below it."""

from django.urls import include, path

from courses.archive import views
from courses.archive.certificates import views as certificates
from courses.archive.classes import views as classes

app_name = "archive"
urlpatterns = [
    path("", views.index, name="index"),
    path("claims/", include("courses.archive.claims.urls")),
    path("classes/", classes.mine, name="classes"),
    path("certificates/<uuid:certificate>.pdf", certificates.paper, name="certificate"),
    path("desk/", include("courses.archive.desk_urls")),
]
