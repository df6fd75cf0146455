"""The same script in the local cloud's training jobs and under AWS's training toolkit."""

import json
import re
from pathlib import Path
from typing import Any

from tests.fidelity.local_training import start_training
from tests.fidelity.toolkit_training import HOST, train
from tests.localcloud.sagemaker.sagemaker_account import BUCKET, Account
from training.jobs import METRICS

SCRIPT = """
import json, os, pathlib, sys
seen = {"arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}
pathlib.Path(os.environ["SM_MODEL_DIR"], "seen.json").write_text(json.dumps(seen))
"""


def metrics(log: str) -> list[str]:
    """The lines of a log that SageMaker reads metrics from."""
    return [line for line in log.splitlines() if re.match(rf"({'|'.join(METRICS)}): ", line)]


def log_of(account: Account, job: Any) -> str:
    """The log of a training job in the local cloud."""
    return account.log("TrainingJobs", job["TrainingJobName"])


def test_a_seed_gives_the_same_model_and_metrics(account: Account, trained: Any, tmp_path: Path) -> None:
    """Weights, configuration and code are the same bytes, and so is every line that holds a metric."""
    outcome = train(account, trained, tmp_path)
    assert outcome.exit_code == 0, outcome.log
    assert outcome.failure == ""
    local = account.unpack(f"models/{trained['TrainingJobName']}/output/model.tar.gz")
    assert sorted(outcome.model) == sorted(local)
    assert [name for name, content in outcome.model.items() if local[name] != content] == []
    assert len(local["model.safetensors"]) > 100_000
    assert metrics(outcome.log) == metrics(log_of(account, trained))
    assert [line.partition(":")[0] for line in metrics(outcome.log)] == list(METRICS)


def test_another_seed_gives_other_weights(account: Account, trained: Any, tmp_path: Path) -> None:
    """Under the toolkit another seed changes weights and metrics: the comparison above can fail."""
    hyperparameters = trained["HyperParameters"] | {"seed": "6"}
    outcome = train(account, trained | {"HyperParameters": hyperparameters}, tmp_path)
    local = account.unpack(f"models/{trained['TrainingJobName']}/output/model.tar.gz")
    assert outcome.model["model.safetensors"] != local["model.safetensors"]
    assert metrics(outcome.log) != metrics(log_of(account, trained))


def test_a_failing_training_says_the_same_sentence(account: Account, tmp_path: Path) -> None:
    """A hyperparameter that can't be used ends both with exit code 1 and the script's own reason."""
    job = start_training(account, **{"learning-rate": "99"})
    outcome = train(account, job, tmp_path)
    assert outcome.exit_code == 1
    assert "learning-rate" in outcome.failure
    assert outcome.model == {}
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == f"AlgorithmError: {outcome.failure}, exit code: 1"
    assert outcome.failure.strip() in log_of(account, job)
    assert outcome.failure.strip() in outcome.log


def test_a_crash_has_a_failure_of_the_same_kind(account: Account, tmp_path: Path) -> None:
    """An unhandled exception ends both with exit code 1, the toolkit's error and the command."""
    job = account.train("raise ValueError('no digits')", HyperParameters={"epochs": "2"})
    outcome = train(account, job, tmp_path)
    assert outcome.exit_code == 1
    assert "ValueError: no digits" in outcome.log
    assert "ValueError: no digits" in log_of(account, job)
    reason = job["FailureReason"].removeprefix("AlgorithmError: ").removesuffix(", exit code: 1")
    for failure in (outcome.failure, reason):
        assert failure.startswith('ExecuteUserScriptError:\nExitCode 1\nErrorMessage "')
        assert failure.endswith('train.py --epochs 2"')


def test_a_script_sees_the_same_arguments_and_variables(account: Account, tmp_path: Path) -> None:
    """Arguments and SM_* variables are equal, but for the folder and the name of the host."""
    account.put("channel/a.txt", "A")
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": f"s3://{BUCKET}/channel/",
        "S3DataDistributionType": "FullyReplicated",
    }
    job = account.train(
        SCRIPT,
        HyperParameters={
            "epochs": "3",
            "learning-rate": "0.10",
            "net": '"small"',
            "plain": "word",
            "nothing": "null",
            "yes": "true",
            "empty": "",
            "list": "[1, 2]",
            "table": '{"b": 1, "a": 2}',
            "é": "ü",
            "v": "1",
            "sagemaker_x": "y",
        },
        InputDataConfig=[{"ChannelName": "training", "DataSource": {"S3DataSource": source}}],
    )
    outcome = train(account, job, tmp_path)
    assert outcome.exit_code == 0, outcome.log
    local = json.loads(account.unpack(f"models/{job['TrainingJobName']}/output/model.tar.gz")["seen.json"])
    toolkit = json.loads(outcome.model["seen.json"])
    assert local["arguments"] == toolkit["arguments"]
    expected = sagemaker_variables(toolkit)
    # The local cloud gives the job's name where SageMaker does, and not a second time.
    assert expected["SM_TRAINING_ENV"].pop("job_name") == local["environment"]["TRAINING_JOB_NAME"]
    assert sagemaker_variables(local) == expected


def sagemaker_variables(script: dict[str, Any]) -> dict[str, Any]:
    """A script's SM_* variables, read where they are JSON, with the folder and the host of a real job."""
    base = script["environment"]["SAGEMAKER_BASE_DIR"]
    text = json.dumps(script).replace(base, "/opt/ml").replace(f'\\"{HOST}\\"', '\\"algo-1\\"')
    variables = json.loads(text)["environment"]
    variables["SM_CURRENT_HOST"] = variables["SM_CURRENT_HOST"].replace(HOST, "algo-1")
    return {name: _read(value) for name, value in variables.items() if name.startswith("SM_")}


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
