"""News of this room. Receivers live upstairs, in their apps.py ready()."""

from django.dispatch import Signal

asset_ready = Signal()
"""Sent in the publishing transaction with `asset` (Asset, READY); also when a newer set replaces an older."""

asset_failed = Signal()
"""Sent in the transaction that ends an asset as REFUSED or FAILED, with `asset`."""

captions_changed = Signal()
"""Sent in the transaction that changes or removes captions, with `asset` and `lang`: search reads the cues anew."""

chapters_changed = Signal()
"""Sent in the transaction that changes chapters, with `asset`."""
