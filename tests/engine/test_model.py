"""Fit once, score later: whole tables, blocks, and from a file."""

from __future__ import annotations

import doctest
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import oddline
from oddline import catalog, model, stream
from oddline.errors import DataError, ParameterError
from oddline.pipelines import build

PAIRS = [(a.name, e) for a in catalog.ALGORITHMS for e in catalog.estimators_of(a.name)]
every_pair = pytest.mark.parametrize(("algorithm", "estimator"), PAIRS)


def series(rows=700, columns=2, seed=3):
    rng = np.random.default_rng(seed)
    t = np.arange(rows)[:, None]
    values = np.sin(t * 2 * np.pi / 30 + np.arange(columns)) + rng.normal(size=(rows, columns)) / 20
    values[rows - 60 : rows - 54, 0] += 3.0
    return values


def spec_of(algorithm, estimator, **more):
    return catalog.check({"algorithm_type": algorithm, "anomaly_estimator": estimator, **more})


def fitted(algorithm, estimator, values, **more):
    return build(spec_of(algorithm, estimator, **more), 24).fit(values)


def test_the_examples_hold():
    for module in (stream, model):
        assert doctest.testmod(module).failed == 0


@every_pair
def test_a_model_from_a_file_gives_identical_scores(algorithm, estimator, tmp_path):
    values = series()
    made = oddline.fit(values[:500], spec_of(algorithm, estimator))
    made.save(tmp_path / "model.oddline")
    again = oddline.load(tmp_path / "model.oddline")
    before, after = made.score(values[500:]), again.score(values[500:])
    assert_array_equal(before.score, after.score)
    assert_array_equal(before.label, after.label)
    assert before.reasons == after.reasons
    assert before.model_summary == after.model_summary
    assert before.anomalies == after.anomalies
    assert (again.spec, again.columns, repr(again)) == (made.spec, made.columns, repr(made))
    again.save(tmp_path / "second.oddline")
    assert (tmp_path / "second.oddline").read_bytes() == (tmp_path / "model.oddline").read_bytes()


@every_pair
def test_what_was_learnt_from_scores_as_when_it_was_learnt(algorithm, estimator):
    values = series()
    spec = spec_of(algorithm, estimator)
    found, later = oddline.detect(values, spec), oddline.fit(values, spec).score(values)
    assert_array_equal(oddline.fit(values, spec).past, found.scores.raw)
    assert_array_equal(later.scores.raw[len(values) :], found.scores.raw)


@every_pair
def test_a_prefix_and_then_the_rest_finds_the_planted_burst(algorithm, estimator):
    values = series(900)
    made = oddline.fit(values[:600], spec_of(algorithm, estimator))
    found = made.score(values[600:])
    assert len(found) == 300
    if (algorithm, estimator) in {("auto", "Default"), ("WindowAD", "NearestNeighbor")}:
        assert any(run.start_row <= 246 and run.end_row >= 240 for run in found.anomalies)
        assert (found.label[:150] == 1).all()


@every_pair
@pytest.mark.parametrize("causal", [False, True])
def test_blocks_of_any_size_give_the_scores_of_one_call(algorithm, estimator, causal):
    values = series(760)
    pipeline = fitted(algorithm, estimator, values[:400], causal=causal)
    rest = values[400:]
    whole = pipeline.anomaly_score(rest)
    flow = stream.Stream(pipeline)
    assert flow.delay == pipeline.delay_
    assert not causal or flow.delay == 0
    pieces, edges = [], [0, 1, 2, 90, 91, 200, 360]
    for start, stop in pairwise(edges):
        pieces.append(flow.push(rest[start:stop]))
        assert sum(map(len, pieces)) == max(0, stop - flow.delay)
    pieces.append(flow.finish())
    assert_allclose(np.concatenate(pieces), whole, rtol=1e-7, atol=1e-9 * whole.max())


@every_pair
@pytest.mark.parametrize("causal", [False, True])
def test_a_score_depends_on_no_row_beyond_its_reach(algorithm, estimator, causal):
    values = series(760)
    pipeline = fitted(algorithm, estimator, values[:400], causal=causal)
    rest = values[400:].copy()
    whole, row = pipeline.anomaly_score(rest), 200
    changed = rest.copy()
    changed[row + pipeline.delay_ + 1 :] += 7.0
    assert_allclose(pipeline.anomaly_score(changed)[: row + 1], whole[: row + 1], rtol=1e-7, atol=1e-12)
    tail = pipeline.anomaly_score(rest[row - pipeline.context_ :])[pipeline.context_ :]
    assert_allclose(tail, whole[row:], rtol=1e-7, atol=1e-9 * whole.max())


@every_pair
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("rows", [1, 12, 120, 360])
def test_normal_rows_are_not_flagged_however_few(algorithm, estimator, causal, rows):
    rng = np.random.default_rng(11)
    values = np.sin(np.arange(1_260)[:, None] / 5 + np.arange(2)) + rng.normal(size=(1_260, 2)) / 20
    made = oddline.fit(values[:900], spec_of(algorithm, estimator, causal=causal))
    alone = made.score(values[900 : 900 + rows])
    behind = made.score(values[900 : 900 + rows], past=values[500:900])
    for found in (alone, behind):
        assert (found.label < 0).sum() <= max(3, rows // 50), found.anomalies
    assert behind.judged.all()
    assert alone.judged.all() or any("not judged" in note for note in alone.notes)


@every_pair
@pytest.mark.parametrize("method", ["Adaptive-Contamination", "IID", "Chi-Square"])
def test_a_causal_score_and_label_never_change_for_what_comes_later(algorithm, estimator, method):
    values = series(760)
    changed = values.copy()
    changed[600:] += 7.0
    spec = spec_of(algorithm, estimator, causal=True, train_rows=500, labeling_method=method)
    one, other = oddline.detect(values, spec), oddline.detect(changed, spec)
    assert_allclose(one.score[one.judged][:400], other.score[other.judged][:400], rtol=1e-7, atol=1e-12)
    assert_array_equal(one.label[:600], other.label[:600])
    assert_allclose(one.severity[:600], other.severity[:600], rtol=1e-6, atol=1e-9)


def test_a_stream_gives_the_scores_that_a_model_labels():
    values = series(900)
    for algorithm in ("PredAD", "DeepAD", "auto"):
        made = oddline.fit(values[:500], algorithm=algorithm, causal=True)
        flow = made.stream(past=values[200:500])
        whole = made.score(values[500:], past=values[200:500])
        assert_allclose(flow.push(values[500:]), whole.score, rtol=1e-7, atol=1e-9)


def test_more_recent_rows_than_there_are_is_all_of_them():
    made = oddline.fit(series(), algorithm="PredAD", prediction_type="recent", recent_data=10)
    assert [len(made.score(series()[:rows])) for rows in (3, 9, 30)] == [3, 9, 10]


def test_one_row_with_a_time_is_scored():
    frame = pd.DataFrame(
        series(), columns=["a", "b"], index=pd.date_range("2026-01-01", periods=700, freq="h")
    )
    made = oddline.fit(frame, algorithm="PredAD")
    assert len(made.score(frame[:1])) == len(made.score(frame[:1], past=frame[:200])) == 1


def test_several_horizons_are_at_work_in_a_detection():
    rng = np.random.default_rng(2)
    values = np.sin(np.arange(1_500) / 6) + rng.normal(size=1_500) / 20
    values[900:960] = values[899]
    for algorithm in ("PredAD", "DeepAD"):
        made = oddline.fit(values, algorithm=algorithm)
        assert len(set(made.pipeline._reaches)) > 1
        found = oddline.detect(values, algorithm=algorithm)
        assert 880 <= found.score.argmax() <= 980


def test_a_stream_can_begin_behind_known_rows():
    values = series()
    pipeline = fitted("WindowAD", "NearestNeighbor", values[:400])
    whole = pipeline.anomaly_score(values[400:])
    flow = stream.Stream(pipeline, past=values[400:500])
    scores = np.concatenate([flow.push(values[500:]), flow.finish()])
    assert_allclose(scores, whole[100:], rtol=1e-9)


@pytest.mark.parametrize("rows", [[[1.0, 2.0, 3.0]], [["a", "b"]], [[1.0, np.nan]], 5.0])
def test_a_stream_says_what_rows_it_expects(rows):
    flow = stream.Stream(fitted("WindowAD", "NearestNeighbor", series()))
    with pytest.raises(DataError):
        flow.push(rows)
    assert len(flow.push(np.empty((0, 2)))) == 0


def test_one_new_row_is_scored():
    made = oddline.fit(series()[:, :1], algorithm_type="WindowAD", anomaly_estimator="NearestNeighbor")
    assert len(made.score([40.0])) == 1
    assert made.score([40.0]).score[0] > made.score([0.0]).score[0]


def test_columns_are_found_by_name_and_a_missing_one_is_named():
    frame = pd.DataFrame(series(), columns=["a", "b"])
    made = oddline.fit(frame)
    turned = made.score(frame[["b", "a"]].assign(c=1.0))
    assert_array_equal(turned.score, made.score(frame).score)
    with pytest.raises(DataError, match="'b'"):
        made.score(frame[["a"]])


def test_what_was_settled_at_the_fit_cannot_be_changed():
    made = oddline.fit(series())
    with pytest.raises(ParameterError, match="settled when the model learnt"):
        made.score(series(), lookback_window=12)
    assert made.score(series(), labeling_method="Chi-Square").spec["labeling_method"] == "Chi-Square"


def test_numbers_beyond_squares_are_judged_in_the_units_of_the_fit(tmp_path):
    values = series()[:, :1]
    made = oddline.fit(values * 1e300, algorithm_type="WindowAD", anomaly_estimator="NearestNeighbor")
    assert made.units[0] > 900
    plain = oddline.fit(values, algorithm_type="WindowAD", anomaly_estimator="NearestNeighbor")
    assert_allclose(made.score(values[:50] * 1e300).score, plain.score(values[:50]).score, rtol=1e-6)
