"""Contributions: the column that was touched leads."""

import numpy as np
import pytest

from oddline import detect
from oddline.contribution import contributions
from oddline.table import Table


def test_shares_sum_to_one_and_ignore_what_is_usual():
    rng = np.random.default_rng(0)
    parts = rng.random((300, 4)) * [1.0, 1.0, 1.0, 50.0]
    parts[100:105, 1] += 200.0
    (shares,) = contributions(parts, [(100, 104)])
    assert shares.sum() == pytest.approx(1.0)
    assert shares.argmax() == 1
    assert shares[1] > 0.8


def test_shares_exist_where_parts_do_not():
    zero = np.zeros((10, 3))
    assert contributions(zero, [(0, 9)])[0].tolist() == [1 / 3] * 3
    flat = np.tile([1.0, 3.0], (10, 1))
    assert contributions(flat, [(2, 3)])[0].tolist() == [0.25, 0.75]
    huge = np.zeros((10, 2))
    huge[5] = [1e308, 1e308]
    assert contributions(huge, [(0, 9)])[0].tolist() == [0.5, 0.5]
    assert contributions(zero, []) == []


@pytest.mark.parametrize(
    ("algorithm", "estimator", "seeds"),
    [("PredAD", "Default", 40), ("WindowAD", "NearestNeighbor", 40), ("WindowAD", "IsolationForest", 4)],
)
def test_the_touched_column_of_ten_leads(algorithm, estimator, seeds):
    led = 0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        rows = 300
        common = np.sin(np.arange(rows) * 2 * np.pi / 25)[:, None]
        values = common + 0.3 * rng.standard_normal((rows, 10))
        column = int(rng.integers(10))
        values[200:206, column] += 6.0
        table = Table(
            [str(i) for i in range(rows)], None, values, tuple(f"c{i}" for i in range(10)), (), None
        )
        found = detect(
            table,
            algorithm_type=algorithm,
            anomaly_estimator=estimator,
            lookback_window=8,
            labeling_method="IID",
        )
        near = [run for run in found.anomalies if run.start_row <= 213 and run.end_row >= 193]
        assert all(sum(run.contributions.values()) == pytest.approx(1.0) for run in found.anomalies)
        if near:
            shares = max(near, key=lambda run: run.severity).contributions
            led += max(shares, key=shares.__getitem__) == f"c{column}"
    assert led >= 0.95 * seeds
