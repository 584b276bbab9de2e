"""docs/ibm.md lists the fields of the form as the gateway has them, docs/nexosis.md the calls and errors."""

import re
from pathlib import Path

import numpy as np

from oddline.labeling import label
from oddline_api.app import create_app
from oddline_api.nexosis import refusals
from oddline_workers.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "ibm.md").read_text()


def _form(document, path):
    body = document["paths"][path]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    if "$ref" in body:
        body = document["components"]["schemas"][body["$ref"].rsplit("/", 1)[1]]
    return body


def test_the_page_lists_every_field_with_its_default():
    client = create_app(Settings(redis_url="redis://127.0.0.1:1/0")).test_client()
    document = client.get("/openapi.json").get_json()
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| ([^|]+) \|", PAGE, re.MULTILINE))
    fields, required = {}, set()
    for path in ("univariate", "multivariate"):
        form = _form(document, f"/anomaly-detection/timeseries/{path}/batch")
        fields |= form["properties"]
        required |= set(form["required"])
    assert set(rows) == set(fields)
    for name, field in fields.items():
        shown = rows[name].strip("` ")
        if name in required:
            assert shown.startswith("required"), name
        else:
            default = field["default"]
            assert shown == (f"{default:g}" if isinstance(default, float) else str(default)), name


def test_a_score_above_the_threshold_may_be_normal_as_the_page_says():
    assert "a score above\n`labeling_threshold` may carry the label +1" in PAGE
    rng = np.random.default_rng(0)
    errors = rng.standard_normal(2_000) ** 2
    errors[1_000:1_020] = 1e-5  # a calm stretch, and an ordinary error after it
    errors[1_020] = 0.5
    found = label(
        errors, method="Chi-Square", threshold=10.0, observation_window=10, warm_up=0, train_rows=None
    )
    assert found.score[1_020] > 10.0
    assert found.label[1_020] == 1


NEXOSIS = (Path(__file__).parents[2] / "docs" / "nexosis.md").read_text()
NOT_SERVED = re.compile(
    r"forecast|impact|contest|confusion|classscores|importance|outliers|views|vocabulary|messages|metrics"
)


def test_the_page_lists_every_call_of_the_third_door():
    client = create_app(Settings(redis_url="redis://127.0.0.1:1/0")).test_client()
    paths = client.get("/openapi.json").get_json()["paths"]
    served = {
        f"{method.upper()} {path}"
        for path, item in paths.items()
        if path.startswith("/v1/") and not NOT_SERVED.search(path)
        for method in item
    }
    assert set(re.findall(r"^\| `([A-Z]+ /v1/[^`]+)` \|", NEXOSIS, re.MULTILINE)) == served


def test_the_page_lists_the_types_of_errors():
    named = set(re.findall(r"^\| `([A-Z]\w+)` \|", NEXOSIS, re.MULTILINE))
    assert named >= {kind for kind, _ in refusals._NAMED.values()} | {*refusals._TYPES.values()}
