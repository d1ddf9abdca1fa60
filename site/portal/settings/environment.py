"""The one place where the environment is read: every knob of an installation, with its default.

Without any variable set, everything is embedded on one machine under `ESCHOOL_DATA_DIR`
(SQLite, Valkey on a unix socket, tantivy, local files).
"""

import fcntl
import json
import secrets
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir

from environs import Env

env = Env()

ROOT = Path(__file__).resolve().parents[3]
"""The checkout: the folder that holds `run`."""

DATA_DIR = Path(env.str("ESCHOOL_DATA_DIR", str(ROOT / "var"))).resolve()
"""Everything that an installation writes lives below this folder."""

PRODUCTION = env.str("ESCHOOL_MODE", "demonstration") == "production"

DATABASE_URL = env.str("DATABASE_URL", f"sqlite:///{DATA_DIR / 'eschool.sqlite3'}")


def _socket() -> Path:
    """Where the embedded Valkey listens. A unix socket's path may have about 100 characters, hence the detour."""
    inside = DATA_DIR / "valkey.sock"
    if len(str(inside)) < 100:
        return inside
    return Path(gettempdir()) / f"eschool-{sha256(str(DATA_DIR).encode()).hexdigest()[:12]}.sock"


VALKEY_SOCKET = _socket()
EMBEDDED_BROKER = not env.str("BROKER_URL", "")
BROKER_URL = env.str("BROKER_URL", "") or f"redis+socket://{VALKEY_SOCKET}"
CACHE_URL = env.str("CACHE_URL", "")
SEARCH_URL = env.str("SEARCH_URL", "")
"""Elasticsearch, several servers with commas between: https://user:password@es1:9200,es2:9200."""
SEARCH_API_KEY = env.str("SEARCH_API_KEY", "")
SEARCH_CA_FILE = env.str("SEARCH_CA_FILE", "")
SEARCH_INDEX = env.str("SEARCH_INDEX", "eschool")
SEARCH_SHARDS = env.int("SEARCH_SHARDS", 1)
SEARCH_MEANING = env.str("SEARCH_MEANING", "")
"""The model that finds sentences by meaning too: e5 (search/meaning/README.md); "" for none."""
MEDIA_DIR = Path(env.str("MEDIA_DIR", str(DATA_DIR / "media"))).resolve()
"""Lectures and what is made of them; the largest part, and the one that several machines must share."""
UPLOADS_DIR = Path(env.str("UPLOADS_DIR", str(DATA_DIR / "uploads"))).resolve()
"""Pictures and attachments of the pages."""
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["*"] if not PRODUCTION else [])
BASE_URL = env.str("BASE_URL", "http://127.0.0.1:8000")
BEHIND_TLS_PROXY = env.bool("BEHIND_TLS_PROXY", False)
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", int(PRODUCTION and BEHIND_TLS_PROXY))
"""How many reverse proxies of ours stand before us, so that X-Forwarded-For is believed that far from its end."""


class MissingSetting(Exception):
    """A setting without which production must not start; the text says which and how to make one."""


def secret(name: str) -> str:
    """The secret `name` from the environment, or, outside production, one kept in `DATA_DIR/secrets.json`.

    Raises MissingSetting in production when the variable is not set: a secret that was
    made up silently would be lost with the next machine, and encrypted fields with it.
    """
    value = env.str(name, "")
    if value:
        return value
    if PRODUCTION:
        raise MissingSetting(
            f"生产模式缺少密钥 {name}。请生成一个并写入环境变量:\n"
            f"    export {name}=\"$(python3 -c 'import secrets; print(secrets.token_urlsafe(48))')\"\n"
            f"(Production needs the secret {name} in the environment; keep it with your backups.)"
        )
    return _kept_secrets().get(name) or _make_secret(name)


def _kept_secrets() -> dict[str, str]:
    try:
        known: dict[str, str] = json.loads((DATA_DIR / "secrets.json").read_text())
    except FileNotFoundError:
        return {}
    return known


def _make_secret(name: str) -> str:
    """Make up the secret and keep it; of processes that begin at the same moment all get the same one."""
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    with (DATA_DIR / "secrets.lock").open("a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        known = _kept_secrets()
        if name not in known:
            known[name] = secrets.token_urlsafe(48)
            fresh = DATA_DIR / "secrets.new"
            fresh.touch(mode=0o600)
            fresh.write_text(json.dumps(known, indent=1))
            fresh.replace(DATA_DIR / "secrets.json")
    return known[name]
