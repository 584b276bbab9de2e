"""The measure of the quality bench against its definition, written plainly."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from vus import auc_pr, vus_pr


def plain_vus_pr(score, label, window, thresholds=250):
    """The definition, row by row and threshold by threshold."""
    n = len(score)
    anomalies = runs(label)
    levels = -np.sort(-score)[np.linspace(0, n - 1, thresholds).astype(int)]
    areas = []
    for width in range(window + 1):
        weight = label.astype(float)
        for first, last in anomalies:
            for row in range(n):
                distance = max(first - row, row - last)
                if 0 < distance <= width // 2:
                    weight[row] += np.sqrt(1 - distance / width)
        weight = np.minimum(weight, 1)
        widened, before, area = runs(weight > 0), 0.0, 0.0
        for level in levels:
            flagged = score >= level
            hits = weight[flagged].sum()
            positives = label.sum() + weight[flagged & (label == 0)].sum() / 2
            found = np.mean([flagged[first : last + 1].any() for first, last in widened])
            recall = min(hits / positives, 1) * found
            area += (recall - before) * hits / flagged.sum()
            before = recall
        areas.append(area)
    return np.mean(areas)


def runs(label):
    """First and last row of each run of rows that are not 0."""
    edges = np.flatnonzero(np.diff(np.asarray(label).astype(int), prepend=0, append=0))
    return [(first, end - 1) for first, end in zip(edges[::2], edges[1::2], strict=True)]


def labelled(seed):
    """Random scores and labels: short and long anomalies, at the ends too, many ties or none."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 150))
    label = np.zeros(n, dtype=int)
    for _ in range(rng.integers(1, 10)):
        at = rng.integers(n)
        label[at : at + rng.integers(1, 20)] = 1
    score = rng.integers(0, 5, n).astype(float) if seed % 3 == 0 else rng.normal(size=n)
    return score, label, int(rng.integers(0, 24))


@pytest.mark.parametrize("seed", range(12))
def test_vus_pr_is_its_definition(seed):
    score, label, window = labelled(seed)
    thresholds = (250, 11, 3)[seed % 3]
    assert vus_pr(score, label, window, thresholds) == pytest.approx(
        plain_vus_pr(score, label, window, thresholds), abs=1e-12
    )


@pytest.mark.parametrize("seed", range(6))
def test_auc_pr_is_average_precision(seed):
    score, label, _ = labelled(seed)
    assert auc_pr(score, label) == pytest.approx(average_precision_score(label, score), abs=1e-12)


def test_only_the_order_of_scores_counts():
    score, label, window = labelled(1)
    assert vus_pr(score, label, window) == vus_pr(np.exp(score), label, window)


def test_close_misses_count_only_under_a_buffer():
    label = np.zeros(1000, dtype=int)
    label[500:510] = 1
    close = np.roll(label, 12).astype(float)
    assert vus_pr(close, label, 0) < 0.02
    assert vus_pr(close, label, 60) > 0.3


def test_constant_scores_are_worth_the_share_of_labelled_rows():
    label = np.arange(1000) % 10 == 0
    assert vus_pr(np.ones(1000), label, 0) == pytest.approx(0.1)
    assert auc_pr(np.ones(1000), label) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("score", "label", "told"),
    [
        ([1.0, np.nan], [0, 1], "1 scores are not finite"),
        ([1.0, 2.0], [0, 0], "no row is labelled"),
        ([1.0], [0, 1], "labels of shape"),
    ],
    ids=["nan", "unlabelled", "lengths"],
)
@pytest.mark.parametrize("measure", [auc_pr, lambda s, y: vus_pr(s, y, 4)], ids=["auc_pr", "vus_pr"])
def test_what_cannot_be_measured_is_refused(measure, score, label, told):
    with pytest.raises(ValueError, match=told):
        measure(score, label)
