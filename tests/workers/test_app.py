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
        "ODDLINE_KEY_PREFIX": "seven:",
    }
    command = [sys.executable, "-c", CODE.format(module=module, check=check)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_app_is_made_from_the_environment_and_needs_no_engine():
    options = "module.app.conf.broker_transport_options"
    check = f"{options}['global_keyprefix'] == 'seven:bell:' and module.app is module.app"
    assert imported("app", check) == "[]\n"


def test_janitor_needs_no_engine():
    assert imported("janitor") == "[]\n"


def test_the_parent_of_worker_processes_loads_the_engine_but_no_torch():
    """CUDA that was touched before a fork cannot be used after it."""
    check = "__import__('oddline.workflow') and 'torch' not in sys.modules"
    assert "torch" not in imported("app", check)
