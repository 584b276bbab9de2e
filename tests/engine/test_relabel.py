"""New labels from the same scores."""

import numpy as np
import pytest

from engine.frames import frame
from oddline import catalog, detect
from oddline.errors import ParameterError

PIPELINES = [(a.name, e, a.least_columns) for a in catalog.ALGORITHMS for e in catalog.estimators_of(a.name)]
METHODS = [m.name for m in catalog.LABELINGS]
AT_ONCE = ("IID", "Contextual-Anomaly")
"""One whose line is drawn once, one whose line moves."""


@pytest.mark.parametrize(("algorithm", "estimator", "columns"), PIPELINES)
def test_labelling_again_is_labelling_so_at_once(algorithm, estimator, columns):
    data = frame(400, columns=columns)
    data.loc[[150, 300], "v0"] += 5.0
    data = data.drop(index=[80, 81])
    one, other = (
        detect(data, algorithm_type=algorithm, anomaly_estimator=estimator, labeling_method=method)
        for method in AT_ONCE
    )
    for at_once, again in ((one, other.relabel(AT_ONCE[0])), (other, one.relabel(AT_ONCE[1]))):
        np.testing.assert_array_equal(again.score, at_once.score)
        np.testing.assert_array_equal(again.label, at_once.label)
        assert again.anomalies == at_once.anomalies
        assert (again.summary() | {"seconds": {}}) == (at_once.summary() | {"seconds": {}})


def test_every_method_labels_again_as_at_once():
    data = frame(400, columns=2)
    data.loc[[150, 300], "v0"] += 5.0
    found = detect(data, algorithm_type="PredAD")
    for method in METHODS:
        found = found.relabel(method)
        at_once = detect(data, algorithm_type="PredAD", labeling_method=method)
        np.testing.assert_array_equal(found.score, at_once.score)
        np.testing.assert_array_equal(found.label, at_once.label)
        assert found.anomalies == at_once.anomalies


def test_new_labels_need_no_new_fit(monkeypatch):
    found = detect(frame(400), algorithm_type="PredAD", labeling_method="Chi-Square")
    monkeypatch.setattr("oddline.pipelines.base.Pipeline.fit_score", None)
    same = found.relabel()
    np.testing.assert_array_equal(same.label, found.label)
    np.testing.assert_array_equal(same.score, found.score)
    other = found.relabel("Sliding-Window", labeling_threshold=2.0, observation_window=20)
    assert other.warm_up == found.warm_up + 10
    assert (other.label < 0).sum() > 0
    assert other.reasons[-1].startswith("Sliding-Window")
    assert other.spec["labeling_threshold"] == 2.0
    assert found.spec["labeling_method"] == "Chi-Square"
    with pytest.raises(ParameterError, match="labeling_threshold"):
        found.relabel(labeling_threshold=-1)
    named = found.relabel(labeling_method="Sliding-Window", labeling_threshold=2.0, observation_window=20)
    np.testing.assert_array_equal(named.label, other.label)


def test_a_run_says_how_far_it_exceeds_its_line():
    data = frame(400)
    data.loc[[150, 300], "v0"] += [4.0, 8.0]
    found = detect(data, algorithm_type="PredAD", labeling_method="Sliding-Window")
    usual = found.score[found.judged]
    assert {run.peak_row for run in found.anomalies} >= {150, 300}
    for run in found.anomalies:
        over = found.score[run.peak_row] - found.threshold[run.peak_row]
        assert run.excess == pytest.approx(over / (usual.mean() + usual.std()))
        assert run.excess > 0


def test_relabel_takes_short_names_and_only_what_labels_are_made_from():
    found = detect(np.sin(np.arange(400) / 5) + (np.arange(400) == 300), algorithm="PredAD")
    one = found.relabel("Chi-Square", threshold=30, window=20)
    assert (one.spec["labeling_threshold"], one.spec["observation_window"]) == (30.0, 20)
    with pytest.raises(ParameterError, match="has a part in the scores"):
        found.relabel(lookback=3)
