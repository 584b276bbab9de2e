"""ReconstructAD keeps the contract of every pipeline, with each of its nets."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from oddline.catalog import check, estimators_of
from oddline.contribution import contributions
from oddline.errors import ParameterError
from oddline.operators import autoencoders
from oddline.operators.windows import spread
from oddline.pipelines import ReconstructAD, build

pytest.importorskip("torch")

ORDER = "rows are in time order: a window is not a row"
each = pytest.mark.parametrize("estimator", estimators_of("ReconstructAD"))


@pytest.fixture
def short(monkeypatch):
    """Training that is over soon: for what does not depend on how well a net has learnt."""
    monkeypatch.setattr(autoencoders, "_STEPS", 10)


@parametrize_with_checks(
    [ReconstructAD(lookback=4)],
    expected_failed_checks=lambda _: {
        "check_methods_sample_order_invariance": ORDER,
        "check_methods_subset_invariance": ORDER,
    },
)
@pytest.mark.usefixtures("short")
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
def test_the_planted_burst_scores_highest(estimator):
    fitted = ReconstructAD(estimator=estimator)
    scores = fitted.fit_score(series())
    assert abs(int(scores.argmax()) - 603) <= 12
    assert scores.max() > 4 * np.median(scores)
    assert_array_equal(scores, fitted.anomaly_score(series()))


@each
@pytest.mark.usefixtures("short")
def test_the_same_seed_gives_the_same_scores_whatever_the_blocks(estimator, monkeypatch):
    values = series(1_500)
    fitted = ReconstructAD(estimator=estimator)
    first = fitted.fit_score(values, train_rows=1_000)
    assert_array_equal(first, clone(fitted).fit_score(values, train_rows=1_000))
    assert (first != clone(fitted).set_params(random_state=1).fit_score(values)).any()
    before, after = fitted.context_, fitted.delay_
    block = fitted.anomaly_score(values[700 - before : 1_100 + after])
    assert_allclose(block[before : before + 400], first[700:1_100], rtol=1e-12)


@each
@pytest.mark.usefixtures("short")
def test_a_score_is_the_mean_over_the_windows_that_cover_the_row(estimator):
    values = series(300, 2)
    fitted = ReconstructAD(estimator=estimator, lookback=20).fit(values)
    causal = ReconstructAD(estimator=estimator, lookback=20, causal=True).fit(values)
    assert (causal.context_, causal.delay_) == (19, 0)
    one_each = causal.anomaly_score(values)[19:]
    assert_allclose(fitted.anomaly_score(values), spread(one_each, 20), rtol=1e-12)


@each
@pytest.mark.parametrize("rows", [1, 3, 30])
@pytest.mark.usefixtures("short")
def test_tiny_and_constant_series_have_scores(estimator, rows):
    for values in (np.ones((rows, 2)), series(rows, 2), series(rows, 20)):
        fitted = ReconstructAD(estimator=estimator, lookback=50)
        scores = fitted.fit_score(values)
        assert scores.shape == (rows,)
        assert np.isfinite(scores).all()
        assert (scores >= 0).all()
        assert np.isfinite(fitted.anomaly_score(values[:1] * 1e90)).all()


@each
@pytest.mark.usefixtures("short")
def test_long_windows_are_averaged_and_columns_compressed(estimator):
    scores = ReconstructAD(estimator=estimator, lookback=300).fit_score(series(1_200, 15))
    assert np.isfinite(scores).all()
    assert np.ptp(ReconstructAD(estimator=estimator).fit_score(np.full((300, 1), 5.0))) < 1e-9


@each
def test_the_column_that_was_hit_leads(estimator):
    values = series(300, 4)
    values[200:206, 2] += 3.0
    fitted = ReconstructAD(estimator=estimator).fit(values)
    parts = fitted.column_scores(values)
    assert_allclose(parts.sum(axis=1), fitted.anomaly_score(values), rtol=1e-9)
    (shares,) = contributions(parts, [(200, 205)])
    assert shares.argmax() == 2


@each
@pytest.mark.usefixtures("short")
def test_what_ran_is_told(estimator):
    spec = check({"anomaly_estimator": estimator, "random_state": 5})
    fitted = build(spec, 16).fit(series(200))
    assert (fitted.lookback_, fitted.warm_up_, fitted.num_pipelines_explored_) == (16, 15, 1)
    assert f"('{estimator}',{estimator}(" in fitted.model_summary_
    assert " " not in fitted.model_summary_
    assert any("processor" in reason or "GPU" in reason for reason in fitted.reasons_)


@pytest.mark.usefixtures("short")
def test_progress_rises_and_can_stop_the_work():
    seen = []
    ReconstructAD().fit_score(series(3_000), progress=lambda fraction, stage: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0

    def stop(fraction, stage):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ReconstructAD().fit_score(series(), progress=stop)


def test_an_unknown_net_is_named():
    with pytest.raises(ParameterError, match="Did you mean 'CNN_AutoEncoder'"):
        ReconstructAD(estimator="CNN_AutoEncoders").fit(series(100))
