"""The local cloud's switch for faults."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.assembly import local_cloud
from localcloud.core.activity import Activity
from localcloud.core.clients import make_client
from localcloud.core.cloud import Cloud
from localcloud.faults import Faults
from localcloud.iam.roles import role_environment
from localcloud.sagemaker.errors import JobFailed
from localcloud.sagemaker.jobs import Job
from localcloud.sagemaker.training.job import TrainingJob
from localcloud.sagemaker.transform.job import TransformJob

EVERYTHING = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)
TRUST = '{"Version": "2012-10-17", "Statement": []}'


@pytest.fixture(scope="module")
def faulty() -> Iterator[tuple[Cloud, Faults, list[Activity]]]:
    """A cloud whose faults a test switches on, with one role."""
    faults = Faults(seed=1, slow_seconds=0.0)
    activities: list[Activity] = []
    with local_cloud(activities.append, faults=faults) as cloud:
        iam = cloud.client("iam")
        iam.create_role(RoleName="worker", AssumeRolePolicyDocument=TRUST)
        iam.put_role_policy(RoleName="worker", PolicyName="everything", PolicyDocument=EVERYTHING)
        cloud.client("s3").create_bucket(Bucket="data")
        yield cloud, faults, activities


def worker(cloud: Cloud, service: str) -> Any:
    """A client under the role's temporary credentials, as a function has it."""
    return make_client(service, role_environment(cloud, "arn:aws:iam::123456789012:role/worker", "test"))


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("s3", "list_buckets", "SlowDown"),
        ("sqs", "list_queues", "ThrottlingException"),
        ("sns", "list_topics", "ThrottlingException"),
        ("sagemaker", "list_models", "ThrottlingException"),
    ],
)
def test_every_service_throttles_in_its_own_form(
    faulty: tuple[Cloud, Faults, list[Activity]],
    monkeypatch: pytest.MonkeyPatch,
    service: str,
    operation: str,
    code: str,
) -> None:
    """A function's client reads the error's code; the operator's request is answered as ever."""
    cloud, faults, _ = faulty
    monkeypatch.setattr(faults, "throttling", 1.0)
    with pytest.raises(ClientError) as refused:
        getattr(worker(cloud, service), operation)()
    assert refused.value.response["Error"]["Code"] == code
    assert faults.counts["throttling"] > 0
    assert getattr(cloud.client(service), operation)()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_an_answer_that_is_lost_took_effect(
    faulty: tuple[Cloud, Faults, list[Activity]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client gets an error, but the object exists; after a plain server error it doesn't."""
    cloud, faults, _ = faulty
    for kind, key in (("server_errors", "absent"), ("lost_answers", "present")):
        with monkeypatch.context() as patch:
            patch.setattr(faults, kind, 1.0)
            with pytest.raises(ClientError, match="InternalFailure"):
                worker(cloud, "s3").put_object(Bucket="data", Key=key, Body=b"content")
    found = cloud.client("s3").list_objects_v2(Bucket="data")["Contents"]
    assert [entry["Key"] for entry in found] == ["present"]


def test_a_quota_refuses_transform_jobs_alone(
    faulty: tuple[Cloud, Faults, list[Activity]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """ResourceLimitExceeded is the answer to CreateTransformJob; SageMaker's other answers stay."""
    cloud, faults, _ = faulty
    monkeypatch.setattr(faults, "limits", 1.0)
    sagemaker = worker(cloud, "sagemaker")
    assert sagemaker.list_models()["Models"] == []
    with pytest.raises(ClientError, match="ResourceLimitExceeded"):
        sagemaker.create_transform_job(
            TransformJobName="job",
            ModelName="model",
            TransformInput={
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/"}}
            },
            TransformOutput={"S3OutputPath": "s3://data/output/"},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        )


def test_events_of_sagemaker_get_lost_and_those_of_s3_do_not(
    faulty: tuple[Cloud, Faults, list[Activity]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lost event is reported to the listener and reaches no rule."""
    cloud, faults, activities = faulty
    monkeypatch.setattr(faults, "lost_events", 1.0)
    lost = cloud.emit("aws.sagemaker", "SageMaker Transform Job State Change", {}, [])
    kept = cloud.emit("aws.s3", "Object Created", {}, [])
    assert lost != kept
    assert [(it.kind, it.name) for it in activities if it.text == "lost"] == [
        ("event", "SageMaker Transform Job State Change")
    ]
    assert faults.counts["lost_events"] == 1


@pytest.mark.parametrize("kind", [TransformJob, TrainingJob])
def test_a_job_without_instances_fails_before_it_begins(
    faulty: tuple[Cloud, Faults, list[Activity]], monkeypatch: pytest.MonkeyPatch, kind: type[Job]
) -> None:
    """In AWS's words, of transform and training jobs; without the fault its role is what counts."""
    cloud, faults, _ = faulty
    role = "arn:aws:iam::123456789012:role/worker"
    job = SimpleNamespace(cloud=cloud, name="x", role_arn=role, kind=kind.kind)
    with monkeypatch.context() as patch:
        patch.setattr(faults, "shortages", 1.0)
        with pytest.raises(JobFailed, match=r"^CapacityError: Unable to provision requested ML compute"):
            kind.enter_role(job, "image", None, None, None)  # type: ignore[arg-type] # what it reads of a job
    with pytest.raises(JobFailed, match=r"^ClientError"):
        kind.enter_role(job, "image", None, None, None)  # type: ignore[arg-type] # what it reads of a job


def test_the_same_seed_draws_the_same_faults() -> None:
    """One thread's requests get the same faults again."""
    draws = [[Faults(seed, slow=0.5).strikes("slow") for _ in range(1)] for seed in range(50)]
    first, second = Faults(7, slow=0.5), Faults(7, slow=0.5)
    assert [first.strikes("slow") for _ in range(50)] == [second.strikes("slow") for _ in range(50)]
    assert len({draw[0] for draw in draws}) == 2


def test_a_model_of_an_absent_image_is_refused(
    faulty: tuple[Cloud, Faults, list[Activity]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CreateModel refuses `repository:tag` that the registry lacks, in any registry, and takes another."""
    cloud, faults, _ = faulty
    host = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
    monkeypatch.setattr(faults, "absent_images", {"models:v0"})
    cloud.client("s3").put_object(Bucket="data", Key="model.tar.gz", Body=b"")
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    trust = json.loads(TRUST) | {"Statement": [allowed]}
    cloud.client("iam").update_assume_role_policy(RoleName="worker", PolicyDocument=json.dumps(trust))

    def make(name: str, tag: str) -> None:
        cloud.client("sagemaker").create_model(
            ModelName=name,
            ExecutionRoleArn="arn:aws:iam::123456789012:role/worker",
            PrimaryContainer={"Image": f"{host}/models:{tag}", "ModelDataUrl": "s3://data/model.tar.gz"},
        )

    with pytest.raises(ClientError, match=f"Requested image {host}/models:v0 not found"):
        make("absent", "v0")
    make("present", "v1")
    models = cloud.client("sagemaker").list_models()["Models"]
    assert [model["ModelName"] for model in models] == ["present"]
