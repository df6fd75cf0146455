"""What `--wait` shows of a started tuning job: trials, final training, model package."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from rich.console import Console
from rich.live import Live

from batch_prediction.aws import objects
from batch_prediction.layout import training_failure, tuning_failure
from batch_prediction.models import registry
from batch_prediction.models.final_training import BEST_TRIAL, describe_attempts, job_name, lacked_capacity
from cli import trials
from cli.errors import CommandError
from cli.stack import Stack, client
from cli.stages import Stages

POLL_SECONDS = 5.0
_TUNING_ENDED = ("Completed", "Failed", "Stopped", "DeleteFailed")

Found = TypeVar("Found")


def follow(console: Console, stack: Stack, tuning_job: str) -> None:
    """Show everything until the model package exists; CommandError or StageError if it never will."""
    best = search(console, tuning_job)
    result = f"\nBest trial: {trials.line(best)}" if best else "\nNo trial reached the objective."
    console.print(result, soft_wrap=True, highlight=False, markup=False)
    stages = Stages(console)
    with stages.stage("Train the final model") as stage:
        job = _until(lambda: final_training(stack, tuning_job, stage.news))
        stage.result = f"{job['TrainingJobName']}{_accuracy(job)}{_followed(job, best)}"
    with stages.stage("Register the model") as stage:
        package = _until(lambda: package_of(stack, job, stage.news))
        described = client("sagemaker").describe_model_package(ModelPackageName=package.arn)
        version = package.arn.rpartition("model-package/")[2]
        stage.result = f"{version}, {package.status}. {described.get('ModelPackageDescription', '')}"


def search(console: Console, tuning_job: str) -> trials.Trial | None:
    """Show the trials live until the tuning job has ended; returns the best of them.

    Without a terminal, each trial that has ended is printed as a line; on a terminal, failed trials are
    printed at the end. The function train_best_model judges the outcome of the tuning job itself.
    """
    sagemaker, printed = client("sagemaker"), set[str]()
    with Live(console=console, auto_refresh=False) as live:
        while True:
            job = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=tuning_job)
            status = job["HyperParameterTuningJobStatus"]
            expected = job["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxNumberOfTrainingJobs"]
            found = trials.listed(sagemaker, tuning_job)
            live.update(trials.table(tuning_job, status, expected, found), refresh=console.is_terminal)
            for trial in found:
                wanted = status in _TUNING_ENDED and trial.failure if console.is_terminal else True
                if wanted and trial.status in trials.ENDED and trial.name not in printed:
                    console.print(trials.line(trial), soft_wrap=True, highlight=False, markup=False)
                    printed.add(trial.name)
            if status in _TUNING_ENDED:
                return found[0] if found and found[0].objective is not None else None
            time.sleep(POLL_SECONDS)


def final_training(stack: Stack, tuning_job: str, news: Callable[[str], None]) -> dict[str, Any] | None:
    """The completed final training job; None until then."""
    attempts = describe_attempts(client("sagemaker"), tuning_job)
    if not attempts or lacked_capacity(attempts[-1]):
        if reason := recorded(stack, tuning_failure(tuning_job)):
            raise CommandError(f"{tuning_job}: expected a final training, found none: {reason}")
        without = " until there are instances for it" if attempts else ""
        news(f"waiting for train_best_model to start {job_name(tuning_job, len(attempts) + 1)}{without}")
        return None
    job: dict[str, Any] = dict(attempts[-1])
    name = job["TrainingJobName"]
    if job["TrainingJobStatus"] in ("Failed", "Stopped"):
        reason = job.get("FailureReason") or "SageMaker gives no reason"
        raise CommandError(f"{name}: expected Completed, found {job['TrainingJobStatus']}: {reason}")
    news(f"{name}: {job['TrainingJobStatus']}, {job.get('SecondaryStatus', '')}")
    return job if job["TrainingJobStatus"] == "Completed" else None


def package_of(stack: Stack, job: Any, news: Callable[[str], None]) -> registry.ModelPackage | None:
    """The model package of a final training; None until there is one."""
    if package := registry.of_training_job(client("sagemaker"), stack.group, job):
        return package
    name = job["TrainingJobName"]
    if reason := recorded(stack, training_failure(name)):
        raise CommandError(f"{name}: expected a model package, found none: {reason}")
    news(f"waiting for register_model, for {name}")
    return None


def recorded(stack: Stack, key: str) -> str | None:
    """The reason that a function has recorded at `key`; None if there is none."""
    found = objects.read_json(client("s3"), stack.bucket, key)
    return None if found is None else f"{found.content['reason']} (s3://{stack.bucket}/{key})"


def _accuracy(job: dict[str, Any]) -> str:
    metrics = {metric["MetricName"]: metric["Value"] for metric in job.get("FinalMetricDataList", [])}
    return f", test accuracy {metrics['test-accuracy']:.2%}" if "test-accuracy" in metrics else ""


def _followed(job: dict[str, Any], best: trials.Trial | None) -> str:
    """The trial that a final training follows, where it isn't the most accurate (best_trial.py says why)."""
    trial = job.get("Environment", {}).get(BEST_TRIAL)
    if trial is None or best is None or trial == best.name:
        return ""
    return f"; it follows {trial}: as accurate within noise, of a lower negative log-likelihood"


def _until(poll: Callable[[], Found | None]) -> Found:
    while (found := poll()) is None:
        time.sleep(POLL_SECONDS)
    return found
