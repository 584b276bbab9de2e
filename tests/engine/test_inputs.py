"""What people have at hand goes in as it is: Series, arrays and lists of numbers."""

import numpy as np
import pandas as pd
import pytest

from engine.frames import series
from oddline import detect
from oddline.errors import DataError

VALUES = series(300)[:, 0]
FAST = {"algorithm_type": "PredAD", "lookback_window": 12}


@pytest.mark.parametrize(
    "given",
    [
        VALUES,
        VALUES[:, None],
        VALUES.tolist(),
        tuple(VALUES.tolist()),
        [[value] for value in VALUES.tolist()],
        pd.Series(VALUES),
        pd.Series(VALUES, name="load", index=np.arange(300)[::-1]),
        pd.Series(VALUES, index=pd.date_range("2024-01-01", periods=300, freq="h")),
        pd.Series(VALUES).array,
    ],
    ids=lambda given: type(given).__name__,
)
def test_numbers_are_judged_as_a_frame_of_them_is(given):
    found = detect(given, FAST)
    expected = detect(pd.DataFrame({"value": VALUES}), FAST)
    np.testing.assert_array_equal(found.score, expected.score)
    assert found.columns == (("load",) if getattr(given, "name", None) == "load" else (found.columns[0],))
    assert found.columns[0] in ("load", "value", "value_0")


def test_every_column_of_an_array_is_a_value_whatever_it_looks_like():
    rising = np.arange(300)
    assert detect(rising, FAST).columns == ("value",)
    assert detect(np.column_stack([rising, VALUES]), FAST).columns == ("value_0", "value_1")
    assert detect(pd.Series(rising, name="time"), FAST).columns == ("time",)
    only = detect(np.column_stack([rising, VALUES]), FAST, time_column="value_0")
    assert only.columns == ("value_1",)


def test_none_among_numbers_is_missing():
    found = detect([*VALUES[:100].tolist(), None, *VALUES[101:].tolist()], FAST)
    assert np.isnan(found.values[100, 0])
    assert any("misses 1 value" in note for note in found.notes)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (["1", "2"], "list"),
        ([{"a": 1}], "list"),
        ([1, None, "2"], "list"),
        ([[1, 2], [3]], "list"),
        (np.zeros((3, 3, 3)), "3 dimensions"),
        (np.array(["2024-01-01"], dtype="M8[D]"), "numpy.ndarray"),
        (3, "int"),
        (None, "NoneType"),
        ({"a": [1, 2]}, "dict"),
        (iter([1.0]), "iterator"),
    ],
)
def test_other_things_are_refused_by_the_name_of_their_type(given, named):
    with pytest.raises(DataError, match=named) as error:
        detect(given)
    assert "expected a DataFrame" in str(error.value)
    assert error.value.code == "unreadable_type"


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize("kind", ["frame", "series"])
def test_the_frame_out_has_the_times_of_the_frame_in(zone, kind):
    times = pd.date_range("2024-01-01", periods=300, freq="h", tz=zone, name="when")
    given = pd.DataFrame({"load": VALUES}, index=times) if kind == "frame" else pd.Series(VALUES, times)
    found = detect(given, FAST)
    pd.testing.assert_index_equal(found.to_frame().index, times)
    pd.testing.assert_index_equal(found.relabel("Chi-Square").to_frame().index, times)
    recent = detect(given, FAST, prediction_type="recent", recent_data=20).to_frame().index
    assert (recent == times[-20:]).all()
    assert (recent.tz, recent.name) == (times.tz, "when")


def test_times_that_were_read_are_the_index_and_others_stay_text():
    stamps = pd.date_range("2024-01-01", periods=300, freq="h")
    text = pd.DataFrame({"time": stamps.strftime("%d.%m.%Y %H:%M"), "load": VALUES}).to_csv(index=False)
    read = detect(text.encode(), FAST).to_frame().index
    assert list(read) == list(stamps)
    assert read.name == "time"
    bare = detect(pd.DataFrame({"load": VALUES}), FAST).to_frame().index
    assert list(bare[:2]) == ["0", "1"]
    counts = detect(pd.DataFrame({"t": range(300), "load": VALUES}), FAST, time_column="t").to_frame().index
    assert list(counts[:2]) == ["0", "1"]


def test_the_package_lists_what_it_offers():
    import oddline

    assert set(dir(oddline)) == {"Detection", "Model", "__version__", "detect", "fit", "load", "save"}
