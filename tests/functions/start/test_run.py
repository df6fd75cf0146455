"""Starting a run: its input, the one decision, and what follows from it."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto.s3.models import s3_backends
from moto.sagemaker.models import sagemaker_backends

from batch_prediction.aws.clients import Clients
from batch_prediction.events import AttemptRequested
from batch_prediction.runs import decision, parts, transform_job
from batch_prediction.runs.decision import GiveUp, Refuse, Start
from batch_prediction.runs.parts import digest
from batch_prediction.runs.reason_codes import ReasonCode
from batch_prediction.settings import Settings
from batch_prediction.start.run import start_run
from batch_prediction.start.waiting import StillWaiting, WaitTimes
from tests.functions.decide import decide
from tests.functions.models.training_jobs import register
from tests.functions.report.transform_jobs import attempted, job
from tests.functions.start.uploads import (
    DECISION,
    RUN,
    content,
    image,
    model_of,
    sent,
    upload,
)
from tests.settings_and_events import BUCKET


def test_a_manifest_becomes_the_job_s_input(aws: Clients, settings: Settings) -> None:
    """Usable lines are written with absolute references, refused ones with their reason, all are counted."""
    package = register(aws, settings, "digits-1", 0.99)
    run, decided = decide(aws, settings, upload(aws, [image(1, 7), "broken", image(2)]))
    assert isinstance(decided, Start)
    assert (decided.lines, decided.labelled, decided.left_out) == (2, 1, 1)
    assert decided.model_package == package.arn
    objects = content(aws)
    assert objects[run.input_part(0)].splitlines() == [
        b'{"image":{"source-ref":"s3://digits-bucket/incoming/b7/1.png"},"label":7}',
        b'{"image":{"source-ref":"s3://digits-bucket/incoming/b7/2.png"}}',
    ]
    refused = json.loads(objects[run.left_out])
    assert (refused["line"], refused["text"]) == (2, "broken")
    assert "isn't JSON" in refused["reason"]
    assert json.loads(objects[run.decision])["decision"] == "start"


def test_run_json_freezes_everything_that_the_job_is_made_of(aws: Clients, settings: Settings) -> None:
    """Counts, model, role, instances, price and digests: nobody looks for any of it again."""
    package = register(aws, settings, "digits-1", 0.99)
    settings = replace(settings, kms_key_arn="arn:key", subnet_ids="subnet-1", security_group_ids="sg-1")
    priced = replace(settings, transform_price_per_hour=0.5)
    run, decided = decide(aws, priced, upload(aws, [image(1, 7), image(2), "broken", image(3)]))
    assert package.artifact_sha256
    assert decided == Start(
        lines=3,
        labelled=1,
        left_out=1,
        model_package=package.arn,
        training_job="digits-1",
        artifact_sha256=package.artifact_sha256,
        model=transform_job.model_name(settings, package.arn),
        role=settings.sagemaker_role_arn,
        environment=transform_job.environment(settings),
        transform_job=f"digits-{run.id}",
        instance_type="ml.m5.large",
        instance_count=1,
        price_per_hour=0.5,
        digests=[digest([f"s3://{BUCKET}/incoming/b7/{number}.png" for number in (1, 2, 3)])],
        stack="digits",
        kms_key_arn="arn:key",
        subnet_ids="subnet-1",
        security_group_ids="sg-1",
        image=package.image,
        manifest="incoming/b7/manifest.jsonl",
        read_as="read as JSON Lines; images from `file_name`, labels from `label`",
    )
    assert package.image
    assert package.image.endswith(f"/{settings.serving_image}")
    assert decision.read(aws.s3, BUCKET, run) == decided


def test_instances_and_parts_are_those_of_the_lines_that_are_scored(
    aws: Clients, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of five lines three are scored, one of them with a label: at two images an instance, two instances."""
    register(aws, settings, "digits-1", 0.99)
    monkeypatch.setattr(transform_job, "IMAGES_PER_INSTANCE", 2)
    monkeypatch.setattr(parts, "SMALL_PART", 1)
    _, decided = decide(aws, settings, upload(aws, [image(1, 1), image(2), image(3), "broken", "broken"]))
    assert isinstance(decided, Start)
    assert decided.instance_count == 2
    images = [f"s3://{BUCKET}/incoming/b7/{number}.png" for number in (1, 2, 3)]
    assert decided.digests == [digest([each]) for each in images]  # of each part, in their order


def test_a_refusal_that_is_repeated_asks_for_its_report_again(aws: Clients, settings: Settings) -> None:
    """Its message may have been lost with the function that died; run.json stays."""
    event = upload(aws, ["broken"])
    run, refused = decide(aws, settings, event)
    assert decide(aws, settings, event) == (run, refused)
    assert [found["detail"] for found in sent(aws, settings)] == [{"batch": "b7", "run": run.id}] * 2


@pytest.mark.parametrize("status", ["InProgress", "Stopping", "Completed", "Stopped", "Failed"])
def test_a_run_whose_job_exists_gets_no_other_and_its_event_asks_for_the_report(
    aws: Clients, settings: Settings, status: str
) -> None:
    """SageMaker says when the job ends, or has said so: start_transform asks for no report twice."""
    decision.take(aws.s3, BUCKET, RUN, DECISION)
    with attempted(aws, job(status)) as stub:
        decide(aws, settings, AttemptRequested(RUN))
        stub.assert_no_pending_responses()
    assert sent(aws, settings) == []


def test_a_run_that_was_given_up_is_sent_to_its_report_and_started_no_more(
    aws: Clients, settings: Settings
) -> None:
    """No event of SageMaker's would ask for that report."""
    decision.take(aws.s3, BUCKET, RUN, DECISION)
    decision.give_up(aws.s3, BUCKET, RUN, GiveUp("no instances"))
    with attempted(aws, None) as stub:
        decide(aws, settings, AttemptRequested(RUN))
        stub.assert_no_pending_responses()
    assert [found["detail"] for found in sent(aws, settings)] == [{"batch": RUN.batch, "run": RUN.id}]


def test_a_job_that_the_service_failed_is_followed_by_the_next_attempt(
    aws: Clients, settings: Settings
) -> None:
    """It has its own name and output; the decision is the same, and no report is asked for yet."""
    register(aws, settings, "digits-1", 0.99)
    run, decided = decide(aws, settings, upload(aws, [image(1)]))
    assert isinstance(decided, Start)
    backend = sagemaker_backends["123456789012"]["us-east-1"]
    backend.transform_jobs[decided.transform_job].transform_job_status = "Failed"
    backend.transform_jobs[decided.transform_job].failure_reason = "InternalServerError: again"
    assert decide(aws, settings, AttemptRequested(run)) == (run, decided)
    second = aws.sagemaker.describe_transform_job(TransformJobName=f"{decided.transform_job}-2")
    assert second["TransformOutput"]["S3OutputPath"] == f"s3://{BUCKET}/{run.output_prefix(2)}"
    assert sent(aws, settings) == []


LACKING = job("Failed", "CapacityError: Unable to provision requested ML compute capacity.")
BEGUN = LACKING["CreationTime"].timestamp()
ENDED = LACKING["TransformEndTime"].timestamp()  # seven minutes later
DUE = ENDED + 900


def after_a_job_without_instances(aws: Clients, settings: Settings, waited: WaitTimes) -> Any:
    """What becomes of RUN, whose job found no instances; no other request is made than to describe that."""
    decision.take(aws.s3, BUCKET, RUN, DECISION)
    with attempted(aws, LACKING, None) as stub:
        outcome = start_run(aws, settings, AttemptRequested(RUN), waited)
        stub.assert_no_pending_responses()
    return outcome


def test_a_run_without_instances_pauses_until_its_next_job_is_due(aws: Clients, settings: Settings) -> None:
    """Nothing is created meanwhile, and others that wait may go first."""
    outcome = after_a_job_without_instances(aws, settings, WaitTimes(capacity=1, at=DUE - 8))
    assert outcome == StillWaiting("capacity", LACKING["FailureReason"], in_turn=False, pause=8)
    assert sent(aws, settings) == []
    assert content(aws, "waiting/") == {}


def test_a_run_without_instances_has_its_next_job_after_its_pause(aws: Clients, settings: Settings) -> None:
    """It is the second of the same decision, and no report is asked for yet."""
    register(aws, settings, "digits-1", 0.99)
    run, decided = decide(aws, settings, upload(aws, [image(1)]))
    assert isinstance(decided, Start)
    failed = sagemaker_backends["123456789012"]["us-east-1"].transform_jobs[decided.transform_job]
    failed.transform_job_status, failed.failure_reason = "Failed", LACKING["FailureReason"]
    begun = aws.sagemaker.describe_transform_job(TransformJobName=decided.transform_job)["CreationTime"]
    at = begun.timestamp() + 1800
    assert decide(aws, settings, AttemptRequested(run), WaitTimes(at=at)) == (run, decided)
    second = aws.sagemaker.describe_transform_job(TransformJobName=f"{decided.transform_job}-2")
    assert second["TransformOutput"]["S3OutputPath"] == f"s3://{BUCKET}/{run.output_prefix(2)}"
    assert sent(aws, settings) == []


@pytest.mark.parametrize(
    "waited",
    [WaitTimes(at=BEGUN + 24 * 3600), WaitTimes(capacity=24 * 3600, at=ENDED + 1)],
    ids=["since its first job without", "for a quota before"],
)
def test_a_run_without_instances_is_given_up_after_its_time(
    aws: Clients, settings: Settings, waited: WaitTimes
) -> None:
    """Whatever message asks: its report says how long it waited, and that there was no capacity."""
    after_a_job_without_instances(aws, settings, waited)
    assert decision.given_up(aws.s3, BUCKET, RUN) == GiveUp(
        "gave up after 24.0 hours (the stack's parameter WaitForCapacityHours)", ReasonCode.NO_CAPACITY
    )
    assert [found["detail"] for found in sent(aws, settings)] == [{"batch": RUN.batch, "run": RUN.id}]


def test_a_second_before_its_time_a_run_without_instances_is_started_again(
    aws: Clients, settings: Settings
) -> None:
    """A quota that refuses it gives it the place in the line of one that has waited since its first job."""
    decision.take(aws.s3, BUCKET, RUN, DECISION)
    at = BEGUN + 24 * 3600 - 1
    with attempted(aws, LACKING, None) as stub:
        stub.add_response("describe_model_package", approved_package())
        stub.add_response("create_model", {"ModelArn": model_of("")["ModelArn"]})
        stub.add_client_error("create_transform_job", "ResourceLimitExceeded", "0 instances")
        stub.add_client_error("describe_transform_job", "ValidationException", "Could not find it")
        outcome = start_run(aws, settings, AttemptRequested(RUN), WaitTimes(at=at))
    assert isinstance(outcome, StillWaiting)
    (line,) = map(json.loads, content(aws, "waiting/").values())
    assert line == [{"run": RUN.prefix, "since": BEGUN, "refused": at}]


def approved_package() -> Any:
    """DescribeModelPackage's answer about DECISION's package."""
    return {
        "ModelPackageName": "digits",
        "ModelPackageArn": DECISION.model_package,
        "CreationTime": LACKING["CreationTime"],
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "ModelApprovalStatus": "Approved",
    }


def test_the_job_is_what_run_json_says(aws: Clients, settings: Settings) -> None:
    """The transform job reads the run's input, filters out the labels and writes the run's first output."""
    register(aws, settings, "digits-1", 0.99)
    run, decided = decide(aws, settings, upload(aws, [image(1, 7)]))
    assert isinstance(decided, Start)
    job = aws.sagemaker.describe_transform_job(TransformJobName=decided.transform_job)
    assert job["TransformJobName"] == f"digits-{run.id}"
    assert job["ModelName"] == decided.model
    assert job["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"] == f"s3://{BUCKET}/{run.input_prefix}"
    assert job["TransformOutput"]["S3OutputPath"] == f"s3://{BUCKET}/{run.output_prefix()}"
    assert job["DataProcessing"] == {"InputFilter": "$.image", "JoinSource": "Input"}
    model = aws.sagemaker.describe_model(ModelName=decided.model)
    assert model["PrimaryContainer"]["ModelPackageName"] == decided.model_package
    assert model["PrimaryContainer"]["Environment"]["IMAGE_PREFIX"] == f"s3://{BUCKET}/incoming/"


@pytest.mark.parametrize(
    ("lines", "reason", "code"),
    [
        (["broken"], "has no line that can be used; left out: 1", "NO_USABLE_LINES"),
        ([], "has no line that can be used; left out: 0", "NO_USABLE_LINES"),
        (
            [image(1)],
            "has no approved package: approve one, then upload the manifest again",
            "NO_APPROVED_MODEL",
        ),
    ],
)
def test_what_cannot_be_started_is_refused_and_reported(
    aws: Clients, settings: Settings, lines: list[str], reason: str, code: str
) -> None:
    """A refusal is written to run.json, goes to the report's queue, and starts no job."""
    run, decided = decide(aws, settings, upload(aws, lines))
    assert isinstance(decided, Refuse)
    assert reason in decided.reason
    written = json.loads(content(aws)[run.decision])
    assert (written["reason"], written["reason_code"]) == (decided.reason, code)
    (refusal,) = sent(aws, settings)
    assert refusal["detail"] == {"batch": "b7", "run": run.id}
    assert aws.sagemaker.list_transform_jobs()["TransformJobSummaries"] == []


def test_an_invalid_manifest_is_refused(aws: Clients, settings: Settings) -> None:
    """A CSV without a header can't be read line by line: the whole run is refused with what was found."""
    _, decided = decide(aws, settings, upload(aws, ["1.png,7"], "incoming/b7/manifest.csv"))
    assert isinstance(decided, Refuse)
    assert "line 1: expected a header with the column file_name" in decided.reason
    assert decided.reason_code == "MANIFEST_UNREADABLE"


def test_too_many_images_are_refused_with_their_number(aws: Clients, settings: Settings) -> None:
    """The limit of a batch protects from paying for a mistake; all lines are counted, few are written."""
    limited = replace(settings, max_images=2)
    run, decided = decide(aws, limited, upload(aws, [image(1), "broken", *map(image, range(3)), "broken"]))
    assert isinstance(decided, Refuse)
    assert "expected at most 2 images (the stack's parameter MaxImages), found 6: raise it" in decided.reason
    assert decided.reason_code == "TOO_MANY_IMAGES"
    assert (decided.lines, decided.left_out) == (4, 2)
    objects = content(aws)
    assert objects[run.input_part(0)].count(b"\n") == objects[run.left_out].count(b"\n") == 1


def test_as_many_images_as_the_limit_are_started(aws: Clients, settings: Settings) -> None:
    """MaxImages is the largest batch that is scored, and one that is waited for."""
    register(aws, settings, "digits-1", 0.99)
    limited = replace(settings, max_images=2, wait_for_images_minutes=1)
    event = upload(aws, [image(1), "broken"])
    missing = StillWaiting("images", f"s3://{BUCKET}/incoming/b7/1.png isn't there")
    assert start_run(aws, limited, event) == missing
    aws.s3.put_object(Bucket=BUCKET, Key="incoming/b7/1.png", Body=b"")
    _, decided = decide(aws, limited, event)
    assert isinstance(decided, Start)


def test_the_time_in_a_run_s_name_is_that_of_its_own_manifest(aws: Clients, settings: Settings) -> None:
    """A version that replaced it doesn't make the first one's run a later one."""
    old = upload(aws, [image(1)])
    upload(aws, [image(2)])
    first, _ = s3_backends["123456789012"]["aws"].buckets[BUCKET].keys.getlist(old.key)
    first.last_modified -= timedelta(hours=1)
    run, _ = decide(aws, settings, old)
    assert run.id.startswith(f"{first.last_modified:%Y%m%dt%H%M%Sz}-")


def test_a_second_delivery_follows_the_first_decision(aws: Clients, settings: Settings) -> None:
    """Duplicate events change no object, even when another model has been approved by then."""
    register(aws, settings, "digits-1", 0.99)
    event = upload(aws, [image(1, 7)])
    run, first = decide(aws, settings, event)
    before = aws.s3.list_object_versions(Bucket=BUCKET, Prefix=run.prefix)["Versions"]
    register(aws, settings, "digits-2", 0.995)
    assert decide(aws, settings, event) == (run, first)
    assert aws.s3.list_object_versions(Bucket=BUCKET, Prefix=run.prefix)["Versions"] == before


def test_an_overwritten_manifest_is_another_run(aws: Clients, settings: Settings) -> None:
    """Each version is read as it was uploaded, however late its event comes."""
    register(aws, settings, "digits-1", 0.99)
    old, new = upload(aws, [image(1)]), upload(aws, [image(1), image(2)])
    (old_run, old_decision), (new_run, new_decision) = decide(aws, settings, old), decide(aws, settings, new)
    assert old_run != new_run
    assert (old_decision.lines, new_decision.lines) == (1, 2)


def test_a_run_is_repeated_as_it_was_decided(aws: Clients, settings: Settings) -> None:
    """A delivery after the stack got another role makes no other model: run.json has frozen the first one."""
    register(aws, settings, "digits-1", 0.99)
    event = upload(aws, [image(1)])
    _, decided = decide(aws, settings, event)
    assert isinstance(decided, Start)
    aws.sagemaker.delete_model(ModelName=decided.model)
    sagemaker_backends["123456789012"]["us-east-1"].transform_jobs.clear()
    decide(aws, replace(settings, sagemaker_role_arn=f"{settings.sagemaker_role_arn}-2"), event)
    model = aws.sagemaker.describe_model(ModelName=decided.model)
    assert model["ExecutionRoleArn"] == settings.sagemaker_role_arn


@pytest.mark.parametrize("status", ["PendingManualApproval", "Rejected"])
def test_a_package_that_is_not_approved_any_more_is_not_used(
    aws: Clients, settings: Settings, status: Any
) -> None:
    """Between the decision and its job a person may take the approval back, to think it over or for good."""
    package = register(aws, settings, "digits-1", 0.99)
    decided = replace(DECISION, model_package=package.arn)
    decision.take(aws.s3, BUCKET, RUN, decided)
    aws.sagemaker.update_model_package(ModelPackageArn=package.arn, ModelApprovalStatus=status)
    decide(aws, settings, AttemptRequested(RUN))
    assert decision.given_up(aws.s3, BUCKET, RUN) == GiveUp(
        f"the model package {package.arn} was Approved when it was chosen and is {status} now: "
        "upload the manifest again to read it with the newest approved package",
        ReasonCode.MODEL_WITHDRAWN,
    )
    assert aws.sagemaker.list_transform_jobs()["TransformJobSummaries"] == []
    assert len(sent(aws, settings)) == 1


@pytest.mark.parametrize("capacity", [0.0, 1e9])
def test_an_error_that_will_not_pass_is_no_reason_to_wait_or_to_give_up(
    aws: Clients, settings: Settings, capacity: float
) -> None:
    """A missing permission is the operator's to mend: the message comes back, and ends with an alarm."""
    decision.take(aws.s3, BUCKET, RUN, DECISION)
    with Stubber(aws.sagemaker) as stub:
        stub.add_client_error("describe_transform_job", "AccessDeniedException", "no")
        with pytest.raises(ClientError, match="AccessDenied"):
            decide(aws, settings, AttemptRequested(RUN), WaitTimes(capacity=capacity))
    assert decision.given_up(aws.s3, BUCKET, RUN) is None
    assert sent(aws, settings) == []


def test_a_run_that_cannot_be_decided_waits_and_is_a_dead_letter_in_the_end(
    aws: Clients, settings: Settings
) -> None:
    """Where S3 itself is busy for WaitForCapacityHours, no report could be written."""
    event = upload(aws, [image(1)])
    limit = settings.wait_for_capacity_hours * 3600
    for waited in (WaitTimes(), WaitTimes(images=limit, capacity=limit - 1)):
        with Stubber(aws.s3) as stub:
            stub.add_client_error("head_object", "SlowDown", "Reduce your request rate", 503)
            outcome = start_run(aws, settings, event, waited)
        assert isinstance(outcome, StillWaiting)
        assert outcome.cause == "capacity"
        assert "SlowDown" in outcome.reason
    with Stubber(aws.s3) as stub:
        stub.add_client_error("head_object", "SlowDown", "Reduce your request rate", 503)
        with pytest.raises(ClientError, match="SlowDown"):
            start_run(aws, settings, event, WaitTimes(capacity=limit))


def test_what_a_run_waited_for_is_the_time_that_its_reason_names(aws: Clients, settings: Settings) -> None:
    """Hours of the wait for capacity, not of the one for images."""
    decision.take(aws.s3, BUCKET, RUN, DECISION)
    with Stubber(aws.sagemaker) as stub:
        stub.add_client_error("describe_transform_job", "ThrottlingException", "Rate exceeded")
        decide(aws, settings, AttemptRequested(RUN), WaitTimes(images=3600, capacity=90_000))
    found = decision.given_up(aws.s3, BUCKET, RUN)
    assert found is not None
    assert found.reason.startswith("gave up after 25.0 hours")


def test_no_report_is_asked_for_before_its_reason_is_written(aws: Clients, settings: Settings) -> None:
    """A function that dies between the two has asked for nothing: the repetition gives the same reason."""
    decision.take(aws.s3, BUCKET, RUN, DECISION)
    with attempted(aws, None) as stub, pytest.MonkeyPatch.context() as patch:
        stub.add_client_error("describe_model_package", "ValidationException", "ModelPackage does not exist")
        patch.setattr(aws.s3, "put_object", _die)
        with pytest.raises(RuntimeError, match="died"):
            decide(aws, settings, AttemptRequested(RUN))
    assert sent(aws, settings) == []


def _die(**_: Any) -> None:
    raise RuntimeError("died")


def test_other_fields_travel_and_are_frozen(aws: Clients, settings: Settings) -> None:
    """run.json names the fields that divide the batch, and the job's input has each image's values."""
    register(aws, settings, "digits-1", 0.99)
    lines = [
        json.dumps(json.loads(image(number, 7)) | {"writer": writer, "box": [1]})
        for number, writer in enumerate(("ann", "bob"))
    ]
    run, decided = decide(aws, settings, upload(aws, [*lines, image(3)]))
    assert isinstance(decided, Start)
    assert decided.slices == ["writer"]
    assert decided.unsliced == {"box": "a value is neither text nor a number"}
    given = content(aws)[run.input_part(0)].splitlines()
    assert [json.loads(line).get("fields") for line in given] == [{"writer": "ann"}, {"writer": "bob"}, None]
