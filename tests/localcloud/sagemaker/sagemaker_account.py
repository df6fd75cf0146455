"""Small jobs to run in an account of the local cloud, and their results."""

import io
import json
import tarfile
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.core.cloud import Cloud
from tests.wait import objects, until

BUCKET = "sagemaker-tests"
ROLE = "arn:aws:iam::123456789012:role/sagemaker-tests"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.10"
ECHO = """
import json

def model_fn(folder):
    return folder

def input_fn(body, content_type):
    return [json.loads(line) for line in body.splitlines()]

def predict_fn(records, model):
    return [{"got": record, "of": len(records)} for record in records]

def output_fn(predictions, accept):
    return "".join(json.dumps(prediction) + "\\n" for prediction in predictions)
"""


def make_role(cloud: Cloud) -> None:
    """Make ROLE, which SageMaker may assume and which may do everything: these tests are not about it."""
    iam, name = cloud.client("iam"), ROLE.rpartition("/")[2]
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    version = {"Version": "2012-10-17"}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({**version, "Statement": [trust]}))
    iam.put_role_policy(
        RoleName=name,
        PolicyName="everything",
        PolicyDocument=json.dumps({**version, "Statement": [everything]}),
    )


@dataclass
class Account:
    """A running cloud, the events sent in it, and shorthands for the tests."""

    cloud: Cloud
    sent: list[dict[str, Any]] = field(default_factory=list)

    @property
    def s3(self) -> Any:
        """S3."""
        return self.cloud.client("s3")

    @property
    def sagemaker(self) -> Any:
        """SageMaker."""
        return self.cloud.client("sagemaker")

    def put(self, key: str, body: bytes | str) -> str:
        """Write an object and return its address."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def pack(self, key: str, files: dict[str, str]) -> str:
        """Write a .tar.gz archive of text files and return its address."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for name, text in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(text.encode())
                archive.addfile(member, io.BytesIO(text.encode()))
        return self.put(key, packed.getvalue())

    def objects(self, prefix: str) -> dict[str, bytes]:
        """Read every object below a prefix."""
        found = objects(self.s3, BUCKET, prefix)
        return {key.removeprefix(prefix): body for key, body in found.items()}

    def read(self, key: str) -> bytes:
        """Read an object."""
        return bytes(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def unpack(self, key: str) -> dict[str, bytes]:
        """Read an archive's files."""
        with tarfile.open(fileobj=io.BytesIO(self.read(key))) as archive:
            opened = ((item.name, archive.extractfile(item)) for item in archive if item.isfile())
            return {name: file.read() for name, file in opened if file is not None}

    def log(self, group: str, job: str) -> str:
        """Read all that a job wrote into a log group."""
        logs, name = self.cloud.client("logs"), f"/aws/sagemaker/{group}"
        if not logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]:
            return ""
        streams = logs.describe_log_streams(logGroupName=name, logStreamNamePrefix=f"{job}/")["logStreams"]
        found = [
            logs.get_log_events(logGroupName=name, logStreamName=stream["logStreamName"], startFromHead=True)
            for stream in streams
        ]
        return "\n".join(event["message"] for page in found for event in page["events"])

    def events(self, job: str) -> list[dict[str, Any]]:
        """Return the events that were sent about a job, in their order."""
        return [event for event in self.sent if job in event["resources"][0]]

    def train(self, script: str, *, wait: bool = True, **changes: Any) -> Any:
        """Start a training job for a script; return its description once it has ended."""
        name = changes.pop("TrainingJobName", unique("training"))
        files = {"train.py": script, **changes.pop("files", {})}
        hyperparameters = {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": self.pack(f"code/{name}.tar.gz", files),
            **changes.pop("HyperParameters", {}),
        }
        request = {
            "TrainingJobName": name,
            "HyperParameters": hyperparameters,
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "RoleArn": ROLE,
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models/"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        }
        self.sagemaker.create_training_job(**request | changes)
        return self.ended_training(name) if wait else name

    def ended_training(self, name: str) -> Any:
        """Wait for a training job's end and return its description."""
        describe = self.sagemaker.describe_training_job
        return self._ended(lambda: describe(TrainingJobName=name), "TrainingJobStatus")

    def tune(self, script: str, *, wait: bool = True, **changes: Any) -> Any:
        """Start a tuning job of a script that prints `score: <number>`; return its description at its end.

        `config`, `limits`, `ranges` (ParameterRanges) and `definition` change those parts of the request.
        """
        name = changes.pop("HyperParameterTuningJobName", unique("tuning"))
        config = {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "score"},
            "ResourceLimits": {
                "MaxNumberOfTrainingJobs": 1,
                "MaxParallelTrainingJobs": 1,
                **changes.pop("limits", {}),
            },
            "ParameterRanges": changes.pop("ranges", categories(size=["1"])),
            **changes.pop("config", {}),
        }
        definition = {
            "StaticHyperParameters": {
                "sagemaker_program": "train.py",
                "sagemaker_submit_directory": self.pack(f"code/{name}.tar.gz", {"train.py": script}),
            },
            "AlgorithmSpecification": {
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "score", "Regex": "score: (.*)"}],
            },
            "RoleArn": ROLE,
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/trials/{name}/"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 300},
            **changes.pop("definition", {}),
        }
        request = {
            "HyperParameterTuningJobName": name,
            "HyperParameterTuningJobConfig": config,
            "TrainingJobDefinition": definition,
        }
        self.sagemaker.create_hyper_parameter_tuning_job(**request | changes)
        return self.ended_tuning(name) if wait else name

    def ended_tuning(self, name: str) -> Any:
        """Wait for a tuning job's end and return its description."""
        describe = self.sagemaker.describe_hyper_parameter_tuning_job
        return self._ended(
            lambda: describe(HyperParameterTuningJobName=name), "HyperParameterTuningJobStatus"
        )

    def trials(self, name: str, **choice: Any) -> list[dict[str, Any]]:
        """List a tuning job's training jobs."""
        ask = self.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job
        found: list[dict[str, Any]] = ask(HyperParameterTuningJobName=name, **choice)["TrainingJobSummaries"]
        return found

    def model(self, inference: str = ECHO, **container: Any) -> str:
        """Make a model of inference code and return its name."""
        name = unique("model")
        container.setdefault("ModelDataUrl", self.pack(f"{name}.tar.gz", {"code/inference.py": inference}))
        container.setdefault("Image", IMAGE)
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
        return name

    def transform(
        self,
        model: str,
        objects: Mapping[str, bytes | str],
        *,
        wait: bool = True,
        source: dict[str, str] | None = None,
        sink: dict[str, str] | None = None,
        **changes: Any,
    ) -> Any:
        """Transform objects of JSON Lines; return the job's description once it has ended."""
        name = changes.pop("TransformJobName", unique("transform"))
        for key, body in objects.items():
            self.put(f"{name}/input/{key}", body)
        request = {
            "TransformJobName": name,
            "ModelName": model,
            "TransformInput": {
                "DataSource": {
                    "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{name}/input/"}
                },
                "ContentType": "application/jsonlines",
                "SplitType": "Line",
                **(source or {}),
            },
            "TransformOutput": {
                "S3OutputPath": f"s3://{BUCKET}/{name}/output/",
                "Accept": "application/jsonlines",
                "AssembleWith": "Line",
                **(sink or {}),
            },
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        }
        self.sagemaker.create_transform_job(**request | changes)
        return self.ended_transform(name) if wait else name

    def ended_transform(self, name: str) -> Any:
        """Wait for a transform job's end and return its description."""
        describe = self.sagemaker.describe_transform_job
        return self._ended(lambda: describe(TransformJobName=name), "TransformJobStatus")

    def outputs(self, job: Any) -> dict[str, list[Any]]:
        """Read a transform job's outputs as JSON Lines."""
        found = self.objects(f"{job['TransformJobName']}/output/")
        return {key: [json.loads(line) for line in body.splitlines()] for key, body in found.items()}

    def _ended(self, describe: Callable[[], Any], status: str) -> Any:
        def ended() -> Any:
            found = describe()
            return None if found[status] in ("InProgress", "Stopping") else found

        return until(ended)


def categories(**values: list[str]) -> dict[str, Any]:
    """Return ParameterRanges of categories."""
    ranges = [{"Name": name, "Values": chosen} for name, chosen in values.items()]
    return {"CategoricalParameterRanges": ranges}


def unique(word: str) -> str:
    """Return a name that no other test uses."""
    return f"{word}-{uuid.uuid4().hex[:8]}"
