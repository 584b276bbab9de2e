"""Regressors and forecasters, each by itself against a plain reference."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.svm import LinearSVR as ReferenceSVR

from oddline.operators.exploration import Member, fit_column, held_out_errors, quick
from oddline.operators.forecast_net import ConvolutionalNet
from oddline.operators.forecasters import WINDOWINGS, Forecaster, fit_filters, fit_learner, forecast
from oddline.operators.perceptron import Perceptron
from oddline.operators.regression_trees import ExtraTrees
from oddline.operators.regressors import LinearSVR, Ridge, SeasonalNaive, ZeroModel

rng = np.random.default_rng(8)
EACH = [
    ZeroModel(),
    SeasonalNaive(2),
    Ridge(0.1),
    LinearSVR(),
    ExtraTrees(),
    Perceptron(),
    ConvolutionalNet(),
]
each = pytest.mark.parametrize("regressor", EACH, ids=lambda r: type(r).__name__)


@pytest.fixture(autouse=True)
def same_numbers_whatever_ran_before():
    global rng
    rng = np.random.default_rng(8)


def test_flatten_is_ridge_on_the_last_rows():
    series = rng.normal(size=400).cumsum() / 10
    series -= series.mean()
    past = np.column_stack([series[8 - k : 400 - k] for k in range(1, 9)])
    gram = past.T @ past
    naive = np.linalg.solve(gram + 0.01 * np.trace(gram) / 8 * np.eye(8), past.T @ series[8:])
    assert_allclose(fit_filters(series, [Forecaster("Flatten", Ridge(0.01), 8)])[0], naive, rtol=1e-6)


def test_normalised_windows_are_weighted_least_squares():
    series = np.sin(np.arange(300) / 4) + rng.normal(size=300) / 5
    rows = [series[t - 6 : t][::-1] for t in range(6, 300)]
    z = np.array([(w - w.mean()) / w.std() for w in rows])
    y = np.array([(series[t] - w.mean()) / w.std() for t, w in zip(range(6, 300), rows, strict=True)])
    gram = z.T @ z
    weights = np.linalg.solve(gram + 0.1 * np.trace(gram) / 6 * np.eye(6), z.T @ y)
    fitted = fit_filters(series, [Forecaster("NormalizedFlatten", Ridge(0.1), 6)])[0]
    forecasts = [w.mean() + w.std() * (weights @ ((w - w.mean()) / w.std())) for w in rows]
    assert_allclose(forecast(series, fitted[None])[:, 0], forecasts, rtol=1e-6)


def test_steps_forecast_a_line_exactly():
    line = np.linspace(-1, 1, 80)
    fitted = fit_filters(line, [Forecaster("DifferenceFlatten", Ridge(1e-9), 4)])
    assert_allclose(forecast(line, fitted)[:, 0], line[4:], atol=1e-6)


@pytest.mark.parametrize("windowing", WINDOWINGS)
@pytest.mark.parametrize("rows", [1, 2, 3, 9])
def test_any_length_has_a_forecaster(windowing, rows):
    fitted = fit_filters(np.arange(rows) - 1.0, [Forecaster(windowing, Ridge(0.1), 4)])
    assert fitted.shape == (1, 4)
    assert np.isfinite(fitted).all()


@pytest.mark.parametrize("windowing", WINDOWINGS)
@pytest.mark.parametrize("ahead", [2, 7])
def test_further_ahead_is_ridge_on_older_rows(windowing, ahead):
    series = rng.normal(size=300).cumsum() / 10
    wanted = Forecaster(windowing, Ridge(0.05), 6, ahead)
    fitted = forecast(series, fit_filters(series, [wanted]))[:, 0]
    windows = np.array([series[t - ahead - 5 : t - ahead + 1] for t in range(5 + ahead, 300)])
    learner = fit_learner(series, wanted)
    assert len(fitted) == len(windows) == 300 - wanted.reach
    assert_allclose(learner.forecast(series), fitted, atol=0.02)
    features, center, width = learner.framing.apart(windows)
    truth = (series[5 + ahead :] - center) / width
    gram = features.T @ features
    lift = 0.05 * np.trace(gram) / len(gram) * np.eye(len(gram))
    naive = center + width * (features @ np.linalg.solve(gram + lift, features.T @ truth))
    assert_allclose(learner.forecast(series), naive, atol=1e-9)


def test_the_naive_forecasts():
    series = rng.normal(size=60)
    wanted = [Forecaster(windowing, ZeroModel(), 5) for windowing in WINDOWINGS]
    wanted.append(Forecaster("Flatten", SeasonalNaive(7), 7))
    found = forecast(series, fit_filters(series, wanted))
    assert_allclose(found[:, 0], 0.0)
    assert_allclose(found[:, 1], [series[t - 5 : t].mean() for t in range(7, 60)])
    assert_allclose(found[:, 2], series[6:-1])
    assert_allclose(found[:, 3], series[:-7])


@pytest.mark.parametrize("epsilon", [0.0, 0.3])
def test_support_vectors_reach_the_least_cost(epsilon):
    features = rng.normal(size=(400, 9))
    targets = features @ rng.normal(size=9) + rng.standard_t(2, 400)

    def cost(weights):
        beyond = np.maximum(np.abs(targets - features @ weights) - epsilon, 0.0)
        return 0.5 * weights @ weights + beyond.sum()

    reference = ReferenceSVR(
        epsilon=epsilon, fit_intercept=False, tol=1e-8, max_iter=500_000, random_state=0
    ).fit(features, targets)
    assert cost(LinearSVR(epsilon=epsilon).fit(features, targets).weights_) < 1.002 * cost(reference.coef_)


def test_support_vectors_are_not_pulled_by_wild_rows():
    features = rng.normal(size=(300, 3))
    targets = features @ [1.0, -2.0, 0.5]
    targets[::20] += 50.0
    assert_allclose(LinearSVR().fit(features, targets).weights_, [1.0, -2.0, 0.5], atol=0.05)


def test_trees_find_a_step_and_never_leave_what_they_have_seen():
    features = rng.uniform(-1, 1, size=(1_000, 4))
    targets = np.where(features[:, 1] > 0.2, 3.0, -1.0)
    trees = ExtraTrees(random_state=1).fit(features, targets)
    new = rng.uniform(-2, 2, size=(500, 4))
    found = trees.predict(new)
    clear = np.abs(new[:, 1] - 0.2) > 0.1
    assert np.abs(found - np.where(new[:, 1] > 0.2, 3.0, -1.0))[clear].mean() < 0.15
    assert found.min() >= -1.0 - 1e-9
    assert found.max() <= 3.0 + 1e-9


def test_a_tree_of_depth_one_is_the_best_of_the_cuts_it_drew():
    features = np.arange(40.0)[:, None]
    targets = (features[:, 0] >= 25).astype(float)
    stump = ExtraTrees(n_estimators=1, max_depth=1, max_features=400).fit(features, targets)
    assert_array_equal(stump.predict(features), targets)


def test_deeper_trees_fit_no_worse():
    features = np.linspace(0, 1, 2_000)[:, None]
    targets = 100 * features[:, 0]
    shallow, deep = (
        np.mean((ExtraTrees(max_depth=depth).fit(features, targets).predict(features) - targets) ** 2)
        for depth in (8, 10)
    )
    assert deep < shallow < 1.0


@pytest.mark.parametrize("net", [Perceptron(), ConvolutionalNet()], ids=["numpy", "torch"])
def test_a_net_learns_what_no_line_can(net):
    features = rng.normal(size=(4_000, 5))
    targets = np.abs(features[:, 0]) + 0.1 * rng.normal(size=4_000)
    line = np.mean((Ridge(1e-3).fit(features, targets).predict(features) - targets) ** 2)
    left = np.mean((net.fit(features, targets).predict(features) - targets) ** 2)
    assert left < 0.2 * line


def test_no_net_where_there_is_nothing_to_learn():
    features = rng.normal(size=(300, 5))
    targets = features @ np.ones(5) + rng.normal(size=300)
    net = Perceptron().fit(features, targets)
    line = Ridge(1e-3).fit(features[:240], targets[:240])
    assert np.abs(net.predict(features) - line.predict(features)).max() < 1.0


@each
def test_each_is_the_same_twice_and_row_by_row(regressor):
    features, targets = rng.normal(size=(200, 6)), rng.normal(size=200)
    first = regressor.fit(features, targets).predict(features)
    assert_array_equal(first, regressor.fit(features, targets).predict(features))
    single = [regressor.predict(row[None])[0] for row in features[:20]]
    assert_allclose(single, first[:20], rtol=1e-9, atol=1e-12)


@each
@pytest.mark.parametrize(
    "values", [np.zeros((4, 3)), np.ones((2, 3)), np.full((9, 3), 1e9)], ids=["zeros", "ones", "large"]
)
def test_each_survives_constant_rows(regressor, values):
    assert np.isfinite(regressor.fit(values, values[:, 0]).predict(values)).all()


def test_the_right_regressor_has_the_lowest_held_out_error():
    line = np.zeros(1_200)
    bend = np.full(1_200, 0.3)
    for t in range(2, 1_200):
        line[t] = 1.2 * line[t - 1] - 0.6 * line[t - 2] + rng.normal()
        bend[t] = 3.7 * bend[t - 1] * (1 - bend[t - 1])  # the logistic map: chaos without a line
    members = [
        Member("SkipTransformer", Forecaster("Flatten", r, 4))
        for r in (Ridge(1e-3), Perceptron(), ExtraTrees())
    ]
    errors = held_out_errors(line, members)
    assert errors[0] < 1.05 * errors.min()
    errors = held_out_errors(bend, members)
    assert max(errors[1:]) < 0.5 * errors[0]


def test_a_season_is_forecast_by_the_season():
    season = np.tile(rng.normal(size=40), 30)
    members = quick(8, ["SkipTransformer"], period=40)
    errors = held_out_errors(season + rng.normal(size=1_200) / 100, members)
    assert isinstance(members[int(errors.argmin())].forecaster.regressor, SeasonalNaive)


def test_forecasts_of_a_column_do_not_depend_on_the_future():
    series = rng.normal(size=400)
    members = [
        Member("SkipTransformer", Forecaster(windowing, regressor, 8, ahead))
        for windowing, regressor, ahead in [
            ("Flatten", Ridge(0.1), 1),
            ("DifferenceFlatten", ExtraTrees(), 1),
            ("NormalizedFlatten", Perceptron(), 3),
        ]
    ]
    model = fit_column(series, members)
    whole = model.residuals(series)
    assert_allclose(model.residuals(series[:250]), whole[:250], rtol=1e-9)
    assert_allclose(model.residuals(series[100:])[model.reach :], whole[100 + model.reach :], rtol=1e-9)
