"""CheckpointConfig: https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html."""

from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from tests.localcloud.sagemaker.sagemaker_account import BUCKET, Account, unique
from tests.wait import until
from training import source
from training.datasets import idx, sample

FOLDER = "folder = pathlib.Path(os.environ['SAGEMAKER_BASE_DIR'], 'checkpoints')\n"
HEAD = f"import os, pathlib, signal, sys, time\n{FOLDER}"


def configured(prefix: str, **more: str) -> dict[str, Any]:
    """The part of a request that keeps checkpoints below a prefix."""
    return {"CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/{prefix}", **more}}


def names(account: Account, prefix: str) -> list[str]:
    """The keys below a prefix; unlike reading the objects, listing can't race with a deletion."""
    found = account.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/").get("Contents", ())
    return [item["Key"].removeprefix(f"{prefix}/") for item in found]


@pytest.mark.parametrize("ending", ["", "/"])
def test_the_script_finds_the_objects_below_the_address(account: Account, ending: str) -> None:
    """Objects below S3Uri are in the folder before the script starts; a prefix's namesakes aren't."""
    prefix = unique("kept")
    account.put(f"{prefix}/epoch.pt", "7")
    account.put(f"{prefix}/deep/state.pt", "8")
    account.put(f"{prefix}-other/epoch.pt", "9")
    script = HEAD + (
        "for path in sorted(folder.rglob('*.pt')): print(path.relative_to(folder), path.read_text())\n"
    )
    job = account.train(script, **configured(prefix + ending))
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert account.log("TrainingJobs", job["TrainingJobName"]) == "deep/state.pt 8\nepoch.pt 7"
    assert account.objects(f"{prefix}/") == {"deep/state.pt": b"8", "epoch.pt": b"7"}


def test_without_a_configuration_there_is_no_folder(account: Account) -> None:
    """The folder's existence shows a script whether its checkpoints are kept."""
    job = account.train(HEAD + "print(folder.exists())")
    assert account.log("TrainingJobs", job["TrainingJobName"]) == "False"


def test_checkpoints_are_copied_while_the_script_runs_and_when_it_is_stopped(account: Account) -> None:
    """Files that the script writes or deletes soon appear in or vanish from S3, also at SIGTERM."""
    prefix = unique("kept")
    account.put(f"{prefix}/old.pt", "old")
    script = HEAD + (
        "def leave(*_):\n"
        "    (folder / 'first.pt').write_text('changed')\n"
        "    (folder / 'last.pt').write_text('last')\n"
        "    sys.exit(143)\n"
        "signal.signal(signal.SIGTERM, leave)\n"
        "(folder / 'first.pt').write_text('first')\n"
        "(folder / 'old.pt').unlink()\n"
        "time.sleep(300)\n"
    )
    name = account.train(script, wait=False, **configured(prefix))
    until(lambda: names(account, prefix) == ["first.pt"])
    assert account.objects(f"{prefix}/") == {"first.pt": b"first"}
    account.sagemaker.stop_training_job(TrainingJobName=name)
    assert account.ended_training(name)["TrainingJobStatus"] == "Stopped"
    assert account.objects(f"{prefix}/") == {"first.pt": b"changed", "last.pt": b"last"}


def test_a_failed_script_leaves_its_checkpoint(account: Account) -> None:
    """The last synchronisation comes after the script's end, with any exit code."""
    prefix = unique("kept")
    job = account.train(HEAD + "(folder / 'a.pt').write_text('a')\nsys.exit(3)", **configured(prefix))
    assert job["TrainingJobStatus"] == "Failed"
    assert account.objects(f"{prefix}/") == {"a.pt": b"a"}


def test_another_folder_of_the_container_can_be_named(account: Account) -> None:
    """A LocalPath below /opt/ml is below the job's own folder."""
    prefix = unique("kept")
    script = "import os\nopen(os.environ['SAGEMAKER_BASE_DIR'] + '/state/now/a', 'w').write('a')"
    job = account.train(script, **configured(prefix, LocalPath="/opt/ml/state/now"))
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert account.objects(f"{prefix}/") == {"a": b"a"}


@pytest.mark.parametrize("path", ["/tmp/kept", "/opt/ml", "/opt/ml/../../tmp", "kept"])
def test_a_folder_outside_the_container_is_refused(account: Account, path: str) -> None:
    """A job of this machine writes nowhere but below its own folder."""
    with pytest.raises(ClientError, match=r"LocalPath is .*; the local cloud knows folders below /opt/ml"):
        account.train("pass", **configured("kept", LocalPath=path))


def test_a_missing_bucket_fails_the_job(account: Account) -> None:
    """The FailureReason is S3's answer to restoring them, and the script doesn't start."""
    job = account.train("print('ran')", CheckpointConfig={"S3Uri": "s3://no-such-bucket/kept"})
    assert job["TrainingJobStatus"] == "Failed"
    assert "NoSuchBucket" in job["FailureReason"]
    assert account.log("TrainingJobs", job["TrainingJobName"]) == ""


# train.py, which after its seventh step waits for SIGTERM.
PAUSED = """
import sys
import time

import checkpoints
import train

after_step = checkpoints.Checkpoints.after_step

def pause(self, network, optimizer, step, total):
    if step == 7:
        print("seven steps are done", flush=True)
        while not self._requested:
            time.sleep(0.01)
    after_step(self, network, optimizer, step, total)

checkpoints.Checkpoints.after_step = pause
sys.exit(train.main())
"""


def test_a_stopped_training_resumes_in_the_next_job(account: Account) -> None:
    """A second job with the first's checkpoints runs the remaining steps, and ends with the same weights."""
    digits = sample(seed=1).training[np.arange(240)]
    data, prefix = unique("data"), unique("kept")
    account.put(f"{data}/digits-images-idx3-ubyte", idx(digits.images))
    account.put(f"{data}/digits-labels-idx1-ubyte", idx(digits.labels))
    code = {file.name: file.read_text() for file in source.CONTAINER.glob("*.*")} | {"paused.py": PAUSED}
    given = {"epochs": "2", "batch-size": "40", "dropout": "0.2", "threads": "1"}  # five steps an epoch
    training = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{data}/"}}

    def train(program: str, **changes: Any) -> str:
        name = account.train(
            code["train.py"],
            wait=False,
            files=code,
            HyperParameters={**given, "sagemaker_program": program},
            InputDataConfig=[{"ChannelName": "training", "DataSource": training}],
            StoppingCondition={"MaxRuntimeInSeconds": 600},
            **changes,
        )
        return str(name)

    def weights(name: str) -> bytes:
        job = account.ended_training(name)
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        return account.unpack(f"models/{name}/output/model.tar.gz")["model.safetensors"]

    stopped = train("paused.py", **configured(prefix))
    until(lambda: "seven steps are done" in account.log("TrainingJobs", stopped))
    account.sagemaker.stop_training_job(TrainingJobName=stopped)
    assert account.ended_training(stopped)["TrainingJobStatus"] == "Stopped"
    assert "interrupted after 7 steps" in account.log("TrainingJobs", stopped)
    assert set(account.objects(f"{prefix}/")) == {"training.pt"}

    resumed = train("train.py", **configured(prefix))
    assert weights(resumed) == weights(train("train.py"))
    log = account.log("TrainingJobs", resumed)
    assert "epoch 1:" not in log
    assert "epoch 2:" in log
