"""What is known of a run."""

from typing import Any

from botocore.stub import Stubber

from batch_prediction.aws.clients import Clients
from batch_prediction.runs import decision, state
from batch_prediction.runs.decision import GiveUp, Refuse
from batch_prediction.runs.next_action import AwaitJob, StartAttempt, WriteReport
from batch_prediction.runs.state import RunState
from tests.functions.report.transform_jobs import attempted, job
from tests.functions.start.uploads import DECISION, RUN
from tests.settings_and_events import BUCKET

INTERNAL = "InternalServerError: We encountered an internal error."


def look(aws: Clients, *jobs: Any) -> RunState:
    """Look at RUN while SageMaker describes its transform jobs so; None for one that doesn't exist."""
    with attempted(aws, *jobs) as stub:
        found = state.read(aws, BUCKET, RUN, DECISION)
        stub.assert_no_pending_responses()
    return found


def test_a_refused_run_is_not_asked_for_at_sagemaker(aws: Clients) -> None:
    """It never had a job: no request is made about one."""
    with Stubber(aws.sagemaker):
        found = state.read(aws, BUCKET, RUN, Refuse(0, 0, 1, "nothing to score"))
    assert found.next_action == WriteReport(unannounced=True)


def test_jobs_are_looked_for_up_to_the_first_that_does_not_exist(aws: Clients) -> None:
    """The service failed the first: the second is looked for, and is what comes next."""
    found = look(aws, job("Failed", INTERNAL), None)
    assert [each["TransformJobStatus"] for each in found.jobs] == ["Failed"]
    assert found.next_action == StartAttempt(DECISION, 2)


def test_giving_up_is_read_only_where_another_attempt_would_follow(aws: Clients) -> None:
    """A running job makes it meaningless, whichever function wrote it."""
    decision.give_up(aws.s3, BUCKET, RUN, GiveUp("no capacity"))
    running = look(aws, job("InProgress"))
    assert running.next_action == AwaitJob()
    assert running.gave_up is None
    assert look(aws, None).gave_up == GiveUp("no capacity")
