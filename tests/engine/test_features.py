"""Feature selection: what is dropped, what never is, and what a pipeline makes of it."""

from __future__ import annotations

import doctest
from time import process_time

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import oddline
from oddline.catalog import ALGORITHMS, PARAMETERS, check
from oddline.errors import ParameterError
from oddline.operators import features
from oddline.operators.features import METHODS, FeatureSelector
from oddline.pipelines import RelationshipAD, WindowAD, build
from oddline.pipelines.selected import Selected

PAIRS = [(a.name, e.name) for a in ALGORITHMS for e in a.estimators if a.lane == "cpu"]


@parametrize_with_checks([FeatureSelector()])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def test_the_examples_hold():
    assert doctest.testmod(features).failed == 0


def table(rows=400, seed=0):
    """Five columns with a meaning of their own, then a copy, a sum, a constant."""
    rng = np.random.default_rng(seed)
    own = rng.normal(size=(rows, 5))
    copy = own[:, 1] * 3 + 0.01 * rng.normal(size=rows)
    total = own[:, 2] + own[:, 3] + 0.01 * rng.normal(size=rows)
    return np.column_stack([own, copy, total, np.full(rows, 4.0)])


@pytest.mark.parametrize(
    ("method", "dropped"),
    [("variance", [7]), ("inflation", [5, 6, 7]), ("correlation", [5, 7]), ("vote", [5, 7])],
)
def test_what_is_dropped(method, dropped):
    selector = FeatureSelector(method=method).fit(table())
    assert np.flatnonzero(~selector.get_support()).tolist() == dropped
    kept = np.delete(table(), dropped, axis=1)
    assert_array_equal(selector.transform(table()), kept)
    assert selector.get_support(indices=True).tolist() == [c for c in range(8) if c not in dropped]


@pytest.mark.parametrize(("votes", "kept"), [(1, 5), (2, 6), (3, 7)])
def test_the_vote_needs_so_many_tags(votes, kept):
    assert FeatureSelector(votes=votes).fit(table()).get_support().sum() == kept


def test_the_first_tags_are_the_inflation_factors_of_plain_regressions():
    values = table()[:, :7]
    for limit in (1.5, 1e3):
        selector = FeatureSelector(method="inflation", most_inflation=limit).fit(values)
        kept = selector.get_support(indices=True)
        for column in range(7):
            others = np.column_stack([values[:, [c for c in kept if c != column]], np.ones(400)])
            residual = values[:, column] - others @ np.linalg.lstsq(others, values[:, column])[0]
            inflation = values[:, column].var() / residual.var()
            assert (inflation > limit) == (column not in kept)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["constant", "copies", "one"])
@pytest.mark.parametrize("least", [1, 2])
def test_never_every_column(method, kind, least):
    rng = np.random.default_rng(0)
    values = {
        "constant": np.full((30, 4), 2.0),
        "copies": np.repeat(rng.normal(size=(30, 1)), 4, axis=1),
        "one": np.column_stack([np.ones((30, 3)), rng.normal(size=30)]),
    }[kind]
    selector = FeatureSelector(method=method, least_columns=least).fit(values)
    assert selector.get_support().sum() >= least
    if kind == "one":
        assert selector.get_support()[3]


def test_units_do_not_matter():
    scale = 10.0 ** np.arange(-4, 4)
    plain = FeatureSelector(method="inflation").fit(table())
    assert_array_equal(plain.get_support(), FeatureSelector(method="inflation").fit(table() * scale).support_)


def test_names_and_reasons():
    names = list("abcdefgh")
    selector = FeatureSelector().fit(table())
    assert selector.get_feature_names_out(names).tolist() == ["a", "b", "c", "d", "e", "g"]
    text = selector.explain(names)
    assert text.startswith("feature selection by vote keeps 6 of 8 columns, not 'f' (inflation, correlation)")
    assert text.endswith("'h' (constant)")
    assert "and 15 more" in FeatureSelector().fit(np.ones((9, 21))).explain([str(c) for c in range(21)])


def test_it_stands_in_a_pipeline():
    steps = make_pipeline(FeatureSelector(), StandardScaler(), RelationshipAD(lookback=8))
    assert steps.fit(table()).score_samples(table()).shape == (400,)


def test_many_columns_take_seconds():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(50, 10_000))
    values[:, 1] = values[:, 0]
    started = process_time()
    selector = FeatureSelector(method="correlation").fit(values)
    assert process_time() - started < 20
    assert selector.get_support().any()


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("method", "vot"),
        ("votes", 4),
        ("least_variance", -1),
        ("most_inflation", 0.5),
        ("most_correlation", 2),
        ("least_columns", 0),
    ],
)
def test_wrong_parameters_are_named(parameter, value):
    with pytest.raises(ParameterError, match=parameter):
        FeatureSelector(**{parameter: value}).fit(table())


# In a detection


@pytest.mark.parametrize(("algorithm", "estimator"), PAIRS)
def test_every_pipeline_judges_the_columns_kept(algorithm, estimator):
    values = table()
    spec = check(
        {"algorithm_type": algorithm, "anomaly_estimator": estimator, "feature_selection": "correlation"}
    )
    fitted = build(spec, 12, [f"c{c}" for c in range(8)])
    scores = fitted.fit_score(values)
    kept = [0, 1, 2, 3, 4, 6]
    plain = build(check({"algorithm_type": algorithm, "anomaly_estimator": estimator}), 12)
    assert_allclose(scores, plain.fit_score(values[:, kept]), rtol=1e-9)
    assert_array_equal(scores, fitted.anomaly_score(values))
    shares = fitted.column_shares(values)
    assert (shares[:, [5, 7]] == 0).all()
    assert_allclose(shares.sum(axis=1), 1.0)
    for name in ("lookback_", "warm_up_", "context_", "delay_", "smooths_", "blind_", "floor_"):
        assert getattr(fitted, name) == getattr(plain, name)
    if "columns=[" in plain.model_summary_:
        assert "[1,2,3,4,5,7]" in fitted.model_summary_
    assert "'c5' (inflation, correlation), 'c7' (constant)" in " ".join(fitted.reasons_)


def test_a_detection_names_what_was_dropped_and_gives_it_no_share(tmp_path):
    values = table()
    values[200:210, 2] += 9.0
    found = oddline.detect(values, anomaly_estimator="NearestNeighbor", feature_selection="vote")
    assert any("keeps 6 of 8 columns, not 'value_5'" in reason for reason in found.reasons)
    run = max(found.anomalies, key=lambda run: run.severity)
    assert run.contributions["value_5"] == run.contributions["value_7"] == 0
    assert max(run.contributions, key=run.contributions.get) == "value_2"
    model = oddline.fit(values, algorithm_type="PredAD", feature_selection="vote")
    model.save(tmp_path / "model")
    assert_array_equal(oddline.load(tmp_path / "model").score(values).score, model.score(values).score)


def test_one_column_is_judged_as_it_is():
    spec = check({"feature_selection": "vote", "algorithm_type": "WindowAD"})
    assert repr(build(spec, 9, ["load"])) == "WindowAD(lookback=9)"


def test_only_one_column_is_kept_of_copies():
    values = np.repeat(np.random.default_rng(0).normal(size=(200, 1)), 3, axis=1)
    fitted = Selected(pipeline=WindowAD(), lookback=8).fit(values)
    assert_array_equal(fitted.column_shares(values)[:3], np.tile([1.0, 0.0, 0.0], (3, 1)))
    related = build(check({"algorithm_type": "RelationshipAD", "feature_selection": "vote"}), 8)
    assert "kept=2/3" in related.fit(values).model_summary_


def test_the_pipeline_inside_is_causal_and_seeded_as_asked():
    values = np.random.default_rng(0).normal(size=(200, 3))
    fitted = Selected(pipeline=WindowAD(), lookback=16, causal=True).fit(values)
    assert fitted.delay_ == 0
    later = values.copy()
    later[150:] += 9.0
    assert_array_equal(fitted.anomaly_score(later)[:150], fitted.anomaly_score(values)[:150])
    inside = Selected(pipeline=WindowAD(estimator="IsolationForest"), lookback=16, random_state=7).fit(values)
    assert "random_state=7" in inside.model_summary_


def test_the_choices_of_the_catalogue_are_those_of_the_selector():
    parameter = PARAMETERS["feature_selection"]
    assert set(parameter.choices) == {"none", *METHODS}
    assert parameter.default == "none"
