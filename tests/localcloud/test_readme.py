"""The example of localcloud/README.md works as it is written."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_example_deploys_and_answers(tmp_path: Path) -> None:
    """Template, function and program, each copied from its block, print what was sent to the queue."""
    text = (ROOT / "localcloud" / "README.md").read_text()
    (template,) = re.findall(r"^```yaml\n(.*?)^```", text, re.M | re.S)
    function, program = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    (tmp_path / "src").mkdir()
    for name, content in (("template.yaml", template), ("src/app.py", function), ("example.py", program)):
        (tmp_path / name).write_text(content)
    answer = subprocess.run(
        [sys.executable, "example.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, answer.stdout) == (0, "hello\n"), answer.stderr
