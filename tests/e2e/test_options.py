"""The deployed template with all of its options: a customer's key, a network, access logs."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from localcloud.assembly import local_cloud
from localcloud.faults import Faults
from tests import stub_model
from tests.documented_policies import ACCESS_LOGS, KEY, LOGS, policy
from tests.e2e.searches import BAD, search
from tests.stack import STACK_NAME, Stack, deploy_template
from tests.wait import until

pytestmark = pytest.mark.deploys
NETWORK = {"SubnetIds": "subnet-0a,subnet-0b", "SecurityGroupIds": "sg-0c"}
VPC = {"Subnets": ["subnet-0a", "subnet-0b"], "SecurityGroupIds": ["sg-0c"]}
TAG = {"Key": "digit-batch", "Value": "digits"}
GOOD = """
import os, pathlib
print("validation-accuracy: 0.99")
pathlib.Path(os.environ["SM_MODEL_DIR"], "config.json").write_text("{}")
"""


@pytest.fixture(scope="module")
def key() -> list[str]:
    """The ARN of the customer's key, once it is made."""
    return []


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest, key: list[str]) -> Iterator[Stack]:
    """The stack with every option on, in a cloud that loses every event of SageMaker."""
    with local_cloud(faults=Faults(seed=1, lost_events=1.0)) as cloud:
        made = cloud.client("kms").create_key(Policy=policy(KEY))["KeyMetadata"]["Arn"]
        key.append(made)
        s3 = cloud.client("s3")
        s3.create_bucket(Bucket=LOGS)
        s3.put_bucket_policy(Bucket=LOGS, Policy=policy(ACCESS_LOGS))
        options = {"KmsKeyArn": made, "AccessLogBucket": LOGS, "WaitForImagesMinutes": "0"}
        yield deploy_template(request, cloud, **options, **NETWORK)


def sweep(stack: Stack) -> None:
    """A sweep, which does what the lost events left undone."""
    answer = stack.sweep(timedelta(seconds=1))
    assert "FunctionError" not in answer, answer["Payload"].read()


def tags(stack: Stack, arn: str) -> list[dict[str, str]]:
    """The tags of a resource of SageMaker's."""
    found: list[dict[str, str]] = stack.sagemaker.list_tags(ResourceArn=arn)["Tags"]
    return found


def has_ended(stack: Stack, name: str) -> bool:
    """Whether a search has ended."""
    describe = stack.sagemaker.describe_hyper_parameter_tuning_job
    status: str = describe(HyperParameterTuningJobName=name)["HyperParameterTuningJobStatus"]
    return status != "InProgress"


def trained(stack: Stack, name: str) -> Any:
    """A training job that has ended; None while there is none."""
    for job in stack.sagemaker.list_training_jobs(NameContains=name)["TrainingJobSummaries"]:
        if job["TrainingJobStatus"] in ("Completed", "Failed"):
            return stack.sagemaker.describe_training_job(TrainingJobName=name)
    return None


def test_everything_that_is_stored_is_encrypted_with_the_key(stack: Stack, key: list[str]) -> None:
    """The bucket's objects, all queues, the topic and all log groups of the stack."""
    (arn,) = key
    encryption = stack.s3.get_bucket_encryption(Bucket=stack.bucket)["ServerSideEncryptionConfiguration"]
    (rule,) = encryption["Rules"]
    by_default = rule["ApplyServerSideEncryptionByDefault"]
    assert by_default == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn}
    resources = stack.cloud.client("cloudformation").describe_stack_resources(StackName=STACK_NAME)
    of: dict[str, list[str]] = {}
    for resource in resources["StackResources"]:
        of.setdefault(resource["ResourceType"], []).append(resource.get("PhysicalResourceId", ""))
    sqs = stack.cloud.client("sqs")
    for queue in of["AWS::SQS::Queue"]:
        attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        assert attributes["KmsMasterKeyId"] == arn
    (topic,) = of["AWS::SNS::Topic"]
    described = stack.cloud.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    assert described["KmsMasterKeyId"] == arn
    assert json.loads(described["Policy"])["Statement"][0]["Sid"] == "FromTheAlarms"
    groups = stack.cloud.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/digits-")[
        "logGroups"
    ]
    assert [group.get("kmsKeyId") for group in groups] == [arn] * 5
    logging = stack.s3.get_bucket_logging(Bucket=stack.bucket)["LoggingEnabled"]
    assert (logging["TargetBucket"], logging["TargetPrefix"]) == (LOGS, "digits/")


def test_a_search_s_final_training_uses_key_network_and_tag(stack: Stack, key: list[str]) -> None:
    """Its package has the tag by its group; what the sweep asks for is done under the key, too."""
    for channel in ("training", "test"):
        stack.put(f"datasets/few/{channel}/numbers", b"1")
    search(stack, "digits-good", GOOD)
    search(stack, "digits-bad", BAD)

    until(lambda: has_ended(stack, "digits-good") and has_ended(stack, "digits-bad"))
    sweep(stack)
    until(lambda: stack.objects("trials/digits-bad/failure.json"))
    job = until(lambda: trained(stack, "digits-good-final"))
    assert job["TrainingJobStatus"] == "Completed", job
    assert job["VpcConfig"] == VPC
    assert job["OutputDataConfig"]["KmsKeyId"] == key[0]
    assert "VolumeKmsKeyId" not in job["ResourceConfig"]  # an ml.g4dn has disks of its own
    assert TAG in tags(stack, job["TrainingJobArn"])
    sweep(stack)
    (package,) = until(stack.packages)
    group = stack.sagemaker.describe_model_package_group(
        ModelPackageGroupName=package["ModelPackageGroupName"]
    )
    assert TAG in tags(stack, group["ModelPackageGroupArn"])


def test_a_batch_is_read_with_key_network_and_tag(stack: Stack, key: list[str]) -> None:
    """Model and job have them, and the report is there."""
    stub_model.approve(stack)
    stack.put("incoming/spring/1.png", b"image")
    stack.put("incoming/spring/manifest.jsonl", b'{"file_name": "1.png", "label": 7}')

    def ended() -> Any:
        for job in stack.sagemaker.list_transform_jobs()["TransformJobSummaries"]:
            if job["TransformJobStatus"] != "InProgress":
                return stack.sagemaker.describe_transform_job(TransformJobName=job["TransformJobName"])
        return None

    job = until(ended)
    assert job["TransformJobStatus"] == "Completed", job
    assert job["TransformOutput"]["KmsKeyId"] == key[0]
    assert job["TransformResources"]["VolumeKmsKeyId"] == key[0]
    model = stack.sagemaker.describe_model(ModelName=job["ModelName"])
    assert model["VpcConfig"] == VPC
    assert TAG in tags(stack, job["TransformJobArn"])
    assert TAG in tags(stack, model["ModelArn"])
    sweep(stack)
    (report,) = stack.reports("spring")
    assert (report["status"], report["accuracy"]["value"]) == ("Completed", 1.0)
    sweep(stack)  # which reads the report
