"""Looks on: completion tables for organisers, exports, reminders. Changes little, keeps nothing of its own."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "reports"
    verbose_name = "统计与导出"
