"""The gateway is light: it loads no numerics, and it writes no secret into its log."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from oddline.catalog import ALGORITHMS

PROBE = """
import json, re, sys
from oddline_api.app import create_app
from oddline_workers.settings import Settings
app = create_app(Settings(**json.loads(sys.argv[1]), key_prefix="light:"))
import oddline_workers.app, oddline_workers.results
client = app.test_client()
statuses = [client.get(path).status_code for path in ("/openapi.json", "/livez", "/readyz")]
heavy = {"numpy", "pandas", "scipy", "sklearn", "torch", "matplotlib"} & set(sys.modules)
kilobytes = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
print(json.dumps([statuses, sorted(heavy), kilobytes / 1024]))
"""


def test_no_numerics_and_under_150_mb(store_login):
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(store_login)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    statuses, heavy, megabytes = json.loads(done.stdout)
    assert statuses == [200, 200, 200]
    assert heavy == []
    assert megabytes < 150


LOGGING = """
import sys
from oddline_api.app import create_app
from oddline_workers.settings import from_environment
from oddline_workers.store import JobStore
def broken(*_):
    local_secret = "s3cr3t-in-a-local"
    raise KeyError("boom")
JobStore.get = broken
app = create_app(*map(eval, sys.argv[3:]))
headers = {"X-IBM-Client-Id": sys.argv[1], "X-IBM-Client-Secret": sys.argv[2]}
client = app.test_client()
print(client.get("/result/x", headers=headers).status_code)
print(client.get("/result/x", headers={**headers, "X-IBM-Client-Id": "wrong"}).status_code)
"""


@pytest.fixture
def logged(gateway, monkeypatch):
    """What an app logs that breaks, made from these arguments."""

    def logged(*arguments):
        monkeypatch.setenv("ODDLINE_REDIS_URL", gateway.settings.redis_url)
        monkeypatch.setenv("ODDLINE_REDIS_PASSWORD_FILE", gateway.settings.redis_password_file)
        monkeypatch.setenv("ODDLINE_KEY_PREFIX", gateway.settings.key_prefix)
        words = [sys.executable, "-c", LOGGING, gateway.client_id, gateway.client_secret, *arguments]
        done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout.split() == ["500", "401"]
        assert gateway.client_secret not in done.stderr
        assert "s3cr3t-in-a-local" not in done.stderr
        return done.stderr.splitlines()

    return logged


def test_logs_are_json_and_hold_no_secret(logged):
    assert any("boom" in json.dumps(json.loads(line)) for line in logged())


def test_an_app_inside_another_program_logs_no_secret_either(logged):
    assert any("boom" in line for line in logged("from_environment()"))


WITHOUT_TORCH = """
import importlib, pkgutil, sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
sys.meta_path.insert(0, Hidden())
for name in ("oddline", "oddline_workers", "oddline_api"):
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
from oddline.catalog import ALGORITHMS
from oddline.errors import ModelError
from oddline_api.cli.main import cli
for algorithm in ALGORITHMS:
    if algorithm.least_columns > 1:
        continue
    try:
        cli.main(["detect", sys.argv[1], "--algorithm", algorithm.name, "--csv"], standalone_mode=False)
    except ModelError as error:
        print(f"{algorithm.name}: {error.message}", file=sys.stderr)
"""


def test_all_but_the_nets_works_without_torch():
    sample = Path(__file__).parents[1] / "data" / "sample.csv"
    words = [sys.executable, "-c", WITHOUT_TORCH, sample]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1001 * (sum(a.least_columns == 1 for a in ALGORITHMS) - 1)
    assert "\nReconstructAD: " in done.stderr
    assert "pip install 'oddline[deep]'" in done.stderr
