"""Training jobs in script mode, as https://github.com/aws/sagemaker-training-toolkit runs them."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.localcloud.sagemaker.sagemaker_account import BUCKET, IMAGE, Account, unique

GROUP = "TrainingJobs"
SCRIPT = """
import json, os, pathlib, sys
model = pathlib.Path(os.environ["SM_MODEL_DIR"])
files = {str(path.relative_to("..")): path.read_text() for path in pathlib.Path("../input").rglob("*.txt")}
seen = {"arguments": sys.argv[1:], "environment": dict(os.environ), "files": files}
(model / "seen.json").write_text(json.dumps(seen))
"""


def channel(name: str, address: str, **more: Any) -> dict[str, Any]:
    """Describe an input channel."""
    source = {"S3DataType": "S3Prefix", "S3Uri": address}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **more}


def test_a_script_sees_what_the_toolkit_shows_it(account: Account) -> None:
    """Hyperparameters become arguments, channels folders, settings SM_* variables; the model is packed."""
    name = unique("seen")
    account.put(f"{name}/train/a.txt", "A")
    account.put(f"{name}/train/deep/b.txt", "B")
    account.put(f"{name}/single.txt", "C")
    job = account.train(
        SCRIPT,
        TrainingJobName=name,
        HyperParameters={"epochs": "3", "lr": "0.10", "net": '"small"', "plain": "word", "sagemaker_x": "y"},
        InputDataConfig=[
            channel("train", f"s3://{BUCKET}/{name}/train"),
            channel("extra", f"s3://{BUCKET}/{name}/single.txt"),
        ],
        Environment={"OWN": "variable"},
    )
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Completed", "Completed")
    address = f"s3://{BUCKET}/models/{name}/output/model.tar.gz"
    assert job["ModelArtifacts"] == {"S3ModelArtifacts": address}
    seen = json.loads(account.unpack(f"models/{name}/output/model.tar.gz")["seen.json"])
    words = ["--epochs", "3", "--lr", "0.1", "--net", "small", "--plain", "word"]
    assert seen["arguments"] == words
    assert seen["files"] == {
        "input/data/train/a.txt": "A",
        "input/data/train/deep/b.txt": "B",
        "input/data/extra/single.txt": "C",
    }
    environment = seen["environment"]
    base = environment["SAGEMAKER_BASE_DIR"]
    expected = {
        "SM_CHANNEL_TRAIN": f"{base}/input/data/train",
        "SM_CHANNEL_EXTRA": f"{base}/input/data/extra",
        "SM_CHANNELS": '["extra","train"]',
        "SM_MODEL_DIR": f"{base}/model",
        "SM_OUTPUT_DIR": f"{base}/output",
        "SM_OUTPUT_DATA_DIR": f"{base}/output/data",
        "SM_INPUT_DIR": f"{base}/input",
        "SM_HOSTS": '["algo-1"]',
        "SM_CURRENT_HOST": "algo-1",
        "SM_HPS": '{"epochs":3,"lr":0.1,"net":"small","plain":"word"}',
        "SM_HP_LR": "0.1",
        "SM_USER_ARGS": json.dumps(words, separators=(",", ":")),
        "SM_MODULE_DIR": f"s3://{BUCKET}/code/{name}.tar.gz",
        "SM_MODULE_NAME": "train",
        "SM_USER_ENTRY_POINT": "train.py",
        "TRAINING_JOB_NAME": name,
        "OWN": "variable",
        "AWS_ENDPOINT_URL": account.cloud.endpoint_url,
    }
    assert {key: environment.get(key) for key in expected} == expected
    assert int(environment["SM_NUM_CPUS"]) > 0
    assert environment["SM_NUM_GPUS"].isdecimal()
    assert environment["SM_CURRENT_INSTANCE_TYPE"] in ("local", "local_gpu")  # not the AWS instance asked for
    assert json.loads(environment["SM_RESOURCE_CONFIG"])["hosts"] == ["algo-1"]


def test_metrics_are_the_last_values_in_the_log(account: Account) -> None:
    """Each metric definition's expression is searched in every line, and the last match counts."""
    job = account.train(
        "print('validation-accuracy: 0.5; loss: 2')\nprint('validation-accuracy: 0.75')\nprint('loss: none')",
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [
                {"Name": "validation:accuracy", "Regex": r"validation-accuracy: (\S+?)(;|$)"},
                {"Name": "loss", "Regex": r"loss: (\S+)"},
                {"Name": "absent", "Regex": "absent: (.*)"},
            ],
        },
    )
    found = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert found == {"validation:accuracy": 0.75, "loss": 2.0}
    assert len(job["AlgorithmSpecification"]["MetricDefinitions"]) == 3


def test_a_failing_script_fails_the_job_with_the_end_of_its_log(account: Account) -> None:
    """The reason is the toolkit's: exit code, the log's end and the command, within 1,024 characters."""
    job = account.train(
        "print('x' * 5000)\nraise ValueError('bad learning rate')", HyperParameters={"lr": "9"}
    )
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Failed", "Failed")
    reason = job["FailureReason"]
    assert reason.startswith("AlgorithmError: ExecuteUserScriptError:\nExitCode 1\n")
    assert "ValueError: bad learning rate" in reason
    assert reason.endswith('Command "python train.py --lr 9", exit code: 1')
    assert len(reason) <= 1024
    assert "ValueError: bad learning rate" in account.log(GROUP, job["TrainingJobName"])
    assert account.objects(f"models/{job['TrainingJobName']}/") == {}


def test_a_script_may_write_the_reason_of_its_failure(account: Account) -> None:
    """The content of output/failure is the FailureReason, cut to 1,024 characters."""
    script = "import os, sys\nopen(os.environ['SM_OUTPUT_DIR'] + '/failure', 'w').write('no digits ' * 200)\n"
    job = account.train(script + "sys.exit(3)")
    assert job["FailureReason"].startswith("AlgorithmError: no digits no digits")
    assert job["FailureReason"].endswith(", exit code: 3")
    assert len(job["FailureReason"]) == 1024


def test_files_next_to_the_model_become_output_tar_gz(account: Account) -> None:
    """Files in SM_OUTPUT_DATA_DIR are packed separately."""
    job = account.train("import os\nopen(os.environ['SM_OUTPUT_DATA_DIR'] + '/curve.csv', 'w').write('1,2')")
    assert account.unpack(f"models/{job['TrainingJobName']}/output/output.tar.gz") == {"curve.csv": b"1,2"}


WAIT = """
import os, time
open(os.environ["SM_MODEL_DIR"] + "/weights", "w").write("half trained")
print("waiting")
time.sleep(60)
"""


def test_a_job_that_takes_too_long_is_stopped_and_keeps_its_model(account: Account) -> None:
    """MaxRuntimeInSeconds ends the script; the job is Stopped, MaxRuntimeExceeded, with the saved model."""
    job = account.train(WAIT, StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    saved = account.unpack(f"models/{job['TrainingJobName']}/output/model.tar.gz")
    assert saved == {"weights": b"half trained"}


def test_a_job_can_be_stopped(account: Account) -> None:
    """StopTrainingJob ends the script long before it would end by itself, and keeps the saved model."""
    name = account.train(WAIT, wait=False)
    while "waiting" not in account.log(GROUP, name):
        account.cloud.stopping.wait(0.05)
    account.sagemaker.stop_training_job(TrainingJobName=name)
    job = account.ended_training(name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert account.unpack(f"models/{name}/output/model.tar.gz") == {"weights": b"half trained"}
    with pytest.raises(ClientError, match="the training job is in status Stopped"):
        account.sagemaker.stop_training_job(TrainingJobName=name)


def test_requirements_are_checked_against_what_is_installed(account: Account) -> None:
    """A requirement that this interpreter doesn't meet fails the job before the script runs; others don't."""
    requirements = "moto==5.2.5 \\\n    --hash=sha256:00  # pinned\nboto3>=999\n"
    job = account.train("print('ran')", files={"requirements.txt": requirements})
    assert job["TrainingJobStatus"] == "Failed"
    assert "boto3>=999 is required, boto3 1" in job["FailureReason"]
    assert "moto==5.2.5 is asked" not in job["FailureReason"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"HyperParameters": {"sagemaker_program": "other.py"}}, "holds no 'other.py'"),
        ({"HyperParameters": {"sagemaker_submit_directory": f"s3://{BUCKET}/nothing.tar.gz"}}, "NoSuchKey"),
        (
            {"InputDataConfig": [channel("train", f"s3://{BUCKET}/nothing/")]},
            "No S3 objects found",
        ),
    ],
)
def test_a_missing_input_fails_the_job(account: Account, changes: dict[str, Any], reason: str) -> None:
    """A missing script, archive or channel is named in the FailureReason."""
    job = account.train("print('ran')", **changes)
    assert job["TrainingJobStatus"] == "Failed"
    assert reason in job["FailureReason"]


def test_a_name_is_used_once(account: Account) -> None:
    """A second job of the same name is refused with ResourceInUse, however the first one ended."""
    job = account.train("pass")
    with pytest.raises(ClientError, match=r"ResourceInUse.*already exists \(arn:aws:sagemaker"):
        account.train("pass", TrainingJobName=job["TrainingJobName"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"TrainingJobName": "-x"}, "regular expression pattern"),
        ({"InputDataConfig": [channel("train", "s3://b/k", InputMode="Pipe")]}, "'Pipe'"),
        ({"InputDataConfig": [channel("train", "s3://b/k", CompressionType="Gzip")]}, "'Gzip'"),
        (
            {
                "AlgorithmSpecification": {
                    "TrainingImage": IMAGE,
                    "TrainingInputMode": "File",
                    "MetricDefinitions": [{"Name": "m", "Regex": "m: ("}],
                }
            },
            "of metric 'm' can't be used",
        ),
    ],
)
def test_an_unsupported_request_is_refused_immediately(
    account: Account, changes: dict[str, Any], message: str
) -> None:
    """A request that the local cloud can't run is a ValidationException and creates no job."""
    name = unique("refused")
    with pytest.raises(ClientError, match=message):
        account.train("pass", **{"TrainingJobName": name, **changes})
    with pytest.raises(ClientError, match="Requested resource not found"):
        account.sagemaker.describe_training_job(TrainingJobName=name)


def test_a_change_of_status_is_an_event_in_the_documented_shape(account: Account) -> None:
    """Each secondary status is announced; times are milliseconds, as AWS's sample shows them."""
    job = account.train("pass", Tags=[{"Key": "stage", "Value": "trial"}])
    name = job["TrainingJobName"]
    details = [event["detail"] for event in account.events(name)]
    steps = ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert [detail["SecondaryStatus"] for detail in details] == steps
    assert [step["Status"] for step in job["SecondaryStatusTransitions"]] == steps
    assert account.events(name)[0]["detail-type"] == "SageMaker Training Job State Change"
    last = details[-1]
    for time in ("CreationTime", "TrainingStartTime", "TrainingEndTime", "LastModifiedTime"):
        assert last.pop(time) == str(int(job[time].timestamp() * 1000))
    assert last == {
        "TrainingJobName": name,
        "TrainingJobArn": job["TrainingJobArn"],
        "TrainingJobStatus": "Completed",
        "SecondaryStatus": "Completed",
        "HyperParameters": job["HyperParameters"],
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": job["RoleArn"],
        "InputDataConfig": [],
        "OutputDataConfig": {"KmsKeyId": "", "S3OutputPath": f"s3://{BUCKET}/models/"},
        "ResourceConfig": job["ResourceConfig"],
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "SecondaryStatusTransitions": [],
        "Tags": {"stage": "trial"},
    }


def test_a_listener_sees_the_scripts_lines_and_the_jobs_statuses(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command can show a job's progress while it runs."""
    activities: list[Any] = []
    monkeypatch.setattr(account.cloud, "listener", activities.append)
    name = account.train("print('epoch 1')")["TrainingJobName"]
    logged = [(activity.kind, activity.text) for activity in activities if activity.name == name]
    assert ("log", "epoch 1") in logged
    assert ("job", "training job Completed") in logged
