"""/certificates/: where anybody checks a certificate."""

from django.urls import path

from courses.archive.certificates import views

app_name = "certificates"
urlpatterns = [
    path("", views.check, name="check"),
    path("<str:token>/", views.check_token, name="token"),
]
