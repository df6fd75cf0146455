"""The real handlers in a simulated world: `python -m tests.simulation --help`."""

import sys
from pathlib import Path

HANDLERS = Path(__file__).parents[2] / "functions"
if str(HANDLERS) not in sys.path:  # pytest has it there
    sys.path.insert(0, str(HANDLERS))
