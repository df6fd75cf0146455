"""Batch transform as https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html describes it."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.localcloud.sagemaker.sagemaker_account import BUCKET, ECHO, ROLE, Account, unique
from tests.localcloud.sagemaker.transform.records import GROUP, lines
from tests.wait import until

JOIN = {"InputFilter": "$.image", "JoinSource": "Input"}


def test_every_input_object_has_its_output(account: Account) -> None:
    """Each object's predictions, in order and joined to its records, are at its own name with .out added."""
    objects = {
        "part-0.jsonl": lines({"image": 1, "label": 7}, {"image": 2}),
        "deep/part-1.jsonl": lines({"image": 3}),
    }
    job = account.transform(account.model(), objects, DataProcessing=JOIN)
    assert job["TransformJobStatus"] == "Completed"
    assert account.outputs(job) == {
        "part-0.jsonl.out": [
            {"image": 1, "label": 7, "SageMakerOutput": {"got": 1, "of": 2}},
            {"image": 2, "SageMakerOutput": {"got": 2, "of": 2}},
        ],
        "deep/part-1.jsonl.out": [{"image": 3, "SageMakerOutput": {"got": 3, "of": 1}}],
    }


def test_multi_record_fills_requests_up_to_the_payload(account: Account) -> None:
    """Lines are packed to the limit; the rest goes into a request of its own."""
    big = "x" * 300_000
    job = account.transform(account.model(), {"a": lines(*[big] * 5)}, MaxPayloadInMB=1)
    assert [answer["of"] for answer in account.outputs(job)["a.out"]] == [3, 3, 3, 2, 2]


def test_single_record_sends_one_line_a_request(account: Account) -> None:
    """With SingleRecord every line is alone in its request."""
    job = account.transform(account.model(), {"a": lines(1, 2)}, BatchStrategy="SingleRecord")
    assert account.outputs(job)["a.out"] == [{"got": 1, "of": 1}, {"got": 2, "of": 1}]


def test_without_splitting_an_object_is_one_request(account: Account) -> None:
    """With SplitType and AssembleWith None a whole object goes in and a whole answer comes out."""
    inference = """
def model_fn(folder): return None
def input_fn(body, content_type): return body
def predict_fn(body, model): return body[::-1]
def output_fn(answer, accept): return answer
"""
    job = account.transform(
        account.model(inference),
        {"a": b"1\n2\n3"},
        source={"SplitType": "None", "ContentType": "text/plain"},
        sink={"AssembleWith": "None", "Accept": "text/plain"},
    )
    assert account.objects(f"{job['TransformJobName']}/output/") == {"a.out": b"3\n2\n1"}


REFUSE_TWO = (
    ECHO
    + """
class Refused(Exception):
    status_code = 400

def predict_fn(records, model):
    if 2 in records:
        raise Refused("no twos")
    return records
"""
)


def test_a_bad_object_costs_its_own_output_and_the_jobs_status(account: Account) -> None:
    """The other objects get their outputs; the job is Failed and the log names the bad one."""
    job = account.transform(account.model(REFUSE_TWO), {"a": lines(1), "b": lines(2), "c": lines(3)})
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"] == "ClientError: See job logs for more information"
    assert account.outputs(job) == {"a.out": [1], "c.out": [3]}
    log = account.log(GROUP, job["TransformJobName"])
    assert (
        f"{job['TransformJobName']}/input/b: ClientError: Bad HTTP status received from algorithm: 400" in log
    )
    assert "no twos" in log


def test_an_object_needs_all_its_requests(account: Account) -> None:
    """One refused request among several leaves no half output."""
    objects = {"a": lines(1, 2, 3)}
    job = account.transform(account.model(REFUSE_TWO), objects, BatchStrategy="SingleRecord")
    assert job["TransformJobStatus"] == "Failed"
    assert account.outputs(job) == {}


def test_a_record_above_the_payload_fails_its_object_only(account: Account) -> None:
    """A line too large for any request fails its object; its neighbour is transformed."""
    job = account.transform(
        account.model(), {"big": lines("x" * (1 << 20)), "small": lines(1)}, MaxPayloadInMB=1
    )
    assert job["TransformJobStatus"] == "Failed"
    assert list(account.outputs(job)) == ["small.out"]
    assert "more than MaxPayloadInMB allows" in account.log(GROUP, job["TransformJobName"])


def test_too_few_answers_are_joined_to_nothing(account: Account) -> None:
    """A model that answers fewer lines than records fails the object instead of shifting predictions."""
    inference = ECHO.replace("for record in records]", "for record in records[1:]]")
    objects = {"a": lines({"image": 1}, {"image": 2})}
    job = account.transform(account.model(inference), objects, DataProcessing=JOIN)
    assert job["TransformJobStatus"] == "Failed"
    assert account.outputs(job) == {}
    assert "the model answered 1 lines to 2 records" in account.log(GROUP, job["TransformJobName"])


FAIL_FIRST = (
    ECHO
    + """
attempts = []

def predict_fn(records, model):
    attempts.append(1)
    if len(attempts) < 3:
        raise RuntimeError("not yet")
    return [len(attempts)]
"""
)


def test_a_failing_request_is_repeated(account: Account) -> None:
    """A request that ends in a 500 is sent again, at most InvocationsMaxRetries times, and then counts."""
    job = account.transform(account.model(FAIL_FIRST), {"a": lines(1)})
    assert account.outputs(job) == {"a.out": [3]}


def test_a_request_that_keeps_failing_is_the_algorithms_fault(account: Account) -> None:
    """After the last retry the job is Failed with AlgorithmError, and the traceback is in its log."""
    once = {"InvocationsMaxRetries": 1}
    job = account.transform(account.model(FAIL_FIRST), {"a": lines(1)}, ModelClientConfig=once)
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information"
    assert account.outputs(job) == {}
    assert account.log(GROUP, job["TransformJobName"]).count("RuntimeError: not yet") == 2


def test_a_model_server_that_dies_fails_every_object(account: Account) -> None:
    """A server that ends in the middle of a job is the algorithm's fault, and the job ends."""
    inference = ECHO + "import os\ndef predict_fn(records, model):\n    os._exit(7)\n"
    job = account.transform(account.model(inference), {"a": lines(1), "b": lines(2)})
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information"
    assert account.outputs(job) == {}
    log = account.log(GROUP, job["TransformJobName"])
    assert "/input/b: AlgorithmError: The model server ended with exit code 7" in log


def test_a_request_without_an_answer_in_time_fails(account: Account) -> None:
    """InvocationsTimeoutInSeconds bounds the wait for an answer."""
    inference = ECHO + "import time\ndef predict_fn(records, model):\n    time.sleep(60)\n"
    job = account.transform(
        account.model(inference),
        {"a": lines(1)},
        ModelClientConfig={"InvocationsTimeoutInSeconds": 1, "InvocationsMaxRetries": 0},
    )
    assert job["FailureReason"].startswith("AlgorithmError")
    assert "The model server did not answer" in account.log(GROUP, job["TransformJobName"])


MEET = (
    ECHO
    + """
import threading
barrier = threading.Barrier(2)

def predict_fn(records, model):
    barrier.wait(10)
    return records
"""
)


@pytest.mark.parametrize("objects", [{"a": lines(1, 2)}, {"a": lines(1), "b": lines(2)}])
def test_requests_of_one_or_two_objects_run_at_once(account: Account, objects: dict[str, str]) -> None:
    """MaxConcurrentTransforms requests are open together: each waits in the model for the other."""
    job = account.transform(
        account.model(MEET), objects, MaxConcurrentTransforms=2, BatchStrategy="SingleRecord"
    )
    assert job["TransformJobStatus"] == "Completed"
    assert len(account.outputs(job)) == len(objects)


def test_the_container_sees_the_jobs_environment(account: Account) -> None:
    """The container has the package's variables, the model's over them, the job's and the role's."""
    inference = ECHO + "import os\ndef predict_fn(records, model):\n    return [dict(os.environ)]\n"
    group = unique("group")
    account.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    package = account.sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [
                {
                    "Image": "image",
                    "ModelDataUrl": account.pack(f"{group}.tar.gz", {"code/inference.py": inference}),
                    "Environment": {"A": "package", "B": "package"},
                }
            ],
            "SupportedContentTypes": ["application/jsonlines"],
            "SupportedResponseMIMETypes": ["application/jsonlines"],
        },
    )["ModelPackageArn"]
    model = unique("model")
    account.sagemaker.create_model(
        ModelName=model,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"ModelPackageName": package, "Environment": {"B": "model"}},
    )
    job = account.transform(model, {"a": lines(1)}, MaxPayloadInMB=2, BatchStrategy="MultiRecord")
    seen = account.outputs(job)["a.out"][0]
    expected = {
        "A": "package",
        "B": "model",
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "2",
        "SAGEMAKER_BATCH_STRATEGY": "MULTI_RECORD",
        "AWS_ENDPOINT_URL": account.cloud.endpoint_url,
        "AWS_REGION": "us-east-1",
    }
    assert {name: seen.get(name) for name in expected} == expected
    assert seen["AWS_SESSION_TOKEN"]
    assert "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS" not in seen


def test_the_code_reads_s3_under_the_role(account: Account) -> None:
    """Inference code fetches objects with boto3 as it does on AWS, without naming an endpoint."""
    address = account.put("fetched.txt", "seven")
    inference = ECHO + (
        "import boto3\n"
        "def predict_fn(records, model):\n"
        f"    found = boto3.client('s3').get_object(Bucket='{BUCKET}', Key=records[0])\n"
        "    return [found['Body'].read().decode()]\n"
    )
    job = account.transform(account.model(inference), {"a": lines(address.rpartition("/")[2])})
    assert account.outputs(job) == {"a.out": ["seven"]}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"code/inference.py": "raise OSError('no weights')"}, "no weights"),
        ({"inference.py": ECHO}, "the model artifact holds no code/inference.py"),
        ({"code/inference.py": ECHO.replace("def input_fn", "def read")}, "lacks input_fn"),
        ({"code/inference.py": ECHO, "code/requirements.txt": "nowhere==1"}, "nowhere is not installed"),
    ],
)
def test_an_unservable_model_fails_the_job(account: Account, files: dict[str, str], reason: str) -> None:
    """A model server that never becomes healthy is an AlgorithmError that says why."""
    model = account.model(ModelDataUrl=account.pack(f"{unique('broken')}.tar.gz", files))
    job = account.transform(model, {"a": lines(1)})
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError")
    assert reason in job["FailureReason"]


def test_an_artifact_cannot_write_outside_its_folder(account: Account) -> None:
    """An archive member that climbs out of the model's folder fails the job."""
    files = {"code/inference.py": ECHO, "../../escaped.txt": "x"}
    model = account.model(ModelDataUrl=account.pack("climbing.tar.gz", files))
    job = account.transform(model, {"a": lines(1)})
    assert "can't be unpacked" in job["FailureReason"]
    assert not list(account.cloud.folder.rglob("escaped.txt"))


def test_no_input_fails_the_job(account: Account) -> None:
    """A prefix without objects is a ClientError that names it."""
    job = account.transform(account.model(), {})
    address = f"s3://{BUCKET}/{job['TransformJobName']}/input/"
    assert f'No S3 objects found under S3 URL "{address}"' in job["FailureReason"]


def test_a_stopped_job_leaves_no_output(account: Account) -> None:
    """StopTransformJob ends requests on their way; the job is Stopping, then Stopped, and writes nothing."""
    slow = (
        "import time\n"
        "def predict_fn(records, model):\n"
        "    if records[0]:\n"
        "        print('asleep', flush=True)\n"
        "        time.sleep(600)\n"
        "    return records\n"
    )
    name = account.transform(account.model(ECHO + slow), {"a": lines(0), "b": lines(1)}, wait=False)
    until(lambda: "asleep" in account.log(GROUP, name))  # the first object is done, the second on its way
    account.sagemaker.stop_transform_job(TransformJobName=name)
    job = account.ended_transform(name)
    assert job["TransformJobStatus"] == "Stopped"
    assert account.outputs(job) == {}
    assert unfinished(account) == []
    with pytest.raises(ClientError, match="the transform job is in status Stopped"):
        account.sagemaker.stop_transform_job(TransformJobName=name)
    statuses = [event["detail"]["TransformJobStatus"] for event in account.events(name)]
    assert statuses == ["InProgress", "Stopping", "Stopped"]


def unfinished(account: Account) -> list[str]:
    """The keys of multipart uploads that were neither completed nor aborted."""
    uploads = account.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    return [upload["Key"] for upload in uploads]


def test_outputs_are_uploaded_in_parts_and_those_that_fail_are_aborted(account: Account) -> None:
    """An output above 8 MB arrives whole, and of an object that fails no upload is left."""
    big = "x" * 3_000_000
    job = account.transform(
        account.model(REFUSE_TWO), {"big": lines(big, big, big), "bad": lines(2)}, MaxPayloadInMB=6
    )
    assert job["TransformJobStatus"] == "Failed"
    assert account.outputs(job) == {"big.out": [big, big, big]}
    assert unfinished(account) == []
    place = f"arn:aws:s3:::{BUCKET}/{job['TransformJobName']}/output/"
    asked = {(request.action, request.resource) for *_, request in account.cloud.authorised}
    aborted = {resource for action, resource in asked if action == "s3:AbortMultipartUpload"}
    assert {resource for resource in aborted if resource.startswith(place)} == {f"{place}bad.out"}


def test_a_job_that_may_not_abort_says_so(account: Account) -> None:
    """A role without s3:AbortMultipartUpload costs the job its end, as any denial does."""
    iam, name = account.cloud.client("iam"), ROLE.rpartition("/")[2]
    deny = {"Effect": "Deny", "Action": "s3:AbortMultipartUpload", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_role_policy(RoleName=name, PolicyName="no-aborts", PolicyDocument=document)
    job = account.transform(account.model(REFUSE_TWO), {"a": lines(2)})
    iam.delete_role_policy(RoleName=name, PolicyName="no-aborts")
    assert "not authorized to perform: s3:AbortMultipartUpload" in job["FailureReason"]
    (left,) = account.s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]
    account.s3.abort_multipart_upload(Bucket=BUCKET, Key=left["Key"], UploadId=left["UploadId"])


def test_a_name_is_used_once(account: Account) -> None:
    """A second job of the same name is refused with ResourceInUse, and the first one's output stays."""
    model = account.model()
    job = account.transform(model, {"a": lines(1)})
    with pytest.raises(ClientError, match=r"ResourceInUse.*already exists \(arn:aws:sagemaker"):
        account.transform(model, {"a": lines(2)}, TransformJobName=job["TransformJobName"])
    assert account.outputs(job)["a.out"] == [{"got": 1, "of": 1}]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"TransformJobName": "under_score"}, "regular expression pattern"),
        ({"TransformJobName": "x" * 64}, "regular expression pattern"),
        ({"MaxPayloadInMB": 60, "MaxConcurrentTransforms": 2}, "more than 100"),
        ({"DataProcessing": {"InputFilter": "image"}}, "JSONPath 'image'"),
        ({"DataProcessing": JOIN, "sink": {"Accept": "text/csv"}}, "JSON Lines only"),
        ({"ModelClientConfig": {"InvocationsMaxRetries": 4}}, "3 retries at most"),
        ({"source": {"SplitType": "RecordIO"}}, "SplitType is 'RecordIO'"),
        ({"source": {"CompressionType": "Gzip"}}, "CompressionType is 'Gzip'"),
    ],
)
def test_an_unsupported_request_is_refused_immediately(
    account: Account, changes: dict[str, Any], message: str
) -> None:
    """What AWS refuses, or the local cloud can't run, is a ValidationException and creates no job."""
    name = unique("refused")
    with pytest.raises(ClientError, match=message) as refusal:
        account.transform(account.model(), {}, **{"TransformJobName": name, **changes})
    assert refusal.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(ClientError, match="Could not find requested job with name"):
        account.sagemaker.describe_transform_job(TransformJobName=name)


def test_a_missing_model_is_refused(account: Account) -> None:
    """A job for a model that doesn't exist is never made."""
    with pytest.raises(ClientError, match=r'ValidationException.*Could not find model "nothing"'):
        account.transform("nothing", {})


def test_a_change_of_status_is_an_event_in_the_documented_shape(account: Account) -> None:
    """InProgress and Completed are announced with the job's settings, times and tags."""
    job = account.transform(
        account.model(), {"a": lines(1)}, MaxPayloadInMB=1, Tags=[{"Key": "batch", "Value": "b7"}]
    )
    name = job["TransformJobName"]
    first, last = (event["detail"] for event in account.events(name))
    assert (first["TransformJobStatus"], last["TransformJobStatus"]) == ("InProgress", "Completed")
    assert account.events(name)[1]["detail-type"] == "SageMaker Transform Job State Change"
    assert account.events(name)[1]["resources"] == [job["TransformJobArn"]]
    assert last == {
        "TransformJobName": name,
        "TransformJobArn": job["TransformJobArn"],
        "TransformJobStatus": "Completed",
        "ModelName": job["ModelName"],
        "MaxPayloadInMB": 1,
        "Environment": {},
        "TransformInput": {**job["TransformInput"], "CompressionType": "None"},
        "TransformOutput": {**job["TransformOutput"], "KmsKeyId": ""},
        "TransformResources": job["TransformResources"],
        "CreationTime": first["CreationTime"],
        "TransformStartTime": last["TransformStartTime"],
        "TransformEndTime": last["TransformEndTime"],
        "Tags": {"batch": "b7"},
    }
    assert last["TransformEndTime"].endswith("Z")
