"""One writer at a time: within a machine by a file, among machines by PostgreSQL."""

import pytest
from django.db import connection

from search.engines.turns import only_writer
from search.errors import WriterBusy


@pytest.mark.django_db
def test_on_one_machine_the_file_keeps_the_second_out(tmp_path):
    with only_writer(tmp_path / "a" / "lock", "x"):
        with pytest.raises(WriterBusy), only_writer(tmp_path / "a" / "lock", "x"):
            raise AssertionError("two writers")
        with only_writer(tmp_path / "b" / "lock", "y"):
            pass
    with only_writer(tmp_path / "a" / "lock", "x"):
        pass


@pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite has one machine; .ci/run runs it on PostgreSQL"
)
@pytest.mark.django_db
def test_on_two_machines_the_database_keeps_the_second_out(tmp_path):
    first, second = tmp_path / "machine1" / "lock", tmp_path / "machine2" / "lock"
    with only_writer(first, "x"):
        with pytest.raises(WriterBusy), only_writer(second, "x"):
            raise AssertionError("two writers")
        with only_writer(second, "y"):
            pass
    with only_writer(second, "x"):
        pass
