"""`digits reports`, over a deployed stack with reports in its bucket."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from batch_prediction.aws.clients import Clients
from batch_prediction.events import IMAGES, RunWaits
from batch_prediction.layout import Run
from batch_prediction.report import index, notice
from cli import stack
from cli.main import app
from tests.functions.report.index_entries import entry
from tests.functions.report.transform_output import answer
from tests.sample_runs import Sample, guesses, report_of
from tests.settings_and_events import BUCKET, use_moto_account

LABELS = [number % 10 for number in range(100)]
OLDER = Sample("spring/b7", guesses(LABELS, 0.8, seed=1), number=1)
NEWER = Sample("spring/b7", guesses(LABELS, 0.99, seed=2), number=2, version=2)
BELOW = Sample("spring/b7/more", guesses(LABELS, 0.9, seed=3), number=3)
FAILED = Sample(
    "[bold]odd[/bold]", guesses(LABELS, 0.9, seed=3), number=4, status="Failed", reason="AlgorithmError"
)


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A stack `digits` in moto, with the bucket of the samples."""
    use_moto_account(monkeypatch)
    stack.client.cache_clear()
    with mock_aws():
        clients = Clients()
        clients.s3.create_bucket(Bucket=BUCKET)
        template = {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {"BucketName": {"Value": BUCKET}, "ModelPackageGroupName": {"Value": "digits"}},
        }
        boto3.client("cloudformation").create_stack(StackName="digits", TemplateBody=json.dumps(template))
        yield
    stack.client.cache_clear()


@pytest.fixture
def reports() -> None:
    """Reports of four runs, of three batches."""
    for sample in (OLDER, NEWER, BELOW, FAILED):
        report_of(Clients(), sample)


def digits(*arguments: str) -> Result:
    """Run `digits reports` in a wide terminal."""
    return CliRunner().invoke(app, ["reports", *arguments], env={"COLUMNS": "200"})


@pytest.mark.usefixtures("reports")
def test_runs_are_listed_newest_first() -> None:
    """Each run is a line with its figures; a batch's name is text, and no markup."""
    done = digits()
    assert done.exit_code == 0, done.output
    runs = re.findall(r"^(2026-11-0\d) .* UTC  (.*)\n(.*)$", done.output, re.MULTILINE)
    assert [batch for _, batch, _ in runs] == [FAILED.batch, BELOW.batch, NEWER.batch, OLDER.batch]
    assert runs[0][2].endswith("✗ Failed")
    listed = json.loads(digits("--json").output)
    assert f"{listed[2]['accuracy']:.2%}" in runs[2][2]
    assert runs[2][2].endswith("✓ Completed")
    change = listed[2]["change"]
    assert f"{change * 100:+.2f}" in runs[2][2]
    assert [run["change"] is None for run in listed] == [True, True, False, True]
    assert [run["tone"] for run in listed] == ["bad", "good", "good", "good"]
    assert "3 more: --limit 4" in digits("--limit", "1").output


def test_the_list_fits_80_columns_and_keeps_names_whole() -> None:
    """Also of a million images of which some weren't read; a name that is longer is not cut."""
    long = "scans/" + "x" * 100
    for number, batch in enumerate((long, "b7", "b7")):
        counts: Any = {"batch": batch, "scored": 999_123, "expected": 1_000_000, "accuracy": 1.0, "high": 1.0}
        index.add(Clients().s3, BUCKET, entry(number, model_version=12_345, **counts))
    output = CliRunner().invoke(app, ["reports"], env={"COLUMNS": "80"}).output
    lines = output.splitlines()
    assert [len(line) > 80 for line in lines if long not in line] == [False] * (len(lines) - 1)
    assert len([line for line in lines if line.endswith("! Completed, 999,123 of 1,000,000 read")]) == 3
    assert len([line for line in lines if line.endswith(f"UTC  {long}")]) == 1


def test_what_is_known_without_labels_is_listed() -> None:
    """An estimate, labels that weren't understood, none at all, and a batch of which nothing was read."""
    without: Any = {"accuracy": None, "low": None, "high": None}
    estimate = {"value": 0.985, "low": 0.97, "high": 0.99}
    kinds: Any = ({"estimate": estimate}, {"bad_labels": 3}, {}, {"scored": 0})
    for number, more in enumerate(kinds):
        index.add(Clients().s3, BUCKET, entry(number, **without, **more))
    lines = [line for line in digits().output.splitlines() if "Completed" in line]
    words = (["–", "✗"], ["–", "no labels"], ["–", "bad labels"], ["≈ 98.5%", "estimated"])
    assert [all(word in line for word in each) for line, each in zip(lines, words, strict=True)] == [True] * 4


def test_reasons_are_shown_in_groups() -> None:
    """Each with its count and an example's name within the batch; the headline says how many were read."""
    unread: Any = [(label, {"error": "missing"}) for label in LABELS[:36]]
    report_of(Clients(), Sample("part", guesses(LABELS[36:], 0.9, seed=1) + unread))
    output = " ".join(shown_in(80, "part").replace("│", " ").split())
    assert "part · ! Completed, 64 of 100 read" in output
    assert "not read missing: 36, e.g. " in output
    (group,) = json.loads(digits("show", "part", "--json").output)["failures"]
    assert (group["reason"], group["images"]) == ("missing", 36)


def test_a_run_that_waits_is_listed_and_shown() -> None:
    """With what it waits for; the batch's earlier report is shown by its run."""
    report_of(Clients(), OLDER)
    waits = RunWaits(NEWER.run, IMAGES, "", 0.0, 3600.0, 0.0, 1, 1_002, "incoming/spring/b7/x.png")
    notice.show(Clients().s3, BUCKET, waits)
    words = "waits for 1 of 1,002 images, e.g. x.png, until 1970-01-01 01:00 UTC"
    assert f"… Waiting\n  {words}\n" in re.sub(" +\n", "\n", digits().output)
    assert digits("show", "spring/b7").output == f"spring/b7 {words}.\n"
    assert json.loads(digits("show", "spring/b7", "--json").output)["waits"] == words
    assert "accuracy" in digits("show", "spring/b7", "--run", OLDER.run.id).output


def test_a_stack_without_reports_says_so() -> None:
    """An empty list is a sentence for people and an empty list for programs."""
    assert digits().output == "No run of the stack digits has a report yet.\n"
    assert json.loads(digits("--json").output) == []


@pytest.mark.usefixtures("reports")
def test_a_batch_s_newest_run_is_shown() -> None:
    """Of several runs the newest is taken, and a batch below another isn't taken for it."""
    done = digits("show", "spring/b7")
    assert NEWER.run.id in done.output
    shown = json.loads(digits("show", "spring/b7", "--json").output)
    assert (shown["batch"], shown["run"]) == ("spring/b7", NEWER.run.id)
    assert f"{shown['accuracy']['value']:.2%}" in done.output
    older = json.loads(digits("show", "spring/b7/", "--run", OLDER.run.id, "--json").output)
    assert older["run"] == OLDER.run.id


def shown_in(columns: int, batch: str) -> str:
    """What `digits reports show` prints in a terminal of some width."""
    done = CliRunner().invoke(app, ["reports", "show", batch], env={"COLUMNS": str(columns)})
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.usefixtures("reports")
def test_what_a_manifest_was_read_as_and_bad_labels_are_shown() -> None:
    """Which manifest it was, what it was recognised as, and how many labels aren't used."""
    bad = {"line": 3, "text": "3.png,cat", "reason": "label: found 'cat'", "kind": "label"}
    sample = Sample(
        "cats", guesses(LABELS, 0.9, seed=1), left_out=[bad], read_as="read as [CSV]; images from `x`"
    )
    report_of(Clients(), sample)
    shown = shown_in(120, "cats")
    assert "manifest.csv: read as [CSV]; images from `x`" in shown
    assert "1 not understood and not used; their images are scored" in shown
    assert "read as" not in shown_in(120, "spring/b7")


@pytest.mark.usefixtures("reports")
def test_the_figures_that_matter_are_shown_in_80_columns() -> None:
    """Calibration with its interval, the thresholds, the scores, and what such a batch can show."""
    report = json.loads(digits("show", "spring/b7", "--json").output)
    output = shown_in(80, "spring/b7")
    assert max(map(len, output.splitlines())) <= 80
    words = " ".join(output.replace("│", " ").replace("┃", " ").split())
    calibration = report["calibration"]
    assert f"(95 % interval {calibration['low']:.2%} to {calibration['high']:.2%})" in words
    assert f"log loss {report['proper_scores']['log_loss']['value']:.4f}" in words
    assert f"a drop of {report['smallest_difference'] * 100:.2f} points" in words
    assert "for 99.0% no threshold of confidence, or fewer than 381 images" in words


def test_a_threshold_is_shown_with_what_it_accepts() -> None:
    """600 sure and right images, 30 unsure and wrong ones: 99 % are reached above the unsure ones."""
    answers = [(3, answer(3, 0.999))] * 600 + [(3, answer(5, 0.6))] * 30
    report_of(Clients(), Sample("spring/b8", answers))
    output = shown_in(200, "spring/b8")
    assert ": 95.2% read, 100.00% of these right" in output


def test_a_report_of_the_earlier_schema_is_shown() -> None:
    """Its figures are, and nothing is made up that it lacks."""
    fixture = Path(__file__).parents[1] / "functions" / "report" / "report_of_schema_2.json"
    body = fixture.read_text()
    earlier = json.loads(body)
    assert earlier["schema"] == "digit-batch/report/2"
    Clients().s3.put_object(Bucket=BUCKET, Key=Run(earlier["batch"], earlier["run"]).report, Body=body)
    output = shown_in(200, earlier["batch"])
    assert "96.00%" in output
    assert f"expected error {earlier['calibration']['expected_error']:.2%}" in output
    for absent in ("log loss", "threshold", "a drop of", "calibration interval"):
        assert absent not in output


@pytest.mark.usefixtures("reports")
def test_a_failure_is_shown_with_what_to_do() -> None:
    """Reason and next step are in the summary."""
    done = digits("show", FAILED.batch)
    assert FAILED.batch in done.output
    assert "AlgorithmError" in done.output
    assert "upload the manifest again" in done.output


@pytest.mark.usefixtures("reports")
def test_the_page_is_opened_in_the_browser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The run's files are copied, so that the page's links lead somewhere, and the page is opened."""
    opened: list[str] = []

    def browse(address: str) -> bool:
        opened.append(address)
        return False

    monkeypatch.setattr("webbrowser.open", browse)
    done = digits("show", "spring/b7", "--open", "--out", str(tmp_path))
    page = tmp_path / NEWER.run.page
    assert opened == [page.as_uri()]
    assert page.read_bytes().startswith(b"<!doctype html>")
    assert {file.name for file in page.parent.iterdir()} == {
        "report.html",
        "report.json",
        "review.jsonl",
        "predictions.csv",
        "model_quality.json",
    }
    assert f"{page}: no browser was found, open it yourself" in done.output


@pytest.mark.usefixtures("reports")
def test_out_alone_downloads_the_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No browser is opened, and the page's place is printed."""
    monkeypatch.delattr("webbrowser.open")
    done = digits("show", "spring/b7", "--out", str(tmp_path))
    page = tmp_path / NEWER.run.page
    assert done.output.endswith(f"{page}\n")
    assert page.exists()


@pytest.mark.usefixtures("reports")
def test_a_missing_report_is_an_error_that_names_it() -> None:
    """A batch without a report, and a run of another batch, are errors that list the existing ones."""
    absent = digits("show", "spring")
    assert absent.exit_code == 1
    assert f"s3://{BUCKET}/reports/spring/: expected a report, found none" in absent.output
    other = digits("show", "spring/b7", "--run", "x")
    assert f"expected a report of the run x, found those of {OLDER.run.id}, {NEWER.run.id}" in other.output


@pytest.mark.usefixtures("reports")
def test_the_stack_may_be_named_before_the_command() -> None:
    """`digits reports --stack X show BATCH` means X, as `digits reports show --stack X BATCH` does."""
    for arguments in (("--stack", "other", "show", "spring/b7"), ("show", "spring/b7", "--stack", "other")):
        done = digits(*arguments)
        assert done.exit_code == 1
        assert "stack other: expected a deployed stack" in done.output
