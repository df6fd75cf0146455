"""Which bugs are planted, and which aren't."""

from tests.mutants.operators import Mutant, mutants

SOURCE = '''
"""What it does."""

from typing import Literal, TypedDict

LIMIT = 10  # images
Kind = int | str


class Answer(TypedDict, total=False):
    """What is read by mypy alone."""

    code: Literal["one", "two"]


@dataclass(frozen=True)
class Batch:
    """Two fields."""

    size: int = 3
    name: "Name | None" = None


@cached
def fits(batch: "Batch", *, most: int = 20) -> bool:
    """Whether a batch is small enough."""
    if batch.size < LIMIT:
        logger.info("it fits", size=batch.size + 1)
        count(batch.size, unit="images")
        return True
    if batch.size is None:
        raise LateError(f"{batch.name}: expected {LIMIT + 1}", batch.size)
    return look(encoding="utf-8", Name=batch.name) or most > LIMIT
'''
HEAD = 'def fits(batch: "Batch", *, most: int = '


def changes(source: str = SOURCE) -> dict[str, Mutant]:
    """The bugs of a source, by what they change."""
    return {mutant.change: mutant for mutant in mutants("functions/x.py", source)}


def test_constants_defaults_bounds_and_conditions_are_changed() -> None:
    """Also where the import runs them, and in a decorated function."""
    found = changes()
    assert {
        "LIMIT = 10  # images → LIMIT = 11  # images",
        "size: int = 3 → size: int = 4",
        f"{HEAD}20) -> bool: → {HEAD}21) -> bool:",
        "if batch.size < LIMIT: → if batch.size <= LIMIT:",
        "if batch.size < LIMIT: → if True:",
        "if batch.size < LIMIT: → if False:",
        "return True → return False",
    } <= found.keys()


def test_arguments_calls_and_errors_are_dropped() -> None:
    """One by its name is dropped, one by its place is None."""
    found = changes()
    assert {
        'count(batch.size, unit="images") → count(None, unit="images")',
        'count(batch.size, unit="images") → count(batch.size)',
        'count(batch.size, unit="images") → pass',
        'raise LateError(f"{batch.name}: expected {LIMIT + 1}", batch.size) → pass',
        'raise LateError(f"{batch.name}: expected {LIMIT + 1}", batch.size) → '
        'raise LateError(f"{batch.name}: expected {LIMIT + 1}", None)',
        'return look(encoding="utf-8", Name=batch.name) or most > LIMIT → '
        'return look(encoding="utf-8") or most > LIMIT',
    } <= found.keys()


def test_what_cannot_matter_is_not_changed() -> None:
    """Neither logs, wording, types, guards and defaults, nor what the tests of another bug see as well."""
    right = [change.partition(" → ")[0] for change in changes()]
    for left_out in ("logger", "TypedDict", "Literal", "frozen", "Kind =", "class", "import"):
        assert not any(left_out in line for line in right), left_out
    wrong = [change.partition(" → ")[2] for change in changes()]
    for left_out in ("LIMIT - 1", "LIMIT + 2", "XXutf-8", "look(Name", "is not None"):
        assert not any(left_out in line for line in wrong), left_out


def test_a_bug_says_what_runs_it() -> None:
    """A line is run by a call, a default by any line of its function, a constant by who reads its name."""
    found = changes()
    bound = found["if batch.size < LIMIT: → if batch.size <= LIMIT:"]
    first = SOURCE.splitlines().index("    if batch.size < LIMIT:") + 1
    assert (bound.function, bound.lines, bound.reached_by) == ("fits", (first, first), (first, first))
    default = found[f"{HEAD}20) -> bool: → {HEAD}21) -> bool:"]
    assert default.reached_by[0] <= first < default.reached_by[1]
    assert found["LIMIT = 10  # images → LIMIT = 11  # images"].names == ("LIMIT",)
    assert found["size: int = 3 → size: int = 4"].names == ("Batch", "size")


def test_every_bug_is_a_source_of_its_own() -> None:
    """It compiles, differs from the right one, and is planted once."""
    found = mutants("functions/x.py", SOURCE)
    assert len({mutant.source for mutant in found}) == len(found) > 10
    for mutant in found:
        assert mutant.source != SOURCE
        compile(mutant.source, "x", "exec")
