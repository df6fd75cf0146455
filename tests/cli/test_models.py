"""`digits models`."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from batch_prediction.models.registry import newest_approved
from cli import packages, stack
from cli.main import app
from tests.cli.moto_account import GROUP, deployed_stack

FIRST = {
    "training_job": "digits-1-final",
    "artifact_sha256": "ab" * 32,
    "validation_accuracy": "0.9934",
    "test_accuracy": "0.9921",
    "validation_ece": "0.0040",
    "calibrated_ece": "0.0021",
    "tuning_job": "digits-1",
    "hyperparameter/arch": "base",
}


@pytest.fixture(autouse=True)
def account() -> Iterator[None]:
    """An account with a deployed stack."""
    with deployed_stack():
        yield


def digits(*arguments: str, width: int = 200) -> Result:
    """Run `digits models` in a wide terminal."""
    return CliRunner().invoke(app, ["models", *arguments], env={"COLUMNS": str(width)})


def register(status: str, metadata: dict[str, str], group: str = GROUP) -> str:
    """Register a version; returns its ARN."""
    approval: Any = status
    arn: str = boto3.client("sagemaker").create_model_package(
        ModelPackageGroupName=group,
        ModelPackageDescription=f"Trained by {metadata.get('training_job')}. {status}: [measured]",
        ModelApprovalStatus=approval,
        InferenceSpecification={
            "Containers": [
                {
                    "Image": "host/ray:tag",
                    "ModelDataUrl": "s3://b/models/j/output/model.tar.gz",
                    "Environment": {"SM_RAYSERVE_APP": "deployment:app"},
                }
            ],
            "SupportedContentTypes": ["application/jsonlines"],
            "SupportedResponseMIMETypes": ["application/jsonlines"],
        },
        CustomerMetadataProperties=metadata,
    )["ModelPackageArn"]
    return arn


def described(arn: str) -> Any:
    """A version, as the registry describes it."""
    found: Any = boto3.client("sagemaker").describe_model_package(ModelPackageName=arn)
    return found


def test_versions_are_listed_with_their_figures_and_the_one_in_use() -> None:
    """Newest first, each with status, figures, origin and reason; an arrow marks the newest Approved one."""
    register("Approved", FIRST)
    register("PendingManualApproval", {"training_job": "digits-2"})
    waiting, approved = digits().output.split("\n\n", 1)
    assert "→" not in waiting
    assert "PendingManualApproval" in waiting
    assert waiting.count("–") == 4
    for word in ("→", "1", "Approved", "99.34%", "99.21%", "0.0021", "digits-1-final", "abababababab"):
        assert word in approved
    assert "[measured]" in approved


def test_the_model_s_own_figures_are_told_from_its_trial_s() -> None:
    """A final training holds no images out: what was measured on such is its trial's, and says so."""
    trial = "digits-20261127-101500-007-0123abcd"
    register("Approved", {"training_job": "digits-1-final", **FIRST, "best_trial": trial})
    lines = [line.strip() for line in digits(width=80).output.splitlines()]
    assert "test accuracy 99.21%, of the model itself" in lines
    place = lines.index("validation accuracy 99.34%, ECE 0.0021,")
    assert lines[place + 1] == f"of its trial {trial}"
    assert json.loads(digits("--json").output)[0]["validation_of"] == trial
    assert json.loads(digits("show", "1", "--json").output)["validation_of"] == trial


def test_a_listing_fits_80_columns_with_its_names_whole() -> None:
    """The longest name of a training job (63 characters) is on one line, to be copied."""
    job = "digits-" + "x" * 50 + "-final"
    trial = "t" * 63
    register("Approved", FIRST | {"training_job": job, "best_trial": trial})
    lines = digits(width=80).output.splitlines()
    assert max(map(len, lines)) <= 80
    assert [any(name in line for line in lines) for name in (job, trial)] == [True, True]


def test_json_has_all_that_is_known() -> None:
    """Figures are numbers, times ISO 8601, and all metadata are included."""
    arn = register("Approved", FIRST)
    (found,) = json.loads(digits("--json").output)
    assert found["metadata"] == FIRST
    assert found["arn"] == arn
    assert found["reason"] == "Approved: [measured]"
    assert (found["version"], found["approval_status"]) == (1, "Approved")
    assert (found["validation_accuracy"], found["test_accuracy"]) == (0.9934, 0.9921)
    assert found["expected_calibration_error"] == 0.0021
    assert found["artifact"] == "s3://b/models/j/output/model.tar.gz"
    assert found["created"] == described(arn)["CreationTime"].isoformat()
    assert json.loads(digits("show", "1", "--json").output) == found


def test_only_the_newest_are_listed_and_the_rest_counted() -> None:
    """--limit shows fewer, says how many are left and how to see them; the arrow is right all the same."""
    for number in range(3):
        register("Rejected" if number else "Approved", {"training_job": f"digits-{number}"})
    output = digits("--limit", "2").output
    assert "digits-2" in output
    assert "digits-0" not in output
    assert "1 more: --limit 3 shows all." in output


def test_show_prints_everything_about_one_version() -> None:
    """Figures, hyperparameters, other metadata, image and places, on a narrow terminal unabridged."""
    arn = register("Approved", FIRST)
    for version in ("1", arn):
        shown = digits("show", version, width=250).output
        for word in (*FIRST.values(), *FIRST, "host/ray:tag", "s3://b/models/j/output/model.tar.gz", arn):
            assert word.replace("_", " ") in shown.replace("_", " "), word
    narrow = digits("show", "1", width=60).output
    assert "…" not in narrow


def test_an_approval_keeps_its_reason_and_all_metadata() -> None:
    """The registry has the status, the reason on one line, and the metadata as before."""
    arn = register("PendingManualApproval", FIRST)
    done = digits("approve", "1", "--reason", "looked at 50\n  mistakes")
    assert done.exit_code == 0, done.output
    assert "Version 1 scores the batches dropped from now on." in done.output
    found = described(arn)
    assert found["ModelApprovalStatus"] == "Approved"
    assert found["ApprovalDescription"] == "looked at 50 mistakes"
    assert found["CustomerMetadataProperties"] == FIRST
    assert "looked at 50 mistakes" in digits().output


def test_rejecting_the_version_in_use_names_the_next() -> None:
    """The rollback names the version that reads batches now, and the registry agrees."""
    first, _, third = (
        register(status, FIRST) for status in ("Approved", "PendingManualApproval", "Approved")
    )
    assert newest(third)
    done = digits("reject", "3", "--reason", "confuses 4 and 9")
    assert "Version 3 is Rejected." in done.output
    assert "Version 1 scores the batches dropped from now on." in done.output
    assert newest(first)
    assert described(third)["CustomerMetadataProperties"] == FIRST


def newest(arn: str) -> bool:
    """Whether start_transform would take this version."""
    found = newest_approved(boto3.client("sagemaker"), GROUP)
    return found is not None and found.arn == arn


def test_rejecting_the_only_approved_version_warns_that_batches_are_refused() -> None:
    """Without an Approved version no batch is read, and the command says so."""
    register("Approved", FIRST)
    assert "No version is Approved: batches are refused" in digits("reject", "1", "--reason", "bad").output
    assert newest_approved(boto3.client("sagemaker"), GROUP) is None


def test_rejecting_another_version_changes_nothing_for_batches() -> None:
    """A version that wasn't in use can be rejected, and the one in use stays."""
    register("PendingManualApproval", {"training_job": "t"})
    second = register("Approved", FIRST)
    assert "Version 2 scores the batches, as before." in digits("reject", "1", "--reason", "bad").output
    assert newest(second)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["approve", "7", "--reason", "x"], "version of the group digits, which has 1"),
        (["approve", "one", "--reason", "x"], "model package one: expected a version of the group digits"),
        (["show", "arn:aws:sagemaker:us-east-1:123456789012:model-package/other/1"], "such as 3, or its ARN"),
        (["reject", "1", "--reason", " "], "--reason: expected 1 to 1024 characters, found 0"),
        (["reject", "1", "--reason", "x" * 1025], "--reason: expected 1 to 1024 characters, found 1025"),
        (["show", "1", "--stack", "other"], "stack other: expected a deployed stack"),
    ],
)
def test_an_impossible_request_is_reported_and_changes_nothing(arguments: list[str], message: str) -> None:
    """The error says what was expected and what was found, and the registry stays as it was."""
    arn = register("PendingManualApproval", FIRST)
    before = described(arn)["ModelApprovalStatus"], described(arn).get("ApprovalDescription")
    done = digits(*arguments)
    assert done.exit_code == 1
    assert message in done.stderr
    after = described(arn)["ModelApprovalStatus"], described(arn).get("ApprovalDescription")
    assert after == before


def test_a_reason_has_to_be_given() -> None:
    """Approving and rejecting without --reason is refused."""
    register("PendingManualApproval", FIRST)
    for command in ("approve", "reject"):
        done = digits(command, "1")
        assert done.exit_code == 2
        assert "--reason" in done.stderr


def test_an_option_before_a_subcommand_is_refused() -> None:
    """It would be passed over, and another stack's version be approved."""
    done = digits("--stack", "other", "show", "1")
    assert done.exit_code == 2
    assert "--stack: put it after" in done.stderr


def test_an_empty_group_has_nothing_to_list() -> None:
    """Before the first training there is a sentence, and for programs an empty list."""
    assert "has no model package yet" in digits().output
    assert json.loads(digits("--json").output) == []
    assert "which has none yet: train a model first" in digits("show", "1").stderr


def test_all_pages_of_the_registry_are_read() -> None:
    """A version beyond the first hundred is found."""
    arns = [register("Approved" if number == 0 else "Rejected", {}) for number in range(101)]
    listed = packages.summaries(boto3.client("sagemaker"), GROUP)
    assert [entry["ModelPackageArn"] for entry in listed] == arns[::-1]
    assert packages.find(listed, stack.find("digits"), "1") == arns[0]
    assert packages.scoring_version(listed) == 1
