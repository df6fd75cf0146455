"""Whether everything that a reader opens agrees with report.json, object by object."""

import csv
import html
import io
import json
import re
from collections.abc import Iterator
from typing import Any

from batch_prediction.layout import INDEX, INDEX_PAGE, Run
from batch_prediction.report.pages import index_page
from batch_prediction.report.predictions import NO_ANSWER, SHOWN
from tests.simulation.services import S3

_TAG = re.compile(r"<(style|title)\b.*?</\1>|<[^>]*>", re.DOTALL)


def disagreements(s3: S3, run: Run) -> list[str]:
    """What the pages, the table and the figures of a run say otherwise than its report.json."""
    report = json.loads(s3.content(run.report) or b"null")
    return [
        *_of_page(s3.content(run.page), report),
        *_of_table(s3.content(run.predictions), report),
        *_of_figures(s3.content(run.model_quality), report),
    ]


def disagreements_of_index(s3: S3) -> list[str]:
    """Whether the page of all runs isn't that of the list of all runs."""
    listed = s3.content(INDEX)
    expected = None if listed is None else index_page(json.loads(listed)["runs"])
    return [] if s3.content(INDEX_PAGE) == expected else [f"{INDEX_PAGE} isn't the page of {INDEX}"]


def _of_page(page: bytes | None, report: dict[str, Any]) -> Iterator[str]:
    """A page names the run, its status and reason, its coverage, accuracy, model and transform job."""
    text = " ".join(html.unescape(_TAG.sub(" ", (page or b"").decode())).split())
    coverage, job, accuracy = report["coverage"], report["transform_job"], report["accuracy"]
    said = [
        _outcome(report["status"], coverage["scored"], coverage["expected"]),
        f"Run {report['run']} ",
        f"{coverage['scored']:,} of {coverage['expected']:,} scored, {coverage['unreadable']:,} unreadable, "
        f"{coverage['missing']:,} missing",
        f"Accuracy {accuracy['value'] * 100:.2f} %" if accuracy else "Accuracy none",
        (report["reason"] or "")[:140],
        f"Transform job {job['name']} , {job['status']}" if job else "no instance was started",
        report["model"]["package_arn"] if report["model"] else "no model was used",
    ]
    yield from (f"report.html doesn't say {each!r}" for each in said if " ".join(each.split()) not in text)


def _outcome(status: str, scored: int, expected: int) -> str:
    """How a page begins: a tick stands for a batch of which every image was read."""
    if status != "Completed":
        return f"✗ {status} "
    if scored == expected:
        return "✓ Completed "
    return f"{'!' if scored else '✗'} Completed, {scored:,} of {expected:,} read "


def _of_table(table: bytes | None, report: dict[str, Any]) -> Iterator[str]:
    """A table has a row for each image, the predictions that are counted and the reasons that are listed."""
    rows = list(csv.DictReader(io.StringIO((table or b"").decode(), newline="")))
    coverage = report["coverage"]
    lines = coverage["expected"] if report["status"] != "Refused" else coverage["unreadable"]
    scored = [row for row in rows if row["prediction"]]
    if (len(rows), len(scored)) != (lines, coverage["scored"]):
        yield f"predictions.csv has {len(rows)} rows, {len(scored)} scored, expected {lines} of {coverage}"
    right = sum(row["label"] == row["prediction"] for row in scored if row["label"])
    matrix = report["confusion_matrix"]
    if report["labelled"] and right != sum(row[label] for label, row in enumerate(matrix)):
        yield f"predictions.csv has {right} right predictions, expected those of {matrix}"
    reasons = [(row["image"], row["error"]) for row in rows if row["error"] not in ("", NO_ANSWER)]
    if reasons[:SHOWN] != (listed := [(each["image"], each["reason"]) for each in report["unscored"]]):
        yield f"predictions.csv has reasons {reasons}, report.json {listed}"
    if (grouped := sum(each["images"] for each in report["failures"])) != len(rows) - len(scored):
        yield f"report.json groups {grouped} failures, predictions.csv has {len(rows) - len(scored)}"


def _of_figures(figures: bytes | None, report: dict[str, Any]) -> Iterator[str]:
    """model_quality.json is there for labelled images alone, and counts them as the report does."""
    content = json.loads(figures or b"null")
    if bool(content) != bool(report["labelled"]):
        yield f"model_quality.json is {content}, although {report['labelled']} images are labelled"
    elif content:
        counted = content["multiclass_classification_metrics"]["confusion_matrix"]
        matrix = [list(row.values()) for row in counted.values()]
        if matrix != report["confusion_matrix"] or content["dataset"]["item_count"] != report["labelled"]:
            yield f"model_quality.json counts {matrix}, expected {report['confusion_matrix']}"
