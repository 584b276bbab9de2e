"""A result, from here or from a service, as the commands print it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import IO, Any

import click

from oddline_api.cli.output import print_csv, print_json, print_table, table_of

__all__ = ["ANOMALIES", "anomaly_rows", "print_result"]

ROWS = ("time", "score", "severity", "label")
ANOMALIES = ("start", "end", "rows", "severity", "most from")
LONGEST = 50


def print_result(answer: Mapping[str, Any], form: str | None, file: IO[str]) -> None:
    """The answer of our own dialect: all of it, every row as CSV, or the anomalies for people."""
    if form == "json":
        print_json(answer, file)
    elif form == "csv":
        print_csv(ROWS, ([row[name] for name in ROWS] for row in answer["rows"]), file)
    else:
        click.echo(table_of(_facts(answer["summary"])), file)
        anomalies = answer["anomalies"]
        if anomalies:
            click.echo(file=file)
            print_table(ANOMALIES, anomaly_rows(anomalies[:LONGEST]), file)
        if len(anomalies) > LONGEST:
            click.echo(f"… and {len(anomalies) - LONGEST} more; --json prints all", file)


def anomaly_rows(anomalies: Iterable[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """The cells of :data:`ANOMALIES` for each run."""
    return [
        (
            run["start"],
            run["end"],
            str(run["rows"]),
            f"{run['severity']:.2f}",
            _most(run["contributions"]),
        )
        for run in anomalies
    ]


def _facts(summary: Mapping[str, Any]) -> dict[str, Any]:
    spec = summary["spec"]
    facts = {
        "rows": f"{summary['rows']:,}",
        "flagged": f"{summary['flagged']:,}",
        "algorithm": f"{spec.get('algorithm_type', '')} {spec.get('anomaly_estimator', '')}".strip(),
        "look-back": summary["lookback_window"],
        "labels": spec.get("labeling_method", ""),
        "seconds": f"{sum(summary['seconds'].values()):.2f}",
    }
    if summary["notes"]:
        facts["notes"] = "; ".join(summary["notes"])
    return facts


def _most(contributions: Mapping[str, float]) -> str:
    if not contributions:
        return ""
    name = max(contributions, key=lambda column: contributions[column])
    return f"{name} {contributions[name]:.0%}" if len(contributions) > 1 else name
