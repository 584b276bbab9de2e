"""What an address that a client names may be, and where it may lead."""

import socket
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddline.errors import ParameterError
from oddline_workers import addresses
from oddline_workers.addresses import is_public, networks, reachable, read
from oddline_workers.settings import from_environment

INNER = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.0.0.1"),
    *("127.8.9.10", "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192"),
    *("192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7"),
    *("203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16"),
    *("::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "fd12:3456::1", "ff02::1", "ff0e::1"),
    *("100::1", "2001::1", "2001:0:a00:1::1", "2001:db8::1", "2002:a00:1::1", "2002:808:808::1", "3fff::1"),
    *("::ffff:127.0.0.1", "::ffff:10.1.1.1", "::ffff:169.254.169.254", "::127.0.0.1", "::10.0.0.1"),
    *("64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808"),
    *("::ffff:0:10.0.0.1", "2a00:1450::5efe:10.0.0.1", "2a00:1450::200:5efe:10.0.0.1", "4000::1", "5f00::1"),
]
OUTER = [
    *("1.1.1.1", "8.8.8.8", "9.9.9.9", "100.63.255.255", "100.128.0.1", "172.32.0.1", "192.0.1.1"),
    *("192.167.255.255", "223.255.255.255", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8"),
    "64:ff9b::8.8.8.8",
]
HERE = [
    *(
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "0x7f.1",
        "127.1",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
    ),
    *("localhost", "LOCALHOST", "localhost.", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
    *("[0:0:0:0:0:0:0:1]", "１２７.０.０.１", "127。0。0。1"),
]


@pytest.mark.parametrize("text", INNER)
def test_what_is_not_for_everybody_is_not_public(text):
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", OUTER)
def test_what_anybody_can_reach_is_public(text):
    assert is_public(ip_address(text))


@pytest.mark.parametrize("host", HERE)
def test_this_machine_is_refused_however_it_is_written(host):
    with pytest.raises(ParameterError, match="ODDLINE_OUTBOUND_NETWORKS") as refused:
        reachable(read(f"http://{host}:8080/a.csv"), ())
    assert refused.value.code == "address_refused"


@pytest.mark.parametrize("found", [["8.8.8.8", "10.0.0.1"], ["10.0.0.1", "8.8.8.8"], ["8.8.8.8", "::1"]])
def test_one_address_that_is_not_public_is_enough(found):
    with pytest.raises(ParameterError, match="not public"):
        reachable(read("http://a.example/"), (), lambda *_: found)


def test_a_name_that_is_unknown_is_refused_in_the_words_of_one_that_leads_inside():
    def unknown(*_):
        raise socket.gaierror

    said = []
    for lookup in (unknown, lambda *_: [], lambda *_: ["10.1.2.3"], lambda *_: ["no address"]):
        with pytest.raises(ParameterError) as refused:
            reachable(read("http://a.example/"), (), lookup)
        said.append((refused.value.message, refused.value.code))
    assert len(set(said)) == 1
    assert "10.1" not in said[0][0]


def test_each_address_is_named_once_and_in_order():
    found = ["2606:4700::1111", "1.1.1.1", "2606:4700::1111"]
    assert reachable(read("http://a.example/"), (), lambda *_: found) == ["2606:4700::1111", "1.1.1.1"]


def test_what_the_operator_allows_is_reachable_and_its_neighbours_are_not():
    allowed = networks("10.1.0.0/16, fd00:1::/32")
    for text in ("10.1.2.3", "::ffff:10.1.2.3", "fd00:1::5"):
        [found] = reachable(read("http://a.example/"), allowed, lambda *_, text=text: [text])
        assert ip_address(found) == ip_address(text)
    for text in ("10.2.0.1", "fd00:2::5", "64:ff9b::10.1.2.3"):
        with pytest.raises(ParameterError):
            reachable(read("http://a.example/"), allowed, lambda *_, text=text: [text])


def test_an_address_of_this_very_machine_is_refused_although_it_is_public(monkeypatch):
    monkeypatch.setattr(addresses, "is_public", lambda ip: True)
    with pytest.raises(ParameterError):
        reachable(read("http://127.0.0.1/"), ())
    assert reachable(read("http://192.0.2.9/"), ()) == ["192.0.2.9"]
    assert reachable(read("http://127.0.0.1/"), networks("127.0.0.0/8")) == ["127.0.0.1"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "a.csv", "/a.csv", "//a.example/", "ftp://a.example/", "file:///etc/passwd", "gopher://a/"),
        *("http://", "http:///a", "http://a b/", "http://a/b c", "http://a/\r\nX: y", "http://a\\@b/", "http://a/\\"),
        *("http://a.example:0/", "http://a.example:65536/", "http://a.example:x/", "http://[::1/"),
        *("http://[fe80::1%25lo]/", "data:,a"),
        *("http://a..example/", "http://" + "a" * 64 + ".example/", "http://" + "a." * 127 + "example/", "http://-a/"),
        *("http://a/" + "x" * 8_000, "http://a,b/", "http://a%2eb/", "http://\x00/", "http://a/\x7f"),
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ParameterError) as refused:
        read(text)
    assert refused.value.code == "bad_address"


@given(
    st.one_of(st.text(), st.text("htps:/@[]%#?\\\n .0123456789abcdefx").map("http://".__add__)),
    st.sampled_from(
        ["//[", "//a]/", "http://", "http:b", "?", "#", "..", "/../..", "//", "///", ":", "\n", "a b"]
    )
    | st.text("/.:?#@%\\ ahtps[]"),
)
def test_whatever_is_read_is_fit_to_be_sent_and_reads_the_same(text, location):
    try:
        found = read(text)
        moved = found.to(location)
    except ParameterError:
        return
    for one in (found, moved):
        sent = f"{one.netloc} {one.target}"
        assert sent.isascii()
        assert len(sent.split()) == 2
        assert one.target.startswith("/")
        assert read(one.place + one.target).origin == one.origin
        assert read(one.place + one.target).target == one.target


def test_an_address_in_its_parts():
    found = read(
        " HTTPS://us%40er:pa%3Ass@Data.Example:8443/a b/ü.csv?sig=a%2Bb&c=ü#part ".replace("a b", "a%20b")
    )
    assert found.origin == ("https", "data.example", 8443)
    assert found.target == "/a%20b/%C3%BC.csv?sig=a%2Bb&c=%C3%BC"
    assert found.user == ("us@er", "pa:ss")
    assert (found.place, found.path) == ("https://data.example:8443", "/a%20b/%C3%BC.csv")
    assert "pa" not in repr(found)
    assert read("http://[2606:4700::1111]").place == "http://[2606:4700::1111]"
    assert read("http://bücher.example").place == "http://xn--bcher-kva.example"


def test_a_redirect_leads_on_but_not_from_https_to_http():
    start = read("https://a.example/b/c?d=1")
    assert start.to("e?f=2").target == "/b/e?f=2"
    assert start.to("/g h").target == "/g%20h"
    assert start.to("//b.example:9/").origin == ("https", "b.example", 9)
    with pytest.raises(ParameterError, match="from https to http"):
        start.to("http://a.example/")
    with pytest.raises(ParameterError, match="to no address"):
        start.to("//[")
    with pytest.raises(ParameterError, match="file"):
        start.to("file:///etc/passwd")
    assert read("http://a.example").to("https://a.example").scheme == "https"


def test_networks_that_are_none_are_told_when_the_service_starts(monkeypatch):
    monkeypatch.setenv("ODDLINE_OUTBOUND_NETWORKS", "10.0.0.1/8")
    with pytest.raises(ParameterError, match=r"expected networks: 10\.0\.0\.1/8 has host bits set"):
        from_environment()
    monkeypatch.setenv("ODDLINE_OUTBOUND_NETWORKS", "127.0.0.0/8,::1/128")
    assert len(networks(from_environment().outbound_networks)) == 2
