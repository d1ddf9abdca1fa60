"""/archive/ and what hangs below it."""

from django.urls import include, path

from courses.archive import views
from courses.archive.certificates import views as certificates
from courses.archive.classes import views as classes
from courses.archive.corrections import views as corrections
from courses.archive.records import views as records

app_name = "archive"
urlpatterns = [
    path("", views.index, name="index"),
    path("years/", views.all_years, name="years"),
    path("entries/<uuid:uuid>/", views.entry, name="entry"),
    path("exports/", views.exports, name="exports"),
    path("exports/<slug:kind>/", views.export, name="export"),
    path("schema.json", views.schema, name="schema"),
    # Corrections: the member asks, the organiser answers
    path("corrections/", corrections.mine, name="corrections"),
    path("corrections/new/", corrections.new, name="correction_new"),
    path("corrections/<uuid:uuid>/", corrections.one, name="correction"),
    path("corrections/<uuid:uuid>/withdraw/", corrections.withdraw, name="correction_withdraw"),
    path("desk/corrections/", corrections.queue, name="desk_corrections"),
    path("desk/corrections/<uuid:uuid>/", corrections.answer, name="desk_correction"),
    # Signed records
    path("keys.json", records.keys, name="keys"),
    path("verify/", records.verify, name="verify_record"),
    path("desk/records/", records.receive, name="desk_records"),
    path("claims/", include("courses.archive.claims.urls")),
    path("classes/", classes.mine, name="classes"),
    path("certificates/<uuid:certificate>.pdf", certificates.paper, name="certificate"),
    path("desk/", include("courses.archive.desk_urls")),
]
