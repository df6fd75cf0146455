"""The ranges of a tuning job's hyperparameters, as distributions that Optuna draws from.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from localcloud.sagemaker.errors import invalid

WIDE = 100  # ScalingType Auto is logarithmic from this ratio of the largest to the smallest value on


@dataclass(frozen=True)
class Range:
    """One hyperparameter: what is drawn, and the text that a training job is given for it."""

    name: str
    distribution: BaseDistribution
    text: Callable[[Any], str] = str


def read(given: Mapping[str, Any]) -> list[Range]:
    """Read ParameterRanges; raise a ValidationException for what AWS refuses in them.

    Integers and numbers are drawn from MinValue to MaxValue, both included, by their ScalingType.
    """
    ranges = [
        *(_integers(each) for each in given.get("IntegerParameterRanges") or ()),
        *(_numbers(each) for each in given.get("ContinuousParameterRanges") or ()),
        *(
            Range(each["Name"], CategoricalDistribution(each["Values"]))
            for each in given.get("CategoricalParameterRanges") or ()
        ),
    ]
    names = [each.name for each in ranges]
    if not names:
        raise invalid("ParameterRanges names no hyperparameter to tune; give at least one range.")
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise invalid(f"ParameterRanges has several ranges for {', '.join(repeated)}; give one a name.")
    return ranges


def combinations(ranges: list[Range]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield the name and the values of each range of a grid, which has categories only."""
    for each in ranges:
        if not isinstance(each.distribution, CategoricalDistribution):
            raise invalid(
                f"Strategy Grid tries every combination of CategoricalParameterRanges only; {each.name!r} is "
                "a range of numbers. List its values as categories, or choose another strategy."
            )
        yield each.name, tuple(each.distribution.choices)


def _integers(given: Mapping[str, str]) -> Range:
    low, high = _bounds(given, int, "an integer")
    if given.get("ScalingType") == "ReverseLogarithmic":
        raise invalid(f"ScalingType ReverseLogarithmic of {given['Name']!r} needs a continuous range.")
    return Range(given["Name"], IntDistribution(int(low), int(high), log=_logarithmic(given, low, high)))


def _numbers(given: Mapping[str, str]) -> Range:
    low, high = _bounds(given, float, "a number")
    if given.get("ScalingType") != "ReverseLogarithmic":
        log = _logarithmic(given, low, high)
        return Range(given["Name"], FloatDistribution(low, high, log=log), repr)
    if not 0 <= low <= high < 1:
        raise invalid(
            f"ScalingType ReverseLogarithmic of {given['Name']!r} needs values from 0 to below 1, found "
            f"{low} to {high}."
        )

    def mirrored(drawn: float) -> str:
        return repr(min(max(1 - drawn, low), high))

    return Range(given["Name"], FloatDistribution(1 - high, 1 - low, log=True), mirrored)


def _bounds(given: Mapping[str, str], number: Callable[[str], float], kind: str) -> tuple[float, float]:
    try:
        low, high = number(given["MinValue"]), number(given["MaxValue"])
    except ValueError as error:
        raise invalid(
            f"MinValue and MaxValue of {given['Name']!r} are {given['MinValue']!r} and "
            f"{given['MaxValue']!r}; each has to be {kind}."
        ) from error
    if not float("-inf") < low <= high < float("inf"):
        raise invalid(
            f"MinValue of {given['Name']!r} ({low}) has to be at most its MaxValue ({high}), both finite."
        )
    return low, high


def _logarithmic(given: Mapping[str, str], low: float, high: float) -> bool:
    scaling = given.get("ScalingType") or "Auto"
    if scaling == "Logarithmic" and low <= 0:
        raise invalid(f"ScalingType Logarithmic of {given['Name']!r} needs values above 0, found {low}.")
    return scaling == "Logarithmic" or (scaling == "Auto" and low > 0 and high / low >= WIDE)
