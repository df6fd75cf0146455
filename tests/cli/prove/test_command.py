"""`digits prove`: what it says first, what it prints, how it ends, and what it leaves behind."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner, Result

from cli.main import app
from cli.prove import run_links, stack_links
from cli.prove.dropped import Dropped
from cli.prove.estimate import estimate
from cli.prove.links import Broken, Link, Seen, Sight, Unprovable
from cli.prove.proof import Proof
from cli.prove.training_links import Training
from cli.stack import Stack
from tests.cli.moto_account import deploy, empty_account
from tests.cli.prove.told import RUN, STACK
from tests.settings_and_events import BUCKET


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A stack that no event leaves."""
    with empty_account(monkeypatch):
        deploy()
        boto3.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield


Links = Callable[..., None]


@pytest.fixture
def links(monkeypatch: pytest.MonkeyPatch) -> Links:
    """What the links after the upload are seen as, by their names."""

    def use(**sights: Sight | BaseException) -> None:
        def looks(sight: Sight | BaseException) -> Callable[[], Sight]:
            def look() -> Sight:
                if isinstance(sight, BaseException):
                    raise sight
                return sight

            return look

        made = [Link(name, f"{name} there", f"mend [{name}]", 0.0, looks(it)) for name, it in sights.items()]
        monkeypatch.setattr(run_links, "of_run", lambda *_: made)
        monkeypatch.setattr(stack_links, "around", lambda _: [])
        monkeypatch.setattr(Dropped, "_rule_metric", lambda *_: 0.0)

    return use


def prove(*options: str, answer: str = "") -> Result:
    """Run the command."""
    return CliRunner().invoke(app, ["prove", *options], input=answer)


def keys() -> list[str]:
    """The objects in the bucket."""
    listed = boto3.client("s3").list_objects_v2(Bucket=BUCKET)
    return [entry["Key"] for entry in listed.get("Contents", [])]


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_without_consent_nothing_is_dropped(links: Links, answer: str) -> None:
    """It says what it costs and how long it takes, and asks; without an answer nothing happens."""
    links(event=Seen("seen"))
    result = prove(answer=answer)
    assert result.exit_code == 1
    assert "digits: about 15 minutes and 0.02 USD, an estimate. It drops a batch" in result.output
    assert keys() == []


def test_a_proof_shows_each_link_and_what_it_leaves(links: Links) -> None:
    """A line a link; images are removed, and what stays is named with its reason."""
    links(event=Seen("seen [once]"), gpu=Unprovable("none here"))
    result = prove(answer="y\n")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert "✓ event            seen [once]" in lines
    assert "– gpu              none here" in lines
    (removed,) = [line for line in lines if "39 images below" in line]
    assert f"s3://{BUCKET}/incoming/prove-" in removed
    assert any(line.startswith("  manifests and runs/:") for line in lines)
    assert len(keys()) == 2
    assert all("manifest." in key for key in keys())


def test_a_broken_link_says_what_to_do(links: Links) -> None:
    """What was found, what was expected, and what to do; the images are removed all the same."""
    links(event=Broken("[nothing]"), message=Seen("never"))
    result = prove("--yes")
    assert result.exit_code == 1
    lines = result.output.splitlines()
    at = lines.index("✗ event            [nothing]")
    assert lines[at + 1 : at + 4] == [
        f"{'':<19}expected event there",
        f"{'':<19}→ mend [event]",
        "– message          needs event",
    ]
    assert len(keys()) == 2


def test_programs_read_json(links: Links) -> None:
    """Standard output is JSON alone; links, what was removed and what stays are there."""
    links(event=Broken("nothing"), message=Seen("never"))
    result = prove("--yes", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert (found["stack"], found["proven"]) == ("digits", False)
    assert found["batch"].startswith("prove-")
    assert found["links"][1:] == [
        {
            "name": "event",
            "status": "broken",
            "found": "nothing",
            "expected": "event there",
            "advice": "mend [event]",
        },
        {
            "name": "message",
            "status": "not tried",
            "found": "needs event",
            "expected": "message there",
            "advice": "",
        },
    ]
    assert found["links"][0]["status"] == "proven"
    assert (len(found["removed"]), len(found["stays"])) == (1, 3)
    assert "✗ event" in result.stderr
    links(event=Seen("seen"))
    assert json.loads(prove("--yes", "--json").stdout)["proven"] is True


def test_ctrl_c_cleans_up_and_says_what_goes_on(links: Links, monkeypatch: pytest.MonkeyPatch) -> None:
    """The images are gone; the command that stops the transform job is shown."""
    monkeypatch.setattr(Dropped, "run", lambda _self: RUN)
    links(message=KeyboardInterrupt())
    result = prove("--yes")
    assert result.exit_code == 130
    assert "Interrupted. Removed:" in result.output
    assert f"aws sagemaker stop-transform-job --transform-job-name digits-{RUN.id}" in result.output
    assert len(keys()) == 2
    links(container=Seen("Completed"), order=KeyboardInterrupt())
    assert "May still run" not in prove("--yes").output


def test_images_that_can_not_be_removed_are_named(links: Links, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error has the command that removes them."""
    links(event=Seen("seen"))
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "denied"}}, "DeleteObject")

    def remove(_self: Any) -> int:
        raise denied

    monkeypatch.setattr(Dropped, "remove", remove)
    result = prove("--yes")
    assert result.exit_code == 1
    assert f"`aws s3 rm s3://{BUCKET}/incoming/prove-" in result.stderr
    assert "--recursive --exclude 'manifest.*'`" in result.stderr


def test_a_training_comes_first(links: Links, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its links are before the upload: without its data set nothing is dropped, and it costs more."""
    links(event=Seen("never"))
    result = prove("--with-training", "--dataset", "mine", "--yes", "--json")
    found = json.loads(result.stdout)
    assert [link["name"] for link in found["links"]] == [
        "data set",
        "search",
        "GPU",
        "final training",
        "registration",
        "upload",
        "event",
    ]
    assert found["links"][0]["found"] == f"nothing below s3://{BUCKET}/datasets/mine/training/"
    assert (found["removed"], found["stays"], keys()) == ([], [], [])
    assert "about 33 minutes and 0.24 USD" in result.stderr


def test_a_search_that_goes_on_can_be_stopped() -> None:
    """As long as the search hasn't been seen to end, its stop is shown; its model stays named."""
    begun = Proof(STACK, Training(STACK, "mnist", datetime.now(UTC), "digits-1"))
    assert begun.goes_on() == [
        "aws sagemaker stop-hyper-parameter-tuning-job --hyper-parameter-tuning-job-name digits-1"
    ]
    assert begun.stays() == [
        "models/digits-1-final/: its model package names it",
        "trials/digits-1/: a final training to come reads one of them",
    ]
    assert Proof(STACK).goes_on() == []


@pytest.mark.parametrize(
    ("parameters", "with_training", "text"),
    [
        ({}, False, "about 15 minutes and 0.02 USD, an estimate"),
        ({"TransformPricePerHour": "3"}, False, "about 15 minutes and 0.40 USD, an estimate"),
        ({"TransformInstanceType": "ml.x.y"}, False, "about 15 minutes and an unknown price, an estimate"),
        ({"TrainingInstanceType": "ml.x.y"}, False, "about 15 minutes and 0.02 USD, an estimate"),
        ({"TrainingInstanceType": "ml.x.y"}, True, "about 33 minutes and an unknown price, an estimate"),
        ({}, True, "about 33 minutes and 0.24 USD, an estimate"),
    ],
)
def test_the_estimate_is_that_of_the_stacks_instances(
    parameters: dict[str, str], with_training: bool, text: str
) -> None:
    """One instance for a transform job, one each for three trainings, at the prices of the reports."""
    stack = Stack("digits", {}, STACK.parameters | parameters)
    assert str(estimate(stack, with_training)) == text
