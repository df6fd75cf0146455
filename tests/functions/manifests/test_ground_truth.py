"""Ground Truth's output manifests, in the shapes that AWS documents."""

import json
from typing import Any

import pytest

from batch_prediction.manifests.ground_truth import GroundTruth
from batch_prediction.manifests.records import LeftOut, Record
from tests.functions.malformed_manifests import PREFIX, read_all


def line(number: int, index: str | int | None = None, **details: Any) -> dict[str, Any]:
    """A line as https://docs.aws.amazon.com/sagemaker/latest/dg/sms-data-output.html shows it."""
    row: dict[str, Any] = {"source-ref": f"{PREFIX}{number}.png"}
    if index is not None:
        row["species"] = index
    if details:
        row["species-metadata"] = {
            "confidence": 0.0,
            "type": "groundtruth/image-classification",
            "job-name": "labeling-job/species",
            "human-annotated": "yes",
            "creation-date": "2018-10-18T22:18:13.527256",
        } | {name.replace("_", "-"): value for name, value in details.items()}
    return row


def read(*rows: dict[str, Any]) -> tuple[list[int | str | None], str]:
    """The label of each line, or why it has none; and what the manifest was read as."""
    items, how = read_all("\n".join(map(json.dumps, rows)), "output.manifest")
    found: list[int | str | None] = []
    for item in items:
        assert isinstance(item, Record)
        found.append(item.bad_label.reason if isinstance(item.bad_label, LeftOut) else item.label)
    return found, how


def test_a_class_s_name_counts_more_than_its_index() -> None:
    """The list of classes may have any order: index 0 is seven here, in lines without metadata, too."""
    labels, how = read(line(1, "0", class_name="seven"), line(2, "1", class_name="2"), line(3, "0"), line(4))
    assert labels == [7, 2, 7, None]
    assert (
        how
        == "read as Ground Truth; images from `source-ref`, labels from `species`, by class name and by index"
    )


def test_without_names_the_index_is_the_label() -> None:
    """As text or number, whatever the confidence."""
    labels, how = read(line(1, "3", job_name="j"), line(2, 4, job_name="j"), line(3, "5"))
    assert labels == [3, 4, 5]
    assert how == "read as Ground Truth; images from `source-ref`, labels from `species`, by index"


def test_the_attribute_is_found_behind_lines_without_a_label() -> None:
    """Unlabelled lines may come first, and lines without metadata before the first that has some."""
    assert read(line(1), line(2, "6"), line(3, "7", class_name="7"))[0] == [None, 6, 7]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (line(1, "0", class_name="dog"), "expected a digit from 0 to 9, found 'dog'"),
        (line(1, "12", job_name="j"), "found '12'"),
        (line(1, "3", failure_reason="x"), "Ground Truth gives none, but a failure-reason"),
        (line(1, "1", job_name="j") | {"b": "1", "b-metadata": {}}, "found `species` and `b`: keep one"),
    ],
)
def test_a_label_that_isn_t_one_costs_itself(row: dict[str, Any], why: str) -> None:
    """The image is scored; which of two attributes is meant, nobody guesses."""
    (label,), _ = read(row)
    assert why in str(label)


def test_an_index_whose_class_is_unknown_is_no_label_where_names_differ_from_indices() -> None:
    """Index 5 could be any digit, as 0 is seven."""
    labels, _ = read(line(1, "0", class_name="seven"), line(2, "5"))
    assert labels[0] == 7
    assert "expected a class-name" in str(labels[1])


def test_of_two_attributes_label_is_the_one() -> None:
    """The usual name decides, and its own metadata is looked at."""
    row = line(1, "1", class_name="1") | {"label": "0", "label-metadata": {"class-name": "nine"}}
    assert read(row)[0] == [9]


def test_nothing_is_learnt_from_lines_without_metadata() -> None:
    """A field with a partner is an attribute, and only such a field."""
    known = GroundTruth()
    known.learn({"source-ref": "x", "species": "1", "other-metadata": {}})
    assert known.attribute is None
