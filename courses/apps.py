"""The shelf of courses: catalogue (pages) and quizzes. The archive is an app of its own, one storey up."""

from django.apps import AppConfig


class CoursesConfig(AppConfig):
    name = "courses"
    verbose_name = "课程"
