"""The list of bugs that no test can see."""

from pathlib import Path

from tests.mutants.equivalent import LIST, equivalents
from tests.mutants.operators import mutants
from tests.mutants.workshop import PROJECT


def stale(file: Path) -> set[tuple[str, str, str]]:
    """The entries that no bug has any more."""
    listed = equivalents(file)
    planted = {
        mutant.key
        for name in {key[0] for key in listed}
        if (PROJECT / name).exists()
        for mutant in mutants(name, (PROJECT / name).read_text())
    }
    return listed.keys() - planted


def test_every_entry_is_a_bug_that_is_planted() -> None:
    """A line that was rewritten has its bugs judged anew."""
    assert stale(LIST) == set()
    assert all(reason for reason in equivalents().values())


def test_an_entry_that_no_bug_has_is_found(tmp_path: Path) -> None:
    """It names file, function and change."""
    file = tmp_path / "equivalent.toml"
    entry = (
        'file = "functions/batch_prediction/labels.py"\nfunction = "f"\nchanges = ["a → b"]\nreason = "r"\n'
    )
    file.write_text(f"[[equivalent]]\n{entry}")
    assert stale(file) == {("functions/batch_prediction/labels.py", "f", "a → b")}
