"""The model server of a transform job."""

import os
import subprocess
import sys
from pathlib import Path

from localcloud.sagemaker.transform import serving
from tests.localcloud.sagemaker.sagemaker_account import ECHO
from tests.wait import until

PARENT = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-P", *sys.argv[1:]], start_new_session=True).pid, flush=True)
time.sleep(3600)
"""


def is_gone(process: int) -> bool:
    """Whether a process has ended."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    stat = Path(f"/proc/{process}/stat")  # a zombie has ended, though nobody has waited for it
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_server_doesn_t_outlive_a_killed_parent(tmp_path: Path) -> None:
    """Nobody would end it: a local cloud that is killed can't."""
    model, port = tmp_path / "model", tmp_path / "port"
    (model / "code").mkdir(parents=True)
    (model / "code" / "inference.py").write_text(ECHO)
    command = [sys.executable, "-c", PARENT, serving.__file__, str(model), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stdout is not None
            server = int(parent.stdout.readline())
            until(port.exists)
            assert not is_gone(server)
        finally:
            parent.kill()
    until(lambda: is_gone(server))
