"""`digits doctor`: what each check finds, says and does to the exit status."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import NoCredentialsError
from botocore.stub import Stubber
from typer.testing import CliRunner, Result

from cli import checks, quotas
from cli.main import app
from cli.stack import client
from tests.cli.moto_account import deploy, empty_account
from tests.settings_and_events import BUCKET

ENOUGH = {
    "ml.g4dn.xlarge for training job usage": 2.0,
    "ml.g4dn.xlarge for spot training job usage": 2.0,
    "ml.m5.large for transform job usage": 4.0,
}


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account."""
    with empty_account(monkeypatch):
        yield


def doctor(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(app, ["doctor", *arguments])


@pytest.fixture
def s3_events() -> Iterator[None]:
    """EventBridge is on for the bucket; moto's answer leaves that out."""
    with Stubber(client("s3")) as stub:
        stub.add_response(
            "get_bucket_notification_configuration", {"EventBridgeConfiguration": {}}, {"Bucket": BUCKET}
        )
        yield


def healthy(**parameters: str) -> dict[str, str]:
    """Deploy a stack that lacks nothing but S3's events, unless `parameters` say so; returns its outputs."""
    outputs = deploy(**{"NotificationEmail": "a@example.org"} | parameters)
    boto3.client("sns").subscribe(
        TopicArn=outputs["NotificationsTopicArn"], Protocol="email", Endpoint="a@example.org"
    )
    boto3.client("sagemaker").create_model_package(
        ModelPackageGroupName="digits",
        ModelApprovalStatus="Approved",
        CustomerMetadataProperties={"training_job": "digits-1-final", "validation_accuracy": "0.9951"},
    )
    return outputs


def listing(values: dict[str, float]) -> dict[str, Any]:
    """Quotas in the shape of Service Quotas' answers."""
    return {
        "Quotas": [
            {"ServiceCode": "sagemaker", "QuotaName": name, "Value": value, "Unit": "None"}
            for name, value in values.items()
        ]
    }


@pytest.fixture
def service_quotas() -> Iterator[Stubber]:
    """Service Quotas' answers, each checked against its service model; all of them are asked for."""
    with Stubber(client("service-quotas")) as stub:
        yield stub
        stub.assert_no_pending_responses()


def have(stub: Stubber, **changes: float) -> None:
    """Answer with sufficient quotas but for `changes`, whose keys are the beginnings of quotas' names."""
    values = dict(ENOUGH)
    for start, value in changes.items():
        (name,) = [name for name in values if name.split(" for ")[1].startswith(start)]
        values[name] = value
    stub.add_response("list_service_quotas", listing(values), {"ServiceCode": "sagemaker"})


def line(result: Result, text: str) -> str:
    """The one line that holds a text."""
    (found,) = [line for line in result.output.splitlines() if text in line]
    return found


def test_a_healthy_stack_is_all_well(service_quotas: Stubber, s3_events: None) -> None:
    """Every line is well, and the exit status is 0."""
    healthy()
    have(service_quotas)
    result = doctor()
    assert result.exit_code == 0, result.output
    assert {line[0] for line in result.output.splitlines()} == {"✓"}
    assert "123456789012" in line(result, "credentials")
    assert "us-east-1" in line(result, "region")
    assert "digits: CREATE_COMPLETE" in line(result, "stack  ")
    assert "digits/1, digits-1-final, validation accuracy 99.51%" in line(result, "approved model")
    assert "a@example.org is subscribed" in line(result, "e-mail")
    assert "UploadDeadLetters is empty" in line(result, "dead letters")


def test_a_fresh_stack_says_everything_that_is_left_to_do(service_quotas: Stubber) -> None:
    """Without a quota, a model and events the stack can't work; each line is followed by what to do."""
    deploy()
    have(service_quotas, training=0, spot=0, transform=0)
    result = doctor()
    assert result.exit_code == 1
    assert line(result, "ml.g4dn.xlarge for training job usage: 0").startswith("✗")
    assert line(result, "ml.g4dn.xlarge for spot training job usage: 0").startswith("!")
    assert line(result, "ml.m5.large for transform job usage: 0").startswith("✗")
    assert "request 4 in Service Quotas, Amazon SageMaker, 'ml.m5.large for transform" in result.output
    assert line(result, "approved model").startswith("✗")
    assert "`digits tune DATASET`" in result.output
    assert line(result, "EventBridge is off").startswith("✗")
    assert f"aws s3api put-bucket-notification-configuration --bucket {BUCKET}" in result.output
    assert line(result, "NotificationEmail is empty").startswith("!")


def test_fewer_instances_than_the_stack_may_use_deserve_a_look(
    service_quotas: Stubber, s3_events: None
) -> None:
    """Work goes on with fewer of them: the exit status is 0."""
    healthy()
    have(service_quotas, training=1, transform=3)
    result = doctor()
    assert result.exit_code == 0
    assert line(result, "ml.g4dn.xlarge for training job usage: 1, 2 are recommended").startswith("!")
    assert "or `digits tune --parallel 1`" in result.output
    assert line(result, "ml.m5.large for transform job usage: 3, 4 are recommended").startswith("!")


def test_a_stack_that_trains_on_spare_capacity_needs_that_quota(service_quotas: Stubber) -> None:
    """With SpotTraining the spot quota stops the stack, and the other one doesn't."""
    healthy(SpotTraining="true")
    have(service_quotas, training=0, spot=0)
    result = doctor()
    assert result.exit_code == 1
    assert line(result, "ml.g4dn.xlarge for spot training job usage: 0").startswith("✗")
    assert line(result, "ml.g4dn.xlarge for training job usage: 0").startswith("!")


def test_instance_types_are_those_of_the_deployed_stack(service_quotas: Stubber) -> None:
    """A type that Service Quotas doesn't list, neither as applied nor as a default, is named."""
    healthy(TransformInstanceType="ml.m5.xxl")
    have(service_quotas)
    service_quotas.add_response("list_aws_default_service_quotas", listing({}))
    result = doctor()
    assert line(result, "ml.m5.xxl for transform job usage: not listed in this region").startswith("!")
    assert "check TransformInstanceType" in result.output


def test_quotas_are_read_over_all_pages_and_defaults_fill_the_gaps(service_quotas: Stubber) -> None:
    """An applied quota wins over the default, whichever page it is on."""
    first, second, third = ENOUGH
    service_quotas.add_response("list_service_quotas", listing({first: 0}) | {"NextToken": "more"})
    service_quotas.add_response("list_service_quotas", listing({second: 1}))
    service_quotas.add_response("list_aws_default_service_quotas", listing({first: 9, third: 7}))
    found = quotas.quotas(client("service-quotas"), set(ENOUGH))
    assert found == {first: 0, second: 1, third: 7}


def test_a_denied_check_is_reported_and_the_rest_is_done(service_quotas: Stubber, s3_events: None) -> None:
    """A denied permission costs one line."""
    healthy()
    service_quotas.add_client_error("list_service_quotas", "AccessDeniedException", "not allowed")
    result = doctor()
    assert result.exit_code == 0
    assert line(result, "not allowed").startswith("!")
    assert line(result, "approved model").startswith("✓")


def test_a_stack_of_an_older_version_is_reported(s3_events: None) -> None:
    """The parameter that it lacks is named, and the rest is checked."""
    stub = Stubber(client("cloudformation"))
    healthy()
    found = boto3.client("cloudformation").describe_stacks(StackName="digits")["Stacks"][0]
    stub.add_response("describe_stacks", {"Stacks": [found | {"Parameters": []}]})
    with stub:
        result = doctor()
    assert result.exit_code == 1
    assert line(result, "expected the parameter TrainingInstanceType").startswith("✗")
    assert line(result, "approved model").startswith("✓")


def test_without_a_stack_the_next_step_is_to_deploy() -> None:
    """The rest can't be checked."""
    result = doctor("--stack", "other")
    assert result.exit_code == 1
    assert line(result, "stack other: expected a deployed stack").startswith("✗")
    assert "sam deploy" in result.output
    assert "quota" not in result.output


@pytest.mark.parametrize(
    ("status", "mark"),
    [("UPDATE_ROLLBACK_COMPLETE", "!"), ("UPDATE_IN_PROGRESS", "!"), ("ROLLBACK_COMPLETE", "✗")],
)
def test_a_deployment_that_did_not_succeed_is_reported(status: str, mark: str) -> None:
    """A stack that still works is a warning; one that was never deployed is an error."""
    stub = Stubber(client("cloudformation"))
    outputs = {"BucketName": BUCKET, "ModelPackageGroupName": "digits"}
    described: dict[str, Any] = {
        "StackName": "digits",
        "CreationTime": "2026-11-25T12:00:00Z",
        "StackStatus": status,
        "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
    }
    stub.add_response("describe_stacks", {"Stacks": [described]})
    with stub:
        found = line(doctor(), f"digits: {status}")
    assert found.startswith(mark)


def test_no_credentials_stop_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line says how to get some, and no other check runs."""

    def refuse(**_: Any) -> None:
        raise NoCredentialsError

    monkeypatch.setattr(client("sts"), "get_caller_identity", refuse)
    result = doctor()
    assert result.exit_code == 1
    assert line(result, "Unable to locate credentials").startswith("✗")
    assert "`aws configure`" in result.output
    assert "stack" not in result.output


def test_no_region_stops_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line says how to set one."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    result = doctor()
    assert result.exit_code == 1
    assert line(result, "none is set").startswith("✗")
    assert "AWS_DEFAULT_REGION" in result.output


@pytest.mark.parametrize(
    ("arn", "phrase"),
    [("PendingConfirmation", "hasn't confirmed"), ("Deleted", "isn't subscribed (any more)")],
)
def test_an_address_that_gets_no_mail_is_reported(service_quotas: Stubber, arn: str, phrase: str) -> None:
    """A subscription that isn't confirmed, or was deleted, notifies nobody."""
    healthy()
    have(service_quotas)
    entry = {"SubscriptionArn": arn, "Protocol": "email", "Endpoint": "a@example.org"}
    with Stubber(client("sns")) as stub:
        stub.add_response("list_subscriptions_by_topic", {"Subscriptions": [entry]})
        result = doctor()
    assert line(result, phrase).startswith("!")


def test_dead_letters_are_counted(service_quotas: Stubber, s3_events: None) -> None:
    """An unprocessed message is a warning that names the document to read."""
    outputs = healthy()
    have(service_quotas)
    boto3.client("sqs").send_message(QueueUrl=outputs["UploadDeadLettersUrl"], MessageBody=json.dumps({}))
    result = doctor()
    assert result.exit_code == 0
    assert line(result, "UploadDeadLetters holds 1").startswith("!")
    assert "docs/operations.md" in result.output


def test_in_the_local_cloud_what_it_lacks_is_not_held_against_it(
    monkeypatch: pytest.MonkeyPatch, s3_events: None
) -> None:
    """Quotas and e-mails are marked as unseen, and don't change the exit status."""
    healthy()
    monkeypatch.setattr(checks, "is_local", lambda: True)
    result = doctor()
    assert result.exit_code == 0
    assert line(result, "the local cloud has none").startswith("–")
    assert line(result, "the local cloud sends no e-mail").startswith("–")
    assert "in the local cloud" in line(result, "credentials")


@pytest.mark.parametrize(
    ("endpoint", "local"), [("http://127.0.0.1:5000", True), ("https://sts.amazonaws.com", False)]
)
def test_a_local_cloud_is_known_by_its_address(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, local: bool
) -> None:
    """An endpoint on this machine is a local cloud's."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    assert checks.is_local() is local
