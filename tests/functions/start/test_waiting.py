"""A run that can't be started yet waits, for so long, and then ends in a report."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

import start_transform
from batch_prediction.aws.clients import Clients
from batch_prediction.events import AttemptRequested, Message
from batch_prediction.models import registry
from batch_prediction.runs import decision
from batch_prediction.runs.decision import GiveUp, Start
from batch_prediction.settings import Settings
from batch_prediction.start import waiting
from batch_prediction.start.run import Decided, start_run
from batch_prediction.start.waiting import StillWaiting, WaitTimes
from tests.functions.decide import decide
from tests.functions.models.training_jobs import register
from tests.functions.start.uploads import (
    DECISION,
    RUN,
    content,
    image,
    job_writing_to,
    model_of,
    sent,
    upload,
)
from tests.settings_and_events import BUCKET, SETTINGS, event, message
from tests.simulation.faults import refusal
from tests.simulation.world import CONTEXT


def test_a_run_waits_for_its_images_and_then_starts_with_what_is_there(
    aws: Clients, settings: Settings
) -> None:
    """Before WaitForImagesMinutes are over nothing is decided; after that the run has its job."""
    register(aws, settings, "digits-1", 0.99)
    patient = replace(settings, wait_for_images_minutes=10)
    manifest = upload(aws, [image(1), image(2)])
    aws.s3.put_object(Bucket=BUCKET, Key="incoming/b7/1.png", Body=b"")
    outcome = start_run(aws, patient, manifest, WaitTimes(images=599))
    assert outcome == StillWaiting("images", "s3://digits-bucket/incoming/b7/2.png isn't there")
    assert content(aws) == {}
    _, decided = decide(aws, patient, manifest, WaitTimes(images=600))
    assert isinstance(decided, Start)
    assert aws.sagemaker.describe_transform_job(TransformJobName=decided.transform_job)


def test_a_waiting_message_is_sent_again_and_keeps_since_when_it_waits(
    aws: Clients, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The handler sends the same event again with a delay, and publishes its age as a metric."""
    patient = replace(settings, wait_for_images_minutes=10)
    monkeypatch.setattr(start_transform, "clients", lambda: aws)
    monkeypatch.setattr(Settings, "from_environment", lambda: patient)
    uploaded = event("s3_object_created")
    manifest = upload(aws, [image(1)], uploaded["detail"]["object"]["key"])
    uploaded["detail"]["object"]["version-id"] = manifest.version
    start_transform.handler(message(uploaded), CONTEXT)
    answer = aws.sqs.receive_message(QueueUrl=settings.upload_queue_url)
    assert "Messages" not in answer  # it is delayed
    attributes = ["ApproximateNumberOfMessagesDelayed"]
    counted = aws.sqs.get_queue_attributes(QueueUrl=settings.upload_queue_url, AttributeNames=attributes)
    assert counted["Attributes"] == {"ApproximateNumberOfMessagesDelayed": "1"}
    (metric,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert (metric["WaitingForImages"], metric["Name"]) == (0.0, "digits")


def test_the_age_of_a_message_outlives_its_sending() -> None:
    """What SQS knows of a message that was sent again begins anew; what the message knows does not."""
    first = Message('{"detail-type": "x"}', "handle", 1, received=1000.0)
    posted: list[dict[str, Any]] = []

    class Queue:
        def send_message(self, **request: Any) -> None:
            posted.append(request)

    queue: Any = Queue()
    again = replace(SETTINGS, wait_for_images_minutes=60)
    assert waiting.send_again(queue, again, first, waiting.IMAGES) == 30
    second = Message(posted[0]["MessageBody"], "other", 1, received=1600.0)
    assert WaitTimes.of(second) == WaitTimes(images=600.0, capacity=0.0)
    assert waiting.send_again(queue, again, second, waiting.CAPACITY) == 30
    third = Message(posted[1]["MessageBody"], "other", 1, received=1700.0)
    assert WaitTimes.of(third) == WaitTimes(images=700.0, capacity=100.0)


def sent_again(body: str, received: float, cause: str) -> str:
    """The body of a message that came at a time, and is sent again."""
    posted: list[str] = []

    class Queue:
        def send_message(self, **request: Any) -> None:
            posted.append(request["MessageBody"])

    queue: Any = Queue()
    waiting.send_again(queue, SETTINGS, Message(body, "handle", 1, received), cause)
    return posted[0]


def test_the_wait_for_capacity_is_over_when_images_are_looked_for() -> None:
    """What was busy has answered: a later refusal has its own WaitForCapacityHours."""
    body = sent_again("{}", 1000.0, waiting.CAPACITY)
    body = sent_again(body, 1030.0, waiting.IMAGES)
    assert WaitTimes.of(Message(body, "handle", 1, 1100.0)) == WaitTimes(images=70.0, capacity=0.0)


@pytest.mark.parametrize(("late", "capacity"), [(7000.0, 7030.0), (80_000.0, 0.0)])
def test_a_redriven_message_waits_for_capacity_from_the_start(late: float, capacity: float) -> None:
    """A redrive a day later isn't given up by the first refusal; what a crash costs changes nothing."""
    body = sent_again("{}", 1000.0, waiting.CAPACITY)
    assert WaitTimes.of(Message(body, "handle", 1, 1030.0 + late)) == WaitTimes(capacity=capacity)


@given(waited=st.floats(0, 1e6), limit=st.floats(0, 1e6))
def test_a_delay_is_one_that_sqs_takes_and_does_not_pass_the_limit(waited: float, limit: float) -> None:
    """1 to 900 seconds, growing with the age."""
    seconds = waiting.delay(waited, limit)
    assert 1 <= seconds <= 900
    assert seconds <= max(1, limit - waited + 1)
    assert waiting.delay(waited + 1, limit + 1) >= seconds


def start_against(
    aws: Clients, settings: Settings, code: str, waited: WaitTimes, *, is_there: bool = False
) -> Decided | StillWaiting:
    """Start RUN, which is decided, while CreateTransformJob answers an error; `is_there`: the job exists."""
    with Stubber(aws.sagemaker) as stub:
        stub.add_client_error("describe_transform_job", "ValidationException", "Could not find requested job")
        stub.add_response("describe_model_package", package("Approved"))
        stub.add_response("create_model", {"ModelArn": model_of("")["ModelArn"]})
        stub.add_client_error("create_transform_job", code, "0 instances")
        if is_there:
            stub.add_response(
                "describe_transform_job", job_writing_to(f"s3://{BUCKET}/{RUN.output_prefix()}")
            )
        else:
            stub.add_client_error("describe_transform_job", "ValidationException", "Could not find it")
        return start_run(aws, settings, AttemptRequested(RUN), waited)


def given_up(aws: Clients) -> GiveUp:
    """What gave_up.json of RUN says."""
    found = decision.given_up(aws.s3, BUCKET, RUN)
    assert found is not None
    return found


def package(status: str) -> dict[str, Any]:
    """DescribeModelPackage's answer."""
    return {
        "ModelPackageName": "digits",
        "ModelPackageArn": DECISION.model_package,
        "CreationTime": datetime(2026, 11, 22, tzinfo=UTC),
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "ModelApprovalStatus": status,
    }


@pytest.mark.parametrize(
    ("code", "reason_code"), [("ResourceLimitExceeded", "QUOTA"), ("ThrottlingException", "THROTTLED")]
)
def test_a_quota_is_waited_for_and_then_given_up(
    aws: Clients, settings: Settings, code: str, reason_code: str
) -> None:
    """The run waits; after WaitForCapacityHours its report is asked for, with SageMaker's own words."""
    decision.take(aws.s3, BUCKET, RUN, DECISION)
    outcome = start_against(aws, settings, code, WaitTimes(capacity=24 * 3600 - 1))
    assert isinstance(outcome, StillWaiting)
    assert outcome.cause == "capacity"
    assert "0 instances" in outcome.reason
    assert decision.given_up(aws.s3, BUCKET, RUN) is None
    assert sent(aws, settings) == []
    start_against(aws, settings, code, WaitTimes(capacity=24 * 3600))
    reason = given_up(aws).reason
    assert "gave up after 24.0 hours (the stack's parameter WaitForCapacityHours)" in reason
    assert "0 instances" in reason
    assert given_up(aws).reason_code == reason_code
    assert [found["detail"] for found in sent(aws, settings)] == [{"batch": RUN.batch, "run": RUN.id}]


def test_what_sagemaker_refuses_for_good_ends_in_a_report(aws: Clients, settings: Settings) -> None:
    """A request that is wrong stays wrong: the run is given up at once, with SageMaker's words."""
    decision.take(aws.s3, BUCKET, RUN, DECISION)
    start_against(aws, settings, "ValidationException", WaitTimes())
    reason = given_up(aws).reason
    assert "0 instances: correct what SageMaker names" in reason
    assert "TransformInstanceType" in reason
    assert given_up(aws).reason_code == "REQUEST_REFUSED"
    assert len(sent(aws, settings)) == 1


@pytest.mark.parametrize("operation", ["describe_transform_job", "describe_model_package"])
def test_what_stays_busy_is_given_up_whatever_is_asked(
    aws: Clients, settings: Settings, operation: str
) -> None:
    """A decided run whose questions are throttled for WaitForCapacityHours ends in a report, too."""
    decision.take(aws.s3, BUCKET, RUN, DECISION)
    with Stubber(aws.sagemaker) as stub:
        if operation == "describe_model_package":
            stub.add_client_error("describe_transform_job", "ValidationException", "Could not find it")
        stub.add_client_error(operation, "ThrottlingException", "Rate exceeded")
        decide(aws, settings, AttemptRequested(RUN), WaitTimes(capacity=24 * 3600))
    assert "AWS last answered" in given_up(aws).reason
    assert len(sent(aws, settings)) == 1


def test_a_running_foreign_job_stops_the_run(aws: Clients, settings: Settings) -> None:
    """It is looked at before anything is started: it is neither waited for nor reported."""
    decision.take(aws.s3, BUCKET, RUN, DECISION)
    with Stubber(aws.sagemaker) as stub:
        stub.add_response("describe_transform_job", job_writing_to("s3://elsewhere/"))
        with pytest.raises(RuntimeError, match="the name is taken by something else"):
            decide(aws, settings, AttemptRequested(RUN))


@pytest.mark.parametrize("code", ["ResourceInUse", "ResourceLimitExceeded", "ThrottlingException"])
def test_a_refusal_after_a_request_that_took_effect_is_a_success(
    aws: Clients, settings: Settings, code: str
) -> None:
    """The SDK's second request may be refused for any reason: where our job is there, the run is started."""
    decision.take(aws.s3, BUCKET, RUN, DECISION)
    start_against(aws, settings, code, WaitTimes(capacity=1e9), is_there=True)
    assert decision.given_up(aws.s3, BUCKET, RUN) is None
    assert sent(aws, settings) == []


def test_a_package_that_was_rejected_meanwhile_is_not_used(aws: Clients, settings: Settings) -> None:
    """A run that waited follows a rejection: no job, and a report that says what to do."""
    decision.take(aws.s3, BUCKET, RUN, DECISION)
    with Stubber(aws.sagemaker) as stub:
        stub.add_client_error("describe_transform_job", "ValidationException", "Could not find requested job")
        stub.add_response("describe_model_package", package("Rejected"))
        decide(aws, settings, AttemptRequested(RUN))
    assert "is Rejected now: upload the manifest again" in given_up(aws).reason
    assert given_up(aws).reason_code == "MODEL_WITHDRAWN"
    assert len(sent(aws, settings)) == 1


def test_a_package_that_was_deleted_meanwhile_ends_in_a_report(aws: Clients, settings: Settings) -> None:
    """A package that can't be found any more is given up like a rejected one, not a dead letter."""
    decision.take(aws.s3, BUCKET, RUN, DECISION)
    with Stubber(aws.sagemaker) as stub:
        stub.add_client_error("describe_transform_job", "ValidationException", "Could not find requested job")
        stub.add_client_error("describe_model_package", "ValidationException", "ModelPackage does not exist")
        decide(aws, settings, AttemptRequested(RUN))
    assert "is deleted now: upload the manifest again" in given_up(aws).reason
    assert given_up(aws).reason_code == "MODEL_WITHDRAWN"
    assert len(sent(aws, settings)) == 1


def test_a_package_that_is_rejected_after_it_was_listed_is_passed_over(aws: Clients) -> None:
    """The list is older than the description: the newest that is still Approved is taken."""
    arn = DECISION.model_package
    listed = {
        "ModelPackageArn": arn,
        "CreationTime": datetime(2026, 11, 22, tzinfo=UTC),
        "ModelPackageStatus": "Completed",
    }
    with Stubber(aws.sagemaker) as stub:
        stub.add_response("list_model_packages", {"ModelPackageSummaryList": [listed, listed]})
        stub.add_response("describe_model_package", package("Rejected"))
        stub.add_response("describe_model_package", package("Approved") | {"ModelPackageArn": f"{arn}0"})
        newest = registry.newest_approved(aws.sagemaker, "digits")
    assert newest is not None
    assert newest.arn == f"{arn}0"


def test_a_package_without_its_artifact_ends_in_a_report(aws: Clients, settings: Settings) -> None:
    """SageMaker makes no model of it: the run is given up with SageMaker's words."""
    decision.take(aws.s3, BUCKET, RUN, DECISION)
    with Stubber(aws.sagemaker) as stub:
        stub.add_client_error("describe_transform_job", "ValidationException", "Could not find requested job")
        stub.add_response("describe_model_package", package("Approved"))
        stub.add_client_error("create_model", "ValidationException", "Could not find model data at s3://x")
        stub.add_client_error("describe_model", "ValidationException", "Could not find model")
        decide(aws, settings, AttemptRequested(RUN))
    assert "Could not find model data at s3://x" in given_up(aws).reason
    assert given_up(aws).reason_code == "REQUEST_REFUSED"
    assert len(sent(aws, settings)) == 1


def test_an_attempt_that_is_requested_for_no_run_is_an_error_that_names_its_key(
    aws: Clients, settings: Settings
) -> None:
    """Such a message goes to the dead-letter queue."""
    with pytest.raises(LookupError, match=r"run\.json: expected the run's decision, found nothing"):
        decide(aws, settings, AttemptRequested(RUN))


@pytest.mark.parametrize("failure", ["SlowDown", "InternalError"])
def test_a_reason_that_cannot_be_written_is_not_replaced_by_another(
    aws: Clients, settings: Settings, failure: str
) -> None:
    """S3 throttles gave_up.json when the wait is over: the message comes back, and the reason stays."""
    decision.take(aws.s3, BUCKET, RUN, DECISION)
    for answered in (failure, None):
        with Stubber(aws.sagemaker) as stub:
            stub.add_client_error("describe_transform_job", "ValidationException", "Could not find it")
            stub.add_response("describe_model_package", package("Rejected"))
            if answered:
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(aws.s3, "put_object", refused(answered))
                    with pytest.raises(ClientError, match=failure):
                        decide(aws, settings, AttemptRequested(RUN), WaitTimes(capacity=24 * 3600))
            else:
                decide(aws, settings, AttemptRequested(RUN), WaitTimes(capacity=24 * 3600))
    assert given_up(aws).reason_code == "MODEL_WITHDRAWN"


def refused(code: str) -> Any:
    """A request that S3 answers with this error."""

    def request(**_: Any) -> None:
        raise refusal("PutObject", code, 503)

    return request
