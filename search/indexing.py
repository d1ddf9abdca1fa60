"""Writing the index: draining the outbox and rebuilding (only ever one process at a time)."""


def drain() -> int:
    raise NotImplementedError
