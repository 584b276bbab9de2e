"""auto on one column: views at several scales, joined by a soft maximum."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from oddline.pipelines.auto import AutoAD
from oddline.pipelines.auto_series import series_views
from oddline.pipelines.detectors import WindowNeighbors
from oddline.pipelines.views import View

Floats = NDArray[np.float64]


def wave(rows: int, seed: int = 0) -> Floats:
    rng = np.random.default_rng(seed)
    course = np.sin(np.arange(rows) * 2 * np.pi / 40) + 0.1 * rng.normal(size=rows)
    return course[:, None]


def spike(x: Floats) -> slice:
    x[1500] += 1.5
    return slice(1500, 1501)


def level(x: Floats) -> slice:
    x[1400:1600] += 0.7
    return slice(1400, 1600)


def missing_beats(x: Floats) -> slice:
    x[1480:1560] *= 0.1
    return slice(1480, 1560)


def faster(x: Floats) -> slice:
    x[1480:1560, 0] = np.sin(np.arange(80) * 2 * np.pi / 25)
    return slice(1480, 1560)


@pytest.mark.parametrize("plant", [spike, level, missing_beats, faster])
def test_events_of_every_length_stand_out(plant) -> None:  # type: ignore[no-untyped-def]
    x = wave(3000)
    event = plant(x)
    scores = AutoAD().fit_score(x)
    away = np.ones(len(x), dtype=bool)
    away[max(0, event.start - 230) : event.stop + 230] = False
    assert event.start - 20 <= scores.argmax() < event.stop + 20
    assert scores[event].max() > 1.2 * scores[away].max()


def test_an_event_is_none_the_less_one_because_it_recurs() -> None:
    x = wave(8000)
    starts = np.arange(100, 8000, 800)
    near = np.zeros(len(x), dtype=bool)
    for start in starts:
        x[start : start + 30] *= -1
        near[max(0, start - 100) : start + 130] = True
    scores = AutoAD().fit_score(x)
    found = np.array([scores[start : start + 30].max() for start in starts])
    assert (found > np.quantile(scores[~near], 0.99)).all()


def test_new_rows_score_the_same_in_one_call_and_in_blocks() -> None:
    model = AutoAD().fit(wave(1500))
    new = wave(1500, seed=1)
    new[700:710] += 2
    whole = model.anomaly_score(new)
    context = model.context_ + model.delay_
    block = model.anomaly_score(new[600 - context : 900 + context])[context : context + 300]
    np.testing.assert_allclose(block, whole[600:900], rtol=1e-6, atol=1e-6)


def test_scores_of_what_was_learnt_are_found_again() -> None:
    x = wave(900)
    model = AutoAD()
    first = model.fit_score(x)
    np.testing.assert_array_equal(model.anomaly_score(x), first)
    longer = np.concatenate([x, wave(300, seed=2)])
    head = len(x) - model.context_
    np.testing.assert_allclose(model.anomaly_score(longer)[:head], first[:head], rtol=1e-9)


def test_learning_judges_its_rows_once_and_scoring_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x = wave(400)
    calls: list[View] = []
    before = View.scores

    def counted(self, *given):  # type: ignore[no-untyped-def]
        calls.append(self)
        return before(self, *given)

    monkeypatch.setattr(View, "scores", counted)
    model = AutoAD()
    scores = model.fit_score(x)
    assert len(calls) == 4
    state = dict(vars(model))
    np.testing.assert_array_equal(model.anomaly_score(x), scores)
    assert vars(model).items() == state.items()


def test_a_causal_score_knows_no_later_row() -> None:
    x = wave(1200)
    changed = x.copy()
    changed[1000:] += 3
    model = AutoAD(causal=True).fit(x[:800])
    assert model.delay_ == 0
    before, after = model.anomaly_score(x), model.anomaly_score(changed)
    np.testing.assert_allclose(after[:1000], before[:1000], rtol=1e-9)
    assert after[1000:1010].max() > 2 * before.max()


def test_an_event_needs_one_view_only() -> None:
    """The soft maximum of views is that of the loudest, plus at most log(views)/sharpness."""
    x = wave(3000)
    spike(x)
    model = AutoAD()
    scores = model.fit_score(x)
    each = model._each(x, len(x), lambda fraction, stage: None)
    loudest = model._loudness(each).max(axis=0) / 2
    assert (scores >= np.maximum(loudest, 0)).all()
    assert (scores <= np.maximum(loudest, 0) + np.log(5) / 2 + 1e-12).all()


def test_the_reasons_name_the_views_and_what_they_found() -> None:
    x = wave(3000)
    level(x)
    model = AutoAD().fit(x)
    assert model.num_pipelines_explored_ == 1
    said = " ".join(model.reasons_)
    assert "Smooth(WindowNeighbors(window=16" in said
    assert "whatever the look-back" in said
    for view in model._views:
        assert f"{view} " in said
        assert f"('View',{view})," in model.model_summary_
    assert " " not in model.model_summary_


def test_the_look_back_changes_no_score() -> None:
    x = wave(600)
    np.testing.assert_array_equal(AutoAD(lookback=7).fit_score(x), AutoAD(lookback=90).fit_score(x))


@pytest.mark.parametrize("rows", [9, 40, 300])
@pytest.mark.parametrize("causal", [False, True], ids=["covering", "causal"])
def test_views_score_some_rows_as_all(causal: bool, rows: int) -> None:
    x = wave(rows)
    some = np.unique([0, 1, rows // 2, rows // 2 + 3, rows - 1])
    for view in series_views(x, causal, 0):
        view.fit(x)
        np.testing.assert_allclose(view.scores(x, rows, rows=some), view.scores(x, rows)[some], rtol=1e-9)


def test_whitening_hears_small_departures_along_a_quiet_axis() -> None:
    """A smooth swing hides a faint jitter from plain distances; in the axes' own widths it shows."""
    rng = np.random.default_rng(0)
    x = np.sin(np.arange(4000) * 2 * np.pi / 90 + np.cumsum(rng.normal(size=4000)) * 0.02)[:, None]
    x += 0.01 * rng.normal(size=x.shape)
    x[2000:2030, 0] += 0.05 * (-1.0) ** np.arange(30)

    def rank(whitening: float) -> float:
        view = View(WindowNeighbors(96, 0, whitening=whitening), False)
        view.fit(x)
        scores = view.scores(x, len(x))
        return float((scores > scores[2015]).mean())

    assert rank(1.0) < 0.02 < 0.1 < rank(0.0)


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 40])
def test_a_handful_of_rows_has_scores(rows: int) -> None:
    scores = AutoAD().fit_score(wave(rows))
    assert scores.shape == (rows,)
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()


@pytest.mark.parametrize("value", [0.0, 7.0, 1e100, 2.0**60])
def test_a_constant_column_is_nowhere_odd(value: float) -> None:
    scores = AutoAD().fit_score(np.full((500, 1), value))
    assert np.ptp(scores) < 1e-6


@pytest.mark.parametrize("value", [1e100, -1e100, 1e-100, 2.0**60])
def test_one_extreme_value_is_found(value: float) -> None:
    x = np.zeros((500, 1))
    x[300] = value
    scores = AutoAD().fit_score(x)
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()
    assert abs(int(scores.argmax()) - 300) < 48


def test_windows_shrink_to_a_sixth_of_the_rows() -> None:
    windows = [view.window for view in series_views(wave(120), False, 0)]
    assert windows == [16, 20, 20, 20]
