"""What every test of this room stands on."""

import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def no_counts_from_other_tests():
    """Sign-in limits are counted in the cache, which outlives a test."""
    cache.clear()
