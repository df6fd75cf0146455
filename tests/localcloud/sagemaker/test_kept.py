"""SageMaker's jobs, models and the search of a tuning job, from one cloud to the next."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.assembly import local_cloud
from tests.localcloud.sagemaker.sagemaker_account import BUCKET, ECHO, Account, categories, make_role, unique
from tests.wait import until

# A script, or an inference code, that ends when a file is there.
HELD = """
import os, time
while not os.path.exists({file!r}):
    time.sleep(0.05)
"""
SCORE = "import sys\nprint('score:', sys.argv[sys.argv.index('--size') + 1])\n"


@contextmanager
def account(state: Path, role: bool = True) -> Iterator[Account]:
    """An account that goes on with what the folder keeps; its role is of no stack, and made by hand."""
    with local_cloud(state=state) as cloud:
        account = Account(cloud)
        if role:
            make_role(cloud)
        account.s3.create_bucket(Bucket=BUCKET)
        yield account


def without_times(described: dict[str, Any]) -> dict[str, Any]:
    """A description without the request's own part."""
    return {key: value for key, value in described.items() if key != "ResponseMetadata"}


def test_jobs_that_have_ended_can_be_described_and_keep_their_names(tmp_path: Path) -> None:
    """Descriptions are the same, the names stay taken, and a job that has ended can't be stopped."""
    with account(tmp_path) as before:
        training = before.train("print(1)")
        model = before.model()
        transform = before.transform(model, {"a": "1\n"})
        tuning = before.tune(SCORE, ranges=categories(size=["1"]))
        described = [before.sagemaker.describe_model(ModelName=model), training, transform, tuning]
    with account(tmp_path, role=False) as after:
        sagemaker, name = after.sagemaker, tuning["HyperParameterTuningJobName"]
        found = [
            sagemaker.describe_model(ModelName=model),
            sagemaker.describe_training_job(TrainingJobName=training["TrainingJobName"]),
            sagemaker.describe_transform_job(TransformJobName=transform["TransformJobName"]),
            sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name),
        ]
        assert list(map(without_times, found)) == list(map(without_times, described))
        assert len(after.trials(name)) == 1
        with pytest.raises(ClientError, match="is in status Completed"):
            sagemaker.stop_training_job(TrainingJobName=training["TrainingJobName"])
        with pytest.raises(ClientError, match="already exists"):
            after.transform(model, {}, TransformJobName=transform["TransformJobName"])


def test_jobs_under_way_begin_anew_with_their_names_and_settings(tmp_path: Path) -> None:
    """Training and transform end as if nothing had been; the model may be deleted meanwhile."""
    file = tmp_path / "may-end"
    held = HELD.format(file=str(file))
    with account(tmp_path / "state") as before:
        training = before.train(held, wait=False)
        inference = ECHO.replace("    return [{", f"    exec({held!r})\n    return [{{")
        model = before.model(inference)
        transform = before.transform(model, {"a": "1\n"}, wait=False)
        before.sagemaker.delete_model(ModelName=model)
        assert before.cloud.unfinished() == {"training job": 1, "transform job": 1}
    file.touch()
    with account(tmp_path / "state") as after:
        assert after.ended_training(training)["TrainingJobStatus"] == "Completed"
        ended = after.ended_transform(transform)
        assert ended["TransformJobStatus"] == "Completed"
        assert after.outputs(ended) == {"a.out": [{"got": 1, "of": 1}]}
        until(lambda: after.cloud.unfinished() == {})


def test_a_job_waits_for_its_role(tmp_path: Path) -> None:
    """As long as nobody has made the role again, the job is in progress, and can be stopped."""
    with account(tmp_path) as before:
        name = before.train(HELD.format(file="never"), wait=False)
    with account(tmp_path, role=False) as after:
        assert after.cloud.unfinished() == {"training job": 1}
        after.sagemaker.stop_training_job(TrainingJobName=name)
        found = after.sagemaker.describe_training_job(TrainingJobName=name)
        assert found["TrainingJobStatus"] == "Stopping"
        make_role(after.cloud)
        assert after.ended_training(name)["TrainingJobStatus"] == "Stopped"


def test_a_search_goes_on_after_its_trials(tmp_path: Path) -> None:
    """Trials that ended aren't run again, the one under way is, and no value of a seed is drawn twice."""
    file, name = tmp_path / "may-end", unique("search")
    script = f"""
import os, sys, time
name = os.environ["TRAINING_JOB_NAME"]
while "-001-" not in name and not os.path.exists({str(file)!r}):
    time.sleep(0.05)
print("score:", sys.argv[sys.argv.index("--size") + 1])
"""
    numbers = {"ContinuousParameterRanges": [{"Name": "size", "MinValue": "0", "MaxValue": "9"}]}
    with account(tmp_path / "state") as before:
        before.tune(
            script,
            wait=False,
            HyperParameterTuningJobName=name,
            ranges=numbers,
            limits={"MaxNumberOfTrainingJobs": 3},
            config={"RandomSeed": 1},
        )
        until(lambda: len(before.trials(name)) == 2)
        made = before.trials(name)
        assert before.cloud.unfinished() == {"training job": 1, "tuning job": 1}
    file.touch()
    with account(tmp_path / "state") as after:
        ended = after.ended_tuning(name)
        assert ended["TrainingJobStatusCounters"]["Completed"] == 3
        trials = after.trials(name)
        assert [each["TrainingJobName"] for each in trials[:2]] == [each["TrainingJobName"] for each in made]
        assert trials[0] == made[0]
        sizes = [each["TunedHyperParameters"]["size"] for each in trials]
        assert sizes[:2] == [each["TunedHyperParameters"]["size"] for each in made]
        assert len(set(sizes)) == 3
        best = ended["BestTrainingJob"]["TunedHyperParameters"]["size"]
        assert float(best) == max(map(float, sizes))
