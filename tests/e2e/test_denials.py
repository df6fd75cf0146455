"""What a role may not do is denied, and what is taken from it stops its function or job, end to end."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.assembly import local_cloud
from localcloud.cloudformation.sam import parse
from localcloud.core.activity import Activity
from localcloud.core.clients import make_client
from localcloud.deploy import deploy
from localcloud.eventbridge.schedules import fire
from localcloud.iam.roles import role_environment
from tests.settings_and_events import event
from tests.stack import IMAGE, ROOT, STACK_NAME, Stack, deploy_template
from tests.template.document import chosen
from tests.wait import until

pytestmark = pytest.mark.deploys
PARAMETERS = {"Name": "digits", "WaitForImagesMinutes": "0"}  # no image ever comes


@dataclass
class Deployed(Stack):
    """A deployed stack, its denials, and its roles."""

    denials: list[Activity]

    def physical_id(self, logical_id: str) -> str:
        """A resource's name in the account."""
        resource = self.cloud.client("cloudformation").describe_stack_resource(
            StackName=STACK_NAME, LogicalResourceId=logical_id
        )
        name: str = resource["StackResourceDetail"]["PhysicalResourceId"]
        return name

    def role(self, logical_id: str) -> str:
        """A role's ARN."""
        return f"arn:aws:iam::{self.cloud.account_id}:role/{self.physical_id(logical_id)}"

    def client(self, service: str, logical_id: str) -> Any:
        """A client with a role's credentials."""
        return make_client(service, role_environment(self.cloud, self.role(logical_id), "test"))

    def update(self, folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
        """Deploy the template again with a change."""
        document = parse((ROOT / "template.yaml").read_text())
        change(document["Resources"])
        folder.mkdir()
        (folder / "functions").symlink_to(ROOT / "functions")
        (folder / "template.json").write_text(json.dumps(document))
        deploy(self.cloud, folder / "template.json", STACK_NAME, PARAMETERS, ROOT / ".cache")


def without(logical_id: str, sid: str) -> Callable[[dict[str, Any]], None]:
    """Take one statement out of a function's or a role's policies."""

    def take_out(resources: dict[str, Any]) -> None:
        policies = [chosen(policy) for policy in resources[logical_id]["Properties"]["Policies"]]
        assert sum(_take_out(policy, sid) for policy in policies) == 1, f"{logical_id} has no statement {sid}"

    return take_out


def _take_out(policy: dict[str, Any], sid: str) -> int:
    content = policy.get("PolicyDocument", policy)
    before = len(content["Statement"])
    content["Statement"] = [statement for statement in content["Statement"] if statement["Sid"] != sid]
    return before - len(content["Statement"])


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest) -> Iterator[Deployed]:
    """The stack as template.yaml deploys it."""
    happened: list[Activity] = []
    with local_cloud(
        lambda activity: happened.append(activity) if activity.kind == "denial" else None
    ) as cloud:
        yield Deployed(cloud, deploy_template(request, cloud, **PARAMETERS).outputs, happened)


def puts(key: str) -> Callable[[Any, str], Any]:
    """Writing an object."""
    return lambda s3, bucket: s3.put_object(Bucket=bucket, Key=key, Body=b"x")


def gets(key: str) -> Callable[[Any, str], Any]:
    """Reading an object."""
    return lambda s3, bucket: s3.get_object(Bucket=bucket, Key=key)


@pytest.mark.parametrize(
    ("role", "service", "ask"),
    [
        ("StartTransformRole", "s3", puts("reports/b/r/report.json")),
        ("StartTransformRole", "s3", puts("incoming/b/manifest.jsonl")),
        ("StartTransformRole", "s3", gets("incoming/b/0001.png")),
        ("WriteReportRole", "s3", puts("runs/b/r/run.json")),
        ("WriteReportRole", "s3", gets("models/b/output/model.tar.gz")),
        ("RegisterModelRole", "s3", puts("models/j/output/model.tar.gz")),
        ("RegisterModelRole", "s3", gets("datasets/mnist/training/x")),
        ("SageMakerRole", "s3", puts("reports/b/r/report.json")),
        ("SageMakerRole", "s3", puts("runs/b/r/run.json")),
        ("SageMakerRole", "s3", puts("incoming/b/manifest.jsonl")),
        ("SageMakerRole", "s3", gets("reports/b/r/report.json")),
        ("WriteReportRole", "s3", lambda s3, bucket: s3.delete_object(Bucket=bucket, Key="reports/x")),
        ("StartTransformRole", "s3", lambda s3, _bucket: s3.list_objects_v2(Bucket="another-bucket")),
        ("StartTransformRole", "sagemaker", lambda sm, _: sm.describe_model(ModelName="others-1")),
        ("WriteReportRole", "sagemaker", lambda sm, _: sm.stop_transform_job(TransformJobName="digits-1")),
        (
            "StartTransformRole",
            "sagemaker",
            lambda sm, _: sm.create_model(
                ModelName="digits-1",
                ExecutionRoleArn="arn:aws:iam::123456789012:role/admin",
                PrimaryContainer={},
            ),
        ),
        (
            "StartTransformRole",
            "sqs",
            lambda sqs, _: sqs.send_message(QueueUrl="http://localhost/123456789012/others", MessageBody="x"),
        ),
    ],
)
def test_a_request_outside_a_roles_own_is_denied(
    stack: Deployed, role: str, service: str, ask: Callable[[Any, str], Any]
) -> None:
    """A role reads and writes its own prefixes, and its own stack's jobs, models and queues alone."""
    with pytest.raises(ClientError) as refused:
        ask(stack.client(service, role), stack.bucket)
    assert refused.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def drop(stack: Deployed, batch: str) -> None:
    """Upload a manifest, for which there is no model: it is refused in a report."""
    stack.put(f"incoming/{batch}/manifest.jsonl", b'{"file_name": "1.png", "label": 1}')


def test_a_run_that_may_not_be_written_ends_in_the_dead_letter_queue(stack: Deployed, tmp_path: Path) -> None:
    """Without WriteRuns, start_transform is denied: its message goes to the dead-letter queue."""
    stack.update(tmp_path / "cut", without("StartTransform", "WriteRuns"))
    drop(stack, "no-runs")
    assert dead_letters(stack, "UploadDeadLettersUrl")
    denied = [each.text for each in stack.denials if "StartTransformRole" in each.name]
    assert any("/runs/no-runs/" in text for text in denied)
    assert not stack.objects("runs/no-runs/")


def test_a_report_that_may_not_be_written_ends_in_the_dead_letter_queue(
    stack: Deployed, tmp_path: Path
) -> None:
    """Without WriteReports, write_report is denied: a dead-letter message and no report."""
    stack.update(tmp_path / "cut", without("WriteReport", "WriteReports"))
    drop(stack, "no-report")
    assert dead_letters(stack, "ReportDeadLettersUrl")
    denied = [each.text for each in stack.denials if "WriteReportRole" in each.name]
    assert any("/reports/no-report/" in text for text in denied)
    assert not stack.objects("reports/no-report/")


def test_a_job_whose_image_may_not_be_pulled_fails(stack: Deployed, tmp_path: Path) -> None:
    """Without PullImages, which only AWS would ever use, a training job fails and says so."""
    stack.update(tmp_path / "cut", without("SageMakerRole", "PullImages"))
    stack.sagemaker.create_training_job(
        TrainingJobName="digits-unpulled",
        RoleArn=stack.role("SageMakerRole"),
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        HyperParameters={"sagemaker_program": "train.py", "sagemaker_submit_directory": "s3://b/k.tar.gz"},
        OutputDataConfig={"S3OutputPath": f"s3://{stack.bucket}/models/"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )

    def ended() -> Any:
        job = stack.sagemaker.describe_training_job(TrainingJobName="digits-unpulled")
        return job if job["TrainingJobStatus"] != "InProgress" else None

    job = until(ended)
    assert job["TrainingJobStatus"] == "Failed"
    assert "not authorized to perform: ecr:BatchCheckLayerAvailability on resource" in job["FailureReason"]


def closed(resources: dict[str, Any]) -> None:
    """Let no rule reach its target; the dead-letter queues' policies stay."""
    for permission in ("TuningEndedPermission", "TrainingEndedPermission", "SweepPermission"):
        del resources[permission]
    for kind in ("Upload", "Report"):
        statements = resources[f"{kind}QueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
        (allowing,) = (statement for statement in statements if statement["Effect"] == "Allow")
        allowing["Resource"] = {"Fn::GetAtt": [f"{kind}DeadLetters", "Arn"]}


def test_what_a_rules_target_refuses_is_in_the_rules_dead_letter_queue(
    stack: Deployed, tmp_path: Path
) -> None:
    """Each rule may send there what it can't deliver, with the reason."""
    stack.update(tmp_path / "closed", closed)
    for sample in ("s3_object_created", "transform_job_failed", "tuning_job_failed", "training_job_failed"):
        sent = json.loads(json.dumps(event(sample)).replace("digits-bucket", stack.bucket))
        stack.cloud.emit(sent["source"], sent["detail-type"], sent["detail"], sent["resources"])
    fire(stack.cloud, stack.physical_id("SweepRule"))
    for output, rules in (
        ("UploadDeadLettersUrl", {"UploadRule"}),
        ("ReportDeadLettersUrl", {"TransformEndedRule"}),
        ("TrainingDeadLettersUrl", {"TuningEndedRule", "TrainingEndedRule"}),
        ("SweepDeadLettersUrl", {"SweepRule"}),
    ):
        assert refused(stack, output, len(rules)) == {stack.physical_id(rule) for rule in rules}


def refused(stack: Deployed, output: str, count: int) -> set[str]:
    """Wait until a dead-letter queue has events of so many rules whose target didn't let them in."""
    sqs, names = stack.cloud.client("sqs"), set()

    def found() -> set[str] | None:
        messages = sqs.receive_message(
            QueueUrl=stack.outputs[output], MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        for message in messages.get("Messages", []):
            attributes = {
                key: value["StringValue"] for key, value in message.get("MessageAttributes", {}).items()
            }
            if attributes.get("ERROR_CODE") == "NO_PERMISSIONS":
                names.add(attributes["RULE_ARN"].rpartition("/")[2])
        return names if len(names) >= count else None

    return until(found)


def dead_letters(stack: Deployed, output: str) -> list[dict[str, Any]]:
    """Wait for a message in the dead-letter queue."""
    sqs = stack.cloud.client("sqs")
    return until(lambda: sqs.receive_message(QueueUrl=stack.outputs[output]).get("Messages"))
