"""What a person who opens a report should know, or do next; a pure function of the report."""

from typing import Any

_AGAIN = "upload the manifest again: that is another run"
_LOGS = "read the container's log in the log group /aws/sagemaker/TransformJobs"


def next_step(report: dict[str, Any]) -> str | None:
    """What to do about a run that wasn't completed; None for a completed one."""
    status, reason, job = report["status"], report["reason"] or "", report["transform_job"]
    if status == "Completed":
        return None
    if job is None:
        return _without_a_job(reason)
    stream = f"{_LOGS} (its streams begin with {job['name']})"
    if status == "Stopped":
        return f"Somebody or a time limit stopped the transform job. To score the batch, {_AGAIN}."
    if job["status"] == "Completed":
        return (
            "The transform job ended, but its output isn't whole, so none of it can be trusted: "
            f"{stream}, then {_AGAIN}."
        )
    if reason.startswith("InternalServerError"):
        return f"The fault was SageMaker's. Look at https://health.aws.amazon.com, then {_AGAIN}."
    if reason.startswith("CapacityError") or "ResourceLimitExceeded" in reason:
        return (
            "There were no instances to have. Ask for a higher quota of this type for transform jobs, or "
            f"deploy the stack with another TransformInstanceType; then {_AGAIN}."
        )
    if reason.startswith("ClientError"):
        return (
            "SageMaker couldn't use what it was given: check that the model's artifact and image exist, and "
            f"that the stack's SageMaker role may read them; {stream}, then {_AGAIN}."
        )
    return (
        f"The model's container failed: {stream}. Reject the model package if it is to blame, then {_AGAIN}."
    )


def notes(report: dict[str, Any]) -> list[str]:
    """What limits a completed run's figures, or could be mended, each with what to do about it."""
    if report["status"] != "Completed":
        return []
    found, coverage = [], report["coverage"]
    unlabelled = coverage["scored"] - report["labelled"]
    if not report["labelled"]:
        found.append("No scored image has a label, so there is no accuracy: give labels in the manifest.")
    elif unlabelled:
        found.append(f"Scored without a label, and in no figure but coverage: {_images(unlabelled)}.")
    if missing := coverage["missing"]:
        found.append(
            f"Not in the bucket when the job read the batch: {_images(missing)}. Upload what is missing, "
            f"then {_AGAIN}."
        )
    if unreadable := coverage["unreadable"]:
        found.append(f"Not readable, for the reasons below: {_images(unreadable)} or manifest lines.")
    time = report["time"]
    if time and time["start_up"] and time["compute"] is not None and time["start_up"] > 5 * time["compute"]:
        found.append("Starting the instances took most of the time: a larger batch would cost hardly more.")
    return found


def _images(number: int) -> str:
    return f"{number:,} image{'' if number == 1 else 's'}"


def _without_a_job(reason: str) -> str:
    if "approved package" in reason:
        return f"Train a model, or approve a model package in the registry; then {_AGAIN}."
    if "MaxImages" in reason:
        return f"Split the batch, or deploy the stack with a larger MaxImages; then {_AGAIN}."
    if "capacity" in reason.lower() or "ResourceLimitExceeded" in reason:
        return f"Ask for a higher quota of the instance type for transform jobs; then {_AGAIN}."
    return f"Mend what the reason names, then {_AGAIN}."
