"""The seven stages end to end: rows in, the same rows out, whatever they look like."""

import io
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.frames import frame
from oddline import catalog, detect
from oddline.errors import CancelledError, DataError, ParameterError
from oddline.table import read_table
from oddline.workflow import STAGES

DATA = Path(__file__).parents[1] / "data"
SAMPLE = DATA / "sample.csv"
TIMED = {"time_column": "Time", "time_format": "%Y-%m-%d %H:%M:%S"}
PIPELINES = [(a.name, e) for a in catalog.ALGORITHMS for e in catalog.estimators_of(a.name)]


def test_the_published_univariate_sample():
    found = detect(
        SAMPLE,
        {
            **TIMED,
            "target_columns": ["Value"],
            "algorithm_type": "DeepAD",
            "anomaly_estimator": "Default",
            "labeling_method": "Chi-Square",
            "labeling_threshold": "10",
            "observation_window": "10",
        },
    )
    assert len(found) == 1_000
    assert (found.index[0], found.index[-1]) == ("2017-01-01 00:00:00", "2017-01-04 11:15:00")
    assert abs(int(found.score.argmax()) - 624) <= 3
    assert any(abs(run.peak_row - 624) <= 3 for run in found.anomalies)
    assert found.warm_up == found.lookback_window + 10


def test_the_published_multivariate_sample():
    found = detect(
        DATA / "sample_extreme.csv",
        {
            **TIMED,
            "target_columns": [f"Value_{i}" for i in range(4)],
            "algorithm_type": "DeepAD",
            "labeling_method": "Chi-Square",
        },
    )
    assert len(found) == 1_000
    assert list(found.index[-10:]) == [f"1970-01-01 00:00:00.000000{i}" for i in range(990, 1_000)]
    assert abs(int(found.score.argmax()) - 470) <= 3
    run = next(run for run in found.anomalies if run.start_row <= 473 and run.end_row >= 467)
    assert max(run.contributions, key=run.contributions.__getitem__) == "Value_2"


@pytest.mark.parametrize(("algorithm", "estimator"), PIPELINES)
@pytest.mark.parametrize("columns", [1, 3])
def test_every_pipeline_answers_in_full(algorithm, estimator, columns):
    columns = max(columns, catalog.least_columns_of(algorithm))
    data = frame(columns=columns)
    data.loc[150:152, "v0"] += 5.0
    found = detect(data, algorithm_type=algorithm, anomaly_estimator=estimator)
    n = len(data)
    assert found.values.shape == (n, columns)
    for values in (found.score, found.threshold, found.severity, found.label):
        assert values.shape == (n,)
        assert np.isfinite(values).all()
    assert (found.score >= 0).all()
    assert set(found.label) <= {-1, 1}
    assert any(run.start_row <= 165 and run.end_row >= 140 for run in found.anomalies)
    assert all(sum(run.contributions.values()) == pytest.approx(1.0) for run in found.anomalies)
    assert found.model_summary
    assert " " not in found.model_summary
    assert found.num_pipelines_explored >= 1
    assert len(found.reasons) >= 2
    assert list(found.seconds) == list(STAGES)


@pytest.mark.parametrize(("algorithm", "estimator"), PIPELINES)
def test_the_same_seed_gives_the_same_answer(algorithm, estimator):
    one, other = (
        detect(frame(columns=2), algorithm_type=algorithm, anomaly_estimator=estimator, random_state=7)
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.score, other.score)
    np.testing.assert_array_equal(one.label, other.label)
    assert one.anomalies == other.anomalies


def test_every_kind_of_table_is_the_same_table(tmp_path):
    data = frame()
    text = data.to_csv(index=False)
    path = tmp_path / "table.csv"
    path.write_text(text)
    table = read_table(text.encode(), time_column="time")
    answers = [
        detect(kind, time_column="time")
        for kind in (data, text.encode(), path, str(path), table, text.encode("utf-16"))
    ]
    for answer in answers[1:]:
        np.testing.assert_allclose(answer.score, answers[0].score, rtol=1e-9)
        assert list(answer.index) == list(answers[0].index)


def test_a_spec_comes_as_mapping_object_or_keywords():
    data = frame()
    values = {"algorithm_type": "predad", "lookback_window": "20"}
    answers = [
        detect(data, values),
        detect(data, catalog.check(values)),
        detect(data, **values),
        detect(data, {**values, "lookback_window": 3}, lookback_window=20),
    ]
    for answer in answers:
        assert answer.lookback_window == 20
        assert answer.spec == asdict(catalog.check(values))
        np.testing.assert_array_equal(answer.score, answers[0].score)
    with pytest.raises(ParameterError, match="algorithm_type"):
        detect(data, algorithm_type="Oracle")
    with pytest.raises(ParameterError, match="unknown parameter"):
        detect(data, algoritm="PredAD")


@pytest.mark.parametrize("method", [m.name for m in catalog.LABELINGS])
def test_recent_rows_are_judged_by_what_came_before(method):
    data = frame(400)
    data.loc[390, "v0"] += 5.0
    parameters = {"algorithm_type": "PredAD", "labeling_method": method, "lookback_window": 24}
    recent = detect(data, prediction_type="recent", recent_data=20, **parameters)
    whole = detect(data, train_rows=380, **parameters)
    assert len(recent) == 20
    assert list(recent.index) == list(data.time[380:])
    np.testing.assert_array_equal(recent.values[:, 0], data.v0[380:])
    np.testing.assert_array_equal(recent.score, whole.score[380:])
    np.testing.assert_array_equal(recent.label, whole.label[380:])
    assert any(run.start_row <= 10 <= run.end_row for run in recent.anomalies)
    assert recent.warm_up == 0


def test_recent_rows_cannot_change_what_was_learnt():
    data = frame(400)
    loud = data.copy()
    loud.loc[385:, "v0"] += 40.0
    one, other = (
        detect(
            d,
            prediction_type="recent",
            recent_data=20,
            algorithm_type="PredAD",
            labeling_method="Sliding-Window",
        )
        for d in (data, loud)
    )
    np.testing.assert_allclose(one.score[:5], other.score[:5], rtol=1e-6)
    assert one.model_summary == other.model_summary


@pytest.mark.parametrize("size", [1e154, 1e160, 1e300])
@pytest.mark.parametrize("algorithm", ["PredAD", "WindowAD"])
@pytest.mark.parametrize("method", [m.name for m in catalog.LABELINGS])
def test_numbers_near_the_end_of_the_range_are_judged_like_others(size, algorithm, method):
    data = frame(400)
    data.loc[250, "v0"] += 6.0
    largest = data.v0.abs().max()
    huge = data.assign(v0=data.v0 / largest * size)
    parameters = {"algorithm_type": algorithm, "labeling_method": method, "lookback_window": 12}
    one, other = detect(data, **parameters), detect(huge, **parameters)
    # Smoothed scores left and right of a peak are equal but for rounding: a line may part them either way.
    differing = np.flatnonzero(one.label != other.label)
    assert len(differing) <= 2
    assert (np.abs(differing - 250) <= 12).all()
    assert np.isfinite(other.score).all()
    lone = data.copy()
    lone.loc[250, "v0"] = size
    assert np.isfinite(detect(lone, **parameters).score).all()


def test_recent_rows_have_no_share_in_what_is_filled_before_them():
    data = frame(400)
    data.loc[370:379, "v0"] = np.nan
    loud = data.copy()
    loud.loc[380:, "v0"] += 40.0
    parameters = {"prediction_type": "recent", "recent_data": 20, "algorithm_type": "PredAD"}
    one, other = detect(data, **parameters), detect(loud, **parameters)
    assert one.reasons[:2] == other.reasons[:2]
    assert one.model_summary == other.model_summary


def test_recent_takes_the_latest_rows_of_a_table_that_starts_with_them():
    data = frame(300)
    data.loc[295, "v0"] += 6.0
    found = detect(
        data[::-1],
        prediction_type="recent",
        recent_data=10,
        algorithm_type="PredAD",
        labeling_method="Chi-Square",
    )
    assert list(found.index) == list(data.time[:-11:-1])
    assert [run.peak_row for run in found.anomalies][:1] == [4]


def test_too_few_rows_say_how_many_are_needed():
    with pytest.raises(DataError, match="at least 330 are needed") as caught:
        detect(frame(200), lookback_window=100, labeling_method="Chi-Square")
    assert caught.value.code == "too_few_rows"
    with pytest.raises(DataError, match="none is left"):
        detect(frame(200), prediction_type="recent", recent_data=200)
    with pytest.raises(DataError, match="to learn from"):
        detect(frame(200), prediction_type="recent", recent_data=190, lookback_window=30)
    assert len(detect(frame(36), labeling_method="Chi-Square")) == 36


def test_strict_refuses_what_auto_repairs():
    for data in (
        frame().drop(index=[50, 51]),
        frame().iloc[::-1],
        frame().replace({"v0": {frame().v0[7]: np.nan}}),
    ):
        found = detect(data)
        assert len(found) == len(data)
        assert found.notes
        with pytest.raises(DataError) as caught:
            detect(data, repair="strict")
        assert caught.value.status == 400
    assert len(detect(frame(), repair="strict")) == 240


def test_progress_grows_through_all_stages():
    seen = []
    detect(frame(), progress=lambda fraction, stage: seen.append((fraction, stage)))
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert list(dict.fromkeys(stage for _, stage in seen)) == [*STAGES, "done"]


@pytest.mark.parametrize("last", STAGES)
def test_a_progress_that_raises_stops_the_work(last):
    seen = []

    def progress(fraction, stage):
        seen.append(stage)
        if stage == last:
            raise CancelledError("cancelled by its owner")

    with pytest.raises(CancelledError):
        detect(frame(), progress=progress)
    assert seen[-1] == last
    assert list(dict.fromkeys(seen)) == list(STAGES)[: list(STAGES).index(last) + 1]


@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(45, 70),
    again=st.integers(0, 10),
    holes=st.integers(0, 8),
    method=st.sampled_from(["IID", "Chi-Square"]),
    shuffled=st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_rows_in_are_rows_out(seed, rows, again, holes, method, shuffled):
    """Gaps, repeats, disorder and missing values: every row gets its answer, in its place."""
    rng = np.random.default_rng(seed)
    kept = np.r_[rng.choice(70, rows, replace=False), rng.integers(0, 70, again)]
    data = frame(70).iloc[kept if shuffled else np.sort(kept)].reset_index(drop=True)
    data.loc[rng.integers(0, rows, holes), "v0"] = np.nan
    found = detect(
        data, algorithm_type="PredAD", labeling_method=method, lookback_window=4, observation_window=5
    )
    assert list(found.index) == list(data.time)
    np.testing.assert_array_equal(found.values[:, 0], data.v0.to_numpy())
    assert np.isfinite(found.score).all()
    assert len(found.label) == len(data)
    by_time = dict(zip(data.time, found.score, strict=True))
    assert [by_time[t] for t in data.time] == found.score.tolist(), "one time, one score"


def test_the_look_back_in_the_answer_is_the_one_used():
    data = pd.DataFrame({"v": np.sin(np.arange(2_400) / 5)})
    found = detect(data, algorithm_type="PredAD", lookback_window=700)
    assert found.lookback_window == 512 == found.warm_up
    assert any("512 rows at most, not 700" in reason for reason in found.reasons)


def test_the_answer_as_frame_and_as_json():
    data = frame(columns=2).rename(columns={"v1": "score"})
    data.loc[100, "v0"] += 6.0
    found = detect(data, algorithm_type="PredAD")
    table = found.to_frame()
    assert list(table.columns) == ["v0", "value_score", "score", "severity", "threshold", "label"]
    assert list(table.index) == list(pd.to_datetime(data.time))
    assert table.index.name == "time"
    np.testing.assert_array_equal(table.score, found.score)
    summary = json.loads(json.dumps(found.summary(), allow_nan=False))
    assert summary["rows"] == 240
    assert summary["flagged"] == int((found.label < 0).sum()) > 0
    assert found.anomalies[0].contributions.keys() == {"v0", "score"}
    assert summary["spec"]["algorithm_type"] == "PredAD"


def test_constant_and_nearly_constant_columns_raise_no_alarm():
    for values in (np.zeros(300), np.full(300, 1e9), np.tile([1.0, 2.0, 3.0], 100)):
        for algorithm in ("PredAD", "auto"):
            for method in catalog.LABELINGS:
                found = detect(
                    pd.DataFrame({"v": values}), algorithm_type=algorithm, labeling_method=method.name
                )
                assert (found.label == 1).all(), (values[:3], algorithm, method.name)


def test_a_table_without_time_counts_its_rows():
    found = detect(io.StringIO("v\n1\n").getvalue().encode() + b"".join(b"%d\n" % (i % 5) for i in range(60)))
    assert list(found.index[:3]) == ["0", "1", "2"]


@pytest.mark.parametrize(
    "file", ["sample.csv", "sample_extreme.csv", "ec2_network_in.csv", "twitter_volume_aapl.csv"]
)
def test_real_series_are_not_flagged_for_their_everyday(file):
    table = read_table(DATA / file)
    static = detect(table, algorithm_type="PredAD", labeling_method="IID")
    assert (static.label < 0).mean() <= 0.02
    moving = detect(table, algorithm_type="PredAD", labeling_method="Chi-Square")
    for method in ("Chi-Square", "Sliding-Window"):
        for window in (10, 100):
            found = moving.relabel(method, observation_window=window)
            assert (found.label < 0).mean() <= 0.02, (method, window)


@pytest.mark.parametrize("estimator", ["NearestNeighbor", "IsolationForest"])
def test_a_moving_line_sees_an_odd_shape_in_window_scores(estimator):
    """Scores of neighbouring rows share windows: without a gap the event would be its own yardstick."""
    rng = np.random.default_rng(4)
    values = np.sin(np.arange(6_000) * 2 * np.pi / 50) + 0.1 * rng.standard_normal(6_000)
    values[1_200:1_250] = 0.3 * rng.standard_normal(50)
    found = detect(
        pd.DataFrame({"v": values}),
        algorithm_type="WindowAD",
        anomaly_estimator=estimator,
        labeling_method="Chi-Square",
    )
    flagged = np.flatnonzero(found.label < 0)
    assert flagged.size
    assert flagged.min() >= 1_100
    assert flagged.max() <= 1_350


@pytest.mark.parametrize("size", [8.0, 1e6, 1e16, 1e38])
@pytest.mark.parametrize("algorithm", ["auto", "PredAD", "DeepAD", "WindowAD"])
def test_a_spike_is_found_whatever_its_size_and_nothing_else(algorithm, size):
    values = np.random.default_rng(0).normal(size=400)
    values[200] = size
    found = detect(values, algorithm=algorithm)
    assert [run.start_row <= 200 <= run.end_row for run in found.anomalies] == [True]
