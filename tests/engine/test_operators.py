"""The fast kernels against slow, obvious ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from oddline.operators.lags import NestedRidge, lag_gram
from oddline.operators.neighbors import References, compress, pick_references
from oddline.operators.scaling import clip_tails, fit_scale
from oddline.operators.stationarity import dickey_fuller, difference, wandering
from oddline.operators.transforms import fit_yeo_johnson
from oddline.operators.windows import (
    blocks,
    coarsen,
    flatten,
    moving_mean,
    pad_head,
    spread,
    take,
    window_sums,
)

rng = np.random.default_rng(8)


@pytest.fixture(autouse=True)
def same_numbers_whatever_ran_before():
    global rng
    rng = np.random.default_rng(8)


def naive_spread(scores, window):
    rows = len(scores) + window - 1
    return np.array(
        [np.mean([scores[w] for w in range(len(scores)) if w <= row < w + window]) for row in range(rows)]
    )


@pytest.mark.parametrize(("count", "window"), [(1, 1), (1, 5), (4, 9), (50, 7), (30, 1)])
def test_a_row_scores_the_mean_of_the_windows_that_cover_it(count, window):
    scores = rng.random(count)
    assert_allclose(spread(scores, window), naive_spread(scores, window), rtol=1e-12)


def test_spreading_keeps_columns_apart_and_zero_at_zero():
    scores = rng.random((20, 3))
    both = spread(scores, 4)
    for column in range(3):
        assert_allclose(both[:, column], naive_spread(scores[:, column], 4))
    spiked = np.zeros(500)
    spiked[3] = 1e17
    assert spread(spiked, 5).min() == 0.0


positive = st.floats(0, 1e6, allow_nan=False, width=64)


@given(arrays(float, st.integers(1, 60), elements=positive), st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_window_sums_equal_plain_sums(x, window):
    window = min(window, len(x))
    plain = [x[i : i + window].sum() for i in range(len(x) - window + 1)]
    np.testing.assert_allclose(window_sums(x, window), plain, rtol=1e-12, atol=0)


def test_window_sums_keep_small_values_beside_a_huge_one():
    x = np.full(100, 1e-8)
    x[50] = 1e12
    assert window_sums(x, 10)[-1] == pytest.approx(1e-7, rel=1e-12)


def test_window_sums_keep_columns_apart():
    values = rng.random((50, 3))
    for column in range(3):
        assert_array_equal(window_sums(values, 7)[:, column], window_sums(values[:, column], 7))


def test_one_huge_value_leaves_the_means_around_it_alone():
    values = rng.random((2_000, 1))
    values[100] = 1e18
    smooth = spread(moving_mean(values, 64), 64)
    quiet = values[300:]
    assert_allclose(smooth[400:-64], spread(moving_mean(quiet, 64), 64)[100:-64], rtol=1e-12)


def test_windows_are_views_with_columns_apart():
    values = rng.random((40, 3))
    view = flatten(*coarsen(values, 6), 6)
    assert np.shares_memory(view, values)
    assert_array_equal(take(view, slice(4, 5))[0], values[4:10].T.ravel())
    assert len(view) == 35


@pytest.mark.parametrize("window", [128, 129, 300, 511])
def test_long_windows_are_averages_that_end_at_the_newest_row(window):
    values = rng.random((700, 2))
    view = flatten(*coarsen(values, window), window)
    step = -(-window // 128)
    assert len(view) == 700 - window + 1
    assert view.shape[2] <= 128
    for start in (0, 100, len(view) - 1):
        assert_allclose(view[start, :, -1], values[start + window - step : start + window].mean(axis=0))


def test_blocks_and_padding():
    pieces = list(blocks(10_000, 1_000))
    assert [p.start for p in pieces[1:]] == [p.stop for p in pieces[:-1]]
    assert pieces[-1].stop == 10_000
    assert_array_equal(pad_head(np.array([[3.0], [4.0]]), 4).ravel(), [3, 3, 3, 4])


@pytest.mark.parametrize(("rows", "order"), [(6, 5), (30, 4), (200, 33), (20, 0)])
def test_lagged_products_equal_the_normal_equations(rows, order):
    series = rng.normal(size=rows)
    lagged = np.column_stack([series[order - k : rows - k] for k in range(order + 1)])
    assert_allclose(lag_gram(series, order), lagged.T @ lagged, rtol=1e-9, atol=1e-9)


def test_one_factor_solves_every_order():
    features = rng.normal(size=(300, 12))
    target = features @ rng.normal(size=12)
    gram, products = features.T @ features, features.T @ target
    ridge = NestedRidge(gram, 0.1)
    lift = 0.1 * np.trace(gram) / 12
    for order in (1, 5, 12):
        naive = np.linalg.solve(gram[:order, :order] + lift * np.eye(order), products[:order])
        assert_allclose(ridge.weights(ridge.project(products), order), naive)


def test_a_singular_matrix_still_has_a_solution():
    flat = NestedRidge(np.ones((4, 4)), 0.0)
    assert np.isfinite(flat.weights(flat.project(np.ones(4)), 4)).all()


def test_a_random_walk_and_a_trend_keep_the_unit_root_noise_and_seasons_do_not():
    noise = rng.normal(size=2_000)
    columns = np.column_stack(
        [noise.cumsum(), np.arange(2_000) + noise, noise, np.sin(np.arange(2_000) / 9) + noise / 5]
    )
    assert wandering(columns).tolist() == [True, True, False, False]
    assert not dickey_fuller(np.ones(50)).unit_root
    assert_array_equal(difference(np.array([[1.0], [4.0]])).ravel(), [0, 3])


def test_dickey_fuller_without_lags_is_the_textbook_regression():
    series = rng.normal(size=200).cumsum()
    design = np.column_stack([series[:-1], np.ones(199)])
    weights, left, *_ = np.linalg.lstsq(design, np.diff(series), rcond=None)
    error = np.sqrt(left[0] / 197 * np.linalg.inv(design.T @ design)[0, 0])
    assert_allclose(dickey_fuller(series, 0).statistic, weights[0] / error)


def test_scaling():
    assert fit_scale(np.array([[1e9, 5.0], [1e9, 7.0]])).width.tolist() == [1.0, 1.0]
    wild = np.r_[rng.normal(size=500), 1e6]
    assert clip_tails(wild)[-1] < 20
    assert_array_equal(clip_tails(wild)[:500], wild[:500])


@pytest.mark.parametrize("shift", [0.0, 4.0])
def test_yeo_johnson_comes_back(shift):
    skewed = rng.exponential(size=400) ** 2 - shift
    power = fit_yeo_johnson(skewed, float(np.median(skewed)), 1.0)
    assert power.power < 0.7
    assert_allclose(power.undo(power.apply(skewed)), skewed, atol=1e-9)
    assert np.isfinite(power.undo(np.array([-1e6, 1e6]))).all()


def naive_neighbors(points, references, positions, neighbors, zone):
    out = []
    for here, point in enumerate(points):
        away = [
            np.linalg.norm(point - reference)
            for position, reference in zip(positions, references, strict=True)
            if abs(position - here) >= zone
        ]
        out.append(np.mean(sorted(away)[:neighbors]) if away else 0.0)
    return out


@pytest.mark.parametrize("zone", [0, 1, 10, 95, 200])
def test_neighbors_are_the_nearest_outside_the_zone(zone):
    points = rng.normal(size=(100, 5))
    positions = pick_references(100, 40, np.random.default_rng(0))
    references = References(points[positions], positions)
    expected = np.array(naive_neighbors(points, points[positions], positions, 5, zone))
    assert_allclose(references.distances(points, 5, np.arange(100), zone), expected, atol=1e-6)
    apart = np.r_[2:9, 30:50, 77, 99]
    assert_allclose(references.distances(points[apart], 5, apart, zone), expected[apart], atol=1e-6)


def test_displacement_points_from_the_mean_neighbour():
    references = References(np.array([[0.0, 0.0], [2.0, 0.0], [50.0, 0.0]]), np.arange(3))
    assert_allclose(references.displacement(np.array([[1.0, 3.0]]), 2), [[0.0, 3.0]])


def test_references_lie_one_in_each_stretch():
    positions = pick_references(1_000, 100, np.random.default_rng(1))
    assert_array_equal(positions // 10, np.arange(100))
    assert_array_equal(pick_references(7, 100, rng), np.arange(7))


@pytest.mark.parametrize("shape", [(300, 8), (20, 60)])
def test_compression_keeps_distances_when_nothing_is_left_out(shape):
    sample = rng.normal(size=shape)
    small = compress(sample, 60).apply(sample)
    assert_allclose(np.linalg.norm(small[0] - small[1]), np.linalg.norm(sample[0] - sample[1]), rtol=1e-8)
    assert_allclose(small.mean(axis=0), 0, atol=1e-9)


def test_compression_of_equal_windows_is_zero():
    assert_array_equal(compress(np.ones((5, 3)), 2).apply(np.ones((5, 3))), np.zeros((5, 1)))
