"""Repairs happen on a regular working copy, are told in words, and rows come back as they went in."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddline.errors import DataError
from oddline.prepare import LEAST_ROWS, LONGEST_HOLE, _known, prepare
from oddline.table import Table, read_table

DATA = Path(__file__).parents[1] / "data"
MINUTE = 60 * 10**9


def table(time, values=None, unit="ns") -> Table:
    """A table over these times; each value defaults to its position in the file."""
    time = None if time is None else np.asarray(time, dtype=np.int64)
    values = np.arange(len(time), dtype=float) if values is None else np.asarray(values, dtype=float)
    values = values.reshape(len(values), -1)
    names = tuple(f"c{number}" for number in range(values.shape[1]))
    return Table([str(row) for row in range(len(values))], time, values, names, (), "t", unit)


def minutes(*parts) -> np.ndarray:
    return np.concatenate([np.asarray(part, dtype=np.int64) for part in parts]) * MINUTE


def stamps(texts) -> Table:
    rows = "".join(f"{text},{row}\n" for row, text in enumerate(texts))
    return read_table(("Time,Value\n" + rows).encode(), time_column="Time")


def refused(data: Table, code: str) -> DataError:
    with pytest.raises(DataError, match="repair is strict") as caught:
        prepare(data, "strict")
    assert caught.value.code == code
    return caught.value


def test_a_regular_series_is_shared_not_copied():
    data = table(minutes(range(50)))
    for repair in ("auto", "strict"):
        prepared = prepare(data, repair)
        assert prepared.values is data.values
        assert prepared.notes == ()
        assert prepared.step == MINUTE
        assert prepared.observed.all()
        assert prepared.known == 50
        assert prepare(data, repair, train_rows=20).known == 20
    assert prepare(table(None, np.arange(20.0))).step is None


def test_the_real_hole_is_told_in_words():
    data = read_table(DATA / "ec2_network_in.csv")
    prepared = prepare(data)
    assert prepared.notes == ("65-minute hole after row 2,117: 12 steps interpolated for the computation.",)
    assert prepared.values.shape == (4718 + 12, 1)
    assert (~prepared.observed).sum() == 12
    np.testing.assert_array_equal(prepared.back(prepared.values), data.values)
    before, after = data.values[2116, 0], data.values[2117, 0]
    np.testing.assert_allclose(prepared.values[2116:2130, 0], np.linspace(before, after, 14))
    heads = [prepare(data, train_rows=rows).known for rows in (2117, 2118, 4718)]
    assert heads == [2117, 2130, 4730]
    error = refused(data, "gap")
    assert error.where["row"] == 2117
    assert "65-minute hole after row 2,117" in error.message


@pytest.mark.parametrize("name", ["sample", "twitter_volume_aapl", "sample_extreme"])
def test_clean_files_need_no_repair(name):
    data = read_table(DATA / f"{name}.csv")
    assert prepare(data, "strict").values is data.values


def test_many_holes_are_summed_up():
    time = [m for m in range(200) if m % 20 != 7] + list(range(260, 300))
    prepared = prepare(table(minutes(time)))
    assert prepared.notes == (
        "11 holes: 70 steps interpolated for the computation; the longest a 61-minute hole after row 190.",
    )
    assert len(prepared.values) == 300


def test_a_huge_hole_does_not_blow_up_the_grid():
    time = minutes(range(500), range(10**8, 10**8 + 500))
    prepared = prepare(table(time))
    assert len(prepared.values) == 1000 + LONGEST_HOLE
    (note,) = prepared.notes
    assert note == "69444.1-day hole after row 500: shortened to 100 interpolated steps for the computation."
    assert prepared.back(prepared.values)[:, 0].tolist() == list(range(1000))


def test_irregular_times_count_as_equally_spaced():
    generator = np.random.default_rng(0)
    time = np.cumsum(generator.exponential(MINUTE, 400)).astype(np.int64)
    data = table(time)
    prepared = prepare(data)
    assert prepared.values.shape == (400, 1)
    assert prepared.step is None
    assert "irregular" in prepared.notes[0]
    assert "equally spaced" in prepared.notes[0]
    refused(data, "irregular_time")


def test_small_jitter_stays_regular():
    generator = np.random.default_rng(0)
    time = minutes(range(400)) + generator.integers(-3 * 10**9, 3 * 10**9, 400)
    prepared = prepare(table(time))
    assert len(prepared.values) == 400
    assert prepared.step == pytest.approx(MINUTE, rel=0.02)


def test_months_are_regular():
    prepared = prepare(stamps(pd.date_range("2001-01-01", periods=120, freq="MS").strftime("%Y-%m-%d")))
    assert len(prepared.values) == 120
    assert prepared.step is not None


def test_rows_out_of_order_are_sorted_and_mapped_back():
    generator = np.random.default_rng(0)
    order = generator.permutation(100)
    data = table(minutes(order))
    prepared = prepare(data)
    np.testing.assert_array_equal(prepared.values[order], data.values)
    np.testing.assert_array_equal(prepared.back(prepared.values), data.values)
    assert "not in time order" in prepared.notes[0]
    assert prepare(data, train_rows=30).known == 30
    refused(data, "unsorted_time")
    newest_first = prepare(table(minutes(range(99, -1, -1))))
    assert newest_first.notes == (
        "The newest row comes first: rows are put in time order for the computation.",
    )


def test_rows_of_one_time_are_merged_by_their_mean():
    data = table(
        minutes(range(10), [9, 9], range(10, 20)), np.append(np.r_[0.0:10.0, np.nan, 15.0], range(10, 20))
    )
    prepared = prepare(data)
    assert prepared.values[:, 0].tolist() == [*range(9), 12.0, *range(10, 20)]
    assert prepared.rows.tolist() == [*range(10), 9, 9, *range(10, 20)]
    assert any("2 rows repeat the time" in note for note in prepared.notes)
    assert refused(table(data.time), "duplicate_time").where["row"] == 11


def test_several_series_in_one_file_keep_their_order():
    prepared = prepare(table(np.repeat(minutes(range(10)), 4)))
    assert prepared.rows.tolist() == list(range(40))
    assert "40 rows share 10 times" in prepared.notes[0]
    assert len(prepare(table(np.zeros(30))).values) == 30


@pytest.mark.parametrize("freq", ["5min", "15min", "h"])
def test_the_repeated_hour_at_the_end_of_daylight_saving(freq):
    local = pd.date_range("2021-10-29", "2021-11-02", freq=freq, tz="UTC").tz_convert("Europe/Berlin")
    data = stamps(local.strftime("%Y-%m-%d %H:%M:%S"))
    prepared = prepare(data)
    assert prepared.rows.tolist() == list(range(len(local)))
    assert prepared.observed.all()
    assert any("daylight saving" in note for note in prepared.notes)
    refused(data, "repeated_hour")
    aware = prepare(stamps(local.strftime("%Y-%m-%d %H:%M:%S%z")), "strict")
    assert aware.notes == ()


def test_two_changes_of_the_clock():
    local = pd.date_range("2021-10-01", "2022-04-10", freq="h", tz="UTC").tz_convert("America/New_York")
    prepared = prepare(stamps(local.strftime("%Y-%m-%d %H:%M")))
    assert prepared.rows.tolist() == list(range(len(local)))


@pytest.mark.parametrize("hour", [2, 2 * 24 + 12])
def test_a_step_back_at_noon_or_in_the_week_is_no_daylight_saving(hour):
    """1970 began on a Thursday."""
    start = 60 * hour
    time = minutes(range(start - 100, start, 10), range(start - 60, start + 500, 10))
    prepared = prepare(table(time))
    assert any("repeat the time" in note for note in prepared.notes)
    saturday_night = time + (48 * 60 * MINUTE if hour == 2 else 14 * 60 * MINUTE)
    assert any("daylight saving" in note for note in prepare(table(saturday_night)).notes)


def test_many_long_holes_do_not_blow_up_the_grid():
    bursts = [range(start, start + 4) for start in range(0, 5_000, 50)]
    prepared = prepare(table(minutes(*bursts)))
    assert prepared.values.shape == (400, 1)
    assert "equally spaced" in prepared.notes[0]


def test_missing_values_are_interpolated_and_counted():
    values = np.column_stack([np.arange(20.0), np.arange(20.0)])
    values[[0, 1, 5, 6, 19], 1] = np.nan
    data = table(minutes(range(20)), values)
    prepared = prepare(data)
    assert prepared.values[:, 1].tolist() == [2, 2, *range(2, 19), 18]
    assert prepared.notes == (
        "Column 'c1' misses 5 values: 2 interpolated and 3 at the start or end filled with the nearest.",
    )
    assert np.isnan(data.values).sum() == 5
    error = refused(data, "missing_value")
    assert error.where == {"row": 1, "column": "c1"}


def test_missing_values_weigh_by_time():
    values = np.arange(12.0)
    values[6] = np.nan
    prepared = prepare(table(minutes(range(6), range(8, 14)), values))
    np.testing.assert_allclose(prepared.values[5:10, 0], [5, 5.5, 6, 6.5, 7])


def test_a_column_without_values_is_refused():
    values = np.column_stack([np.arange(20.0), np.full(20, np.nan)])
    with pytest.raises(DataError, match="'c1' holds no value") as caught:
        prepare(table(minutes(range(20)), values))
    assert caught.value.where == {"column": "c1"}


def test_too_few_rows():
    with pytest.raises(DataError, match=f"at least {LEAST_ROWS}") as caught:
        prepare(table(minutes(range(LEAST_ROWS - 1))))
    assert caught.value.code == "too_few_rows"


def test_constant_columns_are_allowed_and_noted():
    prepared = prepare(table(minutes(range(20)), np.full(20, 3.0)), "strict")
    assert prepared.notes == ("Column 'c0' is constant.",)


def test_many_columns_are_summed_up():
    values = np.full((20, 8), 3.0)
    values[4] = np.nan
    notes = prepare(table(minutes(range(20)), values)).notes
    assert len(notes) == 12
    assert notes[5] == "3 more columns miss 3 values: filled the same way."
    assert notes[-1] == "3 more columns are constant."


def test_values_near_the_end_of_the_range_stay_finite():
    values = np.where(np.arange(30) % 2, 1e308, -1e308)
    values[[3, 4]] = np.nan
    prepared = prepare(table(minutes(range(29), [28]), values))
    assert np.isfinite(prepared.values).all()
    back = np.ldexp(prepared.back(prepared.values)[:3, 0], 1024)
    np.testing.assert_array_equal(back, values[:3])
    assert "Column 'c0' is judged in units of 2^1024." in prepared.notes


def test_a_few_values_beyond_reach_are_held_and_told():
    values = np.arange(60.0)
    values[[7, 9]] = 1e200, -1e150
    prepared = prepare(table(minutes(range(60)), values))
    assert prepared.values[[7, 9], 0].tolist() == [1e100, -1e100]
    np.testing.assert_array_equal(np.delete(prepared.values[:, 0], [7, 9]), np.delete(values, [7, 9]))
    assert prepared.notes == ("2 values of column 'c0' beyond 1e100 are held there: for the computation.",)
    assert refused(table(minutes(range(60)), values), "huge_value").where["row"] == 8


@pytest.mark.parametrize("order", [1, -1])
def test_what_is_learnt_from_is_filled_from_itself_alone(order):
    values = np.sin(np.arange(60.0))[:, None] * [1.0, 1e120]
    values[[0, 12, 38, 39, 40, 41], 0] = np.nan
    values[[38, 39], 1] = np.nan
    time = minutes(range(30), range(32, 62))
    changed = values.copy()
    changed[42:] *= 1e130
    changed[50:55] = np.nan
    one, other = (prepare(table(time[::order], v[::order]), train_rows=40) for v in (values, changed))
    assert one.known == other.known == 42
    np.testing.assert_array_equal(one.values[:42], other.values[:42])
    assert one.values[41, 0] == values[37, 0]
    np.testing.assert_allclose(one.values[41:45, 0], np.linspace(values[37, 0], values[42, 0], 4))


def test_rows_that_share_a_step_with_later_ones_are_not_learnt_from():
    data = table(minutes(range(20), [19], range(20, 39)))
    assert [prepare(data, train_rows=k).known for k in (19, 20, 21, 22)] == [19, 19, 20, 21]


def test_a_column_without_values_to_learn_from_is_refused():
    values = np.ones((40, 2))
    values[:25, 1] = np.nan
    with pytest.raises(DataError, match="'c1' holds no value in the rows to learn from") as caught:
        prepare(table(None, values), train_rows=20)
    assert caught.value.code == "empty_column"


def test_counts_instead_of_times():
    time = [*range(0, 500, 5), *range(530, 1000, 5)]
    prepared = prepare(table(time, unit=""))
    assert prepared.notes == ("7-step hole after row 100: 6 steps interpolated for the computation.",)
    extreme = np.linspace(-(2**63), 2**63 - 1024, 40).astype(np.int64)
    assert len(prepare(table(extreme, unit="")).values) == 40


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.data())
def test_n_rows_in_n_rows_out(data):
    n = data.draw(st.integers(LEAST_ROWS, 40))
    number = st.one_of(st.integers(0, 60), st.integers(-(2**63), 2**63 - 1), st.integers(0, 10**6))
    kind = data.draw(st.sampled_from([st.integers(0, 60), number]))
    time = data.draw(st.none() | st.lists(kind, min_size=n, max_size=n))
    scale = data.draw(st.sampled_from([1, MINUTE])) if time and max(map(abs, time)) <= 10**6 else 1
    cell = st.floats(allow_infinity=False)
    values = np.array(data.draw(st.lists(st.tuples(cell, cell), min_size=n, max_size=n)))
    if np.isnan(values).all(axis=0).any():
        return
    rows = table(
        None if time is None else np.array(time) * scale, values, data.draw(st.sampled_from(["ns", ""]))
    )
    before = values.copy()
    prepared = prepare(rows)
    m = len(prepared.values)
    assert np.isfinite(prepared.values).all()
    assert m <= 2 * n
    assert prepared.rows.shape == (n,)
    assert prepared.observed.sum() == len(np.unique(prepared.rows))
    assert prepared.back(np.arange(m)).tolist() == prepared.rows.tolist()
    np.testing.assert_array_equal(rows.values, before)
    assert prepared.known == m
    heads = [_known(prepared.rows, k) for k in range(1, n + 1)]
    assert heads == sorted(heads)
