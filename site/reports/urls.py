"""Addresses of the organisers' board, below /board/."""

from django.urls import path

from reports import views

app_name = "reports"
urlpatterns = [
    path("", views.board, name="board"),
    path("members/<uuid:member>/", views.person, name="person"),
    path("export/", views.export, name="export"),
    path("remind/", views.remind, name="remind"),
]
