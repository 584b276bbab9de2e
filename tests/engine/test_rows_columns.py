"""Columns of a table of rows: gaps, texts, constants, huge numbers, and what is refused."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from engine.tables import kinds_of, mixed
from oddline.errors import CancelledError, DataError, ParameterError
from oddline.rows import IMPUTATIONS, RowScatter, fit_rows
from oddline.rows import model as model_module

NAN = np.nan
both = pytest.mark.parametrize("contains_anomalies", [True, False])


def learnt(columns, **more):
    return fit_rows(columns, kinds=kinds_of(columns), **more)


def texts(*values):
    return np.array(values, dtype=object)


FILLS = {"zeroes": 0.0, "mean": 4.0, "median": 3.0, "mode": 1.0, "min": 1.0, "max": 10.0}


@pytest.mark.parametrize("way", IMPUTATIONS)
def test_a_missing_number_is_replaced_by_what_the_learnt_rows_say(way):
    values = np.array([1.0, 1.0, NAN, 3.0, 5.0, 10.0, NAN, np.inf])
    made = learnt({"a": values}, imputation={"a": way})
    assert made.encoding.fill.tolist() == [FILLS[way]]
    asked = made.score({"a": [NAN, FILLS[way]]})
    assert asked[0] == asked[1]
    # What is in the rows that are judged has no say.
    assert made.score({"a": [NAN, 77.0, 78.0]})[0] == asked[0]


TEXT_FILLS = {"mode": "d", "mean": "d", "median": "d", "min": "a", "max": "e", "zeroes": ""}


@pytest.mark.parametrize(("way", "text"), TEXT_FILLS.items())
def test_a_missing_text_is_replaced_likewise(way, text):
    values = texts(*"aabbcccdddde", None, None)
    made = learnt({"a": values}, imputation={"a": way})
    assert made.encoding.categories[0].fill == text
    scores, distances = (ask({"a": texts(None, text)}) for ask in (made.score, made.mahalanobis))
    assert scores[0] == scores[1]
    assert distances[0] == distances[1]


def test_a_column_that_is_not_there_is_missing_in_every_row():
    columns = mixed()
    made = learnt(columns)
    without = {name: values for name, values in columns.items() if name not in ("level", "site")}
    gone = dict(columns, level=np.full(400, NAN), site=np.full(400, None))
    assert_array_equal(made.score(without), made.score(gone))
    assert_array_equal(made.score({"other": [1, 2]}), made.score({"level": [NAN, NAN]}))
    assert made.score({}).shape == made.mahalanobis({"level": []}).shape == (0,)


def test_what_the_model_does_not_know_is_left_out():
    columns = mixed()
    made = learnt(columns)
    assert_array_equal(made.score({**columns, "more": ["x"] * 400}), made.training_scores)


def test_frequent_texts_have_an_axis_each_and_all_others_share_one():
    rng = np.random.default_rng(0)
    often = [f"often {i}" for i in range(12)]
    values = texts(*rng.choice(often, 1_000), *(f"once {i}" for i in range(30)), "twice", "twice")
    made = learnt({"a": values})
    known = made.encoding.categories[0].values
    assert len(known) == 8
    assert set(known) <= set(often)
    assert made.encoding.size() == 9
    asked = made.encoding.points({"a": texts(known[3], "once 7", "never", None)}, slice(0, 4), 4)
    assert asked.sum(axis=1).tolist() == [1.0] * 4
    assert asked[:, 8].tolist() == [0.0, 1.0, 1.0, 0.0]
    assert asked[0, 3] == 1.0
    assert asked[3, 0] == 1.0  # the most frequent


def test_what_stands_for_missing_texts_is_as_frequent_as_they_are():
    values = texts(*"aab" * 20, *[None] * 90)
    made = learnt({"a": values}, imputation={"a": "zeroes"})
    assert made.encoding.categories[0].values == ("", "a", "b")


def test_many_columns_of_texts_have_few_axes_each():
    columns = {f"c{i}": texts(*"abcdefgh" * 5) for i in range(300)}
    assert learnt(columns).encoding.size() <= 1_024


def test_a_rare_and_an_unseen_text_are_odder_than_a_frequent_one():
    values = texts(*["a"] * 300, *["b"] * 90, "c", "d", "e", "f")
    made = learnt({"a": values, "b": np.random.default_rng(0).normal(size=394)})
    for ask, sign in ((made.score, 1), (made.mahalanobis, -1)):
        usual, rare, unseen = sign * ask({"a": texts("a", "c", "zz"), "b": np.zeros(3)})
        assert usual > rare == unseen


@both
def test_columns_that_say_nothing_change_nothing_for_rows_that_keep_to_them(contains_anomalies):
    columns = mixed()
    made = learnt(columns, contains_anomalies=contains_anomalies)
    few = {name: columns[name] for name in ("level", "flow", "site", "name")}
    bare = learnt(few, contains_anomalies=contains_anomalies)
    assert (made.training_scores <= 0).sum() == (bare.training_scores <= 0).sum()
    assert np.corrcoef(made.mahalanobis(columns), bare.mahalanobis(few))[0, 1] > 0.99
    # What was always missing may be there later on.
    asked = {name: values[:50] for name, values in columns.items()}
    for number in (1e6, np.inf):
        late = {**asked, "none": np.full(50, number), "blank": np.full(50, "here")}
        np.testing.assert_allclose(made.score(late), made.score(asked), rtol=1e-9)


HUGE = {
    "infinite": [np.inf, -np.inf],
    "the largest numbers": [1.7e308, -1.7e308],
    "the smallest numbers": [5e-324, -5e-324],
}


@both
@pytest.mark.parametrize("huge", HUGE.values(), ids=HUGE)
def test_huge_numbers_are_odd_and_harm_no_other_row(huge, contains_anomalies):
    values = np.random.default_rng(0).normal(size=(500, 2))
    values[:2, 0] = huge
    made = learnt({"a": values[:, 0], "b": values[:, 1]}, contains_anomalies=contains_anomalies)
    distances = made.mahalanobis({"a": values[:, 0], "b": values[:, 1]})
    assert np.isfinite(made.training_scores).all()
    assert np.isfinite(distances).all()
    assert distances.min() >= 0
    if max(huge) > 1:
        assert set(np.argsort(-distances)[:2].tolist()) == {0, 1}
        assert (made.training_scores[:2] <= 0).all()
        assert np.median(distances) < 5


@both
@pytest.mark.parametrize("rows", [1, 2, 3, 7, 40])
def test_rows_that_are_all_alike_are_not_anomalous(rows, contains_anomalies):
    columns = {"a": np.full(rows, 5.0), "b": np.full(rows, "x", dtype=object), "c": np.full(rows, NAN)}
    made = learnt(columns, contains_anomalies=contains_anomalies)
    assert (made.training_scores > 0).all()
    assert np.isfinite(made.mahalanobis({"a": [5.0, 1e9], "b": ["x", "y"]})).all()


def test_a_line_on_many_like_rows_is_moved_below_them():
    values = np.zeros(1_000)
    values[:30] = np.random.default_rng(0).normal(9.0, 1.0, 30)
    made = learnt({"a": values})
    assert (made.training_scores <= 0).sum() == 30
    assert (made.training_scores[:30] <= 0).all()


def test_a_line_on_like_rows_in_the_midst_of_others_is_moved_likewise():
    """A quarter of the rows is alike and less usual than most: with them it would be 30 % of all."""
    values = np.zeros((1_000, 2))
    values[:50] = np.random.default_rng(0).normal(30.0, 5.0, (50, 2))
    values[50:300] = 3.0
    made = learnt({"a": values[:, 0], "b": values[:, 1]})
    scores = made.training_scores
    assert scores[:50].max() < 0 < scores[50] < scores[300]


@both
def test_the_same_seed_gives_the_same_model_and_another_one_another(contains_anomalies):
    columns = mixed(3_000)
    first, again = (learnt(columns, contains_anomalies=contains_anomalies) for _ in range(2))
    assert_array_equal(first.training_scores, again.training_scores)
    assert_array_equal(first.mahalanobis(columns), again.mahalanobis(columns))
    other = learnt(columns, contains_anomalies=contains_anomalies, random_state=1)
    assert (first.training_scores != other.training_scores).any()


@both
def test_blocks_and_single_rows_have_the_scores_of_the_whole(contains_anomalies, monkeypatch):
    columns = mixed(700)
    made = learnt(columns, contains_anomalies=contains_anomalies)
    distances = made.mahalanobis(columns)
    assert_array_equal(made.score(columns), made.training_scores)
    monkeypatch.setattr(model_module, "_BLOCK_ROWS", 37)
    np.testing.assert_allclose(made.score(columns), made.training_scores, rtol=1e-12)
    np.testing.assert_allclose(made.mahalanobis(columns), distances, rtol=1e-12)
    for row in (0, 5, 699):
        alone = {name: values[row : row + 1] for name, values in columns.items()}
        if contains_anomalies:  # to the last bit: a row on the line stays there
            assert made.score(alone) == made.training_scores[row]
        np.testing.assert_allclose(made.score(alone), made.training_scores[row], rtol=1e-12)


def test_no_row_is_drawn_twice():
    drawn = model_module._drawn(np.random.default_rng(0), 1_000, 900)
    assert len(set(drawn.tolist())) == 900


def test_the_order_of_the_rows_does_not_matter():
    columns = mixed(700)
    made = learnt(columns)
    turned = {name: values[::-1] for name, values in columns.items()}
    assert_array_equal(made.score(turned)[::-1], made.training_scores)


def test_units_do_not_matter():
    """Stamps differ by less than single precision tells apart, beside what they all have in common."""
    columns = {"a": np.random.default_rng(0).normal(size=800), "b": np.random.default_rng(1).random(800)}
    plain = learnt(columns)
    moved = learnt({"a": 1.7e12 + 1e3 * columns["a"], "b": 1e-9 * columns["b"]})
    np.testing.assert_allclose(moved.training_scores, plain.training_scores, atol=2e-3)


def test_more_rows_than_are_learnt_from_are_all_judged(monkeypatch):
    monkeypatch.setattr(model_module, "_SAMPLE_ROWS", 2_000)
    columns = mixed(9_000)
    made = learnt(columns)
    assert made.rows == len(made.training_scores) == 9_000
    assert (made.training_scores <= 0).mean() == pytest.approx(0.1, abs=0.002)


@pytest.mark.parametrize("kind", ["normal", "lognormal", "uniform", "standard_t"])
def test_clean_rows_are_hardly_ever_called_anomalous_and_odd_ones_are(kind):
    shares = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        draw = getattr(rng, kind)
        more = {"standard_t": {"df": 4}}.get(kind, {})
        rows, fresh = (draw(**more, size=(size, 6)) for size in (1_000, 20_000))
        made = learnt({f"c{i}": rows[:, i] for i in range(6)}, contains_anomalies=False)
        assert (made.training_scores > 0).all()
        shares.append((made.score({f"c{i}": fresh[:, i] for i in range(6)}) <= 0).mean())
        far = np.full((1, 6), 1e4)
        assert made.score({f"c{i}": far[:, i] for i in range(6)})[0] < -0.4
    assert np.mean(shares) < 0.003


def test_a_line_by_few_clean_rows_is_not_drawn_close_around_them():
    made = RowScatter(contamination=0).fit(np.array([[-1.0], [1.0]] * 10))
    assert made.predict([[0.0], [1.5], [9.0]]).tolist() == [1, 1, -1]


def test_a_clean_model_sees_columns_part_that_moved_together():
    rng = np.random.default_rng(0)
    a = rng.normal(size=1_000)
    made = learnt({"a": a, "b": a + rng.normal(size=1_000) / 20}, contains_anomalies=False)
    asked = made.score({"a": [1.5, 1.5], "b": [1.5, -1.5]})
    assert asked[0] > 0 > asked[1]


def test_strays_among_clean_rows_do_not_move_the_line():
    rows = np.random.default_rng(0).normal(size=(1_000, 3))
    rows[:2] = 1e6
    made = learnt({f"c{i}": rows[:, i] for i in range(3)}, contains_anomalies=False)
    assert np.flatnonzero(made.training_scores <= 0).tolist() == [0, 1]


def test_progress_grows_and_ends_a_computation():
    columns = mixed(700)
    seen = []
    made = learnt(columns, progress=lambda fraction, stage: seen.append((fraction, stage)))
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert list(dict.fromkeys(stage for _, stage in seen)) == ["inspection", "learning", "scores"]
    for stop in range(len(seen)):
        calls = iter(range(len(seen)))

        def progress(fraction, stage, calls=calls, stop=stop):
            if next(calls) == stop:
                raise CancelledError("enough")

        with pytest.raises(CancelledError):
            learnt(columns, progress=progress)

    def refuse(fraction, stage):
        raise CancelledError("enough")

    for ask in (made.score, made.mahalanobis):
        with pytest.raises(CancelledError):
            ask(columns, progress=refuse)


def test_memory_beside_the_columns_does_not_grow_with_the_cells():
    columns = {f"c{i}": np.random.default_rng(i).normal(size=200_000) for i in range(20)}
    tracemalloc.start()
    try:
        learnt(columns).mahalanobis(columns)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 70_000_000  # the table has 32 MB, in blocks; a copy of it in floats would be as much again


REFUSED = {
    "no columns": ({}, {}, {}, ParameterError, "names no column"),
    "no rows": ({"a": []}, {"a": "number"}, {}, DataError, "no rows"),
    "a kind that is none": ({"a": [1.0]}, {"a": "numbre"}, {}, ParameterError, "Did you mean 'number'"),
    "a column that is not there": (
        {"abc": [1.0]},
        {"abd": "number"},
        {},
        ParameterError,
        "Did you mean 'abc'",
    ),
    "a way that is none": (
        {"a": [1.0]},
        {"a": "number"},
        {"a": "avg"},
        ParameterError,
        "expected one of zeroes",
    ),
    "a way for no column": ({"a": [1.0]}, {"a": "number"}, {"b": "mean"}, ParameterError, "not there"),
    "texts for numbers": ({"a": ["x"]}, {"a": "number"}, {}, DataError, "is to be one of numbers"),
    "numbers for texts": ({"a": [1]}, {"a": "category"}, {}, DataError, "of type int"),
    "numbers and gaps for texts": ({"a": [1.5, NAN]}, {"a": "category"}, {}, DataError, "of type float"),
    "lists for texts": ({"a": texts(["x"], None)[:1]}, {"a": "category"}, {}, DataError, "of type list"),
    "unlike lengths": (
        {"a": [1.0], "b": [1.0, 2.0]},
        {"a": "number", "b": "number"},
        {},
        DataError,
        "2 rows",
    ),
    "a matrix": ({"a": [[1.0]]}, {"a": "number"}, {}, DataError, "2 dimensions"),
}


@pytest.mark.parametrize(("columns", "kinds", "imputation", "error", "told"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_learnt_from_is_refused(columns, kinds, imputation, error, told):
    with pytest.raises(error, match=told):
        fit_rows(columns, kinds=kinds, imputation=imputation)


@pytest.mark.parametrize("share", [0.0, 0.6, NAN])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(ParameterError, match="above 0 and up to"):
        fit_rows({"a": [1.0, 2.0]}, kinds={"a": "number"}, contamination=share)


def test_rows_that_cannot_be_judged_are_refused():
    made = learnt(mixed())
    with pytest.raises(DataError, match="'level' is to be one of numbers"):
        made.score({"level": ["high"]})
    with pytest.raises(DataError, match="has 1 rows and 'level' has 2"):
        made.mahalanobis({"level": [1.0, 2.0], "flow": [1.0]})
    with pytest.raises(DataError, match="of type dict"):
        made.score({"site": [{}]})


def test_texts_of_other_tables_may_hold_nan_for_none():
    values = texts("a", "b", "a", float("nan"), None)
    made = learnt({"a": values})
    assert_array_equal(made.training_scores[3:], made.score({"a": texts("a", "a")}))
