"""The Celery application: `celery -A portal.celery worker`. Rooms name their queues in their tasks.py."""

import os

from celery import Celery
from celery.schedules import crontab
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.base")

app = Celery("eschool")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(
    [
        "media_pipeline",
        "search",
        "courses.archive",
        "courses.quizzes",
        "courses.catalogue",
        "courses",
        "people",
        "reports",
        "portal",
    ]
)
app.conf.task_routes = {"search.tasks.*": {"queue": "search"}}
app.conf.beat_schedule = {
    "media_pipeline.reap": {
        "task": "media_pipeline.reap",
        "schedule": settings.MEDIA_PIPELINE["REAP_S"],
        "options": {"expires": settings.MEDIA_PIPELINE["REAP_S"]},
    },
    "search.drain_outbox": {
        "task": "search.tasks.drain_outbox",
        "schedule": 2.0,
        "options": {"expires": 2},
    },
    "search.verify_index": {"task": "search.tasks.verify_index", "schedule": crontab(hour=3, minute=0)},
    "search.tidy_search_log": {
        "task": "search.tasks.tidy_search_log",
        "schedule": crontab(hour=3, minute=30),
    },
    "portal.publish_scheduled": {
        "task": "portal.publish_scheduled",
        "schedule": 60.0,
        "options": {"expires": 50},
    },
    "archive.open_this_year": {"task": "archive.open_this_year", "schedule": crontab(hour=0, minute=5)},
    "archive.count_outside": {"task": "archive.count_outside", "schedule": crontab(minute="*/5")},
    "archive.abandon_cmi5": {"task": "archive.abandon_cmi5", "schedule": crontab(minute=25)},
    "catalogue.read_files": {
        "task": "catalogue.read_files",
        "schedule": 60.0,
        "options": {"expires": 50},
    },
    "quizzes.finish_overdue": {
        "task": "quizzes.finish_overdue",
        "schedule": 120.0,
        "options": {"expires": 110},
    },
    "archive.ring_imports": {
        "task": "archive.ring_imports",
        "schedule": 60.0,
        "options": {"expires": 50},
    },
    "archive.tidy_imports": {"task": "archive.tidy_imports", "schedule": crontab(hour=3, minute=40)},
    "archive.seal": {"task": "archive.seal", "schedule": crontab(hour=0, minute=20)},
    "archive.pack": {"task": "archive.pack", "schedule": crontab(hour=2, minute=10)},
    "reports.follow_posts": {"task": "reports.follow_posts", "schedule": crontab(hour=0, minute=10)},
    "portal.tidy": {"task": "portal.tidy", "schedule": crontab(hour=3, minute=20)},
}
if settings.SEARCH["MEANING"]:
    app.conf.beat_schedule["search.embed_documents"] = {
        "task": "search.tasks.embed_documents",
        "schedule": 2.0,
        "options": {"expires": 2},
    }
