"""News of this room. Receivers live upstairs, in their apps.py ready()."""

from django.dispatch import Signal

asset_ready = Signal()
"""Sent in the publishing transaction with `asset` (Asset, READY); also when a newer set replaces an older."""

asset_failed = Signal()
"""Sent in the transaction that ends an asset as REFUSED or FAILED, with `asset`."""
