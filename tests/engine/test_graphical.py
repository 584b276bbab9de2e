"""Precision matrices: the same as by slower ways, sparse, and positive definite whatever comes."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.covariance import graphical_lasso

from oddline.operators import covariance as covariances
from oddline.operators import graphical
from oddline.operators.covariance import alike, fit_covariance_distance, shrunk_covariance
from oddline.operators.graphical import (
    constrained_precision,
    partial_correlations,
    sparse_precision,
    variable_scores,
)


def shrunk(columns=12, rows=300, seed=0, shrinkage=0.2):
    rng = np.random.default_rng(seed)
    away = rng.normal(size=(rows, 3)) @ rng.normal(size=(3, columns)) + rng.normal(size=(rows, columns))
    away = (away - away.mean(axis=0)) / away.std(axis=0)
    return shrunk_covariance(away, shrinkage)


@pytest.mark.parametrize("module", [graphical, covariances])
def test_the_examples_hold(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("penalty", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("columns", [2, 12, 30])
def test_the_graphical_lasso_agrees_with_coordinate_descent(penalty, columns):
    matrix = shrunk(columns)
    _, expected = graphical_lasso(matrix, penalty, tol=1e-7, enet_tol=1e-8, max_iter=500)
    found = sparse_precision(matrix, penalty)
    assert_allclose(found, expected, atol=2e-3)
    assert ((found == 0) == (np.abs(expected) < 1e-9)).mean() > 0.97


def test_without_penalty_it_is_the_inverse_and_with_much_it_is_diagonal():
    matrix = shrunk()
    assert_allclose(sparse_precision(matrix, 0.0), np.linalg.inv(matrix), atol=1e-3)
    lone = sparse_precision(matrix, 5.0)
    assert_allclose(lone, np.diag(1 / np.diagonal(matrix)), atol=1e-4)


def test_covariance_selection_keeps_the_pattern_and_fits_what_is_left():
    matrix = shrunk()
    support = np.random.default_rng(0).random(matrix.shape) < 0.3
    support |= support.T
    found = constrained_precision(matrix, support)
    assert (found[~support & ~np.eye(12, dtype=bool)] == 0).all()
    assert_allclose(np.linalg.inv(found)[support], matrix[support], atol=1e-3)


@pytest.mark.parametrize("shrinkage", [1e-6, 0.5])
@pytest.mark.parametrize("kind", ["copies", "zero", "few rows"])
def test_every_matrix_is_positive_definite(kind, shrinkage):
    rng = np.random.default_rng(0)
    away = {
        "copies": np.repeat(rng.normal(size=(100, 1)), 8, axis=1),
        "zero": np.zeros((100, 8)),
        "few rows": rng.normal(size=(3, 40)),
    }[kind]
    matrix = shrunk_covariance(away, shrinkage)
    for found in (
        sparse_precision(matrix, 0.05),
        constrained_precision(matrix, np.abs(partial_correlations(np.linalg.inv(matrix))) > 0.05),
    ):
        assert np.linalg.eigvalsh(found).min() > 0
        assert_allclose(found, found.T)


def test_variable_scores_are_the_conditional_likelihoods():
    matrix = shrunk(4)
    away = np.random.default_rng(1).normal(size=(5, 4))
    found = variable_scores(away, np.linalg.inv(matrix))
    wider = variable_scores(away, np.linalg.inv(matrix), noise=0.5)
    for column in range(4):
        rest = [c for c in range(4) if c != column]
        slopes = np.linalg.solve(matrix[np.ix_(rest, rest)], matrix[rest, column])
        variance = matrix[column, column] - matrix[rest, column] @ slopes
        squares = (away[:, column] - away[:, rest] @ slopes) ** 2
        assert_allclose(found[:, column], squares / (2 * variance))
        assert_allclose(wider[:, column], squares / (2 * (variance + 0.5)))


def test_the_distance_of_covariances_is_the_plain_one():
    rng = np.random.default_rng(0)
    away = rng.normal(size=(200, 5)) @ rng.normal(size=(5, 5))
    away = (away - away.mean(axis=0)) / away.std(axis=0)
    distance = fit_covariance_distance(away)
    values, axes = np.linalg.eigh(shrunk_covariance(away))
    root = axes / np.sqrt(values) @ axes.T
    for first in (0, 77, 180):
        window = away[first : first + 20]
        change = root @ (np.cov(window.T, bias=True) - away.T @ away / 200) @ root
        shift = root @ window.mean(axis=0)
        expected = np.linalg.norm(change) + np.linalg.norm(shift)
        assert_allclose(distance.distances(window, 20), [expected])
        parts = (change**2).sum(axis=1) / np.linalg.norm(change) + shift**2 / np.linalg.norm(shift)
        assert_allclose(distance.shares(window, 20)[0], parts)
        assert_allclose(parts.sum(), expected)


def test_groups_hold_every_column_once():
    away = np.random.default_rng(0).normal(size=(50, 130))
    groups = alike(away, 64)
    assert [len(group) for group in groups] == [44, 44, 42]
    assert sorted(np.concatenate(groups)) == list(range(130))
