"""A detection in one line of text, and as a small table of its runs for notebooks."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oddline.result import Detection

__all__ = ["as_html", "as_line"]

_RUNS, _COLUMNS = 20, 3


def as_line(found: Detection) -> str:
    """What was judged, what was found, and by what."""
    flagged, runs = int((found.label < 0).sum()), len(found.anomalies)
    algorithm, estimator = (found.spec.get(key, "") for key in ("algorithm_type", "anomaly_estimator"))
    words = [
        f"{len(found):,} rows",
        f"{flagged:,} flagged in {runs:,} run{'' if runs == 1 else 's'}" if flagged else "none flagged",
        algorithm if estimator in ("", "Default") else f"{algorithm} {estimator}",
        f"look-back {found.lookback_window:,}",
    ]
    return f"Detection({', '.join(filter(None, words))})"


def as_html(found: Detection) -> str:
    """The first 20 runs as an HTML table under that line; texts of the file are escaped."""
    heads = ["start", "end", "rows", "severity"]
    several = len(found.columns) > 1
    if several:
        heads.append("contributions")
    rows = []
    for run in found.anomalies[:_RUNS]:
        cells = [run.start, run.end, f"{run.rows:,}", f"{run.severity:.3g}"]
        if several:
            largest = sorted(run.contributions.items(), key=lambda item: -item[1])[:_COLUMNS]
            cells.append(", ".join(f"{name} {100 * share:.0f} %" for name, share in largest))
        rows.append(_row("td", cells))
    left = len(found.anomalies) - _RUNS
    more = f"<p>and {left:,} more</p>" if left > 0 else ""
    table = f"<table>{_row('th', heads)}{''.join(rows)}</table>" if rows else ""
    return f"<div><p>{escape(as_line(found))}</p>{table}{more}</div>"


def _row(tag: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"
