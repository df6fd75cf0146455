"""The functions' AWS clients."""

from functools import cached_property

import boto3
import pytest

from batch_prediction.aws.clients import Clients, clients
from tests.settings_and_events import use_moto_account

NAMES = [name for name, value in vars(Clients).items() if isinstance(value, cached_property)]


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials and a region."""
    use_moto_account(monkeypatch)


def test_every_service_of_the_functions_has_a_client_with_adaptive_retries() -> None:
    """No client waits for ever, and each slows down when its service throttles."""
    made = [getattr(Clients(), name) for name in NAMES]
    services = {client.meta.service_model.service_name for client in made}
    assert services == {"s3", "sagemaker", "sqs", "lambda", "sns"}
    for client in made:
        config = client.meta.config
        assert (config.connect_timeout, config.read_timeout) == (5, 60)
        assert (config.retries["mode"], config.retries["total_max_attempts"]) == ("adaptive", 5)


def test_a_client_is_made_when_it_is_first_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cold start pays only for the services that its function calls, and once."""
    made: list[str] = []

    def make(service: str, **_options: object) -> object:
        made.append(service)
        return object()

    monkeypatch.setattr(boto3, "client", make)
    aws = Clients()
    assert made == []
    assert aws.s3 is aws.s3
    assert made == ["s3"]


def test_a_worker_keeps_its_clients() -> None:
    """Connections outlive an invocation."""
    clients.cache_clear()
    assert clients() is clients()
    clients.cache_clear()
