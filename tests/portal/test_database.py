"""What the settings ask of the database."""

import pytest

from portal.settings.database import database_of

URL = "postgres://school:word@db:5433/school"


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("", "-c synchronous_commit=on"),
        ("?options=-c%20search_path%3Dschool", "-c search_path=school -c synchronous_commit=on"),
        ("?options=-c%20synchronous_commit%3Doff", "-c synchronous_commit=off -c synchronous_commit=on"),
        ("?currentSchema=school", "-c search_path=school -c synchronous_commit=on"),
    ],
)
def test_postgresql_commits_to_the_disk_and_keeps_what_the_url_gives(query, options):
    database = database_of(URL + query)
    assert database["OPTIONS"]["options"] == options
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db", 5433, "school")


def test_other_options_of_the_url_stay():
    assert database_of(URL + "?sslmode=require")["OPTIONS"]["sslmode"] == "require"


def test_sqlite_syncs_before_it_answers():
    database = database_of("sqlite:////srv/school.sqlite3")
    assert "PRAGMA synchronous=FULL" in database["OPTIONS"]["init_command"]
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
