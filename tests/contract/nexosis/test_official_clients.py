"""The retired service's own clients, unchanged but for the address, against real processes."""

from __future__ import annotations

import csv
import gzip
import importlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from contract.nexosis import clients
from oddline_workers.server import EmbeddedServer
from oddline_workers.settings import Settings
from serving import Served, serve, wait_until

pytestmark = pytest.mark.service

HERE = Path(__file__).parent
CARDIO = HERE.parents[1] / "data" / "cardio.json.gz"
FEATURES = [f"X.{number}" for number in range(1, 22)]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway, a worker, a desk and a janitor."""
    folder = tmp_path_factory.mktemp("store")
    with (
        EmbeddedServer(folder, Settings(max_memory_bytes=256 << 20)) as server,
        serve("worker-cpu", "worker-desk", "janitor", server=server, workers=1) as served,
    ):
        yield served


@pytest.fixture(scope="module")
def cardio() -> dict[str, Any]:
    return dict(json.loads(gzip.decompress(CARDIO.read_bytes())))


@pytest.fixture(scope="module")
def nexosisapi() -> Iterator[ModuleType]:
    """The Python client, as `import nexosisapi` finds it."""
    folder = str(clients.python())
    sys.path.append(folder)
    yield importlib.import_module("nexosisapi")
    sys.path.remove(folder)
    for name in [name for name in sys.modules if name.split(".")[0] == "nexosisapi"]:
        del sys.modules[name]


@pytest.fixture
def client(nexosisapi: ModuleType, served: Served) -> Any:
    return nexosisapi.Client(key=served.headers["X-IBM-Client-Secret"], uri=served.base + "/v1")


def finished(client: Any, session: Any) -> Any:
    def over() -> Any:
        asked = client.sessions.get(session.session_id)
        assert asked.status.name in ("requested", "started", "completed"), asked
        return asked if asked.status.name == "completed" else None

    return wait_until(over)


def test_python_from_the_upload_to_the_prediction(client, cardio):
    columns = importlib.import_module("nexosisapi.column_metadata")
    # Without a role this client sends none, and without a type string.
    metadata = {
        name: columns.ColumnMetadata({"dataType": "numeric", "role": "feature", **told})
        for name, told in cardio["columns"].items()
    }
    created = client.datasets.create("cardio", cardio["data"], metadata)
    assert created.name == "cardio"
    assert created.column_metadata["key"].role is columns.Role.key
    assert created.column_metadata["X.1"].data_type is columns.ColumnType.numericMeasure

    page = client.datasets.get("cardio", page_number=1, page_size=100, include=["key", "X.2"])
    assert (page.item_total, page.total_pages, len(page.data)) == (1831, 19, 100)
    assert set(page.data[0]) == {"key", "X.2"}
    file = io.BytesIO()
    client.datasets.get_csv("cardio", file, page_size=3, include=["key", "X.2"])
    assert file.getvalue().decode().splitlines()[0] == "X.2,key"
    assert len(file.getvalue().splitlines()) == 4

    session = client.sessions.train_model("cardio", prediction_domain="anomalies")
    assert (session.status.name, session.target_column) == ("requested", "anomaly")
    session = finished(client, session)
    assert [step["status"] for step in session.status_history] == ["requested", "started", "completed"]
    assert session.extra_parameters == {"containsAnomalies": True}

    results = client.sessions.get_results(session.session_id)
    assert results.metrics == {"percentAnomalies": 0.10049153468050245}
    assert len(results.data) == 50
    assert set(results.data[0]) == {*FEATURES, "key", "anomaly"}
    scores = client.sessions.get_anomaly_scores(session.session_id, page_number=2, page_size=500)
    assert (scores.data.item_total, len(scores.data)) == (1831, 500)
    distances = client.sessions.get_distance_metrics(session.session_id, page_size=1000)
    assert all(row.distance > 0 for row in distances.data)

    model = client.models.get_model(session.model_id)
    assert model.algorithm.name == "Isolation Forest"
    odd, usual = (next(row for row in cardio["data"] if row["key"] == key) for key in (1780, 1))
    predicted = client.models.predict(session.model_id, [odd, usual])
    assert [float(row["anomaly"]) <= 0 for row in predicted.data] == [True, False]
    assert [row["key"] for row in predicted.data] == ["1780", "1"]

    assert session.session_id in [one.session_id for one in client.sessions.list()]
    assert client.get_account_balance() == 0.0
    client.models.remove(session.model_id)
    client.datasets.remove("cardio", cascade=["session", "model"])
    error = importlib.import_module("nexosisapi").ClientError
    with pytest.raises(error) as met:
        client.sessions.get(session.session_id)
    assert met.value.status == 404
    assert (
        met.value.error_details.message
        == f"Item of type session with identifier {session.session_id} was not found"
    )


def test_python_helper_that_forgets_the_domain_trains_on_anomalies(client):
    rows = [{"a": str(n % 7), "b": str(n * n % 11)} for n in range(60)] + [{"a": "500", "b": "-300"}]
    client.datasets.create("forgetful", rows)
    session = finished(client, client.sessions.train_anomalies_model("forgetful"))
    results = client.sessions.get_results(session.session_id)
    assert {"a": "500", "b": "-300"} in [{name: row[name] for name in ("a", "b")} for row in results.data]
    client.datasets.remove("forgetful", cascade=["session", "model"])


@pytest.mark.parametrize(
    ("module", "tests"),
    [
        ("test_datasets_integration", 13),
        ("test_import_integration", 4),
        ("test_model_integration", 3),
        ("test_vocabulary_integration", 1),
    ],
)
def test_python_clients_own_tests(module, tests, client, served, tmp_path):
    """Its integration tests, with tables like those that its archive leaves out."""
    shutil.copytree(clients.python() / "nexosisapi", tmp_path / "nexosisapi")
    (tmp_path / "nose").mkdir()
    (tmp_path / "nose" / "__init__.py").touch()
    (tmp_path / "nose" / "tools.py").write_text("def nottest(function): return function\n")
    data = tmp_path / "nexosisapi" / "tests" / "data"
    data.mkdir()
    days = [date(2008, 5, 1) + timedelta(days) for days in range(123)]
    _write(
        data / "data.csv",
        [{"timestamp": f"{day} 00:00:00", "observed": 20.5 + n % 9} for n, day in enumerate(days)],
    )
    spent = [{"RnD": 1000.5 * n, "Marketing": 77 * n % 500, "Profit": 3 * n} for n in range(1, 51)]
    _write(data / "regression-data.csv", spent)
    _write(
        data / "regression-predict.csv",
        [{k: v for k, v in row.items() if k != "Profit"} for row in spent[:4]],
    )
    if module == "test_model_integration":  # it takes the newest model, whatever its domain
        client.datasets.create("of the tests", spent)
        finished(client, client.sessions.train_model("of the tests", prediction_domain="anomalies"))
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "PYTHONWARNINGS": "default",
        "NEXOSIS_API_TESTKEY": served.headers["X-IBM-Client-Secret"],
        "NEXOSIS_API_TESTURI": served.base + "/v1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "unittest", f"nexosisapi.tests.{module}"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert f"Ran {tests} test" in done.stderr


def test_the_set_up_goes_on_where_no_client_can_be_installed(tmp_path):
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\nexit 1\n")
    npm.chmod(0o755)
    done = subprocess.run(
        ["make", "clients", f"VENV={tmp_path}", "PIP=false"],
        cwd=HERE.parents[2],
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("could not be installed") == 2


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_javascript_from_the_upload_to_the_prediction(served, cardio, tmp_path):
    modules = clients.javascript()
    file = tmp_path / "cardio.json"
    file.write_text(json.dumps(cardio))
    done = subprocess.run(
        ["node", HERE / "workflow.js", served.base + "/v1", served.headers["X-IBM-Client-Secret"], file],
        env={**os.environ, "NODE_PATH": str(modules)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    name = "From JavaScript"
    assert told["created"]["dataSetName"] == name
    assert told["created"]["columnCount"] == 23
    assert [row["key"] for row in told["page"]["data"]] == [str(row["key"]) for row in cardio["data"][10:20]]
    assert [item["dataSetName"] for item in told["listed"]["items"]] == [name]
    assert told["session"]["status"] == "requested"
    assert told["status"] == "Completed"
    assert told["results"]["metrics"] == {"percentAnomalies": 0.10049153468050245}
    assert told["results"]["totalCount"] == 184
    assert (told["scores"]["totalCount"], len(told["scores"]["data"])) == (1831, 100)
    assert all(float(row["mahalanobis_distance"]) > 0 for row in told["distances"]["data"])
    session = told["session"]["sessionId"]
    assert [item["sessionId"] for item in told["sessions"]["items"]] == [session]
    assert told["model"]["sessionId"] == session
    assert [item["modelId"] for item in told["models"]["items"]] == [told["model"]["modelId"]]
    first, second = told["prediction"]["data"]
    assert first["anomaly"] == second["anomaly"]
    assert float(first["anomaly"]) < 0
    assert second["unheard"] == "1"
    target, unheard = told["prediction"]["messages"]
    assert target["severity"] == unheard["severity"] == "warning"
    assert "'target'" in target["message"]
    assert "'unheard'" in unheard["message"]
    refusals = {"confusion": 404, "unknown": 404, "forecast": 400, "gone": 404}
    assert {what: told[what]["statusCode"] for what in refusals} == refusals
    assert told["unknown"]["errorDetails"] == {"itemType": "dataSet", "itemId": "nothing of this name"}
    counts = told["balance"]
    assert counts["dataSetCount"]["current"] <= counts["dataSetCount"]["allotted"]
    assert counts["sessionCount"]["current"] >= 1
    assert counts["predictionCount"]["current"] >= 2
