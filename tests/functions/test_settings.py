"""The functions' settings."""

from dataclasses import replace

import pytest

from batch_prediction.settings import Settings
from tests.settings_and_events import SETTINGS, environment


@pytest.mark.parametrize("spot", [True, False])
def test_settings_are_read_from_the_environment_with_their_types(
    monkeypatch: pytest.MonkeyPatch, spot: bool
) -> None:
    """Every field is an environment variable of the same name in capitals, converted to the field's type."""
    settings = replace(SETTINGS, report_queue_url="https://queue", spot_training=spot)
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    assert Settings.from_environment() == settings


def test_every_missing_and_malformed_variable_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person mends the whole environment in one go."""
    for name, value in environment(SETTINGS).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("BUCKET")
    monkeypatch.setenv("MAX_IMAGES", "many")
    monkeypatch.setenv("SPOT_TRAINING", "yes")
    wrong = "BUCKET is not set; MAX_IMAGES: expected int, found 'many'; SPOT_TRAINING: expected bool, found"
    with pytest.raises(ValueError, match=wrong):
        Settings.from_environment()
