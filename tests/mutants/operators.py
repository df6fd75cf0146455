"""Which bugs can be planted in a Python file: by mutmut's operators, and by three of our own.

Its runner isn't used (docs/decisions.md): it plants in the bodies of undecorated functions alone, and keeps
all mutants of a file in one, while this project's limits stand in constants, and some tests read sources.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import unified_diff
from itertools import accumulate, zip_longest

import libcst as cst
import libcst.matchers as m
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider, WhitespaceInclusivePositionProvider
from mutmut.mutation import mutators

from tests.mutants import harmless

_TURNED_ROUND = m.Comparison(
    comparisons=[m.ComparisonTarget(m.Is() | m.IsNot() | m.In() | m.NotIn() | m.Equal() | m.NotEqual())]
) | m.UnaryOperation(m.Not())


@dataclass(frozen=True)
class Mutant:
    """A bug to plant in one file."""

    file: str  # as in `functions/batch_prediction/runs/cost.py`
    function: str  # as in `Class.method`; empty where it is outside of both
    lines: tuple[int, int]  # what is changed: the first and the last
    reached_by: tuple[
        int, int
    ]  # one of these lines must run for the change to matter; none where names has some
    names: tuple[str, ...]  # what is defined by the changed line, where the import runs it
    change: str  # `old → new`
    source: str  # the whole file with the bug

    @property
    def room(self) -> str:
        """The folder of the file."""
        return self.file.rpartition("/")[0]

    @property
    def key(self) -> tuple[str, str, str]:
        """What names it in `equivalent.toml`, wherever its line is."""
        return self.file, self.function, self.change

    def diff(self, right: str) -> str:
        """What is changed in the right source."""
        old, new = right.splitlines(), self.source.splitlines()
        return "\n".join(unified_diff(old, new, self.file, self.file, n=1, lineterm=""))


@dataclass(frozen=True)
class _Place:
    """Where a node is."""

    path: tuple[str, ...] = ()  # classes and functions
    body: CodeRange | None = None  # of the innermost function
    statement: CodeRange | None = None  # the innermost one in that body
    names: tuple[str, ...] = ()
    error: bool = False  # in what a `raise` raises


def mutants(file: str, source: str) -> list[Mutant]:
    """All bugs to plant in a file, in the order of its lines; none twice."""
    wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    module, shown = wrapper.module, wrapper.resolve(PositionProvider)
    whole = wrapper.resolve(WhitespaceInclusivePositionProvider)
    starts = [0, *accumulate(len(line) for line in source.splitlines(keepends=True))]
    found: dict[str, Mutant] = {}
    for node, new, place in _changes(module, shown, _Place()):
        if isinstance(node, cst.Match):  # its lines are indented
            changed = cst.ensure_type(module.deep_replace(node, new), cst.Module).code
        else:
            begin, end = (starts[at.line - 1] + at.column for at in (whole[node].start, whole[node].end))
            changed = source[:begin] + module.code_for_node(new) + source[end:]
        if changed == source or changed in found or not _compiles(changed):
            continue
        lines, reached_by = _lines(shown[node]), (0, 0)
        if place.statement:
            reached_by = place.statement.start.line, lines[1]
        elif place.body:
            reached_by = _lines(place.body)
        found[changed] = Mutant(
            file,
            ".".join(place.path),
            lines,
            reached_by,
            () if place.body else place.names,
            _change(source, changed),
            changed,
        )
    return sorted(found.values(), key=lambda mutant: mutant.lines)


def _changes(
    node: cst.CSTNode, positions: "Mapping[cst.CSTNode, CodeRange]", place: _Place
) -> Iterator[tuple[cst.CSTNode, cst.CSTNode, _Place]]:
    """Each node from one downwards, with what can take its place."""
    if harmless.is_harmless(node) or (place.error and harmless.is_message(node)):
        return
    if isinstance(node, cst.FunctionDef):
        place = replace(place, path=(*place.path, node.name.value), body=positions[node.body], statement=None)
        for child in (*node.decorators, node.params, node.body):
            yield from _changes(child, positions, place)
        return
    if isinstance(node, cst.ClassDef):
        place = _Place((*place.path, node.name.value), names=(node.name.value,))
    elif isinstance(node, cst.SimpleStatementLine | cst.BaseCompoundStatement):
        if place.body:
            place = replace(place, statement=positions[node])
        else:
            place = replace(place, names=(*place.names, *_assigned(node)))
    elif isinstance(node, cst.Raise):
        place = replace(place, error=True)
    for old, new in (*_by_mutmut(node), *_conditions(node), *_dropped(node)):
        yield old, new, place
    below: Iterable[cst.CSTNode] = node.children
    if isinstance(node, cst.If | cst.IfExp) and m.matches(node.test, _TURNED_ROUND):
        # that it always holds and that it never does are planted: the tests of one of them see its opposite
        below = [*node.test.children, *(child for child in node.children if child is not node.test)]
        below = [
            part
            for child in below
            for part in (child.children if isinstance(child, cst.ComparisonTarget) else (child,))
            if not isinstance(part, cst.BaseCompOp | cst.BaseUnaryOp)
        ]
    for child in below:
        yield from _changes(child, positions, place)


def _by_mutmut(node: cst.CSTNode) -> Iterator[tuple[cst.CSTNode, cst.CSTNode]]:
    for kind, operator in mutators.mutation_operators:
        if isinstance(node, kind):
            new = list(operator(node))
            if operator is mutators.operator_string:
                new = new[:1]  # XX around it: the same tests see other capitals
            elif operator is mutators.operator_arg_removal:
                new = [_without_last_comma(call) for call in new if _one_of_two(node, call)]
            elif isinstance(node, cst.Assign | cst.AnnAssign) and not _is_plain(node.value):
                new = []
            yield from ((node, one) for one in new)


def _one_of_two(right: cst.CSTNode, wrong: cst.CSTNode) -> bool:
    """Of mutmut's two for each argument: one by its name is dropped, one by its place becomes None."""
    old, new = (cst.ensure_type(call, cst.Call).args for call in (right, wrong))
    at = next((n for n, pair in enumerate(zip(old, new, strict=False)) if pair[0] is not pair[1]), len(new))
    if harmless.is_harmless(old[at]):
        return False
    if old[at].keyword and len(old) > 1:
        return len(new) < len(old)
    return len(new) == len(old) and _is_plain(old[at].value)


def _without_last_comma(call: cst.CSTNode) -> cst.CSTNode:
    *others, last = cst.ensure_type(call, cst.Call).args
    return call.with_changes(args=[*others, last.with_changes(comma=cst.MaybeSentinel.DEFAULT)])


def _is_plain(value: cst.BaseExpression | None) -> bool:
    """Whether nothing in it is changed: None for a whole is found by more tests than a bug in its part."""
    return value is not None and bool(m.matches(value, m.Name() | m.Attribute() | m.Subscript()))


def _conditions(node: cst.CSTNode) -> Iterator[tuple[cst.CSTNode, cst.CSTNode]]:
    """A condition that always holds, and one that never does."""
    if isinstance(node, cst.If):
        yield from ((node.test, cst.Name(value)) for value in ("True", "False"))
    elif isinstance(node, cst.While) and not m.matches(node.test, m.Name("True")):
        yield node.test, cst.Name("False")
    elif isinstance(node, cst.CompIf):
        yield node.test, cst.Name("True")


def _dropped(node: cst.CSTNode) -> Iterator[tuple[cst.CSTNode, cst.CSTNode]]:
    """A call whose value isn't used, an error that isn't raised, a result that isn't returned."""
    if isinstance(node, cst.Raise) or m.matches(node, m.Expr(value=m.Call() | m.Yield())):
        yield node, cst.Pass()
    elif m.matches(node, m.Return(~m.Name("None"))) and _is_plain(cst.ensure_type(node, cst.Return).value):
        yield node, cst.Return(cst.Name("None"))


def _assigned(node: cst.CSTNode) -> Iterator[str]:
    """The names that a statement of a module or a class defines."""
    targets = [*m.findall(node, m.AssignTarget())]
    targets += [found.target for found in m.findall(node, m.AnnAssign()) if isinstance(found, cst.AnnAssign)]
    for target in targets:
        yield from (name.value for name in m.findall(target, m.Name()) if isinstance(name, cst.Name))


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def _lines(at: CodeRange) -> tuple[int, int]:
    return at.start.line, at.end.line


def _change(right: str, wrong: str) -> str:
    """The lines that differ, as `old → new`, without their indentation."""
    old, new = right.splitlines(), wrong.splitlines()
    begin = next(n for n, (one, other) in enumerate(zip_longest(old, new)) if one != other)
    end = 0
    while end < min(len(old), len(new)) - begin and old[-1 - end] == new[-1 - end]:
        end += 1
    parts = (lines[begin : len(lines) - end] for lines in (old, new))
    return " → ".join(" ".join(line.strip() for line in part) for part in parts)
