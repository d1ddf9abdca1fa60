"""Looks on: completion tables for organisers, exports, reminders. Changes little, keeps nothing of its own."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "reports"
    verbose_name = "统计与导出"

    def ready(self) -> None:
        from people import signals
        from reports import documents

        documents.register_documents()
        for name in ("member_changed", "organization_changed", "organization_dissolved"):
            getattr(signals, name).connect(getattr(documents, name), dispatch_uid=f"reports.{name}")
