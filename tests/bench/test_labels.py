"""Events: what counts as found, what as false, and that flagging everything does not pay."""

import numpy as np
import pytest

import labels


def series(*runs, rows=1_000):
    label = np.zeros(rows, dtype=np.int64)
    for first, last in runs:
        label[first : last + 1] = 1
    return label


def test_windows_reach_half_the_buffer_but_leave_half_of_what_lies_between():
    found = labels.windows(series((100, 109), (150, 150), (995, 999)), 100)
    assert found.tolist() == [[50, 119], [140, 200], [945, 999]]


def test_a_flag_in_the_window_finds_the_event_and_one_outside_is_false():
    where = labels.windows(series((100, 109), (500, 509)), 20)
    flagged = np.zeros(1_000, dtype=bool)
    flagged[[95, 300, 308, 700]] = True
    events = labels.count_events(flagged, where)
    assert (events.found, events.false, events.missed) == (1, 2, 1)
    assert events.alarms == pytest.approx(3 / (1_000 - 60))
    assert (events.precision, events.recall, events.f1) == pytest.approx((1 / 3, 1 / 2, 2 / 5))


def test_flagging_everything_does_not_pay():
    where = labels.windows(series((100, 109), (500, 509)), 20)
    events = labels.count_events(np.ones(1_000, dtype=bool), where)
    assert events.recall == 1
    assert events.precision < 0.07
    assert labels.count_events(np.zeros(1_000, dtype=bool), where).f1 == 0


def test_the_best_line_parts_events_from_the_rest_where_one_does():
    where = labels.windows(series((100, 109), (500, 509)), 20)
    scores = np.random.default_rng(0).random(1_000)
    scores[[104, 505]] = [2.0, 9.0]
    assert labels.oracle(scores, where, 10) == 1
    scores[800] = 5.0
    assert labels.oracle(scores, where, 10) == pytest.approx(0.8)
    assert labels.oracle(scores, where, 200) == pytest.approx(2 / 3)
