"""Transformers: the contract of scikit-learn, and each against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import signal, stats
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from oddline.errors import ParameterError
from oddline.operators.flattening import Flatten, NormalizedFlatten
from oddline.operators.stationarizers import Detrend, DifferenceIfUnitRoot, SeasonalDifference
from oddline.operators.transformers import PowerTransform, Scaling

ORDER = "rows are in time order: they do not stand alone"


@parametrize_with_checks(
    [
        Scaling(),
        Scaling(robust=True),
        PowerTransform(),
        Detrend(),
        DifferenceIfUnitRoot(),
        SeasonalDifference(),
        Flatten(),
        NormalizedFlatten(),
    ],
    expected_failed_checks=lambda one: (
        {}
        if isinstance(one, Scaling | PowerTransform)
        else {
            "check_methods_sample_order_invariance": ORDER,
            "check_methods_subset_invariance": ORDER,
        }
    ),
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def series(rows=400, seed=0):
    rng = np.random.default_rng(seed)
    t = np.arange(rows)
    return np.column_stack(
        [np.sin(t * 2 * np.pi / 24) + rng.normal(size=rows) / 10, rng.normal(size=rows).cumsum(), 5 + t / 7]
    )


def test_only_columns_that_wander_become_steps():
    values = series()
    single = DifferenceIfUnitRoot().fit(values)
    assert single.differenced_.tolist() == [False, True, True]
    out = single.transform(values)
    assert_array_equal(out[:, 0], values[:, 0])
    assert_array_equal(out[1:, 1:], np.diff(values[:, 1:], axis=0))
    assert_array_equal(out[0, 1:], 0)
    assert DifferenceIfUnitRoot(together=True).fit(values).differenced_.all()
    assert not DifferenceIfUnitRoot(together=True).fit(values[:, :2]).differenced_.any()


def test_detrending_takes_the_least_squares_line_away():
    values = series()
    assert_allclose(Detrend().fit_transform(values), signal.detrend(values, axis=0), atol=1e-9)
    assert_allclose(
        Detrend().fit(values).transform(values[:50]), signal.detrend(values, axis=0)[:50], atol=1e-9
    )


@pytest.mark.parametrize("period", [1, 24, 399, 1_000])
def test_a_seasonal_step_is_from_one_period_before(period):
    values = series()
    out = SeasonalDifference(period=period).fit_transform(values)
    for row in range(0, 400, 7):
        before = values[row - period] if row >= period else values[row]
        assert_array_equal(out[row], values[row] - before)


def test_scaling_and_powers_come_back():
    values = np.exp(series() / 8)
    for one in (Scaling(), Scaling(robust=True), PowerTransform()):
        assert_allclose(one.inverse_transform(one.fit_transform(values)), values, rtol=1e-6)
    assert_allclose(Scaling().fit_transform(values), stats.zscore(values), rtol=1e-9)
    wild = values.copy()
    wild[7] = 1e9
    calm = Scaling(robust=True).fit(wild)
    median = np.median(wild, axis=0)
    assert_allclose(calm.scale_.center, median)
    assert_allclose(calm.scale_.width, 1.4826 * np.median(np.abs(wild - median), axis=0))
    skew = stats.skew(PowerTransform().fit_transform(values**3), axis=0)
    assert (np.abs(skew) < np.abs(stats.skew(values**3, axis=0))).all()


@pytest.mark.parametrize("lookback", [1, 5, 128, 300])
def test_a_row_becomes_the_window_that_ends_at_it(lookback):
    values = series()
    out = Flatten(lookback=lookback).fit_transform(values)
    assert len(out) == 400
    step = -(-lookback // 128)
    points = lookback // step
    for row in (0, 3, 399):
        rows = np.maximum(np.arange(row - points * step + 1, row + 1), 0)
        window = values[rows].reshape(points, step, 3).mean(axis=1)
        assert_allclose(out[row].reshape(3, points), window.T, rtol=1e-9)


def test_a_normalised_window_is_its_shape():
    values = series()
    values[100:140, 0] = 3.3
    out = NormalizedFlatten(lookback=10).fit_transform(values).reshape(400, 3, 10)
    assert_array_equal(out[120, 0], np.zeros(10))
    assert_allclose(out[200], stats.zscore(values[191:201].T, axis=1), rtol=1e-9)
    moved = NormalizedFlatten(lookback=10).fit_transform(values * 40 - 7).reshape(400, 3, 10)
    assert_allclose(moved, out, atol=1e-7)


def test_a_pipeline_of_steps_windows_and_a_forest_finds_an_odd_shape():
    rng = np.random.default_rng(3)
    values = np.sin(np.arange(900) / 5)[:, None] + np.linspace(0, 20, 900)[:, None]
    values += rng.normal(size=values.shape) / 50
    values[500:510] += 1.5 * rng.normal(size=(10, 1))
    chain = make_pipeline(DifferenceIfUnitRoot(), Flatten(lookback=12), IsolationForest(random_state=0))
    scores = -clone(chain).fit(values).score_samples(values)
    assert scores.shape == (900,)
    assert 500 <= scores.argmax() <= 521


@pytest.mark.parametrize(
    ("transformer", "word"),
    [
        (SeasonalDifference(period=0), "period"),
        (Flatten(lookback=2.5), "lookback"),
        (Flatten(lookback=0), "lookback"),
    ],
)
def test_wrong_parameters_are_named(transformer, word):
    with pytest.raises(ParameterError, match=word):
        transformer.fit(series())
