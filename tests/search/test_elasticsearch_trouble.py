"""The search server and its troubles: addresses, patience, the pause after a failure, errors in our own words."""

import http.server
import socket
import ssl
import threading
import time
from base64 import b64encode
from contextlib import closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.contrib.auth.models import AnonymousUser
from django.core.management import CommandError, call_command

from search import api, outbox
from search.engines.elasticsearch.cluster import REST_S, Breaker, Cluster, address_of
from search.errors import EngineRefused, EngineUnreachable, SearchAddressUnfit
from search.models import SearchOutbox

NOBODY = AnonymousUser()


@pytest.mark.parametrize(
    ("url", "nodes", "who"),
    [
        ("http://es:9200", [("http", "es", 9200, "")], ("", "")),
        ("http://es", [("http", "es", 9200, "")], ("", "")),
        ("https://es.example.cn/search/", [("https", "es.example.cn", 443, "/search")], ("", "")),
        (
            "https://school:p%40ss%2Cw@es1:9243, es2:9243",
            [("https", "es1", 9243, ""), ("https", "es2", 9243, "")],
            ("school", "p@ss,w"),
        ),
        ("http://[::1]:9200,http://[::1]:9200", [("http", "::1", 9200, "")], ("", "")),
    ],
)
def test_an_address_is_read(url, nodes, who):
    address = address_of(url)
    assert (list(address.nodes), (address.user, address.password)) == (nodes, who)
    assert not who[1] or (who[1] not in repr(address) and who[1] not in str(address))


@pytest.mark.parametrize(
    "url", ["", ",", "es:9200", "ftp://es", "http://", "http://es:99999", "http://a b", "http://es?x=1"]
)
def test_what_is_no_address_is_refused_without_being_repeated(url):
    with pytest.raises(SearchAddressUnfit) as told:
        address_of(url)
    assert str(told.value).startswith("SEARCH_URL must be like https://user:password@host:9200")


def test_after_a_failure_all_are_refused_at_once_and_then_one_may_try():
    now = [100.0]
    breaker = Breaker(rest_s=5.0, now=lambda: now[0])
    breaker.pass_through()
    breaker.failed("no route")
    for moment in (100.0, 104.9):
        now[0] = moment
        with pytest.raises(EngineUnreachable, match="no route"):
            breaker.pass_through()
    now[0] = 105.0
    breaker.pass_through()
    with pytest.raises(EngineUnreachable):  # the second one waits for what the first one learns
        breaker.pass_through()
    breaker.succeeded()
    breaker.pass_through()


def health(cluster):
    with cluster.asking() as client:
        return client.cluster.health().body


def seconds_until_refused(cluster):
    started = time.monotonic()
    with pytest.raises(EngineUnreachable):
        health(cluster)
    return time.monotonic() - started


def unused_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_server_that_is_not_there_is_told_at_once(caplog):
    cluster = Cluster(f"http://127.0.0.1:{unused_port()}")
    assert seconds_until_refused(cluster) < 1
    assert seconds_until_refused(cluster) < 0.1
    assert caplog.text.count("The search server does not answer") == 1


def test_a_server_that_hangs_costs_two_seconds_once():
    with closing(socket.create_server(("127.0.0.1", 0))) as deaf:  # takes connections and says nothing
        cluster = Cluster(f"http://127.0.0.1:{deaf.getsockname()[1]}")
        assert 1.5 < seconds_until_refused(cluster) < 3.5
        assert seconds_until_refused(cluster) < 0.1


class Answering(http.server.BaseHTTPRequestHandler):
    status, product = 200, "Elasticsearch"
    credentials: ClassVar[list[str]] = []

    def do_GET(self):
        self.credentials.append(self.headers.get("Authorization", ""))
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        if self.product:
            self.send_header("X-Elastic-Product", self.product)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments):
        """Quiet."""


@pytest.fixture
def server():
    """A function that starts something that speaks HTTP and answers {} with this status."""
    started = []

    def start(status=200, product="Elasticsearch"):
        kind = type("Given", (Answering,), {"status": status, "product": product})
        one = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
        threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        started.append(one)
        return f"http://127.0.0.1:{one.server_port}"

    yield start
    for one in started:
        one.shutdown()
        one.server_close()


@pytest.mark.parametrize(
    ("status", "product", "error"),
    [
        (401, "Elasticsearch", EngineRefused),
        (403, "Elasticsearch", EngineRefused),
        (429, "Elasticsearch", EngineUnreachable),
        (503, "Elasticsearch", EngineUnreachable),
        (200, "", EngineRefused),
    ],
)
def test_what_the_server_says_becomes_an_error_of_ours(server, status, product, error):
    cluster = Cluster(server(status, product))
    with pytest.raises(error):
        health(cluster)
    with pytest.raises(error):  # it did answer: nobody is kept from asking again
        health(cluster)


def test_credentials_are_those_of_the_address_or_the_key(server):
    Answering.credentials.clear()
    where = server().removeprefix("http://")
    health(Cluster(f"http://school:p%40ss@{where}"))
    health(Cluster(f"http://{where}", api_key="a2V5"))
    health(Cluster(f"http://{where}"))
    assert Answering.credentials == [f"Basic {b64encode(b'school:p@ss').decode()}", "ApiKey a2V5", ""]


@pytest.fixture
def certified(tmp_path):
    """(address of an https server, file with the certificate that vouches for it)"""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    known, both = tmp_path / "ca.pem", tmp_path / "server.pem"
    known.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    both.write_bytes(known.read_bytes() + key.private_bytes(serialization.Encoding.PEM, *form))
    secured = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secured.load_cert_chain(both)
    one = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    one.socket = secured.wrap_socket(one.socket, server_side=True)
    threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"https://127.0.0.1:{one.server_port}", known
    one.shutdown()
    one.server_close()


def test_a_certificate_of_ones_own_is_trusted_only_when_it_is_named(certified, tmp_path):
    url, known = certified
    assert health(Cluster(url, ca_file=str(known))) == {}
    with pytest.raises(EngineRefused, match="CERTIFICATE_VERIFY_FAILED"):
        health(Cluster(url))
    with pytest.raises(EngineRefused, match="SEARCH_CA_FILE"):
        health(Cluster(url, ca_file=str(tmp_path / "missing.pem")))


def test_of_several_servers_the_others_are_asked(server):
    cluster = Cluster(f"http://127.0.0.1:{unused_port()},http://127.0.0.1:{unused_port()},{server()}")
    for _ in range(5):
        assert health(cluster) == {}


def test_it_is_asked_again_after_the_pause(server):
    port = unused_port()
    cluster = Cluster(f"http://127.0.0.1:{port}")
    now = [0.0]
    cluster.breaker = Breaker(now=lambda: now[0])
    seconds_until_refused(cluster)
    alive = http.server.ThreadingHTTPServer(("127.0.0.1", port), Answering)
    threading.Thread(target=alive.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        seconds_until_refused(cluster)
        now[0] = REST_S
        assert health(cluster) == {}
    finally:
        alive.shutdown()
        alive.server_close()


@pytest.mark.django_db
@pytest.mark.embedded  # no node is needed for a node that is away
def test_while_the_server_is_away_asking_fails_and_changes_wait(shelf, settings):
    settings.SEARCH = {
        **settings.SEARCH,
        "ENGINE": "elasticsearch",
        "URL": f"http://127.0.0.1:{unused_port()}",
    }
    outbox.changed("book", "1")
    for ask in (api.search, api.suggest):
        with pytest.raises(api.SearchError):
            ask("党费", NOBODY)
    assert not api.is_ready()
    assert api.drain() == 0
    [row] = SearchOutbox.objects.all()
    assert (row.attempts, row.error) == (0, "")


@pytest.mark.django_db
@pytest.mark.embedded
def test_the_school_opens_without_its_search_server_and_says_so(shelf, settings, capsys):
    settings.SEARCH = {
        **settings.SEARCH,
        "ENGINE": "elasticsearch",
        "URL": f"http://127.0.0.1:{unused_port()}",
    }
    call_command("rebuild_search", "--if-needed")
    assert "SEARCH_URL" in capsys.readouterr().err
    with pytest.raises(CommandError, match="SEARCH_URL"):
        call_command("rebuild_search")
