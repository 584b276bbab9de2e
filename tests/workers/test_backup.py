"""Backups of a data folder: complete, private, and refused where they are not what they should be."""

import json
import os
import resource
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psutil
import pytest

from oddline.errors import DataError, LimitError
from oddline_workers import access, credentials
from oddline_workers.backup import Contents, back_up, restore
from oddline_workers.connections import connect
from oddline_workers.datasets import columnar
from oddline_workers.datasets.catalogue import Datasets
from oddline_workers.datasets.ingest import put
from oddline_workers.jobs import Status
from oddline_workers.server import EmbeddedServer
from oddline_workers.settings import Settings
from oddline_workers.store import JobStore
from workers.trials import admit, claim, wait_for

DAY = 86_400_000_000  # microseconds


@pytest.fixture
def server(tmp_path):
    with EmbeddedServer(tmp_path / "data", Settings()) as server:
        yield server


@pytest.fixture
def client(server):
    with connect(replace(Settings(), **server.login()), "cli") as client:
        yield client


@pytest.fixture
def file(server, client, tmp_path):
    """A backup of a store with one client and one waiting job."""
    credentials.create(client, Settings())
    admit(JobStore(client, Settings()), b"t,a\n" + b"1,2\n" * 50)
    back_up(server, tmp_path / "file.rdb")
    return tmp_path / "file.rdb"


def test_what_is_restored_is_what_was_there(server, client, file, tmp_path):
    client.hset("oddline:credentials", "after the backup", "{}")
    assert restore(file, tmp_path / "other", Settings()) == Contents(clients=1, jobs=1, waiting=1)
    keys = {key: client.object("encoding", key) for key in client.scan_iter()}
    with (
        EmbeddedServer(tmp_path / "other", Settings()) as copy,
        connect(replace(Settings(), **copy.login()), "cli") as other,
    ):
        assert {key: other.object("encoding", key) for key in other.scan_iter()} == keys
        [job] = [key for key in keys if b":job:" in key]
        assert {**other.hgetall(job), b"started": b"0"} == client.hgetall(job)
        [payload] = [key for key in keys if b":payload:" in key]
        assert other.hgetall(payload) == client.hgetall(payload)
        assert b"after the backup" not in other.hgetall("oddline:credentials")


def test_datasets_are_restored_with_their_rows_and_models_are_counted(server, client, file, tmp_path):
    owner, key = "someone", {"columns": {"id": {"role": "key"}}}
    for rows in ([1, 2, 3], [2, 4]):
        body = json.dumps({**key, "data": [{"id": n, "v": n * len(rows)} for n in rows]}).encode()
        stored, _ = put(client, Settings(), owner, "hearts", body, "json")
    client.zadd(f"oddline:models:{owner}", {"a": 1, "b": 2})
    back_up(server, tmp_path / "later.rdb")
    found = restore(tmp_path / "later.rdb", tmp_path / "other", Settings())
    assert (found.datasets, found.models) == (1, 2)
    with (
        EmbeddedServer(tmp_path / "other", Settings()) as copy,
        connect(replace(Settings(), **copy.login()), "cli") as other,
    ):
        dataset = Datasets(other, Settings()).get(owner, "HEARTS")
        assert dataset == stored
        rows = columnar.page(other, "oddline:", dataset.table, ["id", "v"], 0, 9)
        assert [(row["id"], row["v"]) for row in rows] == [("1", "3"), ("2", "4"), ("3", "9"), ("4", "8")]
        put(other, Settings(), owner, "hearts", b'{"data":[{"id":3,"v":0}]}', "json")
        assert Datasets(other, Settings()).get(owner, "hearts").rows == 4


def test_only_its_owner_can_read_it_and_passwords_are_new(server, file, tmp_path):
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    restore(file, tmp_path / "other", Settings())
    made = [tmp_path / "other", *(tmp_path / "other").rglob("*")]
    assert [path for path in made if path.stat().st_mode & 0o077] == []
    for user in access.USERS:
        assert access.password(tmp_path / "other", user)
        assert access.password(tmp_path / "other", user) != access.password(server.data, user)
        assert access.password(server.data, user).encode() not in file.read_bytes()


def test_nothing_but_the_file_is_left(server, file, tmp_path):
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "file.rdb"]
    assert not list(server.data.glob("*.rdb"))


def test_time_in_the_drawer_is_not_held_against_a_job(server, client, tmp_path):
    """A job that ran, or waited, while its backup lay there for days has not run or waited for days."""
    store = JobStore(client, Settings())
    ran, waits = admit(store), admit(store)
    claim(store, ran)
    long_ago = store.now() - 3 * DAY
    for job in (ran, waits):
        stamps = {"submitted": long_ago, "queued": long_ago, "time_limit": 600}
        client.hset(f"oddline:job:{job.id}", mapping=stamps)
    client.hset(f"oddline:job:{ran.id}", mapping={"started": long_ago, "execution_started": long_ago})
    client.zadd("oddline:leases", {ran.id: long_ago})
    for waiting in ("pending:cpu", "outbox"):
        client.zadd(f"oddline:{waiting}", {waits.id: long_ago})
    back_up(server, tmp_path / "file.rdb")
    assert restore(tmp_path / "file.rdb", tmp_path / "other", Settings()).waiting == 2

    with (
        EmbeddedServer(tmp_path / "other", Settings()) as copy,
        connect(replace(Settings(), **copy.login()), "cli") as other,
    ):
        restored = JobStore(other, Settings())
        assert {job_id for _, job_id in restored.sweep()} == {ran.id, waits.id}
        for job in (ran, waits):
            found = restored.get(job.id)
            assert (found.status, found.losses) == (Status.SUBMITTED, 0)
            assert claim(restored, job).verdict == "go"
    # Without that, the janitor's first look would have ended both.
    store.sweep()
    assert {store.get(job.id).status for job in (ran, waits)} == {Status.ERROR}


def test_two_at_a_time_and_a_rewrite_of_the_journal_are_waited_for(server, client, tmp_path):
    credentials.create(client, Settings())
    client.mset({f"oddline:rate:{n}": "x" for n in range(100)})
    client.config_set("rdb-key-save-delay", 2000)  # microseconds, so that they meet
    client.bgrewriteaof()
    files = [tmp_path / f"{n}.rdb" for n in range(2)]
    threads = [threading.Thread(target=back_up, args=(server, file)) for file in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for file in files:
        assert restore(file, tmp_path / file.stem, Settings()).clients == 1


def test_a_server_that_cannot_write_is_told_so(server, client, tmp_path):
    client.set("oddline:rate:x", os.urandom(1 << 16))
    before = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (20_000, before[1]))
    with pytest.raises(LimitError, match=r"could not write the backup.*Is there room on the disk"):
        back_up(server, tmp_path / "file.rdb")
    assert not (tmp_path / "file.rdb").exists()
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, before)
    back_up(server, tmp_path / "file.rdb")


@pytest.mark.parametrize("anew", [False, True])
def test_a_server_killed_in_the_midst_is_said(server, client, tmp_path, anew):
    client.mset({f"oddline:rate:{n}": "x" for n in range(200)})
    client.config_set("rdb-key-save-delay", 100_000)  # microseconds: 20 s
    (server.data / "dump.rdb").write_bytes(b"REDIS of a backup that was killed")
    with ThreadPoolExecutor() as pool:
        backup = pool.submit(back_up, server, tmp_path / "file.rdb")
        wait_for(lambda: client.info("persistence")["rdb_bgsave_in_progress"])
        for process in [*psutil.Process(server.pid).children(), psutil.Process(server.pid)]:
            process.kill()
        wait_for(lambda: not server.alive())
        if anew:
            server.launch()
        with pytest.raises(LimitError, match=r"did not answer to the end|anew in the midst"):
            backup.result(30)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


@pytest.fixture
def small_files():
    """No file may grow beyond a block: what a full disk is like."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_cannot_be_written_is_said(server, file, tmp_path, small_files):
    before = sorted(tmp_path.iterdir())
    with pytest.raises(LimitError, match=r"^Cannot write .*again\.rdb: File too large"):
        back_up(server, tmp_path / "again.rdb")
    with pytest.raises(LimitError, match=r"^Cannot make .*other of .*file\.rdb: File too large"):
        restore(file, tmp_path / "other", Settings())
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("place", ["file.rdb", "file.rdb/data", "/proc/nowhere/data"])
def test_a_place_where_no_folder_can_be_is_said(file, tmp_path, place):
    before = sorted(tmp_path.iterdir())
    with pytest.raises(LimitError, match=r"^Cannot make .* of .*file\.rdb: "):
        restore(file, tmp_path / place, Settings())
    assert sorted(tmp_path.iterdir()) == before


def damaged(whole):
    size = len(whole)
    for place in range(0, size, max(1, size // 24)):
        yield whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]
    for end in (0, 5, 9, size // 2, size - 8, size - 1):
        yield whole[:end]
    yield whole + b"*1\r\n$8\r\nFLUSH"
    yield whole + whole[-8:]
    yield b"id,value\n1,2\n"


def test_a_damaged_file_is_refused_and_leaves_nothing_behind(file, tmp_path):
    whole, before = file.read_bytes(), sorted(tmp_path.iterdir())
    for number, text in enumerate(damaged(whole)):
        file.write_bytes(text)
        with pytest.raises(DataError, match=r"is no backup|is damaged|holds no client") as refused:
            restore(file, tmp_path / "other", Settings())
        assert refused.value.status == 400, number
        assert sorted(tmp_path.iterdir()) == before
    file.write_bytes(whole)
    assert restore(file, tmp_path / "other", Settings()).jobs == 1


def test_a_folder_that_holds_something_is_left_alone(server, file, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter").write_text("mine")
    for folder in (tmp_path / "other", server.data):
        before = sorted(folder.rglob("*"))
        with pytest.raises(LimitError, match="holds something already"):
            restore(file, folder, Settings())
        assert sorted(folder.rglob("*")) == before
    assert server.alive()
    (tmp_path / "other" / "letter").unlink()
    assert restore(file, tmp_path / "other", Settings()).jobs == 1


def test_keys_behind_another_prefix_are_missed(file, tmp_path):
    with pytest.raises(DataError, match="holds no client and no job behind 'elsewhere:'"):
        restore(file, tmp_path / "other", Settings(key_prefix="elsewhere:"))
    assert not (tmp_path / "other").exists()
