"""Starting a run: its input, the one decision, and what follows from it."""

import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto.sagemaker.models import sagemaker_backends

from batch_prediction.aws.clients import Clients
from batch_prediction.runs import decision, transform_job
from batch_prediction.runs.decision import Refuse, Start
from batch_prediction.settings import Settings
from batch_prediction.start import transform_input
from batch_prediction.start.run import start
from tests.functions.models.training_jobs import register
from tests.functions.start.uploads import (
    DECISION,
    KEY,
    RUN,
    content,
    image,
    job_writing_to,
    model_of,
    sent,
    upload,
)
from tests.settings_and_events import BUCKET, SETTINGS


def test_a_manifest_becomes_the_job_s_input(aws: Clients, settings: Settings) -> None:
    """Usable lines are written with absolute references, refused ones with their reason, all are counted."""
    package = register(aws, settings, "digits-1", 0.99)
    run, decided = start(aws, settings, upload(aws, [image(1, 7), "broken", image(2)]))
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
    assert "not JSON" in refused["reason"]
    assert json.loads(objects[run.decision])["decision"] == "start"


def test_the_job_is_what_run_json_says(aws: Clients, settings: Settings) -> None:
    """The transform job reads the run's input, filters out the labels and writes the run's first output."""
    register(aws, settings, "digits-1", 0.99)
    run, decided = start(aws, settings, upload(aws, [image(1, 7)]))
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
    ("lines", "reason"),
    [
        (["broken"], "has no line that can be used; left out: 1"),
        ([], "has no line that can be used; left out: 0"),
        ([image(1)], "has no approved package: approve one, then upload the manifest again"),
    ],
)
def test_what_cannot_be_started_is_refused_and_reported(
    aws: Clients, settings: Settings, lines: list[str], reason: str
) -> None:
    """A refusal stands in run.json, goes to the report's queue, and starts no job."""
    run, decided = start(aws, settings, upload(aws, lines))
    assert isinstance(decided, Refuse)
    assert reason in decided.reason
    assert json.loads(content(aws)[run.decision])["reason"] == decided.reason
    (refusal,) = sent(aws, settings)
    assert refusal["detail"] == {"batch": "b7", "run": run.id}
    assert aws.sagemaker.list_transform_jobs()["TransformJobSummaries"] == []


def test_a_manifest_that_is_none_is_refused(aws: Clients, settings: Settings) -> None:
    """A CSV without a header can't be read line by line: the whole run is refused with what was found."""
    _, decided = start(aws, settings, upload(aws, ["1.png,7"], "incoming/b7/manifest.csv"))
    assert isinstance(decided, Refuse)
    assert "line 1: expected a header with the column file_name" in decided.reason


def test_too_many_images_are_refused_with_their_number(aws: Clients, settings: Settings) -> None:
    """The limit of a batch protects from paying for a mistake; all lines are counted, few are written."""
    limited = replace(settings, max_images=2)
    run, decided = start(aws, limited, upload(aws, [image(1), "broken", *map(image, range(3)), "broken"]))
    assert isinstance(decided, Refuse)
    assert decided.reason == "expected at most 2 images (the stack's parameter MaxImages), found 6"
    assert (decided.lines, decided.left_out) == (4, 2)
    objects = content(aws)
    assert objects[run.input_part(0)].count(b"\n") == objects[run.left_out].count(b"\n") == 1


def test_a_second_delivery_follows_the_first_decision(aws: Clients, settings: Settings) -> None:
    """Duplicate events change no object, even when another model has been approved by then."""
    register(aws, settings, "digits-1", 0.99)
    event = upload(aws, [image(1, 7)])
    run, first = start(aws, settings, event)
    before = aws.s3.list_object_versions(Bucket=BUCKET, Prefix=run.prefix)["Versions"]
    register(aws, settings, "digits-2", 0.995)
    assert start(aws, settings, event) == (run, first)
    assert aws.s3.list_object_versions(Bucket=BUCKET, Prefix=run.prefix)["Versions"] == before


def test_an_overwritten_manifest_is_another_run(aws: Clients, settings: Settings) -> None:
    """Each version is read as it was uploaded, however late its event comes."""
    register(aws, settings, "digits-1", 0.99)
    old, new = upload(aws, [image(1)]), upload(aws, [image(1), image(2)])
    (old_run, old_decision), (new_run, new_decision) = start(aws, settings, old), start(aws, settings, new)
    assert old_run != new_run
    assert (old_decision.lines, new_decision.lines) == (1, 2)


def test_whoever_loses_the_conditional_write_follows_the_winner(aws: Clients) -> None:
    """Of two decisions about a run the first one stands for everybody."""
    first, second = Refuse(1, 0, 0, "first"), Refuse(1, 0, 0, "second")
    assert decision.take(aws.s3, BUCKET, RUN, first) == first
    assert decision.take(aws.s3, BUCKET, RUN, second) == first
    assert decision.read(aws.s3, BUCKET, RUN) == first


def test_parts_have_a_thousand_lines_and_later_ten_thousand() -> None:
    """A million images are a thousand parts; beyond that parts grow, and their number stays reasonable."""
    assert list(transform_input.part_sizes(0)) == []
    assert list(transform_input.part_sizes(2_500)) == [1000, 1000, 500]
    sizes = list(transform_input.part_sizes(1_025_000))
    assert sizes[:1000] == [1000] * 1000
    assert sizes[1000:] == [10_000, 10_000, 5_000]


def test_input_of_several_parts_holds_every_line_in_order(aws: Clients) -> None:
    """Reading the parts one after the other gives the manifest's lines."""
    event = upload(aws, [image(number) for number in range(2_001)])
    written = transform_input.write(aws.s3, BUCKET, RUN, KEY, event.version, max_images=10_000)
    assert written.lines == 2_001
    objects = content(aws, RUN.input_prefix)
    assert list(objects) == [RUN.input_part(part) for part in range(3)]
    lines = b"".join(objects.values()).splitlines()
    assert [json.loads(line)["image"]["source-ref"].rpartition("/")[2] for line in lines] == [
        f"{number}.png" for number in range(2_001)
    ]


@pytest.mark.parametrize(("lines", "instances"), [(1, 1), (100_000, 1), (100_001, 2), (10_000_000, 4)])
def test_instances_follow_the_number_of_images(lines: int, instances: int) -> None:
    """One instance for 100,000 images, up to the stack's limit."""
    assert transform_job.instance_count(SETTINGS, lines) == instances


def test_names_that_are_taken_by_ourselves_are_a_success(aws: Clients) -> None:
    """After a time-out that took effect, model and job are there already: both are described and compared."""
    with Stubber(aws.sagemaker) as stub:
        stub.add_client_error("create_model", "ValidationException", "Cannot create already existing model")
        stub.add_response("describe_model", model_of(DECISION.model_package))
        stub.add_client_error("create_transform_job", "ResourceInUse")
        stub.add_response("describe_transform_job", job_writing_to(f"s3://{BUCKET}/{RUN.output_prefix()}"))
        transform_job.start(aws.sagemaker, BUCKET, RUN, DECISION)
        stub.assert_no_pending_responses()


def test_a_foreign_model_under_our_name_is_a_loud_failure(aws: Clients) -> None:
    """The error names the model, and what differs."""
    with Stubber(aws.sagemaker) as stub:
        stub.add_client_error("create_model", "ValidationException", "Cannot create already existing model")
        stub.add_response("describe_model", model_of(DECISION.model_package[:-1] + "2"))
        with pytest.raises(RuntimeError, match=r"model digits-0123456789ab: the name is taken.*digits/2"):
            transform_job.start(aws.sagemaker, BUCKET, RUN, DECISION)


def test_a_foreign_job_under_our_name_is_a_loud_failure(aws: Clients) -> None:
    """A job that writes elsewhere is never taken for the run's."""
    with Stubber(aws.sagemaker) as stub:
        stub.add_response("create_model", {"ModelArn": model_of("")["ModelArn"]})
        stub.add_client_error("create_transform_job", "ResourceInUse")
        stub.add_response("describe_transform_job", job_writing_to("s3://elsewhere/"))
        with pytest.raises(
            RuntimeError, match=r"TransformOutput\.S3OutputPath: expected .* found 's3://elsewhere/'"
        ):
            transform_job.start(aws.sagemaker, BUCKET, RUN, DECISION)


def test_a_request_that_is_wrong_is_no_taken_name(aws: Clients) -> None:
    """SageMaker's ValidationException about anything else says that the package can't be used."""
    with Stubber(aws.sagemaker) as stub:
        stub.add_client_error("create_model", "ValidationException", "Could not find model data")
        stub.add_client_error("describe_model", "ValidationException", "Could not find model")
        with pytest.raises(transform_job.RefusedError, match="Could not find model data"):
            transform_job.start(aws.sagemaker, BUCKET, RUN, DECISION)


def test_a_model_that_cannot_be_described_yet_is_asked_for_again(aws: Clients) -> None:
    """Its name is taken and the description lags behind: the queue has it again, nothing is given up."""
    with Stubber(aws.sagemaker) as stub:
        stub.add_client_error("create_model", "ValidationException", "Cannot create already existing model")
        stub.add_client_error("describe_model", "ValidationException", "Could not find model")
        with pytest.raises(ClientError, match="already existing"):
            transform_job.start(aws.sagemaker, BUCKET, RUN, DECISION)


def test_a_run_is_repeated_as_it_was_decided(aws: Clients, settings: Settings) -> None:
    """A delivery after the stack got another role makes no other model: run.json has frozen the first one."""
    register(aws, settings, "digits-1", 0.99)
    event = upload(aws, [image(1)])
    _, decided = start(aws, settings, event)
    assert isinstance(decided, Start)
    aws.sagemaker.delete_model(ModelName=decided.model)
    sagemaker_backends["123456789012"]["us-east-1"].transform_jobs.clear()
    start(aws, replace(settings, sagemaker_role_arn=f"{settings.sagemaker_role_arn}-2"), event)
    model = aws.sagemaker.describe_model(ModelName=decided.model)
    assert model["ExecutionRoleArn"] == settings.sagemaker_role_arn


class Answer:
    """An HTTP answer without a body."""

    def stream(self) -> list[bytes]:
        """Nothing to read."""
        return []


def test_a_conflicting_write_is_repeated(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 answers 409 while another conditional write is under way: the decision is written after that."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    conflicts = iter([409, 409])

    def answer(**_request: Any) -> AWSResponse | None:
        status = next(conflicts, None)
        return None if status is None else AWSResponse("", status, {}, Answer())

    aws.s3.meta.events.register_first("before-send.s3.PutObject", answer)
    taken = decision.take(aws.s3, BUCKET, RUN, DECISION)
    assert next(conflicts, None) is None
    assert decision.read(aws.s3, BUCKET, RUN) == taken == DECISION


def test_a_decision_of_another_version_is_named(aws: Clients) -> None:
    """What can't be read says which key it is, what was expected, and what to do."""
    aws.s3.put_object(Bucket=BUCKET, Key=RUN.decision, Body=b'{"schema": "digit-batch/run/9"}')
    with pytest.raises(
        ValueError, match=r"run\.json: expected the schema digit-batch/run/1, found .*/run/9'"
    ):
        decision.read(aws.s3, BUCKET, RUN)
