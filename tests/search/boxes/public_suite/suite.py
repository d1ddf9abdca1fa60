"""modelsearch's own backend tests (from the installed package), run against our backend.

Started by ../test_public_suite.py in a process of its own: the tests need that library's test app.
The package ships tests and models, not their data: fixtures/search.json is ours, made from what the
tests expect.
"""

from unittest import mock

from django.test import TestCase
from modelsearch.test.testapp import models
from modelsearch.tests.test_backends import BackendTests


class TestBoxes(BackendTests, TestCase):
    backend_path = "search.boxes"

    def setUp(self) -> None:
        # The engine is to pass, not what the boxes fall back to: that finds nothing here.
        blind = mock.patch("search.boxes.backend.containing", lambda queryset, *asked: queryset.none())
        blind.start()
        self.addCleanup(blind.stop)
        super().setUp()

    def test_reset_indexes(self) -> None:
        """The suite leaves this one to each backend: after a reset nothing is found."""
        self.backend.reset_indexes()
        self.assertEqual(self.backend.search("JavaScript", models.Book).count(), 0)
