"""How a proof is shown: a line for each link, or JSON."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from cli.prove.links import Mark, Result

_COLOURS = {Mark.HOLDS: "green", Mark.BROKEN: "red", Mark.NOT_TRIED: "dim"}
_WORDS = {Mark.HOLDS: "proven", Mark.BROKEN: "broken", Mark.NOT_TRIED: "not tried"}
_WIDTH = 15  # of a link's name


def show(console: Console, result: Result) -> None:
    """Print one link; a broken one with what was expected and what to do."""
    colour = _COLOURS[result.mark]
    line = f"[{colour}]{result.mark.value}[/{colour}] {result.name:<{_WIDTH}}  {escape(result.found)}"
    rest = [f"expected {result.expected}", f"→ {result.advice}"] if result.mark is Mark.BROKEN else []
    for text in (line, *(f"  {'':<{_WIDTH}}  {escape(text)}" for text in rest)):
        console.print(text, highlight=False, soft_wrap=True)


def as_json(
    stack: str, batch: str, results: Sequence[Result], removed: Sequence[str], stays: Sequence[str]
) -> dict[str, Any]:
    """The whole proof, for programs."""
    return {
        "stack": stack,
        "batch": batch,
        "proven": not any(result.mark is Mark.BROKEN for result in results),
        "links": [
            {
                "name": result.name,
                "status": _WORDS[result.mark],
                "found": result.found,
                "expected": result.expected,
                "advice": result.advice,
            }
            for result in results
        ],
        "removed": list(removed),
        "stays": list(stays),
    }
