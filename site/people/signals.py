"""News of this room. Receivers live upstairs, in their apps.py ready()."""

from django.dispatch import Signal

member_activated = Signal()
"""Sent in the activating transaction with `member` (Member) and `at` (aware datetime)."""
