"""State that a folder keeps from one cloud to the next."""

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from localcloud.assembly import local_cloud
from localcloud.core.activity import Activity
from localcloud.core.cloud import Cloud, CloudError
from localcloud.deploy import deploy
from tests.localcloud.stack_account import Account
from tests.wait import until

STACK = """
Resources:
  Data:
    Type: AWS::S3::Bucket
    Properties:
      VersioningConfiguration: {Status: Enabled}
      NotificationConfiguration: {EventBridgeConfiguration: {}}
  Seen: {Type: AWS::SQS::Queue}
  Open:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Seen]
      PolicyDocument: {Statement: {Effect: Allow, Principal: '*', Action: sqs:SendMessage, Resource: '*'}}
  Everything:
    Type: AWS::Events::Rule
    Properties: {EventPattern: {source: [aws.s3]}, Targets: [{Id: seen, Arn: !GetAtt Seen.Arn}]}
  Group:
    Type: AWS::SageMaker::ModelPackageGroup
    Properties: {ModelPackageGroupName: digits}
Outputs:
  Data: {Value: !Ref Data}
  Seen: {Value: !Ref Seen}
"""


def started(state: Path, folder: Path) -> tuple[Cloud, dict[str, str]]:
    """A cloud that keeps its state, with the stack above; the caller stops it."""
    cloud = local_cloud(state=state)
    cloud.start()
    template = Account(cloud, folder).write(STACK)
    return cloud, deploy(cloud, template, "kept", {}, folder / "packages")


def versions(s3: Any, bucket: str) -> list[tuple[Any, ...]]:
    """All versions and delete markers of a bucket, without the order of either."""
    listed = s3.list_object_versions(Bucket=bucket)
    return sorted(
        (kind, entry["Key"], entry["VersionId"], entry["LastModified"], entry["IsLatest"], entry.get("ETag"))
        for kind in ("Versions", "DeleteMarkers")
        for entry in listed.get(kind, [])
    )


def test_objects_with_their_versions_come_back_with_their_bucket(tmp_path: Path) -> None:
    """The redeployed stack has the same bucket, the same versions, and no events about them."""
    cloud, outputs = started(tmp_path / "state", tmp_path)
    try:
        s3, bucket = cloud.client("s3"), outputs["Data"]
        first = s3.put_object(
            Bucket=bucket, Key="a", Body=b"one", Metadata={"by": "me"}, ContentType="text/plain"
        )
        s3.put_object(Bucket=bucket, Key="a", Body=b"two")
        s3.put_object(Bucket=bucket, Key="gone", Body=b"three")
        s3.delete_object(Bucket=bucket, Key="gone")
        s3.create_bucket(Bucket="of-no-stack")
        s3.put_object(Bucket="of-no-stack", Key="b", Body=b"four")
        before = versions(s3, bucket)
    finally:
        cloud.stop()

    cloud, outputs = started(tmp_path / "state", tmp_path)
    try:
        s3 = cloud.client("s3")
        assert outputs["Data"] == bucket
        assert versions(s3, bucket) == before
        assert len(before) == 4
        found = s3.get_object(Bucket=bucket, Key="a", VersionId=first["VersionId"])
        assert found["Body"].read() == b"one"
        assert (found["Metadata"], found["ContentType"], found["ETag"]) == (
            {"by": "me"},
            "text/plain",
            first["ETag"],
        )
        assert s3.get_object(Bucket="of-no-stack", Key="b")["Body"].read() == b"four"
        s3.put_object(Bucket=bucket, Key="new", Body=b"five")
        (message,) = Account(cloud, tmp_path).messages(outputs["Seen"])
        assert json.loads(message["Body"])["detail"]["object"]["key"] == "new"
    finally:
        cloud.stop()


def test_model_packages_come_back_with_their_group(tmp_path: Path) -> None:
    """A package is described as before, and the next one gets the next version."""
    request = {
        "ModelPackageGroupName": "digits",
        "ModelApprovalStatus": "Approved",
        "CustomerMetadataProperties": {"training_job": "digits-1"},
        "InferenceSpecification": {
            "Containers": [{"Image": "image", "ModelDataUrl": "s3://bucket/model.tar.gz"}],
            "SupportedContentTypes": ["application/jsonlines"],
            "SupportedResponseMIMETypes": ["application/jsonlines"],
        },
    }
    cloud, _ = started(tmp_path / "state", tmp_path)
    try:
        arn = cloud.client("sagemaker").create_model_package(**request)["ModelPackageArn"]
        before = cloud.client("sagemaker").describe_model_package(ModelPackageName=arn)
    finally:
        cloud.stop()
    cloud, _ = started(tmp_path / "state", tmp_path)
    try:
        sagemaker = cloud.client("sagemaker")
        after = sagemaker.describe_model_package(ModelPackageName=arn)
        for described in (before, after):
            del described["ResponseMetadata"]
        assert after == before
        assert sagemaker.create_model_package(**request)["ModelPackageArn"].endswith("digits/2")
    finally:
        cloud.stop()


def is_in(file: Path, text: str) -> bool:
    """Whether a file is there, and has a text."""
    return file.exists() and text in file.read_text()


def received(sqs: Any, read: dict[str, Any]) -> Any:
    """The messages that one request gets, if there are any."""
    return sqs.receive_message(**read).get("Messages")


def test_messages_come_back_with_their_queue(tmp_path: Path) -> None:
    """One that was being read is visible again, as often received as before; a delayed one stays delayed."""
    cloud, outputs = started(tmp_path / "state", tmp_path)
    try:
        sqs = cloud.client("sqs")
        free = sqs.create_queue(QueueName="of-no-stack", Attributes={"VisibilityTimeout": "77"})["QueueUrl"]
        for url in (outputs["Seen"], free):
            sqs.send_message(
                QueueUrl=url,
                MessageBody="read",
                MessageAttributes={"by": {"DataType": "Binary", "BinaryValue": b"me"}},
            )
            (before,) = sqs.receive_message(QueueUrl=url)["Messages"]
            sqs.send_message(QueueUrl=url, MessageBody="delayed", DelaySeconds=900)
        assert cloud.unfinished() == {"waiting message": 4}
    finally:
        cloud.stop()

    cloud, outputs = started(tmp_path / "state", tmp_path)
    try:
        sqs = cloud.client("sqs")
        free = sqs.get_queue_url(QueueName="of-no-stack")["QueueUrl"]
        names = ["ApproximateNumberOfMessagesDelayed", "VisibilityTimeout"]
        for url in (outputs["Seen"], free):
            read = {"QueueUrl": url, "AttributeNames": ["All"], "MessageAttributeNames": ["All"]}
            (message,) = until(partial(received, sqs, read))
            assert message["Body"] == "read"
            assert message["Attributes"]["ApproximateReceiveCount"] == "1"
            assert message["MessageAttributes"]["by"]["BinaryValue"] == b"me"
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            assert found["ApproximateNumberOfMessagesDelayed"] == "1"
        assert message["MessageId"] == before["MessageId"]
        assert found["VisibilityTimeout"] == "77"
    finally:
        cloud.stop()


def test_what_was_under_way_waits_for_its_stack(tmp_path: Path) -> None:
    """An undelivered event is kept on by a cloud without the stack, and delivered by one with it."""
    state = tmp_path / "state"
    cloud, outputs = started(state, tmp_path)
    event = {"id": "1", "source": "aws.s3", "detail-type": "Object Created", "detail": {}}
    cloud.unrouted["1"] = event
    cloud.stop()
    with local_cloud(state=state) as cloud:
        cloud.client("s3").create_bucket(Bucket="a-change")
        until(partial(is_in, state / "state.json", "a-change"))
        assert cloud.unfinished() == {"undelivered event": 1}
    cloud, outputs = started(state, tmp_path)
    try:
        (message,) = Account(cloud, tmp_path).messages(outputs["Seen"])
        assert json.loads(message["Body"]) == event
    finally:
        cloud.stop()


def test_an_asynchronous_invocation_begins_again(tmp_path: Path) -> None:
    """The event of a function that the cloud's end has interrupted is given to it again."""
    may_end = tmp_path / "may-end"
    function = f"""
        import os, time, boto3

        def handler(event, context):
            print("begun", flush=True)
            while not os.path.exists({str(may_end)!r}):
                time.sleep(0.05)
            boto3.client("sqs").send_message(QueueUrl=os.environ["SEEN"], MessageBody=event["word"])
    """
    resources = STACK.replace(
        "Outputs:",
        """\
  Slow:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: slow
      Handler: app.handler
      Environment: {Variables: {SEEN: !Ref Seen}}
      Policies: [{Statement: [{Effect: Allow, Action: sqs:SendMessage, Resource: !GetAtt Seen.Arn}]}]
Outputs:""",
    )
    activities: list[Activity] = []
    with local_cloud(activities.append, state=tmp_path / "state") as cloud:
        account = Account(cloud, tmp_path, activities)
        account.deploy("kept", resources, function)
        cloud.client("lambda").invoke(
            FunctionName="slow", InvocationType="Event", Payload=b'{"word": "again"}'
        )
        until(lambda: "begun" in account.logged("log", "slow"))
        assert cloud.unfinished() == {"invocation": 1}
    may_end.touch()
    with local_cloud(state=tmp_path / "state") as cloud:
        account = Account(cloud, tmp_path)
        outputs = account.deploy("kept", resources, function)
        (message,) = account.messages(outputs["Seen"])
        assert message["Body"] == "again"
        until(lambda: cloud.unfinished() == {})


def test_the_folder_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    """Format 1 had buckets with their names, and packages: a stack finds its bucket, and others are there."""
    moment = {"$time": "2026-01-01T00:00:00"}
    version = {"id": "v1", "modified": moment, "key": "a", "content": "c0", "etag": "e", "metadata": {}}
    bucket = {"versioning": "Enabled", "versions": [version]}
    kept = {"format": 1, "names": {"kept/Data": "kept-data-1"}, "packages": []}
    kept["buckets"] = {"kept-data-1": bucket, "free": bucket}
    (tmp_path / "state" / "objects").mkdir(parents=True)
    (tmp_path / "state" / "objects" / "c0").write_bytes(b"one")
    (tmp_path / "state" / "state.json").write_text(json.dumps(kept))
    cloud, outputs = started(tmp_path / "state", tmp_path)
    try:
        assert outputs["Data"] == "kept-data-1"
        for name in ("kept-data-1", "free"):
            assert cloud.client("s3").get_object(Bucket=name, Key="a")["Body"].read() == b"one"
    finally:
        cloud.stop()
    assert json.loads((tmp_path / "state" / "state.json").read_text())["format"] == 2


def test_a_replaced_object_s_content_is_dropped_at_the_end(tmp_path: Path) -> None:
    """What no version needs leaves no file; what one needs stays, whether or not it was read this time."""
    file = tmp_path / "state.json"
    with local_cloud(state=tmp_path) as cloud:
        s3 = cloud.client("s3")
        s3.create_bucket(Bucket="unversioned")
        for body in (b"one", b"two"):
            s3.put_object(Bucket="unversioned", Key="a", Body=body)
            digest = hashlib.sha256(body).hexdigest()
            until(partial(is_in, file, digest))
    for _ in range(2):
        (content,) = (tmp_path / "objects").iterdir()
        assert content.read_bytes() == b"two"
        with local_cloud(state=tmp_path):
            pass


def test_a_folder_of_another_format_is_refused(tmp_path: Path) -> None:
    """The error names the file, and the folder's content stays as it is."""
    file = tmp_path / "state.json"
    file.write_text(json.dumps({"format": 99}))
    with pytest.raises(CloudError, match=r"state\.json: expected format 2, found 99"):
        local_cloud(state=tmp_path).start()
    assert json.loads(file.read_text()) == {"format": 99}


def test_a_folder_belongs_to_one_cloud_at_a_time(tmp_path: Path) -> None:
    """Two clouds would overwrite each other's state."""
    with local_cloud(state=tmp_path) as cloud:
        from localcloud.persistence import State

        with pytest.raises(CloudError, match="another local cloud keeps its state there"):
            State(tmp_path).plug_in(cloud)
