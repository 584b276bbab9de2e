"""The commands of docs/operations.md as they stand there, on a store of their own."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from acceptance.service import environment, oddline

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()


@pytest.mark.service
def test_a_backup_and_its_restore_run_as_they_stand(tmp_path):
    own = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "share")}
    made = json.loads(oddline("credentials", "create", "--json", **own).stdout)
    blocks = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    assert [block.split()[1] for block in blocks] == ["backup", "restore"]
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    for block in blocks:
        words = ["bash", "-euo", "pipefail", "-c", block]
        ended = subprocess.run(
            words, cwd=tmp_path, env=environment(PATH=path, **own), capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout
    listed = json.loads(oddline("credentials", "list", "--json", "--data", tmp_path / "restored").stdout)
    assert [client["client_id"] for client in listed] == [made["client_id"]]


def test_every_night_means_every_night():
    """In a crontab a % ends the command unless it is escaped."""
    [line] = [line for line in PAGE.splitlines() if line.startswith("17 3 * * *")]
    assert not re.search(r"(?<!\\)%", line)
