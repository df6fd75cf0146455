"""A run's model and transform job: made once under a name of their own, or refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from batch_prediction.aws.clients import Clients
from batch_prediction.models.registry import SERVING_ENVIRONMENT
from batch_prediction.runs import transform_job
from batch_prediction.runs.next_action import Attempt
from tests.functions.start.uploads import (
    DECISION,
    RUN,
    job_writing_to,
    model_of,
)
from tests.request_recorder import MODELS
from tests.service_model import violations
from tests.settings_and_events import BUCKET, SETTINGS


@pytest.mark.parametrize(
    ("lines", "instances"), [(0, 1), (1, 1), (100_000, 1), (100_001, 2), (200_000, 2), (10_000_000, 4)]
)
def test_instances_follow_the_number_of_images(lines: int, instances: int) -> None:
    """One instance for 100,000 images, up to the stack's limit."""
    assert transform_job.instance_count(SETTINGS, lines) == instances


def test_names_that_are_taken_by_ourselves_are_a_success(aws: Clients) -> None:
    """After a time-out that took effect, model and job are there already: both are described and compared."""
    with Stubber(aws.sagemaker) as stub:
        stub.add_client_error("create_model", "ValidationException", "Cannot create already existing model")
        stub.add_response("describe_model", model_of(DECISION.model_package))
        stub.add_client_error("create_transform_job", "ResourceInUse")
        stub.add_response("describe_transform_job", job_writing_to(f"s3://{BUCKET}/{RUN.output_prefix()}"))
        transform_job.start(aws.sagemaker, BUCKET, RUN, DECISION)
        stub.assert_no_pending_responses()


def test_a_foreign_model_under_our_name_is_a_loud_failure(aws: Clients) -> None:
    """The error names the model, and what differs."""
    with Stubber(aws.sagemaker) as stub:
        stub.add_client_error("create_model", "ValidationException", "Cannot create already existing model")
        stub.add_response("describe_model", model_of(DECISION.model_package[:-1] + "2"))
        with pytest.raises(
            RuntimeError, match=r"model digits-0123456789ab: the name is taken.*digits/2"
        ) as found:
            transform_job.start(aws.sagemaker, BUCKET, RUN, DECISION)
    assert isinstance(found.value.__cause__, ClientError)


@pytest.mark.parametrize("environment", [{}, {"SAGEMAKER_PROGRAM": "of the package", "MORE": "1"}])
def test_a_model_is_ours_whatever_sagemaker_shows_of_its_environment(
    aws: Clients, environment: dict[str, str]
) -> None:
    """It may be the package's, the model's own or both: package and role are what the name stands for."""
    found = model_of(DECISION.model_package)
    found["PrimaryContainer"] |= {"Environment": environment, "Image": "resolved"}
    with Stubber(aws.sagemaker) as stub:
        stub.add_client_error("create_model", "ValidationException", "Cannot create already existing model")
        stub.add_response("describe_model", found)
        stub.add_response(
            "create_transform_job", {"TransformJobArn": "arn:aws:sagemaker:x:1:transform-job/x"}
        )
        assert transform_job.start(aws.sagemaker, BUCKET, RUN, DECISION) is None
        stub.assert_no_pending_responses()


def test_a_model_of_another_role_is_not_ours(aws: Clients) -> None:
    """It could read what ours may not, or not what it must."""
    with Stubber(aws.sagemaker) as stub:
        stub.add_client_error("create_model", "ResourceInUse")
        stub.add_response(
            "describe_model", model_of(DECISION.model_package) | {"ExecutionRoleArn": f"{DECISION.role}-2"}
        )
        with pytest.raises(RuntimeError, match=r"ExecutionRoleArn: expected .* found .*-2"):
            transform_job.start(aws.sagemaker, BUCKET, RUN, DECISION)


def test_a_foreign_job_under_our_name_is_a_loud_failure(aws: Clients) -> None:
    """A job that writes elsewhere is never taken for the run's."""
    with Stubber(aws.sagemaker) as stub:
        stub.add_response("create_model", {"ModelArn": model_of("")["ModelArn"]})
        stub.add_client_error("create_transform_job", "ResourceInUse")
        stub.add_response("describe_transform_job", job_writing_to("s3://elsewhere/"))
        with pytest.raises(
            RuntimeError, match=r"TransformOutput\.S3OutputPath: expected .* found 's3://elsewhere/'"
        ):
            transform_job.start(aws.sagemaker, BUCKET, RUN, DECISION)


def test_a_request_that_is_wrong_isn_t_a_taken_name(aws: Clients) -> None:
    """SageMaker's ValidationException about anything else says that the package can't be used."""
    with Stubber(aws.sagemaker) as stub:
        stub.add_client_error("create_model", "ValidationException", "Could not find model data")
        stub.add_client_error("describe_model", "ValidationException", "Could not find model")
        refused = transform_job.start(aws.sagemaker, BUCKET, RUN, DECISION)
    assert "Could not find model data" in (refused or "")


def test_a_model_that_cannot_be_described_yet_is_asked_for_again(aws: Clients) -> None:
    """Its name is taken and the description lags behind: the queue has it again, nothing is given up."""
    with Stubber(aws.sagemaker) as stub:
        stub.add_client_error("create_model", "ValidationException", "Cannot create already existing model")
        stub.add_client_error("describe_model", "ValidationException", "Could not find model")
        with pytest.raises(ClientError, match="already existing"):
            transform_job.start(aws.sagemaker, BUCKET, RUN, DECISION)


def test_an_attempt_s_number_is_read_from_its_name_or_refused() -> None:
    """The name ends in the run's id, or in that and -2, -3; anything else is another run's job."""
    assert transform_job.attempt_number(RUN, f"digits-{RUN.id}") == 1
    assert transform_job.attempt_number(RUN, f"a-name-1-{RUN.id}-3") == 3
    assert transform_job.attempt_number(RUN, f"{RUN.id}-{RUN.id}-2") == 2  # a stack can be called anything
    for name in ("digits-1", f"digits-{RUN.id}-", f"digits-{RUN.id}-x", f"digits-{RUN.id}2"):
        with pytest.raises(ValueError, match=f"expected a name that ends in {RUN.id}"):
            transform_job.attempt_number(RUN, name)


@pytest.mark.parametrize(
    "refusal", ["Requested image a/b:c not found.", "Role arn:aws:iam::1:role/x does not exist"]
)
def test_a_refusal_that_says_not_found_is_a_refusal(aws: Clients, refusal: str) -> None:
    """What a transform job is made of doesn't exist: that isn't a model that can't be seen yet."""
    with Stubber(aws.sagemaker) as stub:
        stub.add_response("create_model", {"ModelArn": model_of("")["ModelArn"]})
        stub.add_client_error("create_transform_job", "ValidationException", refusal)
        stub.add_client_error("describe_transform_job", "ValidationException", "Could not find requested job")
        assert refusal in (transform_job.start(aws.sagemaker, BUCKET, RUN, DECISION) or "")


def test_a_model_that_cannot_be_seen_yet_is_asked_for_again(aws: Clients) -> None:
    """CreateTransformJob doesn't see the model that was just made: the queue has the message again."""
    with Stubber(aws.sagemaker) as stub:
        stub.add_response("create_model", {"ModelArn": model_of("")["ModelArn"]})
        stub.add_client_error("create_transform_job", "ValidationException", 'Could not find model "x".')
        stub.add_client_error("describe_transform_job", "ValidationException", "Could not find requested job")
        with pytest.raises(ClientError, match="Could not find model"):
            transform_job.start(aws.sagemaker, BUCKET, RUN, DECISION)


def test_no_instance_is_without_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """SageMaker hands out whole objects: a third instance would have nothing to read."""
    monkeypatch.setattr(transform_job, "IMAGES_PER_INSTANCE", 100)
    assert transform_job.instance_count(SETTINGS, 1_001) == 2


def test_a_job_s_request_is_the_documented_one() -> None:
    """The container sees the image alone, a line at a time, and its answer is joined to the line."""
    decision = replace(DECISION, instance_type="ml.m5.xlarge", instance_count=3)
    assert transform_job.job_request(BUCKET, RUN, decision, 2) == {
        "TransformJobName": f"digits-{RUN.id}-2",
        "ModelName": "digits-0123456789ab",
        "MaxConcurrentTransforms": 8,
        "MaxPayloadInMB": 1,
        "BatchStrategy": "MultiRecord",
        "ModelClientConfig": {"InvocationsTimeoutInSeconds": 600, "InvocationsMaxRetries": 3},
        "TransformInput": {
            "DataSource": {
                "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{RUN.input_prefix}"}
            },
            "ContentType": "application/jsonlines",
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": f"s3://{BUCKET}/{RUN.output_prefix(2)}",
            "Accept": "application/jsonlines",
            "AssembleWith": "Line",
        },
        "DataProcessing": {"InputFilter": "$.image", "JoinSource": "Input"},
        "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 3},
    }
    assert transform_job.job_request(BUCKET, RUN, decision)["TransformJobName"] == f"digits-{RUN.id}"


def test_a_job_is_tagged_and_encrypted_as_its_run_was_decided() -> None:
    """The stack's tag, its key for the outputs, and for the disks of an instance that has none of its own."""
    decision = replace(DECISION, stack="digits", kms_key_arn="arn:key")
    request: Any = transform_job.job_request(BUCKET, RUN, decision)
    assert request["Tags"] == [{"Key": "digit-batch", "Value": "digits"}]
    assert request["TransformOutput"]["KmsKeyId"] == "arn:key"
    assert request["TransformResources"]["VolumeKmsKeyId"] == "arn:key"
    assert violations(MODELS["sagemaker"].operation_model("CreateTransformJob"), request) == []
    own = transform_job.job_request(BUCKET, RUN, replace(decision, instance_type="ml.m5d.large"))
    assert "VolumeKmsKeyId" not in own["TransformResources"]
    plain = transform_job.job_request(BUCKET, RUN, DECISION)
    assert "Tags" not in plain
    assert "KmsKeyId" not in plain["TransformOutput"]


def test_a_model_is_tagged_and_runs_in_the_network_that_its_run_was_decided_for(aws: Clients) -> None:
    """A name that is taken is compared by the network, and not by tags, which a description lacks."""
    decision = replace(DECISION, stack="digits", subnet_ids="subnet-1", security_group_ids="sg-1")
    network = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    described = model_of(DECISION.model_package)
    with Stubber(aws.sagemaker) as stub:
        stub.add_client_error(
            "create_model",
            "ValidationException",
            "Cannot create already existing model",
            expected_params={
                "ModelName": DECISION.model,
                "ExecutionRoleArn": DECISION.role,
                "PrimaryContainer": described["PrimaryContainer"],
                "VpcConfig": network,
                "Tags": [{"Key": "digit-batch", "Value": "digits"}],
            },
        )
        stub.add_response("describe_model", described | {"VpcConfig": network | {"Subnets": ["subnet-2"]}})
        with pytest.raises(RuntimeError, match="taken by something else; VpcConfig"):
            transform_job.start(aws.sagemaker, BUCKET, RUN, decision)


def test_a_model_in_a_network_has_a_name_of_its_own() -> None:
    """Without a network the name is that of earlier versions."""
    inside = replace(SETTINGS, subnet_ids="subnet-1", security_group_ids="sg-1")
    elsewhere = replace(inside, subnet_ids="subnet-2")
    names = {
        transform_job.model_name(settings, "arn:package/1") for settings in (SETTINGS, inside, elsewhere)
    }
    assert len(names) == 3
    assert transform_job.model_name(replace(SETTINGS, kms_key_arn="arn:key"), "arn:package/1") in names


def test_a_model_is_made_of_the_package_with_its_environment_and_role(aws: Clients) -> None:
    """The container may read the images below incoming/, and nothing else."""
    with Stubber(aws.sagemaker) as stub:
        stub.add_response(
            "create_model",
            {"ModelArn": model_of("")["ModelArn"]},
            {
                "ModelName": DECISION.model,
                "ExecutionRoleArn": SETTINGS.sagemaker_role_arn,
                "PrimaryContainer": {
                    "ModelPackageName": DECISION.model_package,
                    "Environment": transform_job.environment(SETTINGS),
                },
            },
        )
        arn = job_writing_to("")["TransformJobArn"]
        request: Any = transform_job.job_request(BUCKET, RUN, DECISION, 3)
        stub.add_response("create_transform_job", {"TransformJobArn": arn}, request)
        assert transform_job.start(aws.sagemaker, BUCKET, RUN, DECISION, 3) is None
        stub.assert_no_pending_responses()
    assert transform_job.environment(SETTINGS)["IMAGE_PREFIX"] == f"s3://{BUCKET}/incoming/"
    abroad = transform_job.environment(replace(SETTINGS, region="eu-west-1"))
    assert abroad["AWS_DEFAULT_REGION"] == "eu-west-1"  # boto3's, in the container
    assert abroad["RAY_USAGE_STATS_ENABLED"] == "0"


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException"])
def test_a_model_that_is_denied_or_throttled_is_an_error(aws: Clients, code: str) -> None:
    """Neither says anything of the package: nothing is refused, and no job is started."""
    with Stubber(aws.sagemaker) as stub:
        stub.add_client_error("create_model", code)
        with pytest.raises(ClientError, match=code):
            transform_job.start(aws.sagemaker, BUCKET, RUN, DECISION)


@pytest.mark.parametrize(
    ("code", "found"),
    [("AccessDeniedException", False), ("ThrottlingException", True), ("ResourceInUse", True)],
)
def test_a_job_that_is_not_there_is_an_error_of_its_own(aws: Clients, code: str, found: bool) -> None:
    """A denied request is passed on; after what may have taken effect, the job is looked for first."""
    with Stubber(aws.sagemaker) as stub:
        stub.add_response("create_model", {"ModelArn": model_of("")["ModelArn"]})
        stub.add_client_error("create_transform_job", code)
        if found:
            stub.add_client_error("describe_transform_job", "ValidationException", "Could not find job")
        with pytest.raises(ClientError, match=code):
            transform_job.start(aws.sagemaker, BUCKET, RUN, DECISION)
        stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "text"), [("ResourceInUse", "in use"), ("ValidationException", "Already Existing model")]
)
def test_a_taken_name_of_a_model_that_cannot_be_described_yet(aws: Clients, code: str, text: str) -> None:
    """Both of SageMaker's answers to it are asked for again, whatever their capitals."""
    with Stubber(aws.sagemaker) as stub:
        stub.add_client_error("create_model", code, text)
        stub.add_client_error("describe_model", "ValidationException", "Could not find model")
        with pytest.raises(ClientError, match=text):
            transform_job.start(aws.sagemaker, BUCKET, RUN, DECISION)
        stub.assert_no_pending_responses()


def test_a_model_s_name_is_that_of_what_it_is_made_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another package, role or bucket is another model; the same is the same, after a deployment, too."""
    name = transform_job.model_name(SETTINGS, "arn:package/1")
    assert name == "digits-2aeff358a387"
    others = (
        transform_job.model_name(SETTINGS, "arn:package/2"),
        transform_job.model_name(replace(SETTINGS, sagemaker_role_arn="other"), "arn:package/1"),
        transform_job.model_name(replace(SETTINGS, bucket="other"), "arn:package/1"),
        transform_job.model_name(replace(SETTINGS, region="other"), "arn:package/1"),
    )
    assert len({name, *others}) == 5
    reordered = dict(reversed(SERVING_ENVIRONMENT.items()))
    monkeypatch.setattr(transform_job, "SERVING_ENVIRONMENT", reordered)
    assert transform_job.model_name(SETTINGS, "arn:package/1") == name


def test_attempts_have_the_first_one_s_name_and_their_number() -> None:
    """The second and the third end in -2 and -3."""
    names = [transform_job.attempt_name(DECISION, number) for number in (1, 2, 3)]
    assert names == [f"digits-{RUN.id}", f"digits-{RUN.id}-2", f"digits-{RUN.id}-3"]
    assert transform_job.job_name(SETTINGS, RUN) == names[0]


@pytest.mark.parametrize(
    "change",
    [
        {"ModelName": "other"},
        {"TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://x/"}}}},
    ],
)
def test_a_job_of_another_model_or_input_is_not_ours(aws: Clients, change: dict[str, Any]) -> None:
    """A name that is taken is a success for the same request alone."""
    with Stubber(aws.sagemaker) as stub:
        stub.add_response("create_model", {"ModelArn": model_of("")["ModelArn"]})
        stub.add_client_error("create_transform_job", "ResourceInUse")
        described = job_writing_to(f"s3://{BUCKET}/{RUN.output_prefix()}")
        stub.add_response("describe_transform_job", described | change)
        with pytest.raises(RuntimeError, match=rf"transform job digits-{RUN.id}: the name is taken"):
            transform_job.start(aws.sagemaker, BUCKET, RUN, DECISION)


def test_an_attempt_has_the_times_of_its_job() -> None:
    """Where SageMaker gives none for the end, as of a job that runs, it is that of the beginning."""
    begun = datetime(2026, 11, 22, tzinfo=UTC)
    described = job_writing_to("s3://x/") | {
        "TransformJobStatus": "Failed",
        "FailureReason": "CapacityError: none",
        "TransformEndTime": begun + timedelta(minutes=7),
    }
    at = begun.timestamp()
    assert transform_job.attempt(described) == Attempt("Failed", "CapacityError: none", at, at + 420)
    del described["TransformEndTime"]
    assert transform_job.attempt(described).ended_at == at


def test_a_throttled_request_that_took_effect_is_a_success(aws: Clients) -> None:
    """It may be the repetition of one whose answer was lost: SageMaker is asked."""
    with Stubber(aws.sagemaker) as stub:
        stub.add_response("create_model", {"ModelArn": model_of("")["ModelArn"]})
        stub.add_client_error("create_transform_job", "ThrottlingException")
        stub.add_response("describe_transform_job", job_writing_to(f"s3://{BUCKET}/{RUN.output_prefix()}"))
        assert transform_job.start(aws.sagemaker, BUCKET, RUN, DECISION) is None
        stub.assert_no_pending_responses()


def test_requests_stay_within_sagemaker_s_bound() -> None:
    """MaxConcurrentTransforms times MaxPayloadInMB is at most 100."""
    request = transform_job.job_request(BUCKET, RUN, DECISION)
    assert request["MaxPayloadInMB"] * request["MaxConcurrentTransforms"] <= 100
