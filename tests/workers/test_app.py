"""The Celery app and what its import costs."""

import os
import subprocess
import sys

from workers.trials import ROOTS

CODE = """
import sys
import oddline_workers.{module} as module
assert {check}
print([name for name in ("numpy", "pandas", "sklearn", "torch") if name in sys.modules])
"""


def imported(module, check="True"):
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(ROOTS),
        "ODDLINE_REDIS_URL": "unix:///run/r.sock?db=2",
        "ODDLINE_SHUTDOWN_SECONDS": "7",
    }
    command = [sys.executable, "-c", CODE.format(module=module, check=check)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_app_is_made_from_the_environment_and_needs_no_engine():
    check = "module.app.conf.worker_soft_shutdown_timeout == 7 and module.app is module.app"
    assert imported("app", check) == "[]\n"


def test_janitor_needs_no_engine():
    assert imported("janitor") == "[]\n"
