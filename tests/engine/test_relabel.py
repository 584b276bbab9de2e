"""New labels from the same scores."""

from itertools import pairwise

import numpy as np
import pytest

from engine.frames import frame
from oddline import catalog, detect
from oddline.errors import ParameterError

PIPELINES = [(a.name, e) for a in catalog.ALGORITHMS for e in catalog.estimators_of(a.name)]
METHODS = [m.name for m in catalog.LABELINGS]


@pytest.mark.parametrize(("algorithm", "estimator"), PIPELINES)
@pytest.mark.parametrize("columns", [1, 2])
def test_labelling_again_is_labelling_so_at_once(algorithm, estimator, columns):
    data = frame(400, columns=columns)
    data.loc[[150, 300], "v0"] += 5.0
    data = data.drop(index=[80, 81])
    at_once = {
        method: detect(data, algorithm_type=algorithm, anomaly_estimator=estimator, labeling_method=method)
        for method in METHODS
    }
    for first, second in pairwise([*METHODS, METHODS[0]]):
        again = at_once[first].relabel(second)
        np.testing.assert_array_equal(again.score, at_once[second].score)
        np.testing.assert_array_equal(again.label, at_once[second].label)
        assert again.anomalies == at_once[second].anomalies
        assert (again.summary() | {"seconds": {}}) == (at_once[second].summary() | {"seconds": {}})


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
