"""Every weakening of template.yaml that has a name is seen by a test of tests/template/."""

import json
import subprocess
import sys

from tests.mutants.weakenings import weakenings
from tests.template.document import ROOT

RUN = """
import json
from tests.mutants.template import plant
from tests.mutants.weakenings import weakenings
planted = weakenings()
fates = [outcome.fate for outcome in plant(list(planted.values()))]
print(json.dumps([name for name, fate in zip(planted, fates, strict=True) if fate != "killed"]))
"""


def test_every_named_weakening_is_seen() -> None:
    """One that no test of the template fails with would be deployed."""
    done = subprocess.run([sys.executable, "-c", RUN], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_there_are_as_many_weakenings_as_there_were() -> None:
    """Each is another change of the template; none is taken out when it is hard to see."""
    places = {(bug.place, repr(bug.value)) for bug in weakenings().values()}
    assert len(places) == len(weakenings()) >= 48
