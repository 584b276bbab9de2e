"""Labels of rows that were not learnt from: the line of a short past holds for what comes after it."""

import numpy as np
import pytest

import oddline
from oddline.catalog import LABELINGS
from oddline.labeling import label
from oddline.labeling.tail import line_ahead
from oddline.operators.smoothing import cover_mean

STATIC = [method.name for method in LABELINGS if not method.dynamic]
DYNAMIC = [method.name for method in LABELINGS if method.dynamic]
LEARNERS = ["Adaptive-Sliding-Window", "Contextual-Anomaly", "Q-Score"]
"""Dynamic methods whose line new rows do not move, or hardly."""
PIPELINES = {
    "PredAD": {"algorithm_type": "PredAD"},
    "NearestNeighbor": {"algorithm_type": "WindowAD", "anomaly_estimator": "NearestNeighbor"},
    "auto": {"algorithm_type": "auto"},
}
PAST, NEW, EVENT = 1_500, 6_000, slice(3_000, 3_020)
SEEDS = range(4)


def white_noise(seed):
    return np.random.default_rng(seed).standard_normal(PAST + NEW)


def ar2(seed):
    x = white_noise(seed)
    for t in range(2, len(x)):
        x[t] += 1.2 * x[t - 1] - 0.5 * x[t - 2]
    return x


def shares_flagged(pipeline, methods):
    """How many clean new rows each method flags, the mean over series."""
    found = {method: [] for method in methods}
    for make in (white_noise, ar2):
        for seed in SEEDS:
            x = make(seed)
            model = oddline.fit(x[:PAST], labeling_method=methods[0], **PIPELINES[pipeline])
            scored = model.score(x[PAST:])
            for method, shares in found.items():
                shares.append((scored.relabel(method).label < 0).mean())
    return {method: float(np.mean(shares)) for method, shares in found.items()}


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_clean_new_rows_are_hardly_flagged_by_one_line_for_all(pipeline):
    shares = shares_flagged(pipeline, STATIC)
    assert {method: share for method, share in shares.items() if share > 0.003} == {}


@pytest.mark.parametrize(("pipeline", "methods"), [("PredAD", DYNAMIC), ("NearestNeighbor", LEARNERS)])
def test_clean_new_rows_are_hardly_flagged_by_a_line_that_moves(pipeline, methods):
    shares = shares_flagged(pipeline, methods)
    assert {method: share for method, share in shares.items() if share > 0.003} == {}


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_an_event_among_new_rows_is_found(pipeline):
    for seed in SEEDS:
        x = white_noise(seed)
        x[PAST:][EVENT] += 8
        scored = oddline.fit(x[:PAST], labeling_method="IID", **PIPELINES[pipeline]).score(x[PAST:])
        for method in ("IID", "Adaptive-Contamination", "Contamination"):
            assert (scored.relabel(method).label[EVENT] < 0).any(), (method, seed)


@pytest.mark.parametrize("width", [16, 64])
def test_the_line_ahead_keeps_its_rate_where_scores_share_windows(width):
    beyond, before = [], []
    for seed in range(20):
        scores = np.random.default_rng(seed).standard_normal(PAST + NEW) ** 2
        past, new = cover_mean(scores[:PAST], width), cover_mean(scores[PAST:], width)
        beyond.append((new > line_ahead(past, width - 1, 0.0016)).mean())
        before.append((new > np.quantile(past, 1 - 0.0016)).mean())
    assert np.mean(beyond) <= 0.0016
    assert np.mean(before) > 0.005  # what it is for: the same share of what was learnt holds no longer


def test_the_line_ahead_falls_with_the_number_of_scores_on_their_own():
    scores = np.random.default_rng(0).standard_normal(2_000) ** 2
    lines = [line_ahead(scores, gap) for gap in (3, 4, 30, 100)]
    assert lines[0] == 0  # 500 say enough about their own tail
    assert 0 < lines[1] < lines[2] < lines[3]
    assert line_ahead(scores, 1_000) == line_ahead(scores, 5_000)


@pytest.mark.parametrize("scores", [np.zeros(300), np.full(300, 2.0), np.geomspace(1e-300, 1e300, 300)])
def test_the_line_ahead_of_odd_scores_is_finite(scores):
    line = line_ahead(scores, 50)
    assert np.isfinite(line)
    assert line >= 0


@pytest.mark.parametrize("method", ["IID", "Otsu", "Contamination", "Adaptive-Contamination"])
def test_where_all_rows_are_learnt_from_the_gap_moves_no_line_ahead(method):
    scores = cover_mean(np.random.default_rng(1).standard_normal(3_000) ** 2, 40)
    whole, part = (label(scores, method=method, gap=39, train_rows=rows) for rows in (None, 2_900))
    assert whole.threshold[-1] < part.threshold[-1]
