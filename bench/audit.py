"""``make audit``: are there known vulnerabilities in what constraints.txt pins?

Exit code 0 says that every pin was looked up and none is known to be vulnerable, 1 that some are, and 3
that it was not run, for some or for all: silence of the database is not an answer. Further words go to
pip-audit: ``--vulnerability-service osv``, for one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PINS = Path(__file__).parents[1] / "constraints.txt"
PATIENCE = 600.0
"""Seconds for the whole of it."""
VULNERABLE, NOT_RUN = 1, 3
LISTED = 10


def main(tool: str, *more: str) -> int:
    """Ask with pip-audit, print what was found, and give the exit code."""
    pinned = [line for line in PINS.read_text().split() if "==" in line]
    found, trouble = ask(tool, *more)
    if found is None:
        print(f"not run: {trouble}")
        return NOT_RUN
    vulnerable = [item for item in found if item.get("vulns")]
    known = {item["name"] for item in found if "vulns" in item}
    for item in vulnerable:
        for one in item["vulns"]:
            mended = ", ".join(one.get("fix_versions", ())) or "no version yet"
            print(f"{item['name']} {item['version']}: {one['id']}, mended in {mended}")
    unknown = sorted(item["name"] for item in found if item["name"] not in known)
    if len(known) < len(pinned):
        names = ", ".join(unknown[:LISTED]) + (", …" if len(unknown) > LISTED else "")
        print(f"not run: {len(pinned) - len(known)} of {len(pinned)} pins are not in the database ({names})")
    if vulnerable:
        print(f"{len(vulnerable)} of {len(pinned)} pins are vulnerable")
        return VULNERABLE
    if len(known) < len(pinned):
        return NOT_RUN
    print(f"{len(pinned)} pins looked up, none known to be vulnerable")
    return 0


def ask(tool: str, *more: str) -> tuple[list[dict[str, Any]] | None, str]:
    """What pip-audit says of each pin; or None, and why there is no answer."""
    words = [tool, "--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    try:
        done = subprocess.run(
            [*words, "--requirement", str(PINS), *more], capture_output=True, text=True, timeout=PATIENCE
        )
    except OSError as error:
        return None, f"{tool} does not start ({error.strerror})"
    except subprocess.TimeoutExpired:
        return None, f"no answer within {PATIENCE:g} s"
    try:
        return json.loads(done.stdout)["dependencies"], ""
    except (ValueError, KeyError, TypeError):
        last = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        return None, f"the vulnerability database gave no answer ({last[:200]})"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
