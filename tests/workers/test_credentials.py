"""Client credentials: shown once, kept as a hash, honoured until revoked."""

import re

import pytest

from oddline_workers import credentials


@pytest.fixture
def fresh(client, settings):
    return credentials.create(client, settings, "a notebook")


def test_secret_is_32_letters_and_digits_and_kept_only_as_a_hash(client, settings, fresh):
    assert re.fullmatch(r"[A-Za-z0-9]{32}", fresh.client_secret)
    kept = b"".join(
        key + (b"".join(client.hgetall(key)) if client.type(key) == b"hash" else client.get(key))
        for key in client.scan_iter(settings.key_prefix + "*")
    )
    assert fresh.client_id.encode() in kept
    assert fresh.client_secret.encode() not in kept
    # They never expire.
    assert {client.ttl(key) for key in client.scan_iter(settings.key_prefix + "*")} == {-1}


def test_only_the_pair_is_accepted(client, settings, fresh):
    other = credentials.create(client, settings)
    assert credentials.verify(client, settings, fresh.client_id, fresh.client_secret) == fresh.client_id
    assert credentials.by_secret(client, settings, fresh.client_secret) == fresh.client_id
    for client_id, secret in [
        (other.client_id, fresh.client_secret),
        (fresh.client_id, other.client_secret),
        (fresh.client_id, fresh.client_secret.lower()),
        (fresh.client_id, ""),
        ("", fresh.client_secret),
        ("\ud800ä*", "\ud800\x00"),
    ]:
        assert credentials.verify(client, settings, client_id, secret) is None


def test_revoked_secret_is_refused_and_no_longer_listed(client, settings, fresh):
    other = credentials.create(client, settings, "stays")
    assert [one.name for one in credentials.list_(client, settings)] == ["a notebook", "stays"]
    assert credentials.verify(client, settings, fresh.client_id, fresh.client_secret)
    assert credentials.revoke(client, settings, fresh.client_id)
    assert credentials.verify(client, settings, fresh.client_id, fresh.client_secret) is None
    assert [one.client_id for one in credentials.list_(client, settings)] == [other.client_id]
    assert not credentials.revoke(client, settings, fresh.client_id)


def test_secret_revoked_elsewhere_is_refused_when_the_cache_runs_out(client, settings, fresh, monkeypatch):
    monkeypatch.setattr(credentials, "CACHE_SECONDS", 0.0)
    assert credentials.by_secret(client, settings, fresh.client_secret)
    client.delete(*client.scan_iter(settings.key_prefix + "secret:*"))
    assert credentials.by_secret(client, settings, fresh.client_secret) is None


def test_the_clients_of_an_earlier_release_stay_and_those_revoked_stay_away(
    client, settings, fresh, monkeypatch
):
    monkeypatch.setattr(credentials, "CACHE_SECONDS", 0.0)
    revoked, root = credentials.create(client, settings), settings.key_prefix
    keys = [*client.scan_iter(root + "secret:*")]
    for key in keys:  # as they were: one hash
        client.hset(root + "secrets", key.decode().removeprefix(root + "secret:"), client.get(key))
    client.delete(*keys)
    assert credentials.by_secret(client, settings, fresh.client_secret) is None
    assert credentials.revoke(client, settings, revoked.client_id)
    assert [one.client_id for one in credentials.list_(client, settings)] == [fresh.client_id]
    assert credentials.by_secret(client, settings, fresh.client_secret) == fresh.client_id
    assert credentials.by_secret(client, settings, revoked.client_secret) is None
    assert not client.exists(root + "secrets")
