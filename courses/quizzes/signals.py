"""News of this room. Receivers live upstairs, in their apps.py ready()."""

from django.dispatch import Signal

exam_passed = Signal()
"""Sent in the grading transaction, once per member and paper, with `member` (Member), `paper` (Paper),
`attempt` (Attempt) and `at` (aware datetime)."""
