"""The store as the compose file starts it, with its users: a job goes through, and nothing else does."""

import re
import subprocess
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import redis
import requests
import yaml
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError
from redis.retry import Retry

from acceptance.service import oddline
from oddline_workers.access import USERS, access_list
from oddline_workers.connections import connect
from oddline_workers.datasets import columnar
from oddline_workers.datasets.catalogue import Datasets
from oddline_workers.datasets.deletion import delete_rows
from oddline_workers.datasets.ingest import put
from oddline_workers.models import Models
from oddline_workers.server_binary import find_server
from oddline_workers.settings import Settings, variable
from oddline_workers.store import JobStore
from serving import Served, serve, wait_until
from workers.sessions.kept import keep, lympho, new_session
from workers.trials import OWNER

DEPLOY = Path(__file__).parents[2] / "deploy"
SAMPLE = DEPLOY.parent / "tests" / "data" / "sample.csv"

pytestmark = [pytest.mark.service, pytest.mark.xdist_group("store-users")]


class Store:
    """A server started by ``deploy/redis.sh``, on the passwords that the README's lines make."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        readme = (DEPLOY / "README.md").read_text()
        lines = re.findall(r"^\$ ((?:mkdir|for|chmod) .*)$", readme, re.MULTILINE)
        assert len(lines) == 3
        subprocess.run(["sh", "-euc", "\n".join(lines)], cwd=folder, check=True)
        programs = folder / "bin"
        programs.mkdir()
        (programs / "valkey-server").symlink_to(find_server().path)
        words = ["--port", "0", "--unixsocket", f"{folder}/r.sock"]
        environment = {
            "PATH": f"{programs}:/usr/bin:/bin",
            "SECRETS": str(folder / "secrets"),
            "DATA": str(folder),
            "TMPDIR": str(folder),
        }
        self.process = subprocess.Popen(
            ["sh", DEPLOY / "redis.sh", *words], env=environment, stdout=subprocess.DEVNULL
        )
        with closing(self.connect("admin")) as admin:

            def answers():
                assert self.process.poll() is None
                try:
                    return admin.ping()
                except redis.ConnectionError:
                    return False

            wait_until(answers)

    def login(self, user: str = "admin") -> dict[str, str]:
        return {
            "redis_url": f"unix://{user}@{self.folder}/r.sock?db=0",
            "redis_password_file": str(self.folder / "secrets" / user),
        }

    def connect(self, user: str) -> redis.Redis:
        return connect(Settings(**self.login(user)), "janitor")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("s"))
    yield store
    store.process.terminate()
    store.process.wait(10)


@pytest.fixture(scope="module")
def service(store):
    with serve("worker-cpu", "janitor", server=store, workers=1, janitor_seconds=0.05) as service:
        yield service


@contextmanager
def nothing_refused(store):
    """Whatever a process of the service wants of the store within the block, it gets."""
    with closing(store.connect("admin")) as admin:
        admin.acl_log_reset()
        yield
        assert [entry["object"] for entry in admin.acl_log()] == []


def submit(service: Served) -> str:
    with SAMPLE.open("rb") as file:
        told = requests.post(
            service.base + "/anomaly-detection/timeseries/univariate/batch",
            headers=service.headers,
            files={"data_file": file},
            data={"time_column": "Time", "target_column": "Value"},
            timeout=10,
        )
    assert told.status_code == 200, told.text
    return told.json()["jobId"]


def test_the_list_is_the_one_that_oddline_up_uses():
    assert (DEPLOY / "users.acl").read_text() == access_list("oddline:")


def test_a_job_goes_through_and_nothing_it_needs_is_refused(store, service):
    def ask(path, method="GET"):
        return requests.request(method, service.base + path, headers=service.headers, timeout=10)

    with nothing_refused(store):
        job = submit(service)
        wait_until(lambda: ask(f"/result/{job}").json()["status"] == "done")
        assert len(ask(f"/result/{job}").json()["summary"]["result"]) == 1000
        assert ask("/api/v1/jobs").json()["total"] >= 1
        assert ask(f"/api/v1/jobs/{job}").json()["status"] == "done"
        assert ask(f"/api/v1/jobs/{submit(service)}", "DELETE").status_code in (200, 409)
        assert wait_until(lambda: ask("/readyz").json()["janitor"] == "alive")


def test_a_session_leaves_a_model_and_nothing_it_needs_is_refused(store, service):
    with (
        closing(store.connect("worker")) as worker,
        closing(store.connect("gateway")) as gateway,
        nothing_refused(store),
    ):
        keep(JobStore(worker, Settings()), "lympho", *lympho())
        jobs, models = JobStore(gateway, Settings()), Models(gateway, Settings())
        job = new_session(jobs, "lympho")  # rung for by the janitor
        wait_until(lambda: jobs.get(job.id).status.over)
        ended = jobs.get(job.id)
        assert ended.result, ended.error
        [model], _ = models.list(OWNER, source="LYMPHO")
        assert model.id == ended.result["modelId"]
        assert Models(worker, Settings()).blob(model).startswith(b"{")
        models.touch(model.id)
        assert models.get(OWNER, model.id).used
        assert models.delete_fitting(OWNER, before=model.created) == 1
        assert models.count(OWNER) == 0


def test_the_janitor_is_allowed_to_put_back_the_job_of_a_lost_worker(store, service):
    jobs = service.store
    job = submit(service)
    wait_until(lambda: jobs.get(job).status == "done")
    with nothing_refused(store):
        jobs.client.hset(f"oddline:job:{job}", mapping={"status": "executing", "worker": "gone"})
        jobs.client.zadd("oddline:leases", {job: 1})
        wait_until(lambda: jobs.get(job).losses == 1)
        wait_until(lambda: jobs.get(job).status in ("done", "error"))


def test_a_worker_puts_and_deletes_rows_and_a_gateway_reads_and_deletes_them(store):
    body = b'{"columns":{"id":{"role":"key"}},"data":[{"id":1,"v":2},{"id":2,"v":3}]}'
    with nothing_refused(store):
        with closing(store.connect("worker")) as client:
            for _ in range(2):
                put(client, Settings(), "someone", "hearts", body, "json")
            delete_rows(client, Settings(), "someone", "hearts", keys=["1"])
        with closing(store.connect("gateway")) as client:
            datasets = Datasets(client, Settings())
            [dataset], _ = datasets.list("someone")
            dataset = datasets.get("someone", dataset.name)
            assert columnar.page(client, "oddline:", dataset.table, ["v"], 0, 9) == [{"v": "3"}]
            assert datasets.delete("someone", "hearts")
            assert datasets.count("someone") == 0


FORBIDDEN = [
    "FLUSHALL", "FLUSHDB", "CONFIG GET *", "CONFIG SET maxmemory 1", "KEYS *", "SCAN 0", "RANDOMKEY",
    "DBSIZE", "SHUTDOWN", "DEBUG SLEEP 0", "SCRIPT FLUSH", "SCRIPT KILL", "EVAL return(1) 0",
    "FUNCTION LIST", "ACL LIST", "ACL SETUSER worker on", "CLIENT LIST", "CLIENT KILL TYPE normal",
    "MONITOR", "BGSAVE", "SAVE", "REPLICAOF NO ONE", "SYNC", "SWAPDB 0 1", "MIGRATE h 1 k 0 1",
    "MODULE LIST", "PUBLISH a b", "SUBSCRIBE a", "SORT oddline:pending:cpu",
    "HGETALL oddline:credentials", "HSET oddline:credentials me {}", "SET oddline:secret:sum me",
    "DEL oddline:secret:sum", "RENAME oddline:secret:sum oddline:outbox", "HGETALL oddline:secrets",
    "GET other:key", "SET other:key 1", "SET oddline:new 1",
]  # fmt: skip


@pytest.mark.parametrize("user", ["gateway", "worker"])
@pytest.mark.parametrize("words", FORBIDDEN)
def test_what_no_process_needs_is_refused(store, user, words):
    with closing(store.connect(user)) as client, pytest.raises(redis.ResponseError) as refused:
        client.execute_command(*words.split(" "))
    assert re.search("no permissions|DEBUG command not allowed", str(refused.value), re.IGNORECASE)


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("worker", "GET oddline:secret:sum"),
        ("worker", "GET oddline:rate:LIMITER"),
        ("gateway", "SET oddline:janitor me"),
    ],
)
def test_what_is_the_others_is_refused(store, user, words):
    with closing(store.connect(user)) as client, pytest.raises(NoPermissionError):
        client.execute_command(*words.split(" "))


@pytest.mark.parametrize("user", ["gateway", "worker"])
@pytest.mark.parametrize(
    "call", ["'HGETALL', KEYS[1] .. 'credentials'", "'KEYS', KEYS[1] .. 'secret:*'", "'SCAN', '0'"]
)
def test_a_script_of_its_own_may_do_no_more_than_its_user(store, user, call):
    with closing(store.connect(user)) as client:
        sha = client.script_load(f"return redis.call({call})")
        with pytest.raises(redis.ResponseError, match=r"(?i)permission|ACL failure"):
            client.evalsha(sha, 1, "oddline:")


def test_who_says_no_name_is_refused(store):
    wrong = [{"username": user, "password": "wrong"} for user in ("gateway", "default")]
    for who in ({}, {"password": ""}, {"username": "default", "password": ""}, *wrong):
        client = redis.Redis(unix_socket_path=f"{store.folder}/r.sock", retry=Retry(NoBackoff(), 0), **who)
        with closing(client), pytest.raises(redis.AuthenticationError):
            client.ping()


def test_clients_are_made_by_the_admin_and_others_are_told_so(store, tmp_path):
    def create(**changes):
        login = {variable(name): value for name, value in {**store.login(), **changes}.items()}
        return oddline("credentials", "create", **login)

    assert create().returncode == 0
    as_gateway = create(**store.login("gateway"))
    assert as_gateway.returncode == 4
    assert "No permissions" in as_gateway.stderr
    assert "This is for its user admin." in as_gateway.stderr
    (tmp_path / "password").write_text("another")
    wrong = create(redis_password_file=str(tmp_path / "password"))
    assert wrong.returncode == 4
    assert "Correct the user in ODDLINE_REDIS_URL or its password." in wrong.stderr


def test_the_passwords_are_nowhere_but_in_their_files(store):
    for user in USERS:
        secret = (store.folder / "secrets" / user).read_text().strip()
        files = [path for path in store.folder.rglob("*") if path.is_file() and path.parent.name != "secrets"]
        assert store.folder / "users.acl" in files
        assert not [path for path in files if secret.encode() in path.read_bytes()]
    assert (store.folder / "users.acl").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("answer", ["PONG", "NOAUTH Authentication required.", "LOADING"])
def test_the_health_check_takes_a_pong_and_nothing_else(tmp_path, answer):
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    kind, line = compose["services"]["redis"]["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    client = tmp_path / "valkey-cli"
    client.write_text(f'#!/bin/sh\n[ "$REDISCLI_AUTH $*" = "hush --user admin ping" ] && echo "{answer}"\n')
    client.chmod(0o755)
    (tmp_path / "admin").write_text("hush\n")
    line = line.replace("$$", "$").replace("/run/secrets", str(tmp_path))
    ended = subprocess.run(["sh", "-c", line], env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert (ended.returncode == 0) == (answer == "PONG")
