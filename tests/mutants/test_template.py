"""What plants bugs in template.yaml finds a weak test, and plants what it says."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.mutants.template_bugs import Bug, bugs, differs
from tests.mutants.template_equivalent import EQUIVALENT
from tests.template.document import ROOT, template

WEAK = """
from tests.template.document import properties

def test_a_message_stays_invisible_for_an_hour():
    assert properties("UploadQueue")["VisibilityTimeout"] >= 3600
"""
RUN = """
import sys
from tests.mutants.template import run, share, table
outcomes = run(only="UploadQueue.VisibilityTimeout", tests=[sys.argv[1]])
print([(str(one.bug), one.fate, one.why.rpartition(":")[2]) for one in outcomes], share(outcomes))
print(table(outcomes))
"""


def plant(folder: Path, test: str) -> subprocess.CompletedProcess[str]:
    """Plant the bugs of one number of template.yaml, with one test in a folder of its own."""
    (folder / "test_weak.py").write_text(test)
    return subprocess.run(
        [sys.executable, "-c", RUN, folder], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_a_bug_that_a_weak_test_does_not_see_survives(tmp_path: Path) -> None:
    """A test that asks for an hour at least sees that it is less, and not that it is more."""
    done = plant(tmp_path, WEAK)
    name, test = "UploadQueue.VisibilityTimeout", "test_a_message_stays_invisible_for_an_hour"
    expected = [
        (f"{name}: 3600 → nothing", "killed", test),
        (f"{name}: 3600 → 1800", "killed", test),
        (f"{name}: 3600 → 3599", "killed", test),
        (f"{name}: 3600 → 3601", "survived", ""),
        (f"{name}: 3600 → 7200", "survived", ""),
    ]
    assert f"{expected} 0.6" in done.stdout, done.stdout + done.stderr
    assert f"survived: {name}: 3600 → 3601" in done.stdout
    assert "| AWS::SQS::Queue | 5 | 3 | 2 | 0 |" in done.stdout


def test_tests_that_fail_without_a_bug_are_an_error(tmp_path: Path) -> None:
    """They would kill everything."""
    done = plant(tmp_path, WEAK.replace(">=", "!="))
    assert done.returncode == 1
    assert "expected tests that pass, found" in done.stderr
    assert "test_weak.py" in done.stderr


def test_every_bug_that_is_judged_equivalent_can_be_planted() -> None:
    """A judgement of what is no longer in the template is taken out of the list."""
    assert set(EQUIVALENT) <= {str(bug) for bug in bugs(template())}
    assert all(reason.strip() for reason in EQUIVALENT.values())


def test_a_planted_bug_changes_the_template_at_its_place_alone() -> None:
    """Each stands for another template; every twentieth is looked at."""
    right = json.dumps(template())
    found = bugs(template())
    assert len(found) > 2000
    changed = set()
    for bug in found[::20]:
        document = copy.deepcopy(template())
        bug.plant(document)
        assert json.dumps(document) != right, bug
        changed.add(json.dumps(document))
    assert len(changed) == len(found[::20])
    assert json.dumps(template()) == right


def test_only_what_has_changed_is_planted() -> None:
    """A resource, a parameter and an output, each as a whole; what is new, too."""
    before = copy.deepcopy(template())
    before["Resources"]["UploadQueue"]["Properties"]["VisibilityTimeout"] = 30
    before["Parameters"]["Name"]["Default"] = "other"
    before["Transform"] = "another"
    del before["Outputs"]["BucketName"]
    found = {bug.place[:2] for bug in bugs(template()) if differs(bug, before, template())}
    assert found == {
        ("Resources", "UploadQueue"),
        ("Resources", "UploadQueueCopy"),
        ("Parameters", "Name"),
        ("Outputs", "BucketName"),
        ("Transform",),
    }


def planted(properties: dict[str, Any], kind: str = "AWS::X::Y") -> set[str]:
    """The bugs of a template of one resource, without those of all resources."""
    document = {"Parameters": {}, "Resources": {"R": {"Type": kind, "Properties": properties}}}
    words = [str(bug) for bug in bugs(document)]
    return {
        word.removeprefix("R.")
        for word in words
        if not word.startswith(("R.Cond", "R.Deletion", "R:", "RCopy:"))
    }


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"On": True}, {"On: True → nothing", "On: True → False"}),
        ({"N": 5}, {"N: 5 → nothing", "N: 5 → 4", "N: 5 → 6", "N: 5 → 2", "N: 5 → 10"}),
        ({"P": 0.5}, {"P: 0.5 → nothing", "P: 0.5 → 0.55", "P: 0.5 → 0.45"}),
        (
            {"A": ["b"]},
            {"A: ['b'] → nothing", "A[0]: b → nothing", "A[0]: b → bx", "A[1]: nothing → another"},
        ),
        ({"Description": "words"}, set()),
        ({"Id": "name"}, {"Id: name → nothing"}),
        ({"Action": "a:Do"}, {f"Action: a:Do → {new}" for new in ("nothing", "a:*", "a:Do*", "a:ListTags")}),
        ({"Effect": "Deny"}, {"Effect: Deny → nothing", "Effect: Deny → Allow"}),
        (
            {"K": "a/b/*"},
            {f"K: a/b/* → {new}" for new in ("nothing", "a/b/*x", "a/b/", "a/*", "*/b/*", "ax/b/*")},
        ),
    ],
)
def test_each_kind_of_value_has_its_bugs(properties: dict[str, Any], expected: set[str]) -> None:
    """Nothing is taken out of texts for people, and labels aren't renamed."""
    assert planted(properties) == expected


def test_a_bug_is_counted_with_its_type_of_resource() -> None:
    """Or with the template's section."""
    kinds = {bug.kind for bug in bugs(template())}
    assert {"AWS::SQS::Queue", "Parameters", "Outputs", "Globals"} <= kinds
    queue = Bug(("Resources", "Q", "Properties", "N"), 1, 2, "AWS::SQS::Queue")
    assert str(queue) == "Q.N: 1 → 2"
