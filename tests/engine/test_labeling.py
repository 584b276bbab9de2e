"""Labels: fast against slow, quiet on clean data, awake for spikes, sane on odd input."""

import time

import numpy as np
import pytest
from scipy import special, stats

from oddline import labeling
from oddline.catalog import LABELINGS
from oddline.errors import ParameterError
from oddline.labeling import label, merge_runs, trailing
from oddline.labeling.tail import FTail, bulk_line, fit_f_tail, pareto_line
from oddline.labeling.trailing import Reference, follow
from oddline.operators.smoothing import cover_mean
from oddline.operators.windows import window_sums
from oddline.pipelines import PredAD

METHODS = [method.name for method in LABELINGS]
DYNAMIC = [method.name for method in LABELINGS if method.dynamic]
ROWS = 5_000
SEEDS = 6


def white_noise(rng):
    return rng.standard_normal(ROWS)


def ar2(rng):
    x = rng.standard_normal(ROWS)
    for t in range(2, ROWS):
        x[t] += 1.2 * x[t - 1] - 0.5 * x[t - 2]
    return x


def seasonal(rng):
    return 5 * np.sin(np.arange(ROWS) * 2 * np.pi / 48) + rng.standard_normal(ROWS)


def random_walk(rng):
    return np.cumsum(rng.standard_normal(ROWS))


CLEAN = [white_noise, ar2, seasonal, random_walk]


@pytest.fixture(scope="module")
def clean_scores():
    """PredAD's own scores of clean series, as it makes them for a static and for a dynamic method."""
    made = {}
    for dynamic in (False, True):
        pipeline = PredAD(lookback=16, smoothing=1 if dynamic else "auto")
        for kind in CLEAN:
            made[dynamic, kind.__name__] = [
                pipeline.fit_score(kind(np.random.default_rng(seed))[:, None]) for seed in range(SEEDS)
            ]
    return made


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("window", [10, 50])
def test_clean_data_is_hardly_flagged(clean_scores, method, window):
    for (dynamic, kind), series in clean_scores.items():
        if dynamic == (method in DYNAMIC):
            labels = [label(s, method=method, observation_window=window, warm_up=16) for s in series]
            assert np.mean([(found.label < 0).mean() for found in labels]) <= 0.003, kind


# A mean of rows hardly sees single ones, and Hundman's criterion would rather leave out few.
FEW = {"Contextual-Anomaly": 1, "Q-Score": 1, "Contamination": 14}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("window", [10, 50])
def test_spikes_of_eight_sigma_are_found(method, window):
    count, size = FEW.get(method, 20), 16 if method in ("Contextual-Anomaly", "Q-Score") else 8
    found = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal(ROWS)
        spikes = np.arange(300, 4_900, 4_600 // count)[:count] + rng.integers(0, 50, count)
        x[spikes] = size * np.sign(x[spikes]) * (1.0 - 1e-3 * rng.random(count))
        labels = label(x**2, method=method, observation_window=window)
        found.append((labels.label[spikes] < 0).mean())
        after = spikes[:, None] + np.arange(window if method in FEW else 1)
        quiet = np.delete(labels.label, after)
        assert (quiet < 0).mean() <= 0.003
    assert np.mean(found) >= 0.8


@pytest.mark.parametrize("method", METHODS)
def test_no_method_flags_more_than_a_few_of_scores_that_never_rest(method):
    """Bounded scores, scores with an offset, in levels and with a drift: at most one row in fifty."""
    rng = np.random.default_rng(17)
    rows = 20_000
    drift = np.linspace(1.0, 3.0, rows)
    for scores in (
        0.4 + 0.1 * rng.beta(2, 5, rows),
        np.where(rng.random(rows) < 0.3, 8.0, 1.0) * rng.random(rows),
        drift * rng.standard_t(2, rows) ** 2,
        cover_mean(rng.pareto(1.0, rows), 40),
        np.where(rng.random(rows) < 0.05, rng.pareto(1.5, rows), 0.0),
    ):
        for window in (10, 100):
            assert (label(scores, method=method, observation_window=window).label < 0).mean() <= 0.02


def test_as_many_events_as_stand_out_are_flagged_and_no_more():
    for count in (1, 3, 20):
        rng = np.random.default_rng(count)
        scores = cover_mean(rng.standard_normal(20_000) ** 2, 10)
        starts = np.linspace(500, 19_000, count).astype(int)
        for start in starts:
            scores[start : start + 15] += 20 + 30 * rng.random()
        labels = label(scores, method="Adaptive-Contamination", threshold=0.05)
        runs = merge_runs(labels.label, labels.severity, 10)
        assert [first // 100 for first, _, _ in runs] == (starts // 100).tolist()


def test_a_huge_event_does_not_hide_a_large_one():
    scores = np.random.default_rng(18).standard_normal(8_000) ** 2
    scores[2_000:2_010], scores[6_000:6_010] = 1e9, 400.0
    flagged = label(scores, method="Adaptive-Contamination").label < 0
    assert flagged[2_000:2_010].all()
    assert flagged[6_000:6_010].all()
    assert flagged.sum() == 20


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("degrees", [2, 3, 5])
def test_heavy_tails_are_not_flagged_for_being_heavy(method, degrees):
    for window in (10, 100):
        scores = np.random.default_rng(1).standard_t(degrees, 20_000) ** 2
        labels = label(scores, method=method, observation_window=window)
        assert (labels.label < 0).mean() <= 0.02
        if method not in FEW:
            assert (labels.label < 0).any()


def test_the_written_f_rule_alone_would_flag_heavy_tails():
    """The safeguard off: without a fitted tail the same series raises ten times the alarms."""
    scores = np.random.default_rng(1).standard_t(2, 20_000) ** 2
    mean = window_sums(scores[:-1], 100) / 100
    plain = (scores[100:] / mean > stats.f.isf(special.chdtrc(1, 10), 1, 100)).mean()
    fitted = (label(scores, method="Chi-Square", observation_window=100).label < 0).mean()
    assert plain > 0.015 > 10 * fitted / 2


# What the threshold counts, from the value that flags most to the one that flags least.
THETAS = {
    **dict.fromkeys(("Contamination", "Adaptive-Contamination"), (0.1, 0.01, 1e-3)),
    **dict.fromkeys(("Q-Score", "Q-Function"), (0.1, 1e-3, 1e-5)),
}


@pytest.mark.parametrize("method", [method for method in METHODS if method != "Otsu"])
def test_a_stricter_threshold_flags_fewer_rows(method):
    scores = np.random.default_rng(2).standard_normal(20_000) ** 2
    scores[[5_000, 9_000]] = [4_000.0, 6_000.0]
    counts = [
        int((label(cover_mean(scores, 30), method=method, threshold=theta).label < 0).sum())
        for theta in THETAS.get(method, (2, 6, 10, 30))
    ]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]


@pytest.mark.parametrize("method", THETAS)
@pytest.mark.parametrize(("default", "same"), [(10, 0), (10, 1)])
def test_where_a_share_is_meant_other_numbers_are_the_default(method, default, same):
    scores = np.random.default_rng(2).standard_t(3, 5_000) ** 2
    one, other = (label(scores, method=method, threshold=theta) for theta in (default, same))
    np.testing.assert_array_equal(one.threshold, other.threshold)


@pytest.mark.parametrize("method", METHODS)
def test_score_threshold_label_and_severity_agree(method):
    scores = np.random.default_rng(3).standard_t(3, 8_000) ** 2
    labels = label(scores, method=method, threshold=6, warm_up=20)
    rows = labels.judged
    warm_up = 20 + (10 if method in DYNAMIC else 0)
    np.testing.assert_array_equal(rows, np.arange(8_000) >= warm_up)
    assert (labels.label[~rows] == 1).all()
    assert (labels.severity[~rows] == 0).all()
    flagged = labels.label[rows] < 0
    np.testing.assert_array_equal(flagged, labels.score[rows] > labels.threshold[rows])
    assert flagged.any()
    assert (labels.severity[rows][flagged] >= 1).all()
    assert (labels.severity[rows][~flagged] <= 1 + 1e-9).all()
    assert np.isfinite(labels.score).all()
    assert (labels.score >= 0).all()
    assert labels.reason.startswith(method)


def test_the_table_of_label_methods_has_the_names_of_the_catalogue():
    assert set(labeling.METHODS) == set(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_scale_of_the_scores_does_not_matter(method):
    scores = np.random.default_rng(4).standard_t(3, 5_000) ** 2
    one, other = (label(scores * scale, method=method) for scale in (1.0, 2.0**40))
    np.testing.assert_array_equal(one.label, other.label)


@pytest.mark.parametrize("method", DYNAMIC)
def test_the_line_of_a_row_does_not_look_at_the_row_or_beyond(method):
    scores = np.random.default_rng(5).standard_normal(3_000) ** 2
    changed = scores.copy()
    changed[2_500:] *= 50
    one, other = (label(s, method=method, train_rows=2_000) for s in (scores, changed))
    same = one.judged & (np.arange(3_000) < 2_500)
    np.testing.assert_allclose(one.score[same], other.score[same], rtol=1e-9)
    np.testing.assert_allclose(one.threshold[same], other.threshold[same], rtol=1e-9)
    np.testing.assert_array_equal(one.label[:2_500], other.label[:2_500])


def test_a_lasting_change_of_level_stops_being_flagged():
    x = np.random.default_rng(6).standard_normal(4_000)
    x[2_000:2_400] *= 10
    labels = label(x**2, method="Chi-Square")
    inside = labels.label[2_000:2_400] < 0
    assert inside[:10].any()
    assert inside[100:].mean() < 0.02


def test_a_long_event_is_still_above_the_static_line():
    x = np.abs(np.random.default_rng(7).standard_normal(10_000))
    x[5_000:5_080] += 12
    assert (label(x, method="IID").label[5_000:5_080] < 0).mean() > 0.9


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "scores",
    [
        np.zeros(500),
        np.full(500, 3.0),
        np.r_[np.zeros(499), 1.0],
        np.full(40, 1e300),
        np.full(700, 5e-324),
        np.geomspace(1e-300, 1e300, 2_000),
        np.tile([0.0, 1.0], 400),
        np.ones(3),
        np.ones(0),
    ],
    ids=["zeros", "constant", "one", "huge", "tiny", "growth", "binary", "short", "empty"],
)
def test_degenerate_scores_get_finite_answers(method, scores):
    labels = label(scores, method=method, warm_up=2)
    for values in (labels.score, labels.threshold, labels.severity):
        assert values.shape == scores.shape
        assert np.isfinite(values).all()
    assert np.isin(labels.label, (-1, 1)).all()
    assert labels.label.dtype == np.int8


def test_equal_scores_are_not_flagged():
    for method in METHODS:
        for level in (0.0, 0.5):
            assert (label(np.full(1_000, level), method=method).label == 1).all()


@pytest.mark.parametrize("method", DYNAMIC)
def test_rounding_below_the_floor_is_not_flagged(method):
    scores = np.random.default_rng(8).standard_normal(2_000) ** 2 * 1e-28
    scores[1_000] = 1e-24
    assert (label(scores, method=method).label < 0).any()
    assert (label(scores, method=method, floor=1e-10).label == 1).all()


def test_wrong_arguments_are_refused():
    with pytest.raises(ParameterError, match="Did you mean 'Chi-Square'"):
        label(np.ones(50), method="chi square")
    for scores in (np.array([1.0, np.nan]), np.array([-1.0, 2.0]), np.ones((3, 2))):
        with pytest.raises(ParameterError, match="finite numbers"):
            label(scores, method="IID")


def slow_follow(x, window, factor, floor, start, gap):
    """The rule as one would say it: row by row, flagged rows clipped at their line."""
    seen, lines, flagged = list(x), np.full(len(x), np.inf), np.zeros(len(x), bool)
    for t in range(start, len(x)):
        end = max(t - gap, start)
        lines[t] = max(factor * np.mean(seen[end - window : end]), floor)
        if x[t] > lines[t]:
            flagged[t], seen[t] = True, lines[t]
    return lines, flagged


@pytest.mark.parametrize("window", [1, 3, 10, 200])
@pytest.mark.parametrize("factor", [1.1, 4.0, 30.0])
@pytest.mark.parametrize("gap", [0, 1, 47, 5_000])
@pytest.mark.parametrize("sweeps", [False, True], ids=["blocks", "sweeps"])
def test_blocks_and_sweeps_follow_the_same_line_as_row_by_row(monkeypatch, window, factor, gap, sweeps):
    monkeypatch.setattr(trailing, "_LONG", 0 if sweeps else 10_000)
    rng = np.random.default_rng(window)
    x = rng.standard_t(2, 3_000) ** 2
    x[1_000:1_200] *= 100

    def line(past):
        return np.maximum(factor * window_sums(past, window) / window, 0.01)

    reference = Reference(window, window + 5, gap)
    lines, flagged = follow(x, reference, line)
    slow_lines, slow_flagged = slow_follow(x, window, factor, 0.01, window + 5, gap)
    np.testing.assert_array_equal(flagged, slow_flagged)
    np.testing.assert_allclose(lines, slow_lines, rtol=1e-10)


def test_the_fitted_tail_is_the_written_one_where_the_series_is_gaussian():
    rng = np.random.default_rng(9)
    for window in (10, 50):
        scores = rng.standard_normal(200_000) ** 2
        tail = fit_f_tail(scores[window:] / (window_sums(scores[:-1], window) / window), window)
        written = stats.f.isf(special.chdtrc(1, 10), 1, window)
        assert tail.line(special.chdtrc(1, 10)) == pytest.approx(written, rel=0.1)


def test_f_tail_agrees_with_scipy_and_goes_on_where_it_underflows():
    tail = FTail(1.7, 9.0, 2.0)
    ratio = np.geomspace(1e-3, 1e6, 50)
    np.testing.assert_allclose(tail.log_survival(ratio), stats.f.logsf(ratio / 2.0, 1.7, 9.0), rtol=1e-9)
    assert tail.line(1e-4) == pytest.approx(2.0 * stats.f.isf(1e-4, 1.7, 9.0))
    steep = FTail(40.0, 900.0, 1.0)
    far = steep.log_survival(np.geomspace(2, 1e9, 4_000))
    assert np.isfinite(far).all()
    assert far[-1] < -5_000
    steps = np.diff(far)
    assert (steps < 0).all()
    assert np.abs(np.diff(steps)).max() < 0.01  # no jump where one formula takes over from the other


@pytest.mark.parametrize("level", [1.0, 0.1, 3e-7])
def test_scores_of_two_levels_have_no_tail_to_fit(level):
    scores = np.zeros(1_000)
    scores[::100] = level
    assert pareto_line(scores, 1e-3) == level
    judged = label(scores, method="IID")
    assert (judged.threshold >= level).all()
    assert np.isfinite(judged.threshold).all()


def test_pareto_line_finds_the_quantile_of_known_tails():
    rng = np.random.default_rng(10)
    for draw, distribution in ((rng.exponential, stats.expon), (lambda size: rng.pareto(4, size), None)):
        lines = [pareto_line(draw(size=20_000), 1e-3) for _ in range(20)]
        truth = distribution.isf(1e-3) if distribution else 1e-3 ** (-1 / 4) - 1
        assert np.mean(lines) == pytest.approx(truth, rel=0.06)


def test_bulk_line_is_not_moved_by_a_tenth_of_anomalies():
    scores = np.exp(np.random.default_rng(11).standard_normal(5_000))
    spoiled = np.r_[scores, np.full(500, 1e6)]
    assert bulk_line(spoiled, 1e-3) < 3 * bulk_line(scores, 1e-3)


def test_merged_runs_are_the_flagged_rows():
    rng = np.random.default_rng(12)
    labels = np.where(rng.random(400) < 0.2, -1, 1).astype(np.int8)
    severity = rng.random(400)
    runs = merge_runs(labels, severity)
    rows = [row for first, last, _ in runs for row in range(first, last + 1)]
    assert rows == np.flatnonzero(labels < 0).tolist()
    assert all(severity[peak] == severity[first : last + 1].max() for first, last, peak in runs)
    assert len(merge_runs(labels, severity, gap=3)) < len(runs)
    assert merge_runs(np.ones(5, np.int8), np.zeros(5)) == ()


@pytest.mark.parametrize("method", METHODS)
def test_cost_grows_with_the_rows_only(method):
    """Ten times the rows, and a window a hundred times as long, at about the price of the rows."""

    def seconds(rows, window):
        scores = np.random.default_rng(13).standard_t(3, rows) ** 2
        runs = []
        for _ in range(3):
            since = time.process_time()
            label(scores, method=method, observation_window=window)
            runs.append(time.process_time() - since)
        return min(runs)

    seconds(2_000, 10)
    small = seconds(20_000, 10)
    assert seconds(200_000, 10) < 25 * small + 0.05
    assert seconds(20_000, 1_000) < 10 * small + 0.05
