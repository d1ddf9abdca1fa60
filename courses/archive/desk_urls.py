"""/archive/desk/: what organisers do with the archive."""

from django.urls import path

from courses.archive.certificates import views as certificates
from courses.archive.claims import views as claims
from courses.archive.classes import views as classes
from courses.archive.closing import views as closing
from courses.archive.exemptions import views as exemptions
from courses.archive.imports import views as imports
from courses.archive.late import views as late

app_name = "desk"
urlpatterns = [
    path("claims/", claims.desk, name="claims"),
    path("claims/<uuid:claim>/", claims.decide, name="claim"),
    path("classes/", classes.desk, name="classes"),
    path("classes/new/", classes.new, name="class_new"),
    path("classes/<uuid:course>/", classes.one, name="class"),
    path("classes/<uuid:course>/roster/", classes.roster, name="class_roster"),
    path("classes/<uuid:course>/roster/<int:place>/", classes.place, name="class_place"),
    path("classes/<uuid:course>/sessions/", classes.session_add, name="session_add"),
    path("classes/<uuid:course>/sessions/<int:session>/", classes.attendance, name="attendance"),
    path(
        "classes/<uuid:course>/sessions/<int:session>/remove/", classes.session_remove, name="session_remove"
    ),
    path("classes/<uuid:course>/conclude/", classes.conclude, name="class_conclude"),
    path("certificates/<uuid:certificate>/revoke/", certificates.revoke, name="certificate_revoke"),
    path("hours/", imports.lists, name="hours"),
    path("hours/template.xlsx", imports.template, name="hours_template"),
    path("hours/<uuid:list_>/", imports.one, name="hours_list"),
    path("hours/<uuid:list_>/refused.xlsx", imports.refused, name="hours_refused"),
    path("exemptions/", exemptions.desk, name="exemptions"),
    path("exemptions/new/", exemptions.new, name="exemption_new"),
    path("exemptions/<uuid:exemption>/", exemptions.one, name="exemption"),
    path("late/", late.desk, name="late"),
    path("late/new/", late.new, name="late_new"),
    path("late/<uuid:line>/", late.one, name="late_line"),
    path("years/", closing.years, name="years"),
    path("years/<uuid:close>/reopen/", closing.reopen, name="reopen"),
]
