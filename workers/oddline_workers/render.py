"""A detection as the JSON text a door answers with, written once and in pieces of rows.

A million rows as a list of dicts keep the garbage collector busy for seconds; here numbers
become text a whole array at a time and rows are joined from texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from oddline.result import Detection

__all__ = ["ROWS", "render"]

ROWS = 20_000
"""Rows of one piece."""


def render(detection: Detection, dialect: str) -> Iterator[bytes]:
    """The result's text in pieces.

    Parameters
    ----------
    detection : Detection
    dialect : {"ibm", "plain"}
        ``ibm``: the ``summary`` object, with the bare token ``NaN`` for rows without a score.
        ``plain``: strict JSON with ``summary``, ``anomalies``, ``columns`` and ``rows``.

    Yields
    ------
    bytes
        Together one JSON text.
    """
    opening, rows, closing = _DIALECTS[dialect](detection)
    waiting = opening
    for start in range(0, len(detection), ROWS):
        if start:
            yield waiting
            waiting = b","
        waiting += b",".join(rows(start, min(start + ROWS, len(detection))))
    yield waiting + closing


def _ibm(found: Detection) -> tuple[bytes, Any, bytes]:
    seconds = str(round(float(sum(found.seconds.values())), 6))
    head = _json(
        {
            "lookback_window": str(found.lookback_window),
            "model_summary": "".join(found.model_summary.split()),
            "num_pipelines_explored": found.num_pipelines_explored,
            "total_execution_time (sec)": seconds,
            "total_excution_time (sec)": seconds,  # the spelling of the first tutorials
            "anomalies": found.anomalies,
            "notes": found.notes,
        }
    )
    # Under one line for all rows a client draws its own: this dialect sends no labels then.
    labelled = found.spec.get("labeling_method") != "IID"

    def rows(start: int, stop: int) -> list[bytes]:
        scores = _numbers(found.score[start:stop])
        for row in (~found.judged[start:stop]).nonzero()[0]:
            scores[row] = b"NaN"
        times = map(orjson.dumps, found.index[start:stop])
        if not labelled:
            return [
                b'{"timestamp":%b,"value":{"anomaly_score":[%b]}}' % row
                for row in zip(times, scores, strict=True)
            ]
        labels = _numbers(found.label[start:stop].astype(float))
        return [
            b'{"timestamp":%b,"value":{"anomaly_score":[%b],"anomaly_label":[%b]}}' % row
            for row in zip(times, scores, labels, strict=True)
        ]

    return head[:-1] + b',"result":[', rows, b"]}"


def _plain(found: Detection) -> tuple[bytes, Any, bytes]:
    head = _json({"summary": found.summary(), "anomalies": found.anomalies, "columns": found.columns})

    def rows(start: int, stop: int) -> list[bytes]:
        return [
            b'{"time":%b,"score":%b,"severity":%b,"label":%b}' % row
            for row in zip(
                map(orjson.dumps, found.index[start:stop]),
                _numbers(found.score[start:stop]),
                _numbers(found.severity[start:stop]),
                _numbers(found.label[start:stop]),
                strict=True,
            )
        ]

    return head[:-1] + b',"rows":[', rows, b"]}"


_DIALECTS = {"ibm": _ibm, "plain": _plain}


def _numbers(array: Any) -> list[bytes]:
    """The text of each number; what is not finite becomes ``null``."""
    # A slice of a matrix is not contiguous, which the encoder needs.
    return orjson.dumps(array.copy(), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")


def _json(data: dict[str, Any]) -> bytes:
    return orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY)
