"""Searches in a deployed stack, whose trials run a script without torch."""

import io
import tarfile
from typing import Any

from tests.stack import IMAGE, Stack
from training import jobs

BAD = "raise SystemExit('the data are gone')"


def code(stack: Stack, script: str) -> str:
    """Upload a script as a training job's source; returns its address."""
    packed, text = io.BytesIO(), script.encode()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("train.py")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    key = f"code/{abs(hash(script)):x}/sourcedir.tar.gz"
    stack.put(key, packed.getvalue())
    return f"s3://{stack.bucket}/{key}"


def training(stack: Stack, name: str, script: str) -> dict[str, Any]:
    """The request for a training job on spot capacity, as `digits train` sends it."""
    job = jobs.TrainingJob(
        name=name,
        bucket=stack.bucket,
        role=stack.outputs["SageMakerRoleArn"],
        image=IMAGE,
        source=code(stack, script),
        channels={"training": f"s3://{stack.bucket}/datasets/few/training/"},
        hyperparameters={},
        instance_type="ml.m5.large",
        spot=True,
    )
    return jobs.request(job)


def search(stack: Stack, name: str, script: str) -> None:
    """Start a tuning job of two trials, as `digits tune` does."""
    definition = training(stack, name, script)
    del definition["TrainingJobName"]
    definition["StaticHyperParameters"] = definition.pop("HyperParameters")
    definition["OutputDataConfig"] = {"S3OutputPath": f"s3://{stack.bucket}/trials/{name}/"}
    stack.sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name,
        HyperParameterTuningJobConfig={
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation-accuracy"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": {"CategoricalParameterRanges": [{"Name": "size", "Values": ["1", "2"]}]},
        },
        TrainingJobDefinition=definition,
    )
