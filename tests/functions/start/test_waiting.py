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
from batch_prediction.events import CAPACITY, IMAGES, JOB, AttemptRequested, Message, RunWaits, report_request
from batch_prediction.models import registry
from batch_prediction.runs import decision
from batch_prediction.runs.decision import GiveUp, Start
from batch_prediction.settings import Settings
from batch_prediction.start import missing_images, waiting
from batch_prediction.start.missing_images import Missing
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


def uploaded_before_its_image(
    aws: Clients, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """The event of a manifest without its image; the handler is this account's, and waits ten minutes."""
    patient = replace(settings, wait_for_images_minutes=10)
    monkeypatch.setattr(start_transform, "clients", lambda: aws)
    monkeypatch.setattr(Settings, "from_environment", lambda: patient)
    uploaded = event("s3_object_created")
    manifest = upload(aws, [image(1)], uploaded["detail"]["object"]["key"])
    uploaded["detail"]["object"]["version-id"] = manifest.version
    return uploaded


def test_a_waiting_message_is_sent_again_and_keeps_since_when_it_waits(
    aws: Clients, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The handler sends the same event again with a delay, and publishes its age as a metric."""
    uploaded = uploaded_before_its_image(aws, settings, monkeypatch)
    start_transform.handler(message(uploaded), CONTEXT)
    answer = aws.sqs.receive_message(QueueUrl=settings.upload_queue_url)
    assert "Messages" not in answer  # it is delayed
    attributes = ["ApproximateNumberOfMessagesDelayed"]
    counted = aws.sqs.get_queue_attributes(QueueUrl=settings.upload_queue_url, AttributeNames=attributes)
    assert counted["Attributes"] == {"ApproximateNumberOfMessagesDelayed": "1"}
    (metric,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert (metric["WaitingForImages"], metric["Name"]) == (0.0, "digits")


def test_a_message_that_has_waited_long_enough_is_not_sent_again(
    aws: Clients, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The handler decides about a run whose images have been waited for, by what its message says."""
    uploaded = uploaded_before_its_image(aws, settings, monkeypatch)
    received = Message.of(message(uploaded)).received
    start_transform.handler(message(uploaded | {"waiting": {"images": received - 599}}), CONTEXT)
    assert content(aws) == {}
    start_transform.handler(message(uploaded | {"waiting": {"images": received - 600}}), CONTEXT)
    assert any(key.endswith("/run.json") for key in content(aws))


LONG = replace(
    SETTINGS,
    wait_for_images_minutes=600,
    wait_for_capacity_hours=24,
    upload_queue_url="q",
    report_queue_url="r",
)
GAP = Missing(1, 2, "incoming/b7/2.png")
FOR_IMAGES, FOR_CAPACITY = StillWaiting(IMAGES, "a gap", missing=GAP), StillWaiting(CAPACITY, "a quota")
HOUR = 3600.0


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time at which messages are sent, as a list of one, which a test changes."""
    now = [1000.0]
    monkeypatch.setattr(waiting, "time", lambda: now[0])
    return now


def received(body: str, at: float, *, sent: float | None = None) -> Message:
    """A message that is delivered for the first time; unless told, it was sent at the same time."""
    return Message(body, "handle", 1, at, at if sent is None else sent)


def sent_again(message: Message, still: StillWaiting) -> tuple[str, int]:
    """The body of a message that is sent again, and its delay."""
    posted: list[tuple[str, int]] = []

    class Queue:
        def send_message(self, QueueUrl: str, MessageBody: str, DelaySeconds: int) -> None:  # noqa: N803
            assert QueueUrl == "q"
            posted.append((MessageBody, DelaySeconds))

    queue: Any = Queue()
    assert waiting.send_again(queue, LONG, message, still) == posted[0][1]
    return posted[0]


def test_as_long_as_one_image_is_missing_the_others_are_not_looked_for(
    aws: Clients, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request says whether it has come; then all are looked for, as they are when the wait is over."""
    patient = replace(settings, wait_for_images_minutes=10)
    manifest, looks = upload(aws, [image(1), image(2)]), list[str]()
    find = missing_images.find

    def counted(*place: Any) -> Missing | None:
        looks.append(place[2])
        return find(*place)

    monkeypatch.setattr(missing_images, "find", counted)
    waited = WaitTimes(images=60, only_for="incoming/b7/1.png")
    aws.s3.put_object(Bucket=BUCKET, Key="incoming/b7/1.png.old", Body=b"")
    outcome = start_run(aws, patient, manifest, waited)
    assert outcome == StillWaiting("images", "s3://digits-bucket/incoming/b7/1.png isn't there")
    assert isinstance(outcome, StillWaiting)
    assert (outcome.glanced, looks) == (True, [])
    for key in ("incoming/b7/1.png", "incoming/b7/1.png.new"):
        aws.s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    outcome = start_run(aws, patient, manifest, waited)
    assert outcome == StillWaiting("images", "s3://digits-bucket/incoming/b7/2.png isn't there")
    assert isinstance(outcome, StillWaiting)
    assert (outcome.glanced, len(looks)) == (False, 1)
    assert isinstance(start_run(aws, patient, manifest, replace(waited, images=600)), Decided)


def test_an_image_that_comes_is_noticed_within_a_minute(clock: list[float]) -> None:
    """Every quarter of a minute at first; all images are looked for when the growing pause is over."""
    glance, whole = StillWaiting(IMAGES, "a gap"), [1000.0]
    body, seconds = sent_again(received('{"detail-type": "x"}', 1000.0), FOR_IMAGES)
    now, delays = 1000.0 + seconds, [seconds]
    while now < 1000.0 + HOUR:
        clock[0] = now
        come = received(body, now)
        only_for = WaitTimes.of(come).only_for
        assert only_for in ("", GAP.first)
        if not only_for:
            whole.append(now)
        body, seconds = sent_again(come, glance if only_for else FOR_IMAGES)
        now, delays = now + seconds, [*delays, seconds]
    assert whole[:6] == [1000.0, 1030.0, 1060.0, 1090.0, 1135.0, 1203.0]  # half of what has passed later
    assert len(whole) < 15
    assert delays[:2] == [15, 15]
    assert max(delays) <= 60
    assert delays.count(60) > 30


def test_a_large_batch_is_not_looked_at_so_often(
    aws: Clients, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To read a manifest of a million lines takes a while: 100 seconds are between two looks."""
    monkeypatch.setattr(missing_images, "find", lambda *_: Missing(1, 1_000_000, GAP.first))
    large = start_run(aws, replace(settings, wait_for_images_minutes=10), upload(aws, [image(1)]))
    assert isinstance(large, StillWaiting)
    _, seconds = sent_again(received("{}", 1000.0), large)
    assert seconds == 100


@pytest.mark.parametrize("still", [FOR_IMAGES, FOR_CAPACITY])
def test_a_wait_counts_from_its_first_look_however_often_it_looks(
    still: StillWaiting, clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    """After two hours of looks the message, and the metric, know that it waits for two hours."""
    body, now, seconds = '{"detail-type": "x"}', 1000.0, 0
    while now < 1000.0 + 2 * HOUR:
        clock[0] = now
        body, seconds = sent_again(received(body, now, sent=now - seconds), still)
        waited = WaitTimes.of(received(body, now, sent=now))
        assert (waited.at, waited.images + waited.capacity) == (now, now - 1000)
        assert getattr(waited, still.cause) == now - 1000
        now += seconds
    assert json.loads(body)["detail-type"] == "x"
    published = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    values = [line[f"WaitingFor{still.cause.title()}"] for line in published]
    assert values[0] == 0
    assert values[-1] == now - seconds - 1000
    assert len(values) > 10


def test_images_and_capacity_have_clocks_of_their_own() -> None:
    """A run that found its images waits for capacity from then on; that it waited for images stays known."""
    body, _ = sent_again(received("{}", 1000.0), FOR_IMAGES)
    body, _ = sent_again(received(body, 1600.0, sent=1000.0), FOR_CAPACITY)
    third = received(body, 1700.0, sent=1000.0)
    assert WaitTimes.of(third) == WaitTimes(images=700.0, capacity=100.0, at=1700.0)


def test_the_wait_for_capacity_is_over_when_images_are_looked_for() -> None:
    """What was busy has answered: a later refusal has its own WaitForCapacityHours."""
    body, _ = sent_again(received("{}", 1000.0), FOR_CAPACITY)
    body, _ = sent_again(received(body, 1030.0, sent=1000.0), FOR_IMAGES)
    again = received(body, 1100.0, sent=1000.0)
    assert WaitTimes.of(again) == WaitTimes(images=70.0, capacity=0.0, at=1100.0)


@pytest.mark.parametrize("late", [0.0, 7201.0, 80_000.0, 1e6])
def test_a_message_that_comes_late_has_waited(late: float) -> None:
    """However many messages are before it: in a deep queue, too, a wait has an end."""
    body, seconds = sent_again(received("{}", 1000.0), FOR_CAPACITY)
    at = 1000.0 + seconds + late
    assert WaitTimes.of(received(body, at, sent=1000.4)) == WaitTimes(capacity=seconds + late, at=at)


def test_a_redriven_message_waits_for_capacity_from_the_start() -> None:
    """A redrive puts it into the queue anew: its first refusal is not its last; images don't wait anew."""
    body, _ = sent_again(received("{}", 1000.0), FOR_IMAGES)
    body, _ = sent_again(received(body, 1030.0, sent=1000.0), FOR_CAPACITY)
    for again_at, capacity in (
        (1900.0, 870.0),
        (1901.0, 0.0),
        (90_000.0, 0.0),
    ):  # 900 seconds after the sending
        again = WaitTimes.of(received(body, max(again_at, 1900.0), sent=again_at))
        assert again.images == again.at - 1000.0
        assert again.capacity == (capacity and again.at - 1030.0)
    restarted, _ = sent_again(received(body, 90_000.0, sent=90_000.0), FOR_CAPACITY)
    assert json.loads(restarted)["waiting"]["capacity"] == 90_000.0


def test_what_a_redelivery_sends_is_not_taken_for_a_redrive(clock: list[float]) -> None:
    """Its function was killed four times, for an hour each: the message that it sends then was sent then."""
    body, _ = sent_again(received("{}", 1000.0), FOR_CAPACITY)
    clock[0] = 1030.0 + 4 * HOUR
    body, _ = sent_again(replace(received(body, 1030.0, sent=1000.0), deliveries=5), FOR_CAPACITY)
    again = received(body, clock[0] + 40, sent=clock[0])
    assert WaitTimes.of(again).capacity == 4 * HOUR + 70


def test_a_message_of_an_earlier_version_keeps_its_clocks() -> None:
    """It says when it was due instead of when it was sent; that is dropped when it is sent again."""
    waits = {"images": 1000.0, "capacity": 1030.0, "next": 1060.0}
    old = received(json.dumps({"waiting": waits}), 9000.0)
    assert WaitTimes.of(old) == WaitTimes(images=8000.0, capacity=7970.0, at=9000.0)
    body, _ = sent_again(old, FOR_CAPACITY)
    assert json.loads(body)["waiting"] == {"images": 1000.0, "capacity": 1030.0, "sent": 1000.0}


STANDS_BACK = StillWaiting(CAPACITY, "others first", in_turn=False)


@pytest.mark.parametrize(
    ("still", "waited", "seconds"),
    [
        (FOR_IMAGES, 0.0, 30),
        (FOR_IMAGES, 61.0, 31),
        (FOR_IMAGES, 200.0, 100),
        (FOR_IMAGES, 1e5, 900),
        (FOR_CAPACITY, 0.0, 30),
        (FOR_CAPACITY, 248.0, 31),
        (FOR_CAPACITY, 480.0, 60),
        (FOR_CAPACITY, 1e5, 60),
        (STANDS_BACK, 0.0, 30),
        (STANDS_BACK, 480.0, 60),
        (STANDS_BACK, 800.0, 100),
        (STANDS_BACK, 1e5, 900),
    ],
)
def test_a_delay_is_a_part_of_what_has_passed(still: StillWaiting, waited: float, seconds: int) -> None:
    """Who waits for a slot looks once a minute at least; who stands back, or waits for images, less often."""
    assert waiting.delay(still, waited, 1e9) == seconds
    assert waiting.delay(still, waited, waited + 20.5) == 21
    assert waiting.delay(still, waited, waited - 5) == 1


@pytest.mark.parametrize(("pause", "seconds"), [(10.0, 30), (45.5, 46), (899.2, 900), (7200.0, 900)])
def test_a_pause_is_kept_as_far_as_sqs_lets_it_be(pause: float, seconds: int) -> None:
    """A look before its end is of no use; the limit still ends the wait."""
    assert waiting.delay(replace(STANDS_BACK, pause=pause), 0.0, 1e9) == seconds
    assert waiting.delay(replace(STANDS_BACK, pause=pause), 0.0, 20.0) == 20


@given(
    still=st.sampled_from([FOR_IMAGES, FOR_CAPACITY, STANDS_BACK]),
    waited=st.floats(0, 1e6),
    limit=st.floats(0, 1e6),
)
def test_a_delay_is_one_that_sqs_takes_and_does_not_pass_the_limit(
    still: StillWaiting, waited: float, limit: float
) -> None:
    """1 to 900 seconds, growing with the age."""
    seconds = waiting.delay(still, waited, limit)
    assert 1 <= seconds <= 900
    assert seconds <= max(1, limit - waited + 1)
    assert waiting.delay(still, waited + 1, limit + 1) >= seconds


def test_limits_are_the_stack_s_parameters_in_seconds() -> None:
    """WaitForImagesMinutes and WaitForCapacityHours."""
    assert waiting.limits(LONG) == {IMAGES: 36_000, CAPACITY: 86_400}


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


def shown(message: Message, still: StillWaiting) -> list[RunWaits]:
    """The notices that write_report is sent."""
    posted: list[RunWaits] = []

    class Queue:
        def send_message(self, QueueUrl: str, MessageBody: str, **_delay: int) -> None:  # noqa: N803
            assert QueueUrl == "r"
            found = report_request(received(MessageBody, 0.0), BUCKET)
            assert isinstance(found, RunWaits)
            posted.append(found)

    queue: Any = Queue()
    waiting.show(queue, LONG, message, still)
    return posted


def test_people_are_shown_which_images_a_run_waits_for_and_until_when() -> None:
    """At each look, as fewer may be missing by then; the deadline is that of the first."""
    still = replace(FOR_IMAGES, run=RUN, missing=Missing(1, 1002, "incoming/b7/not-there.png"))
    first = RunWaits(
        RUN, IMAGES, "a gap", 1000.0, 1000.0 + 10 * HOUR, 1000.0, 1, 1002, "incoming/b7/not-there.png"
    )
    assert shown(received("{}", 1000.0), still) == [first]
    body, _ = sent_again(received("{}", 1000.0), still)
    assert shown(received(body, 1060.0, sent=1000.0), still) == [replace(first, at=1060.0)]


def test_a_wait_for_instances_is_shown_once() -> None:
    """Thousands may wait for the same: none writes the list of all runs at each of its looks."""
    still = replace(FOR_CAPACITY, run=RUN)
    expected = RunWaits(RUN, CAPACITY, "a quota", 1000.0, 1000.0 + 24 * HOUR, 1000.0)
    assert shown(received("{}", 1000.0), still) == [expected]
    body, _ = sent_again(received("{}", 1000.0), still)
    assert shown(received(body, 1060.0, sent=1000.0), still) == []


def test_a_wait_of_an_unnamed_run_is_not_shown() -> None:
    """S3 was too busy to say when the manifest was written, which names the run."""
    assert shown(received("{}", 1000.0), FOR_CAPACITY) == []


def test_the_handler_shows_the_wait_and_then_that_the_job_runs(
    aws: Clients, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run without its image is shown by a message to write_report, and so is the end of its wait."""
    uploaded = uploaded_before_its_image(aws, settings, monkeypatch)
    start_transform.handler(message(uploaded), CONTEXT)
    (notice,) = [each["detail"] for each in sent(aws, settings) if each["detail-type"] == RunWaits.WAITS]
    assert (notice["cause"], notice["missing"], notice["expected"]) == (IMAGES, 1, 1)
    over = Message.of(message(uploaded)).received - 600
    start_transform.handler(message(uploaded | {"waiting": {"images": over}}), CONTEXT)
    notices = [each["detail"] for each in sent(aws, settings) if each["detail-type"] == RunWaits.WAITS]
    assert [each["cause"] for each in notices if each["run"] == notice["run"]][-1] == JOB
