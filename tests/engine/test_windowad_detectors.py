"""The detectors of WindowAD, alone on windows, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.covariance import MinCovDet

from oddline.operators.mcd import fit_mcd
from oddline.operators.neighbors import compress
from oddline.operators.windows import flatten, take
from oddline.pipelines.detectors import DETECTORS, Contrast, Ensemble, Robust


def logdet(points, axes):
    return np.linalg.slogdet(np.cov(points.T, bias=True).reshape(axes, axes))[1]


@pytest.mark.parametrize(("rows", "axes"), [(120, 2), (400, 10), (900, 30)])
def test_the_bulk_is_found_beside_a_fifth_of_outliers(rows, axes):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(rows, axes))
    odd = rows // 5
    points[:odd] += 6.0
    bulk = fit_mcd(points, np.random.default_rng(1))
    good = points[odd:]
    plain = np.cov(good.T)
    assert np.linalg.norm(bulk.center) < 0.1 * np.linalg.norm(points.mean(axis=0))
    away = good - bulk.center
    assert_allclose(
        np.median(bulk.squares(good)),
        np.median(np.einsum("ij,jk,ik->i", away, np.linalg.inv(plain), away)),
        rtol=0.15,
    )
    assert bulk.squares(points[:odd]).min() > bulk.squares(good).max()


def test_distances_are_those_of_scikit_learn_where_both_find_the_bulk():
    rng = np.random.default_rng(2)
    points = rng.multivariate_normal([1, -1, 0], [[2, 1, 0], [1, 3, 1], [0, 1, 1]], size=500)
    points[:40] += 12.0
    ours = fit_mcd(points, np.random.default_rng(0)).squares(points)
    theirs = MinCovDet(random_state=0).fit(points).mahalanobis(points)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.999
    assert_allclose(np.median(ours), np.median(theirs), rtol=0.1)


def test_the_half_found_is_as_narrow_as_that_of_scikit_learn():
    rng = np.random.default_rng(3)
    points = rng.standard_t(3, size=(300, 4))
    ours = fit_mcd(points, np.random.default_rng(0)).squares(points)
    theirs = MinCovDet(random_state=0).fit(points).mahalanobis(points)
    half = (300 + 4 + 1) // 2
    volume = [logdet(points[np.argsort(squares)[:half]], 4) for squares in (ours, theirs)]
    assert volume[0] <= volume[1] + 0.1


def test_shrinkage_blends_the_scatter_of_all_in():
    rng = np.random.default_rng(4)
    points = rng.normal(size=(400, 3))
    points[:80] *= 8

    def scatter(shrinkage):
        whitener = fit_mcd(points, np.random.default_rng(0), 0.75, shrinkage).whitener
        return np.linalg.inv(whitener @ whitener.T)

    every = np.cov(points.T, bias=True)
    assert_allclose(scatter(0.3), 0.7 * scatter(0.0) + 0.3 * every, rtol=1e-5, atol=1e-6)
    assert np.trace(scatter(0.0)) < 0.5 * np.trace(every)


def test_a_flat_direction_has_a_finite_distance():
    points = np.random.default_rng(5).normal(size=(60, 3))
    points[:, 2] = 0.0
    squares = fit_mcd(points, np.random.default_rng(0)).squares(points)
    assert np.isfinite(squares).all()
    assert (squares >= 0).all()


def test_whitened_axes_have_unit_deviation_and_orthonormal_directions():
    sample = np.random.default_rng(6).normal(size=(500, 8)) * np.geomspace(1, 100, 8)
    small = compress(sample, 5, whiten=True)
    assert_allclose(small.apply(sample).std(axis=0), 1.0)
    assert_allclose(small.axes.T @ small.axes, np.eye(5), atol=1e-9)
    narrow = compress(sample * [1e-6, 1, 1, 1, 1, 1, 1, 1], 8, whiten=True)
    assert narrow.width.min() >= 1e-3 * narrow.width.max()


def windows(rows=900, window=24, columns=1):
    rng = np.random.default_rng(7)
    t = np.arange(rows)[:, None]
    values = np.sin(t * 2 * np.pi / 40 + np.arange(columns)) + rng.normal(size=(rows, columns)) / 20
    values[500:506, 0] += 2.0
    return flatten(values, 1, window)


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_alone_judges_windows(name):
    view = windows(columns=2)
    detector = DETECTORS[name](24, 0, neighbors=5)
    detector.fit(view)
    places = np.arange(len(view))
    scores = detector.scores(take(view, places), places)
    assert scores.shape == (len(view),)
    assert (scores >= 0).all()
    assert 477 <= scores.argmax() <= 505
    some = places[300:600:7]
    assert_allclose(detector.scores(take(view, some), some), scores[some], rtol=1e-9)
    parts = detector.parts(take(view, places[480:500]), 2, places[480:500])
    assert parts.shape == (20, 2)
    assert (parts >= 0).all()
    assert parts[:, 0].sum() > 5 * parts[:, 1].sum()
    assert str(detector).startswith(name)


def plain(state):
    if isinstance(state, np.ndarray):
        return state.dtype != object
    if isinstance(state, list | tuple):
        return all(map(plain, state))
    if isinstance(state, dict):
        return all(map(plain, state.values()))
    if type(state).__module__.startswith("oddline."):
        return plain(vars(state))
    return state is None or isinstance(state, bool | int | float | str | np.generic)


@pytest.mark.parametrize("name", DETECTORS)
def test_what_a_detector_has_learnt_is_arrays_and_numbers(name):
    detector = DETECTORS[name](24, 0, neighbors=5)
    detector.fit(windows())
    assert plain(detector)


def test_learnt_windows_are_judged_by_trees_that_did_not_see_them():
    view = windows(1_600)
    detector = Contrast(24, 0)
    detector.fit(view)
    stretch = len(view) / 8
    even, odd = detector._halves
    for place in (10, int(stretch) + 10, int(5 * stretch) + 10):
        window = take(view, np.array([place]))
        points = detector._axes.apply(window).astype(np.float32)
        strangers = odd if int(place // stretch) % 2 == 0 else even
        assert_array_equal(detector.scores(window, np.array([place])), strangers.mean(points))
        assert_allclose(detector.scores(window, None), (even.mean(points) + odd.mean(points)) / 2)


def test_few_windows_are_looked_at_along_few_axes():
    detector = Robust(24, 0)
    detector.fit(windows(60))
    assert len(detector._bulk.center) == 37 // 5
    assert np.isfinite(detector.scores(take(windows(60), slice(None)), None)).all()


def test_the_ensemble_is_the_mean_z_score_but_for_a_constant():
    view = windows()
    ensemble = Ensemble(24, 0, neighbors=5)
    ensemble.fit(view)
    places = np.arange(len(view))
    flat = take(view, places)
    z = []
    for name, kind in DETECTORS.items():
        if name == "AnomalyEnsembler":
            continue
        member = kind(24, 0, neighbors=5)
        member.fit(view)
        scores = member.scores(flat, places)
        z.append((scores - scores.mean()) / scores.std())
    shift = ensemble.scores(flat, places) - np.mean(z, axis=0)
    assert_allclose(shift, shift[0], rtol=1e-6)
