"""/exams/: papers to take, attempts, results."""

from django.urls import path

from courses.quizzes import views

app_name = "exams"
urlpatterns = [
    path("", views.papers, name="papers"),
    path("<uuid:paper>/", views.paper, name="paper"),
    path("<uuid:paper>/start/", views.start, name="start"),
    path("attempts/<uuid:attempt>/", views.attempt, name="attempt"),
    path("attempts/<uuid:attempt>/answers/", views.answers, name="answers"),
    path("attempts/<uuid:attempt>/submit/", views.submit, name="submit"),
]
