"""Starting a run: its input, the one decision, and what follows from it."""

import json
from dataclasses import replace

import pytest
from moto.sagemaker.models import sagemaker_backends

from batch_prediction.aws.clients import Clients
from batch_prediction.runs.decision import Refuse, Start
from batch_prediction.settings import Settings
from tests.functions.decide import decide
from tests.functions.models.training_jobs import register
from tests.functions.start.uploads import (
    content,
    image,
    sent,
    upload,
)
from tests.settings_and_events import BUCKET


def test_a_manifest_becomes_the_job_s_input(aws: Clients, settings: Settings) -> None:
    """Usable lines are written with absolute references, refused ones with their reason, all are counted."""
    package = register(aws, settings, "digits-1", 0.99)
    run, decided = decide(aws, settings, upload(aws, [image(1, 7), "broken", image(2)]))
    assert isinstance(decided, Start)
    assert (decided.lines, decided.labelled, decided.left_out) == (2, 1, 1)
    assert decided.model_package == package.arn
    objects = content(aws)
    assert objects[run.input_part(0)].splitlines() == [
        b'{"image":{"source-ref":"s3://digits-bucket/incoming/b7/1.png"},"label":7}',
        b'{"image":{"source-ref":"s3://digits-bucket/incoming/b7/2.png"}}',
    ]
    refused = json.loads(objects[run.left_out])
    assert (refused["line"], refused["text"]) == (2, "broken")
    assert "isn't JSON" in refused["reason"]
    assert json.loads(objects[run.decision])["decision"] == "start"


def test_the_job_is_what_run_json_says(aws: Clients, settings: Settings) -> None:
    """The transform job reads the run's input, filters out the labels and writes the run's first output."""
    register(aws, settings, "digits-1", 0.99)
    run, decided = decide(aws, settings, upload(aws, [image(1, 7)]))
    assert isinstance(decided, Start)
    job = aws.sagemaker.describe_transform_job(TransformJobName=decided.transform_job)
    assert job["TransformJobName"] == f"digits-{run.id}"
    assert job["ModelName"] == decided.model
    assert job["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"] == f"s3://{BUCKET}/{run.input_prefix}"
    assert job["TransformOutput"]["S3OutputPath"] == f"s3://{BUCKET}/{run.output_prefix()}"
    assert job["DataProcessing"] == {"InputFilter": "$.image", "JoinSource": "Input"}
    model = aws.sagemaker.describe_model(ModelName=decided.model)
    assert model["PrimaryContainer"]["ModelPackageName"] == decided.model_package
    assert model["PrimaryContainer"]["Environment"]["IMAGE_PREFIX"] == f"s3://{BUCKET}/incoming/"


@pytest.mark.parametrize(
    ("lines", "reason", "code"),
    [
        (["broken"], "has no line that can be used; left out: 1", "NO_USABLE_LINES"),
        ([], "has no line that can be used; left out: 0", "NO_USABLE_LINES"),
        (
            [image(1)],
            "has no approved package: approve one, then upload the manifest again",
            "NO_APPROVED_MODEL",
        ),
    ],
)
def test_what_cannot_be_started_is_refused_and_reported(
    aws: Clients, settings: Settings, lines: list[str], reason: str, code: str
) -> None:
    """A refusal is written to run.json, goes to the report's queue, and starts no job."""
    run, decided = decide(aws, settings, upload(aws, lines))
    assert isinstance(decided, Refuse)
    assert reason in decided.reason
    written = json.loads(content(aws)[run.decision])
    assert (written["reason"], written["reason_code"]) == (decided.reason, code)
    (refusal,) = sent(aws, settings)
    assert refusal["detail"] == {"batch": "b7", "run": run.id}
    assert aws.sagemaker.list_transform_jobs()["TransformJobSummaries"] == []


def test_an_invalid_manifest_is_refused(aws: Clients, settings: Settings) -> None:
    """A CSV without a header can't be read line by line: the whole run is refused with what was found."""
    _, decided = decide(aws, settings, upload(aws, ["1.png,7"], "incoming/b7/manifest.csv"))
    assert isinstance(decided, Refuse)
    assert "line 1: expected a header with the column file_name" in decided.reason
    assert decided.reason_code == "MANIFEST_UNREADABLE"


def test_too_many_images_are_refused_with_their_number(aws: Clients, settings: Settings) -> None:
    """The limit of a batch protects from paying for a mistake; all lines are counted, few are written."""
    limited = replace(settings, max_images=2)
    run, decided = decide(aws, limited, upload(aws, [image(1), "broken", *map(image, range(3)), "broken"]))
    assert isinstance(decided, Refuse)
    assert decided.reason == "expected at most 2 images (the stack's parameter MaxImages), found 6"
    assert decided.reason_code == "TOO_MANY_IMAGES"
    assert (decided.lines, decided.left_out) == (4, 2)
    objects = content(aws)
    assert objects[run.input_part(0)].count(b"\n") == objects[run.left_out].count(b"\n") == 1


def test_a_second_delivery_follows_the_first_decision(aws: Clients, settings: Settings) -> None:
    """Duplicate events change no object, even when another model has been approved by then."""
    register(aws, settings, "digits-1", 0.99)
    event = upload(aws, [image(1, 7)])
    run, first = decide(aws, settings, event)
    before = aws.s3.list_object_versions(Bucket=BUCKET, Prefix=run.prefix)["Versions"]
    register(aws, settings, "digits-2", 0.995)
    assert decide(aws, settings, event) == (run, first)
    assert aws.s3.list_object_versions(Bucket=BUCKET, Prefix=run.prefix)["Versions"] == before


def test_an_overwritten_manifest_is_another_run(aws: Clients, settings: Settings) -> None:
    """Each version is read as it was uploaded, however late its event comes."""
    register(aws, settings, "digits-1", 0.99)
    old, new = upload(aws, [image(1)]), upload(aws, [image(1), image(2)])
    (old_run, old_decision), (new_run, new_decision) = decide(aws, settings, old), decide(aws, settings, new)
    assert old_run != new_run
    assert (old_decision.lines, new_decision.lines) == (1, 2)


def test_a_run_is_repeated_as_it_was_decided(aws: Clients, settings: Settings) -> None:
    """A delivery after the stack got another role makes no other model: run.json has frozen the first one."""
    register(aws, settings, "digits-1", 0.99)
    event = upload(aws, [image(1)])
    _, decided = decide(aws, settings, event)
    assert isinstance(decided, Start)
    aws.sagemaker.delete_model(ModelName=decided.model)
    sagemaker_backends["123456789012"]["us-east-1"].transform_jobs.clear()
    decide(aws, replace(settings, sagemaker_role_arn=f"{settings.sagemaker_role_arn}-2"), event)
    model = aws.sagemaker.describe_model(ModelName=decided.model)
    assert model["ExecutionRoleArn"] == settings.sagemaker_role_arn
