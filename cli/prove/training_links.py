"""The links of a training: a search of two small trials, the GPU, the final training, its package."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from batch_prediction.layout import DATASETS, TRIALS
from batch_prediction.models.registry import ModelPackage
from cli import packages, trials, watching
from cli.checks import is_local
from cli.errors import CommandError
from cli.prove import account
from cli.prove.links import Broken, Link, Seen, Sight, Unprovable, Waiting
from cli.prove.run_links import MINUTE
from cli.search_of_stack import search_of
from cli.stack import Stack, client

TRIALS_WANTED = 2
# The smallest search that is one: trials of the small network, one after the other, one pass over the images.
ARCH, EPOCHS = "small", 1
_TRAINING_LOGS = "/aws/sagemaker/TrainingJobs"
# SageMaker's toolkit prints what it has found before it starts the script:
# https://github.com/aws/sagemaker-training-toolkit/blob/master/src/sagemaker_training/logging_config.py
_GPUS = re.compile(r"\bSM_NUM_GPUS=(\d+)")


@dataclass
class Training:
    """A search that proves a stack, and what it leaves behind; `tuning_job` is empty until it has begun."""

    stack: Stack
    dataset: str
    began: datetime
    tuning_job: str = ""

    def start(self) -> None:
        """Start the tuning job."""
        from training import tune  # importing the SageMaker SDK takes seconds

        stack = self.stack
        training = f"s3://{stack.bucket}/{DATASETS}{self.dataset}/training/"
        search = replace(
            search_of(stack, training, stack.parameter("TrainingInstanceType")),
            arch=ARCH,
            epochs=EPOCHS,
            trials=TRIALS_WANTED,
            parallel=1,
        )
        tune.start(search)
        self.tuning_job = search.name

    def final_job(self) -> dict[str, Any] | None:
        """The completed final training; None until then. CommandError when there will be none."""
        return watching.final_training(self.stack, self.tuning_job, lambda _news: None)

    def package(self) -> ModelPackage | None:
        """The registered version; None until then. CommandError when there will be none."""
        job = self.final_job()
        return watching.package_of(self.stack, job, lambda _news: None) if job else None

    def remove(self) -> list[str]:
        """Remove the trials' artifacts, and reject the package if another one can read batches; says so."""
        if not self.tuning_job:
            return []
        return [*([] if self.needs_trials() else self._remove_trials()), *self._reject()]

    def needs_trials(self) -> bool:
        """Whether the final training may still have to read its trial's artifact."""
        try:
            return self.final_job() is None
        except CommandError:  # there will be none
            return False

    def _remove_trials(self) -> list[str]:
        s3, prefix = client("s3"), f"{TRIALS}{self.tuning_job}/"
        keys = [
            entry["Key"]
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=self.stack.bucket, Prefix=prefix)
            for entry in page.get("Contents", [])
            if not entry["Key"].endswith("failure.json")  # the sweep asks again where there is none
        ]
        for key in keys:
            s3.delete_object(Bucket=self.stack.bucket, Key=key)
        return [f"{len(keys)} objects below s3://{self.stack.bucket}/{prefix}"] if keys else []

    def _reject(self) -> list[str]:
        sagemaker, made = client("sagemaker"), self._made()
        listed = packages.summaries(sagemaker, self.stack.group)
        approved = [
            entry["ModelPackageArn"] for entry in listed if entry["ModelApprovalStatus"] == packages.APPROVED
        ]
        if made is None or made.arn not in approved or len(approved) == 1:
            return []
        package = packages.describe(sagemaker, made.arn)
        packages.decide(sagemaker, package, packages.REJECTED, "made by digits prove, after one epoch")
        return [f"the approval of {made.arn.rpartition('model-package/')[2]}"]

    def _made(self) -> ModelPackage | None:
        try:
            return self.package()
        except CommandError:
            return None


def of_training(training: Training) -> list[Link]:
    """The links of the training, in its order."""
    stack = training.stack
    return [
        Link(
            "data set",
            f"images below {DATASETS}{training.dataset}/training/",
            f"`digits dataset {training.dataset}`, or another with --dataset",
            0.0,
            lambda: images(training),
        ),
        Link(
            "search",
            f"{TRIALS_WANTED} trials are Completed",
            f"`digits doctor` compares the quotas; `aws logs tail {_TRAINING_LOGS} --since 1h` is their log",
            90 * MINUTE,
            lambda: search(training),
        ),
        Link(
            "GPU",
            "a trial has found a GPU",
            f"deploy with another TrainingInstanceType than {stack.parameter('TrainingInstanceType')}",
            5 * MINUTE,
            lambda: gpu(training),
        ),
        Link(
            "final training",
            "train_best_model has started it, and it is Completed",
            f"`aws logs tail /aws/lambda/{stack.group}-train-best-model --since 1h` shows the reason",
            45 * MINUTE,
            lambda: final_training(training),
        ),
        Link(
            "registration",
            "register_model has made a model package",
            f"`aws logs tail /aws/lambda/{stack.group}-register-model --since 1h` shows the reason",
            5 * MINUTE,
            lambda: registered(training),
        ),
    ]


def images(training: Training) -> Sight:
    """Whether the data set is in the bucket."""
    prefix = f"{DATASETS}{training.dataset}/training/"
    listed = client("s3").list_objects_v2(Bucket=training.stack.bucket, Prefix=prefix, MaxKeys=1)
    place = f"s3://{training.stack.bucket}/{prefix}"
    return Seen(place) if listed.get("Contents") else Broken(f"nothing below {place}")


def search(training: Training) -> Sight:
    """Start the tuning job at the first look; then how it stands."""
    if not training.tuning_job:
        training.start()
    sagemaker, name = client("sagemaker"), training.tuning_job
    job = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    status = job["HyperParameterTuningJobStatus"]
    found = trials.listed(sagemaker, name)
    text = f"{name}: {status}; " + ("; ".join(map(trials.line, found)) or "no trial")
    if status not in ("Completed", "Failed", "Stopped"):
        return Waiting(text)
    completed = [trial for trial in found if trial.status == "Completed"]
    return Seen(text) if len(completed) == TRIALS_WANTED else Broken(text)


def gpu(training: Training) -> Sight:
    """How many GPUs SageMaker's toolkit has counted in a trial's container."""
    if is_local():
        return Unprovable("the local cloud has no GPU")
    logged = account.lines(_TRAINING_LOGS, training.began, f"{training.tuning_job}-")
    counted = [int(match[1]) for line in logged if (match := _GPUS.search(line.text))]
    if not counted:
        return Waiting("no SM_NUM_GPUS in the trials' logs")
    return Seen(f"SM_NUM_GPUS={max(counted)}") if max(counted) else Broken("SM_NUM_GPUS=0")


def final_training(training: Training) -> Sight:
    """The training job that follows the search."""
    return _sight(training.final_job, "no final training yet", lambda job: str(job["TrainingJobName"]))


def registered(training: Training) -> Sight:
    """The model package that follows the training."""
    return _sight(
        training.package,
        "no model package yet",
        lambda package: f"{package.arn.rpartition('model-package/')[2]}, {package.status}",
    )


def _sight(look: Callable[[], Any], waiting: str, words: Callable[[Any], str]) -> Sight:
    try:
        found = look()
    except CommandError as error:
        return Broken(str(error))
    return Seen(words(found)) if found else Waiting(waiting)
