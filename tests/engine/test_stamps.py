"""Times in every style: read as what they mean, shown as they came."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from oddline.errors import DataError, ParameterError
from oddline.stamps import read_stamps
from oddline.table import Table, read_table

DATA = Path(__file__).parents[1] / "data"
PATTERN = "%Y-%m-%d %H:%M:%S"


def times(*stamps: str, time_format: str | None = None) -> Table:
    text = "Time,Value\n" + "".join(f'"{stamp}",{row}\n' for row, stamp in enumerate(stamps))
    return read_table(text.encode(), time_column="Time", time_format=time_format)


def test_integer_times_without_and_with_a_date_pattern():
    path = DATA / "sample_extreme.csv"
    plain = read_table(path, time_column="Time", time_format="None")
    assert plain.index[990] == "990"
    assert plain.time_unit == ""
    dated = read_table(path, time_column="Time", time_format=PATTERN)
    assert dated.index[990:] == [f"1970-01-01 00:00:00.000000{row}" for row in range(990, 1000)]
    assert dated.time.tolist() == list(range(1000))
    assert dated.columns == ("Value_0", "Value_1", "Value_2", "Value_3")
    rows = json.dumps([{"t": row, "v": 1.0} for row in range(3)]).encode()
    assert read_table(rows, time_column="t", time_format=PATTERN).index[2] == "1970-01-01 00:00:00.000000002"


def test_one_style_of_stamps_for_a_column():
    second = 10**9
    for finest, end in ((second, ""), (second // 2, ".000000"), (1, ".000000000")):
        table = times("0", str(finest), str(5 * second), time_format=PATTERN)
        assert table.index[0] == "1970-01-01 00:00:00" + end
        assert {len(text) for text in table.index} == {19 + len(end)}


def test_digits_that_are_dates():
    table = times("20170131", "20170201", time_format="%Y%m%d")
    assert table.index == ["20170131", "20170201"]
    assert np.diff(table.time) == [86_400 * 10**9]
    assert np.diff(times("20170131", "20170201").time) == [86_400 * 10**9]
    with pytest.raises(DataError, match="row 2 "):
        times("20170131", "20170231", time_format="%Y%m%d")


@pytest.mark.parametrize(
    ("stamps", "seconds"),
    [
        (("1483228800", "1483228860"), 60),
        (("1483228800000", "1483228860000"), 60),
        (("2017-01-01T00:00:00Z", "2017-01-01T00:01:00Z"), 60),
        (("2017-01-01T01:00:00+01:00", "2017-01-01T00:01:00+00:00"), 60),
        (("2021-10-31T02:30:00+02:00", "2021-10-31T02:30:00+01:00"), 3600),
        (("2017-01-01 00:00:00.5", "2017-01-01 00:01:00"), 59.5),
        (("2017-01-01", "2017-01-02"), 86_400),
        (("2017-01", "2017-02"), 31 * 86_400),
        (("2017-01-01 00:00:00,250", "2017-01-01 00:00:01,250"), 1),
        (("2017/01/01 0:00", "2017/01/01 0:01"), 60),
        (("1/2/2017 3:10", "1/2/2017 3:20"), 600),
        (("1/2/2017 11:59:00 PM", "1/3/2017 12:00:00 AM"), 60),
        (("31.12.2016 23:59", "01.01.2017"), 60),
        (("01.02.2017 00:00", "01.02.2017 00:01"), 60),
        (("12/1/2017", "13/1/2017"), 86_400),
        (("30/01/17 10:00", "31/01/17 10:00"), 86_400),
        (("3 Jan 2017 10:00", "4 January 2017 10:00"), 86_400),
        (("03-Jan-2017", "04-Jan-2017"), 86_400),
        (("Jan 3, 2017", "Jan 4, 2017"), 86_400),
        (("Tue, 03 Jan 2017 10:00:00 GMT", "Wed, 04 Jan 2017 10:00:00 GMT"), 86_400),
    ],
)
def test_times_are_inferred_and_shown_as_uploaded(stamps, seconds):
    table = times(*stamps)
    assert tuple(table.index) == stamps
    assert (np.diff(table.time) / 1e9).tolist() == [seconds]
    assert table.time_unit == "ns"


def test_day_and_month_go_by_the_order_of_the_rows():
    hours = pd.date_range("2017-03-01", "2017-03-09", freq="h")
    for pattern in ("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d.%m.%Y %H:%M"):
        assert (np.diff(times(*hours.strftime(pattern)).time) == 3_600 * 10**9).all()


def test_numeric_times_may_be_fractions():
    table = times("0.0", "0.1", "0.2")
    assert table.index == ["0.0", "0.1", "0.2"]
    assert len(set(np.diff(table.time).tolist())) == 1


@pytest.mark.parametrize(
    ("stamps", "pattern", "words"),
    [
        (("2017-01-01", "yesterday"), None, "'yesterday' in row 2 "),
        (("2017-01-01", "now"), None, "'now' in row 2 "),
        (("2017-01-01", ""), None, "no time in row 2 "),
        (("2017-01-01", "2017-02-30"), None, "row 2 "),
        (("1", "2", "x"), None, "row "),
        (("1/2/2017 3:10", "1/2/2017 3:20"), PATTERN, r"row 1 .*reads like '%m/%d/%Y %H:%M'"),
        (("2017-01-01 00:00:00", "3017-01-01 00:00:00"), PATTERN, "row 2 .*1678 to 2261"),
        (("10:00", "10:01"), None, "row 1 "),
    ],
)
def test_an_unreadable_time_names_its_row(stamps, pattern, words):
    with pytest.raises(DataError, match=words) as caught:
        times(*stamps, time_format=pattern)
    assert caught.value.code == "bad_time"
    assert caught.value.where["column"] == "Time"


def test_a_bad_pattern_is_the_parameters_fault():
    for pattern in ("%Q", "yyyy-mm-dd", "mixed"):
        with pytest.raises(ParameterError, match="time_format"):
            times("2017-01-01", "2017-01-02", time_format=pattern)


@pytest.mark.parametrize("pattern", [None, "%Y-%m-%d %H:%M:%S %Z"])
def test_named_zones_stand_for_their_offset(pattern):
    texts = ["2024-10-27 02:30:00 CEST", "2024-10-27 02:30:00 CET", "2024-10-26 20:30:00 CDT"]
    stamps = read_stamps(np.array(texts, dtype=object), "t", pattern)
    assert stamps.index == texts
    hour = 3_600 * 10**9
    assert (stamps.time - stamps.time[0]).tolist() == [0, hour, hour]
    summer = read_stamps(np.array(["2024-07-01 12:00:00 CET"], dtype=object), "t", pattern)
    assert summer.time[0] == np.datetime64("2024-07-01T11:00", "ns").astype(np.int64)
    with pytest.raises(DataError, match="zone 'IST' is unknown or means several"):
        read_stamps(np.array([*texts, "2024-10-27 02:30:00 IST"], dtype=object), "t", pattern)
