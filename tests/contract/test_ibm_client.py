"""A client written from the contract alone, against real processes: gateway, worker, janitor."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from serving import serve, wait_until

pytestmark = pytest.mark.service

DATA = Path(__file__).parents[1] / "data"


class Client:
    """What the notebooks do: post, keep the jobId, ask for the result until it is done."""

    def __init__(self, base: str, client_id: str, client_secret: str) -> None:
        self.base = base
        self.headers = {
            "X-IBM-Client-Id": client_id,
            "X-IBM-Client-Secret": client_secret,
            "accept": "application/json",
        }

    def check(self) -> bool:
        return (
            "message"
            in requests.get(self.base + "/connection-check", headers=self.headers, timeout=10).json()
        )

    def submit(self, kind: str, path: Path, payload: dict[str, str]) -> str:
        with path.open("rb") as file:
            answer = requests.post(
                f"{self.base}/anomaly-detection/timeseries/{kind}/batch",
                headers=self.headers,
                data=payload,
                files={"data_file": (path.name, file)},
                timeout=30,
            )
        assert answer.status_code == 200, answer.text
        assert answer.json()["filename"] == path.name
        job_id: str = answer.json()["jobId"]
        assert uuid.UUID(job_id).version == 4
        return job_id

    def result(self, job_id: str) -> dict[str, Any]:
        def asked() -> dict[str, Any] | None:
            answer = requests.get(f"{self.base}/result/{job_id}", headers=self.headers, timeout=10).json()
            if answer["status"] == "done":
                return dict(answer)
            assert set(answer) == {"filename", "jobId", "status"}
            return None

        return dict(wait_until(asked, 90))


@pytest.fixture(scope="module")
def client(store_login: dict[str, str]) -> Iterator[Client]:
    with serve("worker-cpu", "janitor", **store_login, key_prefix="client:", workers=1) as served:
        given = served.headers
        yield Client(served.base + "/ai4industry/run", given["X-IBM-Client-Id"], given["X-IBM-Client-Secret"])


BERLIN = ZoneInfo("Europe/Berlin")
TIME = "%Y-%m-%d %H:%M:%S"


def values(body: dict[str, Any], key: str) -> list[float]:
    return [row["value"][key][0] for row in body["summary"]["result"]]


def stamps(body: dict[str, Any]) -> list[str]:
    return [row["timestamp"] for row in body["summary"]["result"]]


UNI = {
    "time_column": "Time",
    "time_format": "%Y-%m-%d %H:%M:%S",
    "prediction_type": "entire",
    "algorithm_type": "DeepAD",
    "anomaly_estimator": "Default",
    "lookback_window": "auto",
    "observation_window": "10",
    "labeling_method": "Chi-Square",
    "labeling_threshold": "10",
}


def header(path: Path) -> list[str]:
    return path.read_text("utf-8-sig").splitlines()[0].split(",")


def test_connection_check(client: Client) -> None:
    assert client.check()
    assert not Client(client.base, "wrong", "credentials").check()


def test_golden_univariate_sample(client: Client) -> None:
    path = DATA / "sample.csv"
    time, value = header(path)[:2]
    job_id = client.submit("univariate", path, {**UNI, "time_column": time, "target_column": value})
    body = client.result(job_id)
    assert "error" not in body["summary"], body["summary"]
    assert (len(stamps(body)), stamps(body)[0], stamps(body)[-1]) == (
        1000,
        "2017-01-01 00:00:00",
        "2017-01-04 11:15:00",
    )
    scores, labels = values(body, "anomaly_score"), values(body, "anomaly_label")
    known = [row for row, score in enumerate(scores) if score == score]
    assert abs(max(known, key=lambda row: scores[row]) - 624) <= 3
    lookback = int(body["summary"]["lookback_window"])
    assert known[0] == lookback + 10
    assert set(labels[: known[0]]) == {1.0}
    assert set(labels) <= {1.0, -1.0}
    assert float(body["summary"]["total_execution_time (sec)"]) > 0
    assert isinstance(body["summary"]["num_pipelines_explored"], int)
    assert " " not in body["summary"]["model_summary"]


def test_golden_multivariate_with_integer_time_under_a_date_pattern(client: Client) -> None:
    path = DATA / "sample_extreme.csv"
    time, *targets = header(path)
    fields = {**UNI, "time_column": time, "target_columns": str(targets[:4])}
    body = client.result(client.submit("multivariate", path, fields))
    assert "error" not in body["summary"], body["summary"]
    assert stamps(body)[-10:] == [f"1970-01-01 00:00:00.000000{n}" for n in range(990, 1000)]
    scores = values(body, "anomaly_score")
    known = [row for row, score in enumerate(scores) if score == score]
    assert abs(max(known, key=lambda row: scores[row]) - 470) <= 10


def test_integer_time_without_a_pattern_stays_as_it_is(client: Client) -> None:
    path = DATA / "sample_extreme.csv"
    time, *targets = header(path)
    fields = {
        **UNI,
        "time_column": time,
        "time_format": "None",
        "target_columns": json.dumps(targets[:2]),
        "algorithm_type": "WindowAD",
        "labeling_method": "IID",
    }
    body = client.result(client.submit("multivariate", path, fields))
    assert "error" not in body["summary"], body["summary"]
    assert stamps(body)[-1] == "999"
    assert "anomaly_label" not in body["summary"]["result"][-1]["value"]


def test_recent_answers_the_last_rows_only(client: Client) -> None:
    path = DATA / "sample.csv"
    time, value = header(path)[:2]
    fields = {
        **UNI,
        "time_column": time,
        "target_column": value,
        "prediction_type": "recent",
        "recent_data": "12",
        "algorithm_type": "PredAD",
    }
    body = client.result(client.submit("univariate", path, fields))
    assert body["prediction_type"] == "recent"
    assert len(stamps(body)) == 12
    assert stamps(body)[-1] == "2017-01-04 11:15:00"
    assert all(score == score for score in values(body, "anomaly_score"))


def test_json_rows_with_numbers_as_text(client: Client, tmp_path: Path) -> None:
    lines = (DATA / "sample.csv").read_text("utf-8-sig").splitlines()
    names = lines[0].split(",")
    path = tmp_path / "sample-copy.json"
    path.write_text(json.dumps([dict(zip(names, line.split(","), strict=True)) for line in lines[1:201]]))
    fields = {**UNI, "time_column": names[0], "target_column": names[1], "algorithm_type": "WindowAD"}
    body = client.result(client.submit("univariate", path, fields))
    assert "error" not in body["summary"], body["summary"]
    assert len(stamps(body)) == 200


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Time,Value\n2017-01-01 00:00:00,1\n2017-01-01 00:01:00,2\n", "rows"),
        ("Time,Value\n" + "2017-01-01 00:00:00,1\n" * 60 + "yesterday,2\n", "yesterday"),
        ("Time,Value\n" + "".join(f"2017-01-01 00:{m:02d}:00,x{m}\n" for m in range(60)), "Value"),
    ],
)
def test_what_only_the_table_shows_is_a_summary_error(
    client: Client, tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    body = client.result(client.submit("univariate", path, {**UNI, "target_column": "Value"}))
    assert (body["status"], list(body["summary"])) == ("done", ["error"])
    assert words in body["summary"]["error"]


def autumn(write: Any) -> list[str]:
    """Times every ten minutes over the end of daylight saving in Berlin, written by ``write``."""
    first = datetime(2024, 10, 26, 12, tzinfo=UTC)
    return [write((first + timedelta(minutes=10 * n)).astimezone(BERLIN)) for n in range(150)]


@pytest.mark.parametrize(
    ("write", "time_format"),
    [
        (lambda t: t.strftime(TIME), TIME),  # the hour from two comes twice
        (lambda t: t.isoformat(), "None"),
        (lambda t: t.strftime("%Y-%m-%d %H:%M:%S%z"), "%Y-%m-%d %H:%M:%S%z"),
        (lambda t: t.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "None"),
        (lambda t: t.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"), "None"),
        (lambda t: t.strftime("%Y-%m-%d %H:%M:%S %Z"), "None"),
    ],
)
def test_an_hour_that_comes_twice_is_an_hour_however_it_is_written(
    client: Client, tmp_path: Path, write: Any, time_format: str
) -> None:
    def judged(name: str, times: list[str], time_format: str) -> dict[str, Any]:
        path = tmp_path / name
        rows = [f"{time},{math.sin(n / 5) + 6 * (n == 120):.4f}" for n, time in enumerate(times)]
        path.write_text("Time,Value\n" + "\n".join(rows) + "\n")
        fields = {**UNI, "target_column": "Value", "time_format": time_format, "algorithm_type": "WindowAD"}
        body = client.result(client.submit("univariate", path, fields))
        assert "error" not in body["summary"], body["summary"]
        return body

    plain = judged("utc.csv", autumn(lambda t: t.astimezone(UTC).strftime(TIME)), TIME)
    times = autumn(write)
    body = judged("written.csv", times, time_format)
    assert stamps(body) == times
    assert repr(values(body, "anomaly_score")) == repr(values(plain, "anomaly_score"))


def test_a_zone_that_may_be_several_is_refused_by_name(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "named.csv"
    rows = [f"2024-10-27 {n // 60:02d}:{n % 60:02d}:00 IST,{n}" for n in range(60)]
    path.write_text("Time,Value\n" + "\n".join(rows) + "\n")
    fields = {**UNI, "target_column": "Value", "time_format": "None"}
    body = client.result(client.submit("univariate", path, fields))
    assert "IST" in body["summary"]["error"]
