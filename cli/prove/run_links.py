"""The links of a batch, from S3's event to its report: each a look at what only that link leaves behind."""

from typing import cast

from batch_prediction.aws.errors import QUOTA_EXCEEDED
from batch_prediction.models import registry
from batch_prediction.runs.decision import Refuse, Start
from batch_prediction.runs.reason_codes import ReasonCode
from batch_prediction.runs.transform_job import attempt as transform_attempt
from cli.prove import account, answers
from cli.prove.dropped import FAILED, MATCHED, Dropped
from cli.prove.links import Broken, Link, Seen, Sight, Waiting
from cli.stack import client

MINUTE = 60.0
# SageMaker waits half an hour for a container that isn't healthy; an instance takes minutes to start.
JOB_PATIENCE = 45 * MINUTE
_TRANSFORM_LOGS = "/aws/sagemaker/TransformJobs"
_LOG = "aws logs tail {} --since 1h"


def of_run(good: Dropped, refused: Dropped) -> list[Link]:
    """The links of the batch, in its order, and of the refused one."""
    stack, name = good.stack, good.stack.group
    start_log = _LOG.format(f"/aws/lambda/{name}-start-transform")
    report_log = _LOG.format(f"/aws/lambda/{name}-write-report")
    return [
        Link(
            "notifications",
            f"EventBridge is on for {stack.bucket}",
            f"`aws s3api put-bucket-notification-configuration --bucket {stack.bucket} "
            "--notification-configuration EventBridgeConfiguration={}`; then wait five minutes",
            0.0,
            lambda: notifications(good),
        ),
        Link(
            "event",
            "UploadRule has matched the manifest's event",
            "compare the rule's EventPattern with template.yaml, then `sam deploy`",
            4 * MINUTE,
            lambda: event(good),
        ),
        Link(
            "message",
            "start_transform has taken the event's message",
            "look at UploadQueuePolicy and at the function's event source mapping, then `sam deploy`",
            5 * MINUTE,
            lambda: message(good),
        ),
        Link(
            "decision",
            "run.json",
            f"{start_log} shows the reason",
            5 * MINUTE,
            lambda: decision(good),
        ),
        Link(
            "package",
            "an Approved model package whose artifact can be read",
            "`digits tune DATASET`, or `digits models approve VERSION`",
            MINUTE,
            lambda: package(good),
        ),
        Link(
            "model",
            "the SageMaker model that run.json names",
            f"{start_log} shows the reason; the package's image is `digits models show VERSION`'s",
            5 * MINUTE,
            lambda: model(good),
        ),
        Link(
            "transform job",
            "a transform job has started",
            "`digits doctor` compares the quotas; the run goes on waiting, for WaitForCapacityHours",
            5 * MINUTE,
            lambda: transform_job(good),
        ),
        Link(
            "container",
            "the job is Completed, and its container has a log",
            _LOG.format(f"{_TRANSFORM_LOGS} --log-stream-name-prefix JOB"),
            JOB_PATIENCE,
            lambda: container(good),
        ),
        Link(
            "output",
            f"one object {answers.OUTPUT}, a line for each line of the input",
            "report what was found: the key is the service's",
            MINUTE,
            lambda: answers.layout(good.outputs(), sum(entry.body is not None for entry in good.entries)),
        ),
        Link(
            "order",
            "each line with the answer to its own image",
            "reject the model package: `digits models reject VERSION --reason order`",
            0.0,
            lambda: answers.order(good.outputs(), good.entries),
        ),
        Link(
            "report",
            "report.json, written by write_report",
            f"{report_log} shows the reason; the sweep asks again within 15 minutes",
            5 * MINUTE,
            lambda: report(good),
        ),
        Link(
            "counts",
            "Completed: 40 expected, 32 scored, 8 unreadable, 0 missing",
            "compare report.html with the batch",
            0.0,
            lambda: counts(good),
        ),
        Link(
            "refusal",
            "a manifest that can't be read is refused in a report",
            f"{start_log} shows the reason",
            5 * MINUTE,
            lambda: refusal(refused),
        ),
    ]


def notifications(good: Dropped) -> Sight:
    """Whether the bucket sends its events to EventBridge."""
    return Seen("EventBridge is on") if account.sends_events(good.stack) else Broken("EventBridge is off")


def event(good: Dropped) -> Sight:
    """The rule's own count of it; or that the run began, as EventBridge doesn't promise its metrics."""
    matched = good.by_rule(MATCHED)
    if matched:
        return Seen(f"UploadRule has matched {matched:.0f}")
    if good.run():
        return Seen("the run has begun; UploadRule's metric isn't there yet")
    return Waiting("UploadRule has matched no event")


def message(good: Dropped) -> Sight:
    """Any line of the function since the drop, or that the rule couldn't deliver."""
    failed = good.by_rule(FAILED)
    if failed and not good.run():
        return Broken(f"UploadRule couldn't deliver {failed:.0f}")
    logged = account.function_lines(good.stack, "start-transform", good.began)
    return Seen(f"{len(logged)} lines in start_transform's log") if logged else Waiting("its log is empty")


def decision(good: Dropped) -> Sight:
    """run.json, or the errors that keep the function from writing it."""
    run, decided = good.run(), good.decision()
    if run and decided:
        return Seen(f"s3://{good.stack.bucket}/{run.decision}")
    return _failing(good, "start-transform") or Waiting("no run.json")


def package(good: Dropped) -> Sight:
    """The package that run.json froze."""
    match good.decision():
        case Refuse(reason=reason, reason_code=ReasonCode.NO_APPROVED_MODEL):
            return Broken(reason)
        case Refuse(reason=reason):
            return Broken(f"the run is refused: {reason}", "look at the manifest below runs/")
        case Start(model_package=arn):
            address = account.artifact_of(arn)
            found = registry.describe(client("sagemaker"), arn)
            if not good.artifact_exists(address):
                return Broken(f"{_version(arn)}, whose artifact {address} doesn't exist")
            return Seen(f"{_version(arn)}, {found.status}, {address}")
        case _:
            return Waiting("no decision")


def model(good: Dropped) -> Sight:
    """The model of the run, or why it can't be made."""
    decided = _started(good)
    if good.model_exists(decided.model):
        return Seen(decided.model)
    if why := good.gave_up():
        return Broken(why.reason)
    return _failing(good, "start-transform") or Waiting(f"no model {decided.model}")


def transform_job(good: Dropped) -> Sight:
    """The run's job, or what it waits for."""
    if jobs := good.jobs():
        return Seen(f"{jobs[-1]['TransformJobName']}: {jobs[-1]['TransformJobStatus']}")
    if why := good.gave_up():
        return Broken(why.reason)
    logged = account.function_lines(good.stack, "start-transform", good.began)
    waits = [text for text in account.informed(logged) if text.startswith("waiting for ")]
    if waits and QUOTA_EXCEEDED in waits[-1]:
        return Broken(waits[-1])
    return _failing(good, "start-transform") or Waiting(waits[-1] if waits else "no job")


def container(good: Dropped) -> Sight:
    """How the newest job ended, and what its container has logged; without instances, too, it is repeated."""
    job = good.jobs()[-1]
    name, status = job["TransformJobName"], job["TransformJobStatus"]
    attempt = transform_attempt(job)
    repeated = attempt.may_succeed_again or attempt.lacked_capacity
    if not attempt.ended or (repeated and not good.report()):
        return Waiting(f"{name}: {status} {attempt.failure_reason or ''}".strip())
    if status != "Completed":
        logged = account.lines(_TRANSFORM_LOGS, good.began, f"{name}/")
        last = f"its log ends: {logged[-1].text[:300]}" if logged else "it has no log"
        return Broken(f"{name}: {status}: {attempt.failure_reason}; {last}")
    streams = account.streams(_TRANSFORM_LOGS, f"{name}/")
    if not streams:
        return Waiting(f"{name} is Completed, and has no log")
    return Seen(f"Completed; the log {streams[0]}")


def report(good: Dropped) -> Sight:
    """report.json, or the errors that keep the function from writing it."""
    if run := good.report():
        return Seen(f"reports/{run['batch']}/{run['run']}/report.json: {run['status']}")
    return _failing(good, "write-report") or Waiting("no report.json")


def counts(good: Dropped) -> Sight:
    """What the report counts."""
    found = good.report()
    if found is None:
        return Waiting("no report.json")
    return answers.counts(cast("dict[str, int]", found["coverage"]), found["status"], good.entries)


def refusal(refused: Dropped) -> Sight:
    """The report of the batch whose manifest can't be read."""
    found = refused.report()
    if found is None:
        return _failing(refused, "start-transform") or Waiting("no report.json")
    text = f"{found['status']}, {found['reason_code']}"
    wanted = (found["status"], found["reason_code"]) == ("Refused", ReasonCode.MANIFEST_UNREADABLE.value)
    return Seen(text) if wanted else Broken(f"{text}: {found['reason']}")


def _started(good: Dropped) -> Start:
    decided = good.decision()
    if not isinstance(decided, Start):
        raise TypeError(f"{good.batch}: expected a run that was decided to start, found {decided}")
    return decided


def _failing(dropped: Dropped, function: str) -> Broken | None:
    """What a function's invocations fail with again and again since the drop; or None."""
    found = account.errors(account.function_lines(dropped.stack, function, dropped.began))
    if len(found) < account.REPEATED:
        return None
    return Broken(f"{len(found)} errors of {function}: {found[-1]}")


def _version(arn: str) -> str:
    return arn.rpartition("model-package/")[2]
