"""A service whose gateway speaks https and whose store is at rediss://, and all that must not be trusted."""

import json
import os
import signal
import ssl
import subprocess
import sys
from dataclasses import replace

import httpx
import pytest
import redis
from kombu.exceptions import OperationalError

from acceptance.service import Service, oddline
from oddline.errors import ParameterError
from oddline_api.address import check_certificate
from oddline_api.client import Client
from oddline_workers.app import make_app
from oddline_workers.connections import connect
from oddline_workers.server import EmbeddedServer
from oddline_workers.settings import Settings, variable
from serving import wait_until
from tls import Certificates, tls_in_front_of

pytestmark = [pytest.mark.service, pytest.mark.timeout(300), pytest.mark.xdist_group("tls")]


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("tls") / "others")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with EmbeddedServer(tmp_path_factory.mktemp("store"), Settings()) as server:
        yield server


@pytest.fixture(scope="module")
def store(server, ours):
    """The settings with which the admin meets the store through TLS."""
    with tls_in_front_of(server.data / "r.sock", *ours.issue("localhost")) as port:
        yield Settings(
            redis_url=f"rediss://admin@localhost:{port}/0",
            redis_password_file=server.login()["redis_password_file"],
            redis_ca_file=str(ours.ca),
        )


def both_clients(settings):
    """What meets the store: redis-py for the record, and Celery's for the bell."""

    def record():
        with connect(settings, "janitor") as client:
            return client.ping()

    def bell():
        app = make_app(settings, "cli")
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=3, interval_start=0, interval_step=0)
            connection.default_channel.client.ping()
        app.close()
        return True

    return record, bell


@pytest.mark.parametrize("which", [0, 1], ids=["record", "bell"])
class TestOfTheStore:
    def meet(self, settings, which):
        return both_clients(settings)[which]()

    def refused(self, settings, which, why):
        with pytest.raises((redis.ConnectionError, OperationalError), match=why):
            self.meet(settings, which)

    def test_the_right_ca_is_taken(self, store, which):
        assert self.meet(store, which)

    def test_another_ca_is_refused(self, store, others, which):
        self.refused(replace(store, redis_ca_file=str(others.ca)), which, "CERTIFICATE_VERIFY_FAILED")

    def test_no_ca_means_those_of_the_system(self, store, which):
        self.refused(replace(store, redis_ca_file=""), which, "CERTIFICATE_VERIFY_FAILED")

    def test_another_name_is_refused(self, store, which):
        elsewhere = store.redis_url.replace("localhost", "127.0.0.1")
        self.refused(replace(store, redis_url=elsewhere), which, "IP address mismatch")

    def test_a_store_that_wants_a_certificate_gets_ours(self, server, store, ours, others, which):
        cert, key = ours.issue("localhost")
        front = tls_in_front_of(server.data / "r.sock", cert, key, client_ca=ours.ca)
        with front as port:
            own = replace(store, redis_url=f"rediss://admin@localhost:{port}/0")
            known = replace(own, redis_cert_file=str(cert), redis_key_file=str(key))
            assert self.meet(known, which)
            strange_cert, strange_key = others.issue("localhost")
            strange = replace(own, redis_cert_file=str(strange_cert), redis_key_file=str(strange_key))
            for settings in (own, strange):
                self.refused(settings, which, "(?i)alert|reset|closed|broken|eof")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"redis_url": "redis://localhost/0"},
            "ODDLINE_REDIS_CA_FILE is set, but .* redis://; expected rediss://",
        ),
        ({"redis_url": "rediss://localhost/0?ssl_cert_reqs=none"}, "has ssl_ options"),
        ({"redis_ca_file": "/none"}, "ODDLINE_REDIS_CA_FILE is '/none', which cannot be read: No such file"),
    ],
)
def test_what_would_switch_the_check_off_is_refused(store, changes, why):
    settings = replace(store, **changes)
    with pytest.raises(ParameterError, match=why):
        connect(settings, "cli")
    with pytest.raises(ParameterError, match=why):
        make_app(settings, "cli")


def test_the_command_line_says_what_is_wrong_with_the_store(store, others):
    changed = replace(store, redis_ca_file=str(others.ca))
    names = ("redis_url", "redis_password_file", "redis_ca_file")
    told = oddline("credentials", "list", **{variable(name): getattr(changed, name) for name in names})
    assert told.returncode == 3
    assert "certificate verify failed" in told.stderr
    assert "Set ODDLINE_REDIS_CA_FILE to its CA" in told.stderr


@pytest.fixture(scope="module")
def service(store, ours, tmp_path_factory):
    cert, key = ours.issue("127.0.0.1")
    names = ("redis_url", "redis_password_file", "redis_ca_file")
    settings = {variable(name): getattr(store, name) for name in names}
    files = {"ODDLINE_TLS_CERT_FILE": str(cert), "ODDLINE_TLS_KEY_FILE": str(key)}
    service = Service(tmp_path_factory.mktemp("up") / "data", **settings, **files)
    yield service
    service.close()


@pytest.fixture
def account(service, ours):
    return {
        "ODDLINE_URL": service.url,
        "ODDLINE_CA_FILE": str(ours.ca),
        "ODDLINE_CLIENT_ID": service.facts["client_id"],
        "ODDLINE_CLIENT_SECRET": service.facts["client_secret"],
    }


def test_a_job_goes_through_https_and_rediss(service, account, tmp_path):
    assert service.url.startswith("https://127.0.0.1:")
    table = tmp_path / "load.csv"
    table.write_text("load\n" + "\n".join(str(n % 17) for n in range(500)) + "\n")
    done = oddline("submit", table, "--algorithm", "PredAD", "--wait", "--json", **account)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["rows"]) == 500


@pytest.mark.parametrize(("host", "ca"), [("127.0.0.1", "others"), ("127.0.0.1", ""), ("localhost", "ours")])
def test_a_gateway_that_cannot_be_trusted_is_told_nothing(service, account, request, host, ca):
    url = service.url.replace("127.0.0.1", host)
    file = {"ODDLINE_CA_FILE": str(request.getfixturevalue(ca).ca)} if ca else {"ODDLINE_CA_FILE": ""}
    told = oddline("jobs", **account | file | {"ODDLINE_URL": url})
    assert (told.returncode, told.stdout) == (3, "")
    assert f"oddline: {url} cannot be trusted: " in told.stderr
    assert ("ostname mismatch" if host == "localhost" else "certificate") in told.stderr
    assert "Set ODDLINE_CA_FILE" in told.stderr


def test_without_tls_it_does_not_answer(service):
    with pytest.raises(httpx.HTTPError):
        httpx.get(service.url.replace("https", "http") + "/livez", trust_env=False)


def test_old_versions_of_tls_are_refused(service, ours):
    context = ssl.create_default_context(cafile=str(ours.ca))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(httpx.ConnectError, match=r"PROTOCOL_VERSION|protocol version"):
        httpx.get(service.url + "/livez", verify=context, trust_env=False)


def test_it_says_that_https_is_for_good(service, ours):
    trusting = ssl.create_default_context(cafile=str(ours.ca))
    answer = httpx.get(service.url + "/livez", verify=trusting, trust_env=False)
    assert answer.status_code == 200
    assert answer.http_version == "HTTP/1.1"
    assert answer.headers.get_list("server") == ["oddline"]
    assert answer.headers["Strict-Transport-Security"] == "max-age=63072000"


def test_a_gateway_killed_comes_back_and_is_found_by_the_health_check(service):
    port = service.url.rpartition(":")[2]
    files = {
        name: value
        for name, value in service.find("oddline_api.gateway").environ().items()
        if name.startswith("ODDLINE_TLS")
    }

    def healthy():
        words = [sys.executable, "-m", "oddline_api.address"]
        return subprocess.run(words, env={**os.environ, "ODDLINE_PORT": port, **files}).returncode == 0

    assert wait_until(healthy)
    before = service.find("oddline_api.gateway")
    os.kill(before.pid, signal.SIGKILL)
    wait_until(lambda: (found := service.find("oddline_api.gateway")) and found.pid != before.pid)
    assert wait_until(healthy)
    files.clear()
    assert not healthy()


@pytest.mark.parametrize(
    ("cert", "key", "why"),
    [
        ("cert", "", "ODDLINE_TLS_CERT_FILE is set and ODDLINE_TLS_KEY_FILE is not; expected both"),
        ("", "key", "ODDLINE_TLS_KEY_FILE is set and ODDLINE_TLS_CERT_FILE is not; expected both"),
        ("cert", "none", "cannot be used: No such file"),
        ("cert", "other", "cannot be used: KEY_VALUES_MISMATCH"),
        ("key", "key", "cannot be used: "),
        ("cert", "locked", "cannot be used: the key has a password"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_said_before_the_start(ours, tmp_path, cert, key, why):
    files = dict(zip(("cert", "key"), ours.issue("a.example"), strict=True))
    files |= {"other": ours.issue("b.example")[1], "none": tmp_path / "none", "locked": tmp_path / "locked"}
    words = [
        "openssl",
        "pkcs8",
        "-topk8",
        "-passout",
        "pass:hush",
        "-in",
        files["key"],
        "-out",
        files["locked"],
    ]
    subprocess.run(words, check=True)
    settings = Settings(tls_cert_file=str(files.get(cert, "")), tls_key_file=str(files.get(key, "")))
    with pytest.raises(ParameterError, match=why):
        check_certificate(settings)


def test_a_ca_that_is_none_is_refused(tmp_path):
    for path, why in ((tmp_path / "none", "No such file"), (tmp_path, "directory")):
        with pytest.raises(ParameterError, match=f"cannot be used as a CA.*{why}"):
            Client("https://h", "me", "hush", ca_file=str(path))
    (tmp_path / "empty").write_text("hello")
    told = oddline(
        "jobs", ODDLINE_CLIENT_ID="me", ODDLINE_CLIENT_SECRET="x", ODDLINE_CA_FILE=str(tmp_path / "empty")
    )
    assert told.returncode == 2
    assert "ODDLINE_CA_FILE: " in told.stderr
