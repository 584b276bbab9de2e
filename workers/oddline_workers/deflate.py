"""Gzip from ready-made parts: blocks compressed once, put together into one member for each reader.

A part is a run of raw deflate blocks that ends on a byte (a full flush) and refers to
nothing before it, so parts can be set one after another. Browsers read the first member
of a gzip body only; hence one member, whose checksum is combined from those of the parts.
"""

from __future__ import annotations

import struct
import zlib

__all__ = ["HEADER", "combine", "deflate", "inflate", "trailer"]

HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""A member begins: deflate, no name, no time."""

_POLYNOMIAL = 0xEDB88320
_LEVEL = 1


def deflate(data: bytes, *, last: bool = False) -> bytes:
    """The data as a part; ``last`` closes the member's stream."""
    press = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return press.compress(data) + press.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH)


def inflate(part: bytes) -> bytes:
    """The data of a part that :func:`deflate` made."""
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(part)


def trailer(crc: int, length: int) -> bytes:
    """A member ends: checksum and length of all its data."""
    return struct.pack("<II", crc, length & 0xFFFFFFFF)


def combine(crc_a: int, crc_b: int, length_b: int) -> int:
    """The CRC-32 of ``a + b`` from the two checksums and the length of ``b``.

    Appending ``length_b`` bytes multiplies the polynomial of ``a`` by x^(8 ``length_b``), modulo
    the CRC polynomial over GF(2). Costs about ``log2(length_b)`` products.

    Examples
    --------
    >>> combine(zlib.crc32(b"odd"), zlib.crc32(b"line"), 4) == zlib.crc32(b"oddline")
    True
    """
    shift, square, bits = 1 << 31, 1 << 23, length_b  # x^0 and x^8; the highest bit is x^0
    while bits:
        if bits & 1:
            shift = _product(shift, square)
        square = _product(square, square)
        bits >>= 1
    return _product(shift, crc_a) ^ crc_b


def _product(a: int, b: int) -> int:
    """The product of two polynomials modulo the CRC polynomial, bits reflected."""
    product = 0
    mask = 1 << 31
    while mask:
        if a & mask:
            product ^= b
        b = (b >> 1) ^ (_POLYNOMIAL if b & 1 else 0)
        mask >>= 1
    return product
