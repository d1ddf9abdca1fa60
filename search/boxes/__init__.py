"""Wagtail's own search boxes (pages, images, documents, choosers) on our engine and our analyser.

`MODELSEARCH_BACKENDS` names this package; the library then asks `SearchBackend`.
"""

from search.boxes.backend import SearchBackend

__all__ = ["SearchBackend"]
