"""A detector in a process of its own: scores, errors, time."""

import numpy as np
import pytest

from judge import Judge, is_wanted

DETECTORS = """
import os, sys
import numpy as np

def wrong(values):
    if len(values) < 600:
        raise ValueError("too short")
    return np.full(len(values), np.nan)

def slow(values):
    while len(values) != 600:
        pass
    return np.zeros(len(values))

def loud(values):
    print("a library talks")
    os.write(1, b"and so does its C code")
    return values.sum(axis=1)

def dead(values):
    os._exit(3)

TABLE = {"wrong": wrong, "slow": slow, "loud": loud, "dead": dead}
"""


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A judge of one of the detectors above."""
    (tmp_path / "detectors_of_test.py").write_text(DETECTORS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return lambda name: Judge("detectors_of_test.TABLE", name, limit=0.2)


def test_scores_come_back_whatever_a_library_prints(made):
    values = np.arange(20.0).reshape(10, 2)
    with made("loud") as judge:
        first, second = judge.score(values), judge.score(values * 2)
    np.testing.assert_array_equal(first.score, values.sum(axis=1))
    np.testing.assert_array_equal(second.score, 2 * values.sum(axis=1))
    assert first.peak_mb > 5


def test_an_error_is_told_and_the_next_series_is_judged(made):
    with made("wrong") as judge:
        assert judge.score(np.zeros((3, 1))).error == "ValueError: too short"
        assert "not all finite" in judge.score(np.zeros((700, 1))).error


def test_what_takes_too_long_is_cut_off_and_the_next_series_is_judged(made):
    with made("slow") as judge:
        cut = judge.score(np.zeros((10, 1)))
        assert (cut.score, cut.error) == (None, "timed out after 0.2 s")
        assert judge.score(np.zeros((600, 1))).score is not None


def test_a_process_that_dies_is_no_time_out(made):
    with made("dead") as judge:
        assert judge.score(np.zeros((10, 1))).error == "ended with 3"


@pytest.mark.parametrize(
    ("words", "wanted"),
    [([], True), (["auto"], False), (["mlp"], True), (["mlp autoencoder"], True), (["knn", "encoder"], True)],
    ids=["all", "another title", "part", "title", "one of two"],
)
def test_titles_are_picked_by_name_or_part(words, wanted):
    assert is_wanted("MLP autoencoder", words, ["auto", "MLP autoencoder", "KNN"]) is wanted
