"""The shelf of courses: catalogue (pages) and quizzes. The archive is an app of its own, one storey up."""

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


class CoursesConfig(AppConfig):
    name = "courses"
    verbose_name = "课程"

    def ready(self) -> None:
        # Models can be imported only now, when all apps are there.
        from courses.catalogue import cue_documents, protection
        from courses.catalogue.documents import register_documents
        from courses.catalogue.news import listen

        register_documents()
        cue_documents.register_documents()
        cue_documents.listen()
        listen()
        protection.listen()
        post_migrate.connect(prepare_for_editors, sender=self)


def prepare_for_editors(sender, using: str, **kwargs) -> None:
    """After a migrate: pages, groups and workflow, unless this migrate went back before our tables."""
    from courses.catalogue.attached.models import AttachedFile
    from courses.catalogue.models import PolicyIndexPage
    from courses.catalogue.setup import ensure_attached, ensure_editors

    if using != "default":
        return
    tables = connections[using].introspection.table_names()
    if PolicyIndexPage._meta.db_table in tables:
        ensure_editors()
        if AttachedFile._meta.db_table in tables:
            ensure_attached()
