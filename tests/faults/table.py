"""The fault table: each row a fault, the trial of it, and the double under which that trial must fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from faults import admission, lost_workers, messages, moves, outages, stored
from faults.stage import Setup

__all__ = ["TRIALS", "Trial"]

PAIR = Setup("pair")
LONG_LEASE = Setup("long lease", {"lease_seconds": 120.0})
SHORT_LIMIT = Setup("short limit", {"time_limit": 1.0})
GATEWAY = Setup("gateway", gateway=True)
OWN_SERVER = Setup("own server", server={}, gateway=True)
SMALL_SERVER = Setup("small server", server={"max_memory_bytes": 16 << 20}, gateway=True)
BARE_SERVER = Setup("bare server", server={}, gateway=True, workers=0, janitors=0)
TWICE_TWO = Setup("twice two", processes=2)
IMPATIENT = Setup("impatient", environment={"TRIAL_VISIBILITY": "0.5"})
SHORT_QUEUE = Setup("short queue", {"queue_limit": 10}, gateway=True, workers=0, janitors=0)
SMALL_UPLOADS = Setup("small uploads", {"max_upload_bytes": 1 << 20, "upload_timeout": 1.0}, gateway=True)
REAL_ENGINE = Setup("real engine", gateway=True, environment={"TRIAL_REAL_ENGINE": "yes"})
ALONE = Setup("gateway alone", gateway=True, workers=0, janitors=0)
ONE_WORKER = Setup("one worker", workers=1)
NO_WORKER = Setup("no worker", workers=0, janitors=0)
UP = Setup("up", supervised=True, workers=1)
THREE_JANITORS = Setup("three janitors", janitors=3)


@dataclass(frozen=True)
class Trial:
    """One row.

    Attributes
    ----------
    row : int
        Its number.
    fault : str
        In words.
    play : callable
        The trial; it takes a :class:`~faults.run.Run`.
    setup : Setup
    doubles : tuple of str
        Without these safeguards the trial must fail; none where the row is about bad input alone.
    symptom : str
        What must go wrong then: ``lost``, ``second``, ``illegal``, or words of a check.
    """

    row: int
    fault: str
    play: Callable
    setup: Setup = PAIR
    doubles: tuple[str, ...] = ()
    symptom: str = "lost"


TRIALS = (
    Trial(1, "a whole worker is killed", lost_workers.kill_worker, PAIR, ("idle",)),
    Trial(2, "the main process of a worker is killed", lost_workers.kill_main_process, PAIR, ("idle",)),
    Trial(3, "the process that runs a job is killed", lost_workers.kill_child, LONG_LEASE, ("clinging",)),
    Trial(
        4,
        "a worker is suspended for longer than its lease",
        lost_workers.suspend_worker,
        PAIR,
        ("unfenced",),
        "second",
    ),
    Trial(5, "a worker is stopped in mid-job", lost_workers.stop_worker, LONG_LEASE, ("clinging",)),
    Trial(6, "a job kills its process each time", lost_workers.deadly_job, PAIR, ("uncapped",)),
    Trial(7, "a job runs over its time limit", lost_workers.endless_job, SHORT_LIMIT, ("unlimited",)),
    Trial(8, "the server is killed three times under load", outages.kill_server, OWN_SERVER, ("forgetful",)),
    Trial(9, "the server hangs", outages.hang_server, OWN_SERVER, ("patient",), "answered within"),
    Trial(
        10,
        "all connections are dropped three times",
        outages.drop_connections,
        TWICE_TWO,
        ("open",),
        "second",
    ),
    Trial(11, "messages are removed from the queue", messages.lose_messages, PAIR, ("idle",)),
    Trial(12, "the gateway is killed between admit and publish", messages.kill_gateway, GATEWAY, ("idle",)),
    Trial(
        13,
        "messages are delivered twice, and when their job is over",
        messages.double_messages,
        PAIR,
        ("open",),
        "second",
    ),
    Trial(
        14,
        "the visibility timeout is shorter than the job",
        messages.outlast_visibility,
        IMPATIENT,
        ("open",),
        "second",
    ),
    Trial(15, "the server is full", outages.fill_store, SMALL_SERVER, ("roomy",)),
    Trial(
        16,
        "the queue is at its limit and fifty post at once",
        admission.fill_queue,
        SHORT_QUEUE,
        ("racing",),
        "taken",
    ),
    Trial(17, "rubbish in the queue", messages.rubbish_on_the_lane, UP, ("negligent",)),
    Trial(18, "the end of the journal is cut off", outages.cut_journal, BARE_SERVER, ("piecemeal",)),
    Trial(
        19,
        "stored uploads and results are altered",
        stored.alter_stored,
        GATEWAY,
        ("unverified",),
        "the engine saw",
    ),
    Trial(
        20,
        "uploads broken off, slow, without length, malformed, too large",
        admission.hurt_uploads,
        SMALL_UPLOADS,
    ),
    Trial(21, "tables that are wrong", admission.send_bad_tables, REAL_ENGINE),
    Trial(22, "ids that name no job of the client", admission.ask_for_bad_ids, ALONE),
    Trial(23, "fifty read a result while it appears and while it expires", stored.read_by_many, GATEWAY),
    Trial(24, "jobs are cancelled at any moment", moves.cancel, GATEWAY, ("overriding",), "second"),
    Trial(25, "from one worker to four and back, under load", moves.scale, ONE_WORKER, ("idle", "clinging")),
    Trial(26, "the workers' clocks are an hour wrong", moves.set_clock_wrong, NO_WORKER, ("worker-clock",)),
    Trial(27, "three janitors work at once", lost_workers.several_janitors, THREE_JANITORS, ("idle",)),
    Trial(
        28,
        "a step holds the interpreter for longer than a lease",
        moves.hold_interpreter,
        PAIR,
        ("beating thread",),
        "second",
    ),
    Trial(29, "the keeper of a worker process is killed", moves.kill_keeper, PAIR, ("idle", "clinging")),
)
