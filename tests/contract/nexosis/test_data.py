"""Datasets as they are read: pages, columns, dates, CSV, lists, links; and deleted."""

from __future__ import annotations

import csv
import io
import re

import pytest

from contract.nexosis.rows import DAYS, HEARTS, keep
from oddline.errors import RunError

ISO6 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00"


def shown(rows):
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def test_a_page_of_a_dataset(door, gateway):
    keep(gateway, "My Hearts")
    answer = door.get("/Data/my hearts?page=1&PageSize=50")
    assert answer.status_code == 200
    body = answer.json
    assert body["data"] == shown(HEARTS[50:100])
    assert body["dataSetName"] == "My Hearts"
    assert body["columns"] == {
        "id": {"dataType": "numeric", "role": "key", "imputation": "zeroes", "aggregation": "sum"},
        "bpm": {"dataType": "numericMeasure", "role": "feature", "imputation": "mean", "aggregation": "mean"},
        "note, if any": {"dataType": "string", "role": "none", "imputation": "mode", "aggregation": "mode"},
    }
    assert re.fullmatch(ISO6, body["dateCreated"])
    assert re.fullmatch(ISO6, body["lastModified"])
    assert body["dataSetSize"] > 0
    told = {
        "columnCount": 3,
        "rowCount": 120,
        "isTimeSeries": False,
        "missingValues": ["N/A"],
        "pageNumber": 1,
        "totalPages": 3,
        "pageSize": 50,
        "totalCount": 120,
    }
    assert {name: body[name] for name in told} == told
    hrefs = {link["rel"]: link["href"] for link in body["links"]}
    assert [*hrefs] == [
        *("imports", "views", "stats", "sessions", "models", "vocabularies", "first", "next", "last", "self")
    ]
    assert hrefs["stats"] == "http://localhost/v1/data/My%20Hearts/stats"
    assert hrefs["sessions"] == "http://localhost/v1/sessions?dataSourceName=My%20Hearts"
    assert hrefs["next"] == "http://localhost/v1/data/my%20hearts?PageSize=50&page=2"
    last = door.get(hrefs["last"].removeprefix("http://localhost/v1"))
    assert last.json["data"] == shown(HEARTS[100:])
    assert "next" not in {link["rel"] for link in last.json["links"]}


def test_a_page_past_the_end_has_no_rows(door, gateway):
    keep(gateway, "hearts")
    body = door.get("/data/hearts?page=99").json
    assert (body["data"], body["pageNumber"], body["totalCount"]) == ([], 99, 120)


@pytest.mark.parametrize(
    "include",
    [
        "include=bpm&include=ID",
        "INCLUDE=id,bpm",
        "include=id%2C%20BPM",
        "Include=id&include=bpm,",
    ],
)
def test_columns_are_chosen_in_any_case(door, gateway, include):
    keep(gateway, "hearts")
    body = door.get("/data/hearts?pageSize=2&" + include).json
    assert body["data"] == [{"id": "0", "bpm": "60"}, {"id": "1", "bpm": "61"}]


def test_a_column_may_have_a_comma_in_its_name(door, gateway):
    keep(gateway, "hearts")
    body = door.get("/data/hearts?pageSize=2&include=Note,%20If%20Any").json
    assert body["data"] == [{"note, if any": "a 0"}, {}]


def test_a_column_that_is_none_is_refused(door, gateway):
    keep(gateway, "hearts")
    answer = door.get("/data/hearts?include=id,bmp")
    assert answer.status_code == 400
    assert answer.json["errorDetails"] == {"include": ["got 'bmp', and the dataset has no such column."]}


def test_csv_is_the_page_or_without_one_everything(door, gateway):
    keep(gateway, "hearts")
    for query, rows in (("", HEARTS), ("?page=1&pageSize=7", HEARTS[7:14]), ("?pageSize=3", HEARTS[:3])):
        answer = door.get("/data/hearts" + query, headers={"Accept": "text/csv"})
        assert answer.status_code == 200
        assert answer.content_type == "text/csv; charset=utf-8"
        found = [*csv.DictReader(io.StringIO(answer.text))]
        assert found == [{name: value or "" for name, value in row.items()} for row in rows]


@pytest.fixture
def small_blocks(monkeypatch):
    """Answers of more than 30 cells are streams."""
    monkeypatch.setattr("oddline_api.nexosis.rows.CELLS", 30)


def slots_held(gateway):
    return gateway.app.extensions["oddline"].download_slots._held.total()


def test_a_stream_is_the_same_and_gives_its_slot_back(door, gateway, small_blocks):
    keep(gateway, "hearts")
    slots = gateway.app.extensions["oddline"].download_slots
    for _ in range(slots.count + 1):
        answer = door.get("/data/hearts", headers={"Accept": "text/csv"})
        assert len([*csv.DictReader(io.StringIO(answer.text))]) == 120
        answer.close()
        answer = door.get("/data/hearts?pageSize=120")
        assert answer.json["data"] == shown(HEARTS)
        assert answer.json["totalCount"] == 120
        answer.close()
    for query, first, last in (("?page=7", 0, 0), ("?page=1&pageSize=25", 25, 50), ("?page=2", 100, 120)):
        answer = door.get("/data/hearts" + query, buffered=True)
        assert answer.json["data"] == shown(HEARTS[first:last])
    door.call("HEAD", "/data/hearts", headers={"Accept": "text/csv"}).close()
    assert slots_held(gateway) == 0


@pytest.mark.parametrize("accept", ["text/csv", "application/json"])
def test_a_damaged_row_is_never_passed_on(door, gateway, small_blocks, accept):
    kept = keep(gateway, "hearts")
    client, root = gateway.store.client, gateway.settings.key_prefix
    first, second = (root + segment.key for segment in kept.table.segments[:2])
    client.hset(second, "1", b"other")
    answer = door.get("/data/hearts?pageSize=120", headers={"Accept": accept}, buffered=False)
    assert answer.status_code == 200
    with pytest.raises(RunError, match="altered"):
        answer.get_data()
    answer.close()
    client.hset(first, "1", b"other")
    answer = door.get("/data/hearts?pageSize=120", headers={"Accept": accept})
    assert (answer.status_code, answer.json["errorType"]) == (500, "ServerError")
    assert slots_held(gateway) == 0


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ("startDate=2018-01-10", 9, 31),
        ("endDate=2018-01-10T00:00:00Z", 0, 10),
        ("STARTDATE=1-03-2018&enddate=2018-01-05%2000:00:00", 2, 5),
        ("startDate=2018-01-09T23:30:00-0100&endDate=2018-01-20", 10, 20),
        ("startDate=2019-01-01", 31, 31),
        ("endDate=2017-01-01", 0, 0),
    ],
)
def test_dates_choose_rows_and_both_are_included(door, gateway, query, first, last):
    keep(gateway, "days", DAYS, 7)
    body = door.get("/data/days?pageSize=1000&" + query).json
    assert body["data"] == DAYS[first:last]
    assert body["totalCount"] == last - first
    assert body["isTimeSeries"]
    page = door.get("/data/days?pageSize=4&page=1&" + query).json
    assert page["data"] == DAYS[first:last][4:8]
    told = door.get("/data/days?" + query, headers={"Accept": "text/csv"}).text
    assert len(told.splitlines()) == 1 + last - first


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_range_that_ends_before_it_begins(door, gateway, method):
    keep(gateway, "days", DAYS)
    answer = door.call(method, "/data/days?startDate=2018-02-02&endDate=2018-02-01")
    assert answer.status_code == 400
    assert answer.json["errorType"] == "InvalidDateRange"
    assert set(answer.json["errorDetails"]) == {"startDate", "endDate"}


def test_datasets_are_listed_by_name_and_sorted_and_chosen(door, gateway):
    for name in ("Cats", "ants", "Bees"):
        keep(gateway, name, HEARTS[: 10 * len(name)])

    def names(query=""):
        return [item["dataSetName"] for item in door.get("/data" + query).json["items"]]

    assert names() == ["ants", "Bees", "Cats"]
    assert names("?sortOrder=DESC") == ["Cats", "Bees", "ants"]
    assert names("?partialName=B") == ["Bees"]
    assert names("?page=1&pageSize=2") == ["Cats"]
    assert names("?sortBy=DateCreated&sortOrder=asc") == ["Cats", "ants", "Bees"]
    item = door.get("/data?pageSize=1").json["items"][0]
    assert (item["rowCount"], item["missingValues"], item["columnCount"]) == (40, ["N/A"], 3)
    assert item["links"] == [{"rel": "self", "href": "http://localhost/v1/data/ants"}]
    assert "data" not in item


def test_an_unknown_dataset(door):
    for method, path in (
        ("GET", "/data/No Such"),
        ("DELETE", "/data/No Such"),
        ("GET", "/data/No Such/stats"),
    ):
        answer = door.call(method, path)
        assert answer.status_code == 404
        assert answer.json["message"] == "Item of type dataSet with identifier No Such was not found"
        assert answer.json["errorDetails"] == {"itemType": "dataSet", "itemId": "No Such"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("keys=", "keys"),
        ("Keys=,", "keys"),
        ("startdate=2018-01-01&startDate=", "startDate"),
        ("endKey=+", "endKey"),
    ],
)
def test_words_that_name_no_rows_delete_no_dataset(door, gateway, query, field):
    keep(gateway, "hearts")
    answer = door.delete(f"/data/hearts?{query}")
    assert (answer.status_code, answer.json["errorType"]) == (400, "RequestValidation")
    assert "is empty" in answer.json["errorDetails"][field][0]
    assert door.get("/data/hearts").json["rowCount"] == 120


def test_the_counts_are_whole_numbers_of_what_there_is(door, gateway):
    keep(gateway, "hearts")
    headers = door.get("/data").headers
    assert headers["Nexosis-Account-DataSetCount-Current"] == "1"
    assert headers["Nexosis-Account-DataSetCount-Allotted"] == "1000"
    assert headers["Nexosis-Account-DataSetSize-Allotted"] == "500000000"
    gone = door.delete("/data/HEARTS")
    assert (gone.status_code, gone.data) == (204, b"")
    assert gone.headers["Nexosis-Account-DataSetCount-Current"] == "0"
    assert door.get("/data/hearts").status_code == 404


def test_what_can_go_with_a_dataset(door, gateway):
    keep(gateway, "hearts")
    refused = door.delete("/data/hearts?cascade=session,everything")
    assert refused.status_code == 400
    assert list(refused.json["errorDetails"]) == ["cascade"]
    made = door.post("/sessions/model", {"dataSourceName": "hearts", "predictionDomain": "anomalies"})
    assert door.get("/sessions").json["totalCount"] == 1
    query = "?cascade=session&Cascade=view&cascade=model,vocabulary&cascade=forecast"
    assert door.delete("/data/Hearts" + query).status_code == 204
    assert door.get("/sessions").json["totalCount"] == 0
    assert door.get("/sessions/" + made.json["sessionId"]).status_code == 404
