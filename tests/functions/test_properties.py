"""What holds for any manifest and any outputs, from the upload to the report."""

import csv
import io
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.stub import Stubber
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix

from batch_prediction.aws.clients import Clients
from batch_prediction.events import ManifestUploaded
from batch_prediction.layout import Run, output_name
from batch_prediction.manifests.records import ManifestError, Record
from batch_prediction.report import write as report
from batch_prediction.report.predictions import COLUMNS
from batch_prediction.runs import decision, parts
from batch_prediction.runs.decision import Decision, Refuse, Start
from batch_prediction.settings import Settings
from batch_prediction.start import transform_input
from tests.functions.decide import decide
from tests.functions.malformed_manifests import (
    ODD_NAMES,
    PREFIX,
    forms,
    hostile_lines,
    is_line_by_line,
    manifest_of,
    numbers_of,
    read_all,
    read_text,
)
from tests.functions.models.training_jobs import register
from tests.functions.report.transform_jobs import job
from tests.functions.start.uploads import DECISION
from tests.settings_and_events import BUCKET, SETTINGS

pytestmark = pytest.mark.long
# Every example is an upload of its own in one account of moto's: nothing of it is left for the next one.
ONE_ACCOUNT = [HealthCheck.function_scoped_fixture]
BATCH = "b7"


def objects(aws: Clients, prefix: str) -> dict[str, bytes]:
    """All objects below a prefix, in the order of their keys."""
    listed = aws.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    return {
        entry["Key"]: aws.s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read() for entry in listed
    }


def upload(aws: Clients, form: str, body: bytes, batch: str = BATCH) -> tuple[Run, ManifestUploaded]:
    """Upload a manifest; its run and its event."""
    key = f"incoming/{batch}/manifest.{form}"
    version = aws.s3.put_object(Bucket=BUCKET, Key=key, Body=body)["VersionId"]
    run = Run.of_manifest(batch, key, version, datetime(2026, 11, 22, tzinfo=UTC))
    return run, ManifestUploaded(BUCKET, key, version)


def write_input(aws: Clients, form: str, body: bytes) -> tuple[Run, transform_input.TransformInput]:
    """Upload a manifest and write its run's input."""
    run, event = upload(aws, form, body)
    return run, transform_input.write(aws.s3, BUCKET, run, event.key, event.version, max_images=10_000)


@settings(max_examples=5_000)
@given(st.lists(hostile_lines("jsonl"), max_size=4))
def test_any_lines_of_json_are_used_or_left_out(lines: list[bytes]) -> None:
    """Of 5,000 hostile manifests none raises, loses a line, or names an image outside the batch."""
    accounted("jsonl", lines)


@settings(max_examples=5_000)
@given(st.lists(hostile_lines("csv"), max_size=4))
def test_any_lines_of_csv_are_used_or_left_out(lines: list[bytes]) -> None:
    """Of 5,000 hostile manifests none raises, loses a line, or names an image outside the batch."""
    accounted("csv", lines)


def accounted(form: str, lines: list[bytes]) -> None:
    """Assert that every line that isn't blank came out once, inside the batch or with a reason.

    A first line may make of them what isn't read by lines: then the latter holds.
    """
    try:
        items, how = read_all(manifest_of(form, lines), f"manifest.{form}")
    except ManifestError:
        return
    if is_line_by_line(how):
        assert len(items) == len(numbers_of(form, lines))
    for item in items:
        if isinstance(item, Record):
            assert item.image.startswith(PREFIX)
            assert not {"", ".", ".."} & set(item.image.removeprefix(PREFIX).split("/"))
        else:
            assert item.reason


@settings(max_examples=150, suppress_health_check=ONE_ACCOUNT, deadline=None)
@given(form=forms, lines=st.lists(st.one_of(hostile_lines("jsonl"), hostile_lines("csv")), max_size=12))
def test_parts_and_left_out_together_hold_every_line_once(
    aws: Clients, form: str, lines: list[bytes]
) -> None:
    """In S3, input parts and left_out.jsonl account for each line of the manifest, in its order."""
    run, written = write_input(aws, form, manifest_of(form, lines))
    stored = objects(aws, run.prefix)
    if not is_line_by_line(written.how):
        return
    kept_of = [json.loads(line) for line in stored.pop(run.left_out, b"").splitlines()]
    refused = [item for item in kept_of if item.get("kind") != "label"]
    assert written.bad_labels == len(kept_of) - len(refused)
    used = [json.loads(line) for part in stored.values() for line in part.splitlines()]
    assert all(key.startswith(run.input_prefix) for key in stored)
    assert (written.lines, written.left_out) == (len(used), len(refused))
    numbers, left_out = numbers_of(form, lines), [item["line"] for item in refused]
    kept = [number for number in numbers if number not in left_out]
    assert sorted(kept + left_out) == numbers
    assert left_out == sorted(left_out)
    for number, record in zip(kept, used, strict=True):
        line = lines[number - numbers_of(form, [b"x"])[0]]
        alone = read_text(manifest_of(form, [line] if form == "csv" else [b"{}", line]), form)
        assert [each[:2] for each in alone if isinstance(each, Record)] == [
            (record["image"]["source-ref"], record.get("label"))
        ]


@settings(max_examples=40, suppress_health_check=ONE_ACCOUNT, deadline=None)
@given(form=forms, lines=st.lists(st.one_of(hostile_lines("jsonl"), hostile_lines("csv")), max_size=8))
def test_two_runs_over_one_manifest_version_write_the_same_bytes(
    aws: Clients, settings: Settings, form: str, lines: list[bytes]
) -> None:
    """Two deliveries that both saw no decision yet write the same input and take the same decision."""
    register(aws, settings, "digits-1", 0.99)
    _, event = upload(aws, form, manifest_of(form, lines))
    run, decided = decide(aws, settings, event)
    first = objects(aws, run.prefix)
    aws.s3.delete_object(Bucket=BUCKET, Key=run.decision)
    assert decide(aws, settings, event) == (run, decided)
    assert objects(aws, run.prefix) == first
    assert run.decision in first


ANSWERS: Any = st.one_of(
    st.fixed_dictionaries({"label": st.integers(0, 9), "confidence": st.floats(0, 1)}),
    st.sampled_from([{"error": "missing"}, {"error": "not an image: b'x'"}, {"error": "=1+1"}]),
)
FAULTS = ["absent", "empty", "short", "long", "torn", "no answer", "label 10", "not JSON"]


def joined(given: bytes, answers: list[dict[str, Any]], fault: str | None) -> bytes | None:
    """What SageMaker makes of a part of the input, perhaps with a fault; answers are used again and again."""
    lines = [json.loads(line) for line in given.splitlines()]
    rows = [
        json.dumps({**line, "SageMakerOutput": answers[number % len(answers)]}).encode()
        for number, line in enumerate(lines)
    ]
    broken: dict[str, list[bytes] | None] = {
        "absent": None,
        "empty": [],
        "short": rows[:-1],
        "long": [*rows, rows[0]],
        "torn": [*rows[:-1], rows[-1][:-3]],
        "no answer": [*rows[:-1], json.dumps(lines[-1]).encode()],
        "label 10": [*rows[:-1], json.dumps({**lines[-1], "SageMakerOutput": {"label": 10}}).encode()],
        "not JSON": [*rows[:-1], b"\xff\x00"],
    }
    made = broken[fault] if fault else rows
    return None if made is None else b"".join(row + b"\n" for row in made)


def answer_absent_images(aws: Clients) -> None:
    """Answer as S3 does that an image of the batch isn't there: no example has any.

    Moto would take three quarters of the test's time to say so, 25 times an example.
    """

    def absent(params: dict[str, Any], **_: Any) -> Any:
        if not re.search(rf"/incoming/{BATCH}/\d+\.png$", params["url_path"]):
            return None  # moto answers
        metadata = {"HTTPStatusCode": 404}
        error = {"Code": "NoSuchKey", "Message": "The specified key does not exist."}
        return AWSResponse(params["url"], 404, HTTPHeaders(), None), {
            "Error": error,
            "ResponseMetadata": metadata,
        }

    aws.s3.meta.events.register("before-call.s3.GetObject", absent, unique_id="absent")


def report_of(aws: Clients, run: Run, decided: Decision, status: str) -> tuple[Any, list[dict[str, str]]]:
    """Write a run's report while SageMaker gives its job this status; report.json and the table's rows."""
    decision.take(aws.s3, BUCKET, run, decided)
    with Stubber(aws.sagemaker) as stub:
        if isinstance(decided, Start):
            stub.add_response("describe_transform_job", job(status, run=run))
        assert report.write_report(aws, SETTINGS, run)
    table = objects(aws, run.predictions)[run.predictions].decode()
    return json.loads(objects(aws, run.report)[run.report]), list(
        csv.DictReader(io.StringIO(table, newline=""))
    )


@settings(max_examples=100, suppress_health_check=ONE_ACCOUNT, deadline=None)
@given(
    good=st.integers(1, 2_300),
    lines=st.lists(hostile_lines("jsonl"), max_size=6),
    answers=st.lists(ANSWERS, min_size=1, max_size=12),
    faults=st.lists(st.none() | st.sampled_from(FAULTS), min_size=3, max_size=3),
    status=st.sampled_from(["Completed", "Completed", "Failed", "Stopped", "Refused"]),
)
def test_coverage_adds_up_and_figures_are_scikit_learn_s(
    aws: Clients,
    good: int,
    lines: list[bytes],
    answers: list[dict[str, Any]],
    faults: list[str | None],
    status: str,
) -> None:
    """For any manifest, outputs, faults and end of the job every line is counted once and has one row."""
    answer_absent_images(aws)
    usable = [
        b'{"file_name": "%d.png"%s}' % (number, b', "label": %d' % (number * 7 % 10) if number % 3 else b"")
        for number in range(good)
    ]
    run, written = write_input(aws, "jsonl", b"\n".join([usable[0], *lines, *usable[1:]]))
    counts: dict[str, Any] = {
        "lines": written.lines,
        "labelled": written.labelled,
        "left_out": written.left_out,
        "bad_labels": written.bad_labels,
    }
    sizes = list(parts.part_sizes(written.lines))
    for part, fault in zip(range(len(sizes)), faults, strict=False):
        output = joined(objects(aws, run.input_part(part))[run.input_part(part)], answers, fault)
        if output is not None:
            aws.s3.put_object(Bucket=BUCKET, Key=run.output_prefix() + output_name(part), Body=output)
    refused = status == "Refused"
    decided = Refuse(reason="none", **counts) if refused else Start(**{**DECISION.__dict__, **counts})
    found, rows = report_of(aws, run, decided, status)
    coverage = found["coverage"]
    assert coverage["expected"] == len(numbers_of("csv", lines)) + good  # below a first line, as of CSV
    assert coverage["scored"] + coverage["unreadable"] + coverage["missing"] == coverage["expected"]
    broken = any(fault for fault, _ in zip(faults, sizes, strict=False))
    assert found["status"] == ("Failed" if status == "Completed" and broken else status)
    assert found["bad_labels"] == written.bad_labels
    assert len(found["label_problems"]) == min(written.bad_labels, 100)
    if refused:
        return
    assert len(rows) == coverage["expected"]
    scored = [row for row in rows if row["prediction"]]
    assert len(scored) == coverage["scored"]
    pairs = [(int(row["label"]), int(row["prediction"])) for row in scored if row["label"]]
    if found["status"] != "Completed":
        assert (found["accuracy"], found["classes"], found["confusion_matrix"]) == (None, [], [])
    elif pairs:
        labels, predictions = zip(*pairs, strict=True)
        assert found["labelled"] == len(pairs)
        assert found["accuracy"]["value"] == pytest.approx(accuracy_score(labels, predictions))
        assert found["confusion_matrix"] == confusion_matrix(labels, predictions, labels=range(10)).tolist()
    else:
        assert found["accuracy"] is None


@settings(max_examples=100, suppress_health_check=ONE_ACCOUNT, deadline=None)
@given(form=forms, names=st.lists(ODD_NAMES, min_size=1, max_size=8, unique=True), batch=ODD_NAMES)
@example(
    form="csv",
    names=[
        "a b.png",
        "1+1.png",
        "50%.png",
        "%2e%2e.png",
        "it's",
        'say "7"',
        "数字/७",
        "a,b",
        "x\u2028y",
    ],
    batch="spring/50% + é",
)
@example(
    form="jsonl", names=["a b.png", "1+1.png", "50%.png", "=1+1", "it's", 'say "7"', "😀"], batch='"q" + 1'
)
def test_names_survive_from_upload_to_table(aws: Clients, form: str, names: list[str], batch: str) -> None:
    """What a person calls batch and images is what S3, the job's input and predictions.csv call them."""
    quoted = [name.replace('"', '""') for name in names]
    lines = (
        [f'"{name}"' for name in quoted] if form == "csv" else [json.dumps({"file_name": n}) for n in names]
    )
    for name in names:
        aws.s3.put_object(Bucket=BUCKET, Key=f"incoming/{batch}/{name}", Body=name.encode())
    run, event = upload(aws, form, manifest_of(form, [line.encode() for line in lines], "file_name"), batch)
    written = transform_input.write(aws.s3, BUCKET, run, event.key, event.version, max_images=100)
    assert (written.lines, written.left_out) == (len(names), 0)
    answer = {"label": 7, "confidence": 1.0}
    output = joined(objects(aws, run.input_part(0))[run.input_part(0)], [answer], None)
    assert output is not None
    aws.s3.put_object(Bucket=BUCKET, Key=run.output_prefix() + output_name(0), Body=output)
    decided = Start(**{**DECISION.__dict__, "lines": len(names), "labelled": 0, "left_out": 0})
    found, rows = report_of(aws, run, decided, "Completed")
    assert found["batch"] == batch
    assert [row["image"] for row in rows] == [f"s3://{BUCKET}/incoming/{batch}/{name}" for name in names]
    for name, row in zip(names, rows, strict=True):
        key = row["image"].removeprefix(f"s3://{BUCKET}/")
        assert aws.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == name.encode()
        assert [row[column] for column in COLUMNS[1:]] == ["", "7", "1.0", "", "", ""]
