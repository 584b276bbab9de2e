"""PredAD and DeepAD: what a score looks at, what it counts, and what is told."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from oddline import fit
from oddline.operators.smoothing import cover_mean
from oddline.persist import _pack, load
from oddline.pipelines import DeepAD, PredAD
from oddline.stream import Stream

MODES = [
    pytest.param(kind, {"smoothing": smoothing, "causal": causal}, id=f"{kind.__name__}-{smoothing}-{causal}")
    for kind in (PredAD, DeepAD)
    for smoothing in ("auto", 20, 1)
    for causal in (False, True)
]


def series(rows=700, columns=1):
    rng = np.random.default_rng(4)
    t = np.arange(rows)[:, None]
    return np.sin(t * 2 * np.pi / 40 + np.arange(columns)) + rng.normal(size=(rows, columns)) / 20


@pytest.mark.parametrize(("kind", "mode"), MODES)
def test_a_score_depends_on_context_and_delay_and_on_no_other_row(kind, mode):
    values = series(columns=2)
    fitted = kind(lookback=16, **mode).fit(values[:500])
    scores = fitted.anomaly_score(values)
    moved = values.copy()
    moved[300] += 5.0
    touched = np.flatnonzero(~np.isclose(fitted.anomaly_score(moved), scores, rtol=1e-9))
    assert touched.min() == 300 - fitted.delay_
    assert touched.max() <= 300 + fitted.context_
    assert fitted.delay_ == (0 if mode["causal"] else {"auto": 49, 20: 19, 1: 0}[mode["smoothing"]])


@pytest.mark.parametrize(("kind", "mode"), MODES)
@pytest.mark.parametrize("size", [1, 37, 400])
def test_blocks_score_as_one_call_does(kind, mode, size):
    values = series(columns=2)
    fitted = kind(lookback=16, **mode).fit(values[:400])
    stream = Stream(fitted)
    found = [stream.push(values[400:][start : start + size]) for start in range(0, 300, size)][
        : 300 // size + 1
    ]
    found.append(stream.finish())
    assert_allclose(np.concatenate(found), fitted.anomaly_score(values[400:]), rtol=1e-9)


def test_the_width_is_that_of_what_was_learnt():
    values = series(2_000)
    fitted = PredAD(lookback=16).fit(values)
    assert fitted.delay_ == 63
    assert_allclose(fitted.anomaly_score(values[:200])[:100], fitted.anomaly_score(values)[:100], rtol=1e-9)


def test_smoothed_scores_are_the_cover_mean_of_single_errors_or_larger():
    values = series()
    point = cover_mean(PredAD(smoothing=1).fit_score(values), 20)[100:]
    smooth = PredAD(smoothing=20).fit_score(values)[100:]
    assert (smooth >= point * (1 - 1e-9)).all()
    assert np.isclose(smooth, point, rtol=1e-9).mean() > 0.3


def test_a_long_event_counts_as_long_as_it_lasts():
    """The next row of a flat line is easy; 48 rows ahead nobody would have thought of it."""
    values = series(3_000)
    values[2_000:2_040] = values[2_000]
    scores = PredAD(lookback=48).fit_score(values)
    inside = scores[2_005:2_035]
    assert inside.min() > 3 * np.quantile(np.delete(scores, np.arange(1_900, 2_140)), 0.99)


def test_rows_without_a_look_back_get_the_usual_error():
    values = series()
    values[0] += 9.0
    scores = PredAD(lookback=16, smoothing=1).fit_score(values)
    head = scores[:1]
    assert head[0] <= np.median(scores) * 4


@pytest.mark.parametrize("kind", [PredAD, DeepAD])
def test_flags_that_hardly_change_count_little(kind):
    values = series(2_000, 6)
    for column in range(1, 6):
        values[:, column] = 0.0
        values[200 * column + 150 :: 900, column] = 1.0
    values[1_700:1_706, 0] += 1.0
    assert abs(int(kind(lookback=24).fit_score(values).argmax()) - 1_703) < 40


def test_members_of_deepad_differ_and_the_first_is_that_of_predad():
    values = series()
    values[:, 0] = np.exp(2 * values[:, 0])
    one, five = PredAD(lookback=16).fit(values), DeepAD(lookback=16).fit(values)
    assert five.model_summary_.startswith(f"[{one.model_summary_}")
    assert five.num_pipelines_explored_ == one.num_pipelines_explored_ + 1
    assert len(set(five.model_summary_.split("],["))) == 5


@pytest.mark.parametrize("kind", [PredAD, DeepAD])
def test_a_series_that_no_line_forecasts_gets_trees(kind):
    bend = np.full((1_500, 1), 0.3)
    for t in range(1, len(bend)):
        bend[t] = 3.7 * bend[t - 1] * (1 - bend[t - 1])  # the logistic map
    assert "ExtraTrees" in kind(lookback=4).fit(bend).model_summary_


@pytest.mark.parametrize("algorithm", ["PredAD", "DeepAD"])
def test_trees_and_nets_are_kept_in_files(algorithm):
    bend = np.full(600, 0.3)
    for t in range(1, len(bend)):
        bend[t] = 3.7 * bend[t - 1] * (1 - bend[t - 1])
    noise = np.random.default_rng(0).normal(size=600)
    for values in (bend, np.sin(np.arange(600) / 9) ** 3 + noise / 100):
        model = fit(values, algorithm_type=algorithm, lookback_window=8)
        kept = load(_pack(model)).pipeline
        assert kept.model_summary_ == model.pipeline.model_summary_
        assert_array_equal(
            kept.anomaly_score(values[:400, None]), model.pipeline.anomaly_score(values[:400, None])
        )


@pytest.mark.parametrize("kind", [PredAD, DeepAD])
@pytest.mark.parametrize(
    "values",
    [
        np.r_[np.zeros(199), 1.0],
        np.r_[np.zeros(100), np.ones(100)],
        np.full(200, 1e99),
        np.arange(200.0) * 1e99 / 200,
        np.arange(200.0) * 5e-324,
        np.arange(200.0) * 1e-200,
        2.0**53 + np.arange(200.0),
        np.tile([1.0, 2.0], 100),
    ],
    ids=["last", "step", "huge", "huge slope", "denormal", "tiny slope", "beyond 2^53", "two values"],
)
def test_odd_input_has_finite_scores(kind, values):
    for smoothing in ("auto", 1):
        scores = kind(smoothing=smoothing).fit_score(values[:, None])
        assert np.isfinite(scores).all()
        assert (scores >= 0).all()


def test_many_columns_and_few_rows():
    scores = PredAD().fit_score(np.random.default_rng(0).normal(size=(50, 1_000)))
    assert np.isfinite(scores).all()


def test_trailing_means():
    scores = np.random.default_rng(0).normal(size=(30, 2)) ** 2
    expected = [scores[max(0, t - 4) : t + 1].mean(axis=0) for t in range(30)]
    assert_allclose(cover_mean(scores, 5, causal=True), expected)
    assert_array_equal(cover_mean(scores, 1), scores)
