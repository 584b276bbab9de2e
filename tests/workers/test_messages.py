"""What stands on the queue is JSON or it is refused: a worker runs nothing that it was sent."""

from __future__ import annotations

import os
import pickle
import uuid
from pathlib import Path

import pytest

from oddline_workers.jobs import Status
from oddline_workers.tasks import NAME
from workers.trials import wait_for

pytestmark = pytest.mark.service


class Evil:
    """Unpickling one leaves a mark."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("kind", ["pickle", "yaml"])
def test_a_message_that_carries_code_is_refused_and_runs_nothing(service, tmp_path, kind, capfd):
    s, mark = service, tmp_path / "mark"
    if kind == "pickle":
        body, content = pickle.dumps(((Evil(mark),), {}, {})), "application/x-python-serialize"
    else:
        body = f"[[!!python/object/apply:os.mkdir ['{mark}']], {{}}, {{}}]".encode()
        content = "application/x-yaml"
    worker = s.worker()
    first = s.send("ok")
    s.over(first)
    queue = s.app.amqp.queues["cpu"]
    with s.app.connection_for_write() as connection:
        connection.Producer().publish(
            body,
            exchange=queue.exchange,
            routing_key=queue.routing_key,
            declare=[queue],
            content_type=content,
            content_encoding="binary",
            headers={"task": NAME, "id": str(uuid.uuid4()), "lang": "py"},
        )
    told = []

    def refused():
        told.append(capfd.readouterr().err)
        return "ContentDisallowed" in "".join(told)

    wait_for(refused)
    (done,) = s.over(s.send("ok"))
    assert done.status is Status.DONE
    assert worker.poll() is None, "the worker ended over it"
    assert not mark.exists()


def test_the_mark_shows_what_it_should(tmp_path):
    """The control: the same bytes do run where they are unpickled."""
    body = pickle.dumps(((Evil(tmp_path / "mark"),), {}, {}))
    pickle.loads(body)
    assert Path(tmp_path / "mark").is_dir()
