"""The whole service as real processes, started, hurt and stopped from outside."""

import csv
import io
import json
import os
import signal
import subprocess
import sys

import httpx
import numpy as np
import psutil
import pytest

from acceptance.service import ODDLINE, PATIENCE, Service, environment, gone, oddline
from serving import wait_until

pytestmark = [pytest.mark.service, pytest.mark.timeout(300)]

GATEWAY, WORKER, JANITOR = "oddline_api.gateway", "celery", "oddline_workers.janitor"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    service = Service(tmp_path_factory.mktemp("up") / "data")
    yield service
    service.close()


@pytest.fixture
def account(service):
    return {
        "ODDLINE_URL": service.url,
        "ODDLINE_CLIENT_ID": service.facts["client_id"],
        "ODDLINE_CLIENT_SECRET": service.facts["client_secret"],
    }


def series(path, rows, spike=None):
    """A CSV with a daily wave in noise, and a spike."""
    values = np.sin(np.arange(rows) / 10) + 0.1 * np.random.default_rng(0).standard_normal(rows)
    if spike is not None:
        values[spike] += 9
    path.write_text("load\n" + "\n".join(f"{v:.5f}" for v in values) + "\n")
    return path


def test_the_ready_line_has_url_folder_and_a_first_client(service):
    assert set(service.facts) == {"url", "data", "client_id", "client_secret"}
    assert len(service.facts["client_secret"]) == 32
    assert service.facts["data"] == str(service.data)


def test_rows_sent_right_after_the_ready_line_are_stored(tmp_path):
    service = Service(tmp_path / "data")
    try:
        headers = {"api-key": service.facts["client_secret"]}
        answer = httpx.put(service.url + "/v1/data/first", json=[{"a": 1}], headers=headers, timeout=PATIENCE)
        assert answer.status_code == 201, answer.text
    finally:
        service.close()


def test_a_job_from_the_command_line(service, account, tmp_path):
    path = series(tmp_path / "load.csv", 400, spike=300)
    sent = oddline("submit", path, "--algorithm", "WindowAD", "--lookback", 10, **account)
    assert sent.returncode == 0, sent.stderr
    job_id = sent.stdout.strip()
    found = oddline("result", job_id, "--json", **account)
    assert found.returncode == 0, found.stderr
    assert found.stderr == ""  # progress is for terminals
    answer = json.loads(found.stdout)
    assert len(answer["rows"]) == 400
    assert any(run["start_row"] - 10 <= 300 <= run["end_row"] + 10 for run in answer["anomalies"])
    rows = list(csv.DictReader(io.StringIO(oddline("result", job_id, "--csv", **account).stdout)))
    assert [float(row["score"]) for row in rows] == [row["score"] for row in answer["rows"]]
    people = oddline("result", job_id, **account).stdout
    assert "WindowAD" in people
    assert "severity" in people
    [job] = [j for j in json.loads(oddline("jobs", "--json", **account).stdout) if j["id"] == job_id]
    assert job["status"] == "done"
    assert all(job["timeline"].values())


def test_wrong_calls_end_in_their_own_exit_codes(service, account, tmp_path):
    path = series(tmp_path / "load.csv", 50)
    wrong = oddline("submit", path, **account | {"ODDLINE_CLIENT_SECRET": "x" * 32})
    assert (wrong.returncode, wrong.stdout) == (4, "")
    assert len(wrong.stderr.splitlines()) == 1
    unknown = oddline("result", "11111111-1111-4111-8111-111111111111", **account)
    assert unknown.returncode == 4
    bad = oddline("submit", path, "--target", "laod", **account)
    assert bad.returncode == 2
    assert "load" in bad.stderr
    poor = oddline("submit", series(tmp_path / "three.csv", 3), "--wait", **account)
    assert poor.returncode == 1
    assert "rows" in poor.stderr


def test_a_worker_killed_in_mid_job_costs_no_job(service, tmp_path):
    path = series(tmp_path / "long.csv", 120_000)
    with service.client() as client:
        job = client.submit(path, algorithm_type="WindowAD", anomaly_estimator="IsolationForest")
        wait_until(lambda: client.job(job["id"])["status"] == "executing")
        worker = service.find(WORKER)
        for process in (worker, *worker.children(recursive=True)):
            process.kill()
        assert client.job(job["id"])["status"] == "executing"
        over = client.wait(job["id"], timeout=2 * PATIENCE)
        assert over["status"] == "done"
        assert over["attempt"] == 2


def test_workers_stand_back_for_the_gateway(service):
    worker, gateway = service.find(WORKER), service.find(GATEWAY)
    assert wait_until(lambda: worker.nice() == gateway.nice() + 10)
    children = wait_until(worker.children)
    assert all(child.nice() == worker.nice() for child in children)


def test_a_killed_gateway_comes_back_at_the_same_address(service):
    before = service.find(GATEWAY)
    before.kill()
    wait_until(lambda: (after := service.find(GATEWAY)) and after.pid != before.pid)

    def answers():
        try:
            with service.client() as client:
                return client.jobs(limit=1)
        except Exception:
            return False

    wait_until(answers)


def test_a_killed_server_comes_back_with_its_data(service, tmp_path):
    with service.client() as client:
        known = {job["id"] for job in client.jobs()["jobs"]}
        job = client.submit(series(tmp_path / "load.csv", 300), algorithm_type="PredAD")["id"]
        client.wait(job, timeout=PATIENCE)
        before = service.server()
        before.kill()
        before.wait(PATIENCE)
        wait_until(service.server)
        wait_until(lambda: _ids(client) >= known | {job})
        assert len(client.result(job)["rows"]) == 300


def test_a_server_that_fails_to_start_is_tried_again_with_growing_pauses(service, tmp_path):
    with service.client() as client:
        client.submit(series(tmp_path / "load.csv", 300))
        known = _ids(client)
        [manifest] = service.data.rglob("*.manifest")
        good = manifest.read_bytes()
        manifest.write_bytes(b"rubbish\n")
        try:
            service.server().kill()

            def pauses():
                lines = [text for name, text in service.said() if name == "server" and "tried again" in text]
                return [float(text.split()[-2]) for text in lines[-2:]] if len(lines) > 1 else None

            first, second = wait_until(pauses)
            assert first < second
            assert service.process.poll() is None
        finally:
            manifest.write_bytes(good)
        wait_until(lambda: _ids(client) >= known)
        assert known


def _ids(client):
    try:
        return {job["id"] for job in client.jobs(limit=1000)["jobs"]}
    except Exception:
        return set()


def test_a_second_service_on_the_folder_is_refused(service):
    second = oddline("up", "--port", 0, "--data", service.data)
    assert second.returncode == 3
    assert second.stderr.startswith(f"oddline: {service.data} is in use by another oddline")
    assert len(second.stderr.splitlines()) == 1


def test_a_taken_port_is_refused(service, tmp_path):
    port = service.url.rpartition(":")[2]
    second = oddline("up", "--port", port, "--data", tmp_path / "other")
    assert second.returncode == 3
    assert f"port {port}" in second.stderr


def test_a_store_that_is_away_is_said_in_one_line(tmp_path):
    away = oddline("up", "--port", 0, ODDLINE_REDIS_URL=f"unix://{tmp_path}/none.sock?db=0")
    assert away.returncode == 3
    assert "oddline: The store does not answer" in away.stderr
    assert "Traceback" not in away.stderr


def test_credentials_of_a_running_service(service, account, tmp_path):
    made = json.loads(oddline("credentials", "create", "--data", service.data, "--json").stdout)
    assert set(made) == {"client_id", "client_secret"}
    with service.client(made) as client:
        assert client.jobs()["jobs"] == []  # another's jobs are not seen
    listed = oddline("credentials", "list", "--data", service.data, "--json").stdout
    assert made["client_secret"] not in listed
    assert made["client_id"] in {client["client_id"] for client in json.loads(listed)}
    revoked = oddline("credentials", "revoke", made["client_id"], "--data", service.data)
    assert revoked.returncode == 0
    again = oddline("credentials", "revoke", made["client_id"], "--data", service.data)
    assert again.returncode == 4

    def refused():
        changed = {"ODDLINE_CLIENT_ID": made["client_id"], "ODDLINE_CLIENT_SECRET": made["client_secret"]}
        return oddline("jobs", **account | changed).returncode == 4

    wait_until(refused)


def test_no_secret_is_on_a_command_line_or_in_the_log(service):
    secret = service.facts["client_secret"]
    for process in service.family():
        assert secret not in " ".join(process.cmdline())
    assert secret not in service.log.read_text()


def test_it_stops_in_order_and_starts_again_with_its_data(tmp_path):
    first = Service(tmp_path / "data")
    try:
        account = first.facts
        with first.client() as client:
            job = client.submit(series(tmp_path / "load.csv", 300), algorithm_type="PredAD")["id"]
            assert client.wait(job, timeout=PATIENCE)["status"] == "done"
            result = client.result(job)
        wait_until(lambda: first.find(JANITOR))
        family = first.family()
        assert first.stop() < 10
        assert first.process.returncode == 0
        stopped = [name for name, text in first.said() if text.startswith("stopped")]
        assert stopped == ["web", "worker-cpu", "worker-desk", "janitor", "server"]
        assert gone(family)
    finally:
        first.close()

    listed = json.loads(oddline("credentials", "list", "--data", tmp_path / "data", "--json").stdout)
    assert [client["client_id"] for client in listed] == [account["client_id"]]
    made = json.loads(oddline("credentials", "create", "--data", tmp_path / "data", "--json").stdout)

    second = Service(tmp_path / "data")
    try:
        assert set(second.facts) == {"url", "data"}
        with second.client(account) as client:
            assert client.result(job) == result
        with second.client(made) as client:
            assert client.jobs()["jobs"] == []

        family = second.family()
        os.kill(second.process.pid, signal.SIGKILL)
        second.process.wait()
        wait_until(lambda: gone(family))
    finally:
        second.close()
    assert oddline("credentials", "list", "--data", tmp_path / "data").returncode == 0


def test_on_a_leash_it_stops_when_its_caller_dies(tmp_path):
    code = (
        "import subprocess, sys, time\n"
        f"up = subprocess.Popen({[*ODDLINE, 'up', '--json', '--port', '0', '--leash']} + sys.argv[1:],\n"
        "    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)\n"
        "print(up.pid, up.stdout.readline().decode(), flush=True); time.sleep(600)"
    )
    words = [sys.executable, "-c", code, "--data", str(tmp_path / "data")]
    caller = subprocess.Popen(words, stdout=subprocess.PIPE, env=environment(), text=True)
    try:
        pid = int(caller.stdout.readline().split()[0])
        up = psutil.Process(pid)
        family = [up, *up.children(recursive=True)]
    finally:
        caller.kill()
        caller.wait()
        caller.stdout.close()
    wait_until(lambda: gone(family))


def test_a_module_in_the_folder_of_the_caller_is_not_taken_for_a_librarys(tmp_path):
    for name in ("celery", "granian", "redis", "random", "oddline"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'taken')!r}, 'a').write('{name} ')\n")
    service = Service(tmp_path / "data", cwd=tmp_path)
    try:
        ready = {(name, "ready") for name in ("web", "worker-cpu", "worker-desk", "janitor")}
        wait_until(lambda: ready <= set(service.said()))
    finally:
        service.close()
    assert not (tmp_path / "taken").exists()


def test_it_stops_in_time_while_its_store_hangs_and_a_job_runs(tmp_path):
    service = Service(tmp_path / "data", ODDLINE_SHUTDOWN_SECONDS="1")
    try:
        with service.client() as client:
            path = series(tmp_path / "long.csv", 120_000)
            job = client.submit(path, algorithm_type="WindowAD", anomaly_estimator="IsolationForest")
            wait_until(lambda: client.job(job["id"])["status"] == "executing")
        family = service.family()
        os.kill(service.server().pid, signal.SIGSTOP)
        # The graces of gateway, worker, janitor and server, and a moment for each.
        assert service.stop() < 1.5 + 2.0 + 0.5 + 1.5 + 2.0
        assert gone(family)
    finally:
        service.close()
