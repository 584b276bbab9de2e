"""How requests are read: paths, queries and bodies in any case, keys, dates, and the shape of refusals."""

from __future__ import annotations

import pytest

from oddline_api.nexosis.paths import plain_path

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("/v1/Sessions/Model", "/v1/sessions/model"),
        ("/V1/SESSIONS", "/v1/sessions"),
        ("/v1/sessions/ABC/Results/anomalyScores", "/v1/sessions/abc/results/anomalyscores"),
        ("/v1/imports/Url", "/v1/imports/url"),
        ("/v1/data/My Data/Stats/My Column", "/v1/data/My Data/stats/My Column"),
        ("/v1/Data/My Data/", "/v1/data/My Data"),
        ("/v1/views/My View/", "/v1/views/My View"),
        ("/v1/Data/", "/v1/data"),
        ("/v1/Data//", "/v1/data/"),
        ("/v1/", "/v1/"),
        ("/v1", "/v1"),
        ("/v10/Data/", "/v10/Data/"),
        ("//v1/Data/", "//v1/Data/"),
        ("/Result/X/", "/Result/X/"),
        ("*", "*"),
        ("", ""),
    ],
)
def test_known_words_of_a_path_match_in_any_case(sent, read):
    assert plain_path(sent) == read


@pytest.mark.parametrize("path", ["/sessions", "/Sessions/", "/SESSIONS", "/data", "/Imports", "/Models/"])
def test_lists_of_nothing(door, path):
    answer = door.get(path)
    assert answer.status_code == 200
    assert answer.content_type == "application/json; charset=utf-8"
    plain = f"http://localhost/v1/{path.strip('/').lower()}"
    assert answer.json == {
        "items": [],
        "pageNumber": 0,
        "totalPages": 0,
        "pageSize": 50,
        "totalCount": 0,
        "links": [
            {"rel": "first", "href": plain + "?page=0"},
            {"rel": "last", "href": plain + "?page=0"},
            {"rel": "self", "href": plain},
        ],
    }


@pytest.mark.parametrize("query", ["page=3&PAGESIZE=7", "Page=1&page=3&pageSize=7", "pagesize=7&PAGE=3&x=1"])
def test_a_page_past_the_end_is_empty_and_the_last_value_counts(door, query):
    answer = door.get("/data?" + query)
    assert answer.status_code == 200
    assert answer.json["items"] == []
    assert (answer.json["pageNumber"], answer.json["pageSize"]) == (3, 7)
    hrefs = {link["rel"]: link["href"] for link in answer.json["links"]}
    rest = query.replace("page=3&", "").replace("Page=1&", "").replace("&PAGE=3", "")
    assert hrefs["first"] == f"http://localhost/v1/data?{rest}&page=0"
    assert "next" not in hrefs


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page=-1", "page"),
        ("page=x", "page"),
        ("page=99999999999999999999", "page"),
        ("pageSize=0", "pageSize"),
        ("PageSize=1001", "pageSize"),
        ("sortBy=nonsense", "sortBy"),
        ("sortOrder=up", "sortOrder"),
    ],
)
@pytest.mark.parametrize("path", ["/data", "/imports", "/sessions", "/models"])
def test_what_is_wrong_with_a_query_is_told_by_field(door, path, query, field):
    answer = door.get(f"{path}?{query}")
    assert answer.status_code == 400
    assert answer.content_type == "application/json"
    body = answer.json
    assert (body["statusCode"], body["errorType"]) == (400, "RequestValidation")
    assert body["message"] == "Request is invalid"
    assert list(body["errorDetails"]) == [field]
    assert all(isinstance(text, str) for text in body["errorDetails"][field])


@pytest.mark.parametrize(
    "date",
    [
        "2018-04-11T20:18:05+0300",
        "2018-04-11T20:18:05%2B0300",
        "2018-04-11T20:18:05%2B03:00",
        "2018-04-11T20:18:05.1234567%2B00:00",
        "2017-01-01T00:00:00.000Z",
        "1-01-2017",
        "2008-06-01%2000:00:00",
        "2008-06-01",
        "",
    ],
)
@pytest.mark.parametrize(
    "asked", ["/sessions?requestedAfterDate=", "/imports?RequestedBeforeDate=", "/models?createdafterdate="]
)
def test_dates_are_read_in_every_form_that_clients_write(door, asked, date):
    assert door.get(asked + date).status_code == 200


@pytest.mark.parametrize("date", ["yesterday", "2018-13-01", "2018-02-30", "2018-04-11T25:00:00", "9" * 500])
def test_what_is_no_date_is_refused(door, date):
    answer = door.get("/sessions?requestedAfterDate=" + date)
    assert answer.status_code == 400
    assert list(answer.json["errorDetails"]) == ["requestedAfterDate"]


@pytest.mark.parametrize("path", ["/sessions/", "/models/", "/imports/", "/vocabulary/"])
def test_ids_are_guids_and_must_be_known(door, path):
    kind = {"/sessions/": "session", "/models/": "model", "/imports/": "import"}.get(path, "vocabulary")
    for text in ("nonsense", "*", "%2e%2e", "0" * 36, UNKNOWN + "0", "%00", "%ff"):
        answer = door.get(path + text)
        assert answer.status_code == 400, text
        assert list(answer.json["errorDetails"]) == [kind + "Id"]
    for text in (UNKNOWN, UNKNOWN.replace("8000", "ABCD")):
        answer = door.get(path + text)
        assert answer.status_code == 404
        assert answer.json == {
            "statusCode": 404,
            "message": f"Item of type {kind} with identifier {text.lower()} was not found",
            "errorType": "NotFound",
            "errorDetails": {"itemType": kind, "itemId": text.lower()},
        }


def test_a_head_is_answered_without_a_body(door):
    answer = door.call("HEAD", "/sessions/" + UNKNOWN)
    assert (answer.status_code, answer.data) == (404, b"")
    answer = door.call("HEAD", "/data")
    assert (answer.status_code, answer.data) == (200, b"")


@pytest.mark.parametrize("accept", ["appliction/json", "*/*", "image/png", "", "text/csv;q=0"])
def test_nothing_is_not_acceptable(door, accept):
    answer = door.get("/data", headers={"Accept": accept, "Content-Type": "application/json"})
    assert answer.status_code == 200
    assert answer.content_type == "application/json; charset=utf-8"


def test_the_key_is_a_clients_secret(door, gateway):
    client = gateway.app.test_client()
    for headers in (
        {"api-key": gateway.client_secret},
        {"API-KEY": gateway.client_secret},
        {"Authorization": f"Bearer {gateway.client_secret}"},
        gateway.headers,
    ):
        assert client.get("/v1/data", headers=headers).status_code == 200, headers
    for headers in (
        {},
        {"api-key": ""},
        {"api-key": "x"},
        {"api-key": gateway.client_id},
        {"api-key": "\xff"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer x"},
        {"api-key": "x", **gateway.headers},
    ):
        answer = client.get("/v1/data", headers=headers)
        assert answer.status_code == 401, headers
        assert set(answer.json) == {"statusCode", "message"}
        assert answer.json["statusCode"] == 401
        assert "subscription key" in answer.json["message"]
        assert answer.headers["Nexosis-Account-DataSetCount-Current"] == "0"


def test_the_key_opens_no_other_door(gateway):
    client = gateway.app.test_client()
    for path in ("/connection-check", "/api/v1/jobs"):
        assert client.get(path, headers={"api-key": gateway.client_secret}).status_code == 401


@pytest.mark.parametrize("path", ["/sessions", "/models"])
def test_deleting_many_needs_a_word_of_which(door, path):
    for query in ("", "?dataSourceName=", "?nonsense=1", "?page=1"):
        answer = door.delete(path + query)
        assert answer.status_code == 400
        assert answer.json["errorType"] == "SomeParametersRequired"
        assert answer.json["errorDetails"] == {}
    old = {"/sessions": "startDate=2018-01-01&dataSetName=", "/models": "createdAfter=2018-01-01"}[path]
    for query in (old, "DataSourceName=x", "dataSourceName=x&eventName="):
        answer = door.delete(f"{path}?{query}")
        assert (answer.status_code, answer.data) == (204, b"")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/sessions/forecast", 400),
        ("POST", "/Sessions/Impact?dataSourceName=x&targetColumn=y", 400),
        ("PUT", "/views/a view", 400),
        ("GET", "/views/a view", 404),
        ("DELETE", "/views/a view", 404),
        ("GET", "/views", 200),
        ("GET", "/vocabulary?createdFromSession=" + UNKNOWN, 200),
        ("DELETE", "/vocabulary?type=x", 204),
        ("GET", "/vocabulary/" + UNKNOWN, 404),
        ("DELETE", "/vocabulary/" + UNKNOWN, 404),
        ("GET", "/messages?relatedId=x&levels=y", 200),
        ("GET", "/metrics", 200),
        *[
            ("GET", f"/sessions/{UNKNOWN}/results/{word}", 404)
            for word in ("confusionMatrix", "classScores", "featureImportance", "outliers")
        ],
        *[
            ("GET", f"/sessions/{UNKNOWN}/contest{word}", 404)
            for word in ("", "/champion", "/contestants", "/contestants/x", "/selection")
        ],
        ("GET", "/nowhere", 404),
        ("PATCH", "/data", 405),
        ("POST", "/data/x", 405),
    ],
)
def test_what_is_not_served_is_answered_clearly(door, method, path, status):
    answer = door.call(method, path, data='""', content_type="application/json")
    assert answer.status_code == status
    if status >= 400:
        assert {"statusCode", "message", "errorType", "errorDetails"} == set(answer.json)
    if path.lower().startswith("/sessions/") and status == 400:
        assert list(answer.json["errorDetails"]) == ["predictionDomain"]
    if status == 200:
        assert answer.json["items"] == []


def test_browsers_may_ask_without_a_key(gateway):
    client = gateway.app.test_client()
    for path in ("/v1/data", "/v1/Sessions/Model", "/v1/data/x", f"/v1/models/{UNKNOWN}/predict"):
        answer = client.options(
            path,
            headers={
                "Origin": "http://page.example",
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "api-key,access-control-allow-origin,content-type",
            },
        )
        assert answer.status_code == 200
        assert answer.data == b""
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        allowed = answer.headers["Access-Control-Allow-Headers"].split(", ")
        assert {"api-key", "access-control-allow-origin", "content-type", "authorization"} <= {*allowed}
        assert "DELETE" in answer.headers["Access-Control-Allow-Methods"]
        assert "Nexosis-Session-Status" in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("oddline.example:8080", "http://oddline.example:8080"),
        ("[::1]:80", "http://[::1]:80"),
        ("evil.example/x?", "http://127.0.0.1:8080"),
        ("a b", "http://127.0.0.1:8080"),
        ("", "http://127.0.0.1:8080"),
    ],
)
def test_links_lead_to_where_the_request_was_sent(door, host, shown):
    answer = door.get("/data", environ_overrides={"HTTP_HOST": host})
    assert {link["href"].split("?")[0] for link in answer.json["links"]} == {shown + "/v1/data"}


def test_links_lead_to_the_address_of_the_setting(make_gateway):
    gateway = make_gateway(public_url="https://oddline.example/")
    answer = gateway.get("/v1/data", headers={"X-Forwarded-Host": "evil.example"})
    assert {link["href"].split("?")[0] for link in answer.json["links"]} == {
        "https://oddline.example/v1/data"
    }
