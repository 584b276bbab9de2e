"""Requests to addresses that clients name: where they go, how long and how much they take, what is told."""

import base64
import itertools
import socket
import threading

import pytest

from oddline.errors import CancelledError, DataError, LimitError, ParameterError
from oddline_workers import outbound, wire
from oddline_workers.outbound import fetch, post
from oddline_workers.settings import Settings
from tls import Certificates
from workers.imports.remote import answer, remote

HERE = Settings(outbound_networks="127.0.0.0/8", import_seconds=5.0, max_import_bytes=1 << 20)
SECRET = "s3cr3t-of-a-client"


@pytest.fixture
def there():
    with remote() as there:
        yield there


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("tls") / "ca")


def finds(*texts):
    """A lookup that always answers so."""
    return lambda host, port: [*texts]


def body(fetched):
    with fetched.file as file:
        return file.read()


def test_what_an_address_gives(there):
    there.says["/a%20b.csv"] = answer(b"a,b\n1,2\n", content_type="text/csv; charset=utf-8")
    found = fetch(there.url("/a%20b.csv?sig=%2B#part"), HERE)
    assert (found.content_type, found.size, found.path) == ("text/csv; charset=utf-8", 8, "/a%20b.csv")
    assert body(found) == b"a,b\n1,2\n"
    [head] = there.asked
    assert head.startswith("GET /a%20b.csv?sig=%2B HTTP/1.1")
    assert f"Host: 127.0.0.1:{there.port}" in head
    assert "Accept-Encoding: identity" in head


def test_a_body_in_chunks_or_to_the_end_of_the_connection(there):
    there.says["/"] = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na,b\r\n3\r\n\n1,\r\n0\r\n\r\n"
    )
    assert body(fetch(there.url(), HERE)) == b"a,b\n1,"
    there.says["/"] = b"HTTP/1.0 200 OK\r\n\r\na,b"
    assert body(fetch(there.url(), HERE)) == b"a,b"


def test_a_large_body_goes_to_a_file_and_is_told_as_it_comes(there):
    told = []
    there.says["/"] = answer(bytes(900_000))
    found = fetch(
        there.url(), Settings(outbound_networks="127.0.0.0/8"), progress=lambda *at: told.append(at)
    )
    assert body(found) == bytes(900_000)
    assert [fraction for fraction, _ in told] == sorted(fraction for fraction, _ in told)
    assert told[-1] == (1.0, "900,000 bytes fetched")


def test_who_tells_the_progress_can_end_it(there):
    def cancelled(*_):
        raise CancelledError("no more")

    there.says["/"] = answer(b"a")
    with pytest.raises(CancelledError):
        fetch(there.url(), HERE, progress=cancelled)


class TestWhereItGoes:
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"])
    def test_not_inside(self, there, host):
        there.says["/"] = answer(b"a")
        with pytest.raises(ParameterError, match="not public") as refused:
            fetch(there.url(host=host), Settings())
        assert refused.value.code == "address_refused"
        with pytest.raises(ParameterError, match="not public"):
            post(there.url(host=host), b"{}", {}, Settings())
        assert there.asked == []

    def test_only_into_the_network_that_is_allowed(self, there):
        with pytest.raises(ParameterError, match="not public"):
            fetch(there.url(), Settings(outbound_networks="10.0.0.0/8,::1/128"))

    def test_to_the_very_address_that_was_checked(self, there):
        """An answer that changes after the check changes nothing: nobody asks a second time."""
        there.says["/"] = answer(b"a")
        answers = itertools.chain([["127.0.0.1"]], itertools.repeat(["192.0.2.1"]))
        asked = []

        def changing(host, port):
            asked.append((host, port))
            return next(answers)

        assert body(fetch(there.url(host="a.example"), HERE, lookup=changing)) == b"a"
        assert asked == [("a.example", there.port)]
        assert f"Host: a.example:{there.port}" in there.asked[0]

    def test_not_where_a_name_that_was_public_leads_next(self, there, monkeypatch):
        """The trick against a check that looks up apart from the connection: public, then inside."""
        there.says["/"] = answer(b"a")
        answers = iter([["8.8.8.8"], ["127.0.0.1"], ["127.0.0.1"]])
        went = []

        def nowhere(self, host, port, timeout=None, *_, **__):
            went.append(host)
            raise wire.httpcore.ConnectError

        monkeypatch.setattr(wire.httpcore.SyncBackend, "connect_tcp", nowhere)
        with pytest.raises(DataError, match="cannot be connected to"):
            fetch(there.url(host="a.example"), Settings(), lookup=lambda *_: next(answers))
        assert went == ["8.8.8.8"]
        assert there.asked == []

    def test_to_the_next_address_when_one_does_not_answer(self, there):
        there.says["/"] = answer(b"a")
        found = fetch(there.url(host="a.example"), HERE, lookup=finds("127.0.0.2", "127.0.0.1"))
        assert body(found) == b"a"

    def test_by_no_proxy_of_the_environment(self, there, monkeypatch):
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, "http://192.0.2.1:9")
        there.says["/"] = answer(b"a")
        assert body(fetch(there.url(), HERE)) == b"a"

    def test_where_the_operator_has_its_own_store_although_it_is_inside(self, there):
        there.says["/b/a.csv"] = answer(b"a")
        assert body(fetch(there.url("/b/a.csv"), Settings(), own=there.url())) == b"a"
        with remote() as other:
            there.says["/b/a.csv"] = answer(status="307 Go", location=other.url("/"))
            with pytest.raises(ParameterError, match="not public"):
                fetch(there.url("/b/a.csv"), Settings(), own=there.url())
            assert other.asked == []


class TestRedirects:
    def test_are_followed_and_counted(self, there):
        for number in range(6):
            there.says[f"/{number}"] = answer(status="302 Found", location=f"/{number + 1}")
        there.says["/6"] = answer(b"a")
        found = fetch(there.url("/1"), HERE)
        assert (body(found), found.path) == (b"a", "/6")
        with pytest.raises(DataError, match="more than 5 redirects"):
            fetch(there.url("/0"), HERE)

    @pytest.mark.parametrize("status", ["301 x", "302 x", "303 x", "307 x", "308 x"])
    @pytest.mark.parametrize(
        "target",
        ["http://127.0.0.1:{port}/in", "//127.0.0.1:{port}/in", "http://[::ffff:127.0.0.1]:{port}/in",
         "http://0x7f.1:{port}/in", "http://inside.example:{port}/in"],
    )  # fmt: skip
    def test_lead_not_inside(self, there, status, target):
        """The host itself is allowed; where it points to is looked at anew."""
        allowed = Settings(outbound_networks="127.0.0.2/32")
        with remote(host="127.0.0.2") as outside:
            outside.says["/"] = answer(status=status, location=target.format(port=there.port))
            there.says["/in"] = answer(b"inside")

            def lookup(host, port):
                return {"inside.example": ["127.0.0.1"]}.get(host) or outbound.addresses.look_up(host, port)

            with pytest.raises(ParameterError, match="not public"):
                fetch(outside.url(host="127.0.0.2"), allowed, lookup=lookup)
            assert (len(outside.asked), there.asked) == (1, [])

    @pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://:0/"])
    def test_lead_to_no_other_scheme(self, there, target):
        there.says["/"] = answer(status="302 Found", location=target)
        with pytest.raises(ParameterError) as refused:
            fetch(there.url(), HERE)
        assert refused.value.code == "bad_address"

    def test_lead_not_from_https_to_http(self, there, certificates):
        trusting = Settings(outbound_networks="127.0.0.0/8", outbound_ca_file=str(certificates.ca))
        with remote(certificates.issue("a.example")) as safe:
            safe.says["/"] = answer(status="302 Found", location=there.url("/"))
            with pytest.raises(ParameterError, match="from https to http"):
                fetch(safe.url(host="a.example"), trusting, lookup=finds("127.0.0.1"))
        assert there.asked == []

    def test_take_credentials_to_no_other_host_and_port(self, there):
        with remote() as other:
            there.says["/"] = answer(status="302 Found", location="/same")
            there.says["/same"] = answer(status="302 Found", location=other.url("/"))
            other.says["/"] = answer(b"a")
            mine = {"X-Signature": SECRET}
            assert body(fetch(there.url(), HERE, auth=("me", SECRET), headers=mine)) == b"a"
        basic = base64.b64encode(f"me:{SECRET}".encode()).decode()
        assert [f"Authorization: Basic {basic}" in head for head in there.asked] == [True, True]
        assert "authorization" not in other.asked[0].lower()
        assert SECRET not in other.asked[0]

    def test_without_a_target_are_an_answer(self, there):
        there.says["/"] = answer(status="302 Found")
        with pytest.raises(DataError, match="answered 302 Found"):
            fetch(there.url(), HERE)


class TestLimits:
    def drip(self, piece, stop):
        def says(wire):
            while not stop.wait(0.02):
                wire.sendall(piece)

        return says

    @pytest.mark.parametrize(
        ("begins", "piece"),
        [
            (b"HTTP/1.1 200 OK\r\n\r\n", b"a"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n", b"a"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
            (b"HTTP/1.1 200 OK\r\nX: ", b"a"),
            (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        ],
        ids=["body", "length", "chunks", "head", "continue"],
    )
    def test_of_time_end_what_drips(self, there, begins, piece):
        stop = threading.Event()
        drip = self.drip(piece, stop)

        def says(wire):
            wire.sendall(begins)
            drip(wire)

        there.says["/"] = says
        try:
            with pytest.raises(LimitError, match=r"longer than 0\.3 s") as slow:
                fetch(there.url(), Settings(outbound_networks="127.0.0.0/8", import_seconds=0.3))
            assert slow.value.code == "too_slow"
        finally:
            stop.set()

    def test_of_time_end_what_says_nothing(self, there, monkeypatch):
        monkeypatch.setattr(wire, "SILENT_SECONDS", 0.1)
        silence = threading.Event()
        there.says["/"] = lambda _: silence.wait(10)
        with pytest.raises(DataError, match="did not answer in time"):
            fetch(there.url(), HERE)
        monkeypatch.setattr(outbound, "POST_SECONDS", 0.05)
        with pytest.raises(LimitError, match=r"longer than 0\.05 s"):
            post(there.url(), b"", {}, HERE)
        silence.set()

    def test_of_size_end_what_has_no_end(self, there):
        stop = threading.Event()

        def says(wire):
            wire.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while not stop.is_set():
                wire.sendall(bytes(65536))

        there.says["/"] = says
        try:
            with pytest.raises(LimitError, match="ODDLINE_MAX_IMPORT_BYTES") as large:
                fetch(there.url(), HERE)
        finally:
            stop.set()
        assert large.value.code == "too_large"

    def test_of_size_are_known_from_the_length(self, there):
        there.says["/"] = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\na"
        with pytest.raises(LimitError, match="more than 1,048,576 bytes"):
            fetch(there.url(), HERE)

    def test_of_heads(self, there):
        there.says["/"] = b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 500_000 + b"\r\n\r\n"
        with pytest.raises(DataError, match="not HTTP"):
            fetch(there.url(), HERE)


class TestWhatIsTold:
    @pytest.mark.parametrize(
        "status", ["404 Not Found", "500 Server Error", "401 Unauthorized", "304 Not Modified"]
    )
    def test_the_status_line(self, there, status):
        there.says["/"] = answer(b"" if status.startswith("304") else b"no", status)
        with pytest.raises(DataError, match=f"The address answered {status}") as told:
            fetch(there.url(), HERE)
        assert told.value.code == "not_fetched"

    def test_a_status_line_of_an_enemy_steers_nothing(self, there):
        there.says["/"] = answer(b"", "404 \x1b[31m" + "x" * 1_000)
        with pytest.raises(DataError) as told:
            fetch(there.url(), HERE)
        assert "\x1b" not in told.value.message
        assert len(told.value.message) < 200

    @pytest.mark.parametrize(
        "says",
        [
            b"SSH-2.0-OpenSSH\r\n",
            b"",
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\na",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
        ],
    )
    def test_an_answer_that_is_none(self, there, says):
        there.says["/"] = says
        with pytest.raises(DataError, match="broken off, or is not HTTP"):
            fetch(there.url(), HERE)

    def test_a_packing_that_nobody_asked_for(self, there):
        there.says["/"] = answer(b"x", content_encoding="br")
        with pytest.raises(DataError, match="packs its answer as 'br'"):
            fetch(there.url(), HERE)

    def test_nobody_there(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with pytest.raises(DataError, match="cannot be connected to"):
            fetch(f"http://127.0.0.1:{port}/", HERE)

    def test_no_error_names_a_credential(self, there):
        """Whatever fails: neither what stands in the address nor what was given beside it is in a message."""
        there.says["/moved"] = answer(status="302 x", location="ftp://x/")
        there.says["/large"] = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\na"
        there.says["/cut"] = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na"
        host = f"me:{SECRET}@127.0.0.1"
        for settings in (HERE, Settings()):
            for path in ("/", "/moved", "/large", "/cut"):
                with pytest.raises((DataError, ParameterError, LimitError)) as told:
                    fetch(there.url(f"{path}?sig={SECRET}", host=host), settings, headers={"X-Key": SECRET})
                error = told.value
                while error:
                    assert SECRET not in f"{error} {error.args}"
                    error = error.__cause__ or error.__context__


class TestTls:
    def trusting(self, certificates):
        return Settings(outbound_networks="127.0.0.0/8", outbound_ca_file=str(certificates.ca))

    def test_goes_to_who_shows_the_name(self, certificates):
        with remote(certificates.issue("a.example")) as there:
            there.says["/"] = answer(b"a")
            found = fetch(there.url(host="a.example"), self.trusting(certificates), lookup=finds("127.0.0.1"))
            assert body(found) == b"a"

    def test_another_name_is_refused(self, certificates):
        with remote(certificates.issue("b.example")) as there:
            there.says["/"] = answer(b"a")
            with pytest.raises(DataError, match="certificate that cannot be trusted: Hostname mismatch"):
                fetch(there.url(host="a.example"), self.trusting(certificates), lookup=finds("127.0.0.1"))
            assert there.asked == []

    def test_another_ca_is_refused(self, certificates):
        with remote(certificates.issue("a.example")) as there:
            there.says["/"] = answer(b"a")
            with pytest.raises(DataError, match="certificate that cannot be trusted"):
                fetch(there.url(host="a.example"), HERE, lookup=finds("127.0.0.1"))
            assert there.asked == []

    def test_what_speaks_none_is_refused(self, certificates, there):
        url = there.url(host="a.example").replace("http:", "https:")
        with pytest.raises(DataError, match="speaks no TLS"):
            fetch(url, self.trusting(certificates), lookup=finds("127.0.0.1"))


class TestPost:
    def test_a_body_and_the_status_it_is_answered_with(self, there):
        there.says["/hook"] = answer(b"thanks", "202 Accepted")
        headers = {"Content-Type": "application/json", "Nexosis-Webhook-Token": "t"}
        assert post(there.url("/hook"), b'{"a":1}', headers, HERE) == 202
        assert there.bodies == [b'{"a":1}']
        assert "Nexosis-Webhook-Token: t" in there.asked[0]
        assert there.asked[0].startswith("POST /hook HTTP/1.1")
        assert post(there.url("/gone"), b"", {}, HERE) == 404

    def test_follows_no_redirect(self, there):
        there.says["/"] = answer(status="307 Go", location=there.url("/next"))
        assert post(there.url(), b"{}", {}, HERE) == 307
        assert len(there.asked) == 1
