"""One worker of the media benchmark: waits for the go, does what is left of some assets, says what it cost.

`python _worker.py READY_FILE GO_FILE ASSET_ID…`; the last line is JSON with `cpu_s` of all that it ran.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path


def main(ready: Path, go: Path, assets: list[int]) -> None:
    import django

    django.setup()
    from media_pipeline import api
    from media_pipeline.models import Asset, Job

    ready.touch()
    while not go.exists():
        time.sleep(0.02)
    used = _used()
    while True:
        lectures = list(Asset.objects.filter(pk__in=assets))
        if all(lecture.is_final for lecture in lectures):
            break
        due = Job.objects.open().filter(asset_id__in=assets).values_list("pk", flat=True)
        if not any(api.work_on(job, bell=False) for job in due):
            time.sleep(0.1)
    print(json.dumps({"cpu_s": _used() - used}), flush=True)


def _used() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [int(word) for word in sys.argv[3:]])
