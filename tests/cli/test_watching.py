"""What `digits tune --wait` shows after the start."""

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from rich.console import Console

from cli import trials, watching
from cli.errors import CommandError
from cli.stack import Stack, client, find
from cli.stages import StageError
from tests.cli.moto_account import deploy, empty_account
from tests.cli.trials import NOT_FOUND, STARTED, look, summary
from tests.functions.models.training_jobs import completed_job
from tests.functions.models.tuning_jobs import FINAL, TUNING_JOB
from tests.settings_and_events import BUCKET


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A deployed stack, looked at without pauses."""
    monkeypatch.setattr(watching, "POLL_SECONDS", 0)
    with empty_account(monkeypatch):
        deploy()
        yield find("digits")


@pytest.fixture
def sagemaker(stack: Stack) -> Iterator[Stubber]:
    """SageMaker's answers, each checked against its service model; all of them are asked for."""
    with Stubber(client("sagemaker")) as stub:
        yield stub
        stub.assert_no_pending_responses()


def final(status: str, **others: Any) -> Any:
    """The final training job in the answer of DescribeTrainingJob."""
    ours = {"TrainingJobStatus": status, "SecondaryStatus": "Training"}
    return completed_job(FINAL, 0.9951) | ours | others


def shown(terminal: bool = False) -> tuple[Console, io.StringIO]:
    """A console, and its output."""
    screen = io.StringIO()
    return Console(file=screen, width=160, force_terminal=terminal, color_system=None), screen


def fail(key: str, reason: str) -> None:
    """Record a failure as the stack's functions do."""
    boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps({"reason": reason}).encode())


def test_the_trials_are_shown_until_the_search_has_ended(sagemaker: Stubber) -> None:
    """Without a terminal each ended trial is printed once, and the table comes last, the best trial first."""
    ended = STARTED + timedelta(seconds=34)
    weak, good = summary(1, "Completed", 0.98, TrainingEndTime=ended), summary(2, "Completed", 0.995)
    failed = summary(3, "Failed", FailureReason="AlgorithmError: no memory")
    look(sagemaker, "InProgress", [])
    look(sagemaker, "InProgress", [weak, summary(2, "InProgress")])
    look(sagemaker, "Completed", [weak, failed], [good])
    console, screen = shown()
    best = watching.search(console, TUNING_JOB)
    assert best is not None
    assert best.name == good["TrainingJobName"]
    lines = screen.getvalue().splitlines()
    printed = [line for line in lines if line.startswith(TUNING_JOB) and "  ·  " not in line]
    assert [line.split()[0] for line in printed] == [
        weak["TrainingJobName"],
        good["TrainingJobName"],
        failed["TrainingJobName"],
    ]
    assert "AlgorithmError: no memory" in printed[-1]
    rows = [line.split()[0] for line in lines if line.lstrip().startswith("00")]
    assert rows == ["002", "001", "003"]
    assert "Completed  ·  3 of 3 trials have ended" in screen.getvalue()


def test_on_a_terminal_the_table_is_redrawn(sagemaker: Stubber) -> None:
    """Each look replaces the table: states, values to three digits and seconds are in it."""
    look(sagemaker, "InProgress", [summary(1, "InProgress")])
    look(sagemaker, "Stopped", [summary(1, "Stopped", TrainingEndTime=STARTED + timedelta(seconds=34))])
    console, screen = shown(terminal=True)
    assert watching.search(console, TUNING_JOB) is None
    text = screen.getvalue()
    assert text.index("InProgress  ·  0 of") < text.index("Stopped  ·  1 of")
    assert " 0.0123 " in text
    assert " 34\n" in text


@pytest.mark.parametrize("followed", ["001", "002"])
def test_the_model_is_followed_to_its_package(sagemaker: Stubber, stack: Stack, followed: str) -> None:
    """Best trial, final training with its accuracy and its trial if it is another, package and approval."""
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/digits/3"
    package = {
        "ModelPackageArn": arn,
        "ModelPackageName": "digits",
        "CreationTime": STARTED,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "ModelApprovalStatus": "Approved",
        "ModelPackageDescription": f"Trained by {FINAL}. Approved: it is better",
        "CustomerMetadataProperties": {"training_job": FINAL},
    }
    listed = {name: package[name] for name in ("ModelPackageArn", "CreationTime", "ModelPackageStatus")}
    look(sagemaker, "Completed", [summary(1, "Completed", 0.99)])
    sagemaker.add_client_error("describe_training_job", *NOT_FOUND)
    sagemaker.add_response("describe_training_job", final("InProgress"))
    environment = {"DIGITS_BEST_TRIAL": f"{TUNING_JOB}-{followed}-abcd"}
    sagemaker.add_response("describe_training_job", final("Completed", Environment=environment))
    sagemaker.add_response("list_model_packages", {"ModelPackageSummaryList": []})
    sagemaker.add_response("list_model_packages", {"ModelPackageSummaryList": [listed]})
    sagemaker.add_response("describe_model_package", package)
    sagemaker.add_response("describe_model_package", package)
    console, screen = shown()
    watching.follow(console, stack, TUNING_JOB)
    output = screen.getvalue()
    assert f"Best trial: {TUNING_JOB}-001-abcd  Completed  validation accuracy 99.00%" in output
    assert f"{FINAL}, test accuracy 99.21%" in output
    assert (f"99.21%; it follows {TUNING_JOB}-002-abcd: as accurate" in output) == (followed == "002")
    assert f"digits/3, Approved. Trained by {FINAL}. Approved: it is better" in output


def test_a_search_without_a_model_says_why(sagemaker: Stubber, stack: Stack) -> None:
    """The reason that train_best_model recorded is shown, and where it is kept."""
    fail(f"trials/{TUNING_JOB}/failure.json", "every trial failed")
    look(sagemaker, "Failed", [summary(1, "Failed")])
    sagemaker.add_client_error("describe_training_job", *NOT_FOUND)
    console, screen = shown()
    with pytest.raises(StageError):
        watching.follow(console, stack, TUNING_JOB)
    assert "No trial reached the objective." in screen.getvalue()
    assert (
        f"expected a final training, found none: every trial failed (s3://{BUCKET}/trials/"
        in screen.getvalue()
    )


def test_a_final_training_that_failed_says_why(sagemaker: Stubber, stack: Stack) -> None:
    """SageMaker's reason is shown."""
    look(sagemaker, "Completed", [summary(1, "Completed", 0.99)])
    sagemaker.add_response("describe_training_job", final("Failed", FailureReason="no capacity"))
    console, screen = shown()
    with pytest.raises(StageError):
        watching.follow(console, stack, TUNING_JOB)
    assert f"{FINAL}: expected Completed, found Failed: no capacity" in screen.getvalue()


def test_a_final_training_without_instances_is_waited_for(sagemaker: Stubber, stack: Stack) -> None:
    """Its next attempt is named; when train_best_model gives up, its reason is shown."""
    lacking = final(
        "Failed", FailureReason="CapacityError: none", Environment={"DIGITS_TUNING_JOB": TUNING_JOB}
    )
    for _look in range(2):
        sagemaker.add_response("describe_training_job", lacking)
        sagemaker.add_client_error("describe_training_job", *NOT_FOUND)
    news: list[str] = []
    assert watching.final_training(stack, TUNING_JOB, news.append) is None
    assert news == [f"waiting for train_best_model to start {FINAL}-2 until there are instances for it"]
    fail(f"trials/{TUNING_JOB}/failure.json", "gave up after 24.0 hours")
    with pytest.raises(CommandError, match=r"found none: gave up after 24\.0 hours"):
        watching.final_training(stack, TUNING_JOB, news.append)


def test_a_model_that_is_not_registered_says_why(sagemaker: Stubber, stack: Stack) -> None:
    """The reason that register_model has recorded is shown."""
    fail(f"models/{FINAL}/failure.json", "a pickle in the artifact")
    look(sagemaker, "Completed", [summary(1, "Completed", 0.99)])
    sagemaker.add_response("describe_training_job", final("Completed"))
    sagemaker.add_response("list_model_packages", {"ModelPackageSummaryList": []})
    console, screen = shown()
    with pytest.raises(StageError):
        watching.follow(console, stack, TUNING_JOB)
    assert f"{FINAL}: expected a model package, found none: a pickle in the artifact" in screen.getvalue()


def test_another_refusal_of_sagemaker_is_not_taken_for_a_missing_job(
    sagemaker: Stubber, stack: Stack
) -> None:
    """A denied request ends the wait immediately."""
    look(sagemaker, "Completed", [])
    sagemaker.add_client_error("describe_training_job", "AccessDeniedException", "not allowed")
    console, screen = shown()
    with pytest.raises(StageError):
        watching.follow(console, stack, TUNING_JOB)
    assert "not allowed" in screen.getvalue()


@pytest.mark.parametrize(
    ("value", "short"), [("0.0123456", "0.0123"), ("256", "256"), ("1e-4", "0.0001"), ("a[b]", "a[b]")]
)
def test_values_are_shown_to_three_digits(value: str, short: str) -> None:
    """Numbers are shortened, counts and words are not."""
    assert trials.shortened(value) == short
