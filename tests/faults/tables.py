"""Tables that are wrong, or look it, and what must come of each."""

from __future__ import annotations

import codecs

from oddline_workers.jobs import Status

DONE = ((Status.DONE,), None)
REFUSED, TOO_LARGE = 400, 413


def bad(code):
    """What only the worker can see."""
    return (Status.ERROR,), code


def tables(rows, chance):
    """By name: the upload, and the status of its refusal or the ends and the code of its job."""

    def lines(count=60, mark="", place=None):
        """Times and values; at one place another line."""
        text = [f"2024-01-01 {i // 60:02}:{i % 60:02}:00,{i % 7}.5" for i in range(count)]
        if mark:
            text[chance.randrange(5, count - 5) if place is None else place] = mark
        return ["Time,Value", *text]

    def csv(lines):
        return "\n".join(lines).encode() + b"\n"

    good = csv(lines())
    return {
        "good": (good, DONE),
        "empty": (b"", REFUSED),
        "header only": (b"Time,Value\n", bad("no_rows")),
        "one row": (csv(lines(1)), bad("too_few_rows")),
        "ragged": (csv(lines(mark="2024-01-01 00:30:00,1,2,3")), bad("ragged_row")),
        "NUL": (csv(lines(mark="2024-01-01 00:30:00,\0")), REFUSED),
        "BOM": (codecs.BOM_UTF8 + good, DONE),
        "UTF-16": (good.decode().encode("utf-16"), DONE),
        "bad UTF-8": (good.replace(b"Value", b"Val\xffue"), DONE),
        "NaN": (
            csv(["Time,Value", *(line.split(",")[0] + ",NaN" for line in lines()[1:])]),
            bad("empty_column"),
        ),
        "Inf": (
            csv(["Time,Value", *(line.split(",")[0] + ",inf" for line in lines()[1:])]),
            bad("empty_column"),
        ),
        "one NaN": (csv(lines(mark="2024-01-01 00:30:00,NaN")), DONE),
        "duplicate times": (csv([*lines(), *lines()[1:]]), DONE),
        "unsorted": (csv([lines()[0], *reversed(lines()[1:])]), DONE),
        "mixed zones": (csv(lines(mark="2024-01-01 00:30:00+02:00,1")), DONE),
        "10,000 columns": (
            csv([",".join(f"c{n}" for n in range(10_000)), ",".join("1" * 10_000)]),
            TOO_LARGE,
        ),
        "many rows": (b"Value\n" + b"".join(b"%d.5\n" % (i % 97) for i in range(rows)), DONE),
        "formulas": (csv([f"{line},=1+1" for line in lines()]), DONE),
    }
