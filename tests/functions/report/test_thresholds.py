"""How a threshold of confidence is written."""

import pytest

from batch_prediction.report.thresholds import written


@pytest.mark.parametrize(
    ("confidence", "text"),
    [
        (0.4217, "0.422"),
        (0.5, "0.500"),
        (0.98743, "0.9874"),
        (0.98, "0.9800"),
        (0.9999127, "0.9999127"),
        (1 - 2**-53, "1.000000000000000"),
        (0.00049, "0.000490"),
        (0.0, "0"),
        (1.0, "1"),
        (-0.00005, "-5e-05"),
    ],
)
def test_a_threshold_has_the_digits_that_tell_it_from_its_end(confidence: float, text: str) -> None:
    """Three significant ones of what it lacks to 1, or of itself."""
    assert written(confidence) == text
