"""Whether confidences mean what they say: the reliability diagram's bins, and their expected error."""

from collections.abc import Mapping
from dataclasses import dataclass

from batch_prediction.labels import CONFIDENCE_UNIT

BINS = 15  # as training measures it


@dataclass(frozen=True)
class Bin:
    """The labelled images with a confidence above `low`, up to `high`; None is the mean of no images."""

    low: float
    high: float
    images: int
    confidence: float | None  # mean
    accuracy: float | None


@dataclass(frozen=True)
class Calibration:
    """Bins of equal width over all confidences, and their mean error weighted by their images (0 to 1)."""

    expected_error: float
    bins: list[Bin]


def calibration(right: Mapping[int, int], wrong: Mapping[int, int]) -> Calibration | None:
    """The calibration of images counted by confidence in ten-thousandths; None for no images.

    Guo et al. 2017, On Calibration of Modern Neural Networks, equation 3 (https://arxiv.org/abs/1706.04599).
    """
    images, correct, total_confidence = ([0] * BINS for _ in range(3))
    for counts, is_right in ((right, 1), (wrong, 0)):
        for confidence, count in counts.items():
            number = max(0, -(-confidence * BINS // CONFIDENCE_UNIT) - 1)
            images[number] += count
            correct[number] += count * is_right
            total_confidence[number] += count * confidence
    total = sum(images)
    if not total:
        return None
    error = sum(abs(c - s / CONFIDENCE_UNIT) for c, s in zip(correct, total_confidence, strict=True)) / total
    return Calibration(
        error,
        [
            Bin(
                low=number / BINS,
                high=(number + 1) / BINS,
                images=images[number],
                confidence=_mean(total_confidence[number], images[number]),
                accuracy=correct[number] / images[number] if images[number] else None,
            )
            for number in range(BINS)
        ],
    )


def _mean(total: int, images: int) -> float | None:
    """The mean confidence of images whose confidences add up to a total in ten-thousandths."""
    return total / CONFIDENCE_UNIT / images if images else None
