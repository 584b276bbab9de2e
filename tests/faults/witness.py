"""A witness: reads along what the server does and knows every move of every job, by the server's own word."""

from __future__ import annotations

import re
import threading
import time
import uuid

from redis.exceptions import RedisError

from oddline_workers.connections import connect
from oddline_workers.jobs import LEGAL_MOVES, Status

__all__ = ["Witness"]


class Witness:
    """Sees the commands as the server runs them (MONITOR), those inside of scripts too.

    Attributes
    ----------
    moves : dict
        By job id, the states it was set to, in order.
    illegal : list of str
        Moves that the table of legal moves does not have.
    commands : list of str
        Every other command, as the server writes it down; long ones are cut.
    """

    NAME = "witness"

    def __init__(self, settings):
        self.moves = {}
        self.illegal = []
        self.commands = []
        self._client = connect(settings, "cli")
        self._move = re.compile(rf'"HSET" "{re.escape(settings.key_prefix)}job:([^"]+)" "status" "(\w+)"')
        self._unsure = set()
        self._marks = set()
        self._stopped = threading.Event()
        self._watching = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        assert self._watching.wait(10)
        return self

    def __exit__(self, *_):
        self._stopped.set()
        self._thread.join(10)
        self._client.close()

    def catch_up(self, client, seconds=10.0):
        """Wait until it has read what was done up to now."""
        mark = f"mark-{uuid.uuid4().hex}"
        deadline = time.monotonic() + seconds
        while mark not in self._marks:
            assert time.monotonic() < deadline, "the witness does not read along"
            client.exists(mark)
            time.sleep(0.005)

    def ends(self, job_id):
        """How often the job was set to a state that is an end."""
        return sum(status.over for status in self.moves.get(job_id, ()))

    def _run(self):
        while not self._stopped.is_set():
            try:
                connection = self._client.connection_pool.get_connection()
                try:
                    connection.send_command("CLIENT", "SETNAME", self.NAME)
                    connection.read_response()
                    connection.send_command("MONITOR")
                    connection.read_response()
                    self._watching.set()
                    self._read(connection)
                finally:
                    connection.disconnect()
                    self._client.connection_pool.release(connection)
            except RedisError:
                # The server is away. What it did before it went, and since, may have gone unseen.
                self._unsure |= set(self.moves)
                time.sleep(0.005)

    def _read(self, connection):
        while not self._stopped.is_set():
            if connection.can_read(0.1):
                self._note(connection.read_response().decode("utf-8", "replace"))

    def _note(self, line):
        _, _, command = line.partition("] ")
        if found := self._move.match(command):
            job_id, status = found[1], Status(found[2])
            seen = self.moves.setdefault(job_id, [])
            # One whose submission it has not seen was there before.
            if seen and (seen[-1].over or job_id not in self._unsure) and status not in LEGAL_MOVES[seen[-1]]:
                self.illegal.append(f"{seen[-1]}>{status} of {job_id}")
            self._unsure.discard(job_id)
            seen.append(status)
        elif mark := re.search(r'"(mark-\w+)"', command):
            self._marks.add(mark[1])
        elif command:
            self.commands.append(command[:200])
