"""``oddline submit``, ``result`` and ``jobs``, against a server that answers what it is told to."""

import csv
import json

import pytest

UNKNOWN = {"submitted": "2024-01-01T00:00:00Z", "queued": None, "execution_started": None, "done": None}


def job(status, **more):
    progress = {"fraction": 0.25, "stage": "scores"}
    facts = {"id": "j", "status": status, "progress": progress, "filename": "a.csv", "timeline": UNKNOWN}
    return facts | more


@pytest.fixture
def service(served, monkeypatch):
    """Add answers to it; the commands find the server."""
    answers, _, url = served
    monkeypatch.setenv("ODDLINE_URL", url)
    monkeypatch.setenv("ODDLINE_CLIENT_ID", "me")
    monkeypatch.setenv("ODDLINE_CLIENT_SECRET", "hush")
    return lambda *bodies: answers.extend((200, body, {}) for body in bodies)


@pytest.mark.parametrize("words", [("jobs", "j"), ("jobs", "--cancel", "j"), ("submit", __file__)])
def test_one_job_is_one_object(run, service, words):
    service(job("queued"))
    code, out, _ = run(*words, "--json")
    assert code == 0
    assert json.loads(out) == job("queued")


def test_a_failed_job_is_done_again(run, served, service):
    service(job("queued"))
    code, out, _ = run("jobs", "--retry", "k", "--json")
    assert (code, json.loads(out)) == (0, job("queued"))
    assert served[1][0][:2] == ("POST", "/api/v1/jobs/k/retry")


def test_a_list_of_jobs_is_a_list(run, service):
    service({"jobs": [job("done"), job("queued")]})
    assert json.loads(run("jobs", "--json")[1]) == [job("done"), job("queued")]


@pytest.mark.parametrize(("status", "told"), [("done", "is already done"), ("error", "has already failed")])
def test_what_is_over_cannot_be_cancelled(run, service, status, told):
    service(job(status))
    assert run("jobs", "--cancel", "j") == (4, "", f"oddline: Job j {told}.\n")


@pytest.mark.parametrize("status", ["executing", "cancelled"])
def test_what_ends_by_cancelling_is_shown(run, service, status):
    service(job(status))
    code, out, _ = run("jobs", "--cancel", "j", "--csv")
    assert code == 0
    assert [row["status"] for row in csv.DictReader(out.splitlines())] == [status]


@pytest.mark.parametrize("status", ["submitted", "queued", "executing"])
def test_a_result_that_is_not_there_yet_has_its_own_exit_code(run, service, status):
    service(job(status))
    code, out, err = run("result", "j", "--no-wait", "--json")
    assert (code, err) == (5, "")
    assert json.loads(out)["status"] == status


@pytest.mark.parametrize(
    ("over", "told"),
    [
        (job("error", error={"error": "three rows are too few"}), "The job failed: three rows are too few."),
        (job("error", error=None), "The job failed: no reason was given."),
        (job("cancelled"), "The job was cancelled."),
    ],
)
def test_a_job_without_a_result_says_why(run, service, over, told):
    service(over)
    assert run("result", "j") == (1, "", f"oddline: {told}\n")


@pytest.mark.parametrize("url", ["foo", "127.0.0.1:8080"])
def test_an_address_that_is_none_is_named_with_its_variable(run, service, monkeypatch, url):
    monkeypatch.setenv("ODDLINE_URL", url)
    code, out, err = run("jobs")
    assert (code, out) == (2, "")
    assert err.startswith(f"oddline: ODDLINE_URL is {url!r}; expected http://host:port.\n")
