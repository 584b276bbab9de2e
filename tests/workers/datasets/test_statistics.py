"""Statistics of columns, beside slow and obvious ones."""

import json
import math
import statistics as plain
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oddline.errors import OddlineError
from oddline_workers.datasets import desk_ops
from oddline_workers.datasets.statistics import _of_numbers, statistics
from workers.trials import OWNER


@pytest.fixture
def of(shelf):
    def of(values, **more):
        dataset = shelf.put([{"x": value, "other": "o"} for value in values], **more)
        found = statistics(shelf.client, shelf.settings, dataset)
        json.dumps(found, allow_nan=False)
        assert [*found] == ["x", "other"]
        assert found["x"]["lastCalculated"].endswith("0+00:00")
        return found["x"]

    return of


def test_numbers(of):
    found = of([1, 2, 2, None, 10, ""])
    assert {key: value for key, value in found.items() if key not in ("lastCalculated", "distribution")} == {
        "totalCount": 6, "missingCount": 2, "errorCount": 0, "distinctCount": 3, "min": 1.0, "max": 10.0,
        "mean": 3.75, "median": 2.0, "mode": 2.0, "variance": pytest.approx(17.583333333),
        "stddev": pytest.approx(4.193248542), "suggestedType": "numericMeasure",
        "row_count": 6, "errors": 0, "non_numeric": 0,
    }  # fmt: skip
    assert len(found["distribution"]) == 10
    assert found["distribution"][0] == {"min": 1.0, "max": 1.9, "count": 1}
    assert found["distribution"][-1]["count"] == 1
    assert sum(part["count"] for part in found["distribution"]) == 4


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)) | st.integers(-5, 5).map(float), min_size=1))
def test_any_numbers_are_counted_as_by_hand(values):
    import numpy as np

    found = _of_numbers(np.array(values))
    assert found["mean"] == pytest.approx(plain.fmean(values), abs=1e-6)
    assert found["median"] == pytest.approx(plain.median(values))
    counted = Counter(values)
    assert found["distinctCount"] == len(counted)
    assert counted[found["mode"]] == max(counted.values())
    assert (found["min"], found["max"]) == (min(values), max(values))
    if len(values) > 1:
        assert found["variance"] == pytest.approx(plain.variance(values), rel=1e-6, abs=1e-6)
        assert found["stddev"] == pytest.approx(math.sqrt(found["variance"]))
    ranges = found["distribution"]
    assert sum(part["count"] for part in ranges) == len(values)
    for number, part in enumerate(ranges):
        last = number == len(ranges) - 1
        assert part["count"] == sum(
            part["min"] <= v < part["max"] or (last and v == part["max"]) for v in values
        )


def test_numbers_at_the_edge_of_floats_stay_json(of):
    found = of([1.7e308, -1.7e308, 1.7e308])
    assert (found["min"], found["max"]) == (-1.7e308, 1.7e308)
    assert "variance" not in found
    assert of([5e-324, 0.0, None])["totalCount"] == 6


def test_one_value_and_none(of):
    found = of([7, None])
    assert found["distribution"] == [{"min": 7.0, "max": 7.0, "count": 1}]
    assert "variance" not in found


def test_an_empty_column(of):
    found = of([None, None])
    assert (found["totalCount"], found["missingCount"], found["distinctCount"]) == (2, 2, 0)
    assert "mode" not in found


def test_texts(of):
    found = of(["red", "blue", "red", None])
    assert (found["mode"], found["distinctCount"], found["missingCount"]) == ("red", 2, 1)
    assert found["distribution"] == [{"value": "red", "count": 2}, {"value": "blue", "count": 1}]
    assert found["suggestedType"] == "string"
    assert (found["errorCount"], found["non_numeric"]) == (0, 3)
    assert "mean" not in found


def test_long_texts_look_like_text(of):
    assert (
        of(["It was a bright cold day in a place that nobody knows, and rain fell."] * 3)["suggestedType"]
        == "text"
    )


def test_dates(of):
    found = of(["2018-01-02", "2018-01-01", "2018-01-02"])
    assert (found["min"], found["max"]) == (
        "2018-01-01T00:00:00.0000000+00:00",
        "2018-01-02T00:00:00.0000000+00:00",
    )
    assert found["suggestedType"] == "date"


def test_truths(of):
    assert of([True, False, True])["mode"] == "true"
    assert of([True, False, True])["suggestedType"] == "logical"


def test_zeros_and_ones_look_logical(of):
    found = of([0, 1, 1])
    assert (found["suggestedType"], found["mean"]) == ("logical", pytest.approx(2 / 3))


def test_what_is_not_of_the_type_is_an_error(of):
    of([1, 2, 3, None])
    found = of(["oops", None])
    assert (found["totalCount"], found["missingCount"], found["errorCount"]) == (6, 2, 1)
    assert found["mean"] == 2


def test_one_column_as_of_another_type(shelf, service):
    shelf.put("X,y\n1,red\n2,5\n,6\nbad,7\n")
    words = {"owner": OWNER, "name": "HEARTS", "column": "x", "dataType": "numeric"}
    head, body = desk_ops.stats(shelf.client, shelf.settings, words, b"")
    assert body == b""
    found = head["columns"]["X"]
    assert (found["mean"], found["errorCount"], found["missingCount"]) == (1.5, 1, 1)
    assert (
        desk_ops.stats(shelf.client, shelf.settings, words | {"column": "Y", "dataType": "logical"}, b"")[0][
            "columns"
        ]["y"]["errorCount"]
        == 4
    )
    for missing in ({"column": "z"}, {"column": "\ud800"}, {"name": "none"}):
        with pytest.raises(OddlineError, match="was not found") as met:
            desk_ops.stats(shelf.client, shelf.settings, words | missing, b"")
        assert (met.value.code, met.value.status) == ("not_found", 404)
