"""How the store is met: the address, the user and the password, for redis-py and for Celery alike."""

import pytest

from oddline.errors import ParameterError
from oddline_workers.connections import celery_url, connect
from oddline_workers.settings import Settings


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "password"
    file.write_text("p@ss/word\n")
    return file


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://h:6380/2", "redis://h:6380/2"),
        ("rediss://:pw@h/0", "rediss://:pw@h/0"),
        ("unix:///run/r.sock?db=3", "redis+socket:///run/r.sock?virtual_host=3"),
        ("unix:///run/r.sock", "redis+socket:///run/r.sock?virtual_host=0"),
        ("unix://me:p%40w@/run/r.sock", "redis+socket://me:p%40w@/run/r.sock?virtual_host=0"),
    ],
)
def test_store_as_celery_writes_it(url, expected):
    assert celery_url(Settings(redis_url=url)) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://h/0", "redis://:p%40ss%2Fword@h/0"),
        ("redis://me@h:1/0", "redis://me:p%40ss%2Fword@h:1/0"),
        ("unix://me@/run/r.sock", "redis+socket://me:p%40ss%2Fword@/run/r.sock?virtual_host=0"),
    ],
)
def test_a_password_may_be_in_a_file(file, url, expected):
    settings = Settings(redis_url=url, redis_password_file=str(file))
    assert celery_url(settings) == expected
    with connect(settings, "cli") as client:
        known = client.connection_pool.connection_kwargs
        assert known["password"] == "p@ss/word"
        assert known["username"] == ("me" if "me@" in url else None)


def test_a_password_twice_is_refused_and_not_echoed(file):
    with pytest.raises(ParameterError, match="expected one of the two") as refused:
        connect(Settings(redis_url="redis://:hush@h/0", redis_password_file=str(file)), "cli")
    assert "hush" not in str(refused.value)


def test_a_file_without_a_password_is_refused(tmp_path):
    def meet(path):
        return connect(Settings(redis_url="redis://h/0", redis_password_file=str(path)), "cli")

    with pytest.raises(ParameterError, match=r"ODDLINE_REDIS_PASSWORD_FILE.*No such file"):
        meet(tmp_path / "none")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(ParameterError, match="is not text"):
        meet(tmp_path / "bytes")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(ParameterError, match="empty file"):
        meet(tmp_path / "empty")


@pytest.mark.parametrize("url", ["", "http://h", "h:6379"])
def test_no_store_is_said_kindly(url):
    with pytest.raises(ParameterError, match="ODDLINE_REDIS_URL"):
        connect(Settings(redis_url=url), "gateway")
