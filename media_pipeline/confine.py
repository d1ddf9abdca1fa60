"""Start one program under limits: `python -I -S confine.py '{"parent": 1, "limits": {…}}' PROGRAM ARG…`.

Run as a script of its own, never imported by Django: it sets rlimits, asks the kernel to kill
the program when its worker dies, and becomes the program. (A preexec_fn would do the same but
is not safe in a process that has threads.)
"""

import json
import os
import signal
import sys


def main() -> None:
    order = json.loads(sys.argv[1])
    try:
        import resource
    except ImportError:  # Windows has no rlimits; time and size are still watched by the runner.
        resource = None  # type: ignore[assignment]
    if resource is not None:
        for name, value in order["limits"].items():
            kind = getattr(resource, f"RLIMIT_{name}", None)
            if kind is not None:
                hard = resource.getrlimit(kind)[1]
                top = value if hard == resource.RLIM_INFINITY else min(value, hard)
                resource.setrlimit(kind, (top, top))
    if order.get("cores"):
        os.sched_setaffinity(0, order["cores"])
    for name in ("SIGXFSZ", "SIGPIPE"):  # Python ignores them, and what is ignored stays so across exec
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    if sys.platform == "linux":
        import ctypes

        pr_set_pdeathsig, sigkill = 1, 9
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, sigkill, 0, 0, 0)
        if os.getppid() != order["parent"]:  # the worker died before we asked
            os._exit(137)
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
