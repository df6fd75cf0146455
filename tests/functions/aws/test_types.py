"""The SDK's types, which only type checkers see."""

from pathlib import Path

from batch_prediction.aws import types

REQUIREMENTS = Path(__file__).parents[3] / "functions" / "requirements.txt"


def test_the_types_are_neither_imported_nor_deployed() -> None:
    """A function imports nothing of types-boto3: its zip doesn't have it."""
    assert not hasattr(types, "S3Client")
    assert "types-boto3" not in REQUIREMENTS.read_text()
