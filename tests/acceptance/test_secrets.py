"""A whole run of the service, and then a search through everything it wrote for what it must not tell."""

import base64
import stat
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from acceptance.service import PATIENCE, Service, oddline
from oddline.errors import OddlineError
from oddline_workers.access import USERS
from serving import wait_until

pytestmark = [pytest.mark.service, pytest.mark.timeout(300), pytest.mark.xdist_group("secrets")]

WRONG = "wrong-but-nobody-elses-business"
OF_THE_SHELL = "what-a-client-exported-in-this-shell"


class Run:
    """One run from start to stop: what it wrote, and what could be seen of its processes meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("home", "scratch"):
            (folder / name).mkdir()
        surroundings = {"HOME": str(folder / "home"), "TMPDIR": str(folder / "scratch")}
        self.service = Service(folder / "data", ODDLINE_CLIENT_SECRET=OF_THE_SHELL, **surroundings)
        self.data = self.service.data
        self.secret = self.service.facts["client_secret"]
        self.passwords = {user: (self.data / "passwords" / user).read_text() for user in USERS}
        self.seen: dict[str, bytes] = {}
        self.modes: dict[Path, int] = {}
        self.later = b""

    def look(self) -> None:
        """At every process and every file, as they are now."""
        own = psutil.Process(self.service.process.pid)
        for process in (own, *self.service.family()):
            for what in ("environ", "cmdline"):
                with suppress(OSError):
                    self.seen[f"{what} of {process.pid}"] = Path(f"/proc/{process.pid}/{what}").read_bytes()
        for path in self.data.rglob("*"):
            with suppress(FileNotFoundError):
                self.modes[path] = path.lstat().st_mode

    def found(self, needle: str) -> list[str]:
        """Where it stands in what was written or seen, besides the files that are there for it."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        places = {
            **{str(path): path.read_bytes() for path in files if path.parent != self.data / "passwords"},
            **self.seen,
            "stdout after the ready line": self.later,
        }
        words = (needle, base64.b64encode(needle.encode()).decode().rstrip("="))
        return [place for place, text in places.items() if any(word.encode() in text for word in words)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("run"))
    service = run.service
    table = run.folder / "load.csv"
    table.write_text("load\n" + "\n".join(str(n % 17) for n in range(2000)) + "\n")
    try:
        run.look()
        with service.client() as client:
            done = client.submit(table, algorithm_type="PredAD")["id"]
            assert client.wait(done, timeout=PATIENCE)["status"] == "done"
            assert client.result(done)["rows"]
            table.write_text("load\n1\n2\n")
            failed = client.submit(table, algorithm_type="PredAD")["id"]
            assert client.wait(failed, timeout=PATIENCE)["status"] == "error"
            run.look()

            wrong = {**service.facts, "client_secret": WRONG}
            with service.client(wrong) as stranger, pytest.raises(OddlineError, match="not known"):
                stranger.jobs()
            # The secret also travels as a password of HTTP Basic, and where it has no business at all.
            basic = httpx.BasicAuth(service.facts["client_id"], run.secret)
            assert httpx.get(f"{service.url}/api/v1/jobs", auth=basic, trust_env=False).status_code == 200
            httpx.get(f"{service.url}/result/{run.secret}?secret={run.secret}", auth=basic, trust_env=False)

            for name, process in (("worker", service.find("celery")), ("server", service.server())):
                for one in (process, *process.children(recursive=True)):
                    with suppress(psutil.NoSuchProcess):
                        one.kill()
                wait_until(
                    lambda name=name: any(n.startswith(name) and "ended" in t for n, t in service.said())
                )

            def works():
                with suppress(OddlineError):
                    return client.wait(client.submit(table)["id"], timeout=PATIENCE)["status"]

            assert wait_until(works) in ("done", "error")
        wait_until(lambda: service.find("oddline_workers.janitor"))
        run.look()
        own = {"ODDLINE_REDIS_URL": f"unix://:{WRONG}@{run.data}/r.sock", "HOME": str(run.folder / "home")}
        told = [
            oddline(*words, **own) for words in (["config"], ["config", "--json"], ["credentials", "list"])
        ]
        assert [one.returncode for one in told] == [0, 0, 4]
        (run.folder / "told.log").write_text("".join(one.stdout + one.stderr for one in told))
        service.process.terminate()
        run.later = service.process.stdout.read().encode()
        assert service.process.wait(PATIENCE) == 0
    finally:
        service.close()
    return run


def test_the_search_sees_what_is_there(run):
    assert run.found("ODDLINE_REDIS_PASSWORD_FILE")
    assert run.found(run.service.facts["client_id"])
    kinds = {"web", "worker-cpu", "worker-desk", "janitor", "server"}
    assert kinds <= {name for name, _ in run.service.said()}
    words = b" ".join(text for place, text in run.seen.items() if place.startswith("cmdline"))
    assert all(
        word in words
        for word in (b"oddline_api.gateway", b"celery", b"oddline_workers.janitor", b"valkey-server")
    )
    assert list(run.data.rglob("appendonly.aof.*"))


def test_the_secret_of_a_client_is_shown_once_and_stands_nowhere(run):
    assert run.found(run.secret) == []


def test_a_secret_that_is_wrong_is_not_told_either(run):
    assert run.found(WRONG) == []


@pytest.mark.parametrize("user", USERS)
def test_the_password_of_a_user_of_the_store_is_in_its_file_and_nowhere_else(run, user):
    assert len(run.passwords[user]) >= 32
    assert run.found(run.passwords[user]) == []


def test_what_a_client_exported_is_not_passed_on(run):
    # The supervisor and its guardian, a fork, were given it by their caller; nobody got it from them.
    holders = run.found(OF_THE_SHELL)
    assert len(holders) == 2
    assert f"environ of {run.service.process.pid}" in holders


def test_what_is_written_is_for_its_owner_alone(run):
    assert stat.S_IMODE(run.data.stat().st_mode) == 0o700
    assert {path.name for path in run.modes} >= {
        "passwords",
        "users.acl",
        "server.conf",
        "server.log",
        "lock",
    }
    for path, mode in run.modes.items():
        expected = 0o600 if stat.S_ISREG(mode) else 0o700
        assert stat.S_IMODE(mode) == expected, path
