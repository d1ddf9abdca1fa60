"""/archive/ and what hangs below it."""

from django.urls import include, path

from courses.archive import views

app_name = "archive"
urlpatterns = [
    path("", views.index, name="index"),
    path("claims/", include("courses.archive.claims.urls")),
    path("desk/", include("courses.archive.desk_urls")),
]
