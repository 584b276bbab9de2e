"""The look-back: given, found, and never longer than the data allow."""

from __future__ import annotations

import numpy as np
import pytest

from oddline.lookback import _orders, _standard, choose_lookback, dominant_period

rng = np.random.default_rng(3)


@pytest.fixture(autouse=True)
def same_numbers_whatever_ran_before():
    global rng
    rng = np.random.default_rng(3)


def wave(rows, period):
    return np.sin(np.arange(rows) * 2 * np.pi / period) + rng.normal(size=rows) / 10


@pytest.mark.parametrize("period", [7, 24, 60, 144])
def test_the_period_of_a_season_is_found(period):
    assert dominant_period(wave(3_000, period)) % period in (0, 1, period - 1)


def test_noise_trends_and_walks_have_no_period():
    noise = rng.normal(size=3_000)
    for series in (noise, np.arange(3_000.0), np.zeros(50), np.ones(2)):
        assert dominant_period(series) is None


def test_a_clear_period_is_the_look_back():
    choice = choose_lookback(wave(3_000, 60)[:, None])
    assert choice.window == choice.candidates["period"]
    assert choice.window in range(59, 62)
    assert "dominant period" in choice.reason
    assert set(choice.candidates) == {"AIC", "BIC", "t-test", "forward error", "period"}


def autoregression(rows, weights):
    series = rng.normal(size=rows)
    for t in range(len(weights), rows):
        series[t] += weights @ series[t - len(weights) : t][::-1]
    return series


def naive_orders(series, top):
    """AIC and BIC by one least-squares fit for each order, all on the same rows."""
    rows = len(series) - top
    fit = []
    for order in range(1, top + 1):
        past = np.column_stack([series[top - k : len(series) - k] for k in range(1, order + 1)])
        left = np.linalg.lstsq(past, series[top:], rcond=None)[1][0]
        fit.append(rows * np.log(left / rows))
    orders = np.arange(1, top + 1)
    return (
        int(orders[np.argmin(np.array(fit) + 2 * orders)]),
        int(orders[np.argmin(np.array(fit) + np.log(rows) * orders)]),
    )


def test_the_orders_equal_one_fit_for_each():
    series = autoregression(2_000, np.array([0.5, 0.0, 0.0, -0.4]))
    standard = _standard(series[:, None])
    orders = _orders(standard, 30)
    assert (orders["AIC"], orders["BIC"]) == naive_orders(standard[0], 30)
    assert orders["BIC"] == 4
    assert orders["t-test"] >= 4
    assert orders["forward error"] in range(4, 7)


@pytest.mark.parametrize(
    ("weights", "order"),
    [([0.8], 1), ([0.5, -0.6], 2), ([0.4, 0.0, 0.0, 0.0, -0.5], 5), ([0.0] * 11 + [0.8], 12)],
    ids=lambda value: str(value) if isinstance(value, int) else None,
)
def test_each_rule_finds_a_known_order(weights, order):
    series = autoregression(4_000, np.array(weights))
    found = _orders(_standard(series[:, None]), 40)
    assert found["BIC"] == order
    assert found["AIC"] in range(order, order + 8)  # it overfits a little, as it is known to
    assert found["t-test"] in range(order, 41)
    # Orders on a grid of 16: the first that is long enough.
    assert found["forward error"] in range(order, order + 5)


def test_the_t_test_stays_at_the_order_in_nearly_all_series():
    """General to specific: the longest lag that is significant, at 1 % for each of 40."""
    series = [autoregression(2_000, np.array([0.5, -0.6]))[:, None] for _ in range(40)]
    longest = [_orders(_standard(one), 10)["t-test"] for one in series]
    assert np.mean(np.array(longest) == 2) > 0.8


def test_every_rule_is_told_with_the_choice():
    choice = choose_lookback(autoregression(2_000, np.array([0.5, 0.3]))[:, None])
    for name, rows in choice.candidates.items():
        assert f"{name} {rows}" in choice.reason
    assert f"look-back {choice.window}" in choice.reason


def test_without_a_period_the_orders_decide_within_limits():
    choice = choose_lookback(autoregression(2_000, np.array([0.5, 0.3]))[:, None])
    assert choice.window == 48
    assert "period" not in choice.candidates
    assert "the median of the orders is" in choice.reason


@pytest.mark.parametrize(
    ("rows", "expected"), [(1, 1), (2, 1), (3, 1), (5, 2), (19, 2), (39, 3), (200, 20), (400, 40)]
)
def test_auto_stays_within_a_tenth_of_the_rows(rows, expected):
    assert choose_lookback(rng.normal(size=(rows, 2))).window == expected


def test_max_window_is_a_lid():
    assert choose_lookback(wave(3_000, 60)[:, None], max_window=12).window == 12


def test_a_constant_series_says_so():
    assert "constant" in choose_lookback(np.ones((500, 1))).reason


def test_a_number_is_taken_as_long_as_there_are_rows():
    values = rng.normal(size=(101, 1))
    assert choose_lookback(values, 50).window == 50
    shorter = choose_lookback(values, 80)
    assert shorter.window == 50
    assert "shortened to 50" in shorter.reason


def test_one_wild_value_does_not_move_the_choice():
    series = wave(3_000, 60)
    series[1_000] = 1e9
    assert choose_lookback(series[:, None]).window in range(59, 62)
