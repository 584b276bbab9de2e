"""One client's jobs are to another what jobs that never were are: answer, headers and the store's work alike.

The endpoints are walked, so one that is added is held to it by itself, or has to be thought of here.
"""

from __future__ import annotations

import io
import itertools
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doors import CSV
from oddline_workers.datasets.catalogue import Dataset, Datasets
from oddline_workers.jobs import Status
from oddline_workers.models import Model
from oddline_workers.records import Records, unknown
from watch import Watch
from workers.trials import admit, claim

WITHOUT_ID = {
    "openapi.spec", "health.livez", "health.readyz",
    "ibm.connection_check", "ibm.submit_univariate", "ibm.submit_multivariate",
    "jobs.submit_job", "jobs.list_jobs",
    "nexosis.list_datasets", "nexosis.import_url", "nexosis.import_s3", "nexosis.import_azure",
    "nexosis.list_imports", "nexosis.start_session", "nexosis.list_sessions", "nexosis.delete_sessions",
    "nexosis.list_models", "nexosis.delete_models", "nexosis.start_forecast", "nexosis.start_impact",
    "nexosis.list_views", "nexosis.list_vocabularies", "nexosis.delete_vocabularies",
    "nexosis.list_messages", "nexosis.list_metrics",
}  # fmt: skip
"""What has nothing of a client's in its address."""

ADDRESSED = {"job_id", "session_id", "import_id", "model_id", "vocabulary_id", "name"}
"""What an address may name; in a test each is the id of a job."""

DIFFERENT = "another client's job is told from one that never was"

query = st.dictionaries(
    st.sampled_from(["nan", "limit", "offset", "status", "filename", "lookback_window"]),
    st.sampled_from(["null", "0", "1", "done", "", "%00", "é", "../x"]),
    max_size=3,
)
headers = st.fixed_dictionaries(
    {}, optional={"Accept-Encoding": st.sampled_from(["gzip", "identity"]), "Idempotency-Key": st.just("k")}
)


def endpoints(app: Any) -> list[tuple[str, str]]:
    """Every method and address that takes the id of a job, or of something else of a client's."""
    found, without = [], set()
    for rule in app.url_map.iter_rules():
        path = rule.rule.replace("<contestant_id>", "x").replace("<column>", "x")
        named = rule.arguments - {"contestant_id", "column"}
        assert named <= ADDRESSED, f"{rule.rule} takes something else than what a client's things are called"
        if named:
            [name] = named
            found += [(method, path.replace(f"<{name}>", "<job_id>")) for method in sorted(rule.methods)]
        else:
            without.add(rule.endpoint.replace("ibm_hosted.", "ibm."))
    assert without == WITHOUT_ID
    assert len(found) >= 80
    return found


@pytest.fixture
def jobs(gateway: Any) -> dict[str, str]:
    """A job of the gateway's client in each state and of each door; a dataset and a model of its."""
    made = {}
    for dialect, state in itertools.product(("ibm", "plain"), (*Status, "expired")):
        job = admit(gateway.store, CSV, owner=gateway.client_id, dialect=dialect)
        if state is Status.QUEUED:
            gateway.store.queued(job.id)
        elif state is Status.DONE:
            assert gateway.work(job.id) == "done"
        elif state is Status.CANCELLED:
            gateway.store.cancel(job.id, gateway.client_id)
        elif state in (Status.EXECUTING, Status.ERROR):
            held = claim(gateway.store, job).job
            if state is Status.ERROR:
                gateway.store.finish(job.id, held.attempt, Status.ERROR, error={"error": "x", "code": "data"})
        elif state == "expired":
            gateway.store.client.delete(f"{gateway.settings.key_prefix}job:{job.id}")
        if state != "expired":
            assert gateway.store.get(job.id).status is state
        made[f"{dialect} {state}"] = job.id
    client, told = gateway.store.client, {"dataSourceName": "x", "name": "x", "type": "url"}
    for kind in ("session", "import", "callback"):
        more = {"dialect": "nexosis", "kind": kind, "spec": {**told, "dataSetName": "x", "parameters": {}}}
        made[f"nexosis {kind}"] = admit(gateway.store, b"", owner=gateway.client_id, **more).id
    name = str(uuid.uuid4())
    assert Datasets(client, gateway.settings).commit(None, Dataset(gateway.client_id, name))
    model = Model(str(uuid.uuid4()), gateway.client_id, "x", name, name)
    client.hset(f"{gateway.settings.key_prefix}model:{model.id}", mapping=model.to_record())
    return {**made, "nexosis dataset": name, "nexosis model": model.id}


def everything(gateway: Any) -> dict[bytes, bytes]:
    """All that the store holds of these clients, but for the counters of the rate."""
    client, root = gateway.store.client, gateway.settings.key_prefix
    names = [n for n in client.scan_iter(root + "*") if not n.startswith((root + "rate").encode())]
    return {name: client.dump(name) for name in names}


def compare(gateway: Any, jobs: dict[str, str], watch: Watch) -> None:
    """The property; ``gateway`` is the owner's, the watch another client's."""
    before = everything(gateway)
    calls = endpoints(gateway.app)
    for call in calls:
        watch.see(*call, str(uuid.uuid4()))  # the store is taught its scripts when they are first called

    def alike(call: Any, job: str, **more: Any) -> None:
        foreign = watch.see(*call, jobs[job], **more)
        assert foreign == watch.see(*call, str(uuid.uuid4()), **more), DIFFERENT

    for call, job in itertools.product(calls, jobs):
        # Jobs of the other doors are all alike to this one.
        if job.startswith("nexosis ") or not call[1].startswith("/v1/") or job == "plain done":
            alike(call, job)

    @settings(max_examples=150, deadline=None, database=None)
    @given(call=st.sampled_from(calls), job=st.sampled_from(sorted(jobs)), query=query, headers=headers)
    def however_it_is_asked(call: Any, job: str, query: Any, headers: Any) -> None:
        alike(call, job, query_string=query, headers=headers)

    however_it_is_asked()
    assert everything(gateway) == before


def test_anothers_job_is_no_job(gateway: Any, jobs: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    with Watch(gateway.stranger(), monkeypatch) as watch:
        compare(gateway, jobs, watch)


@pytest.mark.parametrize("leak", ["text", "status", "command"])
def test_control_each_kind_of_leak_is_seen(
    gateway: Any, jobs: dict[str, str], monkeypatch: pytest.MonkeyPatch, leak: str
) -> None:
    honest = Records.get

    def leaky(self: Any, job_id: str, owner: str | None = None) -> Any:
        there = self.client.exists(f"{self.root}job:{job_id}")
        if there and honest(self, job_id).owner != owner:
            if leak == "command":
                self.client.exists(f"{self.root}job:{job_id}")
                raise unknown(job_id)
            error = unknown(job_id)
            if leak == "text":
                error.message += " It is not yours."
            else:
                error.status = 403
            raise error
        return honest(self, job_id, owner)

    monkeypatch.setattr(Records, "get", leaky)
    with Watch(gateway.stranger(), monkeypatch) as watch, pytest.raises(AssertionError, match=DIFFERENT):
        compare(gateway, jobs, watch)


@settings(
    max_examples=25, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    owners=st.lists(st.booleans(), max_size=8),
    limit=st.integers(1, 5),
    offset=st.integers(0, 5),
    status=st.sampled_from([None, "submitted", "cancelled", "done"]),
)
def test_a_list_holds_ones_own_jobs_and_counts_no_others(
    make_gateway: Any, owners: list[bool], limit: int, offset: int, status: str | None
) -> None:
    one = make_gateway()
    other = one.stranger()
    made: dict[bool, list[str]] = {True: [], False: []}
    for number, mine in enumerate(owners):
        job = admit(one.store, owner=one.client_id if mine else other.client_id)
        if number % 2:
            one.store.cancel(job.id, job.owner)
        if status in (None, "cancelled" if number % 2 else "submitted"):
            made[mine].insert(0, job.id)
    for mine, client in ((True, one), (False, other)):
        query = {"limit": limit, "offset": offset, **({"status": status} if status else {})}
        listed = client.get("/api/v1/jobs", query_string=query)
        assert listed.json["total"] == len(made[mine])
        assert [job["id"] for job in listed.json["jobs"]] == made[mine][offset : offset + limit]


def test_nothing_that_takes_no_id_shows_one(gateway: Any, jobs: dict[str, str]) -> None:
    stranger = gateway.stranger()
    for rule in gateway.app.url_map.iter_rules():
        if not rule.arguments and "GET" in rule.methods:
            text = stranger.get(rule.rule).text
            assert not [name for name in [gateway.client_id, *jobs.values()] if name in text], rule


FORMS = {
    "submit_univariate": ("data_file", {"time_column": "Time", "target_column": "Value"}),
    "submit_multivariate": ("data_file", {"time_column": "Time", "target_columns": '["Value", "Other"]'}),
    "submit_job": ("file", {}),
    "retry_job": None,
}
"""What is sent to each endpoint that makes a job."""


def make_job(client: Any, rule: Any, key: str) -> str:
    """One call of such an endpoint; the id of the job it answers with."""
    more: dict[str, Any] = {"headers": {"Idempotency-Key": key}}
    path = rule.rule
    if (form := FORMS[rule.endpoint.split(".")[1]]) is None:
        failed = admit(client.store, owner=client.client_id)
        attempt = claim(client.store, failed).job.attempt
        client.store.finish(failed.id, attempt, Status.ERROR, error={"error": "x", "code": "data"})
        path = path.replace("<job_id>", failed.id)
    else:
        part, fields = form
        more["data"] = {**fields, part: (io.BytesIO(CSV), "a.csv")}
    answer = client.post(path, **more)
    assert answer.status_code < 300, answer.text
    return str(answer.json.get("id") or answer.json["jobId"])


def test_a_key_for_repeating_reaches_no_other_clients_job(gateway: Any) -> None:
    stranger = gateway.stranger()
    rules = [
        rule
        for rule in gateway.app.url_map.iter_rules()
        if getattr(gateway.app.view_functions[rule.endpoint], "counts_as", "") == "submits"
        and not rule.rule.startswith("/v1/")  # whose clients know no such key
    ]
    assert {rule.endpoint.split(".")[1] for rule in rules} == set(FORMS)
    for number, rule in enumerate(rules):
        mine, theirs = (make_job(client, rule, f"key-{number}") for client in (gateway, stranger))
        assert mine != theirs
        assert gateway.store.get(mine).owner == gateway.client_id
        assert gateway.store.get(theirs).owner == stranger.client_id
