"""/archive/desk/: what organisers do with the archive."""

from django.urls import path

from courses.archive.claims import views as claims
from courses.archive.closing import views as closing

app_name = "desk"
urlpatterns = [
    path("claims/", claims.desk, name="claims"),
    path("claims/<uuid:claim>/", claims.decide, name="claim"),
    path("years/", closing.years, name="years"),
    path("years/<uuid:close>/reopen/", closing.reopen, name="reopen"),
]
