"""Requests made from the OpenAPI document, legal and illegal: no 500, and every answer as the document says.

``make requests EXAMPLES=1000`` sends more of them, other ones each time.
"""

from __future__ import annotations

from collections import Counter

import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis.checks import negative_data_rejection, positive_data_acceptance
from schemathesis.config import SchemathesisConfig

from contract.drawn import EXAMPLES, draw
from doors import CSV
from oddline.catalog import PARAMETERS
from oddline.errors import DataError
from oddline_api.app import create_app
from oddline_workers.settings import Settings

CONFIG = SchemathesisConfig.from_dict(
    {
        "checks": {
            # 411 and 413 are refusals too.
            "negative_data_rejection": {"expected-statuses": ["4xx"]},
            "positive_data_acceptance": {"expected-statuses": ["2xx", "404", "409", "422"]},
        }
    }
)
DOCUMENT = create_app(Settings(redis_url="unix:///nowhere.sock?db=0")).test_client().get("/openapi.json").json
OPERATIONS = [
    (method, path)
    for path, item in DOCUMENT["paths"].items()
    if not path.startswith("/v1/")  # see nexosis/test_openapi_requests.py
    for method in item
]
FILES = st.one_of(
    st.sampled_from([CSV, b'[{"Time": "2017-01-01 00:00:00", "Value": 3}]', b"Time;Value\n1;2,5\n", b""]),
    st.binary(max_size=200),
)
GOOD = {
    **dict.fromkeys(("file", "data_file"), CSV),
    **{"time_column": "Time", "target_column": "Value", "target_columns": '["Value", "Other"]'},
}
schemathesis.openapi.media_type("text/csv", FILES)
schemathesis.openapi.media_type("application/gzip", FILES)
schemathesis.openapi.media_type("application/octet-stream", FILES)


def states(gateway):
    """The ids of jobs in every state that a request may meet, through both doors."""

    def fail(*_):
        raise DataError("Row 3: 'x' is no number.", code="not_numeric", row=3, column="Value")

    made = []
    for submit in (
        lambda: gateway.submit(labeling_method="Chi-Square").json["jobId"],
        lambda: gateway.post("/api/v1/jobs", data=CSV, content_type="text/csv").json["id"],
    ):
        queued, done, failed, cancelled = (submit() for _ in range(4))
        gateway.work(done)
        gateway.work(failed, fail)
        gateway.call("DELETE", f"/api/v1/jobs/{cancelled}")
        made += [queued, done, failed, cancelled]
    return made


CHOICES = {choice for parameter in PARAMETERS.values() for choice in parameter.choices}


def is_lenient(case):
    """Whether a value may be taken though the document does not say so: an empty one counts as not sent,
    and a choice matches without regard to case."""
    folded = {choice.casefold() for choice in CHOICES}
    sent = [*(case.query or {}).values(), *(case.body.values() if isinstance(case.body, dict) else ())]
    texts = [str(text) for value in sent for text in (value if isinstance(value, list) else [value])]
    return any(
        not text.strip() or (text not in CHOICES and text.strip().casefold() in folded) for text in texts
    )


# Werkzeug's test client leaves the temporary file of a body over 500 kB to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.timeout(0 if EXAMPLES else 120)
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_answers_are_what_the_document_says(make_gateway, method, path):
    many = 10**9
    gateway = make_gateway(submits_per_minute=many, reads_per_minute=many, queue_limit=many)
    jobs = states(gateway)
    schema = schemathesis.openapi.from_wsgi("/openapi.json", gateway.app, config=CONFIG)
    operation = schema[path][method.upper()]
    # Whether a file is a table with the columns asked for, no document can say.
    submits = method == "post" and "requestBody" in DOCUMENT["paths"][path]["post"]
    excluded = [positive_data_acceptance] if submits else []
    headers = {**gateway.headers, "Accept-Encoding": "identity"}
    statuses = Counter()

    def send(*, legal):
        def one(case, data):
            if "job_id" in (case.path_parameters or {}) and data.draw(st.integers(0, 3)):
                case.path_parameters["job_id"] = data.draw(st.sampled_from(jobs))
            passed_over = excluded + ([negative_data_rejection] if is_lenient(case) else [])
            if legal and isinstance(case.body, dict) and data.draw(st.booleans()):
                # A table, and names that are in it, which chance does not find.
                case.body |= {name: value for name, value in GOOD.items() if name in case.body}
                passed_over = [positive_data_acceptance, negative_data_rejection]  # it is ours now
            answer = case.call(headers=headers)
            statuses[answer.status_code] += 1
            case.validate_response(answer, headers=headers, excluded_checks=passed_over)

        draw(operation, 40, legal=legal, does=one)

    send(legal=True)
    if operation.query or operation.path_parameters or operation.headers or submits:
        send(legal=False)
    assert max(statuses) < 500
    assert min(statuses) < 300
