"""News of the LRS. Receivers live upstairs or in a room beside, connected in an apps.py ready()."""

from django.dispatch import Signal

statement_recorded = Signal()
"""Sent after the commit, once for each statement that is new, with `statement` (dict, as stored),
`registration` (str or None) and `client` (LrsClient)."""
