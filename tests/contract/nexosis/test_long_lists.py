"""Lists of many and of large things: what they cost the gateway."""

from __future__ import annotations

import json
import tracemalloc
import uuid

import pytest

from contract.nexosis.rows import HEARTS, keep
from oddline_workers.blobs import Writer
from oddline_workers.datasets.catalogue import Dataset, Datasets
from oddline_workers.datasets.columnar import TableWriter, pack
from oddline_workers.datasets.metadata import Column
from workers.trials import admit

COUNT, LARGE = 200, 50_000
"""So many, each of so many bytes: 10 MB in all."""


@pytest.fixture
def crowd(gateway):
    """A function that gives the client many large sessions or imports; they are gone with the test."""

    def made(kind):
        for number in range(COUNT):
            spec = {
                **{"dataSourceName": "Wide", "dataSetName": "Wide", "name": f"{number:03}"},
                **{"columns": {"a": {"role": "x" * LARGE}}, "type": "url", "parameters": {}},
            }
            more = {"dialect": "nexosis", "filename": "Wide", "spec": spec}
            admit(gateway.store, b"", owner=gateway.client_id, kind=kind, **more)

    yield made
    client, mine = gateway.store.client, gateway.settings.key_prefix + "job:*"
    client.unlink("none", *client.scan_iter(mine))


def cost(call):
    """What the call returns, and the most memory that was in use."""
    tracemalloc.start()
    try:
        return call(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/sessions?dataSourceName=WIDE&pageSize=1", 3),
        ("/sessions?sortBy=dataSourceName&pageSize=1", 3),
        ("/sessions?sortBy=name&pageSize=1", 10),  # the name is among what is large: fifty at a time
        ("/imports?dataSetName=wide&sortBy=dataSetName&pageSize=1", 3),
    ],
)
def test_choosing_and_sorting_reads_only_what_it_goes_by(door, crowd, path, allowed):
    crowd(path[1:].partition("s?")[0])
    door.get(path)
    answer, peak = cost(lambda: door.get(path))
    assert answer.json["totalCount"] == COUNT
    assert len(answer.json["items"]) == 1
    assert peak < allowed << 20


def test_a_session_looks_for_imports_without_reading_them(door, gateway, crowd):
    crowd("import")
    keep(gateway, "Hearts", HEARTS)
    body = {"dataSourceName": "hearts", "predictionDomain": "anomalies"}
    answer, peak = cost(lambda: door.post("/sessions/model", body))
    assert answer.status_code == 200
    assert peak < 3 << 20


def test_a_large_page_is_written_as_it_is_read(door, gateway, crowd):
    crowd("session")

    def read():
        answer = door.get("/sessions?pageSize=1000", buffered=False)
        begun = next(answer.iter_encoded())
        return len(begun) + sum(map(len, answer.iter_encoded())), answer

    (size, answer), peak = cost(read)
    answer.close()
    assert size > COUNT * LARGE
    assert peak < 12 << 20
    slots = gateway.app.extensions["oddline"].download_slots
    assert slots._held.total() == 0
    items = json.loads(door.get("/sessions?pageSize=1000").data)["items"]
    assert [item["name"] for item in items] == [f"{number:03}" for number in reversed(range(COUNT))]


def test_wide_datasets_are_listed_in_blocks(door, gateway):
    columns = {
        f"column {number}": Column("numericMeasure", "feature", "mean", "mean") for number in range(900)
    }
    for number in range(30):
        Datasets(gateway.store.client, gateway.settings).commit(
            None, Dataset(gateway.client_id, f"{number:02}", columns)
        )
    answer = door.get("/data?pageSize=1000")
    assert len(answer.data) > 2 << 20
    body = answer.json
    assert [item["dataSetName"] for item in body["items"]] == [f"{number:02}" for number in range(30)]
    assert body["items"][7]["columnCount"] == len(body["items"][7]["columns"]) == 900
    assert [link["rel"] for link in body["links"]] == ["first", "last", "self"]


@pytest.fixture
def wide(gateway):
    """A dataset whose page of 1,000 rows has 300,000 values."""
    client, key = gateway.store.client, f"segment:{uuid.uuid4()}"
    with Writer(client, gateway.settings.key_prefix + key) as writer:
        written = TableWriter(writer, key)
        piece = pack(["1.5"] * 1_000, numbers=True)
        written.add({f"c{number}": piece for number in range(300)}, 1_000)
        writer.flush()
    table = written.table()
    columns = dict.fromkeys(table.columns, Column("numericMeasure", "feature", "mean", "mean"))
    made = Dataset(gateway.client_id, "wide", columns, table)
    assert Datasets(client, gateway.settings).commit(None, made, table.segments)
    return gateway.settings.key_prefix + key


def test_no_more_than_so_many_large_pages_are_made_at_a_time(door, gateway, wide):
    slots = gateway.app.extensions["oddline"].download_slots
    held = [str(number) for number in range(slots.count)]
    for one in held:
        slots.take(one)
    refused = door.get("/data/wide?pageSize=1000")
    assert (refused.status_code, refused.json["errorType"]) == (503, "ServiceUnavailable")
    assert len(door.get("/data/wide?pageSize=100").json["data"]) == 100
    for one in held:
        slots.release(one)
    answer = door.get("/data/wide?pageSize=1000", buffered=True)
    assert len(answer.json["data"]) == answer.json["totalCount"] == 1_000
    assert slots._held.total() == 0


def test_a_large_page_that_cannot_be_made_is_an_error_and_holds_no_slot(door, gateway, wide):
    gateway.store.client.unlink(wide)
    assert door.get("/data/wide?pageSize=1000").status_code >= 400
    assert gateway.app.extensions["oddline"].download_slots._held.total() == 0
