"""`digits prove` over the deployed template: it passes, and names the link that a planted fault breaks."""

import io
import json
import re
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from batch_prediction.models.registry import CONTENT_TYPE, SERVING_ENVIRONMENT
from cli import stack as commands
from cli.main import app
from localcloud.assembly import local_cloud
from localcloud.eventbridge.schedules import fire
from localcloud.faults import Faults
from tests.stack import IMAGE, ROOT, STACK_NAME, Stack, deploy_template
from training.datasets import DataSet, Digits, sample
from training.upload import upload

pytestmark = pytest.mark.deploys
ARTIFACT = "models/digits-first/output/model.tar.gz"
DOESNT_START = "\nraise SystemExit('no model today')\n"
ANOTHER_ORDER = """
predict_in_order = predict_fn

def predict_fn(records, model):
    return predict_in_order(records, model)[::-1]
"""


@dataclass
class Proven(Stack):
    """A stack with an approved model, its cloud's faults, and what `digits prove` says of it."""

    faults: Faults

    def name(self, logical_id: str) -> str:
        """A resource's name in the account."""
        found = self.cloud.client("cloudformation").describe_stack_resource(
            StackName=STACK_NAME, LogicalResourceId=logical_id
        )
        name: str = found["StackResourceDetail"]["PhysicalResourceId"]
        return name

    def prove(self, *options: str) -> dict[str, Any]:
        """What the command prints for programs; its exit status says the same."""
        outcome = CliRunner().invoke(app, ["prove", "--stack", STACK_NAME, "--yes", "--json", *options])
        found: dict[str, Any] = json.loads(outcome.stdout)
        assert outcome.exit_code == (0 if found["proven"] else 1), outcome.output
        return found

    def approve(self, key: str, image: str = IMAGE) -> str:
        """Register an approved package of an artifact; returns its ARN."""
        answer = self.sagemaker.create_model_package(
            ModelPackageGroupName="digits",
            ModelApprovalStatus="Approved",
            InferenceSpecification={
                "Containers": [
                    {
                        "Image": image,
                        "ModelDataUrl": f"s3://{self.bucket}/{key}",
                        "Environment": SERVING_ENVIRONMENT,
                    }
                ],
                "SupportedContentTypes": [CONTENT_TYPE],
                "SupportedResponseMIMETypes": [CONTENT_TYPE],
            },
        )
        return str(answer["ModelPackageArn"])

    def reject(self, arn: str) -> None:
        """Roll back to the version before."""
        self.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")


def few() -> Digits:
    """Enough real digits to train on."""
    return sample(seed=2).training[np.arange(1200)]


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest) -> Iterator[Proven]:
    """The stack with a model of a few real digits, whose sweep has run."""
    faults = Faults(seed=1)
    commands.client.cache_clear()
    with local_cloud(faults=faults) as cloud:
        deployed = deploy_template(request, cloud, MinimumAccuracy="0.5", NotificationEmail="a@example.org")
        proven = Proven(cloud, deployed.outputs, faults)
        proven.train(
            "digits-first", few(), sample(seed=2).test, arch="small", epochs="4", seed="1", threads="1"
        )
        fire(cloud, proven.name("SweepRule"))
        yield proven
    commands.client.cache_clear()


@pytest.fixture(autouse=True)
def empty_dead_letters(stack: Proven) -> Iterator[None]:
    """What one fault leaves behind isn't held against the next test."""
    yield
    sqs = stack.cloud.client("sqs")
    for kind in ("Upload", "Report", "Training", "Sweep"):
        place = {"QueueUrl": stack.outputs[f"{kind}DeadLettersUrl"]}
        for message in sqs.receive_message(**place, MaxNumberOfMessages=10).get("Messages", []):
            sqs.delete_message(**place, ReceiptHandle=message["ReceiptHandle"])


def test_a_healthy_stack_is_proven_link_by_link(stack: Proven) -> None:
    """Every link holds by evidence of its own, and nothing but manifests is left below incoming/."""
    proof = stack.prove()
    assert {link["name"]: link["found"] for link in proof["links"] if link["status"] != "proven"} == {}
    found = {link["name"]: link["found"] for link in proof["links"]}
    assert found["event"].startswith("UploadRule has matched")
    assert found["package"].startswith("digits/1, Approved")
    assert found["output"] == "part-00000.jsonl.out, 39 lines, each ended by a line feed"
    assert found["order"].endswith("7 errors at their own images")
    assert found["counts"] == "Completed: 40 expected, 32 scored, 8 unreadable, 0 missing"
    assert found["refusal"] == "Refused, MANIFEST_UNREADABLE"
    assert found["topic"] == "email a@example.org"
    batch = proof["batch"]
    assert sorted(stack.objects(f"incoming/{batch}")) == [
        f"incoming/{batch}-refused/manifest.csv",
        f"incoming/{batch}/manifest.jsonl",
    ]
    assert {key for key, _ in stack.versions(f"incoming/{batch}/")} == {f"incoming/{batch}/manifest.jsonl"}
    assert len(proof["removed"]) == 1


# The action of an operation, where it isn't the operation itself.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
ACTIONS = {
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:DeleteObject": "s3:DeleteObjectVersion",
    "monitoring:GetMetricStatistics": "cloudwatch:GetMetricStatistics",
}


def test_the_permissions_of_a_proof_are_those_that_operations_lists(stack: Proven) -> None:
    """What a healthy stack is asked for is in the policy of docs/operations.md, and nothing else is."""
    asked: set[str] = set()

    def note(model: Any, **_: Any) -> None:
        operation = f"{model.service_model.endpoint_prefix.removeprefix('api.')}:{model.name}"
        asked.add(ACTIONS.get(operation, operation))

    for service in ("cloudformation", "cloudwatch", "logs", "s3", "sagemaker", "sns", "sqs"):
        commands.client(service).meta.events.register("provide-client-params", note)
    stack.prove()
    text = (ROOT / "docs" / "operations.md").read_text()
    blocks = re.findall(r"^```json\n(.*?)^```", text, re.M | re.S)
    (policy,) = (json.loads(block) for block in blocks if "cloudwatch:GetMetricStatistics" in block)
    listed = [action for statement in policy["Statement"] for action in statement["Action"]]
    assert sorted(asked) == sorted(listed)


def test_with_training_a_search_is_proven_before_the_batch(
    stack: Proven, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two trials, the final training and its package come first; the trials' artifacts are removed."""
    # The SDK keeps the clients of the first account that it sees; another test has another one.
    from sagemaker.core.utils.utils import _ClientCacheMeta

    monkeypatch.setattr(_ClientCacheMeta, "_instances", {})
    upload(stack.s3, stack.bucket, DataSet("few", "MNIST", few(), sample(seed=2).test))
    proof = stack.prove("--with-training", "--dataset", "few")
    assert proof["proven"], proof["links"]
    found = {link["name"]: link["found"] for link in proof["links"]}
    assert [name for name, link in zip(found, proof["links"], strict=True) if link["status"] != "proven"] == [
        "GPU"
    ]
    assert list(found)[:6] == ["data set", "search", "GPU", "final training", "registration", "upload"]
    tuning_job = found["final training"].removesuffix("-final")
    assert found["search"].count("Completed  validation accuracy") == 2
    assert not stack.objects(f"trials/{tuning_job}/")
    assert stack.objects(f"models/{tuning_job}-final/output/model.tar.gz")
    for package in stack.packages()[1:]:
        assert package["ModelApprovalStatus"] != "Approved"


@contextmanager
def without_permission(stack: Proven) -> Iterator[None]:
    """start_transform may not write below runs/."""
    iam, role = stack.cloud.client("iam"), stack.name("StartTransformRole")
    (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    cut = [statement for statement in document["Statement"] if statement["Sid"] != "WriteRuns"]
    place = {"RoleName": role, "PolicyName": policy}
    iam.put_role_policy(**place, PolicyDocument=json.dumps(document | {"Statement": cut}))
    try:
        yield
    finally:
        iam.put_role_policy(**place, PolicyDocument=json.dumps(document))


@contextmanager
def another_pattern(stack: Proven) -> Iterator[None]:
    """UploadRule matches other keys."""
    events, rule = stack.cloud.client("events"), stack.name("UploadRule")
    sound = events.describe_rule(Name=rule)["EventPattern"]
    assert "incoming/*/" in sound
    events.put_rule(Name=rule, EventPattern=sound.replace("incoming/*/", "arriving/*/"))
    try:
        yield
    finally:
        events.put_rule(Name=rule, EventPattern=sound)


@contextmanager
def absent_image(stack: Proven) -> Iterator[None]:
    """The newest package's image has a tag that no registry has."""
    host, tag = IMAGE.partition("/")[0], "ray:serve-ml-sagemaker-cpu-v0"
    stack.faults.absent_images.add(tag)
    package = stack.approve(ARTIFACT, f"{host}/{tag}")
    try:
        yield
    finally:
        stack.reject(package)
        stack.faults.absent_images.clear()


@contextmanager
def no_notifications(stack: Proven) -> Iterator[None]:
    """The bucket sends no events."""
    place = {"Bucket": stack.bucket}
    stack.s3.put_bucket_notification_configuration(**place, NotificationConfiguration={})
    try:
        yield
    finally:
        on: dict[str, Any] = {"EventBridgeConfiguration": {}}
        stack.s3.put_bucket_notification_configuration(**place, NotificationConfiguration=on)


@contextmanager
def no_queue_policy(stack: Proven) -> Iterator[None]:
    """The upload queue lets nobody send."""
    sqs, url = stack.cloud.client("sqs"), stack.queue_url("UploadQueue")
    sound = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": sound})


@contextmanager
def no_approved_package(stack: Proven) -> Iterator[None]:
    """No version of the group is Approved."""
    arn = stack.packages()[0]["ModelPackageArn"]
    stack.reject(arn)
    try:
        yield
    finally:
        stack.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")


@contextmanager
def no_quota(stack: Proven) -> Iterator[None]:
    """SageMaker starts no transform job of this account."""
    stack.faults.limits = 1.0
    try:
        yield
    finally:
        stack.faults.limits = 0.0


@contextmanager
def another_container(stack: Proven, addition: str) -> Iterator[None]:
    """The newest package's inference code ends otherwise."""
    packed = io.BytesIO()
    sound = stack.s3.get_object(Bucket=stack.bucket, Key=ARTIFACT)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(sound)) as old, tarfile.open(fileobj=packed, mode="w:gz") as new:
        for member in old.getmembers():
            content = old.extractfile(member)
            body = content.read() if content else b""
            if member.name.endswith("code/inference.py"):
                body += addition.encode()
            member.size = len(body)
            new.addfile(member, io.BytesIO(body))
    stack.put("models/changed/output/model.tar.gz", packed.getvalue())
    package = stack.approve("models/changed/output/model.tar.gz")
    try:
        yield
    finally:
        stack.reject(package)


@contextmanager
def nobody_subscribed(stack: Proven) -> Iterator[None]:
    """The topic tells nobody."""
    sns, topic = stack.cloud.client("sns"), stack.outputs["NotificationsTopicArn"]
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    try:
        yield
    finally:
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=subscription["Endpoint"])


FAULTS: list[tuple[Callable[[Proven], Any], str, str]] = [
    (without_permission, "decision", "not authorized to perform: s3:GetObject"),
    (another_pattern, "event", "UploadRule has matched no event"),
    (absent_image, "model", "ray:serve-ml-sagemaker-cpu-v0 not found"),
    (no_notifications, "notifications", "EventBridge is off"),
    (no_queue_policy, "message", "UploadRule couldn't deliver"),
    (no_approved_package, "package", "no approved package"),
    (no_quota, "transform job", "ResourceLimitExceeded"),
    (lambda stack: another_container(stack, DOESNT_START), "container", "no model today"),
    (lambda stack: another_container(stack, ANOTHER_ORDER), "order", "has the answer"),
    (nobody_subscribed, "topic", "no confirmed subscription"),
]


@pytest.mark.parametrize(("plant", "link", "found"), FAULTS, ids=[link for _, link, _ in FAULTS])
def test_the_link_that_a_fault_breaks_is_named(
    stack: Proven, plant: Callable[[Proven], Any], link: str, found: str
) -> None:
    """It is the one broken link, shows what was found and what to do; what comes after it isn't tried."""
    with plant(stack):
        proof = stack.prove()
    names = [each["name"] for each in proof["links"]]
    statuses = {each["name"]: each["status"] for each in proof["links"]}
    at = names.index(link)
    assert statuses == (
        dict.fromkeys(names[:at], "proven") | {link: "broken"} | dict.fromkeys(names[at + 1 :], "not tried")
    ), proof["links"]
    assert found in proof["links"][at]["found"]
    assert proof["links"][at]["advice"]
    assert not [key for key in stack.objects(f"incoming/{proof['batch']}/") if "manifest" not in key]
