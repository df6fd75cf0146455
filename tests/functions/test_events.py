"""The events that wake the functions, as AWS documents them."""

import json
from datetime import UTC, datetime

import pytest

from batch_prediction.events import (
    AttemptRequested,
    ManifestUploaded,
    Message,
    RunEnded,
    SweepDue,
    TrainingEnded,
    TuningEnded,
    start_request,
)
from batch_prediction.layout import Manifest, Run
from tests.event_schemas import contradictions
from tests.settings_and_events import EVENTS, event, message

RUN = Run("spring/b7", "20261122t154022z-1a2b3c4d")
# What EventBridge sends; the message of SQS that carries it has a shape of its own.
SAMPLES = sorted(path.stem for path in EVENTS.glob("*.json") if path.stem != "sqs_message")
UPLOADS = [name for name in SAMPLES if name.startswith("s3_object_created")]


def test_a_message_has_what_sqs_knows_of_it() -> None:
    """Its deliveries, when it was delivered first, and when it was put into the queue: in seconds."""
    record = message({"a": 1})["Records"][0]
    record["attributes"] |= {
        "ApproximateReceiveCount": "3",
        "SentTimestamp": "1795000000250",
        "ApproximateFirstReceiveTimestamp": "1795000030500",
    }
    found = Message.of({"Records": [record]})
    assert (found.deliveries, found.sent, found.received) == (3, 1795000000.25, 1795000030.5)
    assert (found.receipt, found.content) == (record["receiptHandle"], {"a": 1})


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_has_documented_fields_and_no_other(name: str) -> None:
    """Every event that a test delivers has the names and the types of AWS's documentation."""
    assert contradictions(event(name)) == []


def test_an_undocumented_field_and_a_wrong_type_are_named() -> None:
    """The check of the samples sees what it is for."""
    sample = event("transform_job_completed")
    sample["detail"] |= {"CreationTime": 1795356000000, "Surprise": "x"}
    assert contradictions(sample) == [
        ".detail.Surprise: not documented",
        ".detail.CreationTime: expected <class 'str'>, found 1795356000000",
    ]


def test_there_is_a_sample_of_every_case() -> None:
    """Uploads by each of S3's ways that a person takes, and each end of a job, have a sample."""
    details = [event(name)["detail"] for name in SAMPLES]
    assert {detail["reason"] for detail in details if "reason" in detail} == {
        "PutObject",
        "CopyObject",
        "CompleteMultipartUpload",
    }
    ends = {"Completed", "Failed", "Stopped"}
    for kind in ("Transform", "Training"):
        jobs = [detail for detail in details if f"{kind}JobStatus" in detail]
        assert {job[f"{kind}JobStatus"] for job in jobs} == ends
        assert all(("FailureReason" in job) == (job[f"{kind}JobStatus"] == "Failed") for job in jobs)


@pytest.mark.parametrize("name", UPLOADS)
def test_every_way_of_uploading_a_manifest_is_read(name: str) -> None:
    """An upload in parts, a copy and a CSV manifest name their version as a simple upload does."""
    sample = event(name)["detail"]["object"]
    upload = start_request(Message.of(message(event(name))))
    assert upload == ManifestUploaded("digits-bucket", sample["key"], sample["version-id"])
    assert isinstance(upload, ManifestUploaded)
    assert Manifest.at(upload.key).folder == sample["key"].rpartition("/")[0] + "/"


@pytest.mark.parametrize("end", ["completed", "failed", "stopped"])
def test_every_end_of_a_job_names_what_ended(end: str) -> None:
    """A failed and a stopped job are reported and looked at as a completed one is."""
    assert RunEnded.from_message(
        Message.of(message(event(f"transform_job_{end}"))), "digits-bucket"
    ) == RunEnded(RUN)
    assert TrainingEnded.from_event(event(f"training_job_{end}")).job == "digits-20261122-1400"


def test_an_upload_names_one_version_of_one_object() -> None:
    """The key is taken as it is: EventBridge doesn't encode it."""
    sample = event("s3_object_created")
    sample["detail"]["object"]["key"] = "incoming/50% + é/manifest.jsonl"
    upload = start_request(Message.of(message(sample)))
    assert upload == ManifestUploaded(
        "digits-bucket", "incoming/50% + é/manifest.jsonl", "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e"
    )


def test_an_upload_without_a_version_says_what_to_do() -> None:
    """A bucket without versioning can't pin a run to what was uploaded."""
    sample = event("s3_object_created")
    del sample["detail"]["object"]["version-id"]
    with pytest.raises(ValueError, match=r"expected a version-id, found none.*switch versioning on"):
        start_request(Message.of(message(sample)))


def test_an_ended_job_and_a_refusal_both_name_their_run() -> None:
    """The report's queue carries SageMaker's events and start_transform's own message."""
    ended = event("transform_job_completed")
    assert RunEnded.from_message(Message.of(message(ended)), "digits-bucket") == RunEnded(RUN)
    assert RunEnded.from_message(Message.of(message(RunEnded.message(RUN))), "digits-bucket") == RunEnded(RUN)


def test_a_run_that_needs_another_job_is_named_in_start_transform_s_queue() -> None:
    """write_report asks for the next attempt with a message of our own, in the queue of S3's events."""
    waited = AttemptRequested.message_of_waiting(RUN, since=1.0, sent=2.0)
    for asked in (AttemptRequested.message(RUN), waited):
        assert start_request(Message.of(message(asked))) == AttemptRequested(RUN)


def test_fields_that_we_don_t_know_are_tolerated() -> None:
    """AWS adds fields and statuses; the event is a hint, and only its names are read."""
    ended = event("transform_job_completed") | {"replay-name": "x"}
    ended["detail"] |= {"TransformJobStatus": "Hibernated", "New": [1]}
    assert RunEnded.from_message(Message.of(message(ended)), "digits-bucket") == RunEnded(RUN)


def test_a_scheduled_event_is_a_sweep_of_everything() -> None:
    """Its time is what the sweep goes by."""
    sample = event("scheduled")
    assert SweepDue.from_event(sample) == SweepDue(datetime.fromisoformat(sample["time"]), after="", failed=0)


def test_the_rest_of_a_sweep_survives_being_an_event() -> None:
    """The time, the place behind which it goes on, and how much has failed, as JSON."""
    rest = SweepDue(datetime(2026, 11, 22, 16, 15, tzinfo=UTC), "4 2026-11-22T16:14:59 digits-1", 3)
    assert SweepDue.from_event(json.loads(json.dumps(rest.message()))) == rest


def test_a_training_event_names_its_job() -> None:
    """How the job ended is asked of SageMaker, never read from the event."""
    assert TrainingEnded.from_event(event("training_job_completed")).job == "digits-20261122-1400"


def test_a_message_says_how_often_and_since_when_it_is_delivered() -> None:
    """SQS writes numbers as text, and milliseconds."""
    delivered = message({"a": 1})
    delivered["Records"][0]["attributes"] |= {
        "ApproximateReceiveCount": "3",
        "ApproximateFirstReceiveTimestamp": "1795356000123",
        "SentTimestamp": "1795355000000",
    }
    delivered["Records"][0]["receiptHandle"] = "handle"
    assert Message.of(delivered) == Message('{"a": 1}', "handle", 3, 1795356000.123, 1795355000.0)
    assert Message.of(delivered).content == {"a": 1}


def test_our_own_messages_have_a_detail_type_and_their_run() -> None:
    """As EventBridge's have: messages of an earlier version may still be in the queues."""
    run = {"batch": "spring/b7", "run": "20261122t154022z-1a2b3c4d"}
    assert AttemptRequested.message(RUN) == {"detail-type": "Digit Batch Try Wanted", "detail": run}
    assert AttemptRequested.message_of_waiting(RUN, since=1795355000.0, sent=1795356000.0) == {
        "detail-type": "Digit Batch Try Wanted",
        "detail": run,
        "waiting": {"capacity": 1795355000.0, "sent": 1795356000.0},
    }
    assert RunEnded.message(RUN) == {"detail-type": "Digit Batch Run Ended", "detail": run}


def test_a_tuning_event_names_its_job() -> None:
    """How the search ended is asked of SageMaker."""
    ended = {"detail": {"HyperParameterTuningJobName": "search-1", "HyperParameterTuningJobStatus": "Failed"}}
    assert TuningEnded.from_event(ended).job == "search-1"
