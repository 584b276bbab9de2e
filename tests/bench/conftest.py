"""The benches are scripts beside each other, not a package: let their tests import them."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "bench"))
