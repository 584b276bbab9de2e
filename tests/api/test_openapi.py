"""The OpenAPI document: valid, complete, and with the catalogue's ranges in its forms."""

from __future__ import annotations

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from oddline.catalog import PARAMETERS
from oddline_api.app import create_app
from oddline_api.doors import NEXOSIS as DOOR
from oddline_workers.settings import Settings

NEXOSIS = DOOR + "/"
NEXOSIS_PATHS = [
    *("data", "data/{name}", "data/{name}/stats", "data/{name}/stats/{column}"),
    *("imports", "imports/{import_id}", "imports/url", "imports/s3", "imports/azure"),
    *("sessions", "sessions/{session_id}", "sessions/model", "sessions/forecast", "sessions/impact"),
    "sessions/{session_id}/results",
    *(
        f"sessions/{{session_id}}/results/{word}"
        for word in (
            *("anomalyscores", "mahalanobisdistances"),
            *("confusionmatrix", "classscores", "featureimportance", "outliers"),
        )
    ),
    "sessions/{session_id}/contest",
    *(
        f"sessions/{{session_id}}/contest/{word}"
        for word in ("champion", "selection", "contestants", "contestants/{contestant_id}")
    ),
    *("models", "models/{model_id}", "models/{model_id}/predict"),
    *("views", "views/{name}", "vocabulary", "vocabulary/{vocabulary_id}", "messages", "metrics"),
]


@pytest.fixture(scope="module")
def document():
    app = create_app(Settings(redis_url="unix:///nowhere.sock?db=0"))
    return app.test_client().get("/openapi.json").json


def test_it_is_valid_openapi_31(document):
    assert document["openapi"].startswith("3.1")
    assert [*OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_route_is_in_it_once(document):
    assert set(document["paths"]) == {
        "/connection-check",
        "/anomaly-detection/timeseries/univariate/batch",
        "/anomaly-detection/timeseries/multivariate/batch",
        "/result/{job_id}",
        "/api/v1/jobs",
        "/api/v1/jobs/{job_id}",
        "/api/v1/jobs/{job_id}/result",
        "/api/v1/jobs/{job_id}/retry",
        "/livez",
        "/readyz",
        *(NEXOSIS + path for path in NEXOSIS_PATHS),
    }
    operations = [one for path in document["paths"].values() for one in path.values()]
    assert len({one["operationId"] for one in operations}) == len(operations)
    assert "/ai4industry/run" in document["info"]["description"]


@pytest.mark.parametrize("form", ["UnivariateForm", "MultivariateForm", "JobForm"])
def test_forms_say_what_the_catalogue_says(document, form):
    shape = document["components"]["schemas"][form]["properties"]
    for name, parameter in PARAMETERS.items():
        if form != "JobForm" and name not in shape:
            continue
        field = shape[name]
        assert field["description"], name
        if parameter.kind == "choice":
            assert field["enum"] == list(parameter.choices)
        if parameter.minimum is not None:
            bounded = field["oneOf"][1] if "oneOf" in field else field
            assert (bounded["minimum"], bounded["maximum"]) == (parameter.minimum, parameter.maximum)
    assert shape["observation_window"]["default"] == 10


def test_ibm_forms_require_what_the_clients_send(document):
    schemas = document["components"]["schemas"]
    assert set(schemas["UnivariateForm"]["required"]) == {"data_file", "time_column", "target_column"}
    assert set(schemas["MultivariateForm"]["required"]) == {"data_file", "time_column", "target_columns"}
    assert schemas["UnivariateForm"]["properties"]["algorithm_type"]["default"] == "DeepAD"
    assert schemas["JobForm"]["properties"]["algorithm_type"]["default"] == "auto"
    assert schemas["UnivariateForm"]["properties"]["data_file"]["format"] == "binary"


def test_each_guarded_operation_names_its_errors_and_credentials(document):
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if path in ("/livez", "/readyz"):
                assert "security" not in operation
                continue
            if path.startswith(NEXOSIS):
                assert operation["security"] == [{"ApiKey": []}, {"Bearer": []}]
                assert operation["tags"] == ["Nexosis dialect"]
                assert {"401", "429", "503"} <= set(operation["responses"])
                continue
            assert {"ClientId": [], "ClientSecret": []} in operation["security"]
            assert {"401", "429", "503"} <= set(operation["responses"])
            for status, response in operation["responses"].items():
                if status >= "4" and path.startswith("/api/v1"):
                    assert list(response["content"]) == ["application/problem+json"]


def test_no_error_schema_has_a_message(document):
    for name in ("ServiceError", "GatewayError", "Problem"):
        assert "message" not in document["components"]["schemas"][name]["properties"]


def test_bodies_of_our_own_submit(document):
    content = document["paths"]["/api/v1/jobs"]["post"]["requestBody"]["content"]
    assert set(content) == {
        "multipart/form-data",
        "text/csv",
        "application/json",
        "application/gzip",
        "application/octet-stream",
    }
