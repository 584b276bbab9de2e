"""Rows taken out of datasets."""

import pytest

from oddline.errors import OddlineError, ParameterError
from oddline_workers.datasets.catalogue import Datasets
from oddline_workers.datasets.deletion import delete_rows
from workers.trials import OWNER


@pytest.fixture
def delete(shelf):
    def delete(name="hearts", **what):
        dataset = delete_rows(shelf.client, shelf.settings, OWNER, name, **what)
        assert dataset == shelf.datasets.get(OWNER, name)
        assert {one.key for one in dataset.table.segments} == shelf.segments()
        return dataset

    return delete


@pytest.fixture
def series(shelf, small):
    return shelf.put([{"t": f"2018-01-{n:02}", "v": n} for n in range(1, 12)])


@pytest.mark.parametrize(
    ("what", "left"),
    [
        ({"start": "2018-01-11"}, range(1, 11)),
        ({"end": "1-04-2018"}, range(5, 12)),
        ({"end": "2018-01-04T00:00:00+0000"}, range(5, 12)),
        ({"start": "2018-01-03T00:00:00.0000000+00:00", "end": "2018-01-10"}, [1, 2, 11]),
        ({"start": "2018-01-05T12:00:00", "end": "2018-01-05T13:00:00"}, range(1, 12)),
        ({"start": "2017-01-01", "end": "2019-01-01"}, []),
        ({"start": "2018-01-07", "end": "2018-01-07"}, [1, 2, 3, 4, 5, 6, 8, 9, 10, 11]),
    ],
)
def test_by_time_both_ends_included(shelf, series, delete, what, left):
    dataset = delete(**what)
    assert shelf.column("v") == [*map(str, left)]
    assert dataset.rows == len(left)
    assert [*dataset.columns] == ["t", "v"]
    shelf.put([{"t": "2018-01-05", "v": "5"}, {"t": "2018-01-30", "v": 30}])
    assert shelf.column("v") == [*map(str, sorted({*left, 5, 30}))]


@pytest.fixture
def keyed(shelf, small):
    return shelf.put({"columns": {"id": {"role": "key"}}, "data": [{"id": n, "v": n} for n in range(11)]})


@pytest.mark.parametrize(
    ("what", "left"),
    [
        ({"start_key": "9"}, range(9)),
        ({"end_key": "1.0"}, range(2, 11)),
        ({"start_key": "2", "end_key": "10"}, [0, 1]),
        ({"keys": ["3", "10", "3", "77", "x"]}, [0, 1, 2, 4, 5, 6, 7, 8, 9]),
        ({"keys": [" 4.0 "]}, [0, 1, 2, 3, 5, 6, 7, 8, 9, 10]),
        ({"keys": ["1", "5", "8"], "start_key": "4"}, [0, 1, 2, 3, 4, 6, 7, 9, 10]),
        ({"keys": []}, range(11)),
        ({"keys": ["a\0b"]}, range(11)),
    ],
)
def test_by_key(shelf, keyed, delete, what, left):
    delete(**what)
    assert shelf.column("id") == [*map(str, left)]
    shelf.put([{"id": 4, "v": "new"}])
    assert len(shelf.rows()) == len({*left, 4})


def test_by_keys_that_are_texts(shelf, delete):
    shelf.put({"columns": {"id": {"role": "key"}}, "data": [{"id": name} for name in ("b", "a", "c", "B")]})
    delete(start_key="b")
    assert shelf.column("id") == ["a", "B"]


def test_nothing_to_delete_changes_nothing(series, delete):
    assert delete(start="2019-01-01") == series


def test_rows_that_are_deleted_stay_for_their_readers(shelf, series, delete):
    delete(end="2018-01-06")
    ttls = [shelf.client.ttl(shelf.settings.key_prefix + one.key) for one in series.table.segments]
    assert ttls[-1] == -1
    assert all(0 < ttl <= 600 for ttl in ttls[:-1])


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ({}, "bad_filter"),
        ({"start": "yesterday"}, "bad_date"),
        ({"start": "2018-02-01", "end": "2018-01-01"}, "bad_range"),
        ({"keys": ["1"]}, "bad_filter"),
        ({"end_key": "1"}, "bad_filter"),
    ],
)
def test_what_says_nothing_is_refused(series, delete, what, code):
    with pytest.raises(ParameterError) as met:
        delete(**what)
    assert (met.value.code, met.value.status) == (code, 400)


def test_what_does_not_go_with_keys_is_refused(keyed, delete):
    with pytest.raises(ParameterError, match="has no timestamp"):
        delete(start="2018-01-01")
    with pytest.raises(ParameterError, match="the key is a number"):
        delete(start_key="x")
    with pytest.raises(OddlineError, match="was not found") as met:
        delete(name="another", keys=["1"])
    assert met.value.status == 404


def test_a_row_that_came_meanwhile_is_seen(shelf, series, delete, monkeypatch):
    """Somebody puts a row after the dataset was read and before it is committed."""
    get, came = Datasets.get, []

    def slow(self, owner, name):
        found = get(self, owner, name)
        if not came:
            came.append(True)
            shelf.put([{"t": "2018-01-02T12:00:00", "v": 99}, {"t": "2018-02-01", "v": 100}])
        return found

    monkeypatch.setattr(Datasets, "get", slow)
    delete(end="2018-01-10")
    assert shelf.column("v") == ["11", "100"]


@pytest.mark.parametrize(
    ("start", "end", "left"),
    [("2", "4", [1, 5]), ("2", None, [1]), (None, "4", [5]), ("1", "1", [2, 3, 4, 5])],
)
def test_of_long_whole_keys_every_digit_counts(shelf, delete, start, end, left):
    long = "123456789012345678{}".format
    shelf.put([{"k": int(long(n)), "a": n} for n in range(1, 6)], columns={"k": {"role": "key"}})
    delete(start_key=start and long(start), end_key=end and long(end))
    assert shelf.column("a") == [str(n) for n in left]
