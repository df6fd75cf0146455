"""What the functions' zip costs at a cold start: the handlers' imports compared with boto3's, and its size.

Each import runs in a fresh interpreter that sees what it would in Lambda: the unpacked zip, as it is deployed
(without compiled .pyc files), and boto3. Only the import statement is measured, not the interpreter's start.
"""

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from benchmarks.measuring import ROOT, Figure, arguments, conclude
from localcloud.lambda_.sandbox import link_provided
from localcloud.packaging import pack

HANDLERS = ("start_transform", "write_report", "register_model", "sweep")
PROGRAM = "import time; begun = time.process_time(); import {}; print(time.process_time() - begun)"


def unpack(folder: Path) -> Path:
    """The functions' zip, built as for a deployment and unpacked below `folder`."""
    code = folder / "code"
    with zipfile.ZipFile(BytesIO(pack(ROOT / "functions", ROOT / ".cache"))) as archive:
        archive.extractall(code)
    return code


def size(folder: Path) -> int:
    """The bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def import_seconds(module: str, code: Path, provided: Path) -> float:
    """The CPU time of importing a module in a fresh interpreter, isolated like a function's worker."""
    interpreter = getattr(sys, "_base_executable", None) or sys.executable
    command = [interpreter, "-S", "-P", "-B", "-c", PROGRAM.format(module)]
    done = subprocess.run(
        command, env={"PYTHONPATH": f"{code}:{provided}"}, check=True, stdout=subprocess.PIPE, text=True
    )
    return float(done.stdout)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit status."""
    given = arguments(__doc__, argv)
    with tempfile.TemporaryDirectory() as folder:
        code, provided = unpack(Path(folder)), link_provided(Path(folder, "provided"))
        fastest = dict.fromkeys(("boto3", *HANDLERS), float("inf"))
        for _ in range(given.rounds):
            for module in fastest:
                fastest[module] = min(fastest[module], import_seconds(module, code, provided))
        figures = [
            Figure(
                f"{handler}, its imports as a multiple of boto3's", fastest[handler] / fastest["boto3"], 1.8
            )
            for handler in HANDLERS
        ]
        figures.append(Figure("the unpacked zip in MB, without boto3", size(code) / 1e6, 15))
    return conclude(figures, given.check)


if __name__ == "__main__":
    sys.exit(main())
