"""What the tests of several folders share: settings of a stack, and documented events."""

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from batch_prediction.settings import Settings
from benchmarks.sample_settings import SETTINGS as SETTINGS  # for the tests to import

BUCKET = SETTINGS.bucket


def environment(settings: Settings) -> dict[str, str]:
    """Settings as template.yaml hands them to a function."""
    return {
        name.upper(): str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in asdict(settings).items()
    }


EVENTS = Path(__file__).parent / "events"


def event(name: str) -> dict[str, Any]:
    """A documented event of tests/events/."""
    sample: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return sample


def message(content: dict[str, Any]) -> dict[str, Any]:
    """A message as the poller of a queue hands it to a function."""
    record = event("sqs_message")["Records"][0]
    return {"Records": [record | {"body": json.dumps(content)}]}


def use_moto_account(patch: pytest.MonkeyPatch) -> None:
    """Set the credentials and the region of moto's account.

    moto makes the list of a service's addresses anew for each request, which takes a fifth of its time: it
    depends on variables that no test sets.
    """
    from moto.core.base_backend import BaseBackend  # moto's import costs a second that other tests don't pay

    urls = cache(vars(BaseBackend)["urls"].fget)
    patch.setattr(BaseBackend, "urls", property(urls))
    patch.setenv("AWS_ACCESS_KEY_ID", "local")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
