"""Whatever the numbers are, every pair of the catalogue answers in full or says what is wrong with them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import oddline
from oddline.catalog import ALGORITHMS, LABELINGS, check, estimators_of
from oddline.errors import DataError, ParameterError
from oddline.pipelines import build

PAIRS = [(a.name, e) for a in ALGORITHMS for e in estimators_of(a.name)]
METHODS = [m.name for m in LABELINGS]
every_pair = pytest.mark.parametrize(("algorithm", "estimator"), PAIRS)


def wave(rows=120, columns=2):
    t = np.arange(rows)[:, None]
    rng = np.random.default_rng(0)
    return np.sin(t / 4 + np.arange(columns)) + rng.normal(size=(rows, columns)) / 10


def with_step():
    values = wave()
    values[-1] += 50.0
    return values


def one_odd(value):
    values = wave()
    values[40, 0] = value
    return values


CASES = {
    "constant": np.full((100, 2), 7.0),
    "one constant column": np.column_stack([np.zeros(120), wave()[:, 0]]),
    "constant but for one row": np.where(np.arange(100)[:, None] == 50, [[1.0, 2.0]], 0.0),
    "one value": np.array([[1.0, 2.0]]),
    "two rows": np.array([[1.0, 2.0], [3.0, 4.0]]),
    "nothing": np.empty((0, 2)),
    "all missing": np.full((100, 2), np.nan),
    "one column missing": np.column_stack([np.full(120, np.nan), wave()[:, 0]]),
    "infinite": np.full((100, 2), np.inf),
    "one infinite": one_odd(-np.inf),
    "one missing": one_odd(np.nan),
    "one huge": one_odd(1e300),
    "all huge": wave() * 1e300,
    "all but the largest": np.full((100, 2), np.finfo(float).max) * np.sign(wave(100)),
    "denormal": wave() * 5e-324 * 2**10,
    "tiny": wave() * 1e-300,
    "huge beside tiny": wave() * np.array([1e150, 1e-150]),
    "duplicate rows": np.repeat(wave(40), 3, axis=0),
    "duplicate columns": np.repeat(wave()[:, :1], 3, axis=1),
    "two values": (np.arange(120)[:, None] % 7 < 3).astype(float) * [[1.0, -1.0]],
    "a step at the end": with_step(),
    "integers beyond 2^53": (2.0**60 + np.round(wave() * 2**10)),
    "a ramp": np.arange(120.0)[:, None] * [[1.0, -2.0]],
    "more columns than rows": wave(50, 200),
}


def checked(values, **parameters):
    """An answer in full, or an error that names the trouble."""
    try:
        found = oddline.detect(values, **parameters)
    except (DataError, ParameterError) as error:
        told = error.message
    else:
        told = None
    if told is not None:
        assert len(told) > 20
        assert told[0].isalnum()
        return None
    n = len(values)
    assert len(found) == len(found.label) == len(found.severity) == len(found.index) == n
    for name in ("score", "threshold", "severity"):
        assert np.isfinite(getattr(found, name)).all(), name
    assert (found.score >= 0).all()
    assert set(np.unique(found.label)) <= {-1, 1}
    assert ((found.score > found.threshold) == (found.label < 0))[found.judged].all()
    for run in found.anomalies:
        assert sum(run.contributions.values()) == pytest.approx(1.0)
    assert found.model_summary
    assert found.num_pipelines_explored >= 1
    return found


@every_pair
@pytest.mark.parametrize("case", CASES)
def test_a_result_or_a_clear_error(algorithm, estimator, case):
    found = checked(CASES[case], algorithm=algorithm, estimator=estimator)
    least = {"one value", "two rows", "nothing", "all missing", "one column missing", "infinite"}
    assert (found is None) == (case in least)


@every_pair
@pytest.mark.parametrize("lookback", [2, 35, 60, 5_000])
def test_any_look_back(algorithm, estimator, lookback):
    found = checked(wave(), algorithm=algorithm, estimator=estimator, lookback=lookback)
    assert (found is None) == (lookback > 40)


@every_pair
def test_ten_thousand_columns(algorithm, estimator):
    checked(wave(50, 10_000), algorithm=algorithm, estimator=estimator)


@every_pair
def test_whole_numbers_beyond_doubles_are_read(algorithm, estimator):
    rows = [str(2**63 + (i % 9) * 2**20 + (i == 60) * 2**40) for i in range(120)]
    content = "a,b\n" + "\n".join(f"{row},{i % 5}" for i, row in enumerate(rows)) + "\n"
    assert len(oddline.detect(content.encode(), algorithm=algorithm, estimator=estimator)) == 120


ANY = st.floats(allow_nan=True, allow_infinity=True, width=64)
TAME = st.floats(-1e3, 1e3, width=32)
FEW = st.sampled_from([0.0, 1.0, -1.0, 1e308, 5e-324, np.nan])


@every_pair
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_numbers(algorithm, estimator, data):
    rows, columns = data.draw(st.integers(0, 60)), data.draw(st.integers(1, 4))
    values = data.draw(
        arrays(np.float64, (rows, columns), elements=data.draw(st.sampled_from([ANY, TAME, FEW])))
    )
    checked(
        values,
        algorithm=algorithm,
        estimator=estimator,
        lookback=data.draw(st.sampled_from(["auto", 1, 2, 5, 19])),
        labeling_method=data.draw(st.sampled_from(METHODS)),
        observation_window=data.draw(st.integers(1, 20)),
        threshold=data.draw(st.sampled_from([0.0, 1e-3, 3.0, 10.0, 1e12])),
        causal=data.draw(st.booleans()),
    )


@every_pair
def test_a_pipeline_by_itself_names_values_whose_squares_overflow(algorithm, estimator):
    pipeline = build(check({"algorithm": algorithm, "estimator": estimator}), 12)
    with pytest.raises(DataError, match="beyond 1e100"):
        pipeline.fit(CASES["one huge"])
    assert np.isfinite(pipeline.fit(wave() * 1e99).anomaly_score(wave() * 1e99)).all()


@every_pair
def test_wild_values_are_scored_by_what_was_learnt_from_tame_ones(algorithm, estimator):
    pipeline = build(check({"algorithm": algorithm, "estimator": estimator}), 12).fit(wave())
    for wild in (1e40, -1e40, 1e90):
        values = wave()
        values[60, 0] = wild
        scores = pipeline.anomaly_score(values)
        assert np.isfinite(scores).all()
        assert (scores >= 0).all()
        assert 48 <= scores.argmax() <= 72
        assert np.isfinite(pipeline.column_shares(values)).all()
