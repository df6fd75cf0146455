"""Whether confidences mean what they say: the reliability diagram's bins, and their expected error."""

from collections.abc import Mapping
from dataclasses import dataclass

from batch_prediction.report.predictions import CERTAINTY

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
    images, correct, confidence = ([0] * BINS for _ in range(3))
    for counts, is_right in ((right, 1), (wrong, 0)):
        for certainty, count in counts.items():
            number = max(0, -(-certainty * BINS // CERTAINTY) - 1)
            images[number] += count
            correct[number] += count * is_right
            confidence[number] += count * certainty
    total = sum(images)
    if not total:
        return None
    error = sum(abs(c - s / CERTAINTY) for c, s in zip(correct, confidence, strict=True)) / total
    return Calibration(
        error,
        [
            Bin(
                low=number / BINS,
                high=(number + 1) / BINS,
                images=images[number],
                confidence=confidence[number] / CERTAINTY / images[number] if images[number] else None,
                accuracy=correct[number] / images[number] if images[number] else None,
            )
            for number in range(BINS)
        ],
    )
