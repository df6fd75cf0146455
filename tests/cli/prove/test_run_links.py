"""The links of a batch where a healthy stack, and the faults that tests/e2e plants, don't lead."""

import json
from dataclasses import replace
from typing import Any

import pytest

from batch_prediction.models import registry
from batch_prediction.runs.decision import GiveUp, Refuse
from batch_prediction.runs.reason_codes import ReasonCode
from cli.prove import account, run_links
from cli.prove.account import Line
from cli.prove.dropped import FAILED, MATCHED
from cli.prove.links import Broken, Seen, Waiting
from tests.cli.prove.told import RUN, Told
from tests.functions.report.transform_jobs import job as described_job
from tests.functions.start.uploads import DECISION

JOB = DECISION.transform_job
ERROR = json.dumps({"level": "ERROR", "errorMessage": "no such thing"})


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What every log group holds; a test adds to it."""
    found: list[str] = []
    monkeypatch.setattr(
        account, "lines", lambda _group, _since, stream="": [Line(stream, it) for it in found]
    )
    monkeypatch.setattr(account, "streams", lambda _group, prefix: [f"{prefix}i-1"] if found else [])
    return found


def job(status: str, reason: str | None = None) -> dict[str, Any]:
    """A transform job of the run."""
    described: dict[str, Any] = described_job(status, reason)
    return described | {"TransformJobName": JOB}


def test_the_names_of_the_links_are_those_of_the_way() -> None:
    """They come in the order of a batch, each with what is expected, and a job has the time that it takes."""
    links = run_links.of_run(Told(), Told())
    assert [link.name for link in links] == [
        "notifications",
        "event",
        "message",
        "decision",
        "package",
        "model",
        "transform job",
        "container",
        "output",
        "order",
        "report",
        "counts",
        "refusal",
    ]
    assert all(link.expected and link.advice for link in links)
    assert {link.name: link.patience for link in links}["container"] == 45 * 60


def test_an_event_is_seen_in_its_rules_metric_or_in_the_run() -> None:
    """EventBridge promises no metric: a run that has begun shows that the event was seen."""
    assert run_links.event(Told(risen={MATCHED: 2.0})) == Seen("UploadRule has matched 2")
    assert run_links.event(Told()) == Seen("the run has begun; UploadRule's metric isn't there yet")
    assert run_links.event(Told(its_run=None)) == Waiting("UploadRule has matched no event")


def test_a_message_is_taken_when_the_function_has_logged(logged: list[str]) -> None:
    """A failed delivery counts as long as the run hasn't begun: one of another batch may fail, too."""
    undelivered = Told(its_run=None, risen={FAILED: 1.0})
    assert run_links.message(undelivered) == Broken("UploadRule couldn't deliver 1")
    assert run_links.message(Told(its_run=None)) == Waiting("its log is empty")
    logged.append("START")
    assert run_links.message(Told(risen={FAILED: 1.0})) == Seen("1 lines in start_transform's log")


def test_an_error_may_pass_and_a_repeated_one_does_not(logged: list[str]) -> None:
    """SQS delivers a message again: two errors are shown, the last of them in words."""
    logged.append(ERROR)
    assert run_links.decision(Told()) == Waiting("no run.json")
    logged.append(ERROR)
    assert run_links.decision(Told()) == Broken("2 errors of start-transform: no such thing")
    assert run_links.report(Told()) == Broken("2 errors of write-report: no such thing")
    assert run_links.decision(Told(its_decision=DECISION)) == Seen(
        f"s3://{Told().stack.bucket}/{RUN.decision}"
    )


@pytest.mark.parametrize(
    ("code", "sight"),
    [
        (ReasonCode.NO_APPROVED_MODEL, Broken("why")),
        (ReasonCode.TOO_MANY_IMAGES, Broken("the run is refused: why", "look at the manifest below runs/")),
    ],
)
def test_a_refused_run_says_whose_fault_it_is(code: ReasonCode, sight: Broken) -> None:
    """Without an approved package, the link's own advice is right; otherwise the manifest is looked at."""
    assert run_links.package(Told(its_decision=Refuse(39, 39, 1, "why", code))) == sight
    assert run_links.package(Told()) == Waiting("no decision")


@pytest.mark.parametrize("exists", [True, False])
def test_a_package_needs_its_artifact(monkeypatch: pytest.MonkeyPatch, exists: bool) -> None:
    """The version, its approval and the artifact's address are shown, or that there is no artifact."""
    approved = type("Package", (), {"status": "Approved"})
    monkeypatch.setattr(account, "artifact_of", lambda _arn: "s3://b/models/m.tar.gz")
    monkeypatch.setattr(registry, "describe", lambda _sagemaker, _arn: approved)
    monkeypatch.setattr(run_links, "client", lambda _service: None)
    monkeypatch.setattr(Told, "artifact_exists", lambda _self, _address: exists)
    version = DECISION.model_package.rpartition("model-package/")[2]
    assert run_links.package(Told(its_decision=DECISION)) == (
        Seen(f"{version}, Approved, s3://b/models/m.tar.gz")
        if exists
        else Broken(f"{version}, whose artifact s3://b/models/m.tar.gz doesn't exist")
    )


def test_a_model_that_is_refused_is_told_from_one_that_comes(
    logged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is that for which the run was given up."""
    told = Told(its_decision=DECISION)
    monkeypatch.setattr(Told, "model_exists", lambda _self, name: name == "digits-there")
    assert run_links.model(told) == Waiting(f"no model {DECISION.model}")
    assert run_links.model(replace(told, why=GiveUp("no such image"))) == Broken("no such image")
    logged += [ERROR, ERROR]
    assert run_links.model(told) == Broken("2 errors of start-transform: no such thing")
    there = replace(DECISION, model="digits-there")
    assert run_links.model(replace(told, its_decision=there)) == Seen("digits-there")


def test_a_model_is_looked_for_behind_its_decision_alone() -> None:
    """Whoever asks for it without a decision has a programming error."""
    with pytest.raises(TypeError, match="expected a run that was decided to start, found None"):
        run_links.model(Told())


def test_a_run_that_waits_says_for_what(logged: list[str]) -> None:
    """A quota is broken; for anything else the run is given its time."""
    told = Told(its_decision=DECISION)
    assert run_links.transform_job(told) == Waiting("no job")
    logged.append(json.dumps({"level": "INFO", "message": "waiting for capacity: ThrottlingException"}))
    logged.append(json.dumps({"level": "INFO", "message": "unrelated"}))
    assert run_links.transform_job(told) == Waiting("waiting for capacity: ThrottlingException")
    logged.append(json.dumps({"level": "INFO", "message": "waiting for capacity: ResourceLimitExceeded"}))
    assert run_links.transform_job(told) == Broken("waiting for capacity: ResourceLimitExceeded")
    assert run_links.transform_job(replace(told, why=GiveUp("wrong type"))) == Broken("wrong type")
    started = replace(told, its_jobs=[job("InProgress")])
    assert run_links.transform_job(started) == Seen(f"{JOB}: InProgress")


def test_a_job_is_waited_for_and_the_services_own_failure_repeated(logged: list[str]) -> None:
    """A failure that the stack answers with another attempt isn't broken, until the report says so."""
    told = Told(its_jobs=[job("InProgress")])
    assert run_links.container(told) == Waiting(f"{JOB}: InProgress")
    fault = [job("Failed", "InternalServerError: sorry")]
    lacking = replace(told, its_jobs=[job("Failed", "CapacityError: none")])
    assert run_links.container(lacking) == Waiting(f"{JOB}: Failed CapacityError: none")
    again = replace(told, its_jobs=fault)
    assert run_links.container(again) == Waiting(f"{JOB}: Failed InternalServerError: sorry")
    over = replace(again, its_report={"status": "Failed"})
    assert run_links.container(over) == Broken(f"{JOB}: Failed: InternalServerError: sorry; it has no log")
    logged += ["first", "out of memory"]
    wrong = replace(told, its_jobs=[*fault, job("Failed", "AlgorithmError: no ping")])
    assert run_links.container(wrong) == Broken(
        f"{JOB}: Failed: AlgorithmError: no ping; its log ends: out of memory"
    )


def test_a_completed_job_has_a_log(logged: list[str]) -> None:
    """CloudWatch may be late; without the log, the role may not write it."""
    told = Told(its_jobs=[job("Completed")])
    assert run_links.container(told) == Waiting(f"{JOB} is Completed, and has no log")
    logged.append("line")
    assert run_links.container(told) == Seen(f"Completed; the log {JOB}/i-1")


def test_the_refused_batch_has_a_report_that_says_why(logged: list[str]) -> None:
    """Another reason isn't the one that was provoked."""
    told = Told()
    assert run_links.refusal(told) == Waiting("no report.json")
    refused = {"status": "Refused", "reason_code": "MANIFEST_UNREADABLE", "reason": "no header"}
    assert run_links.refusal(replace(told, its_report=refused)) == Seen("Refused, MANIFEST_UNREADABLE")
    other = refused | {"reason_code": "NO_APPROVED_MODEL"}
    found = Broken("Refused, NO_APPROVED_MODEL: no header")
    assert run_links.refusal(replace(told, its_report=other)) == found
    logged += [ERROR, ERROR]
    assert run_links.refusal(told) == Broken("2 errors of start-transform: no such thing")


def test_counts_wait_for_the_report() -> None:
    """A report that was there a moment ago is read again."""
    assert run_links.counts(Told()) == Waiting("no report.json")
