"""What a request for an import may be, and what of it is kept where."""

import json

import pytest

from oddline.errors import ParameterError
from oddline_workers.datasets.metadata import ColumnsError
from oddline_workers.imports.request import read
from oddline_workers.settings import Settings

SECRET = "s3cr3t-of-a-client"
AZURE = f"DefaultEndpointsProtocol=https;AccountName=oddaccount;AccountKey={'QUJD' * 22}"
URL = {"dataSetName": "a", "url": "http://a/"}
BLOB = {"dataSetName": "a", "connectionString": AZURE, "container": "data", "blob": "a"}
S3 = {"dataSetName": "a", "bucket": "my-data", "path": "b/c.csv"}


def test_names_come_in_any_case_and_nulls_and_strangers_count_as_absent():
    body = {
        "DataSetName": "hearts",
        "URL": "http://a.example/c.csv",
        "columns": None,
        "Auth": None,
        "bpm": {"x": 1},
    }
    found = read("url", body)
    assert (found.type, found.name, found.kind, found.columns) == ("url", "hearts", "", {})
    assert found.source == {"url": "http://a.example/c.csv"}
    assert found.spec() == {
        "type": "url",
        "dataSetName": "hearts",
        "parameters": {"url": "http://a.example/c.csv"},
    }


@pytest.mark.parametrize(
    ("sent", "kind"),
    [("json", "json"), ("csv", "csv"), ("text/csv", "csv"), ("application/JSON", "json"), (0, "csv"),
     (1, "json"), ("text/csv; charset=utf-8", "csv"), (None, ""), ("", "")],
)  # fmt: skip
def test_the_content_type_in_all_its_forms(sent, kind):
    found = read("url", {"dataSetName": "a", "url": "http://a.example/", "contentType": sent})
    assert found.kind == kind
    assert found.spec().get("contentType", "") == kind


@pytest.mark.parametrize(
    "auth",
    [
        {"basic": {"userId": "me", "password": SECRET}},
        {"Basic": {"UserId": "me", "Password": SECRET}},
        {"userId": "me", "password": SECRET},
    ],
)
def test_a_name_and_password_in_both_forms(auth):
    found = read("url", {"dataSetName": "a", "url": "http://a.example/", "auth": auth})
    assert found.target(Settings()).auth == ("me", SECRET)


def test_nobody_without_a_name_is_sent():
    for auth in ({}, None, {"basic": {}}, {"basic": None}):
        assert (
            read("url", {"dataSetName": "a", "url": "http://a.example/", "auth": auth})
            .target(Settings())
            .auth
            is None
        )


@pytest.mark.parametrize(
    ("type", "body", "parameters"),
    [
        (
            "url",
            {
                "url": f"https://me:{SECRET}@a.example:81/b/c.csv?sig={SECRET}",
                "auth": {"userId": "x", "password": SECRET},
            },
            {"url": "https://a.example:81/b/c.csv"},
        ),
        (
            "s3",
            {"bucket": "my-data", "path": "/b/c.csv", "accessKeyId": SECRET, "secretAccessKey": SECRET},
            {"bucket": "my-data", "path": "b/c.csv", "region": "us-east-1"},
        ),
        (
            "azure",
            {"connectionString": AZURE, "container": "data", "blob": "b/c.csv"},
            {"connectionString": "redacted", "container": "data", "blob": "b/c.csv"},
        ),
    ],
)  # fmt: skip
def test_credentials_are_in_the_payload_alone(type, body, parameters):
    found = read(type, {"dataSetName": "a", **body})
    assert found.spec()["parameters"] == parameters
    for shown in (json.dumps(found.spec()), repr(found), repr(found.target(Settings()))):
        assert SECRET not in shown
        assert "QUJD" not in shown
    assert read(type, json.loads(found.payload())) == found


@pytest.mark.parametrize(
    ("body", "type"),
    [
        ({"url": "http://a.example/"}, "url"),
        ({"blob": "a.csv", "container": "data", "connectionString": AZURE}, "azure"),
        ({"bucket": "my-data", "path": "a", "url": "http://a.example/"}, "s3"),
    ],
)
def test_what_is_sent_to_s3_by_mistake_is_what_it_must_mean(body, type):
    assert read("s3", {"dataSetName": "a", **body}).type == type


@pytest.mark.parametrize(
    ("type", "body", "fields"),
    [
        ("url", {}, {"dataSetName", "url"}),
        ("url", {"dataSetName": 3, "url": 4}, {"dataSetName", "url"}),
        ("url", URL | {"dataSetName": "\ud800"}, {"dataSetName"}),
        ("url", URL | {"dataSetName": "no/address"}, {"dataSetName"}),
        ("url", URL | {"dataSetName": "n" * 1_001}, {"dataSetName"}),
        ("url", {"dataSetName": "a", "url": "file:///etc/passwd"}, {"url"}),
        ("url", URL | {"contentType": "xml"}, {"contentType"}),
        ("url", URL | {"contentType": 2}, {"contentType"}),
        ("url", URL | {"contentType": True}, {"contentType"}),
        ("url", URL | {"contentType": ["csv"]}, {"contentType"}),
        ("url", URL | {"columns": []}, {"columns"}),
        ("url", URL | {"auth": "me"}, {"auth"}),
        ("url", URL | {"auth": {"basic": 1}}, {"auth.basic"}),
        ("url", URL | {"auth": {"basic": {"userId": 1}}}, {"auth.basic.userId"}),
        ("s3", {"dataSetName": "a"}, {"bucket", "path"}),
        ("s3", S3 | {"bucket": "a.example/x"}, {"bucket"}),
        ("s3", S3 | {"bucket": "evil.example#"}, {"bucket"}),
        ("s3", S3 | {"bucket": "a..b"}, {"bucket"}),
        ("s3", S3 | {"bucket": "UPPER"}, {"bucket"}),
        ("s3", S3 | {"region": "us-east-1.evil.example/"}, {"region"}),
        ("s3", S3 | {"path": "a/../../admin"}, {"path"}),
        ("s3", S3 | {"path": "//"}, {"path"}),
        ("s3", S3 | {"accessKeyId": "a"}, {"secretAccessKey"}),
        ("s3", S3 | {"secretAccessKey": "a"}, {"accessKeyId"}),
        ("s3", S3 | {"accessKeyId": "a\r\nX: y", "secretAccessKey": "b"}, {"accessKeyId"}),
        ("azure", {"dataSetName": "a"}, {"connectionString", "container", "blob"}),
        ("azure", BLOB | {"container": "a/b", "blob": "."}, {"container", "blob"}),
    ],
)  # fmt: skip
def test_every_problem_is_told_by_its_field(type, body, fields):
    with pytest.raises(ParameterError) as refused:
        read(type, body)
    assert set(refused.value.problems) == fields


@pytest.mark.parametrize(
    "connection",
    [
        "nonsense",
        f"AccountName=oddaccount;AccountKey={SECRET}",
        "AccountName=oddaccount",
        f"AccountName=a/b;AccountKey={'QUJD' * 22}",
        f"AccountName=oddaccount;AccountKey={'QUJD' * 22};EndpointSuffix=evil.example/x?",
        f"AccountName=oddaccount;AccountKey={'QUJD' * 22};DefaultEndpointsProtocol=file",
        f"AccountName=oddaccount;AccountKey={'QUJD' * 22};BlobEndpoint=file:///etc",
        f"BlobEndpoint=https://a.example;SharedAccessSignature=sv=1 {SECRET}",
        f"SharedAccessSignature=sig={SECRET}",
        "UseDevelopmentStorage=true",
    ],
)
def test_a_connection_string_that_cannot_be_is_refused_without_a_word_of_it(connection):
    with pytest.raises(ParameterError) as refused:
        read("azure", {"dataSetName": "a", "connectionString": connection, "container": "data", "blob": "b"})
    assert set(refused.value.problems) == {"connectionString"}
    assert SECRET not in str(refused.value.to_dict())
    assert "QUJD" not in str(refused.value.to_dict())


def test_metadata_that_cannot_be_is_told_before_anything_is_fetched():
    with pytest.raises(ColumnsError) as refused:
        read("url", URL | {"columns": {"bpm": {"dataType": "number"}}})
    assert set(refused.value.where["columns"]) == {"bpm"}
    numbered = {"bpm": {"dataType": 1, "imputation": 2, "aggregation": 0}}
    assert read("url", URL | {"columns": numbered}).columns == numbered


def test_the_door_may_read_requests_without_what_only_workers_need(heavy_after):
    assert heavy_after("oddline_workers.imports.request", "oddline_workers.imports.document") == []
