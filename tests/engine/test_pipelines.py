"""The contract of every pipeline, and that each finds what it is for."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from oddline import pipelines
from oddline.catalog import ALGORITHMS, LABELINGS, check, estimators_of
from oddline.contribution import contributions
from oddline.errors import ParameterError
from oddline.operators import windows
from oddline.pipelines import DeepAD, PredAD, WindowAD, build

PIPELINES = [
    *(WindowAD(estimator=name) for name in estimators_of("WindowAD")),
    PredAD(),
    DeepAD(),
    PredAD(smoothing=1),
]
DATA = Path(__file__).parents[1] / "data"
COLUMNS = {"sample.csv": (1,), "sample_extreme.csv": (1, 2, 3, 4)}
ORDER = "rows are in time order: a window is not a row"
each = pytest.mark.parametrize("pipeline", PIPELINES, ids=repr)


@parametrize_with_checks(
    PIPELINES[:-1],
    expected_failed_checks=lambda _: {
        "check_methods_sample_order_invariance": ORDER,
        "check_methods_subset_invariance": ORDER,
    },
)
def test_scikit_learn_contract(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        check(estimator)


def series(rows=900, columns=1, seed=0):
    rng = np.random.default_rng(seed)
    t = np.arange(rows)[:, None]
    values = np.sin(t * 2 * np.pi / 50 + np.arange(columns)) + rng.normal(size=(rows, columns)) / 20
    values[600:606, 0] += 2.0
    return values


@each
def test_the_planted_burst_scores_highest(pipeline):
    scores = clone(pipeline).fit_score(series())
    assert abs(int(scores.argmax()) - 603) <= 12


@each
@pytest.mark.parametrize("columns", [1, 3, 20])
def test_scores_are_finite_not_negative_and_one_a_row(pipeline, columns):
    fitted = clone(pipeline)
    scores = fitted.fit_score(series(300, columns)[:, :columns])
    assert scores.shape == (300,)
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()


@each
@pytest.mark.parametrize("rows", [1, 2, 3, 8, 30])
@pytest.mark.parametrize("lookback", ["auto", 50])
@pytest.mark.parametrize("constant", [True, False])
def test_tiny_and_constant_series_have_scores(pipeline, rows, lookback, constant):
    values = np.ones((rows, 2)) if constant else series(rows, 2)
    fitted = clone(pipeline).set_params(lookback=lookback)
    scores = fitted.fit_score(values)
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()
    assert np.isfinite(fitted.anomaly_score(values[:1])).all()
    if lookback == 50:
        assert "shortened" in fitted.reasons_[0]


@each
def test_a_constant_series_is_nowhere_odder_than_elsewhere(pipeline):
    assert np.ptp(clone(pipeline).fit_score(np.full((200, 1), 5.0))) < 1e-9


@each
def test_fitting_and_scoring_in_one_equals_two_steps(pipeline):
    values = series()
    fitted = clone(pipeline)
    at_once = fitted.fit_score(values)
    assert_array_equal(at_once, fitted.anomaly_score(values))
    assert_array_equal(at_once, -clone(pipeline).fit(values).score_samples(values))


@each
def test_a_normal_stretch_can_be_learnt_alone(pipeline):
    values = series()
    fitted = clone(pipeline)
    scores = fitted.fit_score(values, train_rows=500)
    assert_array_equal(scores, clone(pipeline).fit(values[:500]).anomaly_score(values))
    assert abs(int(scores.argmax()) - 603) <= 12
    assert (fitted.predict(values)[595:612] == -1).any()


@each
def test_the_line_is_where_the_decision_is_zero(pipeline):
    values = series()
    fitted = clone(pipeline).set_params(contamination=0.05).fit(values)
    decision = fitted.decision_function(values)
    assert_array_equal(decision < 0, fitted.predict(values) == -1)
    assert 0.02 < (decision < 0).mean() < 0.08


@each
def test_the_same_seed_gives_the_same_scores_whatever_the_threads_and_blocks(pipeline, monkeypatch):
    values = series(1_500)
    first = clone(pipeline).fit_score(values)
    with threadpool_limits(1):
        assert_array_equal(first, clone(pipeline).fit_score(values))
    monkeypatch.setattr(windows, "_BLOCK_CELLS", 2**16)
    assert_allclose(first, clone(pipeline).fit_score(values), rtol=1e-9)


@each
@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_units_do_not_matter(pipeline, scale):
    plain = clone(pipeline).fit_score(series())
    moved = clone(pipeline).fit_score(series() * scale + 3 * scale)
    assert_allclose(moved / moved.max(), plain / plain.max(), atol=0.02)


@each
def test_the_column_that_was_hit_leads(pipeline):
    values = series(600, 10)
    values[:, 0] = np.roll(values[:, 0], 5)
    values[400:406, 4] += 3.0
    fitted = clone(pipeline)
    scores = fitted.fit_score(values)
    parts = fitted.column_scores(values)
    assert_allclose(parts.sum(axis=1), scores, rtol=1e-9)
    assert parts[403].argmax() == 4


@pytest.mark.parametrize("estimator", estimators_of("WindowAD"))
def test_many_columns_are_reduced_and_shared_back(estimator):
    values = series(900, 30)
    values[400:406, 17] += 4.0
    fitted = WindowAD(estimator=estimator).fit(values)
    parts = fitted.column_scores(values)
    assert parts.shape == (900, 30)
    assert_allclose(parts.sum(axis=1), fitted.anomaly_score(values), rtol=1e-9)
    (shares,) = contributions(parts, [(400, 405)])
    assert shares.argmax() == 17


@each
def test_what_ran_is_told(pipeline):
    fitted = clone(pipeline).set_params(lookback=16).fit(series())
    assert fitted.lookback_ == 16
    assert " " not in fitted.model_summary_
    assert "lookback_win=" in fitted.model_summary_
    assert "feature_columns=[1]" in fitted.model_summary_
    assert fitted.reasons_
    if isinstance(pipeline, WindowAD):
        assert (fitted.num_pipelines_explored_, fitted.warm_up_) == (1, 15)
    else:
        assert 65 < fitted.num_pipelines_explored_ < 140
        assert fitted.warm_up_ == 16


def test_a_summary_reads_like_the_steps():
    fitted = PredAD(lookback=8).fit(series())
    assert fitted.model_summary_.startswith("[('")
    assert fitted.model_summary_.count("lookback_win=") == 1
    assert DeepAD(lookback=8).fit(series()).model_summary_.count("lookback_win=") == 5


def test_very_long_look_backs():
    values = series(2_400)
    for pipeline in (*PIPELINES, PredAD(lookback=700)):
        fitted = clone(pipeline).set_params(lookback=700)
        assert np.isfinite(fitted.fit_score(values)).all()
    assert PredAD(lookback=700).fit(values).warm_up_ == 512


def test_point_scores_rise_on_the_row_itself():
    values = np.random.default_rng(0).normal(size=(800, 1))
    values[500] += 15
    scores = PredAD(smoothing=1).fit_score(values)
    assert scores.argmax() == 500
    assert scores[500] > 10 * np.sort(scores)[-2]
    assert scores[500] == pytest.approx(225, rel=0.3)


def test_a_trend_is_judged_by_its_steps():
    values = np.arange(1_000.0)[:, None] + np.random.default_rng(0).normal(size=(1_000, 1)) / 4
    values[700:710] += np.array([[9.0], [-9.0]] * 5)
    fitted = WindowAD()
    assert abs(int(fitted.fit_score(values).argmax()) - 705) <= 12
    assert "DataStationarizer" in fitted.model_summary_
    assert "unit root" in fitted.reasons_[1]


@pytest.mark.parametrize(
    ("pipeline", "word"),
    [
        (WindowAD(estimator="IsolationForst"), "IsolationForest"),
        (WindowAD(lookback=0), "lookback"),
        (WindowAD(lookback="long"), "lookback"),
        (PredAD(contamination=0.9), "contamination"),
        (PredAD(smoothing=0), "smoothing"),
        (WindowAD(n_neighbors=0), "n_neighbors"),
    ],
)
def test_wrong_parameters_are_named(pipeline, word):
    with pytest.raises(ParameterError, match=word):
        pipeline.fit(series(100))
    with pytest.raises(ParameterError, match="train_rows"):
        PredAD().fit_score(series(100), train_rows=0)


def test_progress_rises_and_can_stop_the_work():
    seen = []
    DeepAD().fit_score(series(), progress=lambda fraction, stage: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0

    def stop(fraction, stage):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        WindowAD().fit_score(series(), progress=stop)


@pytest.mark.parametrize(
    ("algorithm", "estimator"), [(a.name, e.name) for a in ALGORITHMS for e in a.estimators]
)
def test_every_entry_of_the_catalogue_is_built(algorithm, estimator):
    spec = check({"algorithm_type": algorithm, "anomaly_estimator": estimator, "random_state": 5})
    pipeline = build(spec, 20)
    assert type(pipeline).__name__ == ("AutoAD" if algorithm == "auto" else algorithm)
    assert (pipeline.lookback, pipeline.random_state) == (20, 5)


def test_the_table_of_pipelines_has_the_names_of_the_catalogue():
    assert set(pipelines.PIPELINES) == {(a.name, e) for a in ALGORITHMS for e in estimators_of(a.name)}


@pytest.mark.parametrize("method", [m.name for m in LABELINGS])
def test_what_is_built_does_not_depend_on_the_label_method(method):
    spec = check({"algorithm_type": "DeepAD", "labeling_method": method})
    assert repr(build(spec, "auto")) == repr(DeepAD())


def test_importing_the_pipelines_loads_no_ensemble_and_no_torch():
    code = (
        "import sys, oddline.pipelines;print([m for m in ('sklearn.ensemble', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def sample(name):
    table = np.genfromtxt(DATA / name, delimiter=",", skip_header=1, usecols=COLUMNS[name])
    return table.reshape(len(table), -1)


def test_sample_peaks_where_the_published_answer_peaks():
    fitted = DeepAD(smoothing=1)
    error = fitted.fit_score(sample("sample.csv"))
    before = np.array([error[max(0, t - 10) : t].mean() for t in range(1, len(error))])
    ratio = error[1:] / before
    start = fitted.warm_up_ + 10
    assert abs(start + 1 + int(ratio[start:].argmax()) - 624) <= 3


@pytest.mark.parametrize("pipeline", [*PIPELINES[:-3], PredAD(smoothing=1), DeepAD(smoothing=1)], ids=repr)
def test_four_targets_peak_where_the_published_answer_peaks(pipeline):
    scores = clone(pipeline).fit_score(sample("sample_extreme.csv"))
    assert abs(int(scores.argmax()) - 470) <= 3
