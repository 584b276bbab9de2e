"""What auto sees in several columns, and which column it names."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from oddline.contribution import contributions_at
from oddline.operators.spectra import fit_spectra, information
from oddline.operators.windows import flatten
from oddline.pipelines.auto import AutoAD
from oddline.pipelines.auto_columns import column_views, column_weights, unexplained
from oddline.pipelines.views import View

Floats = NDArray[np.float64]


def machine(seed: int, rows: int = 300, columns: int = 10) -> Floats:
    """Waves of several periods and sizes in noise, one for each column."""
    rng = np.random.default_rng(seed)
    time = np.arange(rows)[:, None]
    waves = np.sin(2 * np.pi * time / rng.integers(12, 50, columns) + rng.uniform(0, 6, columns))
    return np.asarray(waves * rng.uniform(0.5, 3, columns) + rng.normal(0, 0.3, (rows, columns)))


def related(seed: int, rows: int = 1_000, columns: int = 6) -> Floats:
    """Three wandering causes, mixed into all columns."""
    rng = np.random.default_rng(seed)
    causes = np.zeros((rows, 3))
    for row in range(1, rows):
        causes[row] = 0.9 * causes[row - 1] + rng.normal(size=3)
    return np.asarray(causes @ rng.normal(size=(3, columns)) + 0.05 * rng.normal(size=(rows, columns)))


def test_planted_column_leads() -> None:
    led = 0
    for seed in range(100):
        rng = np.random.default_rng(1_000 + seed)
        values = machine(seed)
        column, first = int(rng.integers(10)), int(rng.integers(60, 220))
        run = np.arange(first, first + 20)
        width = values[:, column].std()
        values[run, column] += 4 * width if seed % 2 else rng.normal(0, 2 * width, len(run))
        model = AutoAD(lookback=20).fit(values)
        (shares,) = contributions_at(
            lambda rows, model=model, values=values: model.column_shares(values, rows), [run], len(values)
        )
        assert shares.sum() == pytest.approx(1.0)
        led += int(shares.argmax()) == column
    assert led >= 95


def test_finds_a_column_that_leaves_the_others() -> None:
    for seed in range(3):
        values = related(seed)
        # Its own course of another time: each column by itself is as ever.
        values[500:540, 2] = values[100:140, 2]
        model = AutoAD(lookback=20)
        scores = model.fit_score(values)
        assert 470 <= scores.argmax() < 570
        assert model.column_shares(values, np.arange(505, 535)).mean(axis=0).argmax() == 2


def test_rare_switches_do_not_drown_a_measurement() -> None:
    rng = np.random.default_rng(3)
    switches = np.zeros((1_500, 20))
    for column in range(20):
        start = int(rng.integers(100, 1_400))
        switches[start : start + 3, column] = 1.0
    wave = np.sin(np.arange(1_500) / 6) + 0.1 * rng.normal(size=1_500)
    wave[700:720] = 0.3
    model = AutoAD(lookback=20)
    scores = model.fit_score(np.column_stack([switches, wave]))
    assert 660 <= scores.argmax() < 760


def test_switches_alone_are_still_judged() -> None:
    switches = (np.arange(600)[:, None] // np.array([20, 30])) % 2.0
    switches[300:320, 0] = [0, 1] * 10
    scores = AutoAD(lookback=20).fit_score(switches)
    assert 270 <= scores.argmax() < 350


def test_information_does_not_grow_with_rows_nor_with_units() -> None:
    rng = np.random.default_rng(0)
    long = rng.normal(size=(40_000, 1))
    assert information(long)[0] == pytest.approx(information(long[:2_000])[0], abs=0.1)
    assert_allclose(information(long), information(1e-9 * long), atol=0.01)


def test_weights_without_information_are_alike() -> None:
    assert column_weights(np.ones((30, 3))).tolist() == [1.0, 1.0, 1.0]


def test_energies_are_mahalanobis_distances() -> None:
    series = np.random.default_rng(1).normal(size=(900, 2)) * [1.0, 5.0]
    view = flatten(series, 1, 4)
    spectra = fit_spectra(view, 4, np.random.default_rng(0))
    windows = np.ascontiguousarray(view[:50]).reshape(50, -1)
    got = spectra.energies(windows)
    for column in range(2):
        every = np.asarray(view[:, column])
        away = view[:50, column] - every.mean(axis=0)
        inverse = np.linalg.inv(np.cov(every.T, bias=True))
        assert_allclose(got[:, column], np.sqrt(np.einsum("ij,jk,ik->i", away, inverse, away) / 4))


def test_unexplained_is_the_residual_of_a_regression() -> None:
    values = related(0)
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    mix = unexplained(values)
    assert mix is not None
    others = values[:, 1:]
    weights = np.linalg.solve(
        others.T @ others / len(values) + 0.01 * np.eye(5), others.T @ values[:, 0] / len(values)
    )
    assert_allclose((values @ mix)[:, 0], values[:, 0] - others @ weights, atol=1e-9)
    assert unexplained(values[:, :1]) is None
    assert unexplained(values[:40]) is None


@pytest.mark.parametrize("causal", [False, True], ids=["covering", "causal"])
def test_parts_of_a_view_sum_to_its_scores(causal: bool) -> None:
    series = machine(5)
    rows = np.array([0, 7, 8, 200, 299])
    for view in column_views(series, causal, 0):
        view.fit(series)
        parts = view.parts(series, len(series), rows)
        assert (parts >= 0).all()
        assert_allclose(parts.sum(axis=1), view.scores(series, len(series))[rows], rtol=1e-9)


def test_the_shares_of_a_few_rows_look_at_few_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    values = machine(5, rows=3_000)
    model = AutoAD().fit(values)
    looked: list[int] = []
    for kind in {type(view.detector) for view in model._views}:

        def counted(self, windows, places, before=kind.scores):  # type: ignore[no-untyped-def]
            looked.append(len(windows))
            return before(self, windows, places)

        monkeypatch.setattr(kind, "scores", counted)
    rows = np.array([700, 701, 2_000])
    few = model.column_shares(values, rows)
    assert sum(looked) < 2 * sum(2 * view.window for view in model._views)
    assert_allclose(few, model.column_shares(values)[rows], rtol=1e-9)


def test_the_summary_tells_the_views_apart() -> None:
    model = AutoAD().fit(related(1))
    steps = [f"('View',{view})," for view in model._views]
    assert len(set(steps)) == len(steps) == 4
    for step in steps:
        assert step in model.model_summary_
    assert "Unexplained(ColumnEnergy(window=32))" in " ".join(model.reasons_)


@pytest.mark.parametrize("causal", [False, True], ids=["covering", "causal"])
def test_rows_depend_on_their_reach_only(causal: bool) -> None:
    series, later = machine(6), machine(7)
    for view in column_views(series, causal, 0):
        view.fit(series)
        whole = view.scores(later, 0)
        after = 0 if causal else view.reach
        piece = view.scores(later[150 - view.reach : 160 + after], 0)
        assert_allclose(piece[view.reach : view.reach + 10], whole[150:160], rtol=1e-9)


def test_a_view_scatters_the_columns_it_sees() -> None:
    series = np.column_stack([np.ones(200), machine(8, 200, 2)])
    views = column_views(series, False, 0)
    assert all(isinstance(view, View) for view in views)
    for view in views:
        view.fit(series)
        assert (view.parts(series, 200, np.arange(50, 60))[:, 0] == 0).all()


@pytest.mark.parametrize("shape", [(1, 2), (2, 3), (5, 2), (50, 2_000)], ids=str)
def test_any_shape(shape: tuple[int, int]) -> None:
    values = np.random.default_rng(0).normal(size=shape)
    model = AutoAD()
    scores = model.fit_score(values)
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()
    assert_allclose(model.anomaly_score(values), scores)
    assert np.isfinite(model.column_shares(values)).all()
