"""A training job's script under AWS's training toolkit, in a folder that replaces /opt/ml."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.iam.roles import role_environment
from localcloud.sagemaker.training.script_mode import resource_configuration
from tests.localcloud.sagemaker.sagemaker_account import BUCKET, ROLE, Account

HOST = "localhost"  # the toolkit waits until each host's name resolves; SageMaker's is algo-1


@dataclass(frozen=True)
class Outcome:
    """A training's results: exit code, log, the file `failure`, and the model's files by name."""

    exit_code: int
    log: str
    failure: str
    model: dict[str, bytes]


def train(account: Account, job: dict[str, Any], base: Path) -> Outcome:
    """Train what DescribeTrainingJob describes: fill `base` as SageMaker does, and run `train` as images do.

    https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html;
    the toolkit itself fetches the script, and installs requirements that are already there.
    """
    instance_type = resource_configuration()["current_instance_type"]  # the machine that both run on
    resources = {
        "current_host": HOST,
        "current_instance_type": instance_type,
        "current_group_name": "homogeneousCluster",
        "hosts": [HOST],
        "instance_groups": [
            {
                "instance_group_name": "homogeneousCluster",
                "instance_type": instance_type,
                "hosts": [HOST],
            }
        ],
        "network_interface_name": "eth0",
    }
    channels = {}
    for channel in job.get("InputDataConfig", []):
        name, source = channel["ChannelName"], channel["DataSource"]["S3DataSource"]
        channels[name] = {
            "TrainingInputMode": "File",
            "S3DistributionType": source["S3DataDistributionType"],
            "RecordWrapperType": "None",
        }
        for key, content in account.objects(source["S3Uri"].removeprefix(f"s3://{BUCKET}/")).items():
            _write(base / "input" / "data" / name / key, content)
    for name, content in {
        "hyperparameters": job["HyperParameters"],
        "inputdataconfig": channels,
        "resourceconfig": resources,
    }.items():
        _write(base / "input" / "config" / f"{name}.json", json.dumps(content).encode())
    for folder in ("model", "output/data"):
        (base / folder).mkdir(parents=True)

    environment = role_environment(account.cloud, ROLE, "toolkit") | {
        "SAGEMAKER_BASE_DIR": str(base),
        "TRAINING_JOB_NAME": job["TrainingJobName"],
        "TRAINING_JOB_ARN": job["TrainingJobArn"],
        "PYTHONUNBUFFERED": "1",
        "PIP_NO_INDEX": "1",  # a missing package is an error, not a download
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "sagemaker_training.cli.train"],
        env=environment,
        cwd=base,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    failure, model = base / "output" / "failure", base / "model"
    return Outcome(
        exit_code=done.returncode,
        log=done.stdout,
        failure=failure.read_text(encoding="utf-8") if failure.exists() else "",
        model={
            str(file.relative_to(model)): file.read_bytes() for file in model.rglob("*") if file.is_file()
        },
    )


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
