"""Tables whose rows have no order, to learn and to judge."""

import csv
import gzip
import json
from pathlib import Path

import numpy as np

DATA = Path(__file__).parents[1] / "data"


def cardio():
    """The 21 measures by name, the keys, and which rows are labelled."""
    rows = json.loads(gzip.decompress((DATA / "cardio.json.gz").read_bytes()))["data"]
    measures = {f"X.{i}": np.array([float(row[f"X.{i}"]) for row in rows]) for i in range(1, 22)}
    return measures, [str(row["key"]) for row in rows], np.array([float(row["target"]) > 0 for row in rows])


def lympho():
    """The 18 attributes by name."""
    with open(DATA / "lympho.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return {f"X.{i}": np.array([float(row[f"X.{i}"]) for row in rows]) for i in range(1, 19)}


def kinds_of(columns):
    """Each column by what its array is."""
    return {name: "category" if values.dtype == object else "number" for name, values in columns.items()}


def mixed(rows=400, seed=0):
    """Numbers and texts, some of them missing, and columns that say nothing."""
    rng = np.random.default_rng(seed)
    columns = {
        "level": rng.normal(70, 5, rows),
        "flow": rng.lognormal(size=rows),
        "same": np.full(rows, 3.0),
        "none": np.full(rows, np.nan),
        "site": rng.choice(np.array(["north", "south", "west"], dtype=object), rows, p=[0.6, 0.3, 0.1]),
        "name": np.array([f"row {i}" for i in range(rows)], dtype=object),
        "blank": np.full(rows, None),
    }
    columns["level"][rng.choice(rows, rows // 20)] = np.nan
    columns["site"][rng.choice(rows, rows // 20)] = None
    return columns
