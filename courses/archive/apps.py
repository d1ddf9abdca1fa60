"""The learning archive: what each member studied, what of it counts, and the hours that came of it."""

from datetime import datetime
from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ArchiveConfig(AppConfig):
    name = "courses.archive"
    label = "archive"
    verbose_name = "学习档案"

    def ready(self) -> None:
        from courses.archive import beginnings, bonus, documents, finished, rules, tasks  # noqa: F401  (registers tasks)
        from courses.archive.exports import rooms, sections
        from courses.archive.signals import lesson_completed
        from courses.catalogue.affected import counted_by
        from courses.quizzes.signals import exam_passed
        from people.signals import member_activated
        from search.documents import register_finished

        member_activated.connect(_open_archive, dispatch_uid="archive.open")
        post_migrate.connect(rules.load_when_migrated, sender=self, dispatch_uid="archive.rules")
        exam_passed.connect(bonus.after_exam, dispatch_uid="archive.bonus_after_exam")
        lesson_completed.connect(bonus.after_lesson, dispatch_uid="archive.bonus_after_lesson")
        documents.register_kind()
        register_finished(finished.finished_keys)
        counted_by(beginnings.affected)
        sections.register_own()
        rooms.register_rooms()
        self.let_cmi5_content_speak()

    @staticmethod
    def let_cmi5_content_speak() -> None:
        """The LRS knows the credential of a launched unit while our gate answers its request."""
        from courses.archive.cmi5 import lrs
        from courses.archive.xapi import clients

        if lrs.credential not in clients.credential_kinds:
            clients.credential_kinds.append(lrs.credential)


def _open_archive(sender: Any, member: Any, at: datetime, **kwargs: Any) -> None:
    from courses.archive.api import open_archive

    open_archive(member, at=at)
