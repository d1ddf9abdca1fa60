"""The ground: who, where, may-see."""

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "people"
    verbose_name = "组织与党员"
