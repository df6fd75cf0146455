"""The whole path with only the real `sam` and `aws` programs, against `digits up`."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from localcloud.lambda_.runtime import architecture, runtime
from tests import exports
from tests.functions.archives.packed import one_of_a_kind
from tests.manifest_forms import forms
from tests.programs.cli_session import ROOT, CliSession, reasons
from tests.stack import png
from tests.wait import until
from training.datasets import idx, sample

DIGITS = Path(sys.executable).parent / "digits"
IMAGES = 12
FOREIGN = "python3.12" if runtime() != "python3.12" else "python3.13"


def free_port() -> int:
    """A free port of this machine."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


@pytest.fixture
def cloud(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """`digits up` without a stack (or with the options that a test gives), and the file with its output."""
    options = getattr(request, "param", ["--no-deploy"])
    shown = tmp_path / "shown.txt"
    # A program in the background inherits that Ctrl-C is ignored, as this one may have: here it counts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with shown.open("w") as file:
        program = subprocess.Popen(
            [DIGITS, "up", *options, "--port", str(free_port())], stdout=file, stderr=file, text=True
        )
        try:
            yield program, shown
        finally:
            program.kill()
            program.wait()
            signal.signal(signal.SIGINT, before)


def exported(shown: Path) -> dict[str, str]:
    """The variables of the `export` lines, as a shell would take them."""
    return until(lambda: exports.exported(shown.read_text()))


def overrides(**changes: str) -> list[str]:
    """Sam's parameters: this machine's runtime, a low threshold for a small model, and the changes."""
    values = {
        "Name": "digits",
        "PythonRuntime": runtime(),
        "Architecture": architecture(),
        "MinimumAccuracy": "0.5",
        "NotificationEmail": "a@example.org",
        **changes,
    }
    return ["--no-confirm-changeset", "--parameter-overrides", *(f"{name}={values[name]}" for name in values)]


def outputs(session: CliSession, name: str = "digits") -> dict[str, str]:
    """The outputs of a stack."""
    (stack,) = session.aws("cloudformation", "describe-stacks", "--stack-name", name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def train(session: CliSession, bucket: str, role: str) -> None:
    """Train as docs/operations.md says, with less; return when the package is registered and approved."""
    parts = sample(seed=1)
    for channel, digits in (("training", parts.training[np.arange(1200)]), ("test", parts.test)):
        (session.folder / "mnist" / channel).mkdir(parents=True)
        (session.folder / "mnist" / channel / "digits-images-idx3-ubyte.gz").write_bytes(idx(digits.images))
        (session.folder / "mnist" / channel / "digits-labels-idx1-ubyte.gz").write_bytes(idx(digits.labels))
    session.run("tar", "-czf", "sourcedir.tar.gz", "-C", ROOT / "training" / "container", ".")
    session.aws("s3", "cp", "sourcedir.tar.gz", f"s3://{bucket}/code/first/sourcedir.tar.gz")
    session.aws("s3", "sync", "mnist/", f"s3://{bucket}/datasets/mnist/")
    text = re.findall(r"^```json\n(.*?)^```", (ROOT / "docs" / "operations.md").read_text(), re.M | re.S)[0]
    request = json.loads(text.replace("BUCKET", bucket).replace('"ROLE"', f'"{role}"'))
    request["HyperParameters"] |= {"arch": "small", "epochs": "4", "seed": "1", "threads": "1"}
    (session.folder / "training-job.json").write_text(json.dumps(request))
    session.aws("sagemaker", "create-training-job", "--cli-input-json", "file://training-job.json")
    job = ("--training-job-name", request["TrainingJobName"])
    until(
        lambda: session.aws("sagemaker", "describe-training-job", *job)["TrainingJobStatus"] != "InProgress"
    )
    described = session.aws("sagemaker", "describe-training-job", *job)
    assert described["TrainingJobStatus"] == "Completed", described

    def packages() -> Any:
        listed = session.aws("sagemaker", "list-model-packages", "--model-package-group-name", "digits")
        return listed["ModelPackageSummaryList"]

    (package,) = until(packages)
    assert package["ModelApprovalStatus"] == "Approved"


def drop(session: CliSession, bucket: str) -> dict[str, Any]:
    """Drop a batch as README.md says, and fetch its report."""
    digits = sample(seed=1).batch
    folder = session.folder / "my-digits"
    folder.mkdir()
    lines = []
    for number in range(IMAGES):
        (folder / f"{number:04d}.png").write_bytes(png(digits, number))
        lines.append(json.dumps({"file_name": f"{number:04d}.png", "label": int(digits.labels[number])}))
    (folder / "manifest.jsonl").write_text("\n".join(lines))
    place = f"s3://{bucket}/incoming/my-digits/"
    session.aws("s3", "sync", "my-digits/", place, "--exclude", "manifest.*")
    session.aws("s3", "cp", "my-digits/manifest.jsonl", f"{place}manifest.jsonl")

    def written() -> list[str]:
        done = session.attempt("aws", "s3", "ls", f"s3://{bucket}/reports/my-digits/", "--recursive")
        return re.findall(r"\S+/report\.json$", done.stdout, re.M)

    (key,) = until(written)
    session.aws("s3", "cp", f"s3://{bucket}/{key}", "report.json")
    report: dict[str, Any] = json.loads((session.folder / "report.json").read_text())
    return report


def prove(session: CliSession) -> dict[str, Any]:
    """What `digits prove` finds, once the sweep has run: its schedule is 15 minutes away."""
    event = (ROOT / "tests" / "events" / "scheduled.json").read_text()
    session.sam("remote", "invoke", "Sweep", "--stack-name", "digits", "--event", event)
    done = session.attempt(DIGITS, "prove", "--yes", "--json")
    assert done.returncode == 0, done.stdout
    proof: dict[str, Any] = json.loads(done.stdout[done.stdout.index("\n{\n") :])
    return proof


def test_sam_and_aws_alone_drive_the_whole_path(
    cloud: tuple[subprocess.Popen[str], Path], tmp_path: Path
) -> None:
    """Build, deploy, refuse, change, break, train, score, read, prove and delete, as against AWS."""
    program, shown = cloud
    session = CliSession.set_up(tmp_path / "project", exported(shown))
    session.sam("build", "--parameter-overrides", *overrides()[2:])

    # a Runtime that this machine hasn't: rolled back, and sam itself says what to pass
    refused = session.sam("deploy", *overrides(PythonRuntime=FOREIGN), fails=True)
    assert "ROLLBACK_COMPLETE" in refused
    assert f"PassPythonRuntime={runtime()}" in reasons(refused)
    session.sam("delete", "--stack-name", "digits", "--no-prompts")

    # --resolve-s3 is in samconfig.toml: sam makes its own bucket, by a stack of its own
    assert "Successfully created/updated stack - digits" in session.sam("deploy", *overrides())
    assert "No changes to deploy" in session.sam("deploy", *overrides())
    changed = session.sam("deploy", *overrides(MaxImages="77"))
    assert "Modify" in changed
    assert "Add" not in changed
    function = session.aws(
        "lambda", "get-function-configuration", "--function-name", "digits-start-transform"
    )
    assert function["Environment"]["Variables"]["MAX_IMAGES"] == "77"

    # a change that the services refuse: all is as before, and sam shows the reason
    template = session.folder / ".aws-sam" / "build" / "template.yaml"
    sound = template.read_text()
    template.write_text(sound.replace("wildcard: incoming/*/manifest.jsonl", "wildcard: 7"))
    assert template.read_text() != sound
    broken = session.sam("deploy", *overrides(MaxImages="78"), fails=True)
    assert "UPDATE_ROLLBACK_COMPLETE" in broken
    assert "Eventpatternisnotvalid.Reason:'key':wildcardcan'ttake7" in reasons(broken)
    template.write_text(sound)
    function = session.aws(
        "lambda", "get-function-configuration", "--function-name", "digits-start-transform"
    )
    assert function["Environment"]["Variables"]["MAX_IMAGES"] == "77"

    named = outputs(session)
    train(session, named["BucketName"], named["SageMakerRoleArn"])
    report = drop(session, named["BucketName"])
    assert report["status"] == "Completed"
    assert report["coverage"] == {"expected": IMAGES, "scored": IMAGES, "unreadable": 0, "missing": 0}

    # asked for once more, the same report stays
    asked = {"detail-type": "Digit Batch Run Ended", "detail": {"batch": "my-digits", "run": report["run"]}}
    record = json.loads((ROOT / "tests" / "events" / "sqs_message.json").read_text())["Records"][0]
    event = json.dumps({"Records": [record | {"body": json.dumps(asked)}]})
    answer = session.sam("remote", "invoke", "WriteReport", "--stack-name", "digits", "--event", event)
    assert "START RequestId" in answer
    assert "errorMessage" not in answer
    assert "REPORT RequestId" in session.sam("logs", "--stack-name", "digits", "--name", "StartTransform")

    proof = prove(session)
    assert {link["status"] for link in proof["links"]} == {"proven"}
    assert "dead letters" in [link["name"] for link in proof["links"]]

    session.sam("delete", "--stack-name", "digits", "--no-prompts")
    assert (
        session.attempt("aws", "cloudformation", "describe-stacks", "--stack-name", "digits").returncode != 0
    )
    assert session.aws("s3", "cp", f"s3://{named['BucketName']}/incoming/my-digits/manifest.jsonl", "-")

    program.send_signal(signal.SIGINT)
    assert program.wait() == 0
    printed = shown.read_text()
    for line in (
        r"stack digits: CREATE_COMPLETE, \d+ resources",
        r"training job digits-first completed",
        r"batch my-digits: run started with model",
        r"batch my-digits: transform job completed",
        r"batch my-digits: report written",
        r"The local cloud has stopped\.",
    ):
        assert re.search(line, printed), line
    assert "Traceback" not in printed


def reports_below(session: CliSession, bucket: str, prefix: str, count: int) -> list[Any]:
    """Wait for so many reports below a prefix, as `aws` lists and copies them."""

    def written() -> list[str] | None:
        done = session.attempt("aws", "s3", "ls", f"s3://{bucket}/{prefix}", "--recursive")
        keys: list[str] = re.findall(r"\S+/report\.json$", done.stdout, re.M)
        return keys if len(keys) == count else None

    return [session.aws("s3", "cp", f"s3://{bucket}/{key}", "-") for key in until(written)]


@pytest.mark.parametrize("cloud", [[]], indirect=True)
def test_aws_alone_drops_a_manifest_of_every_form(
    cloud: tuple[subprocess.Popen[str], Path], tmp_path: Path
) -> None:
    """`aws s3 cp` of each starts a run that says what it was read as; without a model it is refused."""
    _, shown = cloud
    session = CliSession.set_up(tmp_path / "project", exported(shown))
    bucket = outputs(session, "digits-local")["BucketName"]
    folder, images = "incoming/forms/", sample(seed=1).batch
    (session.folder / "forms").mkdir()
    for number in range(3):
        (session.folder / "forms" / f"{number}.png").write_bytes(png(images, number))
    given = forms(bucket, folder, [f"{number}.png" for number in range(3)], images.labels[:3].tolist())
    session.aws("s3", "cp", "forms/", f"s3://{bucket}/{folder}", "--recursive")
    for form in given:
        (session.folder / form.name).write_bytes(form.body)
        session.aws("s3", "cp", form.name, f"s3://{bucket}/{folder}{form.name}")

    reports = reports_below(session, bucket, "reports/forms/", len(given))
    assert {report["manifest"]: report["read_as"] for report in reports} == {
        f"{folder}{form.name}": form.read_as for form in given
    }
    assert {report["reason_code"] for report in reports} == {"NO_APPROVED_MODEL"}
    assert [report["coverage"]["missing"] for report in reports] == [3] * len(given)


@pytest.mark.parametrize("cloud", [[]], indirect=True)
def test_aws_alone_drops_an_archive_of_every_kind(
    cloud: tuple[subprocess.Popen[str], Path], tmp_path: Path
) -> None:
    """`aws s3 cp` of one object is a batch; its report says what it was read as."""
    _, shown = cloud
    session = CliSession.set_up(tmp_path / "project", exported(shown))
    bucket = outputs(session, "digits-local")["BucketName"]
    files = {f"{number}/{number}.png": png(sample(seed=1).batch, number) for number in range(3)}
    endings = {"zip": "zip", "tar": "tar", "tar.gz": "tar.gz", "tgz": "tar.gz"}
    for ending, kind in endings.items():
        (session.folder / f"packed.{ending}").write_bytes(one_of_a_kind(kind, files))
        session.aws("s3", "cp", f"packed.{ending}", f"s3://{bucket}/incoming/packed.{ending}")

    reports = reports_below(session, bucket, "reports/packed.", len(endings))
    assert {report["batch"]: report["read_as"] for report in reports} == {
        f"packed.{ending}": f"read as a {kind} archive; labels from class folders"
        for ending, kind in endings.items()
    }
    assert {report["reason_code"] for report in reports} == {"NO_APPROVED_MODEL"}
