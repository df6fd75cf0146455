"""A report is announced: its figures as CloudWatch metrics, and one message to the topic's subscribers."""

from typing import TYPE_CHECKING

from batch_prediction.aws import metrics, notify
from batch_prediction.layout import Run
from batch_prediction.report import failures, headline
from batch_prediction.report.content import Report
from batch_prediction.settings import Settings

_REASONS = 5  # of images without a prediction, in a message

if TYPE_CHECKING:
    from batch_prediction.aws.types import SNSClient


def measure(settings: Settings, report: Report) -> None:
    """Publish what report.json says as metrics of the stack."""
    coverage = report["coverage"]
    values: dict[str, tuple[float, str]] = {
        "Expected": (coverage["expected"], "Count"),
        "Scored": (coverage["scored"], "Count"),
        "Unreadable": (coverage["unreadable"], "Count"),
        "Missing": (coverage["missing"], "Count"),
        "NotCompleted": (int(report["status"] != "Completed"), "Count"),
    }
    if report["accuracy"] is not None:
        values["Accuracy"] = (report["accuracy"]["value"], "None")
    metrics.emit(settings.name, values, batch=report["batch"], run=report["run"], status=report["status"])


def estimate_lines(report: Report) -> list[str]:
    """What the message says of the accuracy that is estimated without labels: one line, or none."""
    estimate = report["estimate"]
    if estimate is None or (estimate["value"] is None and report["drift"] is None):
        return []
    if estimate["value"] is None:
        return [f"Accuracy without labels: not to be estimated, as {estimate['reason']}"]
    interval = f"95 % interval {estimate['low']:.2%} to {estimate['high']:.2%}"
    return [f"Accuracy estimated without labels: {estimate['value']:.2%}, {interval}"]


def failure_lines(report: Report) -> list[str]:
    """Why images weren't read, the most frequent reasons first."""
    found = report.get("failures", [])
    lines = [f"- {failures.in_words(failure, failure['example'])}" for failure in found[:_REASONS]]
    return ["Without a prediction:", *lines] if lines else []


def notify_people(sns: "SNSClient", settings: Settings, run: Run, report: Report) -> None:
    """Send the one message about a report; it comes before report.json, so it may be repeated, never lost."""
    coverage, accuracy = report["coverage"], report["accuracy"]
    outcome = headline.of_report(report).text
    figure = f"{accuracy['value']:.2%}" if accuracy else "no accuracy"
    lines = [
        f"Batch {run.batch}, run {run.id}: {outcome}.",
        *([report["reason"]] if report["reason"] else []),
        f"Images: {coverage['expected']} expected, {coverage['scored']} scored, "
        f"{coverage['unreadable']} unreadable, {coverage['missing']} missing.",
        *([f"Accuracy: {figure} of {report['labelled']} labelled images"] if accuracy else []),
        *estimate_lines(report),
        *failure_lines(report),
        f"Report: s3://{settings.bucket}/{run.report}",
    ]
    subject = f"{settings.name}: {outcome}, {figure}, batch {run.batch}"
    notify.notify(sns, settings.notifications_topic_arn, subject, "\n".join(lines) + "\n")
