"""What strangers write into names, cells and headers forges no line of the log and steers no terminal."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import threading
from urllib.parse import quote

import pytest
import requests

from acceptance.service import ODDLINE, PATIENCE, environment, oddline
from api.test_hostile_text import FORGED, HOSTILE, STEERING
from serving import wait_until

pytestmark = [pytest.mark.service, pytest.mark.timeout(300), pytest.mark.xdist_group("hostile-log")]

NAMES = {"web", "worker-cpu", "worker-desk", "janitor", "server", "supervisor"}


def attack(facts: dict[str, str]) -> int:
    """Send it wherever a text can be sent; how many jobs came of it."""
    headers = {"X-IBM-Client-Id": facts["client_id"], "X-IBM-Client-Secret": facts["client_secret"]}
    url = facts["url"] + "/api/v1/jobs"
    in_header = HOSTILE.replace("\n", "").replace("\r", "").replace("\x1b", "").replace("\x07", "").encode()
    names = [{"Time": f"2017-01-01 00:{row:02}:00", HOSTILE: row % 5} for row in range(40)]
    cells = [{"Time": HOSTILE, "Value": row} for row in range(40)]
    texts = [
        {"Time": f"2017-01-01 00:{row:02}:00", "Value": HOSTILE if row == 30 else row} for row in range(40)
    ]
    asked = {"algorithm_type": "WindowAD", "lookback_window": 3}
    sent = [
        requests.post(
            url, params={**asked, "filename": HOSTILE, **more}, json=rows, headers=headers, timeout=20
        )
        for rows, more in (
            (names, {}),
            (cells, {"time_column": "Time"}),
            (texts, {"target_columns": "Value"}),
            (names, {"target_columns": HOSTILE}),
            (names, {"time_column": HOSTILE}),
            (names, {"time_format": HOSTILE, "time_column": "Time"}),
            (names, {"algorithm_type": HOSTILE}),
            (names, {HOSTILE: HOSTILE}),
        )
    ]
    for path in (quote(HOSTILE), "result/" + quote(HOSTILE), "api/v1/jobs/" + quote(HOSTILE)):
        assert requests.get(f"{facts['url']}/{path}", headers=headers, timeout=20).status_code == 404
    for name in ("X-IBM-Client-Id", "User-Agent", "Authorization", "X-Forwarded-For", "Idempotency-Key"):
        requests.get(url, headers={**headers, name: in_header}, timeout=20)
    assert {answer.status_code for answer in sent} <= {202, 400}
    jobs = [answer.json()["links"]["self"] for answer in sent if answer.status_code == 202]

    def over() -> bool:
        now = [requests.get(facts["url"] + at, headers=headers, timeout=20).json() for at in jobs]
        return all(job["status"] in ("done", "error") for job in now)

    wait_until(over)
    return len(jobs)


@pytest.mark.parametrize("terminal", [False, True], ids=["file", "terminal"])
def test_no_line_is_forged_and_no_terminal_steered(tmp_path, terminal):
    ours, theirs = pty.openpty() if terminal else os.pipe()
    heard: list[bytes] = []

    def hear() -> None:
        try:
            while block := os.read(ours, 65536):
                heard.append(block)
        except OSError:  # how a terminal says on Linux that nobody writes any more
            pass

    listening = threading.Thread(target=hear)
    words = ["up", "--json", "--port", "0", "--data", str(tmp_path / "data"), "--workers", "1"]
    process = subprocess.Popen(
        [*ODDLINE, *words],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=environment(ODDLINE_LOG_LEVEL="debug"),
        text=True,
    )
    os.close(theirs)
    listening.start()
    try:
        facts = json.loads(process.stdout.readline())
        count = attack(facts)
        assert count >= 3
        account = {
            name: facts[name.removeprefix("ODDLINE_").lower()]
            for name in ("ODDLINE_CLIENT_ID", "ODDLINE_CLIENT_SECRET")
        }
        listed = oddline("jobs", ODDLINE_URL=facts["url"], **account)
        assert "forged" in listed.stdout
        assert not STEERING.intersection(listed.stdout) - {"\n"}
        assert len(listed.stdout.splitlines()) == count + 2
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
        process.stdout.close()
        listening.join()
        os.close(ours)
    said = b"".join(heard).decode().replace("\r\n", "\n")
    assert not STEERING.intersection(said) - {"\n"}
    lines = said.splitlines()
    assert len(lines) > count
    assert FORGED not in lines
    if terminal:
        assert all(line[:13].rstrip(" |") in NAMES for line in lines)
    else:
        told = [*map(json.loads, lines)]
        assert {line["process"] for line in told} <= NAMES
        assert "forged" not in {line["event"] for line in told}
        assert sum(line["event"] in ("job done", "job error") for line in told) == count
