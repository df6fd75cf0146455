"""The next values of a tuning job: ranges, scales, strategies and seeds."""

import math
from statistics import median
from typing import Any

import pytest
from moto.sagemaker.exceptions import SagemakerClientError

from localcloud.sagemaker.tuning.ranges import read
from localcloud.sagemaker.tuning.search import Search

MANY = 300
STRATEGIES = ("Bayesian", "Random", "Hyperband")


def numbers(name: str, low: str, high: str, scaling: str | None = None) -> dict[str, Any]:
    """Describe a range of numbers."""
    given = {"Name": name, "MinValue": low, "MaxValue": high}
    return given | ({"ScalingType": scaling} if scaling else {})


def drawn(given: dict[str, Any], strategy: str = "Random", many: int = MANY) -> list[dict[str, str]]:
    """Draw many trials without reporting their objectives."""
    search = Search(strategy, True, read(given), seed=7)
    return [search.suggest().values for _ in range(many)]


def share_below(limit: float, *values: float) -> float:
    """Return the share of values below a limit."""
    return sum(value < limit for value in values) / len(values)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_suggestions_are_of_their_ranges(strategy: str) -> None:
    """Integers, numbers and categories stay within their ranges, and are written as a script reads them."""
    given = {
        "IntegerParameterRanges": [numbers("depth", "-2", "3")],
        "ContinuousParameterRanges": [numbers("rate", "0.001", "0.5", "Logarithmic")],
        "CategoricalParameterRanges": [{"Name": "net", "Values": ["small", "large"]}],
    }
    found = drawn(given, strategy, 40)
    assert {int(each["depth"]) for each in found} == set(range(-2, 4))
    assert all(0.001 <= float(each["rate"]) <= 0.5 for each in found)
    assert {each["net"] for each in found} == {"small", "large"}


@pytest.mark.parametrize(
    ("low", "high", "scaling", "middle"),
    [
        ("0.0001", "1", "Logarithmic", 0.01),
        ("0.0001", "1", "Linear", 0.5),
        ("0.0001", "1", "Auto", 0.01),
        ("0.0001", "1", None, 0.01),
        ("0.5", "1.5", "Auto", 1.0),
        ("0", "0.9999", "ReverseLogarithmic", 0.99),
    ],
)
def test_half_of_the_numbers_are_below_the_middle_of_their_scale(
    low: str, high: str, scaling: str | None, middle: float
) -> None:
    """Numbers are drawn uniformly on the requested scale; Auto takes the logarithm of wide ranges."""
    found = drawn({"ContinuousParameterRanges": [numbers("rate", low, high, scaling)]})
    values = [float(each["rate"]) for each in found]
    assert all(float(low) <= value <= float(high) for value in values)
    assert math.isclose(share_below(middle, *values), 0.5, abs_tol=0.1)


def test_integers_are_scaled_too() -> None:
    """Half of the integers from 1 to 10,000 are below 100 on a logarithmic scale."""
    found = drawn({"IntegerParameterRanges": [numbers("size", "1", "10000", "Logarithmic")]})
    assert math.isclose(share_below(100, *(int(each["size"]) for each in found)), 0.5, abs_tol=0.1)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_seed_decides_what_is_drawn(strategy: str) -> None:
    """The same seed and the same answers give the same suggestions; another seed gives others."""

    def values(seed: int) -> list[dict[str, str]]:
        search = Search(strategy, True, read({"ContinuousParameterRanges": [numbers("x", "0", "1")]}), seed)
        found = []
        for number in range(15):
            suggestion = search.suggest()
            search.tell(suggestion.number, None if number % 5 == 0 else -float(suggestion.values["x"]))
            found.append(suggestion.values)
        return found

    assert values(1) == values(1)
    assert values(1) != values(2)


@pytest.mark.parametrize(("maximise", "best"), [(True, 8.0), (False, 2.0)])
def test_a_bayesian_search_comes_close_to_the_optimum(maximise: bool, best: float) -> None:
    """Given the objectives, later trials are twice as close to the best value as random ones (median 3)."""
    ranges = read({"ContinuousParameterRanges": [numbers("x", "0", "10", "Linear")]})
    search = Search("Bayesian", maximise, ranges, seed=3)
    found = []
    for _ in range(40):
        suggestion = search.suggest()
        found.append(float(suggestion.values["x"]))
        distance = abs(found[-1] - best)
        search.tell(suggestion.number, -distance if maximise else distance)
    assert median(abs(value - best) for value in found[20:]) < 1.5


def test_a_grid_takes_every_combination_once() -> None:
    """A grid is traversed in the order of its categories, the last one fastest."""
    categories = [{"Name": "a", "Values": ["1", "2"]}, {"Name": "b", "Values": ["x", "y", "z"]}]
    found = drawn({"CategoricalParameterRanges": categories}, "Grid", 6)
    assert [each["a"] + each["b"] for each in found] == ["1x", "1y", "1z", "2x", "2y", "2z"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"IntegerParameterRanges": [numbers("n", "1.5", "2")]}, "each has to be an integer"),
        ({"ContinuousParameterRanges": [numbers("n", "a", "2")]}, "each has to be a number"),
        ({"ContinuousParameterRanges": [numbers("n", "3", "2")]}, "at most its MaxValue"),
        ({"ContinuousParameterRanges": [numbers("n", "0", "inf")]}, "both finite"),
        ({"ContinuousParameterRanges": [numbers("n", "0", "1", "Logarithmic")]}, "values above 0"),
        ({"ContinuousParameterRanges": [numbers("n", "0", "1", "ReverseLogarithmic")]}, "below 1"),
        ({"IntegerParameterRanges": [numbers("n", "0", "1", "ReverseLogarithmic")]}, "continuous range"),
        (
            {
                "IntegerParameterRanges": [numbers("n", "0", "1")],
                "ContinuousParameterRanges": [numbers("n", "0", "1")],
            },
            "several ranges for n",
        ),
    ],
)
def test_a_range_that_cannot_be_drawn_from_is_refused(given: dict[str, Any], message: str) -> None:
    """Bounds that aren't numbers, are in the wrong order or outside their scale are refused in a sentence."""
    with pytest.raises(SagemakerClientError, match=message) as refused:
        read(given)
    assert refused.value.code == "ValidationException"
