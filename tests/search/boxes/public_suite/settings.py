"""The project with modelsearch's test app, for running that library's public test suite against our backend."""

from pathlib import Path

from portal.settings.test import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "modelsearch.test.testapp"]  # noqa: F405
FIXTURE_DIRS = [Path(__file__).parent / "fixtures"]
if DATABASES["default"]["ENGINE"].endswith("postgresql"):  # noqa: F405
    # The run that started this one has the usual name already.
    DATABASES["default"]["TEST"] = {"NAME": "test_public_suite"}  # noqa: F405
