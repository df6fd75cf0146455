"""Tuning jobs, whose trials are training jobs that really run."""

import os
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.localcloud.sagemaker.sagemaker_account import BUCKET, IMAGE, ROLE, Account, categories, unique
from tests.wait import until

SCORE = """
import sys
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
print("score:", -(float(given["--size"]) - 3) ** 2)
"""
FAIL = "raise SystemExit(1)"
SLEEP = "import os, time\nprint('child', os.getpid(), flush=True)\ntime.sleep(300)"
WARM = {
    "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "parent"}],
    "WarmStartType": "TransferLearning",
}
NOWHERE = {"Type": "Maximize", "MetricName": "nowhere"}
NUMBERS = {"ContinuousParameterRanges": [{"Name": "size", "MinValue": "0", "MaxValue": "9"}]}


def grid(values: list[str], parallel: int, **limits: int) -> dict[str, Any]:
    """Return the request's ranges that give one trial a value, in order."""
    limits |= {"MaxNumberOfTrainingJobs": len(values), "MaxParallelTrainingJobs": parallel}
    return {"ranges": categories(size=values), "config": {"Strategy": "Grid"}, "limits": limits}


def test_a_search_finds_the_best_of_its_trials(account: Account) -> None:
    """Each trial is a training job with its own hyperparameters and artifact; the best objective wins."""
    job = account.tune(
        SCORE,
        **grid(["1", "4", "3", "9"], 2),
        Tags=[{"Key": "team", "Value": "a"}],
    )
    name = job["HyperParameterTuningJobName"]
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["BestTrainingJob"]["TunedHyperParameters"] == {"size": "3"}
    assert job["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"] == {
        "MetricName": "score",
        "Value": 0.0,
    }
    trials = account.trials(name)
    assert [trial["TunedHyperParameters"]["size"] for trial in trials] == ["1", "4", "3", "9"]
    for number, trial in enumerate(trials, 1):
        assert re.fullmatch(rf"{name}-{number:03}-[0-9a-f]{{8}}", trial["TrainingJobName"])
        assert (trial["TuningJobName"], trial["ObjectiveStatus"]) == (name, "Succeeded")
        found = account.sagemaker.describe_training_job(TrainingJobName=trial["TrainingJobName"])
        assert found["TuningJobArn"] == job["HyperParameterTuningJobArn"]
        assert found["HyperParameters"] == {
            **job["TrainingJobDefinition"]["StaticHyperParameters"],
            **trial["TunedHyperParameters"],
            "_tuning_objective_metric": "score",
        }
        tags = account.sagemaker.list_tags(ResourceArn=found["TrainingJobArn"])["Tags"]
        assert tags == [{"Key": "team", "Value": "a"}]
    written = account.objects(f"trials/{name}/")
    assert set(written) == {f"{trial['TrainingJobName']}/output/model.tar.gz" for trial in trials}
    assert job["TrainingJobStatusCounters"]["Completed"] == 4
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 4, "Pending": 0, "Failed": 0}


def test_trials_run_at_once_up_to_the_jobs_limit(account: Account) -> None:
    """Two trials run at the same time, and never a third."""
    meeting = """
import os, pathlib, time
folder = pathlib.Path("{folder}")
(folder / os.environ["TRAINING_JOB_NAME"]).touch()
while len(list(folder.iterdir())) < 2:
    time.sleep(0.05)
print("score: 1")
"""
    folder = account.cloud.folder / unique("meeting")
    folder.mkdir()
    job = account.tune(
        meeting.format(folder=folder),
        ranges=NUMBERS,
        limits={"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 2},
    )
    assert job["TrainingJobStatusCounters"]["Completed"] == 4
    running: set[str] = set()
    most = 0
    for event in account.events(f"training-job/{job['HyperParameterTuningJobName']}-"):
        changed = running.add if event["detail"]["TrainingJobStatus"] == "InProgress" else running.discard
        changed(event["resources"][0])
        most = max(most, len(running))
    assert most == 2


def test_a_failed_trial_is_counted_and_the_search_continues(account: Account) -> None:
    """A trial that fails, or prints no number, has no objective; the job completes with the others."""
    script = """
import sys
(value,) = sys.argv[2:]
if value == "fails":
    raise SystemExit(1)
print("score:", value)
"""
    job = account.tune(script, **grid(["fails", "none", "nan", "0.5"], 4))
    name = job["HyperParameterTuningJobName"]
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TrainingJobStatusCounters"] == {
        "Completed": 3,
        "InProgress": 0,
        "RetryableError": 0,
        "NonRetryableError": 1,
        "Stopped": 0,
    }
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 1, "Pending": 0, "Failed": 3}
    (failed,) = account.trials(name, StatusEquals="Failed")
    assert failed["FailureReason"].startswith("AlgorithmError")
    (listed,) = account.trials(name, SortBy="FinalObjectiveMetricValue")
    assert listed == job["BestTrainingJob"]
    assert listed["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == 0.5


def test_a_job_without_any_success_fails_after_five_attempts(account: Account) -> None:
    """SageMaker gives up a search in which no trial succeeds, with a reason and no best training job."""
    job = account.tune(FAIL, ranges=NUMBERS, limits={"MaxNumberOfTrainingJobs": 9})
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("No training job succeeded after 5 attempts.")
    assert job["TrainingJobStatusCounters"]["NonRetryableError"] == 5
    assert "BestTrainingJob" not in job


def test_a_stop_ends_the_trials_first(account: Account) -> None:
    """A stopped job has stopped its trials' scripts, and can't be stopped again."""
    name = account.tune(
        SLEEP, wait=False, ranges=NUMBERS, limits={"MaxNumberOfTrainingJobs": 9, "MaxParallelTrainingJobs": 2}
    )

    def children() -> list[str]:
        trials = account.trials(name)
        logs = "\n".join(account.log("TrainingJobs", trial["TrainingJobName"]) for trial in trials)
        found = re.findall(r"child (\d+)", logs)
        return found if len(found) == 2 else []

    pids = until(children)
    account.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    job = account.ended_tuning(name)
    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    assert job["TrainingJobStatusCounters"]["Stopped"] == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)
    statuses = [
        event["detail"]["HyperParameterTuningJobStatus"]
        for event in account.events(f"hyper-parameter-tuning-job/{name}")
    ]
    assert statuses == ["InProgress", "Stopping", "Stopped"]
    with pytest.raises(ClientError, match="is in status Stopped"):
        account.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)


def test_the_time_of_the_whole_job_is_limited(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """After MaxRuntimeInSeconds no trial is launched and the running ones are stopped; the rest counts."""
    now = [0.0]
    monkeypatch.setattr("localcloud.sagemaker.tuning.job.monotonic", lambda: now[0])
    script = 'import sys, time\nprint("score: 1", flush=True)\nif "waits" in sys.argv: time.sleep(300)'
    name = account.tune(
        script,
        wait=False,
        **grid(["ends", "waits"], 1, MaxRuntimeInSeconds=120),
    )
    until(lambda: len(account.trials(name)) == 2)
    now[0] = 121.0
    job = account.ended_tuning(name)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    counted = job["TrainingJobStatusCounters"]
    assert (counted["Completed"], counted["Stopped"]) == (1, 1)


def test_trials_are_listed_in_order_and_pages(account: Account) -> None:
    """Trials are sorted by their objective, either way, page by page; an unknown job's are not found."""
    job = account.tune(
        SCORE,
        **grid(["1", "3", "2"], 3),
    )
    name = job["HyperParameterTuningJobName"]
    ask = account.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job
    listing = {
        "HyperParameterTuningJobName": name,
        "SortBy": "FinalObjectiveMetricValue",
        "SortOrder": "Descending",
        "MaxResults": 2,
    }
    first = ask(**listing)
    second = ask(**listing, NextToken=first["NextToken"])
    found = [
        trial["TunedHyperParameters"]["size"]
        for page in (first, second)
        for trial in page["TrainingJobSummaries"]
    ]
    assert found == ["3", "2", "1"]
    with pytest.raises(account.sagemaker.exceptions.ResourceNotFound):
        ask(HyperParameterTuningJobName="nowhere")
    part = name.removeprefix("tuning-")
    listed = account.sagemaker.list_hyper_parameter_tuning_jobs(NameContains=part, StatusEquals="Completed")
    (summary,) = listed["HyperParameterTuningJobSummaries"]
    for field in ("HyperParameterTuningJobArn", "ObjectiveStatusCounters", "HyperParameterTuningEndTime"):
        assert summary[field] == job[field]
    assert summary["ResourceLimits"] == job["HyperParameterTuningJobConfig"]["ResourceLimits"]


def test_trials_share_the_machine_and_no_checkpoint(account: Account) -> None:
    """Concurrent trials get a share of the cores each, and their own folders for checkpoints."""
    job = account.tune(
        SCORE,
        **grid(["1", "2"], 2),
        definition={
            "CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/checkpoints/"},
            "Environment": {"FLAG": "1"},
        },
    )
    share = max(1, (os.cpu_count() or 1) // 2)
    for trial in account.trials(job["HyperParameterTuningJobName"]):
        found = account.sagemaker.describe_training_job(TrainingJobName=trial["TrainingJobName"])
        assert found["Environment"] == {"OMP_NUM_THREADS": str(share), "FLAG": "1"}
        expected = f"s3://{BUCKET}/checkpoints/{trial['TrainingJobName']}/"
        assert found["CheckpointConfig"]["S3Uri"] == expected


def test_names_are_short_and_used_once(account: Account) -> None:
    """A taken name is ResourceInUse, an unknown one ResourceNotFound, and 33 characters are too many."""
    name = account.tune(SCORE)["HyperParameterTuningJobName"]
    errors = account.sagemaker.exceptions
    with pytest.raises(errors.ResourceInUse, match=name):
        account.tune(SCORE, HyperParameterTuningJobName=name)
    for action in ("describe", "stop"):
        with pytest.raises(errors.ResourceNotFound, match="nowhere"):
            getattr(account.sagemaker, f"{action}_hyper_parameter_tuning_job")(
                HyperParameterTuningJobName="nowhere"
            )
    with pytest.raises(ClientError, match="hyperParameterTuningJobName"):
        account.tune(SCORE, HyperParameterTuningJobName="a" * 33)
    assert account.trials(name)[0]["TrainingJobStatus"] == "Completed"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"WarmStartConfig": WARM}, "WarmStartConfig is given"),
        ({"Autotune": {"Mode": "Enabled"}}, "Autotune is given"),
        ({"config": {"TuningJobCompletionCriteria": {"TargetObjectiveMetricValue": 1}}}, "Criteria is given"),
        ({"ranges": {"AutoParameters": [{"Name": "size", "ValueHint": "1"}]}}, "AutoParameters is given"),
        ({"ranges": {}}, "names no hyperparameter"),
        ({"ranges": NUMBERS, "config": {"Strategy": "Grid"}}, "CategoricalParameterRanges only"),
        ({"ranges": categories(size=["1", "2"]), "config": {"Strategy": "Grid"}}, "the grid has 2"),
        ({"config": {"Strategy": "Hyperband", "TrainingJobEarlyStoppingType": "Auto"}}, "must be Off"),
        ({"config": {"ResourceLimits": {"MaxParallelTrainingJobs": 1}}}, "ResourceLimits needs"),
        ({"config": {"HyperParameterTuningJobObjective": NOWHERE}}, "A metric is required"),
        ({"definition": {"StaticHyperParameters": {"size": "1"}}}, "static or tuned, not both"),
        ({"definition": {"StaticHyperParameters": {}}}, "sagemaker_program is missing"),
    ],
)  # fmt: skip
def test_an_unsupported_request_is_refused_immediately(
    account: Account, changes: dict[str, Any], message: str
) -> None:
    """A request that SageMaker or the emulation refuses is a ValidationException and creates no job."""
    name = unique("refused")
    with pytest.raises(ClientError, match=message) as refused:
        account.tune(SCORE, HyperParameterTuningJobName=name, **changes)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(account.sagemaker.exceptions.ResourceNotFound):
        account.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)


def test_the_sagemaker_sdk_tunes_unpatched(
    account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """The SDK's tuner starts a job, reads its answers into its own types, and names the best training job."""
    settings = tmp_path / "config.yaml"
    settings.write_text("SchemaVersion: '1.0'\nSageMaker: {PythonSDK: {Modules: {TelemetryOptOut: true}}}\n")
    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(settings))
    monkeypatch.setenv("SAGEMAKER_VALIDATE_ROLE", "false")
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.core.parameter import ContinuousParameter
    from sagemaker.core.resources import HyperParameterTuningJob, TrainingJob
    from sagemaker.core.training.configs import Compute, InputData, OutputDataConfig
    from sagemaker.core.utils.utils import _ClientCacheMeta
    from sagemaker.train import ModelTrainer
    from sagemaker.train.tuner import HyperparameterTuner

    monkeypatch.setattr(
        _ClientCacheMeta, "_instances", {}
    )  # clients that another test made, of another endpoint
    name = unique("sdk")
    trainer = ModelTrainer(
        training_image=IMAGE,
        role=ROLE,
        sagemaker_session=Session(default_bucket=BUCKET),
        base_job_name=name,
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        hyperparameters={
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": account.pack(f"code/{name}.tar.gz", {"train.py": SCORE}),
        },
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{BUCKET}/trials/{name}/"),
    )
    tuner = HyperparameterTuner(
        model_trainer=trainer,
        objective_metric_name="score",
        metric_definitions=[{"Name": "score", "Regex": "score: (.*)"}],
        hyperparameter_ranges={"size": ContinuousParameter(0.5, 5, scaling_type="Logarithmic")},
        strategy="Bayesian",
        objective_type="Maximize",
        max_jobs=2,
        max_parallel_jobs=2,
    )
    account.put(f"datasets/{name}/digits", b"1")
    data = InputData(channel_name="training", data_source=f"s3://{BUCKET}/datasets/{name}/")
    tuner.tune(inputs=[data], job_name=name, wait=False)
    job = account.ended_tuning(name)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    best = job["BestTrainingJob"]["TrainingJobName"]
    assert tuner.best_training_job() == best
    described = HyperParameterTuningJob.get(name)
    assert described.objective_status_counters.succeeded == 2
    found = {trial.training_job_name for trial in described.get_all_training_jobs()}
    assert found == {trial["TrainingJobName"] for trial in account.trials(name)}
    assert TrainingJob.get(best).tuning_job_arn == job["HyperParameterTuningJobArn"]
