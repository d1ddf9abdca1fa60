"""/cmi5/ and what hangs below it."""

from django.urls import path

from courses.archive.cmi5 import pages, views

app_name = "cmi5"
urlpatterns = [
    path("", pages.mine, name="mine"),
    path("content/<str:token>/<path:path>", views.file, name="content"),
    path("fetch/<uuid:session>/<str:secret>/", views.fetch, name="fetch"),
    path("xapi/<path:resource>", views.xapi, name="xapi"),
    path("<uuid:course>/", pages.course, name="course"),
    path("<uuid:course>/begin/<int:index>/", pages.begin, name="begin"),
]
