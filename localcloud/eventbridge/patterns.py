"""Event patterns that can be matched at all: a rule with any other is refused when it is made.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

from moto.events.exceptions import InvalidEventPatternException

COMPARISONS = ("<", "<=", "=", ">=", ">")
Check = Callable[[Any], bool]


def refuse_unmatchable(pattern: Mapping[str, Any]) -> None:
    """Raise InvalidEventPatternException for the first operator or value that can't be compared with."""
    for name, value in pattern.items():
        if name == "$or":
            if not (isinstance(value, list) and all(isinstance(part, dict) for part in value)):
                raise InvalidEventPatternException(reason="'$or' must be an array of patterns")
            for part in value:
                refuse_unmatchable(part)
        elif isinstance(value, dict):
            refuse_unmatchable(value)
        else:
            for item in value:
                _refuse_item(name, item)


def _refuse_item(name: str, item: Any) -> None:
    if isinstance(item, list):
        raise InvalidEventPatternException(reason=f"{name!r}: an array within an array")
    if not isinstance(item, dict):
        return
    if len(item) != 1:
        raise InvalidEventPatternException(reason=f"{name!r}: expected one operator, found {sorted(item)}")
    ((operator, operand),) = item.items()
    if operator not in OPERATORS:
        known = ", ".join(sorted(OPERATORS))
        raise InvalidEventPatternException(
            reason=f"{name!r}: unrecognized match type {operator}; the local cloud knows {known}"
        )
    if not OPERATORS[operator](operand):
        raise InvalidEventPatternException(reason=f"{name!r}: {operator} can't take {operand!r}")


def _is_text(operand: Any) -> bool:
    return isinstance(operand, str)


def _is_affix(operand: Any) -> bool:
    """Text, or text whose case doesn't count."""
    return _is_text(operand) or (
        isinstance(operand, dict)
        and list(operand) == ["equals-ignore-case"]
        and _is_text(operand["equals-ignore-case"])
    )


def _is_numeric(operand: Any) -> bool:
    """Comparisons and numbers by turns, `[">", 0, "<=", 5]`."""
    return (
        isinstance(operand, list)
        and len(operand) in (2, 4)
        and all(comparison in COMPARISONS for comparison in operand[::2])
        and all(type(number) in (int, float) for number in operand[1::2])
    )


def _is_network(operand: Any) -> bool:
    try:
        return _is_text(operand) and bool(ipaddress.ip_network(operand))
    except ValueError:
        return False


def _is_excluded(operand: Any) -> bool:
    """A value, several, or an operator over one text or several."""
    if isinstance(operand, dict):
        texts = [
            text for given in operand.values() for text in (given if isinstance(given, list) else [given])
        ]
        return len(operand) == 1 and set(operand) <= set(TEXT_OPERATORS) and all(map(_is_text, texts))
    values = operand if isinstance(operand, list) else [operand]
    return bool(values) and all(type(value) in (str, int, float) for value in values)


TEXT_OPERATORS: dict[str, Check] = {
    "equals-ignore-case": _is_text,
    "prefix": _is_affix,
    "suffix": _is_affix,
    "wildcard": _is_text,
}
OPERATORS: dict[str, Check] = TEXT_OPERATORS | {
    "anything-but": _is_excluded,
    "cidr": _is_network,
    "exists": lambda operand: isinstance(operand, bool),
    "numeric": _is_numeric,
}
