"""How a threshold of confidence is written."""

from math import floor, log10


def written(confidence: float) -> str:
    """A confidence with as many digits as tell it from 0 and 1: 0.422, 0.9874, 0.9999127."""
    distance = min(confidence, 1 - confidence)
    if distance <= 0:
        return f"{confidence:g}"
    return f"{confidence:.{min(15, 2 - floor(log10(distance)))}f}"
