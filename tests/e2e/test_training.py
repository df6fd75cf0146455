"""From a search to a model over the local cloud, and what becomes of one that fails; without torch."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.assembly import local_cloud
from localcloud.sqs import queue_url
from tests.e2e.searches import BAD, search, training
from tests.settings_and_events import event
from tests.stack import Stack, deploy_template
from tests.wait import until

pytestmark = pytest.mark.deploys
GOOD = """
import os, pathlib, sys
print("validation-accuracy: 0.99")
if os.path.isdir(os.environ.get("SM_CHANNEL_TEST", "none")):
    print("test-accuracy: 0.98")
pathlib.Path(os.environ["SM_MODEL_DIR"], "config.json").write_text("{}")
"""
RESUMED = """
import os, pathlib
checkpoints = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "checkpoints")
was = (checkpoints / "epoch-1").read_text()
(checkpoints / "epoch-1").unlink()
(checkpoints / "epoch-2").write_text(was + ", two")
pathlib.Path(os.environ["SM_MODEL_DIR"], "config.json").write_text("{}")
"""


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The stack as template.yaml deploys it, with a data set, and a queue that gets what is published."""
    with local_cloud() as cloud:
        stack = deploy_template(request, cloud)
        for channel in ("training", "test"):
            stack.put(f"datasets/few/{channel}/numbers", b"1")
        sqs, topic = cloud.client("sqs"), stack.outputs["NotificationsTopicArn"]
        url = sqs.create_queue(QueueName="people")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        cloud.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        yield stack


def failure(stack: Stack, key: str) -> Any:
    """Wait for the record of a failure."""
    found: dict[str, bytes] = until(lambda: stack.objects(key))
    return json.loads(found[key])


def published(stack: Stack, word: str) -> str:
    """Wait until something is published; returns the subject of the message."""
    sqs = stack.cloud.client("sqs")

    def received() -> str | None:
        messages = sqs.receive_message(QueueUrl=queue_url(stack.cloud, "people"), MaxNumberOfMessages=10)
        contents = [json.loads(message["Body"]) for message in messages.get("Messages", [])]
        return next((content["Subject"] for content in contents if word in content["Subject"]), None)

    return until(received)


def test_a_search_becomes_a_model_package_of_its_final_training(stack: Stack) -> None:
    """The package of the final training names its search; a repeated event starts no second one."""
    search(stack, "digits-search", GOOD)
    (package,) = until(stack.packages)
    described = stack.sagemaker.describe_model_package(ModelPackageName=package["ModelPackageArn"])
    metadata = described["CustomerMetadataProperties"]
    assert package["ModelApprovalStatus"] == "Approved"
    assert metadata["training_job"] == "digits-search-final"
    assert metadata["tuning_job"] == "digits-search"
    repeated = event("tuning_job_completed")
    repeated["detail"]["HyperParameterTuningJobName"] = "digits-search"
    answer = stack.cloud.client("lambda").invoke(
        FunctionName="digits-train-best-model", Payload=json.dumps(repeated)
    )
    assert "FunctionError" not in answer
    finals = stack.sagemaker.list_training_jobs(NameContains="digits-search-final")["TrainingJobSummaries"]
    assert len(finals) == 1


def test_a_search_without_a_successful_trial_is_recorded_and_published(stack: Stack) -> None:
    """There is no final training; the reason is published, and kept next to the trials."""
    search(stack, "digits-hopeless", BAD)
    assert failure(stack, "trials/digits-hopeless/failure.json")["job"] == "digits-hopeless"
    assert "digits-hopeless" in published(stack, "digits-hopeless")
    finals = stack.sagemaker.list_training_jobs(NameContains="digits-hopeless-final")["TrainingJobSummaries"]
    assert finals == []


def test_a_final_training_that_fails_is_recorded_and_published(stack: Stack) -> None:
    """The record has the script's last words."""
    stack.sagemaker.create_training_job(**training(stack, "digits-lost", BAD))
    record = failure(stack, "models/digits-lost/failure.json")
    assert record["status"] == "Failed"
    assert "the data are gone" in record["reason"]
    assert "digits-lost" in published(stack, "digits-lost")


def test_a_training_on_spare_capacity_has_its_checkpoints(stack: Stack) -> None:
    """The job begins with S3's checkpoints; files that it writes and deletes appear in and vanish from S3."""
    stack.put("checkpoints/digits-resumed/epoch-1", b"one")
    stack.sagemaker.create_training_job(**training(stack, "digits-resumed", RESUMED))

    def status() -> str | None:
        found: str = stack.sagemaker.describe_training_job(TrainingJobName="digits-resumed")[
            "TrainingJobStatus"
        ]
        return found if found != "InProgress" else None

    assert until(status) == "Completed"
    left = stack.objects("checkpoints/digits-resumed/")
    assert left == {"checkpoints/digits-resumed/epoch-2": b"one, two"}


@pytest.mark.parametrize("function", ["digits-train-best-model", "digits-register-model"])
def test_an_event_that_a_training_function_cannot_handle_goes_to_the_dead_letter_queue(
    stack: Stack, function: str
) -> None:
    """An event that can't be handled is attempted three times, and kept with its reason."""
    stack.cloud.client("lambda").invoke(
        FunctionName=function, InvocationType="Event", Payload=json.dumps({"detail": {"asked": function}})
    )
    sqs, url = stack.cloud.client("sqs"), stack.outputs["TrainingDeadLettersUrl"]

    def letters() -> list[Any]:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        bodies = [json.loads(message["Body"]) for message in messages.get("Messages", [])]
        return [body for body in bodies if body["requestPayload"]["detail"] == {"asked": function}]

    (letter,) = until(letters)
    assert letter["requestContext"]["condition"] == "RetriesExhausted"
    assert letter["requestContext"]["approximateInvokeCount"] == 3
