"""State that a folder keeps from one cloud to the next."""

import json
from pathlib import Path
from typing import Any

import pytest

from localcloud.assembly import local_cloud
from localcloud.core.cloud import Cloud, CloudError
from localcloud.deploy import deploy
from tests.localcloud.stack_account import Account

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
