"""The client, against a server of a few lines that answers what it is told to."""

import pytest

from oddline.errors import LimitError, OddlineError, ParameterError
from oddline_api.client import Client, IbmClient


def job(status, fraction=0.0):
    return {"id": "j", "status": status, "progress": {"fraction": fraction, "stage": "scores"}}


def test_a_submit_is_a_multipart_form_with_credentials(served, tmp_path):
    answers, seen, url = served
    (tmp_path / "a b.csv").write_text("x\n1\n")
    answers.append((202, job("queued"), {}))
    with Client(url + "/", "me", "hush") as client:
        assert client.submit(tmp_path / "a b.csv", target_columns=("x", "y z"), repair=None)["id"] == "j"
    [(method, path, headers, body)] = seen
    assert (method, path) == ("POST", "/api/v1/jobs")
    assert headers["x-ibm-client-id"] == "me"
    assert headers["x-ibm-client-secret"] == "hush"
    assert headers["content-type"].startswith("multipart/form-data")
    assert b'name="file"; filename="a b.csv"' in body
    assert b'["x", "y z"]' in body
    assert b"repair" not in body


def test_a_submit_that_the_service_cannot_take_now_is_sent_again_under_its_key(served, tmp_path):
    answers, seen, url = served
    (tmp_path / "a.csv").write_text("x\n1\n")
    full = (503, {"detail": "full", "code": "store_full"}, {"Retry-After": "0"})
    answers.extend([full, full, (202, job("queued"), {}), (202, job("queued"), {})])
    with Client(url, "me", "hush") as client:
        assert client.submit(tmp_path / "a.csv")["id"] == "j"
        client.submit(tmp_path / "a.csv")
    keys = [headers["idempotency-key"] for _, _, headers, _ in seen]
    assert keys[0] == keys[1] == keys[2] != keys[3]
    assert seen[0][3].count(b"x\n1\n") == seen[2][3].count(b"x\n1\n") == 1
    answers.extend([full] * 4)
    with Client(url, "me", "hush") as client, pytest.raises(OddlineError, match="full"):
        client.submit(tmp_path / "a.csv")
    assert answers == []


def test_a_retry_is_sent_again_under_its_key_too(served):
    answers, seen, url = served
    answers.extend(
        [(503, {"detail": "full", "code": "store_full"}, {"Retry-After": "0"}), (202, job("queued"), {})]
    )
    with Client(url, "me", "hush") as client:
        assert client.retry("j")["id"] == "j"
    assert seen[0][2]["idempotency-key"] == seen[1][2]["idempotency-key"]


def test_wait_tells_its_progress_and_returns_the_end(served):
    answers, _, url = served
    answers.extend((200, body, {}) for body in (job("queued"), job("executing", 0.5), job("done", 1.0)))
    told = []
    with Client(url, "me", "hush") as client:
        assert client.wait("j", lambda fraction, stage: told.append(fraction))["status"] == "done"
    assert told == [0.0, 0.5, 1.0]


def test_wait_gives_up_in_time(served):
    answers, _, url = served
    answers.extend([(200, job("executing"), {})] * 2)
    with Client(url, "me", "hush") as client, pytest.raises(LimitError, match="still executing"):
        client.wait("j", timeout=0)


@pytest.mark.parametrize(
    ("status", "body", "headers", "told"),
    [
        (400, {"title": "Bad", "detail": "no such column", "code": "unknown_column"}, {}, "no such column"),
        (404, {"error": "no such job"}, {}, "no such job"),
        (401, {"httpCode": "401", "moreInformation": "who are you"}, {}, "who are you"),
        (502, b"<html>", {}, "Bad Gateway"),
        (503, {"error": "full"}, {"Retry-After": "7"}, "full"),
    ],
)
def test_a_refusal_of_either_door_becomes_an_error(served, status, body, headers, told):
    answers, _, url = served
    answers.append((status, body, headers))
    with IbmClient(url, "me", "hush") as client, pytest.raises(OddlineError, match=told) as caught:
        client.result("j")
    assert caught.value.status == status
    if headers:
        assert caught.value.retry_after == 7


def test_something_else_than_oddline_is_recognised(served):
    answers, _, url = served
    answers.append((200, b"<html>hello</html>", {}))
    with Client(url, "me", "hush") as client, pytest.raises(OddlineError, match="Is it an Oddline"):
        client.jobs()


def test_ids_cannot_leave_their_place_in_the_path(served):
    answers, seen, url = served
    answers.append((200, job("done"), {}))
    with Client(url, "me", "hush") as client:
        client.job("../../livez")
    assert seen[0][1] == "/api/v1/jobs/..%2F..%2Flivez"


@pytest.mark.parametrize(
    "url", ["foo", "127.0.0.1:8080", "ftp://host", "http://", "http://host:99999", "http://[::1"]
)
def test_what_is_not_a_url_is_refused_at_once(url):
    with pytest.raises(ParameterError, match="expected http://host:port"):
        Client(url, "me", "hush")
