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
    # Proofs of claims: a folder that no web server serves; share it when there are several machines.
    "PROOFS_DIR": Path(env.str("PROOFS_DIR", "") or DATA_DIR / "proofs"),
    "PROOF_MAX_BYTES": 10 * 1024**2,
    "PROOFS_A_CLAIM": 6,
    # The seals of the ledger outside the database, one line a day: copy it to another machine.
    "SEALS_FILE": Path(env.str("ARCHIVE_SEALS_FILE", "") or DATA_DIR / "seals" / "archive.jsonl"),
}
