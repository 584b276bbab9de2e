"""Requests made from what the OpenAPI document says of this dialect: no 500, and every answer as it says.

``make requests EXAMPLES=1000`` sends more of them, other ones each time.
"""

from __future__ import annotations

import re
from collections import Counter

import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis.checks import negative_data_rejection, positive_data_acceptance

from contract.drawn import EXAMPLES, draw
from contract.test_openapi_requests import CONFIG, DOCUMENT
from desk import at_desk

OPERATIONS = [
    (method, path) for path, item in DOCUMENT["paths"].items() if path.startswith("/v1/") for method in item
]
NEVER = re.compile("forecast|impact|contest|confusion|classscores|importance|outliers|views/|vocabulary/")
"""What cannot succeed."""

ROWS = {"data": [{"id": n, "value": n % 7, "text": "ab"[n % 2]} for n in range(60)]}
ASKED = {"dataSourceName": "rows", "predictionDomain": "anomalies"}
URL = {"dataSetName": "x", "url": "https://files.example/x.csv"}
GOOD = {
    **URL,
    **ASKED,
    **ROWS,
    **{"bucket": "b", "path": "p", "region": "us-east-1", "container": "rows", "blob": "b"},
    "connectionString": "AccountName=account;AccountKey=aGk=;EndpointSuffix=core.windows.net",
}
"""Values that chance does not find, by the fields of bodies."""


def kept(gateway):
    """What is there, by the parameters of paths."""

    def call(method, path, body):
        answer = gateway.call(method, "/v1/" + path, json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json

    call("PUT", "data/rows", ROWS)
    done, waiting = (call("POST", "sessions/model", ASKED)["sessionId"] for _ in range(2))
    assert gateway.work(done) == "done"
    model = gateway.get("/v1/sessions/" + done).json["modelId"]
    return {
        "name": ["rows"],
        "column": ["value", "text"],
        "session_id": [done, waiting],
        "import_id": [call("POST", "imports/url", URL)["importId"]],
        "model_id": [model],
    }


# Werkzeug's test client leaves the temporary file of a body over 500 kB to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.timeout(0 if EXAMPLES else 120)
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_answers_are_what_the_document_says(make_gateway, method, path):
    many = 10**9
    gateway = make_gateway(
        submits_per_minute=many, writes_per_minute=many, reads_per_minute=many, queue_limit=many
    )
    with at_desk(gateway.worker):
        statuses = sent(gateway, method, path, kept(gateway))
    assert max(statuses) < 500
    assert min(statuses) < 300 or NEVER.search(path)


def sent(gateway, method, path, things):
    """Legal and illegal requests; how many had which status."""
    operation = schemathesis.openapi.from_wsgi("/openapi.json", gateway.app, config=CONFIG)[path][
        method.upper()
    ]
    headers = {"api-key": gateway.client_secret, "Accept-Encoding": "identity"}
    statuses = Counter()
    # The door is lenient: words in any case, numbers and texts for each other, nulls. And whether a name is
    # known, or rows can be learnt from, no document says.
    excluded = [positive_data_acceptance, negative_data_rejection]

    def one(case, data):
        for name in case.path_parameters or {}:
            if name in things and data.draw(st.integers(0, 3)):
                case.path_parameters[name] = data.draw(st.sampled_from(things[name]))
        if isinstance(case.body, dict) and data.draw(st.booleans()):
            case.body |= {name: GOOD[name] for name in operation_fields(method, path) if name in GOOD}
        answer = case.call(headers=headers)
        statuses[answer.status_code] += 1
        case.validate_response(answer, headers=headers, excluded_checks=excluded)

    draw(operation, 25, legal=True, does=one)
    if operation.query or operation.path_parameters or operation.body:
        draw(operation, 25, legal=False, does=one)
    return statuses


def operation_fields(method, path):
    """The fields of a JSON body."""
    schema = DOCUMENT["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]
    return DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]["properties"]
