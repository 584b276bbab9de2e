"""The four steps to a new estimator, taken as they are written."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / "engine" / "oddline"

TRY = """
import numpy as np, oddline
from oddline.catalog import check, page
from oddline.pipelines.detectors import Center
x = np.sin(np.arange(600) / 5)[:, None] * [1.0, -1.0]
x[400:406, 1] += 1.0
found = oddline.detect(x, estimator="Center")
run = max(found.anomalies, key=lambda run: run.severity)
assert run.start_row <= 406 and run.end_row >= 400, found.anomalies
assert run.contributions["value_1"] > 0.6, run.contributions
assert "Center()" in found.model_summary
assert "| `Center` | Windows far from the middle of all. |" in page.page()
model = oddline.fit(x, algorithm="WindowAD", estimator="center")
model.save("model")
assert (oddline.load("model").score(x).score == model.score(x).score).all()
assert oddline.__file__.startswith(__import__("os").getcwd())
"""


def before(text, mark, addition):
    assert text.count(mark) == 1, mark
    return text.replace(mark, addition + mark)


def test_the_four_steps_make_an_estimator(tmp_path):
    section = (ROOT / "CONTRIBUTING.md").read_text().split("## Add an estimator in four steps")[1]
    blocks = re.findall(r"^( *)```python\n(.*?)^ *```", section, re.MULTILINE | re.DOTALL)
    module, entry, line = (textwrap.dedent(code) for _, code in blocks)
    home = tmp_path / "oddline"
    shutil.copytree(ENGINE, home, ignore=shutil.ignore_patterns("__pycache__"))
    (home / "pipelines/detectors/center.py").write_text(module)
    catalog = home / "catalog/algorithms.py"
    # Among the estimators of WindowAD, before its last.
    mark = '            Estimator(\n                "AnomalyEnsembler",'
    catalog.write_text(before(catalog.read_text(), mark, textwrap.indent(entry.rstrip() + ",\n", " " * 12)))
    table = home / "pipelines/detectors/__init__.py"
    text = before(table.read_text(), '    "AnomalyEnsembler": ', textwrap.indent(line, " " * 4))
    text = text.replace(
        "\n\n__all__", "\nfrom oddline.pipelines.detectors.center import Center\n\n__all__", 1
    )
    table.write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-c", TRY],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
