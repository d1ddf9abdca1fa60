"""News of this room. Receivers live upstairs, in their apps.py ready()."""

from django.dispatch import Signal

member_activated = Signal()
"""Sent in the activating transaction with `member` (Member) and `at` (aware datetime)."""

member_changed = Signal()
"""Sent in the changing transaction with `member` (Member) and `fields` (set of field names)."""

organization_changed = Signal()
"""Sent in the changing transaction with `organization` and `moved` (bool).

After a move the tree paths of it and of everything below are different: whatever keeps paths must renew them.
"""

organization_dissolved = Signal()
"""Sent in the dissolving transaction with `uuid` of the organisation, which is gone by then."""
