"""Distances from the bulk of rows: against plain formulas, and in the corners."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.covariance import OAS

from oddline.operators import scatter as scatter_module
from oddline.operators.scatter import fit_scatter, unit_of


def rows_of(rows, columns, seed=0):
    rng = np.random.default_rng(seed)
    turn = np.eye(columns) + rng.normal(size=(columns, columns)) / np.sqrt(columns)
    return rng.normal(size=(rows, columns)) @ turn


def test_the_examples_run():
    assert doctest.testmod(scatter_module).failed == 0


@pytest.mark.parametrize(("rows", "columns"), [(20_000, 3), (20_000, 20), (5_000, 60)])
def test_of_many_normal_rows_it_is_the_plain_distance(rows, columns):
    points = rows_of(rows, columns)
    away = points - points.mean(axis=0)
    plain = np.einsum("ij,jk,ik->i", away, np.linalg.inv(away.T @ away / rows), away)
    found = fit_scatter(points).squares(points)
    assert np.corrcoef(found, plain)[0, 1] > 0.98
    assert np.median(found) == pytest.approx(np.median(plain), rel=0.02)


def test_the_share_of_the_target_is_that_of_oracle_approximating_shrinkage():
    points = rows_of(40, 12)
    away = points - points.mean(axis=0)
    covariance = away.T @ away / 40
    trace, squared = np.trace(covariance), np.sum(covariance**2)
    # Theirs leaves the term 2/p out (so does the paper's own code).
    theirs = OAS(assume_centered=True).fit(away).shrinkage_
    assert scatter_module._chance(trace, squared, 40, 12) == pytest.approx(theirs, rel=0.15)


def test_far_rows_do_not_hide_themselves():
    points = rows_of(1_000, 5)
    points[:60] = 40.0
    distances = fit_scatter(points).squares(points)
    assert distances[:60].min() > 5 * np.percentile(distances[60:], 99)


@pytest.mark.parametrize("rows", [150, 4_000])
def test_beyond_128_columns_it_is_the_distance_by_the_strongest_axes(rows, monkeypatch):
    """Against keeping all axes: the order of the rows is the same where the rest is of one width."""
    rng = np.random.default_rng(1)
    points = rng.normal(size=(rows, 10)) @ rng.normal(size=(10, 200)) + rng.normal(size=(rows, 200)) / 3
    fresh = rng.normal(size=(500, 10)) @ rng.normal(size=(10, 200))
    few = fit_scatter(points)
    assert few.squares(np.full((1, 200), 1e200))[0] >= 1e300  # squares of that overflow, on both sides
    assert few.axes.shape == (200, 128)
    assert_allclose(few.axes.T @ few.axes, np.eye(128), atol=1e-9)
    monkeypatch.setattr(scatter_module, "_AXES", 1_000)
    whole = fit_scatter(points)
    assert whole.axes.shape == (200, 200)
    assert np.corrcoef(few.squares(fresh), whole.squares(fresh))[0, 1] > 0.98


CORNERS = {
    "one row": np.zeros((1, 3)),
    "equal rows": np.full((50, 3), 7.0),
    "one column, one value apart": np.array([[0.0]] * 30 + [[1.0]]),
    "a column twice": np.repeat(rows_of(100, 1), 2, axis=1),
    "more columns than rows": rows_of(5, 200),
    "two rows": np.array([[0.0, 1.0], [1.0, 0.0]]),
    "far apart": np.array([[0.0], [1e30], [-1e30], [1.0]]),
    "very near": 1e-200 * rows_of(50, 3),
}


@pytest.mark.parametrize("points", CORNERS.values(), ids=CORNERS)
def test_distances_are_finite_whatever_was_learnt(points):
    scatter = fit_scatter(points)
    anywhere = np.array([np.zeros(points.shape[1]), np.full(points.shape[1], 1e100), points[0]])
    for distances in (scatter.squares(points), scatter.squares(anywhere)):
        assert np.isfinite(distances).all()
        assert distances.min() >= 0


def test_what_never_moved_is_far_when_it_moves():
    points = np.column_stack([rows_of(500, 2), np.full(500, 3.0)])
    scatter = fit_scatter(points)
    near, far = points[[0]], points[[0]]
    near[0, 2], far[0, 2] = 3.001, 30.0
    assert scatter.squares(far)[0] > 20 * scatter.squares(points).max()
    assert scatter.squares(near)[0] < scatter.squares(points).max()


UNITS = [
    ([1.0, 2.0, 3.0], (2.0, 1.4826)),
    ([5.0, 5.0], (5.0, 5.0)),
    ([0.0], (0.0, 1.0)),
    ([*[0.0] * 9, 1e290], (0.0, 1e290)),
]


@pytest.mark.parametrize(("values", "unit"), UNITS)
def test_a_unit_is_never_nothing(values, unit):
    assert unit_of(np.array(values)) == pytest.approx(unit)
