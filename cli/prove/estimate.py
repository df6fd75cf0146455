"""What a proof costs, and how long it takes: said before anything is done."""

from dataclasses import dataclass

from batch_prediction.runs.cost import CURRENCY, price_per_hour
from cli.stack import Stack

# Minutes, mostly of instances that start; a first job in a region may take longer.
TRANSFORM_MINUTES = 8  # of one instance
TRAINING_MINUTES = 6  # of one instance; two trials and the final training
TRAININGS = 3
AROUND_MINUTES = 7  # events, reports, metrics; up to 15 more where the stack is so new that no sweep ran yet


@dataclass(frozen=True)
class Estimate:
    """Minutes of the whole, and the price of its instances; None where the price of a type isn't known."""

    minutes: int
    price: float | None

    def __str__(self) -> str:
        cost = "an unknown price" if self.price is None else f"{self.price:.2f} {CURRENCY}"
        return f"about {self.minutes} minutes and {cost}, an estimate"


def estimate(stack: Stack, with_training: bool) -> Estimate:
    """The estimate for a stack's instance types, at the prices that its reports use."""
    given = float(stack.parameters.get("TransformPricePerHour", "0"))
    transform = price_per_hour(stack.parameter("TransformInstanceType"), given)
    hours = [(transform, TRANSFORM_MINUTES / 60)]
    minutes = TRANSFORM_MINUTES + AROUND_MINUTES
    if with_training:
        training = price_per_hour(stack.parameter("TrainingInstanceType"), 0.0)
        hours.append((training, TRAININGS * TRAINING_MINUTES / 60))
        minutes += TRAININGS * TRAINING_MINUTES
    prices = [price * duration for price, duration in hours if price is not None]
    return Estimate(minutes, sum(prices) if len(prices) == len(hours) else None)
