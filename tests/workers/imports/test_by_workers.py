"""Imports by real worker processes, and what they leave in the log."""

import pytest

from oddline_workers.jobs import Status
from workers.imports.remote import answer, remote
from workers.imports.test_run import HEARTS, JSON, SECRET, everything, rows, taken
from workers.trials import trial_settings


@pytest.fixture
def settings(server_url):
    return trial_settings(server_url, outbound_networks="127.0.0.0/8", log_level="debug", lease_seconds=15.0)


@pytest.mark.service
def test_rows_come_and_no_credential_is_logged(service, capfd):
    auth = {"userId": "me", "password": SECRET}
    with remote() as there:
        there.says["/hearts.json"] = answer(JSON)
        there.says["/bad.csv"] = answer(b"\0\1\2")
        sent = [
            taken(service, there.url(f"{path}?sig={SECRET}"), auth=auth)
            for path in ("/hearts.json", "/bad.csv", "/none.csv")
        ]
        sent.append(taken(service, f"http://x:{SECRET}@10.0.0.1/?sig={SECRET}", auth=auth))
        service.worker()
        service.janitor()
        done, *failed = service.over(*sent)
    assert (done.status, done.error) == (Status.DONE, None)
    assert rows(service) == HEARTS
    assert [job.status for job in failed] == [Status.ERROR] * 3
    assert [job.error["code"] for job in failed[1:]] == ["not_fetched", "address_refused"]
    for process in service.running:
        process.terminate()
    for process in service.running:
        process.wait(20)
    logged = "".join(capfd.readouterr())
    assert done.id in logged
    assert SECRET not in logged
    assert SECRET not in everything(service.client, service.settings.key_prefix)
