"""Rows put into datasets: appended, set in place, in the order of time; by several at once."""

import json
import random
import threading
from dataclasses import replace

import numpy as np
import pytest

from oddline.errors import DataError, LimitError, RunError
from oddline_workers.datasets import columnar, ingest
from oddline_workers.datasets.catalogue import Datasets
from oddline_workers.datasets.columnar import Table
from oddline_workers.datasets.weaving import Weaver
from workers.trials import OWNER

KEY = {"columns": {"id": {"role": "key"}}}


def day(number):
    return f"2018-01-{number:02}T00:00:00.0000000+00:00"


def test_rows_without_a_key_are_appended(shelf, small):
    shelf.put([{"a": n, "b": "x"} for n in range(3)])
    dataset = shelf.put([{"a": n, "c": None if n == 4 else True} for n in range(3, 9)])
    assert [*dataset.columns] == ["a", "b", "c"]
    assert dataset.rows == 9
    assert shelf.column("a") == [*map(str, range(9))]
    assert shelf.rows()[2:5] == [{"a": "2", "b": "x"}, {"a": "3", "c": "true"}, {"a": "4"}]


def test_rows_one_by_one_make_few_segments_and_no_garbage(shelf):
    written = 0
    for n in range(120):
        dataset = shelf.put([{"a": n}])
        written += dataset.table.segments[-1].rows
        assert {one.key for one in dataset.table.segments} == shelf.segments()
    assert len(dataset.table.segments) < 10
    assert shelf.column("a") == [*map(str, range(120))]
    assert written < 120 * 10


def test_known_keys_are_replaced_in_place_and_others_appended(shelf, small):
    shelf.put({**KEY, "data": [{"id": n, "v": n * 10, "w": "old"} for n in range(11)]})
    before = {one.key for one in shelf.datasets.get(OWNER, "hearts").table.segments}
    dataset = shelf.put(
        [{"id": 5, "v": 1}, {"id": 99, "v": 2}, {"id": 6.0, "v": 3}, {"id": 5, "v": 4}, {"id": 99, "v": 5}]
    )
    assert shelf.column("id") == [*map(str, range(11)), "99"]
    assert shelf.column("v") == ["0", "10", "20", "30", "40", "4", "3", "70", "80", "90", "100", "5"]
    assert shelf.rows()[5] == {"id": "5", "v": "4"}
    # What holds no such key is as it was.
    assert len(before & {one.key for one in dataset.table.segments}) == 2
    assert "\0keys" not in dataset.table.columns
    assert {one.key for one in dataset.table.segments} == shelf.segments()


def test_keys_are_texts_and_case_counts(shelf):
    shelf.put({**KEY, "data": [{"id": "a", "v": 1}, {"id": "A", "v": 2}, {"id": "ä", "v": 3}]})
    shelf.put([{"id": "ä", "v": 4}, {"id": "a", "v": 5}])
    assert shelf.rows() == [{"id": "a", "v": "5"}, {"id": "A", "v": "2"}, {"id": "ä", "v": "4"}]


def test_long_whole_keys_keep_their_digits(shelf):
    keys = [123456789012345678, 123456789012345679, 12345678901234567890]
    shelf.put({**KEY, "data": [{"id": key, "v": 1} for key in keys]})
    shelf.put("id,v\n123456789012345679,2\n")
    assert shelf.rows() == [{"id": str(key), "v": value} for key, value in zip(keys, "121", strict=True)]


def test_keys_whose_hashes_meet_are_told_apart(shelf, monkeypatch):
    monkeypatch.setattr(
        "oddline_workers.datasets.placing.hashes", lambda keys: np.zeros(len(keys), dtype="<u8")
    )
    monkeypatch.setattr(
        "oddline_workers.datasets.weaving.hashes", lambda keys: np.zeros(len(keys), dtype="<u8")
    )
    shelf.put({**KEY, "data": [{"id": n, "v": n} for n in "abc"]})
    shelf.put([{"id": "d", "v": "x"}, {"id": "b", "v": "y"}])
    assert [(row["id"], row["v"]) for row in shelf.rows()] == [("a", "a"), ("b", "y"), ("c", "c"), ("d", "x")]


def test_a_time_series_is_kept_in_the_order_of_time(shelf, small):
    shelf.put([{"t": f"2018-01-{n:02}", "v": n} for n in (9, 3, 7, 5, 1, 11)])
    assert shelf.column("t") == [day(n) for n in (1, 3, 5, 7, 9, 11)]
    shelf.put([{"t": f"2018-01-{n:02}T00:00:00Z", "v": -n} for n in (8, 2, 20, 5, 1, 8)])
    dataset = shelf.put([{"t": "2018-01-19", "v": 19}, {"t": "2017-12-31", "v": 0}])
    assert shelf.column("v") == ["0", "-1", "-2", "3", "-5", "7", "-8", "9", "11", "19", "-20"]
    assert dataset.is_time_series
    for segment, bounds in zip(dataset.table.segments, dataset.bounds, strict=True):
        table = Table(dataset.table.columns, (segment,))
        times = [
            row["t"] for row in columnar.page(shelf.client, shelf.settings.key_prefix, table, ["t"], 0, 99)
        ]
        assert (times[0], times[-1]) == bounds
        assert len(times) <= 4


@pytest.mark.parametrize("seed", range(5))
def test_any_order_of_any_batches_gives_what_a_dictionary_gives(shelf, small, seed):
    chance = random.Random(seed)
    known = {}
    for batch in range(12):
        times = [chance.randint(0, 60) for _ in range(chance.randint(1, 9))]
        rows = [(time, batch * 100 + at) for at, time in enumerate(times)]
        known |= dict(rows)
        shelf.put(
            {
                "columns": {"t": {"role": "timestamp"}},
                "data": [
                    {"t": f"2018-01-01T00:{time:02}:00" if time < 60 else "2018-01-01T01:00:00", "v": v}
                    for time, v in rows
                ],
            }
        )
        assert shelf.column("v") == [str(known[time]) for time in sorted(known)]


@pytest.mark.parametrize("seed", range(5))
def test_any_batches_of_keys_give_what_a_dictionary_gives(shelf, small, seed):
    chance = random.Random(seed)
    known = {}
    for batch in range(12):
        rows = [
            {"id": f"k{chance.randint(0, 40)}", "v": batch * 100 + at} for at in range(chance.randint(1, 9))
        ]
        known |= {row["id"]: str(row["v"]) for row in rows}
        dataset = shelf.put({**KEY, "data": rows} if batch == 0 else rows)
        assert [(row["id"], row["v"]) for row in shelf.rows()] == [*known.items()]
        assert {one.key for one in dataset.table.segments} == shelf.segments()


@pytest.mark.parametrize("role", ["key", "timestamp", None])
def test_of_two_writers_at_once_both_are_kept(shelf, role, monkeypatch):
    """Both read the same version before either commits."""
    shelf.put({"columns": {"id": {"role": role}} if role else {}, "data": [{"id": "2018-01-01", "v": 0}]})
    meet, find, met = threading.Barrier(2, timeout=20), Datasets.find, threading.local()

    def found_together(self, owner, name):
        found = find(self, owner, name)
        if not hasattr(met, "once"):
            met.once = True
            meet.wait()
        return found

    monkeypatch.setattr(Datasets, "find", found_together)

    def write(number):
        body = json.dumps({"data": [{"id": f"2018-01-1{number}", "v": number}]}).encode()
        ingest.put(shelf.client, shelf.settings, OWNER, "hearts", body, "json")

    threads = [threading.Thread(target=write, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    monkeypatch.setattr(Datasets, "find", find)
    assert sorted(shelf.column("v")) == ["0", "1", "2"]
    assert {one.key for one in shelf.datasets.get(OWNER, "hearts").table.segments} == shelf.segments()


def test_many_writers_lose_nothing(shelf):
    def write(number):
        for turn in range(6):
            body = json.dumps({"data": [{"v": number * 100 + turn}]}).encode()
            ingest.put(shelf.client, shelf.settings, OWNER, "hearts", body, "json")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(map(int, shelf.column("v"))) == sorted(n * 100 + t for n in range(4) for t in range(6))


def test_who_reads_keeps_what_was_there(shelf, small):
    old = shelf.put({**KEY, "data": [{"id": n, "v": "old"} for n in range(9)]})
    reading = columnar.batches(shelf.client, shelf.settings.key_prefix, old.table, ["v"])
    first = next(reading)
    shelf.put([{"id": n, "v": "new"} for n in range(9)])
    assert {value for _, (values,) in [first, *reading] for value in values} == {"old"}
    assert set(shelf.column("v")) == {"new"}
    for segment in old.table.segments:
        assert 0 < shelf.client.ttl(shelf.settings.key_prefix + segment.key) <= 600


def test_altered_rows_are_damage_and_no_new_ones_hide_it(shelf):
    dataset = shelf.put({**KEY, "data": [{"id": n, "v": n} for n in range(3)]})
    [segment] = dataset.table.segments
    for name in ("v", "\0keys"):
        field = str(segment.pieces[name][0])
        key = shelf.settings.key_prefix + segment.key
        kept = shelf.client.hget(key, field)
        shelf.client.hset(key, field, b"\x00" + kept[1:])
        with pytest.raises(RunError) as met:
            shelf.put([{"id": 1, "v": 7}])
        assert met.value.code == "damaged"
        shelf.client.hset(key, field, kept)
    shelf.put([{"id": 1, "v": 7}])
    assert shelf.column("v") == ["0", "7", "2"]
    assert len(shelf.segments()) == 1


def test_a_full_store_changes_nothing_and_keeps_nothing(shelf, client):
    before, rows = client.config_get("maxmemory")["maxmemory"], [{"a": n} for n in range(50)]
    shelf.put(rows)
    kept = shelf.segments()
    client.config_set("maxmemory", 1)
    try:
        for full in (
            lambda: shelf.put(rows),
            lambda: ingest.put(client, shelf.settings, OWNER, "x", b'{"columns":{"a":{}}}', "json"),
        ):
            with pytest.raises(LimitError) as met:
                full()
            assert (met.value.code, met.value.status) == ("store_full", 503)
    finally:
        client.config_set("maxmemory", before)
    assert shelf.segments() == kept
    assert len(shelf.rows()) == 50


@pytest.mark.parametrize(
    ("limits", "what"),
    [({"max_rows": 5}, "5 rows"), ({"max_columns": 1}, "1 columns"), ({"max_cells": 11}, "11 cells")],
)
@pytest.mark.parametrize("body", ["json", "csv"])
def test_limits_hold_for_bodies_and_for_all_of_a_dataset(shelf, limits, what, body):
    rows = [{"a": n, "b": n} for n in range(3)]
    shelf.settings = replace(shelf.settings, **limits)

    def put(count):
        if body == "json":
            return shelf.put(rows * count)
        return shelf.put("a,b\n" + "1,2\n" * 3 * count)

    with pytest.raises(LimitError, match=f"more than {what}") as met:
        put(2)
    assert (met.value.code, met.value.status) == ("too_large", 413)
    if "max_columns" not in limits:
        put(1)
        with pytest.raises(LimitError, match=f"more than {what}"):
            put(1)
        assert len(shelf.rows()) == 3
    else:
        shelf.put([{"a": 1}])
        with pytest.raises(LimitError, match=f"more than {what}"):
            shelf.put([{"c": 1}])
    assert len(shelf.segments()) == 1


def test_a_dataset_has_a_size_that_it_may_not_exceed(shelf):
    shelf.settings = replace(shelf.settings, max_dataset_bytes=3000)
    chance = random.Random(1)
    shelf.put([{"a": chance.random()} for _ in range(200)])
    with pytest.raises(LimitError, match="a dataset may take 3,000 bytes") as met:
        shelf.put([{"a": chance.random()} for _ in range(200)])
    assert met.value.code == "over_quota"
    assert len(shelf.segments()) == 1


@pytest.mark.parametrize("error", [ConnectionError, KeyboardInterrupt])
def test_what_is_committed_is_not_taken_back_when_the_journal_is_late(shelf, monkeypatch, error):
    def late(records):
        raise error

    shelf.put([{"a": 1}])
    with monkeypatch.context() as patched:
        patched.setattr("oddline_workers.records.Records.await_journal", late)
        with pytest.raises(error):
            shelf.put([{"a": 2}])
    assert shelf.column("a") == ["1", "2"]
    assert len(shelf.segments()) == 1


def test_what_was_written_before_an_error_is_taken_back(shelf, small, monkeypatch):
    write, count = Weaver._write, iter(range(99))

    def broken(self, *words):
        if next(count) == 2:
            raise KeyboardInterrupt
        return write(self, *words)

    monkeypatch.setattr(Weaver, "_write", broken)
    with pytest.raises(KeyboardInterrupt):
        shelf.put([{"a": n} for n in range(20)])
    assert not [*shelf.client.scan_iter(shelf.settings.key_prefix + "segment:*", count=1000)]


def test_metadata_alone_changes_metadata_alone(shelf):
    shelf.put([{"a": 1, "b": 2}, {"a": 2, "b": 5}])
    dataset = shelf.put({"COLUMNS": {"B": {"dataType": "numeric", "role": "target"}}, "data": None})
    assert dataset.columns["b"].to_json() == {
        "dataType": "numeric",
        "role": "target",
        "imputation": "zeroes",
        "aggregation": "sum",
    }
    assert shelf.rows() == [{"a": "1", "b": "2"}, {"a": "2", "b": "5"}]
    assert shelf.put({"missingValues": ["?"]}).missing_values == ("?",)
    assert shelf.put([{"a": 3, "b": "?"}]).rows == 3
    assert shelf.rows()[2] == {"a": "3"}


def test_a_dataset_may_begin_without_rows(shelf):
    dataset = shelf.put({"columns": {"id": {"role": "key"}, "x": {"dataType": "numeric"}}})
    assert (dataset.rows, dataset.key_column, [*dataset.columns]) == (0, "id", ["id", "x"])
    assert shelf.rows() == []
    shelf.put([{"ID": 1, "X": 2}])
    dataset = shelf.put([{"id": 1, "x": 3}])
    assert shelf.rows() == [{"id": "1", "x": "3"}]
    assert dataset.columns["id"].data_type == "numeric"


@pytest.mark.parametrize(
    "body",
    [{}, {"data": []}, {"data": None, "columns": {}, "other": 1}, [{}, {}], "", "\ufeff", "a,b\n", b" \n"],
)
def test_nothing_at_all_is_said(shelf, body):
    with pytest.raises(DataError) as met:
        shelf.put(body, kind="csv" if isinstance(body, str) else "json")
    assert (met.value.code, met.value.status, met.value.where) == ("no_data", 400, {"dataSetName": "hearts"})
    assert shelf.datasets.find(OWNER, "hearts") is None


@pytest.mark.parametrize(
    ("first", "rows", "code", "row"),
    [
        (KEY, [{"id": 1}, {"v": 2}], "missing_key", 2),
        (KEY, [{"id": None, "v": 1}], "missing_key", 1),
        (KEY, [{"v": 1}], "missing_key", None),
        ({"columns": {"t": {"role": "timestamp"}}}, [{"t": "2018-01-01"}, {"t": ""}], "bad_time", 2),
        ({"columns": {"t": {"role": "timestamp"}}}, [{"t": "2018-01-01"}, {"t": "yes"}], "bad_time", 2),
        ({"columns": {"t": {"role": "timestamp"}}}, [{"t": 12.5}], "bad_time", 1),
    ],
)
def test_a_row_that_cannot_be_known_is_said(shelf, first, rows, code, row):
    with pytest.raises(DataError) as met:
        shelf.put({**first, "data": rows})
    assert (met.value.code, met.value.where.get("row")) == (code, row)
    assert met.value.where["column"] in ("id", "t")
    assert shelf.segments() == set()


def test_names_keep_their_first_spelling(shelf):
    shelf.put([{"Heart Rate": 1}], name="Hearts")
    dataset = shelf.put([{"HEART RATE": 2}], name="HEARTS")
    assert (dataset.name, [*dataset.columns]) == ("Hearts", ["Heart Rate"])
    assert shelf.column("Heart Rate") == ["1", "2"]


def test_a_number_that_is_not_finite_is_no_key(shelf):
    keyed = {"k": {"role": "key"}}
    shelf.put([{"k": 2, "a": 1}, {"k": 3, "a": 2}], columns=keyed)
    with pytest.raises(DataError, match="no key in row 1"):
        shelf.put('{"data": [{"k": 1e999, "a": 3}, {"k": 2, "a": 4}]}', kind="json")
    assert shelf.column("a") == ["1", "2"]
