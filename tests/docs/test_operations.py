"""The commands of docs/operations.md as they stand there, on a store of their own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from acceptance.service import environment, oddline

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()


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


def test_what_is_put_back_into_the_compose_file_s_store_is_its_user_s(tmp_path):
    """A restored folder is closed to all but the one who restored it."""
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    [line] = re.findall(r"redis sh -c '([^']*appendonlydir[^']*)'", PAGE)
    assert f"chown -R {compose['services']['redis']['user']} " in line
    for folder in ("data/appendonlydir", "restored/appendonlydir"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "file").write_text(folder)
    (tmp_path / "data" / "appendonlydir" / "older").touch()
    line = line.replace("999:999", f"{os.getuid()}:{os.getgid()}")
    line = re.sub(r"/(data|restored)/", rf"{tmp_path}/\1/", line)
    subprocess.run(["sh", "-euc", line], check=True)
    assert [path.name for path in (tmp_path / "data" / "appendonlydir").iterdir()] == ["file"]
    assert (tmp_path / "data" / "appendonlydir" / "file").read_text() == "restored/appendonlydir"


def test_every_night_means_every_night():
    """In a crontab a % ends the command unless it is escaped."""
    [line] = [line for line in PAGE.splitlines() if line.startswith("17 3 * * *")]
    assert not re.search(r"(?<!\\)%", line)
