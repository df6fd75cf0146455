"""The events that wake the functions, as AWS documents them."""

import pytest

from batch_prediction.events import ManifestUploaded, RunEnded, TrainingEnded
from batch_prediction.layout import Run
from tests.samples import event, message

RUN = Run("spring/b7", "20261122t154022z-1a2b3c4d")


def test_an_upload_names_one_version_of_one_object() -> None:
    """The key is taken as it stands: EventBridge doesn't encode it."""
    sample = event("s3_object_created")
    sample["detail"]["object"]["key"] = "incoming/50% + é/manifest.jsonl"
    upload = ManifestUploaded.from_sqs(message(sample))
    assert upload == ManifestUploaded(
        "digits-bucket", "incoming/50% + é/manifest.jsonl", "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e"
    )


def test_an_upload_without_a_version_says_what_to_do() -> None:
    """A bucket without versioning can't pin a run to what was uploaded."""
    sample = event("s3_object_created")
    del sample["detail"]["object"]["version-id"]
    with pytest.raises(ValueError, match=r"expected a version-id, found none.*switch versioning on"):
        ManifestUploaded.from_sqs(message(sample))


def test_an_ended_job_and_a_refusal_both_name_their_run() -> None:
    """The report's queue carries SageMaker's events and start_transform's own message."""
    ended = event("transform_job_completed")
    assert RunEnded.from_sqs(message(ended), "digits-bucket") == RunEnded(RUN)
    assert RunEnded.from_sqs(message(RunEnded.refused(RUN)), "digits-bucket") == RunEnded(RUN)


def test_fields_that_we_don_t_know_are_tolerated() -> None:
    """AWS adds fields and statuses; the event is a hint, and only its names are read."""
    ended = event("transform_job_completed") | {"replay-name": "x"}
    ended["detail"] |= {"TransformJobStatus": "Hibernated", "New": [1]}
    assert RunEnded.from_sqs(message(ended), "digits-bucket") == RunEnded(RUN)


def test_a_training_event_names_its_job() -> None:
    """How the job ended is asked of SageMaker, never read from the event."""
    assert TrainingEnded.from_event(event("training_job_completed")).job == "digits-20261122-1400"
