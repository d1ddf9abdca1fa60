"""Settings of study: play tokens and batches. Rules of watching and of hours are dated data, not settings."""

from pathlib import Path
from typing import Any

from portal.settings.environment import DATA_DIR, env, secret

STUDY: dict[str, Any] = {
    "PLAY_TOKEN_KEY": secret("PLAY_TOKEN_KEY"),
    # How long an opened lesson may be played without being opened again.
    "PLAY_TOKEN_TTL_S": 12 * 3600,
    # How long after that beats which happened before may still be handed in.
    "BEAT_MAX_AGE_S": 24 * 3600,
    "BATCH_MAX": 200,
    # Beats that may wait for a commit in one process before phones are asked to come again (503).
    "INGEST_WAITING_MAX": 20_000,
    # For how long a process takes it that a member may study a lesson, for a session that goes on sending beats.
    "INGEST_ACCESS_S": 30,
    # Proofs of claims: a folder that no web server serves; share it when there are several machines.
    "PROOFS_DIR": Path(env.str("PROOFS_DIR", "") or DATA_DIR / "proofs"),
    "PROOF_MAX_BYTES": 10 * 1024**2,
    "PROOFS_A_CLAIM": 6,
    # The seals of the ledger outside the database, one line a day: copy it to another machine.
    "SEALS_FILE": Path(env.str("ARCHIVE_SEALS_FILE", "") or DATA_DIR / "seals" / "archive.jsonl"),
    # Files of imported cmi5 packages, one folder a course; several machines must share it.
    "CMI5_DIR": Path(env.str("CMI5_DIR", "") or DATA_DIR / "cmi5").resolve(),
    # What a package may hold: bytes as uploaded, bytes unpacked, files.
    "CMI5_UPLOAD_BYTES": env.int("CMI5_UPLOAD_MB", 1024) * 1024 * 1024,
    "CMI5_UNPACKED_BYTES": env.int("CMI5_UNPACKED_MB", 2048) * 1024 * 1024,
    "CMI5_FILES": 20_000,
    # How long one launch may last: its token, and the address of its content.
    "CMI5_SESSION_TTL_S": 12 * 3600,
}

LRS: dict[str, Any] = {
    # A request to /xapi/, statements and attachments together; more is answered 413.
    "MAX_BODY_BYTES": 20 * 1024 * 1024,
}
