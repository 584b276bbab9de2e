"""The records of datasets: found by name, listed, and changed by one at a time."""

from dataclasses import replace

import pytest

from oddline.errors import DataError, LimitError, OddlineError, RunError
from oddline_workers import blobs
from oddline_workers.datasets import columnar
from oddline_workers.datasets.catalogue import Dataset, Datasets, between
from oddline_workers.datasets.columnar import Table, TableWriter, pack
from oddline_workers.datasets.metadata import Column
from workers.trials import OWNER

DAY = "2018-01-{:02}T00:00:00.0000000+00:00"


@pytest.fixture
def datasets(client, settings):
    return Datasets(client, settings)


@pytest.fixture
def segment(client, settings):
    """Store the days of a month as one segment."""

    def segment(*days, name="t"):
        key = f"segment:{name}{days[0]}"
        writer = blobs.Writer(client, settings.key_prefix + key)
        table = TableWriter(writer, key)
        values = [DAY.format(day) for day in days]
        table.add({"t": pack(values, numbers=False), "x": pack([*map(str, days)], numbers=True)}, len(days))
        writer.pipe.execute()
        return table.table().segments[0]

    return segment


def dataset(name="Hearts", segments=(), **more):
    return Dataset(
        OWNER,
        name,
        {"t": Column("date", "timestamp"), "x": Column("numericMeasure", "target", "mean", "mean")},
        Table(("t", "x"), (*segments,)),
        **more,
    )


def test_what_is_committed_is_found_in_any_case(datasets, segment):
    new = dataset(
        "Harts of Gold", [segment(1, 2, 3)], missing_values=("NA",), bounds=((DAY.format(1), DAY.format(3)),)
    )
    stored = datasets.commit(None, new, new.table.segments)
    assert datasets.get(OWNER, "harts OF gold") == stored
    assert (stored.name, stored.rows, stored.size) == ("Harts of Gold", 3, stored.table.size)
    assert (stored.columns, stored.table, stored.bounds, stored.missing_values) == (
        new.columns,
        new.table,
        new.bounds,
        ("NA",),
    )
    assert (stored.timestamp_column, stored.key_column, stored.is_time_series) == ("t", None, True)
    assert stored.created == stored.modified > 0
    assert datasets.find("another", "harts of gold") is None
    with pytest.raises(OddlineError, match="Item of type dataSet with identifier Nope was not found") as met:
        datasets.get(OWNER, "Nope")
    assert (met.value.code, met.value.status) == ("not_found", 404)
    assert met.value.where == {"itemType": "dataSet", "itemId": "Nope"}


def test_only_one_of_two_can_have_begun_from_the_same(datasets, client, settings, segment):
    first = datasets.commit(None, dataset(segments=[one := segment(1)]), [one])
    two, three = segment(2), segment(3)
    second = datasets.commit(first, dataset(segments=[one, two]), [two])
    assert second.rows == 2
    assert second.created == first.created < second.modified
    assert datasets.commit(first, dataset(segments=[one, three]), [three]) is None
    assert datasets.commit(None, dataset(segments=[]), []) is None
    assert datasets.get(OWNER, "hearts") == second
    assert not client.exists(settings.key_prefix + three.key)
    assert client.ttl(settings.key_prefix + one.key) == client.ttl(settings.key_prefix + two.key) == -1


def test_a_dataset_made_anew_is_another_one(datasets, segment):
    first = datasets.commit(None, dataset(), [])
    assert datasets.delete(OWNER, "HEARTS")
    datasets.commit(None, dataset(), [])
    assert datasets.commit(first, dataset(), []) is None


def test_a_commit_whose_reply_was_lost_is_done_once(datasets, client, segment, monkeypatch):
    new, script = dataset(segments=[one := segment(1)]), datasets._commit
    monkeypatch.setattr(datasets, "_commit", lambda **words: [script(**words), script(**words)][1])
    stored = datasets.commit(None, new, [one])
    assert stored == datasets.get(OWNER, "hearts")


def test_what_is_replaced_stays_for_its_readers(datasets, client, settings, segment):
    root = settings.key_prefix
    old = datasets.commit(None, dataset(segments=[one := segment(1, 2)]), [one])
    datasets.commit(old, dataset(segments=[two := segment(3)]), [two])
    assert 590 < client.ttl(root + one.key) <= 600
    assert [row["x"] for row in columnar.page(client, root, old.table, ["x"], 0, 9)] == ["1", "2"]
    datasets.delete(OWNER, "hearts")
    assert 590 < client.ttl(root + two.key) <= 600
    assert not datasets.delete(OWNER, "hearts")
    assert datasets.find(OWNER, "hearts") is None
    assert datasets.count(OWNER) == 0


def test_missing_pieces_are_no_dataset(datasets, client, settings, segment):
    one = segment(1)
    client.hdel(settings.key_prefix + one.key, "1")
    with pytest.raises(RunError, match="not be stored completely"):
        datasets.commit(None, dataset(segments=[one]), [one])
    assert datasets.find(OWNER, "hearts") is None


def test_a_full_store_says_so(datasets, client, settings, segment):
    one, before = segment(1), client.config_get("maxmemory")["maxmemory"]
    client.config_set("maxmemory", 1)
    try:
        with pytest.raises(LimitError) as met:
            datasets.commit(None, dataset(segments=[one]), [one])
        assert met.value.code == "store_full"
        assert not client.exists(settings.key_prefix + one.key)
    finally:
        client.config_set("maxmemory", before)


@pytest.mark.parametrize("name", ["", " ", "\ud800", "a\0b", "x" * 1001, "a/b", "/", ".", " .."])
def test_names_that_no_dataset_can_have(datasets, name):
    with pytest.raises(DataError, match="cannot be called") as met:
        datasets.commit(None, dataset(name), [])
    met.value.message.encode()
    assert met.value.where == {"parameter": "dataSetName"}
    assert datasets.find(OWNER, name) is None


@pytest.fixture
def three(datasets, segment):
    for name, days in (("beta", (1, 2)), ("Alpha", (3,)), ("gamma ray", (4, 5, 6))):
        datasets.commit(None, dataset(name, [one := segment(*days)]), [one])


@pytest.mark.parametrize(
    ("asked", "names", "total"),
    [
        ({}, ["Alpha", "beta", "gamma ray"], 3),
        ({"descending": True}, ["gamma ray", "beta", "Alpha"], 3),
        ({"offset": 1, "limit": 1}, ["beta"], 3),
        ({"offset": 9}, [], 3),
        ({"sort": "rowCount"}, ["Alpha", "beta", "gamma ray"], 3),
        ({"sort": "dateCreated", "descending": True}, ["gamma ray", "Alpha", "beta"], 3),
        ({"sort": "lastModified"}, ["beta", "Alpha", "gamma ray"], 3),
        ({"sort": "dataSetSize", "limit": 1, "descending": True}, ["gamma ray"], 3),
        ({"partial": "A R"}, ["gamma ray"], 1),
        ({"partial": "zzz"}, [], 0),
    ],
)
def test_lists(datasets, three, asked, names, total):
    found, count = datasets.list(OWNER, **asked)
    assert ([one.name for one in found], count) == (names, total)
    for one in found:
        whole = datasets.get(OWNER, one.name)
        assert one == replace(whole, table=Table(), bounds=())


def test_counts_and_strangers(datasets, three):
    assert datasets.count(OWNER) == 3
    assert datasets.list("another") == ([], 0)


@pytest.mark.parametrize(
    ("start", "end", "rows"),
    [
        (None, None, (0, 8)),
        (1, 8, (0, 8)),
        (None, 3, (0, 3)),
        (4, None, (3, 8)),
        (2, 5, (1, 5)),
        (5, 5, (4, 5)),
        (9, None, (8, 8)),
        (6, 2, (5, 5)),
    ],
)
def test_rows_between_two_times(datasets, client, settings, segment, start, end, rows):
    parts = [(1, 2, 3), (4,), (5, 6, 7, 8)]
    bounds = tuple((DAY.format(part[0]), DAY.format(part[-1])) for part in parts)
    new = dataset(segments=[segment(*part) for part in parts], bounds=bounds)
    stored = datasets.commit(None, new, new.table.segments)
    times = [None if day is None else DAY.format(day) for day in (start, end)]
    assert between(client, settings.key_prefix, stored, *times) == rows


def test_gaps_between_times_and_what_is_no_series(datasets, client, settings, segment):
    new = dataset(
        segments=[segment(1, 5), segment(9)], bounds=((DAY.format(1), DAY.format(5)), (DAY.format(9),) * 2)
    )
    assert between(client, settings.key_prefix, new, DAY.format(2), DAY.format(8)) == (1, 2)
    assert between(client, settings.key_prefix, new, DAY.format(6), DAY.format(8)) == (2, 2)
    plain = replace(new, columns={"t": Column("date", "feature")}, rows=3)
    assert between(client, settings.key_prefix, plain, DAY.format(2), None) == (0, 3)


def test_a_reply_that_is_lost_takes_nothing_back_though_others_have_committed_since(
    datasets, segment, client
):
    old = datasets.commit(None, first := dataset(segments=[segment(1)]), first.table.segments)
    own, others = segment(2), segment(3)
    real = datasets._commit

    def again(**command):
        """The reply is lost, another writer commits, and the command is sent once more."""
        real(**command)
        datasets._commit = real
        seen = datasets.get(OWNER, "hearts")
        new = replace(seen, table=Table(("t", "x"), (*seen.table.segments, others)))
        assert datasets.commit(seen, new, [others]) is not None
        return real(**command)

    datasets._commit = again
    new = replace(old, table=Table(("t", "x"), (*old.table.segments, own)))
    assert datasets.commit(old, new, [own]) is not None
    table = datasets.get(OWNER, "hearts").table
    assert [one.key for one in table.segments] == [old.table.segments[0].key, own.key, others.key]
    assert [client.ttl(datasets.root + one.key) for one in table.segments] == [-1] * 3
