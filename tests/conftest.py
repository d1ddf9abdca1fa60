"""What holds for all tests."""

import pytest
from hypothesis import settings

# A busy machine is no failure: an example may take its time.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

MARKS = ("django_db", "database", "grown")
FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "django_db_serialized_rollback"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database-only",
        action="store_true",
        help="leave out what asks no database: for the run on one more",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--database-only"):
        return
    asking = [item for item in items if _asks_the_database(item)]
    config.hook.pytest_deselected(items=[item for item in items if not _asks_the_database(item)])
    items[:] = asking


def _asks_the_database(item: pytest.Item) -> bool:
    marked = any(item.get_closest_marker(mark) for mark in MARKS)
    return marked or not FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))
