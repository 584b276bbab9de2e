"""Gzip by its first bytes, held to what it may become."""

import gzip
import io
import zlib

import pytest

from memory import peak_of
from oddline.errors import CancelledError, DataError, LimitError
from oddline_workers.imports.unpacking import unpacked

MIB = 1 << 20
ROWS = b"a,b\n" + b"1,2\n" * 50_000


def out(data, most=MIB, **more):
    with unpacked(io.BytesIO(data), most, **more) as file:
        return file.read()


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(ROWS),
        gzip.compress(ROWS[:9]) + gzip.compress(ROWS[9:]),
        gzip.compress(ROWS) + bytes(1_000),
        gzip.compress(ROWS[:9]) + bytes(70_000) + gzip.compress(ROWS[9:]),
        ROWS,
    ],
    ids=["gzip", "members", "zeros", "zeros between", "not packed"],
)
def test_what_a_file_holds(data):
    assert out(data) == ROWS


def test_every_cut_is_noticed():
    packed = gzip.compress(b"a,b\n1,2\n")
    for end in range(2, len(packed)):
        with pytest.raises(DataError) as told:
            out(packed[:end])
        assert told.value.code == "damaged_gzip"


@pytest.mark.parametrize("place", [3, 15, -6])
def test_damage_is_noticed(place):
    packed = bytearray(gzip.compress(ROWS))
    packed[place] ^= 0xFF
    with pytest.raises(DataError, match="damaged"):
        out(bytes(packed))


def test_what_follows_and_is_no_gzip_is_damage():
    with pytest.raises(DataError, match="damaged"):
        out(gzip.compress(ROWS) + b"more")


def test_a_bomb_ends_at_the_limit_and_takes_no_memory():
    press = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(press.compress(bytes(MIB)) for _ in range(200)) + press.flush()
    assert len(bomb) < MIB
    ended, grown = peak_of(lambda: out(bomb, 8 * MIB))
    assert isinstance(ended, LimitError)
    assert ended.code == "too_large"
    assert grown < 16  # of 200


def test_a_bomb_in_a_bomb_is_not_unpacked_twice():
    with pytest.raises(DataError, match="another gzip"):
        out(gzip.compress(gzip.compress(ROWS)))


def test_it_tells_where_it_is_and_can_be_ended():
    told = []
    out(gzip.compress(ROWS), progress=lambda *at: told.append(at))
    assert told[-1] == (1.0, "unpacking")

    def cancelled(*_):
        raise CancelledError("no more")

    with pytest.raises(CancelledError):
        out(gzip.compress(ROWS), progress=cancelled)
