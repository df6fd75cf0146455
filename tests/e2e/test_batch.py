"""The whole path over the local cloud: the template, the functions' zip, real training, real inference."""

import hashlib
import json
from collections.abc import Iterator
from operator import eq
from typing import Any

import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, precision_score, recall_score

from localcloud.assembly import local_cloud
from localcloud.sagemaker.transform.job import TransformJob
from tests.manifest_forms import forms
from tests.settings_and_events import event
from tests.stack import Stack, deploy_template, png
from training.datasets import Digits, Splits

pytestmark = pytest.mark.deploys


@pytest.fixture(scope="module")
def empty_stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The stack as template.yaml deploys it, without any model."""
    with local_cloud() as cloud:
        parameters = {"MinimumAccuracy": "0.5", "MaxImages": "50"}
        parameters["WaitForImagesMinutes"] = "0"  # absent images stay absent
        yield deploy_template(request, cloud, **parameters)


@pytest.fixture(scope="module")
def stack(empty_stack: Stack, parts: Splits) -> Stack:
    """The stack with one approved model, trained on a few real digits."""
    empty_stack.train_on_few(parts)
    return empty_stack


def drop(stack: Stack, batch: str, digits: Digits, names: list[str]) -> str:
    """Upload images and then their manifest; returns the manifest's version."""
    for number, name in enumerate(names):
        stack.put(f"incoming/{batch}/{name}", png(digits, number))
    lines = [{"file_name": name, "label": int(digits.labels[number])} for number, name in enumerate(names)]
    return stack.put(f"incoming/{batch}/manifest.jsonl", "\n".join(map(json.dumps, lines)).encode())


def uploaded(stack: Stack, batch: str, version: str) -> dict[str, Any]:
    """S3's event about a manifest version, to be delivered once more."""
    repeated = event("s3_object_created")
    repeated["detail"]["bucket"]["name"] = stack.bucket
    repeated["detail"]["object"] |= {"key": f"incoming/{batch}/manifest.jsonl", "version-id": version}
    return repeated


def test_a_batch_without_an_approved_model_is_refused_in_a_report(empty_stack: Stack, parts: Splits) -> None:
    """The person who dropped the batch reads why nothing was scored, and what to do."""
    drop(empty_stack, "too-early", parts.batch, ["1.png", "2.png"])
    (report,) = empty_stack.reports("too-early")
    assert report["status"] == "Refused"
    assert "no approved package: approve one" in report["reason"]
    assert report["coverage"] == {"expected": 2, "scored": 0, "unreadable": 0, "missing": 2}


def test_a_finished_training_job_is_registered_and_approved(stack: Stack) -> None:
    """The package carries the training job's figures and the digest of the artifact that lies in S3."""
    (package,) = stack.packages()
    described = stack.sagemaker.describe_model_package(ModelPackageName=package["ModelPackageArn"])
    metadata = described["CustomerMetadataProperties"]
    assert described["ModelApprovalStatus"] == "Approved"
    assert metadata["training_job"] == "digits-first"
    assert float(metadata["test_accuracy"]) > 0.5
    (artifact,) = stack.objects("models/digits-first/output/model.tar.gz").values()
    assert metadata["artifact_sha256"] == hashlib.sha256(artifact).hexdigest()
    assert metadata["hyperparameter/arch"] == "small"


def test_a_batch_becomes_a_report_whose_figures_are_scikit_learn_s(stack: Stack, parts: Splits) -> None:
    """Every image is scored, and the figures are those of the table of all predictions."""
    drop(stack, "good", parts.batch, [f"{number}.png" for number in range(40)])
    (report,) = stack.reports("good")
    assert (report["status"], report["labelled"]) == ("Completed", 40)
    assert report["coverage"] == {"expected": 40, "scored": 40, "unreadable": 0, "missing": 0}
    rows = stack.predictions(report)
    labels, predictions = [int(row["label"]) for row in rows], [int(row["prediction"]) for row in rows]
    assert labels == parts.batch.labels[:40].tolist()
    assert report["accuracy"]["value"] == pytest.approx(accuracy_score(labels, predictions))
    assert report["accuracy"]["value"] > 0.5
    assert report["confusion_matrix"] == confusion_matrix(labels, predictions, labels=range(10)).tolist()
    assert sum(each["found"] for each in report["drift"]["doubts"]) == pytest.approx(1)
    assert report["estimate"]["method"] == "mean calibrated confidence"
    for figures in report["classes"]:
        for name, score in (("precision", precision_score), ("recall", recall_score)):
            if figures[name] is not None:
                expected = score(
                    labels, predictions, labels=[figures["label"]], average="macro", zero_division=0
                )
                assert figures[name] == pytest.approx(expected)
    written = stack.objects(f"reports/good/{report['run']}/")
    page = next(body for key, body in written.items() if key.endswith("report.html")).decode()
    assert (
        page.count("data:image/png;base64,")
        == len(report["mistakes"])
        == 40 - sum(map(eq, labels, predictions))
    )
    quality = json.loads(next(body for key, body in written.items() if key.endswith("model_quality.json")))
    assert quality["multiclass_classification_metrics"]["accuracy"]["value"] == report["accuracy"]["value"]
    assert (
        f"good/{report['run']}/report.html"
        in stack.objects("reports/index.html")["reports/index.html"].decode()
    )
    (package,) = stack.packages()
    assert report["model"]["package_arn"] == package["ModelPackageArn"]
    assert report["model"]["training_job"] == "digits-first"
    assert report["transform_job"]["name"] == f"digits-{report['run']}"
    assert report["transform_job"]["status"] == "Completed"


def test_outputs_are_read_in_either_form_that_aws_documents(
    stack: Stack, parts: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below the input's prefix, and with empty lines after the answers: the report is that of any run."""
    monkeypatch.setattr(TransformJob, "prefix_in_keys", True)
    monkeypatch.setattr(TransformJob, "blank_lines", True)
    drop(stack, "reference", parts.batch, ["1.png", "2.png"])
    (report,) = stack.reports("reference")
    assert (report["status"], report["coverage"]["scored"]) == ("Completed", 2)
    run = f"runs/reference/{report['run']}/"
    ((key, body),) = stack.objects(f"{run}output/").items()
    assert key == f"{run}output/1/{run}input/part-00000.jsonl.out"
    assert body.endswith(b"}\n\n")


def test_bad_images_cost_a_line_each_and_names_survive(stack: Stack, parts: Splits) -> None:
    """Missing, corrupt, foreign and broken entries are counted apart; odd names come back unchanged."""
    batch = "spring/50% + é"
    names = [
        "a b.png",
        "1+1.png",
        "100%.png",
        "%2e%2e.png",
        "it's.png",
        'say "7".png',
        "数字/७.png",
        "what?#1.png",
    ]
    for number, name in enumerate(names):
        stack.put(f"incoming/{batch}/{name}", png(parts.batch, number))
    stack.put(f"incoming/{batch}/corrupt.png", png(parts.batch, 0)[:100])
    lines = [json.dumps({"file_name": name}) for name in names]
    lines += [
        json.dumps({"file_name": "corrupt.png", "label": 1}),
        json.dumps({"file_name": "absent.png", "label": 2}),
        json.dumps({"source-ref": f"s3://{stack.bucket}/incoming/other/1.png"}),
        json.dumps({"file_name": "/home/me/1.png", "label": 7}),
        "broken",
    ]
    stack.put(f"incoming/{batch}/manifest.jsonl", "\n".join(lines).encode())
    (report,) = stack.reports(batch)
    assert report["status"] == "Completed"
    assert report["coverage"] == {"expected": 13, "scored": 8, "unreadable": 4, "missing": 1}
    assert (report["labelled"], report["accuracy"]) == (0, None)
    rows = stack.predictions(report)
    prefix = f"s3://{stack.bucket}/incoming/{batch}/"
    assert [row["image"].removeprefix(prefix) for row in rows[:8]] == names
    assert all(row["prediction"] for row in rows[:8])
    assert [row["error"].partition(":")[0] for row in rows[8:]] == [
        "not an image",
        "missing",
        "line 11",
        "line 12",
        "line 13",
    ]


def test_events_that_come_twice_change_nothing(stack: Stack, parts: Splits) -> None:
    """A repeated upload event and a repeated completion leave one job, and write no object again."""
    version = drop(stack, "twice", parts.batch, ["1.png"])
    (report,) = stack.reports("twice")
    before = stack.versions("runs/twice/"), stack.versions("reports/twice/")
    stack.deliver("UploadQueue", uploaded(stack, "twice", version))
    ended = event("transform_job_completed")
    ended["detail"]["TransformOutput"]["S3OutputPath"] = (
        f"s3://{stack.bucket}/runs/twice/{report['run']}/output/1/"
    )
    stack.deliver("ReportQueue", ended)
    assert (stack.versions("runs/twice/"), stack.versions("reports/twice/")) == before
    jobs = stack.sagemaker.list_transform_jobs(NameContains=report["run"])["TransformJobSummaries"]
    assert len(jobs) == 1


def test_a_manifest_uploaded_again_is_another_run(stack: Stack, parts: Splits) -> None:
    """Each version of the manifest is scored, and both reports stay."""
    drop(stack, "again", parts.batch, ["1.png"])
    stack.reports("again")
    drop(stack, "again", parts.batch, ["1.png", "2.png"])
    reports = stack.reports("again", count=2)
    assert sorted(report["coverage"]["expected"] for report in reports) == [1, 2]
    assert {report["status"] for report in reports} == {"Completed"}


def test_a_csv_manifest_gives_the_same_report(stack: Stack, parts: Splits) -> None:
    """The form of the manifest doesn't matter for what is read out of it."""
    names = ["1.png", "2.png", "3.png"]
    for number, name in enumerate(names):
        stack.put(f"incoming/csv/{name}", png(parts.batch, number))
    lines = ["file_name,label", *(f"{name},{parts.batch.labels[n]}" for n, name in enumerate(names))]
    stack.put("incoming/csv/manifest.csv", "\n".join(lines).encode())
    drop(stack, "jsonl", parts.batch, names)
    (from_csv,), (from_json,) = stack.reports("csv"), stack.reports("jsonl")
    for name in ("coverage", "accuracy", "classes", "confusion_matrix", "model"):
        assert from_csv[name] == from_json[name]
    assert from_csv["coverage"]["scored"] == 3


def test_every_form_of_a_manifest_is_read_and_its_run_can_be_told_apart(stack: Stack, parts: Splits) -> None:
    """Ten manifests in one folder are ten runs: each says which it is and how it was read; labels agree."""
    folder, names, labels = "incoming/forms/", ["1.png", "2.png", "3.png"], parts.batch.labels[:3].tolist()
    for number, name in enumerate(names):
        stack.put(f"{folder}{name}", png(parts.batch, number))
    given = forms(stack.bucket, folder, names, labels)
    for form in given:
        stack.put(f"{folder}{form.name}", form.body)
    reports = {report["manifest"]: report for report in stack.reports("forms", count=len(given))}
    assert {key: report["read_as"] for key, report in reports.items()} == {
        f"{folder}{form.name}": form.read_as for form in given
    }
    for report in reports.values():
        assert (report["status"], report["labelled"], report["bad_labels"]) == ("Completed", 3, 0)
        assert [int(row["label"]) for row in stack.predictions(report)] == labels


def test_a_label_that_isn_t_understood_costs_no_image(stack: Stack, parts: Splits) -> None:
    """The image is scored, and the report says which line's label isn't used, and why."""
    for number in range(2):
        stack.put(f"incoming/cats/{number}.png", png(parts.batch, number))
    stack.put("incoming/cats/labels.csv", b"image,label\n0.png,cat\n1.png,seven\n")
    (report,) = stack.reports("cats")
    assert report["coverage"] == {"expected": 2, "scored": 2, "unreadable": 0, "missing": 0}
    assert (report["labelled"], report["bad_labels"]) == (1, 1)
    assert report["label_problems"] == [
        {"line": 2, "text": "0.png,cat", "reason": "label: expected a digit from 0 to 9, found 'cat'"}
    ]


def test_a_batch_above_the_limit_is_refused(stack: Stack) -> None:
    """MaxImages is 50 in this stack: nothing is paid for, and the report says how many were found."""
    lines = [json.dumps({"file_name": f"{number}.png"}) for number in range(51)]
    stack.put("incoming/large/manifest.jsonl", "\n".join(lines).encode())
    (report,) = stack.reports("large")
    assert report["status"] == "Refused"
    assert report["reason"].startswith(
        "expected at most 50 images (the stack's parameter MaxImages), found 51:"
    )


def test_the_newest_approved_package_reads_and_rejecting_it_rolls_back(stack: Stack, parts: Splits) -> None:
    """Neither an older approved package nor a newer one that waits or is rejected reads a batch."""
    (first,) = (package["ModelPackageArn"] for package in stack.packages())
    inference = stack.sagemaker.describe_model_package(ModelPackageName=first)["InferenceSpecification"]
    second, *_ = [
        stack.sagemaker.create_model_package(
            ModelPackageGroupName=stack.outputs["ModelPackageGroupName"],
            ModelApprovalStatus=status,
            InferenceSpecification=inference,
        )["ModelPackageArn"]
        for status in ("Approved", "Rejected", "PendingManualApproval")
    ]
    for batch, expected in (("newest", second), ("rolled-back", first)):
        drop(stack, batch, parts.batch, ["1.png"])
        (report,) = stack.reports(batch)
        assert report["model"]["package_arn"] == expected
        model = stack.sagemaker.describe_transform_job(TransformJobName=report["transform_job"]["name"])[
            "ModelName"
        ]
        used = stack.sagemaker.describe_model(ModelName=model)["PrimaryContainer"]
        assert used["ModelPackageName"] == expected
        stack.sagemaker.update_model_package(ModelPackageArn=second, ModelApprovalStatus="Rejected")
