"""Labels that are probably wrong, in report.json and as a manifest to correct them with."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from batch_prediction.aws.clients import Clients
from batch_prediction.manifests.folder import BatchFolder
from batch_prediction.manifests.reading import read
from batch_prediction.manifests.records import Record
from batch_prediction.report import predictions
from tests.functions.report.transform_output import answer
from tests.sample_runs import Sample, report_of
from tests.settings_and_events import BUCKET

RIGHT: list[tuple[int | None, dict[str, Any]]] = [
    (label, answer(label, 0.99)) for label in range(10) for _ in range(5)
]
WRONG: list[tuple[int | None, dict[str, Any]]] = [
    (7, answer(1, 0.96)),
    (4, answer(9, 0.999)),
    (3, answer(5, 0.6)),
]


def review(aws: Clients, sample: Sample) -> bytes:
    """review.jsonl of a sample's run."""
    body: bytes = aws.s3.get_object(Bucket=BUCKET, Key=sample.run.review)["Body"].read()
    return body


def test_suspects_are_counted_listed_and_left_out_once(aws: Clients) -> None:
    """Two of three misread images are read confidently; the accuracy is there with and without them."""
    sample = Sample("labelled", [*RIGHT, *WRONG])
    found = report_of(aws, sample)
    suspected = found["suspected_labels"]
    assert (suspected["images"], suspected["complete"]) == (2, True)
    assert [(each["label"], each["suggested"]) for each in suspected["shown"]] == [(4, 9), (7, 1)]
    assert suspected["shown"][0]["image"] == f"s3://{BUCKET}/incoming/labelled/00051.png"
    assert suspected["shown"][1]["suggested_probability"] == 0.96
    assert suspected["shown"][1]["label_probability"] == pytest.approx(0.004)
    assert found["accuracy"]["value"] == 50 / 53
    assert suspected["accuracy_without"]["value"] == 50 / 51


def test_review_is_a_manifest_of_the_suspects(aws: Clients) -> None:
    """In Ground Truth's form, readable as a manifest of the same batch, with the suggestion beside it."""
    sample = Sample("labelled", [*RIGHT, *WRONG])
    report_of(aws, sample)
    body = review(aws, sample)
    first, second = (json.loads(line) for line in body.splitlines())
    assert first["label"] == 4
    assert first["label-metadata"]["suggested-label"] == 9
    assert first["label-metadata"]["class-name"] == "4"
    assert first["label-metadata"]["type"] == "groundtruth/image-classification"
    assert first["label-metadata"]["human-annotated"] == "no"
    assert second["label-metadata"]["suggested-confidence"] == 0.96
    records = list(read([body], BatchFolder(BUCKET, "incoming/labelled/")))
    assert [each[:2] for each in records if isinstance(each, Record)] == [
        (f"s3://{BUCKET}/incoming/labelled/00051.png", 4),
        (f"s3://{BUCKET}/incoming/labelled/00050.png", 7),
    ]


def test_all_suspects_are_to_be_reviewed_though_a_hundred_are_shown(
    aws: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """report.json lists the first ones, review.jsonl all."""
    monkeypatch.setattr("batch_prediction.report.suspected_labels.SHOWN", 2)
    sample = Sample("labelled", [*RIGHT, *[(7, answer(1, 0.96))] * 5])
    suspected = report_of(aws, sample)["suspected_labels"]
    assert (suspected["images"], len(suspected["shown"])) == (5, 2)
    assert len(review(aws, sample).splitlines()) == 5
    assert predictions.SHOWN == 100


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (RIGHT, 0),
        ([(None, each) for _, each in RIGHT], None),
        ([(label, {"label": each["label"], "confidence": 0.9}) for label, each in [*RIGHT, *WRONG]], None),
    ],
)
def test_without_suspects_nothing_is_to_be_reviewed(
    aws: Clients, answers: list[tuple[int | None, dict[str, Any]]], expected: int | None
) -> None:
    """No label is wrong, no image has one, or an earlier artifact gave no probabilities."""
    sample = Sample("labelled", answers)
    suspected = report_of(aws, sample)["suspected_labels"]
    assert (suspected and suspected["images"]) == expected
    with pytest.raises(ClientError, match="NoSuchKey"):
        review(aws, sample)
