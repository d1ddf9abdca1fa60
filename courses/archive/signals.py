"""News of this room. Receivers live upstairs, in their apps.py ready()."""

from django.dispatch import Signal

lesson_completed = Signal()
"""Sent in the crediting transaction, once per member and lesson version, with `member` (Member),
`version` (LessonVersion) and `at` (aware datetime)."""
