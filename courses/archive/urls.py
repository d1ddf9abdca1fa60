"""/archive/ and what hangs below it."""

from django.urls import path

from courses.archive import views

app_name = "archive"
urlpatterns = [
    path("", views.index, name="index"),
]
