"""The local cloud's events, field by field against the samples of tests/events/."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from batch_prediction.runs import transform_job
from tests.event_schemas import contradictions, fields
from tests.functions.start.uploads import DECISION, RUN
from tests.localcloud.sagemaker.sagemaker_account import BUCKET, ECHO, IMAGE, ROLE, Account, unique
from tests.settings_and_events import event as sample
from training import jobs

FAIL = "raise SystemExit(1)"
ENDS = ("TransformJobStatus", "TrainingJobStatus", "HyperParameterTuningJobStatus", "reason")
SLEEP = "import time\ntime.sleep(300)"


@pytest.fixture(scope="module")
def delivered(account: Account) -> Iterator[Callable[[str, str], dict[str, Any]]]:
    """Wait for the event that a rule delivers about a resource in a status, or with a reason."""
    queue = account.cloud.client("sqs").create_queue(QueueName="events")["QueueUrl"]
    arn = f"arn:aws:sqs:{account.cloud.region}:{account.cloud.account_id}:events"
    send = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = {"Policy": json.dumps({"Version": "2012-10-17", "Statement": [send]})}
    account.cloud.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes=policy)
    events = account.cloud.client("events")
    events.put_rule(Name="all", EventPattern='{"source": ["aws.s3", "aws.sagemaker"]}')
    events.put_targets(Rule="all", Targets=[{"Id": "queue", "Arn": arn}])
    account.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    account.s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    seen: list[dict[str, Any]] = []

    def wait(word: str, end: str) -> dict[str, Any]:
        for _ in range(60):
            for found in seen:
                detail = found["detail"]
                ends = [detail.get(name) for name in ENDS]
                if end in ends and word in json.dumps(detail):
                    return found
            answer = account.cloud.client("sqs").receive_message(
                QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1
            )
            seen.extend(json.loads(message["Body"]) for message in answer.get("Messages", []))
        raise TimeoutError(f"no event about {word} with {end}")

    yield wait
    events.remove_targets(Rule="all", Ids=["queue"])


def the_same(found: dict[str, Any], name: str) -> None:
    """Assert that an event has a sample's fields and no other, each of the documented type."""
    assert contradictions(found) == []
    assert fields(found) == fields(sample(name))
    assert {key: found[key] for key in ("version", "detail-type", "source", "region")} == {
        key: sample(name)[key] for key in ("version", "detail-type", "source", "region")
    }


def test_an_upload_at_once_in_parts_and_by_copy(account: Account, delivered: Any) -> None:
    """Each of S3's ways to write an object is an event of the documented fields, with AWS's reason."""
    account.put("put", b"text")
    the_same(delivered('"put"', "PutObject"), "s3_object_created")
    where = {"Bucket": BUCKET, "Key": "in-parts"}
    upload = account.s3.create_multipart_upload(**where)["UploadId"]
    tag = account.s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
    parts = {"Parts": [{"ETag": tag, "PartNumber": 1}]}
    account.s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=parts)
    the_same(delivered("in-parts", "CompleteMultipartUpload"), "s3_object_created_multipart")
    account.s3.copy_object(Bucket=BUCKET, Key="copied", CopySource={"Bucket": BUCKET, "Key": "put"})
    the_same(delivered("copied", "CopyObject"), "s3_object_created_copy")


@pytest.mark.parametrize(
    ("predict", "end"),
    [
        ("return records", "Completed"),
        ("raise ValueError(records)", "Failed"),
        ("import time; time.sleep(300)", "Stopped"),
    ],
)
def test_a_transform_job_s_end(account: Account, delivered: Any, predict: str, end: str) -> None:
    """The job that start_transform asks for is announced with the sample's fields, however it ends."""
    model = account.model(ECHO + f"def predict_fn(records, model):\n    {predict}\n")
    request: Any = transform_job.job_request(BUCKET, RUN, DECISION) | {"ModelName": model}
    for part in ("TransformInput", "TransformOutput", "TransformJobName"):
        del request[part]
    request["ModelClientConfig"] = {"InvocationsMaxRetries": 0}
    name = account.transform(model, {"a": '{"image": 1}\n'}, wait=False, **request)
    if end == "Stopped":
        account.sagemaker.stop_transform_job(TransformJobName=name)
    the_same(delivered(name, end), f"transform_job_{end.lower()}")


@pytest.mark.parametrize(("script", "end"), [("pass", "Completed"), (FAIL, "Failed"), (SLEEP, "Stopped")])
def test_a_training_job_s_end(account: Account, delivered: Any, script: str, end: str) -> None:
    """A job started from your machine is announced with the sample's fields, however it ends."""
    name = unique("training")
    request = jobs.request(
        jobs.TrainingJob(
            name=name,
            bucket=BUCKET,
            role=ROLE,
            image=IMAGE,
            source=account.pack(f"code/{name}.tar.gz", {"train.py": script}),
            channels={"training": account.put("datasets/training/file", b"text")},
            hyperparameters={"epochs": "1"},
            instance_type="ml.m5.large",
        )
    )
    account.sagemaker.create_training_job(**request)
    if end == "Stopped":
        delivered(name, "InProgress")
        account.sagemaker.stop_training_job(TrainingJobName=name)
    the_same(delivered(name, end), f"training_job_{end.lower()}")


@pytest.mark.parametrize(("script", "end"), [("pass", "Completed"), (FAIL, "Failed"), (SLEEP, "Stopped")])
def test_a_tuning_job_s_end(account: Account, delivered: Any, script: str, end: str) -> None:
    """A tuning job of a stack's kind is announced with the sample's fields, however it ends."""
    name = unique("tuning")
    source = {"S3DataType": "S3Prefix", "S3DataDistributionType": "FullyReplicated"}
    source["S3Uri"] = account.put("datasets/training/file", b"text")
    channel = {"ChannelName": "training", "DataSource": {"S3DataSource": source}}
    account.tune(
        script, wait=False, HyperParameterTuningJobName=name, definition={"InputDataConfig": [channel]}
    )
    arn = f"hyper-parameter-tuning-job/{name}"
    if end == "Stopped":
        delivered(arn, "InProgress")
        account.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    the_same(delivered(arn, end), f"tuning_job_{end.lower()}")
