"""AWS's documentation of batch transform, sentence by sentence, where test_job.py doesn't cover it.

[guide] https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html
[request] https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
[client] https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ModelClientConfig.html
[output] https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformOutput.html
[stop] https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTransformJob.html
"""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.sagemaker.transform.settings import MEBIBYTE, TransformSettings
from tests.localcloud.sagemaker.sagemaker_account import BUCKET, ECHO, Account
from tests.localcloud.sagemaker.transform.records import GROUP, lines

REQUEST: dict[str, Any] = {
    "TransformInput": {
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/in/"}}
    },
    "TransformOutput": {"S3OutputPath": "s3://bucket/out/"},
}
PLAIN = """
def model_fn(folder): return None
def input_fn(body, content_type): return body
def predict_fn(body, model): return body.strip()
def output_fn(answer, accept): return answer
"""


def test_a_missing_parameter_has_aws_s_default() -> None:
    """[request] 6 MB a request and one request at once, whole objects; [client] 600 s and 3 retries."""
    settings = TransformSettings.read(REQUEST)
    assert (settings.payload, settings.concurrency, settings.split) == (6 * MEBIBYTE, 1, False)
    assert (settings.timeout, settings.retries) == (600, 3)
    assert (settings.newlines, settings.processing.changes_nothing) == (False, True)


def test_no_limit_is_a_payload_of_nought(account: Account) -> None:
    """[guide] MaxPayloadInMB 0 streams data of any size: more than the default's 6 MB go in one request."""
    settings = TransformSettings.read({**REQUEST, "MaxPayloadInMB": 0})
    assert settings.payload is None
    job = account.transform(account.model(), {"a": lines("x" * 7 * MEBIBYTE, 1)}, MaxPayloadInMB=0)
    assert [answer["of"] for answer in account.outputs(job)["a.out"]] == [2, 2]


def test_requests_never_span_two_objects(account: Account) -> None:
    """[guide] It doesn't combine mini-batches from different input files to comply with the limit."""
    job = account.transform(account.model(), {"a": lines(1), "b": lines(2)})
    assert account.outputs(job) == {"a.out": [{"got": 1, "of": 1}], "b.out": [{"got": 2, "of": 1}]}


def test_a_whole_object_above_the_payload_is_an_error(account: Account) -> None:
    """[guide] Exceeding MaxPayloadInMB causes an error when SplitType is None and the object is too large."""
    job = account.transform(
        account.model(PLAIN),
        {"big": b"x" * (MEBIBYTE + 1), "small": b"y"},
        source={"SplitType": "None"},
        sink={"AssembleWith": "None"},
        MaxPayloadInMB=1,
    )
    assert job["TransformJobStatus"] == "Failed"
    assert account.objects(f"{job['TransformJobName']}/output/") == {"small.out": b"y"}
    assert "more than MaxPayloadInMB allows" in account.log(GROUP, job["TransformJobName"])


@pytest.mark.parametrize(("assemble", "whole"), [("None", b"1234"), ("Line", b"12\n34\n")])
def test_answers_are_assembled_as_asked(account: Account, assemble: str, whole: bytes) -> None:
    """[output] AssembleWith None concatenates the results; Line adds a newline at the end of each."""
    job = account.transform(
        account.model(PLAIN),
        {"a": b"12\n34\n"},
        sink={"AssembleWith": assemble},
        BatchStrategy="SingleRecord",
    )
    assert account.objects(f"{job['TransformJobName']}/output/") == {"a.out": whole}


def test_without_a_join_the_answers_lines_are_not_counted(account: Account) -> None:
    """[guide] An output holds the container's answer: only our own check notices a dropped line."""
    inference = ECHO.replace("for record in records]", "for record in records[1:]]")
    job = account.transform(account.model(inference), {"a": lines(1, 2)})
    assert job["TransformJobStatus"] == "Completed"
    assert account.outputs(job) == {"a.out": [{"got": 2, "of": 2}]}


def test_too_many_answers_are_joined_to_nothing(account: Account) -> None:
    """[guide] The order of input and output is kept: one answer too many, and the object has no output."""
    inference = ECHO.replace("for record in records]", "for record in [*records, 0]]")
    objects = {"a": lines({"image": 1}), "b": lines({"image": 2})}
    job = account.transform(account.model(inference), objects, DataProcessing={"JoinSource": "Input"})
    assert (job["TransformJobStatus"], account.outputs(job)) == ("Failed", {})
    assert "the model answered 2 lines to 1 records" in account.log(GROUP, job["TransformJobName"])


def test_a_request_that_timed_out_is_sent_again(account: Account) -> None:
    """[client] InvocationsMaxRetries counts for time-outs too: the second request is answered."""
    inference = ECHO + (
        "import time\nseen = []\n"
        "def predict_fn(records, model):\n"
        "    seen.append(1)\n"
        "    time.sleep(300 if len(seen) == 1 else 0)\n"
        "    return [len(seen)]\n"
    )
    client = {"InvocationsTimeoutInSeconds": 1, "InvocationsMaxRetries": 1}
    job = account.transform(account.model(inference), {"a": lines(1)}, ModelClientConfig=client)
    assert (job["TransformJobStatus"], account.outputs(job)) == ("Completed", {"a.out": [2]})


def test_an_input_prefix_is_the_beginning_of_a_key(account: Account) -> None:
    """[request] S3Prefix takes all objects whose keys begin so; outputs keep their names below the folder."""
    account.put("prefixes/part-0", lines(0))
    account.put("prefixes/part-1", lines(1))
    account.put("prefixes/other", lines(2))
    source: Any = {
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/prefixes/part-"}}
    }
    job = account.transform(account.model(), {}, source=source)
    assert sorted(account.outputs(job)) == ["part-0.out", "part-1.out"]


@pytest.mark.parametrize("action", ["describe_transform_job", "stop_transform_job"])
def test_a_job_that_doesnt_exist(account: Account, action: str) -> None:
    """[stop] SageMaker answers a name that it doesn't know with a ValidationException."""
    with pytest.raises(ClientError, match="Could not find requested job with name: nobody") as refusal:
        getattr(account.sagemaker, action)(TransformJobName="nobody")
    assert refusal.value.response["Error"]["Code"] == "ValidationException"


def test_a_stopped_job_s_name_stays_taken(account: Account) -> None:
    """[request] The name is unique in account and region, however the job ended."""
    slow = ECHO + "import time\ndef predict_fn(records, model):\n    time.sleep(300)\n"
    model = account.model(slow)
    name = account.transform(model, {"a": lines(1)}, wait=False)
    account.sagemaker.stop_transform_job(TransformJobName=name)
    assert account.ended_transform(name)["TransformJobStatus"] == "Stopped"
    with pytest.raises(ClientError, match="ResourceInUse"):
        account.transform(model, {}, TransformJobName=name)
    assert account.sagemaker.describe_transform_job(TransformJobName=name)["TransformJobStatus"] == "Stopped"
