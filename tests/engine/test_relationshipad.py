"""RelationshipAD: relations between columns, learnt and broken."""

from __future__ import annotations

import json
from time import process_time

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

import oddline
from oddline.catalog import check, estimators_of
from oddline.contribution import contributions
from oddline.errors import ParameterError
from oddline.operators import relations
from oddline.operators.windows import moving_mean
from oddline.pipelines import RelationshipAD, build, relationshipad
from oddline.stream import Stream

ESTIMATORS = estimators_of("RelationshipAD")
each = pytest.mark.parametrize("estimator", ESTIMATORS)
ORDER = "rows are in time order: a window is not a row"


@parametrize_with_checks(
    [RelationshipAD(), RelationshipAD(estimator="GMM_L1")],
    expected_failed_checks=lambda _: {
        "check_methods_sample_order_invariance": ORDER,
        "check_methods_subset_invariance": ORDER,
        "check_fit2d_1feature": "one column has no relation",
    },
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def related(rows=600, columns=6, seed=0):
    """Columns that follow two hidden ones, which change within some rows."""
    rng = np.random.default_rng(seed)
    hidden = moving_mean(rng.normal(size=(rows + 4, 2)), 5) * np.sqrt(5)
    return hidden @ rng.normal(size=(2, columns)) + 0.3 * rng.normal(size=(rows, columns))


def broken(rows=600, columns=6, seed=0, column=2, at=slice(400, 420)):
    """One column parts from the others, inside its own range."""
    values = related(rows, columns, seed)
    values[at, column] = np.random.default_rng(seed + 1).permutation(values[:, column])[at]
    return values


@each
def test_a_column_that_parts_from_the_others_scores_highest(estimator):
    values = related()
    values[400:420, 2] += 3.0 * values[:, 2].std()
    scores = RelationshipAD(estimator=estimator, lookback=20).fit_score(values)
    assert 395 <= scores.argmax() <= 425


@pytest.mark.parametrize("estimator", ["GMM_L0", "GMM_L1", "MachineTranslation"])
def test_a_broken_relation_is_seen_where_no_column_leaves_its_range(estimator):
    scores = RelationshipAD(estimator=estimator, level="record").fit_score(broken())
    assert scores[400:420].mean() > 2 * np.delete(scores, slice(400, 420)).mean()


@each
@pytest.mark.parametrize("level", ["window", "record", "column"])
def test_each_column_has_a_part_and_the_parts_are_the_score(estimator, level):
    values = related()
    fitted = RelationshipAD(estimator=estimator, level=level, lookback=12).fit(values)
    parts = fitted.column_scores(values)
    assert (parts >= 0).all()
    assert_allclose(parts.sum(axis=1), fitted.anomaly_score(values), rtol=1e-9)
    some = np.array([0, 3, 250, 251, 590, 599])
    assert_allclose(fitted.column_shares(values, some), fitted.column_shares(values)[some], rtol=1e-7)


@each
def test_the_column_that_was_hit_leads_in_nearly_every_seed(estimator):
    leads = 0
    for seed in range(100):
        values = related(300, 10, seed)
        column = seed % 10
        values[200:210, column] += 4.0 * values[:, column].std()
        fitted = RelationshipAD(estimator=estimator, lookback=10).fit(values)
        (shares,) = contributions(fitted.column_scores(values), [(200, 209)])
        leads += int(shares.argmax() == column)
    assert leads >= 95


@each
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("level", ["window", "record", "column"])
def test_rows_in_blocks_get_the_scores_of_one_call(estimator, causal, level):
    values = related()
    fitted = RelationshipAD(estimator=estimator, lookback=15, causal=causal, level=level).fit(values[:400])
    stream = Stream(fitted, values[:400])
    assert stream.delay == (0 if level == "record" or causal else 14)
    found = [stream.push(block) for block in (values[400:401], values[401:450], values[450:])]
    found.append(stream.finish())
    assert_allclose(np.concatenate(found), fitted.anomaly_score(values)[400:], rtol=1e-7)


@each
def test_causal_scores_are_not_moved_by_later_rows(estimator):
    values = related()
    fitted = RelationshipAD(estimator=estimator, lookback=15, causal=True).fit(values[:400])
    later = values.copy()
    later[500:] += 100.0
    assert_allclose(fitted.anomaly_score(later)[:500], fitted.anomaly_score(values)[:500], rtol=1e-9)
    assert fitted.anomaly_score(later)[500] > fitted.anomaly_score(values)[500]


@each
def test_learning_twice_and_other_blocks_give_the_same_scores(estimator, monkeypatch):
    values = related()
    fitted = RelationshipAD(estimator=estimator, lookback=15)
    first = fitted.fit_score(values)
    assert_array_equal(first, clone(fitted).fit(values).anomaly_score(values))
    monkeypatch.setattr(relationshipad, "_BLOCK_CELLS", 2**12)
    assert_allclose(first, clone(fitted).fit_score(values), rtol=1e-9)


@each
def test_a_stored_model_gives_the_same_scores(estimator, tmp_path):
    values = related()
    model = oddline.fit(values, algorithm_type="RelationshipAD", anomaly_estimator=estimator)
    model.save(tmp_path / "model")
    again = oddline.load(tmp_path / "model")
    assert_array_equal(again.score(values).score, model.score(values).score)


@each
@pytest.mark.parametrize("rows", [1, 2, 3, 10, 40])
@pytest.mark.parametrize("causal", [False, True])
def test_few_rows_have_scores(estimator, rows, causal):
    values = related(600)[:rows]
    fitted = RelationshipAD(estimator=estimator, lookback=50, causal=causal)
    for scores in (fitted.fit_score(values), fitted.anomaly_score(values[:1])):
        assert np.isfinite(scores).all()
        assert (scores >= 0).all()
    assert np.isfinite(fitted.column_shares(values)).all()


def odd_columns(kind):
    values = related(200)
    values[:, 1] = {
        "constant": 7.0,
        "copy": values[:, 0],
        "multiple": -1e6 * values[:, 0],
        "sum": values[:, 2] + values[:, 3],
        "one step": np.arange(200) >= 199,
        "huge": 1e98 * values[:, 1],
        "tiny": 1e-310 * values[:, 1],
        "beyond 2^53": 2.0**60 + np.arange(200),
    }[kind]
    return values


@each
@pytest.mark.parametrize(
    "kind", ["constant", "copy", "multiple", "sum", "one step", "huge", "tiny", "beyond 2^53"]
)
def test_odd_columns_have_scores(estimator, kind):
    values = odd_columns(kind)
    fitted = RelationshipAD(estimator=estimator, lookback=10)
    scores = fitted.fit_score(values)
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()
    assert np.isfinite(fitted.column_shares(values)).all()


@each
def test_nothing_is_odd_where_nothing_changes(estimator):
    assert np.ptp(RelationshipAD(estimator=estimator).fit_score(np.full((200, 3), 5.0))) < 1e-9


@each
def test_units_do_not_matter(estimator):
    values = related()
    plain = RelationshipAD(estimator=estimator, lookback=10).fit_score(values)
    moved = RelationshipAD(estimator=estimator, lookback=10).fit_score(values * 1e6 - 3e7)
    assert_allclose(moved, plain, rtol=1e-5)


@each
def test_a_wide_table_takes_seconds_and_not_its_square(estimator):
    values = related(50, 10_000)
    values[30:34, 5_000] += 20.0
    started = process_time()
    fitted = RelationshipAD(estimator=estimator, lookback=5)
    scores = fitted.fit_score(values)
    shares = fitted.column_shares(values, np.array([31]))
    assert process_time() - started < 20
    assert np.isfinite(scores).all()
    assert np.isfinite(shares).all()
    stored = [a.size for a in arrays(vars(fitted._relation))]
    assert max(stored) < 10_000 * 200


def arrays(state):
    for value in state.values() if isinstance(state, dict) else state:
        if isinstance(value, np.ndarray):
            yield value
        elif isinstance(value, list):
            yield from arrays(value)
        elif hasattr(value, "__dict__"):
            yield from arrays(vars(value))


def test_columns_that_move_together_share_a_group(monkeypatch):
    monkeypatch.setattr(relations, "_GROUP", 4)
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(500, 2))
    values = hidden[:, [0, 1, 0, 1, 0, 1, 0, 1]] + 0.1 * rng.normal(size=(500, 8))
    fitted = RelationshipAD(estimator="GMM_L1").fit(values)
    assert sorted(group.tolist() for group in fitted._relation._groups) == [[0, 2, 4, 6], [1, 3, 5, 7]]
    assert "within 2 groups" in fitted.reasons_[-1]


@each
def test_one_column_is_refused(estimator):
    words = "RelationshipAD needs at least 2 target columns, got 1"
    with pytest.raises(ParameterError, match=words):
        RelationshipAD(estimator=estimator).fit(related(columns=1))
    with pytest.raises(ParameterError, match=words) as told:
        check({"anomaly_estimator": estimator, "target_columns": ["load"]})
    assert list(told.value.problems) == ["target_columns"]
    with pytest.raises(ParameterError, match=words):
        oddline.detect(related(columns=1), anomaly_estimator=estimator)


@pytest.mark.parametrize("parameter", ["estimator", "level"])
def test_wrong_words_are_named(parameter):
    with pytest.raises(ParameterError, match=f"{parameter}='recrd'"):
        RelationshipAD(**{parameter: "recrd"}).fit(related())


def test_other_names_are_understood():
    spec = check({"algorithm_type": "relationad", "anomaly_estimator": "ggm_l0"})
    assert (spec.algorithm_type, spec.anomaly_estimator) == ("RelationshipAD", "GMM_L0")
    assert repr(build(spec, 9)) == "RelationshipAD(estimator='GMM_L0', lookback=9)"


@each
def test_a_window_is_as_odd_as_its_oddest_column(estimator):
    values = related()
    whole = RelationshipAD(estimator=estimator, lookback=12, causal=True).fit(values)
    oddest = RelationshipAD(estimator=estimator, lookback=12, causal=True, level="column").fit(values)
    parts = whole.column_scores(values)
    largest = parts.max(axis=1) * (1 if estimator == "Covariance" else 6)  # the others take a mean
    assert_allclose(oddest.anomaly_score(values), largest, rtol=1e-9)
    spread_out, alone = values.copy(), values.copy()
    spread_out[300:312] *= 3.0
    alone[300:312, 2] += 4.0 * values[:, 2].std()
    gain = [
        fitted.anomaly_score(alone)[311] / fitted.anomaly_score(spread_out)[311] for fitted in (whole, oddest)
    ]
    assert gain[1] > gain[0]  # one column that is far off counts for more than all a little


@each
def test_the_level_is_a_parameter_of_a_detection(estimator):
    values = related()
    asked = {"algorithm": "RelationshipAD", "estimator": estimator, "lookback": 20}
    found = {level: oddline.detect(values, **asked, level=level) for level in ("window", "record", "column")}
    assert_array_equal(found["window"].score, oddline.detect(values, **asked).score)
    assert not any("judged" in reason for reason in found["window"].reasons)
    assert "each row is judged alone, not in windows of 20 rows" in found["record"].reasons
    assert "lookback_win=1)" in found["record"].model_summary
    assert "each window is judged by its oddest column" in found["column"].reasons
    scores = [detection.score for detection in found.values()]
    assert all(not np.allclose(scores[i], scores[i - 1]) for i in range(3))
    with pytest.raises(ParameterError, match="one of window, record, column"):
        check({**asked, "level": "cell"})


def test_other_algorithms_pay_no_heed_to_the_level():
    assert repr(build(check({"algorithm": "WindowAD", "level": "record"}), 9)) == "WindowAD(lookback=9)"


@each
def test_what_ran_is_told(estimator):
    fitted = RelationshipAD(estimator=estimator, lookback=16).fit(related())
    assert (fitted.lookback_, fitted.warm_up_, fitted.context_, fitted.delay_) == (16, 15, 15, 15)
    assert fitted.num_pipelines_explored_ == 1
    assert " " not in fitted.model_summary_
    assert "feature_columns=[1,2,3,4,5,6],lookback_win=16" in fitted.model_summary_
    assert len(fitted.reasons_) == 2
    assert RelationshipAD(estimator=estimator, level="record").fit(related()).delay_ == 0


@each
def test_a_detection_names_the_column(estimator):
    values = related(columns=4)
    values[400:420, 2] += 5.0 * values[:, 2].std()
    found = oddline.detect(values, anomaly_estimator=estimator, lookback_window=20)
    run = max(found.anomalies, key=lambda run: run.severity)
    assert run.start_row <= 410 <= run.end_row
    assert max(run.contributions, key=run.contributions.get) == "value_2"
    assert json.dumps(found.model_summary)
