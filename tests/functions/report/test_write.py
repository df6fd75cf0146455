"""A run's report."""

import csv
import json
import time
from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from batch_prediction.aws.clients import Clients
from batch_prediction.events import AttemptRequested
from batch_prediction.layout import output_name
from batch_prediction.report import expert_figures
from batch_prediction.report import write as report
from batch_prediction.runs import decision, existing_report, parts
from batch_prediction.runs.decision import Decision, GiveUp, Refuse
from batch_prediction.runs.parts import digest
from batch_prediction.runs.reason_codes import ReasonCode
from batch_prediction.settings import Settings
from tests.functions.notifications import Published
from tests.functions.report.sample_kinds import KINDS, REFERENCE
from tests.functions.report.transform_jobs import STARTED, attempted, job
from tests.functions.report.transform_output import answer, body, given_line, joined
from tests.functions.start.uploads import RUN
from tests.sample_runs import Sample, report_of
from tests.settings_and_events import BUCKET, SETTINGS

PART = [given_line(0, 7), given_line(1, 1), given_line(2, None), given_line(3, 2)]
ANSWERS: list[dict[str, Any]] = [
    {"label": 7, "confidence": 0.99},
    {"label": 7, "confidence": 0.6},
    {"label": 4, "confidence": 1.0},
    {"error": "missing"},
]


def run_of(aws: Clients, decided: Decision, output: bytes | None) -> None:
    """Lay out a run in the bucket."""
    decision.take(aws.s3, BUCKET, RUN, decided)
    aws.s3.put_object(Bucket=BUCKET, Key=RUN.input_part(0), Body=body(PART))
    refused = b'{"line":5,"text":"broken","reason":"not JSON"}\n'
    aws.s3.put_object(Bucket=BUCKET, Key=RUN.left_out, Body=refused)
    if output is not None:
        aws.s3.put_object(Bucket=BUCKET, Key=RUN.output_prefix() + output_name(0), Body=output)


def write(aws: Clients, described: dict[str, Any] | None) -> bool:
    """Write the report while SageMaker describes the job so."""
    with Stubber(aws.sagemaker) as stub:
        if described:
            stub.add_response("describe_transform_job", described)
        return report.write_report(aws, SETTINGS, RUN)


def read(aws: Clients) -> dict[str, Any]:
    """The content of report.json."""
    content: dict[str, Any] = json.loads(aws.s3.get_object(Bucket=BUCKET, Key=RUN.report)["Body"].read())
    return content


def test_a_part_that_is_there_twice_fails_the_run(aws: Clients) -> None:
    """Neither of the two outputs counts, and the report names them."""
    run_of(aws, STARTED, joined(PART, ANSWERS))
    other = RUN.output_prefix() + "input/" + output_name(0)
    aws.s3.put_object(Bucket=BUCKET, Key=other, Body=joined(PART, ANSWERS))
    assert write(aws, job("Completed"))
    content = read(aws)
    assert (content["status"], content["coverage"]["scored"]) == ("Failed", 0)
    assert f"found 2: {other}, {RUN.output_prefix()}{output_name(0)}" in content["reason"]


def test_a_completed_run_has_figures(aws: Clients) -> None:
    """Coverage adds up, the accuracy counts labelled and scored images, and everything's origin is named."""
    run_of(aws, STARTED, joined(PART, ANSWERS))
    assert write(aws, job("Completed"))
    content = read(aws)
    assert content["coverage"] == {"expected": 5, "scored": 3, "unreadable": 1, "missing": 1}
    assert (content["status"], content["reason"], content["labelled"]) == ("Completed", None, 2)
    assert content["reason_code"] is None
    assert content["accuracy"]["value"] == 0.5
    assert content["confusion_matrix"][1][7] == 1
    assert [figures["label"] for figures in content["classes"]] == list(range(10))
    assert content["model"] == {
        "package_arn": STARTED.model_package,
        "version": 1,
        "training_job": "digits-1",
        "artifact_sha256": "0" * 64,
    }
    assert content["transform_job"] == {
        "name": STARTED.transform_job,
        "status": "Completed",
        "created": "2026-11-22T15:40:24Z",
        "started": "2026-11-22T15:44:31Z",
        "ended": "2026-11-22T15:48:07Z",
        "instance_type": "ml.m5.large",
        "instance_count": 1,
    }
    assert content["time"] == {"waiting": 2, "start_up": 247, "compute": 216}
    assert content["cost"] == {
        "estimate": round(0.115 * 216 / 3600, 4),
        "currency": "USD",
        "price_per_hour": 0.115,
        "instance_hours": 0.06,
        "requests": STARTED.lines,
        "requests_estimate": 0.0,
        "saved": 0.0,
    }
    table = aws.s3.get_object(Bucket=BUCKET, Key=RUN.predictions)["Body"].read().decode()
    assert len(table.splitlines()) == 1 + 5


def test_a_running_foreign_job_is_not_waited_for(aws: Clients) -> None:
    """A job of the run's name that writes elsewhere is an error, not a job that hasn't ended yet."""
    run_of(aws, STARTED, None)
    elsewhere = job("InProgress") | {"TransformOutput": {"S3OutputPath": "s3://elsewhere/"}}
    with pytest.raises(RuntimeError, match=f"transform job {STARTED.transform_job}: the name is taken"):
        write(aws, elsewhere)


def test_completed_is_not_success(aws: Clients) -> None:
    """A completed job whose output is short has failed: no figure of a part is given for the whole."""
    run_of(aws, STARTED, joined(PART[:3], ANSWERS[:3]))
    assert write(aws, job("Completed"))
    content = read(aws)
    assert content["status"] == "Failed"
    assert content["reason"] == "output part 0: expected 4 lines, found 3"
    assert content["reason_code"] == "OUTPUT_INCOMPLETE"
    assert (content["accuracy"], content["classes"], content["confusion_matrix"]) == (None, [], [])
    assert content["coverage"] == {"expected": 5, "scored": 0, "unreadable": 1, "missing": 4}
    assert content["transform_job"]["status"] == "Completed"


@pytest.mark.parametrize(
    ("status", "given", "reason", "code"),
    [
        ("Failed", "AlgorithmError: See job logs", "AlgorithmError: See job logs", "CONTAINER_FAILED"),
        ("Stopped", None, "the transform job is Stopped, and gives no reason", "STOPPED"),
    ],
)
def test_a_failed_or_stopped_job_is_reported_with_its_reason(
    aws: Clients, status: str, given: str | None, reason: str, code: str
) -> None:
    """What SageMaker says is in the report, and no figure."""
    run_of(aws, STARTED, None)
    assert write(aws, job(status, given))
    content = read(aws)
    assert (content["status"], content["reason"], content["accuracy"]) == (status, reason, None)
    assert content["reason_code"] == code
    assert content["coverage"] == {"expected": 5, "scored": 0, "unreadable": 1, "missing": 4}


def test_a_refused_run_is_reported_without_a_job(aws: Clients) -> None:
    """A run that was never started says why; all its images are missing."""
    run_of(aws, Refuse(4, 3, 1, "no approved package", ReasonCode.NO_APPROVED_MODEL), None)
    assert write(aws, None)
    content = read(aws)
    assert (content["status"], content["reason"]) == ("Refused", "no approved package")
    assert content["reason_code"] == "NO_APPROVED_MODEL"
    assert (content["model"], content["transform_job"]) == (None, None)
    assert content["coverage"] == {"expected": 5, "scored": 0, "unreadable": 1, "missing": 4}


@pytest.mark.parametrize("listed", [0, 1, 2, 101])
def test_refused_lines_of_a_refused_run_are_shown_as_far_as_they_are_kept(aws: Clients, listed: int) -> None:
    """All lines are counted; those within MaxImages have rows, and the first hundred are in the report."""
    decision.take(aws.s3, BUCKET, RUN, Refuse(2, 1, 103, "too many", ReasonCode.TOO_MANY_IMAGES))
    lines = [{"line": number, "text": f"={number}", "reason": "not JSON"} for number in range(3, 3 + listed)]
    kept = "".join(json.dumps(line) + "\n" for line in lines)
    aws.s3.put_object(Bucket=BUCKET, Key=RUN.left_out, Body=kept.encode())
    assert write(aws, None)
    content = read(aws)
    assert content["coverage"] == {"expected": 105, "scored": 0, "unreadable": 103, "missing": 2}
    assert content["unscored"] == [
        {"image": f"'={line['line']}", "label": None, "reason": f"line {line['line']}: not JSON"}
        for line in lines[:100]
    ]
    table = aws.s3.get_object(Bucket=BUCKET, Key=RUN.predictions)["Body"].read().decode().splitlines()
    assert table[1:] == [f'"\'={line["line"]}",,,,,,"line {line["line"]}: not JSON"' for line in lines]


def test_a_run_without_refused_lines_has_no_list_of_them_to_read(aws: Clients) -> None:
    """left_out.jsonl exists only where a line was left out: a report doesn't look for it elsewhere."""
    run_of(aws, replace(STARTED, left_out=0), joined(PART, ANSWERS))
    aws.s3.delete_object(Bucket=BUCKET, Key=RUN.left_out)
    assert write(aws, job("Completed"))
    assert read(aws)["coverage"] == {"expected": 4, "scored": 3, "unreadable": 0, "missing": 1}


def test_the_digests_of_run_json_are_those_that_an_output_is_compared_with(aws: Clients) -> None:
    """A completed job whose answers are in another order has failed, and its report names the first line."""
    images = [line["image"]["source-ref"] for line in PART]
    run_of(aws, replace(STARTED, digests=[digest(images)]), joined([PART[1], PART[0], *PART[2:]], ANSWERS))
    assert write(aws, job("Completed"))
    content = read(aws)
    assert (content["status"], content["reason_code"]) == ("Failed", "OUTPUT_INCOMPLETE")
    assert content["reason"] == (
        f"output part 0, line 1: expected the answer to {images[0]}, found that to {images[1]!r}"
    )


def test_a_second_delivery_writes_nothing(aws: Clients) -> None:
    """Where report.json is, the report is whole: no object gets another version."""
    run_of(aws, STARTED, joined(PART, ANSWERS))
    assert write(aws, job("Completed"))
    before = aws.s3.list_object_versions(Bucket=BUCKET, Prefix="reports/")["Versions"]
    assert not write(aws, job("Completed"))
    assert aws.s3.list_object_versions(Bucket=BUCKET, Prefix="reports/")["Versions"] == before


def test_a_report_about_a_job_replaces_one_without(aws: Clients) -> None:
    """A refusal's report gives way to what the job did."""
    run_of(aws, STARTED, joined(PART, ANSWERS))
    aws.s3.put_object(Bucket=BUCKET, Key=RUN.report, Body=b'{"transform_job": null}')
    assert write(aws, job("Completed"))
    assert read(aws)["status"] == "Completed"


INTERNAL = "InternalServerError: We encountered an internal error. Please try again."


def test_a_job_that_the_service_failed_is_retried(aws: Clients, settings: Settings) -> None:
    """No report is written; start_transform is asked for the run's next job."""
    run_of(aws, STARTED, None)
    with attempted(aws, job("Failed", INTERNAL), None):
        assert not report.write_report(aws, settings, RUN)
    answer = aws.sqs.receive_message(QueueUrl=settings.upload_queue_url)
    assert json.loads(answer["Messages"][0]["Body"]) == AttemptRequested.message(RUN)
    assert "Contents" not in aws.s3.list_objects_v2(Bucket=BUCKET, Prefix="reports/")


def test_a_run_without_instances_waits_since_its_first_such_job(aws: Clients, settings: Settings) -> None:
    """Its message says since when, and counts as sent now: it is nobody's redrive."""
    run_of(aws, STARTED, None)
    lacking = job("Failed", "CapacityError: no instances")
    later = {"CreationTime": lacking["CreationTime"] + timedelta(hours=2)}
    before = time.time()
    with attempted(aws, lacking, lacking | later, None):
        assert not report.write_report(aws, settings, RUN)
    answer = aws.sqs.receive_message(QueueUrl=settings.upload_queue_url, AttributeNames=["SentTimestamp"])
    message = json.loads(answer["Messages"][0]["Body"])
    assert message["detail"] == AttemptRequested.message(RUN)["detail"]
    assert message["waiting"]["capacity"] == lacking["CreationTime"].timestamp()
    assert before <= message["waiting"]["sent"] <= time.time()


def test_an_event_of_an_older_job_reports_the_newest(aws: Clients, settings: Settings) -> None:
    """The report is about the second attempt, and reads its output."""
    run_of(aws, STARTED, joined(PART[:1], ANSWERS[:1]))
    aws.s3.put_object(Bucket=BUCKET, Key=RUN.output_prefix(2) + output_name(0), Body=joined(PART, ANSWERS))
    with attempted(aws, job("Failed", INTERNAL), job("Completed")):
        assert report.write_report(aws, settings, RUN)
    content = read(aws)
    assert content["transform_job"]["name"] == f"{STARTED.transform_job}-2"
    assert (content["status"], content["coverage"]["scored"]) == ("Completed", 3)


def test_the_third_failure_of_the_service_is_the_last(aws: Clients, settings: Settings) -> None:
    """Three jobs were paid for; the report says what the service said."""
    run_of(aws, STARTED, None)
    with attempted(aws, *[job("Failed", INTERNAL)] * 3):
        assert report.write_report(aws, settings, RUN)
    content = read(aws)
    assert content["transform_job"]["name"] == f"{STARTED.transform_job}-3"
    assert (content["status"], content["reason"]) == ("Failed", INTERNAL)


def test_a_run_that_was_given_up_is_reported_without_a_job(aws: Clients, settings: Settings) -> None:
    """The reason is the one that was written down; every usable image is missing, with a row."""
    run_of(aws, STARTED, None)
    decision.give_up(aws.s3, BUCKET, RUN, GiveUp("gave up after 24.0 hours", ReasonCode.QUOTA))
    with attempted(aws, None):
        assert report.write_report(aws, settings, RUN)
    content = read(aws)
    assert (content["status"], content["reason"]) == ("GaveUp", "gave up after 24.0 hours")
    assert content["reason_code"] == "QUOTA"
    assert content["coverage"] == {"expected": 5, "scored": 0, "unreadable": 1, "missing": 4}
    table = aws.s3.get_object(Bucket=BUCKET, Key=RUN.predictions)["Body"].read().decode()
    assert len(table.splitlines()) == 1 + 5


def test_an_attempt_that_was_given_up_is_reported_with_both_reasons(aws: Clients, settings: Settings) -> None:
    """The service failed the first job, and there was no capacity for a second."""
    run_of(aws, STARTED, None)
    decision.give_up(aws.s3, BUCKET, RUN, GiveUp("gave up after 24.0 hours", ReasonCode.QUOTA))
    with attempted(aws, job("Failed", INTERNAL), None):
        assert report.write_report(aws, settings, RUN)
    assert read(aws)["reason"] == f"{INTERNAL}; no other attempt: gave up after 24.0 hours"


def test_whoever_loses_the_commit_leaves_the_existing_report(
    aws: Clients, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another delivery wrote the report in the meantime: it has one version."""
    run_of(aws, STARTED, joined(PART, ANSWERS))
    with attempted(aws, job("Completed")):
        assert report.write_report(aws, settings, RUN)
    before = aws.s3.list_object_versions(Bucket=BUCKET, Prefix=RUN.report)["Versions"]
    looks = iter([existing_report.ExistingReport(-1, None), existing_report.read(aws.s3, BUCKET, RUN)])
    monkeypatch.setattr(existing_report, "read", lambda *_place: next(looks))
    with attempted(aws, job("Completed")):
        assert not report.write_report(aws, settings, RUN)
    assert aws.s3.list_object_versions(Bucket=BUCKET, Prefix=RUN.report)["Versions"] == before


def test_a_report_is_announced_in_one_message(aws: Clients, settings: Settings, published: Published) -> None:
    """Who subscribed reads how it went and where the report lies; a second delivery says nothing."""
    run_of(aws, STARTED, joined(PART, ANSWERS))
    assert published() == []
    for written in (True, False):
        with attempted(aws, job("Completed")):
            assert report.write_report(aws, settings, RUN) is written
    (message,) = published()
    assert message["Subject"] == "digits: Completed, 50.00%, batch b7"
    assert "5 expected, 3 scored, 1 unreadable, 1 missing" in message["Message"]
    assert f"s3://{BUCKET}/{RUN.report}" in message["Message"]


def test_a_report_is_measured(aws: Clients, capsys: pytest.CaptureFixture[str]) -> None:
    """Its figures are metrics of the stack, in CloudWatch's embedded format."""
    run_of(aws, STARTED, joined(PART, ANSWERS))
    assert write(aws, job("Completed"))
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("DigitBatch", [["Name"]])
    found = {metric["Name"]: line[metric["Name"]] for metric in directive["Metrics"]}
    assert found == {
        "Expected": 5,
        "Scored": 3,
        "Unreadable": 1,
        "Missing": 1,
        "NotCompleted": 0,
        "Accuracy": 0.5,
    }


@pytest.mark.parametrize("status", ["InProgress", "Stopping"])
def test_a_job_that_still_runs_has_no_report(aws: Clients, status: str) -> None:
    """The event is a hint: SageMaker is asked, and what hasn't ended isn't reported."""
    run_of(aws, STARTED, None)
    assert not write(aws, job(status))
    assert "Contents" not in aws.s3.list_objects_v2(Bucket=BUCKET, Prefix="reports/")


def test_a_run_that_nobody_decided_is_an_error_that_names_its_key(aws: Clients) -> None:
    """Such a message goes to the dead-letter queue, with the key that was expected."""
    with pytest.raises(LookupError, match=r"run\.json: expected the run's decision, found nothing"):
        report.write_report(aws, SETTINGS, RUN)


ENDINGS: dict[str, tuple[Decision, list[Any], GiveUp | None, int]] = {
    "completed": (STARTED, [job("Completed")], None, 0),
    "short output": (replace(STARTED, lines=5), [job("Completed")], None, 1),
    "failed": (STARTED, [job("Failed", "AlgorithmError: See job logs")], None, 1),
    "failed thrice": (STARTED, [job("Failed", INTERNAL)] * 3, None, 1),
    "stopped": (STARTED, [job("Stopped")], None, 1),
    "refused": (Refuse(4, 3, 1, "no approved package"), [], None, 1),
    "gave up": (STARTED, [None], GiveUp("gave up after 24.0 hours"), 1),
    "gave up again": (STARTED, [job("Failed", INTERNAL), None], GiveUp("gave up after 24.0 hours"), 1),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_ending_but_completed_is_counted_once(
    aws: Clients, settings: Settings, capsys: pytest.CaptureFixture[str], ending: str
) -> None:
    """The metric NotCompleted has one value a report, 0 or 1; a second delivery adds none."""
    decided, jobs, gave_up, expected = ENDINGS[ending]
    run_of(aws, decided, joined(PART, ANSWERS))
    if gave_up:
        decision.give_up(aws.s3, BUCKET, RUN, gave_up)
    for written in (True, False):
        with attempted(aws, *jobs):
            assert report.write_report(aws, settings, RUN) is written
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [line["NotCompleted"] for line in lines] == [expected]
    assert [metric["Name"] for metric in lines[0]["_aws"]["CloudWatchMetrics"][0]["Metrics"]].count(
        "NotCompleted"
    ) == 1
    assert (read(aws)["status"] == "Completed") is not expected


@pytest.mark.parametrize("key", [RUN.predictions, RUN.page])
def test_an_older_delivery_leaves_what_a_newer_one_has_begun(
    aws: Clients, settings: Settings, published: Published, key: str
) -> None:
    """It writes neither the object nor anything after it, and announces nothing: the newer one will."""
    run_of(aws, STARTED, joined(PART, ANSWERS))
    aws.s3.put_object(Bucket=BUCKET, Key=key, Body=b"of the second job", Metadata={"generation": "2"})
    with attempted(aws, job("Completed")):
        assert not report.write_report(aws, settings, RUN)
    assert aws.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"of the second job"
    written = {entry["Key"] for entry in aws.s3.list_objects_v2(Bucket=BUCKET, Prefix="reports/")["Contents"]}
    assert written == {RUN.predictions, key}
    assert published() == []


@pytest.mark.parametrize("key", [RUN.predictions, RUN.page])
def test_a_newer_delivery_replaces_what_an_older_one_left(aws: Clients, settings: Settings, key: str) -> None:
    """An older delivery died before its commit: of its objects nothing stays."""
    run_of(aws, STARTED, joined(PART, ANSWERS))
    aws.s3.put_object(Bucket=BUCKET, Key=key, Body=b"without a job", Metadata={"generation": "0"})
    with attempted(aws, job("Completed")):
        assert report.write_report(aws, settings, RUN)
    found = aws.s3.get_object(Bucket=BUCKET, Key=key)
    assert (found["Metadata"], found["Body"].read() == b"without a job") == ({"generation": "1"}, False)


def test_whoever_loses_the_commit_to_an_older_delivery_comes_again(
    aws: Clients, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report about the later job isn't dropped: SQS delivers its message again, and then it replaces."""
    run_of(aws, STARTED, joined(PART, ANSWERS))
    publish = aws.sns.publish

    def overtaken(**message: Any) -> Any:
        older = {"transform_job": None, "status": "GaveUp"}
        aws.s3.put_object(Bucket=BUCKET, Key=RUN.report, Body=json.dumps(older).encode())
        return publish(**message)

    with monkeypatch.context() as patch, attempted(aws, job("Completed")):
        patch.setattr(aws.sns, "publish", overtaken)
        with pytest.raises(
            RuntimeError, match="expected to replace the report that was read, found it changed"
        ):
            report.write_report(aws, settings, RUN)
    assert read(aws)["status"] == "GaveUp"
    with attempted(aws, job("Completed")):
        assert report.write_report(aws, settings, RUN)
    assert read(aws)["status"] == "Completed"


def test_a_report_about_fewer_jobs_is_not_written_over_one_about_more(
    aws: Clients, settings: Settings
) -> None:
    """A late event of the first job, which SageMaker describes alone, changes no object."""
    run_of(aws, STARTED, joined(PART, ANSWERS))
    aws.s3.put_object(Bucket=BUCKET, Key=RUN.output_prefix(2) + output_name(0), Body=joined(PART, ANSWERS))
    with attempted(aws, job("Failed", INTERNAL), job("Completed")):
        assert report.write_report(aws, settings, RUN)
    before = aws.s3.list_object_versions(Bucket=BUCKET, Prefix="reports/")["Versions"]
    with attempted(aws, job("Failed", "AlgorithmError: another look")):
        assert not report.write_report(aws, settings, RUN)
    assert aws.s3.list_object_versions(Bucket=BUCKET, Prefix="reports/")["Versions"] == before


def test_no_figure_of_a_good_part_stands_for_the_whole(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """One part of two is missing: what the other gave is in coverage and predictions.csv alone."""
    monkeypatch.setattr(parts, "SMALL_PART", 2)
    run_of(aws, STARTED, joined(PART[:2], ANSWERS[:2]))
    aws.s3.put_object(Bucket=BUCKET, Key=RUN.input_part(0), Body=body(PART[:2]))
    aws.s3.put_object(Bucket=BUCKET, Key=RUN.input_part(1), Body=body(PART[2:]))
    assert write(aws, job("Completed"))
    content = read(aws)
    assert content["status"] == "Failed"
    assert content["coverage"] == {"expected": 5, "scored": 2, "unreadable": 1, "missing": 2}
    assert content["labelled"] == 0
    assert (content["accuracy"], content["calibration"]) == (None, None)
    for name in ("classes", "confusion_matrix", "confusions", "mistakes"):
        assert content[name] == []
    for name in ("agreement", "proper_scores", "ranking", "risk_coverage", "suspected_labels", "slices"):
        assert content[name] is None
    table = list(csv.DictReader(object_of(aws, RUN.predictions).decode().splitlines()))
    assert [row["prediction"] for row in table] == ["7", "7", "", "", ""]


def test_of_a_batch_that_is_unlike_the_reference_no_label_is_suspected(aws: Clients) -> None:
    """What a model says that is unsure of most images is no evidence against any label."""
    unsure = [(label, answer(label, 0.6)) for label in range(10) for _ in range(50)]
    sample = Sample("drifted", [*unsure, *[(7, answer(1, 0.96))] * 5])
    assert report_of(aws, sample)["suspected_labels"]["images"] == 5
    sample = Sample("drifted", sample.answers, reference=REFERENCE, number=1)
    found = report_of(aws, sample)
    assert (found["estimate"]["trusted"], found["suspected_labels"]) == (False, None)
    with pytest.raises(ClientError, match="NoSuchKey"):
        object_of(aws, sample.run.review)


def test_a_training_mix_is_that_of_the_model_s_reference(aws: Clients) -> None:
    """Without a reference it isn't known."""
    sample = KINDS["estimated and labelled"]
    unknown = report_of(aws, Sample("unknown", sample.answers))
    assert unknown["label_mix"] is None
    assert unknown["unknown"]["label_mix"] == expert_figures.NO_TRAINING_MIX
    assert report_of(aws, sample)["label_mix"] is not None


def object_of(aws: Clients, key: str) -> bytes:
    """An object's content."""
    content: bytes = aws.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return content


def test_an_output_in_another_order_is_a_failure_that_names_its_line(aws: Clients) -> None:
    """run.json's digests of the parts expose it."""
    images = [line["image"]["source-ref"] for line in PART]
    run_of(aws, replace(STARTED, digests=[parts.digest(images)]), joined(PART[::-1], ANSWERS[::-1]))
    assert write(aws, job("Completed"))
    assert read(aws)["reason"].startswith("output part 0, line 1: expected the answer to")


def test_a_refused_run_s_table_has_its_refused_lines(aws: Clients) -> None:
    """There are no parts, but what was wrong with each line is known."""
    run_of(aws, Refuse(0, 0, 1, "nothing to score"), None)
    assert write(aws, None)
    (row,) = csv.DictReader(object_of(aws, RUN.predictions).decode().splitlines())
    assert (row["image"], row["error"]) == ("broken", "line 5: not JSON")
    assert [each["reason"] for each in read(aws)["unscored"]] == ["line 5: not JSON"]


def test_objects_say_what_they_are(aws: Clients) -> None:
    """A browser shows the table as text in UTF-8, and a program knows JSON."""
    run_of(aws, STARTED, joined(PART, ANSWERS))
    assert write(aws, job("Completed"))
    types = {
        key: aws.s3.head_object(Bucket=BUCKET, Key=key)["ContentType"]
        for key in (RUN.predictions, RUN.report, RUN.model_quality)
    }
    assert types == {
        RUN.predictions: "text/csv; charset=utf-8",
        RUN.report: "application/json",
        RUN.model_quality: "application/json",
    }


def test_times_are_utc_whatever_zone_boto3_gives(aws: Clients) -> None:
    """boto3 answers in the zone of the machine."""
    run_of(aws, STARTED, joined(PART, ANSWERS))
    east = timezone(timedelta(hours=2))
    described = job("Completed")
    for name in ("CreationTime", "TransformStartTime", "TransformEndTime"):
        described[name] = described[name].astimezone(east)
    assert write(aws, described)
    content = read(aws)
    assert content["transform_job"]["created"] == "2026-11-22T15:40:24Z"
    assert content["transform_job"]["ended"] == "2026-11-22T15:48:07Z"


def test_a_package_without_a_version_has_none(aws: Clients) -> None:
    """A package's name may end otherwise than in a number; its ARN is in the report all the same."""
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/unversioned"
    run_of(aws, replace(STARTED, model_package=arn), joined(PART, ANSWERS))
    assert write(aws, job("Completed"))
    assert (read(aws)["model"]["package_arn"], read(aws)["model"]["version"]) == (arn, None)
