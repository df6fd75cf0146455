"""Start a run that needn't wait."""

from batch_prediction.aws.clients import Clients
from batch_prediction.events import AttemptRequested, ManifestUploaded
from batch_prediction.settings import Settings
from batch_prediction.start.run import Decided, start_run
from batch_prediction.start.waiting import WaitTimes


def decide(
    aws: Clients,
    settings: Settings,
    request: ManifestUploaded | AttemptRequested,
    waited: WaitTimes = WaitTimes(),  # noqa: B008 (frozen)
) -> Decided:
    """Start a run as start_transform does; AssertionError when it has to wait."""
    outcome = start_run(aws, settings, request, waited)
    assert isinstance(outcome, Decided), outcome
    return outcome
