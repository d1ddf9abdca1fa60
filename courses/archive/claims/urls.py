"""/archive/claims/: the member's own claims."""

from django.urls import path

from courses.archive.claims import views

app_name = "claims"
urlpatterns = [
    path("", views.mine, name="mine"),
    path("new/", views.new, name="new"),
    path("<uuid:claim>/", views.one, name="one"),
    path("<uuid:claim>/again/", views.again, name="again"),
    path("<uuid:claim>/withdraw/", views.withdraw, name="withdraw"),
    path("<uuid:claim>/proofs/<uuid:number>/", views.proof, name="proof"),
]
