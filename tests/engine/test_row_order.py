"""A file in any order: the same scores, warm-up and runs as in order of time."""

import numpy as np
import pytest

from engine.frames import frame
from oddline import detect


def test_order_of_the_file_does_not_change_the_scores():
    data = frame(300)
    data.loc[200, "v0"] += 4.0
    shuffled = data.sample(frac=1.0, random_state=0)
    one, other = (detect(d, algorithm_type="PredAD", labeling_method="Chi-Square") for d in (data, shuffled))
    back = np.argsort(shuffled.index.to_numpy())
    np.testing.assert_allclose(other.score[back], one.score, rtol=1e-9)
    np.testing.assert_array_equal(other.label[back], one.label)


@pytest.mark.parametrize("shuffle", [lambda d: d[::-1], lambda d: d.sample(frac=1.0, random_state=0)])
@pytest.mark.parametrize(("algorithm", "method"), [("DeepAD", "Chi-Square"), ("auto", "IID")])
def test_the_earliest_rows_warm_up_wherever_they_lie_in_the_file(shuffle, algorithm, method):
    data = frame(400)
    data.loc[[200, 201, 204], "v0"] += 5.0
    moved = shuffle(data)
    one, other = (detect(d, algorithm_type=algorithm, labeling_method=method) for d in (data, moved))
    rows = moved.index.to_numpy()
    assert one.warm_up == other.warm_up > 0
    assert one.judged.tolist() == [False] * one.warm_up + [True] * (400 - one.warm_up)
    np.testing.assert_array_equal(other.judged, one.judged[rows])
    assert (other.label[~other.judged] == 1).all()
    assert data.time[rows[other.order()]].is_monotonic_increasing


@pytest.mark.parametrize("shuffle", [lambda d: d[::-1], lambda d: d.sample(frac=1.0, random_state=0)])
def test_runs_follow_the_time_not_the_file(shuffle):
    data = frame(300, columns=2)
    data.loc[200:208:2, "v0"] += 6.0
    data.loc[250, "v1"] += 6.0
    moved = shuffle(data)
    one, other = (
        detect(d, algorithm_type="PredAD", labeling_method="Chi-Square", observation_window=10)
        for d in (data, moved)
    )
    rows = moved.index.to_numpy()
    assert len(one.anomalies) == len(other.anomalies) <= 4
    for before, after in zip(one.anomalies, other.anomalies, strict=True):
        assert after.start <= after.end
        assert (after.start, after.end, after.rows) == (before.start, before.end, before.rows)
        assert after.rows == before.end_row - before.start_row + 1
        assert rows[[after.start_row, after.end_row, after.peak_row]].tolist() == [
            before.start_row,
            before.end_row,
            before.peak_row,
        ]
        assert after.severity == pytest.approx(before.severity)
        assert after.contributions == pytest.approx(before.contributions)
