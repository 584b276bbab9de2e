"""The fuzzer is scripts beside each other, not a package: let its tests import them."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
