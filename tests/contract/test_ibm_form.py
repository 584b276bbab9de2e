"""The submission form: what each field takes, what it becomes, what is refused and how."""

from __future__ import annotations

import io

import pytest
import requests

from doors import CSV

MULTI = {"multi": True}


def test_defaults_are_the_hosted_ones(gateway):
    assert gateway.spec() == {
        "time_column": "Time",
        "time_format": "%Y-%m-%d %H:%M:%S",
        "target_columns": ["Value"],
        "prediction_type": "entire",
        "recent_data": 1,
        "algorithm_type": "DeepAD",
        "anomaly_estimator": "Default",
        "lookback_window": "auto",
        "observation_window": 10,
        "labeling_method": "IID",
        "labeling_threshold": 10.0,
        "train_rows": None,
        "causal": False,
        "feature_selection": "none",
        "relation_level": "window",
        "repair": "auto",
        "random_state": 0,
    }


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"observation_window": "20"}, {"observation_window": 20}),
        ({"observation_window": " 20 "}, {"observation_window": 20}),
        ({"lookback_window": "33"}, {"lookback_window": 33}),
        ({"lookback_window": "AUTO"}, {"lookback_window": "auto"}),
        ({"labeling_threshold": "3"}, {"labeling_threshold": 3.0}),
        ({"labeling_threshold": "0.25"}, {"labeling_threshold": 0.25}),
        ({"prediction_type": "Recent", "recent_data": "5"}, {"prediction_type": "recent", "recent_data": 5}),
        ({"prediction_type": "ENTIRE"}, {"prediction_type": "entire"}),
        ({"algorithm_type": "windowad"}, {"algorithm_type": "WindowAD"}),
        ({"labeling_method": "chi-square"}, {"labeling_method": "Chi-Square"}),
        ({"labeling_method": "SLIDING-WINDOW"}, {"labeling_method": "Sliding-Window"}),
        ({"time_format": "None"}, {"time_format": None}),
        ({"time_format": "none"}, {"time_format": None}),
        ({"time_format": "%d/%m/%Y %H:%M"}, {"time_format": "%d/%m/%Y %H:%M"}),
        ({"time_format": ""}, {"time_format": "%Y-%m-%d %H:%M:%S"}),
        ({"observation_window": ""}, {"observation_window": 10}),
        ({"anomaly_estimator": "default", "algorithm_type": "DeepAD"}, {"anomaly_estimator": "Default"}),
        (
            {"anomaly_estimator": "Default", "algorithm_type": "WindowAD"},
            {"anomaly_estimator": "IsolationForest"},
        ),
        (
            {"anomaly_estimator": "nearestneighbor", "algorithm_type": "WindowAD"},
            {"anomaly_estimator": "NearestNeighbor"},
        ),
        ({"scoring_method": "chi-square"}, {"labeling_method": "Chi-Square"}),
        ({"scoring_threshold": "4"}, {"labeling_threshold": 4.0}),
        ({"scoring_threshold": "4", "labeling_threshold": "5"}, {"labeling_threshold": 5.0}),
        (
            {"no_such_field": "1", "message": "x", "train_rows": "5", "random_state": "x"},
            {"train_rows": None},
        ),
    ],
)
def test_a_field_becomes(gateway, fields, expected):
    spec = gateway.spec(**fields)
    assert {name: spec[name] for name in expected} == expected


@pytest.mark.parametrize(
    "text",
    [
        "['Value', 'Other']",
        '["Value", "Other"]',
        '["Value","Other"]',
        "('Value', 'Other')",
        "['Value', 'Other',]",
        "[np.str_('Value'), np.str_('Other')]",
        "[numpy.str_('Value'), 'Other']",
        " [ 'Value' ,\"Other\" ] ",
        "['V\\x61lue', 'Other']",
    ],
)
def test_list_text(gateway, text):
    assert gateway.spec(multi=True, target_columns=text)["target_columns"] == ["Value", "Other"]


def test_names_with_blanks_parentheses_and_quotes(gateway):
    data = b'Time,Speed (kRPM),"it\'s, ok"\n2017-01-01 00:00:00,1,2\n2017-01-01 00:01:00,1,2\n'
    spec = gateway.spec(multi=True, data=data, target_columns="['Speed (kRPM)', \"it's, ok\"]")
    assert spec["target_columns"] == ["Speed (kRPM)", "it's, ok"]


@pytest.mark.parametrize(
    "text",
    [
        "Value, Other",
        "Value",
        "[Value, Other]",
        "[1, 2]",
        "['Value' 'Other']",
        "['Value'",
        "[__import__('os').system('true')]",
        "['Value'] * 9",
        "{'Value': 1}",
        "[['Value']]",
        "[]",
        "['Value', 'Value']",
        "[" * 5000,
        "[" * 5000 + "]" * 5000,
        "('" + "\\" * 2001 + "')",
        "['\\N{NO SUCH}']",
        "['" + "a" * 240_000,
        "-" * 10_000,
    ],
)
def test_what_is_no_list_of_names(gateway, text):
    answer = gateway.submit(multi=True, target_columns=text)
    assert answer.status_code == 400, answer.data
    assert answer.json["error"].startswith("target_columns: ")
    assert gateway.jobs() == 0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"data_file": None}, ["data_file: is missing"]),
        ({"time_column": None}, ["time_column: is missing"]),
        ({"target_column": None}, ["target_column: is missing"]),
        ({"multi": True, "target_columns": None}, ["target_columns: is missing"]),
        ({"time_column": " "}, ["time_column: is missing"]),
        ({"observation_window": "0"}, ["observation_window: got '0'", "from 1 to"]),
        ({"observation_window": "ten"}, ["observation_window: got 'ten'", "whole number"]),
        ({"observation_window": "1.5"}, ["observation_window: got '1.5'"]),
        ({"observation_window": "1e400"}, ["observation_window"]),
        ({"recent_data": "-1"}, ["recent_data: got '-1'"]),
        ({"lookback_window": "automatic"}, ["lookback_window: got 'automatic'", "'auto' or a whole number"]),
        ({"labeling_threshold": "nan"}, ["labeling_threshold: got 'nan'"]),
        ({"labeling_threshold": "-2"}, ["labeling_threshold: got '-2'"]),
        ({"prediction_type": "batch"}, ["prediction_type: got 'batch'", "one of entire, recent"]),
        ({"algorithm_type": "WindwAD"}, ["algorithm_type: got 'WindwAD'", "Did you mean 'WindowAD'?"]),
        ({"algorithm_type": "DeepAD "}, None),
        (
            {"algorithm_type": "RelationshipAD"},
            ["target_column: RelationshipAD needs at least 2 target columns, got 1"],
        ),
        (
            {"algorithm_type": "RelationAD", "multi": True, "labeling_method": "chi-square"},
            ["labeling_method: got 'Chi-Square'; RelationshipAD takes IID only"],
        ),
        (
            {
                "multi": True,
                "target_columns": "['Value', 'Other']",
                "algorithm_type": "RelationAD",
                "anomaly_estimator": "GGM_L1",
            },
            None,
        ),
        ({"labeling_method": "Chi Square"}, ["Did you mean 'Chi-Square'?"]),
        (
            {"algorithm_type": "WindowAD", "anomaly_estimator": "NearestNeighbour"},
            ["anomaly_estimator", "Did you mean 'NearestNeighbor'?"],
        ),
        (
            {"algorithm_type": "PredAD", "anomaly_estimator": "IsolationForest"},
            ["anomaly_estimator: got 'IsolationForest', which belongs to WindowAD; PredAD takes Default"],
        ),
        ({"time_column": "Tim"}, ["no column 'Tim'", "Did you mean 'Time'?", "'Value'"]),
        ({"target_column": "Valu"}, ["no column 'Valu'", "Did you mean 'Value'?"]),
        ({"multi": True, "target_columns": "['Value', 'Oter']"}, ["'Oter'", "Did you mean 'Other'?"]),
        ({"target_column": "Time"}, ["time column"]),
        ({"data": b""}, ["empty"]),
        ({"data": b"\n\n  \n"}, ["empty"]),
        ({"data": b"%PDF-1.4 ..."}, ["PDF"]),
        ({"data": b"\x00\x01\x02\x03" * 50}, ["binary"]),
        ({"data": b"just some words\nand more words\n"}, ["CSV"]),
        ({"data": b"\x1f\x8bnot really gzip"}, ["gzip"]),
    ],
)
def test_refused_at_submit(gateway, fields, words):
    answer = gateway.submit(**fields)
    if words is None:
        assert answer.status_code == 200
        return
    assert answer.status_code == 400, answer.data
    assert list(answer.json) == ["error"]
    for word in words:
        assert word in answer.json["error"]
    assert gateway.jobs() == 0


def test_several_problems_in_one_text(gateway):
    answer = gateway.submit(
        data_file=None,
        time_column=None,
        observation_window="0",
        labeling_method="IDI",
        algorithm_type="DeepAd2",
        recent_data="x",
    )
    assert answer.status_code == 400
    for name in ("time_column", "observation_window", "labeling_method", "algorithm_type", "recent_data"):
        assert f"{name}: " in answer.json["error"]


def test_what_the_contract_knows_and_this_release_does_not(gateway):
    from oddline.catalog import ALGORITHMS, LABELINGS

    algorithms, labelings = {a.name for a in ALGORITHMS}, {one.name for one in LABELINGS}
    for name in {"ReconstructAD", "RelationshipAD"} - algorithms:
        answer = gateway.submit(algorithm_type=name)
        assert answer.status_code == 400
        assert f"got '{name}'; expected one of auto, DeepAD" in answer.json["error"]
    for name in {"Q-Score", "Adaptive-Sliding-Window", "Contextual-Anomaly"} - labelings:
        answer = gateway.submit(labeling_method=name)
        assert answer.status_code == 400
        assert f"got '{name}'; expected one of Chi-Square" in answer.json["error"]


def test_a_pointer_to_object_storage_is_refused_without_its_secrets(gateway, capfd):
    pointer = (
        b'{"connection": {"endpoint_url": "https://x", "access_key_id": "AKIAXX", '
        b'"secret_access_key": "s3cr3t"}, "location": {"bucket": "b", "path": "p"}}'
    )
    answer = gateway.submit(data=pointer, filename="p.json")
    assert answer.status_code == 400
    assert "object store" in answer.json["error"]
    output = capfd.readouterr()
    for secret in ("s3cr3t", "AKIAXX"):
        assert secret not in answer.text + output.out + output.err
    assert gateway.jobs() == 0


def test_json_rows_with_numbers_as_text(gateway):
    rows = (
        b'[{"Time": "2017-01-01 00:00:00", "Value": "3.0"}, {"Time": "2017-01-01 00:01:00", "Value": "4.0"}]'
    )
    assert gateway.submit(data=rows, filename="a-copy.json").json["filename"] == "a-copy.json"


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfTime,Value\n2017-01-01 00:00:00,1\n",
        "Time;Value\n2017-01-01 00:00:00;1,5\n".encode("utf-16"),
        "Time,Value,Größe\n2017-01-01 00:00:00,1,2\n".encode("latin-1"),
        b"Time\tValue\r\n2017-01-01 00:00:00\t1\r\n",
    ],
)
def test_encodings_and_delimiters(gateway, data):
    assert gateway.submit(data=data).status_code == 200


def test_a_text_field_is_no_file(gateway):
    form = {"time_column": "Time", "target_column": "Value", "data_file": "Time,Value\n1,2\n"}
    answer = gateway.post(
        "/anomaly-detection/timeseries/univariate/batch", data=form, content_type="multipart/form-data"
    )
    assert answer.status_code == 400
    assert "data_file: is a text field" in answer.json["error"]


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Größe.csv", "Größe.csv"),
        ('a"b c.csv', 'a"b c.csv'),
        ("../../etc/passwd", "../../etc/passwd"),
        ("x" * 400, "x" * 255),
        ("a\x01\x7fb.csv", "ab.csv"),
    ],
)
def test_filename_echo(gateway, sent, shown):
    # Encoded by requests, as the notebooks' clients do.
    form = {"time_column": "Time", "target_column": "Value"}
    ready = requests.Request("POST", "http://x/", data=form, files={"data_file": (sent, CSV)}).prepare()
    answer = gateway.post(
        "/anomaly-detection/timeseries/univariate/batch",
        data=ready.body,
        content_type=ready.headers["Content-Type"],
    )
    assert answer.json["filename"] == shown
    assert gateway.get(f"/result/{answer.json['jobId']}").json["filename"] == shown


def test_a_name_for_a_file_is_needed_but_may_be_anything(gateway):
    form = {"time_column": "Time", "target_column": "Value", "data_file": (io.BytesIO(b"a,b\n1,2\n"), "")}
    answer = gateway.post("/anomaly-detection/timeseries/univariate/batch", data=form)
    assert answer.status_code == 400
