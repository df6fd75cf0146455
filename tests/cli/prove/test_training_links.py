"""The links of a training where a healthy stack doesn't lead, and what is removed of it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from batch_prediction.models.registry import ModelPackage
from cli import watching
from cli.errors import CommandError
from cli.prove import account, training_links
from cli.prove.account import Line
from cli.prove.links import Broken, Seen, Unprovable, Waiting
from cli.prove.training_links import Training
from cli.stack import client
from tests.cli.moto_account import GROUP, deploy, empty_account
from tests.cli.prove.told import STACK
from tests.cli.trials import look
from tests.settings_and_events import BUCKET

NAME = "digits-261122-154022"


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A stack without any model, in AWS."""
    monkeypatch.setattr(training_links, "is_local", lambda: False)
    with empty_account(monkeypatch):
        deploy()
        yield


@pytest.fixture
def training() -> Training:
    """A training whose search has begun."""
    return Training(STACK, "mnist", datetime.now(UTC), NAME)


def trial(number: int, status: str = "Completed") -> dict[str, Any]:
    """A trial in the shape of SageMaker's list."""
    name = f"{NAME}-{number:03d}-0123abcd"
    return {
        "TrainingJobName": name,
        "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{name}",
        "TrainingJobStatus": status,
        "CreationTime": datetime(2026, 11, 22, tzinfo=UTC),
        "TunedHyperParameters": {},
    }


def test_the_links_of_a_training_come_in_their_order(training: Training) -> None:
    """Each says what is expected and what to do."""
    links = training_links.of_training(training)
    assert [link.name for link in links] == ["data set", "search", "GPU", "final training", "registration"]
    assert all(link.expected and link.advice for link in links)
    assert "ml.g4dn.xlarge" in links[2].advice


def test_a_data_set_is_looked_for_before_anything_is_started(training: Training) -> None:
    """Nothing below its channel is broken at once."""
    place = f"s3://{BUCKET}/datasets/mnist/training/"
    assert training_links.images(training) == Broken(f"nothing below {place}")
    client("s3").put_object(Bucket=BUCKET, Key="datasets/mnist/training/x", Body=b"")
    assert training_links.images(training) == Seen(place)


@pytest.mark.parametrize(
    ("status", "second", "kind"),
    [
        ("InProgress", "InProgress", Waiting),
        ("Stopping", "Completed", Waiting),
        ("Completed", "Completed", Seen),
        ("Completed", "Failed", Broken),
        ("Failed", "Failed", Broken),
        ("Stopped", "Stopped", Broken),
    ],
)
def test_a_search_holds_with_two_completed_trials(
    training: Training, status: str, second: str, kind: type[Any]
) -> None:
    """A tuning job that is Completed with a failed trial isn't what was asked for."""
    with Stubber(client("sagemaker")) as stub:
        look(stub, status, [trial(1), trial(2, second)])
        sight = training_links.search(training)
    assert isinstance(sight, kind)
    assert sight.found.startswith(f"{NAME}: {status}; {NAME}-00")


def test_a_search_begins_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look starts the tuning job, the next one doesn't."""
    started: list[str] = []

    def start(self: Training) -> None:
        self.tuning_job = NAME
        started.append(NAME)

    monkeypatch.setattr(Training, "start", start)
    new = Training(STACK, "mnist", datetime.now(UTC))
    with Stubber(client("sagemaker")) as stub:
        for _ in range(2):
            look(stub, "InProgress", [])
            assert training_links.search(new) == Waiting(f"{NAME}: InProgress; no trial")
    assert started == [NAME]


@pytest.mark.parametrize(
    ("logged", "sight"),
    [
        ([], Waiting("no SM_NUM_GPUS in the trials' logs")),
        (["SM_NUM_GPUS=0", "MY_SM_NUM_GPUS=4"], Broken("SM_NUM_GPUS=0")),
        (["Environment:\n\nSM_NUM_GPUS=1\nSM_X=2", "SM_NUM_GPUS=0"], Seen("SM_NUM_GPUS=1")),
    ],
)
def test_the_gpu_is_what_the_toolkit_has_counted(
    training: Training, monkeypatch: pytest.MonkeyPatch, logged: list[str], sight: Any
) -> None:
    """Its line stands in a trial's log, perhaps among others."""
    asked: list[Any] = []

    def lines(group: str, since: datetime, stream: str) -> list[Line]:
        asked.append((group, since, stream))
        return [Line("s", text) for text in logged]

    monkeypatch.setattr(account, "lines", lines)
    assert training_links.gpu(training) == sight
    assert asked == [("/aws/sagemaker/TrainingJobs", training.began, f"{NAME}-")]


def test_the_local_cloud_has_no_gpu(training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is held against it."""
    monkeypatch.setattr(training_links, "is_local", lambda: True)
    assert training_links.gpu(training) == Unprovable("the local cloud has no GPU")


def test_what_follows_a_search_is_seen_or_its_reason(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recorded failure is broken, what isn't there yet is waited for."""
    monkeypatch.setattr(watching, "final_training", lambda *_: None)
    assert training_links.final_training(training) == Waiting("no final training yet")
    assert training_links.registered(training) == Waiting("no model package yet")
    monkeypatch.setattr(watching, "final_training", lambda *_: {"TrainingJobName": f"{NAME}-final"})
    assert training_links.final_training(training) == Seen(f"{NAME}-final")
    monkeypatch.setattr(watching, "package_of", lambda *_: None)
    assert training_links.registered(training) == Waiting("no model package yet")

    def failed(*_: Any) -> None:
        raise CommandError("no best trial")

    monkeypatch.setattr(watching, "final_training", failed)
    assert training_links.final_training(training) == Broken("no best trial")
    assert training_links.registered(training) == Broken("no best trial")
    assert training.remove() == []


def approved() -> str:
    """Register an approved package; returns its ARN."""
    sagemaker = boto3.client("sagemaker")
    made = sagemaker.create_model_package(ModelPackageGroupName=GROUP, ModelApprovalStatus="Approved")
    return str(made["ModelPackageArn"])


def status(arn: str) -> str:
    """A package's approval status."""
    described = client("sagemaker").describe_model_package(ModelPackageName=arn)
    return str(described["ModelApprovalStatus"])


def test_a_package_that_is_the_only_approved_one_stays_so(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new stack's first model reads its batches; where there is another, that one does again."""
    old, mine = approved(), ""
    monkeypatch.setattr(Training, "package", lambda _self: ModelPackage(mine, "Approved", None, None, None))
    mine = old
    assert training.remove() == []
    assert status(old) == "Approved"
    mine = approved()
    assert training.remove() == [f"the approval of {GROUP}/2"]
    assert (status(old), status(mine)) == ("Approved", "Rejected")
    assert training.remove() == []


def test_artifacts_of_trials_are_removed_and_a_failure_is_not(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep asks for a final training where neither it nor a failure is found."""
    monkeypatch.setattr(Training, "package", lambda _self: None)
    monkeypatch.setattr(Training, "final_job", lambda _self: {"TrainingJobStatus": "Completed"})
    for key in (f"{NAME}/failure.json", f"{NAME}/{NAME}-001/output/model.tar.gz", "other/model.tar.gz"):
        client("s3").put_object(Bucket=BUCKET, Key=f"trials/{key}", Body=b"{}")
    assert training.remove() == [f"1 objects below s3://{BUCKET}/trials/{NAME}/"]
    left = client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    assert [entry["Key"] for entry in left] == [f"trials/{NAME}/failure.json", "trials/other/model.tar.gz"]
    assert training.remove() == []


@pytest.mark.parametrize("failed", [False, True])
def test_a_final_training_that_has_not_ended_keeps_its_trials(
    training: Training, monkeypatch: pytest.MonkeyPatch, failed: bool
) -> None:
    """It reads the artifact of one; where there will be no final training, nothing does."""

    def final_job(_training: Training) -> None:
        if failed:
            raise CommandError("no final training")

    monkeypatch.setattr(Training, "package", lambda _self: None)
    monkeypatch.setattr(Training, "final_job", final_job)
    client("s3").put_object(Bucket=BUCKET, Key=f"trials/{NAME}/1/output/model.tar.gz", Body=b"{}")
    assert training.needs_trials() is not failed
    assert bool(training.remove()) is failed


def test_a_training_that_has_not_begun_leaves_nothing() -> None:
    """No request is needed to know that."""
    assert Training(STACK, "mnist", datetime.now(UTC)).remove() == []
