"""A batch's accuracy without its labels: the mean of its calibrated confidences, with an interval.

Kivimäki et al. 2025, Confidence-based Estimators for Predictive Performance in Model Monitoring
(https://arxiv.org/abs/2407.08649). It is right as far as a batch's images are like those that the model was
calibrated on; figures/drift.py says whether they are. docs/results.md compares it with other methods.
"""

from batch_prediction.figures.doubts import Doubts
from batch_prediction.figures.intervals import Interval
from batch_prediction.figures.reference import Reference

METHOD = "mean calibrated confidence"
# What two trainings with the same hyperparameters differ by, as a share of their error rate: the reference is
# a trial's, the batch is read by a final model (docs/results.md).
_BETWEEN_MODELS = 0.15
_MAX_IMAGES = 100_000  # of more, the sampling is not what makes the interval wide
_FEWEST_ERRORS = 1  # of a reference: without any, its error rate isn't exactly known either
_TAIL = 0.025  # of a 95 % interval, on each side
_NEGLIGIBLE = 1e-12
_LEAST = 1e-6  # error rate, so that the distribution exists


def estimate(batch: Doubts, reference: Reference) -> Interval | None:
    """The accuracy of a batch, and where it will be found in 95 % of batches when the labels come.

    The number of errors is taken to be beta-binomial: binomial in the batch, about an error rate that is
    known as well as the reference's errors, by which the model was calibrated, and the likeness of two
    trainings let it be. None for a batch without images.
    """
    if not batch.images:
        return None
    error = min(1 - _LEAST, max(_LEAST, batch.mean))
    images = min(batch.images, _MAX_IMAGES)
    variance = 1 / max(_FEWEST_ERRORS, reference.images - reference.right) + _BETWEEN_MODELS**2
    strength = max(
        2.0, (1 - error) / (error * variance) - 1
    )  # of the beta distribution: the sum of both parameters
    few, many = quantiles(images, error * strength, (1 - error) * strength)
    return Interval(1 - error, min(1 - error, 1 - many / images), max(1 - error, 1 - few / images))


def quantiles(images: int, errors: float, others: float) -> tuple[int, int]:
    """The 2.5 % and 97.5 % quantiles of the beta-binomial distribution with these parameters.

    Probabilities are followed from the mode to both sides by their ratios until nothing is left, so that the
    time is proportional to the distribution's width (https://en.wikipedia.org/wiki/Beta-binomial_distribution).
    """

    def ratio(count: int) -> float:
        """The probability of `count` + 1 as a multiple of that of `count`."""
        return (images - count) * (count + errors) / ((count + 1) * (images - count - 1 + others))

    mode = min(images, max(0, round(images * errors / (errors + others))))
    up, weight = [1.0], 1.0
    for count in range(mode, images):
        weight *= ratio(count)
        up.append(weight)
        if weight < _NEGLIGIBLE and ratio(count) < 1:
            break
    down, weight = list[float](), 1.0
    for count in range(mode - 1, -1, -1):
        weight /= ratio(count)
        down.append(weight)
        if weight < _NEGLIGIBLE and ratio(count) > 1:
            break
    first, weights = mode - len(down), down[::-1] + up
    total, seen, low = sum(weights), 0.0, first
    found = list[int]()
    for tail in (_TAIL, 1 - _TAIL):
        while seen + weights[low - first] < tail * total:
            seen += weights[low - first]
            low += 1
        found.append(low)
    return found[0], found[1]
