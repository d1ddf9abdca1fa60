"""The roof: composes the rooms into one site."""

from django.apps import AppConfig

# Every process that sends a task must know our Celery application, not Celery's own default one.
from portal.celery import app as celery_app

__all__ = ["PortalConfig", "celery_app"]


class PortalConfig(AppConfig):
    name = "portal"
    verbose_name = "门户"
