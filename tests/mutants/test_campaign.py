"""A project of two functions, one of which is tested weakly, and what is said of it."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.mutants import changed, report
from tests.mutants.campaign import Campaign
from tests.mutants.judge import Verdict
from tests.mutants.reach import nearest

RIGHT = '''"""What is read."""

import subprocess
import sys

LIMIT = 3


def small(size: int) -> bool:
    return size < LIMIT


def forever(size: int) -> int:
    while size > 1:
        size -= 1
    return size


def elsewhere() -> str:
    program = "from batch_prediction.sizes import LIMIT; print(LIMIT)"
    return subprocess.check_output([sys.executable, "-c", program], cwd="functions", text=True)
'''
WEAK = """from batch_prediction.sizes import elsewhere, forever, small


def test_small() -> None:
    assert small(1)
    assert not small(9)


def test_forever() -> None:
    assert forever(5) == 1


def test_elsewhere() -> None:
    assert elsewhere() == "3\\n"
"""


def git(folder: Path, *arguments: str) -> str:
    """What git says in a folder."""
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with one commit."""
    folder = tmp_path / "project"
    for name, text in {
        "pytest.ini": "[pytest]\n",
        ".gitignore": "out/\n__pycache__/\n",
        "functions/batch_prediction/__init__.py": "",
        "functions/batch_prediction/sizes.py": RIGHT,
        "tests/functions/test_sizes.py": WEAK,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "first")
    return folder


def campaign(project: Path, deadline: float = float("inf"), **given: object) -> dict[str, Verdict]:
    """The verdicts by what was changed."""
    run = Campaign(project, project / "out", processes=1, worlds=0, **given)  # type: ignore[arg-type]
    return {verdict.change: verdict for verdict in run.verdicts("functions", run.bugs("functions"), deadline)}


def test_a_weak_test_leaves_a_survivor_and_a_strong_one_none(project: Path) -> None:
    """The bound that no test looks at survives; a better test kills it, and only survivors are asked for."""
    found = campaign(project)
    survivors = {verdict.change for verdict in found.values() if verdict.killed_by is None}
    bound = "return size < LIMIT → return size <= LIMIT"
    assert bound in survivors
    assert found["LIMIT = 3 → LIMIT = 4"].killed_by == "tests/functions/test_sizes.py::test_elsewhere"
    assert found["size -= 1 → size += 1"].killed_by == "a time-out"
    assert "-    return size < LIMIT\n+    return size <= LIMIT" in report.survivor(found[bound])
    assert (project / "functions/batch_prediction/sizes.py").read_text() == RIGHT

    test = project / "tests/functions/test_sizes.py"
    test.write_text(WEAK.replace("small(9)", "small(3)"))
    again = campaign(project, again=True)
    assert again.keys() == survivors
    assert again[bound].killed_by == "tests/functions/test_sizes.py::test_small"


SHARED = """import pytest

from batch_prediction.sizes import forever, small


@pytest.fixture(scope="module")
def found() -> bool:
    return small(3)


def test_first(found: bool) -> None:
    assert isinstance(found, bool)


def test_second(found: bool) -> None:
    assert not found


def test_forever() -> None:
    assert forever(5) == 1
"""


def test_a_shared_fixture_belongs_to_each_test_that_uses_it(project: Path) -> None:
    """The first test runs the fixture; the second, which looks at what it gave, is shown the bug, too."""
    (project / "tests/functions/test_sizes.py").write_text(SHARED)
    found = campaign(project, lines={"functions/batch_prediction/sizes.py": {10, 14}})
    bound = found["return size < LIMIT → return size <= LIMIT"]
    assert bound.killed_by == "tests/functions/test_sizes.py::test_second"
    assert bound.tests == 2
    assert found["while size > 1: → while size > 2:"].tests == 1


def test_what_is_known_is_not_asked_again(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second run of the same sources and tests plants nothing, and says the same."""
    lines = {"functions/batch_prediction/sizes.py": {10, 14}}
    first = campaign(project, lines=lines)
    assert len(first) > 1
    assert campaign(project, lines=lines) == first
    assert f"0 to plant, of {len(first)} bugs" in capsys.readouterr().out


def test_without_time_some_bugs_are_planted_all_the_same(project: Path) -> None:
    """A budget that measuring the tests has used up is no excuse: none planted would mean none survived."""
    lines = {"functions/batch_prediction/sizes.py": {10, 14}}
    assert len(campaign(project, deadline=0.0, lines=lines)) > 1


def test_with_little_time_only_the_nearest_tests_are_measured(project: Path) -> None:
    """Those of the file's own room and those that import it; the same map grows when all are asked for."""
    for name, text in {
        "aws/test_far.py": "def test_far():\n    pass\n",
        "test_near.py": "from batch_prediction import sizes\n",
    }.items():
        (project / "tests/functions" / name).parent.mkdir(exist_ok=True)
        (project / "tests/functions" / name).write_text(text)
    texts = {
        name: (project / name).read_text()
        for name in (
            "tests/functions/test_sizes.py",
            "tests/functions/test_near.py",
            "tests/functions/aws/test_far.py",
        )
    }
    near = {"tests/functions/test_sizes.py", "tests/functions/test_near.py"}
    assert nearest("functions/batch_prediction/sizes.py", texts) == near
    beside = {"tests/functions/aws/test_far.py"}
    assert nearest("functions/batch_prediction/aws/near.py", texts) == beside

    lines = {"functions/batch_prediction/sizes.py": {10}}
    campaign(project, deadline=0.0, lines=lines)
    kept = project / "out" / "reach-functions.json"
    assert json.loads(kept.read_text())["files"].keys() == near
    (project / "functions/batch_prediction/sizes.py").touch()
    campaign(project, lines={"functions/batch_prediction/sizes.py": {14}})
    assert json.loads(kept.read_text())["files"].keys() == texts.keys()


def test_tests_that_fail_without_a_bug_are_an_error(project: Path) -> None:
    """It names the test: it would see every bug."""
    (project / "tests/functions/test_sizes.py").write_text(WEAK.replace("== 1", "== 2"))
    with pytest.raises(SystemExit, match=r"test_sizes\.py::test_forever"):
        campaign(project)


def test_changed_lines_are_those_since_the_base(project: Path) -> None:
    """On main itself since some commits ago; where there is only one commit, there is no base."""
    assert changed.base(project) is None
    file = project / "functions/batch_prediction/sizes.py"
    file.write_text(RIGHT.replace("LIMIT = 3", "LIMIT = 4"))
    git(project, "commit", "--quiet", "--all", "--message", "second")
    first = git(project, "rev-parse", "HEAD~1")
    assert changed.base(project) == first
    assert changed.lines(first, ("functions",), project) == {"functions/batch_prediction/sizes.py": {6}}
    assert changed.lines(first, ("training",), project) == {}


def test_changed_lines_of_a_branch_are_its_own(project: Path) -> None:
    """Where origin/main is elsewhere, the work began where they part."""
    git(project, "update-ref", "refs/remotes/origin/main", "HEAD")
    begun = git(project, "rev-parse", "HEAD")
    for number in range(12):
        git(project, "commit", "--quiet", "--allow-empty", "--message", str(number))
    assert changed.base(project) == begun


@pytest.mark.parametrize(
    ("killed", "survived", "good"), [(95, 5, True), (94, 6, False), (3, 1, True), (0, 0, True)]
)
def test_a_goal_is_a_share_of_which_one_bug_is_never_too_much(killed: int, survived: int, good: bool) -> None:
    """5 of 100 may survive, and 1 of 4."""
    assert report.holds(judged(killed, survived), 0.95, killed + survived) is good


@pytest.mark.parametrize(("killed", "survived", "good"), [(36, 4, True), (33, 7, False), (0, 0, True)])
def test_of_a_sample_more_may_survive_by_chance(killed: int, survived: int, good: bool) -> None:
    """Where 5 of 100 survive, 4 of 40 are no surprise, and 7 of 40 are one."""
    assert report.holds(judged(killed, survived), 0.95, 1_000) is good


def judged(killed: int, survived: int) -> list[Verdict]:
    """So many verdicts of each kind."""
    return [Verdict("f", "", "", 1, killer, 1) for killer in ["t"] * killed + [None] * survived]
