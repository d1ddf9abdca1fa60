"""Settings of the tests: a folder of their own, tasks run at once, cheap passwords."""

import atexit
import os
import shutil
import tempfile


def _leave_nothing(folder: str, maker: int) -> None:
    if os.getpid() == maker:  # not a process that was forked off meanwhile
        shutil.rmtree(folder, ignore_errors=True)


# Every process of a parallel run gets a folder of its own; the processes that it starts keep that one.
_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if os.environ.get("ESCHOOL_TEST_DATA_OF") != _worker:
    os.environ["ESCHOOL_DATA_DIR"] = tempfile.mkdtemp(prefix="eschool-test-")
    os.environ["ESCHOOL_TEST_DATA_OF"] = _worker
    atexit.register(_leave_nothing, os.environ["ESCHOOL_DATA_DIR"], os.getpid())

from portal.settings.base import *  # noqa: E402, F403

STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # noqa: F405  (else WhiteNoise warns in every test)
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
SEARCH["COUNT_EVERY_S"] = 0  # noqa: F405  (no thread beside a test)
AXES_ENABLED = False
