"""A backup of a service at work, and another service that goes on from it."""

import stat
import threading
from contextlib import closing

import httpx
import numpy as np
import pytest

from acceptance.service import PATIENCE, Service, oddline
from oddline.errors import OddlineError
from serving import wait_until

pytestmark = [pytest.mark.service, pytest.mark.timeout(300), pytest.mark.xdist_group("backup")]

OVER = {"done", "error", "cancelled"}


def table(path, rows):
    values = np.sin(np.arange(rows) / 10) + 0.1 * np.random.default_rng(rows).standard_normal(rows)
    path.write_text("load\n" + "\n".join(f"{v:.5f}" for v in values) + "\n")
    return path


class Load:
    """Small jobs, one after the other; ``taken`` are those acknowledged."""

    def __init__(self, service, path):
        self.taken = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(service, path))
        self._thread.start()

    def _run(self, service, path):
        with service.client() as client:
            while not self._stopped.is_set():
                self.taken.append(client.submit(path, algorithm_type="PredAD")["id"])

    def stop(self):
        self._stopped.set()
        self._thread.join()


def bytes_of(service, account, job):
    """The result of a job as it comes over the wire."""
    headers = {
        "X-IBM-Client-Id": account["client_id"],
        "X-IBM-Client-Secret": account["client_secret"],
        "Accept-Encoding": "gzip",
    }
    with (
        httpx.Client(trust_env=False) as client,
        client.stream("GET", f"{service.url}/api/v1/jobs/{job}/result", headers=headers) as answer,
    ):
        assert answer.status_code == 200
        return b"".join(answer.iter_raw())


def test_a_service_goes_on_from_the_backup_of_one_at_work(tmp_path):
    limits = {"ODDLINE_SUBMITS_PER_MINUTE": "100000"}
    first = Service(tmp_path / "data", **limits)
    account, file = first.facts, tmp_path / "nightly.rdb"
    small, long = table(tmp_path / "small.csv", 200), table(tmp_path / "long.csv", 200_000)
    with closing(first), first.client() as client:
        done = [client.submit(small, algorithm_type="PredAD")["id"] for _ in range(3)]
        for job in done:
            assert client.wait(job, timeout=PATIENCE)["status"] == "done"
        results = {job: bytes_of(first, account, job) for job in done}
        runs = client.submit(long, algorithm_type="WindowAD", anomaly_estimator="IsolationForest")["id"]
        wait_until(lambda: client.job(runs)["status"] == "executing")
        load = Load(first, small)
        try:
            wait_until(lambda: len(load.taken) > 5)
            acknowledged = [*done, runs, *load.taken]
            told = oddline("backup", file, "--data", tmp_path / "data")
            assert told.returncode == 0, told.stderr
            assert client.job(runs)["status"] == "executing"  # it was taken in mid-job
            seen = len(load.taken)
            wait_until(lambda: len(load.taken) > seen + 5)  # and the service goes on
        finally:
            load.stop()
        assert file.stat().st_size > 120_000
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        again = oddline("backup", file, "--data", tmp_path / "data")
        assert (again.returncode, "exists already" in again.stderr) == (2, True)
        on_it = oddline("restore", file, "--data", tmp_path / "data")
        assert (on_it.returncode, "holds something already" in on_it.stderr) == (3, True)
        assert client.wait(runs, timeout=PATIENCE)["attempt"] == 1
        taken = set(load.taken)

    told = oddline("restore", file, "--data", tmp_path / "other")
    assert told.returncode == 0, told.stderr
    assert f"Go on with: oddline up --data {tmp_path}/other" in told.stdout
    second = Service(tmp_path / "other", **limits)
    with closing(second), second.client(account) as client:
        assert "client_secret" not in second.facts  # the client of the backup is there
        for job in acknowledged:
            assert client.wait(job, timeout=PATIENCE)["status"] == "done", job
        assert client.job(runs)["attempt"] == 2
        assert {job: bytes_of(second, account, job) for job in done} == results
        # Of what came after the backup, nothing is known.
        here = {job["id"] for job in client.jobs(limit=1000)["jobs"]}
        assert here <= taken | set(acknowledged)
        with pytest.raises(OddlineError, match="No job"):
            client.job(load.taken[-1])


def test_a_stopped_service_is_backed_up_too(tmp_path):
    made = oddline("credentials", "create", "--data", tmp_path / "data")
    assert made.returncode == 0
    told = oddline("backup", tmp_path / "file.rdb", "--data", tmp_path / "data")
    assert told.returncode == 0, told.stderr
    told = oddline("restore", tmp_path / "file.rdb", "--data", tmp_path / "other")
    assert told.returncode == 0, told.stderr
    assert "Restored 1 clients and 0 jobs" in told.stdout


def test_what_is_no_backup_and_what_has_no_folder_is_said(tmp_path):
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    told = oddline("restore", tmp_path / "table.csv", "--data", tmp_path / "data")
    assert (told.returncode, "is no backup" in told.stderr) == (2, True)
    told = oddline("backup", tmp_path / "file.rdb", "--data", tmp_path / "data")
    assert (told.returncode, "holds no store" in told.stderr) == (2, True)
    told = oddline("backup", tmp_path / "file.rdb", ODDLINE_REDIS_URL="redis://127.0.0.1:1/0")
    assert (told.returncode, "by its own means" in told.stderr) == (2, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["table.csv"]
