"""Contributions: the column that was touched leads."""

import numpy as np
import pandas as pd
import pytest

from engine.frames import series
from oddline import catalog, detect
from oddline.contribution import contributions
from oddline.pipelines import PredAD, WindowAD, build
from oddline.pipelines.detectors import DETECTORS
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


PIPELINES = [(a.name, e) for a in catalog.ALGORITHMS for e in catalog.estimators_of(a.name)]


# Nets and forests learn once for so many seeds; the others for each.
SEEDS_A_FIT = {"ReconstructAD": 25, "DeepAD": 10, "PredAD": 4}
SEEDS_A_FIT |= {"IsolationForest": 10, "SyntheticRandomForestTrainer": 10, "AnomalyEnsembler": 20}


@pytest.mark.parametrize(("algorithm", "estimator"), PIPELINES)
def test_the_touched_column_of_ten_leads_in_every_pair(algorithm, estimator):
    """Whether or not a line is crossed: the shares of the rows that were touched."""
    a_fit = SEEDS_A_FIT.get(algorithm, SEEDS_A_FIT.get(estimator, 1))
    led = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        values = np.sin(np.arange(240) * 2 * np.pi / 25)[:, None] + 0.3 * rng.standard_normal((240, 10))
        column = int(rng.integers(10))
        values[160:166, column] += 3.0
        if seed % a_fit == 0:
            spec = catalog.check({"algorithm": algorithm, "estimator": estimator, "random_state": seed})
            pipeline = build(spec, 8).fit(values)
        shares = pipeline.column_shares(values, np.arange(160, 166))
        assert shares.sum(axis=1) == pytest.approx(1.0)
        led += shares.mean(axis=0).argmax() == column
    assert led >= 95, led


@pytest.mark.parametrize(("algorithm", "estimator"), PIPELINES)
@pytest.mark.parametrize("columns", [2, 15])
@pytest.mark.parametrize("train_rows", [None, 700])
def test_some_rows_have_the_shares_that_they_have_among_all(algorithm, estimator, columns, train_rows):
    values = series(1_000, columns=columns)
    spec = catalog.check({"algorithm_type": algorithm, "anomaly_estimator": estimator})
    pipeline = build(spec, 24)
    pipeline.fit_score(values, train_rows)
    every = pipeline.column_shares(values)
    for rows in ([0], [5, 6], [0, 30, 500, 501, 702, 999], [980], [999]):
        np.testing.assert_allclose(pipeline.column_shares(values, np.array(rows)), every[rows], atol=1e-8)


@pytest.mark.parametrize("pipeline", [PredAD(lookback=24), WindowAD(lookback=200)], ids=repr)
@pytest.mark.parametrize("rows", [30, 210, 900])
def test_smoothed_and_long_windows_have_the_same_shares_too(pipeline, rows):
    values = series(rows, columns=3)
    every = pipeline.fit(values).column_shares(values)
    for some in ([0], [3, rows // 2], [rows - 1]):
        np.testing.assert_allclose(pipeline.column_shares(values, np.array(some)), every[some], atol=1e-8)


@pytest.mark.parametrize("estimator", catalog.estimators_of("WindowAD"))
def test_unflagged_rows_cost_no_contributions(estimator, monkeypatch):
    kind, seen, fractions = DETECTORS[estimator], [], []
    parts = kind.parts

    def counted(self, windows, *others):
        seen.append(len(windows))
        return parts(self, windows, *others)

    monkeypatch.setattr(kind, "parts", counted)
    looked_at = []
    for rows in (8_000, 32_000):
        seen.clear()
        values = series(rows, columns=2)
        values[6_000:6_012, 1] += 9.0
        found = detect(
            pd.DataFrame(values, columns=["a", "b"]),
            None,
            lambda fraction, stage: fractions.append(fraction) if stage == "contributions" else None,
            algorithm_type="WindowAD",
            anomaly_estimator=estimator,
            lookback_window=12,
        )
        run = next(run for run in found.anomalies if run.start_row <= 6_005 <= run.end_row)
        assert run.contributions["b"] > 0.7
        looked_at.append(sum(seen))
    assert 0 < max(looked_at) < 3_500  # 200 rows and a short run, 12 windows each
    assert max(fractions) == 1.0


def test_a_lone_column_asks_for_no_parts(monkeypatch):
    monkeypatch.setattr(WindowAD, "_parts", None)
    values = series(900)
    values[600:606] += 9.0
    found = detect(pd.DataFrame(values, columns=["a"]), algorithm_type="WindowAD")
    assert found.anomalies
    assert all(run.contributions == {"a": 1.0} for run in found.anomalies)
