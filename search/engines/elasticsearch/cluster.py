"""The servers behind SEARCH_URL: addresses, credentials, patience, and errors in our own words."""

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from elastic_transport import NodeConfig, TlsError, TransportError
from elasticsearch import ApiError, Elasticsearch, NotFoundError, UnsupportedProductError
from elasticsearch.helpers import BulkIndexError

from search.errors import EngineRefused, EngineUnreachable, IndexMissing, SearchAddressUnfit

__all__ = ["Address", "Breaker", "Cluster", "address_of"]

log = logging.getLogger(__name__)

PATIENCE_S = 2.0
"""How long a query may take altogether where there is one server; of several each gets half of it."""
WRITING_PATIENCE_S = 60.0
REST_S = 5.0
"""So long an engine that did not answer is left alone: pages say so at once instead of waiting each time."""
MOST_TRIED = 3
"""Servers that one request is tried on."""
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
_PORTS = {"http": 9200, "https": 443}


@dataclass(frozen=True)
class Address:
    """SEARCH_URL taken apart; `nodes` are (scheme, host, port, path). The password is never shown."""

    nodes: tuple[tuple[str, str, int, str], ...]
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        return ", ".join(f"{scheme}://{host}:{port}{path}" for scheme, host, port, path in self.nodes)


def address_of(url: str) -> Address:
    """Read `url`: one or several addresses with commas between, e.g. https://user:password@es1:9200,es2:9200.

    The first tells scheme, user and password for those that leave them out. Without a port 9200 is
    meant, for https 443. Raises SearchAddressUnfit.
    """
    nodes: list[tuple[str, str, int, str]] = []
    scheme, user, password = "", "", ""
    for text in (part.strip() for part in url.split(",") if part.strip()):
        parts = _split(text if "://" in text or not scheme else f"{scheme}://{text}")
        scheme = scheme or parts.scheme
        user, password = user or unquote(parts.username or ""), password or unquote(parts.password or "")
        port = parts.port or _PORTS[parts.scheme]
        nodes.append((parts.scheme, str(parts.hostname), port, parts.path.rstrip("/")))
    if not nodes:
        raise SearchAddressUnfit
    return Address(tuple(dict.fromkeys(nodes)), user, password)


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        fit = parts.scheme in _PORTS and _HOST.fullmatch(parts.hostname or "") and (parts.port or True)
    except ValueError:
        fit = False
    if not fit or parts.query or parts.fragment:
        raise SearchAddressUnfit
    return parts


class Breaker:
    """After a failure all are refused for `rest_s` seconds; then one may try, and the others once it succeeded."""

    def __init__(self, rest_s: float = REST_S, now: Callable[[], float] = time.monotonic) -> None:
        self._rest_s, self._now = rest_s, now
        self._lock = threading.Lock()
        self._closed_until: float | None = None
        self._reason = ""

    def pass_through(self) -> None:
        """Raise EngineUnreachable while the engine is left alone; the first one after that goes and tries."""
        with self._lock:
            if self._closed_until is None:
                return
            if self._now() < self._closed_until:
                raise EngineUnreachable(self._reason)
            self._closed_until = self._now() + self._rest_s

    def failed(self, reason: str) -> None:
        with self._lock:
            first = self._closed_until is None
            self._closed_until, self._reason = self._now() + self._rest_s, reason
        if first:  # once, and not every two seconds while it lasts
            log.warning("The search server does not answer: %s", reason)

    def succeeded(self) -> None:
        with self._lock:
            first, self._closed_until = self._closed_until is not None, None
        if first:
            log.warning("The search server answers again")


class Cluster:
    """One Elasticsearch, asked through its own client; shared by the threads of a process."""

    def __init__(self, url: str, *, api_key: str = "", ca_file: str = "") -> None:
        self.address = address_of(url)
        self.breaker = Breaker()
        self._api_key, self._ca_file = api_key, ca_file
        self._client: tuple[int, Elasticsearch] | None = None
        self._lock = threading.Lock()

    @contextmanager
    def asking(self, *, patiently: bool = False) -> Iterator[Elasticsearch]:
        """The client, for one request or a few; what goes wrong comes out as an error of ours.

        Raises EngineUnreachable (no answer, or too busy: later), EngineRefused (our credentials, its
        certificate: somebody must see to it) and IndexMissing. With `patiently` for writing.
        """
        self.breaker.pass_through()
        client = self._connected()
        try:
            yield client.options(request_timeout=WRITING_PATIENCE_S) if patiently else client
        except NotFoundError as fault:
            self.breaker.succeeded()
            # Not found may also be a search that took too long page by page.
            gone = fault.error == "index_not_found_exception"
            raise (IndexMissing if gone else EngineUnreachable)(_reason(fault)) from fault
        except UnsupportedProductError as fault:
            raise EngineRefused(f"{self.address} is no Elasticsearch") from fault
        except (ApiError, BulkIndexError) as fault:
            self.breaker.succeeded()
            status = getattr(fault, "status_code", 0)
            kind = EngineUnreachable if status in (408, 429, 502, 503, 504) else EngineRefused
            raise kind(f"{self.address}: {_reason(fault)}") from fault
        except TlsError as fault:
            reason = (
                f"{self.address}: {str(fault.message)[:300]} (SEARCH_CA_FILE names a certificate of your own)"
            )
            raise EngineRefused(reason) from fault
        except TransportError as fault:
            reason = f"{self.address}: {type(fault).__name__}: {str(fault.message)[:300]}"
            self.breaker.failed(reason)
            raise EngineUnreachable(reason) from fault
        else:
            self.breaker.succeeded()

    def _connected(self) -> Elasticsearch:
        """The client of this process: connections must not be shared with the one we were forked from."""
        with self._lock:
            if self._client is None or self._client[0] != os.getpid():
                self._client = (os.getpid(), self._connect())
            return self._client[1]

    def _connect(self) -> Elasticsearch:
        several = len(self.address.nodes) > 1
        nodes = [
            NodeConfig(scheme, host, port, path_prefix=path, ca_certs=self._ca_file or None)
            if scheme == "https"
            else NodeConfig(scheme, host, port, path_prefix=path)
            for scheme, host, port, path in self.address.nodes
        ]
        who: dict[str, object] = {}
        if self._api_key:
            who = {"api_key": self._api_key}
        elif self.address.user:
            who = {"basic_auth": (self.address.user, self.address.password)}
        return Elasticsearch(
            nodes,
            request_timeout=PATIENCE_S / 2 if several else PATIENCE_S,
            # A refused connection costs nothing and is tried once more also where there is one server:
            # a balancer may have closed the kept one just now.
            max_retries=min(MOST_TRIED, len(nodes)) - 1 if several else 1,
            retry_on_timeout=several,
            retry_on_status=(502, 503, 504) if several else (),
            max_dead_node_backoff=REST_S,
            **who,  # type: ignore[arg-type]
        )


def _reason(fault: Exception) -> str:
    if isinstance(fault, ApiError):
        return f"{fault.status_code} {fault.message}"[:300]
    return str(fault)[:300]
