"""What a person who opens a report should know, or do next; a pure function of the report."""

from batch_prediction.report.content import Report
from batch_prediction.runs import reason_codes
from batch_prediction.runs.reason_codes import ReasonCode

_AGAIN = "upload the manifest again: that is another run"
_LOG_GROUP = "/aws/sagemaker/TransformJobs"
# What to do, by the report's reason_code. `{again}` and `{logs}` are the same in all of them.
_ADVICE = {
    ReasonCode.NO_MANIFEST: (
        "Upload a manifest of the images to their folder: that starts a run (README.md says what it may be). "
        "If they aren't meant to be read, delete them."
    ),
    ReasonCode.MANIFEST_UNREADABLE: "Correct the manifest as the reason says, then {again}.",
    ReasonCode.ARCHIVE_UNREADABLE: (
        "Pack the archive again as the reason says, and upload it: that is another run."
    ),
    ReasonCode.NO_USABLE_LINES: (
        "predictions.csv, next to this report, names every line with its error: correct them, then {again}."
    ),
    ReasonCode.TOO_MANY_IMAGES: (
        "Split the batch, or deploy the stack with a larger MaxImages; then {again}."
    ),
    ReasonCode.NO_APPROVED_MODEL: (
        "Train a model, or approve a model package in the registry; then {again}."
    ),
    ReasonCode.MODEL_WITHDRAWN: (
        "To have the batch read by the newest approved model package, {again}. If the package was rejected "
        "by mistake, approve it first."
    ),
    ReasonCode.QUOTA: (
        "Ask for a higher quota of the instance type for transform jobs (Service Quotas, Amazon SageMaker), "
        "or deploy the stack with another TransformInstanceType; then {again}."
    ),
    ReasonCode.THROTTLED: (
        "Nothing is wrong with the batch: AWS throttled the stack's requests, or was unavailable, for all of "
        "WaitForCapacityHours. Look at https://health.aws.amazon.com, then {again}."
    ),
    ReasonCode.REQUEST_REFUSED: "Correct what SageMaker names in the reason, then {again}.",
    ReasonCode.STOPPED: "A person or a time limit stopped the transform job. To score the batch, {again}.",
    ReasonCode.SERVICE_FAULT: (
        "The fault was SageMaker's. Look at https://health.aws.amazon.com, then {again}."
    ),
    ReasonCode.NO_CAPACITY: (
        "AWS had no instances of this type. Wait some hours, or deploy the stack with another "
        "TransformInstanceType; then {again}."
    ),
    ReasonCode.INPUT_UNUSABLE: (
        "SageMaker couldn't use what it was given: check that the model's artifact and image exist, and that "
        "the stack's SageMaker role may read them; {logs}, then {again}."
    ),
    ReasonCode.CONTAINER_FAILED: (
        "The model's container failed: {logs}. Reject the model package if it is to blame, then {again}."
    ),
    ReasonCode.OUTPUT_INCOMPLETE: (
        "The transform job ended, but its output isn't whole, so none of it can be trusted: {logs}, then "
        "{again}."
    ),
    ReasonCode.UNKNOWN: "Correct what the reason names, then {again}.",
}


def what_to_do(report: Report) -> str | None:
    """What to do about a run that wasn't completed; None for a completed one."""
    if report["status"] == "Completed":
        return None
    job = report["transform_job"]
    code = ReasonCode.read(report.get("reason_code"))
    if code is ReasonCode.UNKNOWN and job:  # an earlier version's report: what became of its job is known
        code = reason_codes.of_ended_job(job["status"], report["reason"])
    logs = f"read the container's log in the log group {_LOG_GROUP}"
    if job:
        logs += f" (its streams begin with {job['name']})"
    return _ADVICE[code].format(again=_AGAIN, logs=logs)


def notes(report: Report) -> list[str]:
    """What limits a completed run's figures, or could be improved, each with what to do about it."""
    if report["status"] != "Completed":
        return []
    found, coverage = [], report["coverage"]
    unlabelled = coverage["scored"] - report["labelled"] - report.get("bad_labels", 0)
    if bad := report.get("bad_labels", 0):
        found.append(
            f"With a label that couldn't be understood, which isn't used: {_images(bad)}. Correct the labels "
            f"(a digit from 0 to 9), then {_AGAIN}."
        )
    if not coverage["scored"]:
        found.append("No image was read: the reasons are below.")
    elif not report["labelled"] and not bad:
        found.append("No scored image has a label, so there is no accuracy: give labels in the manifest.")
    elif unlabelled > 0:
        found.append(f"Scored without a label, and in no figure but coverage: {_images(unlabelled)}.")
    if missing := coverage["missing"]:
        found.append(
            f"Not in the bucket when the job read the batch: {_images(missing)}. Upload what is missing, "
            f"then {_AGAIN}."
        )
    if unreadable := coverage["unreadable"]:
        found.append(f"Not readable, for the reasons below: {_images(unreadable)} or manifest lines.")
    suspected, slices = report.get("suspected_labels"), report.get("slices")  # none in schema 2
    if suspected and suspected["images"]:
        found.append(
            f"With labels that are probably wrong: {_images(suspected['images'])}, shown below. Correct "
            "review.jsonl, and upload it as a new manifest."
        )
    if outstanding := [each for each in (slices["values"] if slices else ()) if each["stands_out"]]:
        worst = outstanding[0]
        found.append(
            f"More than chance tells the accuracy of {len(outstanding)} of the batch's slices from the rest; "
            f"the lowest is that of {worst['field']} {worst['value']}."
        )
    time = report["time"]
    if time and time["start_up"] and time["compute"] is not None and time["start_up"] > 5 * time["compute"]:
        found.append("Starting the instances took most of the time: a larger batch would cost hardly more.")
    return found


def _images(number: int) -> str:
    return f"{number:,} image{'' if number == 1 else 's'}"
