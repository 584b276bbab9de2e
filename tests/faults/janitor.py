"""The janitor of the fault trials, and several that all work at once."""

from __future__ import annotations

import os

from faults import doubles
from oddline_workers.janitor import Janitor, main

doubles.install()
if "TRIAL_ALL_ELECTED" in os.environ:
    Janitor.elected = lambda self: True

if __name__ == "__main__":
    main()
