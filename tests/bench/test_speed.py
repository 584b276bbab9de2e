"""What the speed bench makes of its answers."""

import numpy as np
import pytest

from counterparts import COUNTERPARTS
from judge import Answer
from races import AGAINST, races, series_of
from speed import growth, mark, middle


def test_growth_is_the_exponent_from_ten_thousand_rows_up():
    times = {rows: 3e-6 * rows**1.2 for rows in (10_000, 100_000, 1_000_000)}
    assert growth(times | {1_000: 5.0}) == pytest.approx(1.2)
    assert growth({10_000: 1.0}) is None


def test_the_middle_is_the_median_unless_one_failed():
    done = [Answer(np.zeros(1), seconds) for seconds in (3.0, 1.0, 2.0)]
    assert middle(done).seconds == 2.0
    assert middle([*done, Answer(None, error="no")]).error == "no"


def test_a_limit_is_met_or_missed():
    assert [mark(1.0, 2.0), mark(3.0, 2.0), mark(3.0, None)] == ["met", "**missed**", ""]


def test_every_pair_runs_against_a_counterpart_that_is_there():
    assert {race.ours for race in races()} >= {"auto", "DeepAD", "PredAD"}
    assert set(AGAINST.values()) <= set(COUNTERPARTS)


def test_the_series_of_the_races_are_the_same_every_time():
    assert series_of(1000, 4).shape == (1000, 4)
    np.testing.assert_array_equal(series_of(1000, 2), series_of(1000, 2))
