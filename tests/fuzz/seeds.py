"""Inputs to begin with: every kind of table there is, the files of tests/data, and what found bugs."""

from __future__ import annotations

import json
import random
from pathlib import Path

__all__ = ["FOUND", "LONGEST", "WORDS", "seeds"]

DATA = Path(__file__).parents[1] / "data"
FOUND = DATA / "fuzz"
"""Inputs that once found a bug; each is a test."""
LONGEST = 2_048

ROWS = [(f"2017-01-01 00:{minute:02}:00", minute % 7 + 0.5) for minute in range(14)]
OPTIONS = (0, 1, 2, 16, 48, 64, 128 + 16, 4 + 16, 8 + 144)

WORDS = (
    *(
        "Time",
        "Value",
        "t",
        "v",
        "data",
        "connection",
        "location",
        "2017-01-01 00:00:00",
        "01/02/2017 10:00 UTC",
    ),
    *(
        "20170101",
        "2017-01-01T00:00:00Z",
        "2017-01-01T00:00:00.123456789+01:00",
        "12/31/1999",
        "31.12.1999",
        "Feb 30 2020",
    ),
    *(
        "1e400",
        "-inf",
        "nan",
        "NaN",
        "NA",
        "null",
        "true",
        "0x10",
        "1_000",
        "1,5",
        "-1.5e-3",
        "9223372036854775807",
    ),
    *("18446744073709551616", "9" * 40, "1e-400", "AM", "EST", "IST", "+05:30", "now", "today", "NaT"),
    *(
        '"',
        '""',
        "\r\n",
        ";",
        "|",
        "\t",
        "\ufeff",
        "\x1f\x8b",
        "[{",
        "}]",
        "},{",
        '":',
        "\\ud800",
        "\\u0000",
        "np.str_('a')",
    ),
)
"""What the fuzzer may put together."""


def seeds() -> list[bytes]:
    """The first inputs, each with the byte that says how it is read."""
    texts = [*_tables(), *_oddities(), *_files()]
    made = [bytes([option]) + text[:LONGEST] for text in texts for option in OPTIONS]
    chance = random.Random(0)
    made += [
        bytes([chance.randrange(256), 240 + kind]) + chance.randbytes(chance.randrange(2, 60))
        for kind in range(16)
        for _ in range(12)
    ]
    # Columns of one kind, which chance alone would seldom make.
    made += [
        bytes([option, 240 + kind, 1])
        + bytes(byte for row in range(14) for byte in (17 + row % 12, first + row % step))
        for option in (0, 16, 48, 128 + 48)
        for kind in (1, 0, 9)
        for first in range(0, 160, 8)
        for step in (1, 8)
    ]
    kept = [path.read_bytes() for path in sorted(FOUND.glob("*")) if path.is_file()]
    return kept + made


def _tables() -> list[bytes]:
    plain = "Time,Value\n" + "".join(f"{time},{value}\n" for time, value in ROWS)
    rows = [{"Time": time, "Value": value} for time, value in ROWS[:5]]
    counted = "t,v\n" + "".join(f"{row},{row % 3}\n" for row in range(20) if row not in (7, 8))
    return [
        *(text.encode() for text in (plain, plain.replace(",", ";").replace(".", ","), counted)),
        plain.replace(",", "\t").replace("\n", "\r\n").encode(),
        "Zeit|Größe\n1|2\n2|\n3|nan\n".encode("latin-1"),
        b'" t ","Speed, (kRPM)",v\n1,"2\n3",4\n2,"say ""x""",5\n',
        b"t,v,v,v\n3,1,2,3\n1,4,5,6\n1,7,8,9\n,,,\n",
        json.dumps(rows).encode(),
        json.dumps(
            {"meta": {"a": [1, {}]}, "data": [{"t": 1, "v": "2.5"}, {"v": None}, {"t": 3, "w": [1]}]}
        ).encode(),
        b"v\n1\n2\n\n4\n",
    ]


def _oddities() -> list[bytes]:
    times = (
        "31/01/2017 10:00 EST",
        "2017-01-01T00:00:00Z",
        "Jan 5 2020 3:04 PM",
        "1483228800",
        "20170101",
        "1.5",
        "later",
    )
    return [
        *(f"t,v\n{time},1\n{time},2\n".encode() for time in times),
        b"t,v\n1,1e308\n2,-1e308\n3,5e-324\n4,inf\n5,9007199254740993\n",
        b"t,v\n" + b"9" * 400 + b",1\n2," + b"9" * 400 + b"\n",
        b'[{"t":' + b"9" * 400 + b',"v":1e999},{"t":true,"v":false}]',
        b"[" * 200 + b"]" * 200,
        b'{"connection":{"a":1},"location":{"b":2}}',
        b"['Value', np.str_('Other'), \"x\"]",
        b"time_column=Time",
    ]


def _files() -> list[bytes]:
    return [path.read_bytes()[:700] for path in sorted(DATA.glob("*.csv"))]
