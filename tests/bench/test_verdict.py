"""The tables of the quality bench."""

import numpy as np
import pytest

from verdict import Result, paired_difference, report


def result(name, vus, table="ours.OURS", **errors):
    values = {f"f{i}": {"vus": v, "auc": v / 2, "seconds": 0.25} for i, v in enumerate(vus)}
    return Result(table, name, values | {file: {"error": why} for file, why in errors.items()})


def test_a_difference_is_paired_over_the_files_both_have():
    rng = np.random.default_rng(0)
    hard = rng.uniform(size=200)
    ours = {f"f{i}": value + 0.1 for i, value in enumerate(hard)}
    theirs = {f"f{i}": value + 0.05 * rng.normal() for i, value in enumerate(hard)}
    gap, low, high = paired_difference(ours, theirs | {"elsewhere": 9.0})
    assert low < 0.1 < high
    assert gap == pytest.approx(0.1, abs=0.02)
    assert high - low == pytest.approx(2 * 1.96 * 0.05 / np.sqrt(200), rel=0.2)
    assert all(np.isnan(paired_difference({"a": 1.0}, {"b": 1.0})))


def test_the_table_is_ranked_beside_the_best_peer_that_scored_nearly_all():
    results = [
        result("auto", [0.7, 0.7]),
        result("WindowAD IsolationForest", [0.2, 0.2]),
        result("good peer", [0.5, 0.5], "peers.PEERS"),
        result("lucky peer", [0.9], "peers.PEERS", f1="timed out after 60 s"),
        result("no peer", [], "peers.PEERS", f0="ValueError: no", f1="ValueError: no"),
    ]
    lines = list(report("U", 2, results, {}))
    assert "against good peer" in lines[1]
    told = "\n".join(lines)
    assert "| **auto** | 0.700 | 0.350 | 0.250 | +0.200 (+0.200 … +0.200) |  |" in told
    assert "1 of 2 files; timed out after 60 s" in told
    assert (
        "| **WindowAD IsolationForest** | 0.200 | 0.100 | 0.250 | -0.300 (-0.300 … -0.300) | below 0.30 |"
        in told
    )
    assert "| no peer | – | – | – | – | ValueError: no |" in told
    assert "| univariate, auto | 0.64 | 0.700 (auto) | met |" in told
    assert "| univariate, auto, median seconds | ≤ 0.5 | 0.25 | met |" in told
    assert "| univariate, DeepAD | 0.45 | not measured | missed |" in told
    assert "| no pair below | 0.30 | WindowAD IsolationForest | missed |" in told


def test_published_values_are_compared_on_their_own_files():
    lines = list(report("M", 2, [result("auto", [0.5, 0.1])], {"Paper": {"f0": 0.3, "elsewhere": 0.9}}))
    assert lines[-1] == "| Paper | 0.300 | 0.500 | +0.200 (+0.200 … +0.200) |"
