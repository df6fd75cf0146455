"""From `digits tune` to an approved model, over the local cloud: real trials, a real final training."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from batch_prediction.layout import tuning_failure
from batch_prediction.models import artifact
from cli.main import app
from cli.stack import client
from localcloud.assembly import local_cloud
from tests.stack import Stack, deploy_template
from training.datasets import idx, sample

pytestmark = pytest.mark.deploys


@pytest.fixture
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The deployed stack, with a data set of a few real digits in its bucket."""
    with local_cloud() as cloud:
        stack, parts = deploy_template(request, cloud, MinimumAccuracy="0.1"), sample(seed=1)
        for channel, digits in (("training", parts.training), ("test", parts.test)):
            few = digits[np.arange(300)]
            stack.put(f"datasets/few/{channel}/digits-images-idx3-ubyte.gz", idx(few.images))
            stack.put(f"datasets/few/{channel}/digits-labels-idx1-ubyte.gz", idx(few.labels))
        client.cache_clear()
        yield stack
        client.cache_clear()


def test_one_command_leads_to_an_approved_model(stack: Stack) -> None:
    """The trial to follow is trained on all images, with its temperature, tested once and approved."""
    options = ["--trials", "2", "--parallel", "2", "--arch", "small", "--epochs", "2"]
    hyperband = ["--strategy", "hyperband", "--spot", "--wait", "--stack", "digits-test"]
    result = CliRunner().invoke(app, ["tune", "few", *options, *hyperband], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output

    (tuning,) = stack.sagemaker.list_hyper_parameter_tuning_jobs()["HyperParameterTuningJobSummaries"]
    name = tuning["HyperParameterTuningJobName"]
    searched = stack.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    best = searched["BestTrainingJob"]
    final: dict[str, Any] = stack.sagemaker.describe_training_job(TrainingJobName=f"{name}-final")
    followed = likeliest(stack, best)
    assert final["Environment"]["DIGITS_BEST_TRIAL"] == followed["TrainingJobName"]
    tuned = {name: followed["HyperParameters"][name] for name in best["TunedHyperParameters"]}
    assert final["HyperParameters"].items() >= tuned.items()
    assert {channel["ChannelName"] for channel in final["InputDataConfig"]} == {"training", "test", "trial"}
    kept, tried = (
        artifact.read(stack.s3, job["ModelArtifacts"]["S3ModelArtifacts"]).config for job in (final, followed)
    )
    assert tried["temperature_from"] == "validation"
    assert (kept["temperature"], kept["temperature_from"]) == (tried["temperature"], "trial")
    assert {channel["ChannelName"] for channel in searched["TrainingJobDefinition"]["InputDataConfig"]} == {
        "training"
    }
    (package,) = stack.packages()
    assert package["ModelApprovalStatus"] == "Approved"
    for sentence in (
        f"Best trial: {best['TrainingJobName']}",
        *(
            []
            if followed["TrainingJobName"] == best["TrainingJobName"]
            else [f"it follows {followed['TrainingJobName']}"]
        ),
        f"{name}-final, test accuracy",
        "digits/1, Approved",
    ):
        assert sentence in result.output
    said = f"it follows {followed['TrainingJobName']}" in result.output
    assert said == (followed["TrainingJobName"] != best["TrainingJobName"])
    prefixes = {key.partition("/")[0] for key in stack.objects("")}
    assert prefixes == {"code", "datasets", "models", "trials"}
    assert tuning_failure(name) not in stack.objects("trials/")


def likeliest(stack: Stack, best: dict[str, Any]) -> dict[str, Any]:
    """The trial with the least negative log-likelihood of those within a standard error of the best."""
    listed = stack.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=best["TuningJobName"]
    )["TrainingJobSummaries"]
    names = [trial["TrainingJobName"] for trial in listed]
    jobs = [stack.sagemaker.describe_training_job(TrainingJobName=name) for name in names]
    figures = {job["TrainingJobName"]: logged(job) for job in jobs}
    highest = figures[best["TrainingJobName"]]
    accuracy, images = highest["validation-accuracy"], highest["validation-images"]
    assert images == 50
    least = accuracy - (2 * accuracy * (1 - accuracy) / images) ** 0.5
    rivals = [job for job in jobs if logged(job)["validation-accuracy"] >= least]
    return min(rivals, key=lambda job: logged(job)["calibrated-nll"])


def logged(job: dict[str, Any]) -> dict[str, float]:
    """A training job's metrics."""
    return {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
