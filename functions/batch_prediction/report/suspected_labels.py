"""Labels that are probably wrong: what report.json says of them, and the manifest to correct them with."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, cast

import orjson

from batch_prediction.figures.intervals import wilson
from batch_prediction.figures.label_errors import Suspect
from batch_prediction.layout import Run
from batch_prediction.report import content
from batch_prediction.report.predictions import SHOWN, Tally

if TYPE_CHECKING:
    from batch_prediction.aws.types import S3Client


def summary(tally: Tally, suspects: Sequence[Suspect]) -> content.SuspectedLabels | None:
    """What is said of a whole run; None unless all of its labelled images have probabilities."""
    if not tally.labelled or not tally.all_have_probabilities:
        return None
    # Each suspect was misread: without them the right ones stay.
    without = wilson(tally.right.total(), tally.labelled - len(suspects))
    return {
        "images": len(suspects),
        "complete": tally.label_errors.complete,
        "accuracy_without": cast("content.Interval", asdict(without)) if without else None,
        "shown": [cast("content.Suspect", suspect._asdict()) for suspect in suspects[:SHOWN]],
    }


def write_review(s3: "S3Client", bucket: str, run: Run, suspects: Sequence[Suspect]) -> None:
    """Write review.jsonl: a manifest of these images, to be corrected and uploaded to the batch's folder.

    A line is as Ground Truth writes that of an image classification, with the label that was given, and what
    the model suggests in its metadata (https://docs.aws.amazon.com/sagemaker/latest/dg/sms-data-output.html).
    """
    body = b"".join(_lines(run, suspects))
    s3.put_object(Bucket=bucket, Key=run.review, Body=body, ContentType="application/jsonlines")


def _lines(run: Run, suspects: Sequence[Suspect]) -> Iterator[bytes]:
    for suspect in suspects:
        metadata = {
            "class-name": str(suspect.label),
            "confidence": suspect.label_probability,
            "type": "groundtruth/image-classification",
            "job-name": f"digit-batch/{run.batch}/{run.id}",
            "human-annotated": "no",
            "creation-date": f"{run.uploaded:%Y-%m-%dT%H:%M:%S}",
            "suggested-label": suspect.suggested,
            "suggested-confidence": suspect.suggested_probability,
        }
        line = {"source-ref": suspect.image, "label": suspect.label, "label-metadata": metadata}
        yield orjson.dumps(line) + b"\n"
