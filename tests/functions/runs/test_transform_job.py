"""A run's model and transform job: made once under a name of their own, or refused."""

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from batch_prediction.aws.clients import Clients
from batch_prediction.runs import transform_job
from tests.functions.start.uploads import (
    DECISION,
    RUN,
    job_writing_to,
    model_of,
)
from tests.settings_and_events import BUCKET, SETTINGS


@pytest.mark.parametrize(("lines", "instances"), [(1, 1), (100_000, 1), (100_001, 2), (10_000_000, 4)])
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
        with pytest.raises(RuntimeError, match=r"model digits-0123456789ab: the name is taken.*digits/2"):
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


def test_the_request_of_a_job_is_the_whole_of_what_sagemaker_does() -> None:
    """Eight parts at once, ten minutes and three repetitions for an answer, no label for the model."""
    request = transform_job.job_request(BUCKET, RUN, DECISION, 2)
    assert request["TransformJobName"] == f"{DECISION.transform_job}-2"
    assert request["MaxConcurrentTransforms"] == 8
    assert request["MaxPayloadInMB"] * request["MaxConcurrentTransforms"] <= 100  # SageMaker's bound
    assert request["ModelClientConfig"] == {"InvocationsTimeoutInSeconds": 600, "InvocationsMaxRetries": 3}
    assert request["DataProcessing"] == {"InputFilter": "$.image", "JoinSource": "Input"}
    assert (request["BatchStrategy"], request["TransformInput"]["SplitType"]) == ("MultiRecord", "Line")
    assert request["TransformOutput"]["S3OutputPath"] == f"s3://{BUCKET}/{RUN.output_prefix(2)}"
    assert request["TransformOutput"]["AssembleWith"] == "Line"


def test_another_package_role_or_environment_is_another_model() -> None:
    """The model's name follows from what it is made of, so that no old model is taken for a new one."""
    package = DECISION.model_package
    names = {
        transform_job.model_name(settings, name)
        for settings, name in (
            (SETTINGS, package),
            (SETTINGS, f"{package}0"),
            (replace(SETTINGS, sagemaker_role_arn="arn:aws:iam::123456789012:role/another"), package),
            (replace(SETTINGS, bucket="another-bucket"), package),
        )
    }
    assert len(names) == 4
    assert transform_job.model_name(SETTINGS, package) in names


def test_what_is_busy_is_passed_on_unless_the_job_is_there(aws: Clients) -> None:
    """A throttled request may be the repetition of one that took effect: SageMaker is asked."""
    for exists in (True, False):
        with Stubber(aws.sagemaker) as stub:
            stub.add_response("create_model", {"ModelArn": model_of("")["ModelArn"]})
            stub.add_client_error("create_transform_job", "ThrottlingException")
            if exists:
                path = f"s3://{BUCKET}/{RUN.output_prefix()}"
                stub.add_response("describe_transform_job", job_writing_to(path))
                assert transform_job.start(aws.sagemaker, BUCKET, RUN, DECISION) is None
            else:
                absent = "Could not find requested job"
                stub.add_client_error("describe_transform_job", "ValidationException", absent)
                with pytest.raises(ClientError, match="ThrottlingException"):
                    transform_job.start(aws.sagemaker, BUCKET, RUN, DECISION)
            stub.assert_no_pending_responses()
