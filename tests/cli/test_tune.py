"""`digits tune`: its checks, its requests and its output."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from cli import watching
from cli.main import app
from cli.stack import Stack
from tests.cli.moto_account import PARAMETERS, ROLE, deploy, empty_account
from tests.settings_and_events import BUCKET
from training import source


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A stack whose bucket holds the data sets mnist, and kmnist without test images."""
    with empty_account(monkeypatch):
        deploy()
        for key in ("mnist/training/a", "mnist/test/a", "kmnist/training/a"):
            boto3.client("s3").put_object(Bucket=BUCKET, Key=f"datasets/{key}", Body=b"x")
        yield


def digits(*arguments: str) -> Result:
    """Run the command, on a terminal that is wide enough for its lines."""
    return CliRunner().invoke(app, ["tune", *arguments], env={"COLUMNS": "200"})


def tuning_jobs() -> list[Any]:
    """The tuning jobs of the account."""
    sagemaker = boto3.client("sagemaker")
    return [
        sagemaker.describe_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=job["HyperParameterTuningJobName"]
        )
        for job in sagemaker.list_hyper_parameter_tuning_jobs()["HyperParameterTuningJobSummaries"]
    ]


def test_the_job_is_started_with_the_requested_settings() -> None:
    """Options, the stack's role, bucket and instance type, and the uploaded code are the tuning job's."""
    result = digits("mnist", "--trials", "6", "--parallel", "3", "--arch", "small", "--epochs", "4")
    assert result.exit_code == 0, result.output
    (job,) = tuning_jobs()
    name, definition = job["HyperParameterTuningJobName"], job["TrainingJobDefinition"]
    assert name.startswith("digits-2")
    assert f"Started {name}: 6 trials of small on mnist, 3 at a time, 1 × ml.g4dn.xlarge" in result.output
    assert f"{name}-final" in result.output
    limits = job["HyperParameterTuningJobConfig"]["ResourceLimits"]
    assert (limits["MaxNumberOfTrainingJobs"], limits["MaxParallelTrainingJobs"]) == (6, 3)
    assert definition["RoleArn"] == ROLE
    assert definition["ResourceConfig"]["InstanceType"] == "ml.g4dn.xlarge"
    assert definition["AlgorithmSpecification"]["TrainingImage"].endswith(":2.14-cu133-amzn2023-sagemaker")
    assert definition["Environment"]["DIGITS_CPU_IMAGE"].endswith(":2.14-cpu-amzn2023-sagemaker")
    static = definition["StaticHyperParameters"]
    assert (static["arch"], static["epochs"]) == ("small", "4")
    code = static["sagemaker_submit_directory"].removeprefix(f"s3://{BUCKET}/")
    assert boto3.client("s3").get_object(Bucket=BUCKET, Key=code)["Body"].read() == source.pack()


def test_the_trials_have_the_stacks_tag_key_and_network() -> None:
    """Those of the stack as it is deployed."""
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    given = PARAMETERS | {"KmsKeyArn": key, "SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1"}
    boto3.client("cloudformation").update_stack(
        StackName="digits",
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
    )
    assert digits("mnist", "--instance-type", "ml.c5.xlarge").exit_code == 0
    (job,) = tuning_jobs()
    definition = job["TrainingJobDefinition"]
    assert definition["OutputDataConfig"]["KmsKeyId"] == definition["ResourceConfig"]["VolumeKmsKeyId"] == key
    assert definition["VpcConfig"] == {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    tags = boto3.client("sagemaker").list_tags(ResourceArn=job["HyperParameterTuningJobArn"])["Tags"]
    assert tags == [{"Key": "digit-batch", "Value": "digits"}]


def test_another_instance_type_brings_its_own_image() -> None:
    """Trials on a processor train in the image for processors."""
    assert digits("mnist", "--instance-type", "ml.c5.xlarge", "--spot").exit_code == 0
    (job,) = tuning_jobs()
    image = job["TrainingJobDefinition"]["AlgorithmSpecification"]["TrainingImage"]
    assert image.endswith(":2.14-cpu-amzn2023-sagemaker")
    assert job["TrainingJobDefinition"]["EnableManagedSpotTraining"] is True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["emnist"], "data set emnist: expected training images below s3://digits-bucket/datasets/emnist/"),
        (["emnist"], "Data sets in the bucket: kmnist, mnist. Upload one with `digits dataset emnist`"),
        (["mnist", "--instance-type", "big"], "instance type big: expected one that AWS's PyTorch image"),
        (["mnist", "--stack", "other"], "stack other: expected a deployed stack"),
        (["mnist", "--epochs", "0"], "Invalid value for '--epochs'"),
    ],
)
def test_what_cannot_be_trained_starts_nothing(arguments: list[str], message: str) -> None:
    """The error names the object and what to do next; there is no tuning job."""
    result = digits(*arguments)
    assert result.exit_code != 0
    assert message in " ".join(result.stderr.split())
    assert tuning_jobs() == []


def test_a_data_set_without_test_images_is_reported() -> None:
    """The search starts, and the person knows that its model will wait."""
    result = digits("kmnist")
    assert result.exit_code == 0
    assert "s3://digits-bucket/datasets/kmnist/test/ is empty" in result.output
    assert len(tuning_jobs()) == 1


def test_ctrl_c_leaves_the_job_running_and_says_how_to_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is stopped; the command that would is shown, with the job's name."""

    def interrupted(_console: Any, _stack: Stack, _tuning_job: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(watching, "follow", interrupted)
    result = digits("mnist", "--wait")
    (job,) = tuning_jobs()
    name = job["HyperParameterTuningJobName"]
    assert result.exit_code == 130
    assert f"{name} and the steps after it continue without this terminal" in result.output
    stop = "aws sagemaker stop-hyper-parameter-tuning-job --hyper-parameter-tuning-job-name"
    assert f"{stop} {name}" in result.output


def test_wait_follows_the_job_that_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --wait, progress is shown for the new tuning job of the named stack."""
    followed: list[tuple[str, str]] = []
    monkeypatch.setattr(watching, "follow", lambda _, stack, job: followed.append((stack.name, job)))
    assert digits("mnist", "--wait").exit_code == 0
    assert followed == [("digits", tuning_jobs()[0]["HyperParameterTuningJobName"])]
