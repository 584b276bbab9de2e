"""Models of rows without an order: what is known of published tables, and what holds for every table."""

from __future__ import annotations

import doctest
import warnings
from importlib import import_module

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.utils.estimator_checks import parametrize_with_checks

from engine.tables import cardio, kinds_of, lympho
from oddline.rows import RowForest, RowScatter, fit_rows

SEEDS = range(20)


@parametrize_with_checks([RowForest(), RowScatter()])
def test_scikit_learn_contract(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        check(estimator)


@pytest.mark.parametrize("name", ["distance", "forest", "model"])
def test_the_examples_run(name):
    assert doctest.testmod(import_module(f"oddline.rows.{name}")).failed == 0


@pytest.fixture(scope="module")
def cardio_models():
    columns, _, _ = cardio()
    return [fit_rows(columns, kinds=kinds_of(columns), random_state=seed) for seed in SEEDS]


def test_a_tenth_of_cardio_is_anomalous_with_the_row_on_the_line(cardio_models):
    scores = cardio_models[0].training_scores
    assert np.sum(scores <= 0) / len(scores) == 0.10049153468050245
    assert np.sum(scores == 0) == 1


def test_a_tenth_of_lympho_is_anomalous():
    columns = lympho()
    scores = fit_rows(columns, kinds=kinds_of(columns)).training_scores
    assert (int(np.sum(scores <= 0)), len(scores)) == (15, 148)


@pytest.mark.parametrize(("key", "known"), [("141", -0.045), ("1780", -0.10)])
def test_known_rows_of_cardio_have_the_scores_that_were_published(cardio_models, key, known):
    columns, keys, _ = cardio()
    row = keys.index(key)
    assert np.mean([made.training_scores[row] for made in cardio_models]) == pytest.approx(known, abs=0.01)
    table = np.column_stack(list(columns.values()))
    theirs = [
        IsolationForest(contamination=0.1, random_state=seed)
        .fit(table)
        .decision_function(table[row : row + 1])
        for seed in SEEDS
    ]
    ours = [made.score({name: values[[row]] for name, values in columns.items()}) for made in cardio_models]
    assert np.mean(ours) == pytest.approx(np.mean(theirs), abs=0.01)


def test_scores_are_those_of_scikit_learn_but_for_chance():
    columns, _, _ = cardio()
    table = np.column_stack(list(columns.values()))
    peer = IsolationForest(n_estimators=500, contamination=0.1, random_state=0)
    ours = RowForest(n_estimators=500).fit(table).decision_function(table)
    theirs = peer.fit(table).decision_function(table)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.99
    assert np.abs(ours - theirs).mean() < 0.01
    assert abs((ours - theirs).mean()) < 0.005
