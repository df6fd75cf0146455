"""Stacks are created, changed and rolled back as CloudFormation does; unsupported properties are refused."""

import io
import os
import platform
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from localcloud.cloudformation.errors import TemplateError
from localcloud.deploy import DeployError, deploy
from localcloud.lambda_ import runtime
from localcloud.lambda_.errors import UnsupportedRuntimeError
from localcloud.packaging import PackageError, pack
from tests.localcloud.stack_account import HEADER, HELLO, Account

EPOCH = (1980, 1, 1, 0, 0, 0)


def refused(account: Account, resources: str, **parameters: str) -> str:
    """Deploy a template that must be refused and return the error's text."""
    with pytest.raises(DeployError) as error:
        account.deploy("refused", resources, **parameters)
    return str(error.value)


def test_an_unknown_resource_type_is_refused(account: Account) -> None:
    """The error names the resource, its type and the supported types; nothing is created."""
    reason = refused(account, "Resources: {Table: {Type: 'AWS::DynamoDB::Table'}}")
    assert "Unrecognized resource types: [AWS::DynamoDB::Table] (Table)" in reason
    assert "AWS::S3::Bucket" in reason
    assert account.cloud.client("cloudformation").describe_stacks()["Stacks"] == []


def test_a_property_that_would_be_dropped_is_refused(account: Account) -> None:
    """A property that the local cloud doesn't know is named before anything is created."""
    reason = refused(
        account, "Resources: {Bucket: {Type: 'AWS::S3::Bucket', Properties: {WebsiteConfiguration: {}}}}"
    )
    assert (
        "Bucket (AWS::S3::Bucket): the local cloud would ignore the property 'WebsiteConfiguration'" in reason
    )


def test_a_nested_property_that_would_be_dropped_is_refused(account: Account) -> None:
    """Of the ways in which a bucket may notify, EventBridge alone is supported."""
    reason = refused(
        account,
        """
        Resources:
          Bucket:
            Type: AWS::S3::Bucket
            Properties: {NotificationConfiguration: {QueueConfigurations: []}}
        """,
    )
    assert "Bucket (AWS::S3::Bucket)" in reason
    assert "not by QueueConfigurations" in reason


@pytest.mark.parametrize(
    ("slot", "value", "reason"),
    [
        ("{Type: Number, MinValue: 1}", "0", "must be at least 1"),
        ("{Type: Number}", "many", "must be a number"),
        ("{Type: String, AllowedValues: [a, b]}", "c", "must be one of ['a', 'b']"),
        ("{Type: String, AllowedPattern: '[a-z]+'}", "A", "like the pattern [a-z]+"),
        ("{Type: String, MaxLength: 2}", "abc", "of 0 to 2 characters"),
    ],
)
def test_a_parameter_outside_its_constraint_is_refused(
    account: Account, slot: str, value: str, reason: str
) -> None:
    """The parameter, its constraint and the value found are named."""
    template = f"Parameters: {{Wanted: {slot}}}\nResources: {{Queue: {{Type: 'AWS::SQS::Queue'}}}}\n"
    with pytest.raises(DeployError) as error:
        account.deploy("refused", "", header=template, Wanted=value)
    assert reason in str(error.value)
    assert "Parameter Wanted" in str(error.value)


def test_an_unknown_parameter_is_refused(account: Account) -> None:
    """A misspelt parameter isn't passed over."""
    assert "['Nmae'] do not exist" in refused(
        account, "Resources: {Queue: {Type: 'AWS::SQS::Queue'}}", Nmae="x"
    )


def test_a_failed_creation_is_rolled_back_with_its_reason(account: Account) -> None:
    """The queue that was created first is deleted again; the next attempt under that name succeeds."""
    broken = """
        Resources:
          First: {Type: AWS::SQS::Queue, Properties: {QueueName: first}}
          Broken:
            Type: AWS::SQS::QueuePolicy
            Properties: {Queues: ['http://localhost/123456789012/missing'], PolicyDocument: {}}
        """
    with pytest.raises(
        DeployError, match=r"ROLLBACK_COMPLETE\. Broken \(AWS::SQS::QueuePolicy\): .*NonExistentQueue"
    ):
        account.deploy("rolled-back", broken)
    assert account.cloud.client("sqs").list_queues(QueueNamePrefix="first").get("QueueUrls", []) == []
    outputs = account.deploy(
        "rolled-back",
        "Resources: {First: {Type: AWS::SQS::Queue, Properties: {QueueName: first}}}\n"
        "Outputs: {Url: {Value: !Ref First}}",
    )
    assert outputs["Url"].endswith("/first")


def test_a_failed_update_goes_back_to_what_was(account: Account) -> None:
    """After an update that fails, changed resources have their former properties and new ones are deleted."""
    sqs = account.cloud.client("sqs")

    def resources(seconds: int, more: str) -> str:
        return (
            "Resources:\n"
            "  Kept:\n    Type: AWS::SQS::Queue\n"
            f"    Properties: {{QueueName: kept, VisibilityTimeout: {seconds}}}\n"
            f"{more}Outputs: {{Url: {{Value: !Ref Kept}}}}\n"
        )

    url = account.deploy("goes-back", resources(11, ""))["Url"]
    added = "  Added: {Type: AWS::SQS::Queue, Properties: {QueueName: added}}\n"
    broken = "  Broken: {Type: AWS::S3::Bucket, Properties: {BucketName: NO}}\n"
    with pytest.raises(DeployError, match=r"UPDATE_ROLLBACK_COMPLETE\..*Broken"):
        account.deploy("goes-back", resources(22, added + broken))
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    assert attributes == {"VisibilityTimeout": "11"}
    assert sqs.list_queues(QueueNamePrefix="added").get("QueueUrls", []) == []


PARAMETRISED = """
Parameters:
  Seconds: {Type: Number, Default: 10}
  WithTopic: {Type: String, Default: 'no'}
Conditions:
  HasTopic: !Equals [!Ref WithTopic, 'yes']
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub 'wait-${Seconds}'
      VisibilityTimeout: !Ref Seconds
  Topic: {Type: AWS::SNS::Topic, Condition: HasTopic, Properties: {TopicName: conditional}}
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: watching
      Namespace: AWS/SQS
      MetricName: ApproximateNumberOfMessagesVisible
      Dimensions: [{Name: QueueName, Value: !GetAtt Queue.QueueName}]
      Statistic: Maximum
      Period: 60
      EvaluationPeriods: 1
      Threshold: 0
      ComparisonOperator: GreaterThanThreshold
      AlarmActions: [!If [HasTopic, !Ref Topic, !Ref AWS::NoValue]]
Outputs:
  Name: {Value: !GetAtt Queue.QueueName}
"""


def test_an_update_follows_a_parameter_wherever_it_is_used(account: Account) -> None:
    """A parameter in Sub and If renames the queue, makes the topic and changes what refers to them."""
    cloudwatch = account.cloud.client("cloudwatch")
    assert account.deploy("followed", "", header=PARAMETRISED) == {"Name": "wait-10"}
    assert cloudwatch.describe_alarms(AlarmNames=["watching"])["MetricAlarms"][0]["AlarmActions"] == []
    outputs = account.deploy("followed", "", header=PARAMETRISED, Seconds="20", WithTopic="yes")
    assert outputs == {"Name": "wait-20"}
    urls = account.cloud.client("sqs").list_queues(QueueNamePrefix="wait-")["QueueUrls"]
    assert [url.rsplit("/", 1)[-1] for url in urls] == ["wait-20"]
    alarm = cloudwatch.describe_alarms(AlarmNames=["watching"])["MetricAlarms"][0]
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": "wait-20"}]
    assert alarm["AlarmActions"] == ["arn:aws:sns:us-east-1:123456789012:conditional"]
    account.deploy("followed", "", header=PARAMETRISED, WithTopic="no")
    assert account.cloud.client("sns").list_topics()["Topics"] == []
    urls = account.cloud.client("sqs").list_queues(QueueNamePrefix="wait-")["QueueUrls"]
    assert [url.rsplit("/", 1)[-1] for url in urls] == ["wait-20"]


def test_a_buckets_properties_are_kept(account: Account) -> None:
    """Bucket properties that moto's CloudFormation drops can be read back from S3."""
    bucket = account.deploy(
        "bucket",
        """
        Resources:
          Bucket:
            Type: AWS::S3::Bucket
            DeletionPolicy: Retain
            Properties:
              VersioningConfiguration: {Status: Enabled}
              BucketEncryption:
                ServerSideEncryptionConfiguration:
                  - ServerSideEncryptionByDefault: {SSEAlgorithm: AES256}
              PublicAccessBlockConfiguration:
                BlockPublicAcls: true
                BlockPublicPolicy: true
                IgnorePublicAcls: true
                RestrictPublicBuckets: true
              OwnershipControls: {Rules: [{ObjectOwnership: BucketOwnerEnforced}]}
              LifecycleConfiguration:
                Rules:
                  - Id: unfinished
                    Status: Enabled
                    AbortIncompleteMultipartUpload: {DaysAfterInitiation: 7}
                  - Id: replaced
                    Status: Enabled
                    Prefix: a/
                    TagFilters: [{Key: kind, Value: cache}]
                    NoncurrentVersionExpiration: {NoncurrentDays: 1}
              NotificationConfiguration: {EventBridgeConfiguration: {EventBridgeEnabled: true}}
          Policy:
            Type: AWS::S3::BucketPolicy
            Properties:
              Bucket: !Ref Bucket
              PolicyDocument:
                Version: '2012-10-17'
                Statement:
                  - Effect: Deny
                    Principal: '*'
                    Action: s3:*
                    Resource: !Sub '${Bucket.Arn}/*'
                    Condition: {Bool: {'aws:SecureTransport': 'false'}}
        Outputs: {Name: {Value: !Ref Bucket}}
        """,
    )["Name"]
    s3 = account.cloud.client("s3")
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert set(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values()) == {True}
    rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert rules[0]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert rules[1]["Filter"] == {"And": {"Prefix": "a/", "Tags": [{"Key": "kind", "Value": "cache"}]}}
    assert rules[1]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
    ownership = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    s3.put_object(Bucket=bucket, Key="read", Body=b"back")  # the policy denies plain HTTP, which this is
    assert s3.get_object(Bucket=bucket, Key="read")["Body"].read() == b"back"


def _role(policy: str, action: str) -> str:
    return f"""
        Resources:
          Role:
            Type: AWS::IAM::Role
            Properties:
              RoleName: changing
              AssumeRolePolicyDocument:
                Version: '2012-10-17'
                Statement:
                  - {{Effect: Allow, Principal: {{Service: lambda.amazonaws.com}}, Action: 'sts:AssumeRole'}}
              Policies:
                - PolicyName: {policy}
                  PolicyDocument:
                    Version: '2012-10-17'
                    Statement: [{{Effect: Allow, Action: {action}, Resource: '*'}}]
        """


def test_a_changed_role_has_the_new_policies_alone(account: Account) -> None:
    """An update replaces a role's inline policies."""
    account.deploy("role", _role("old", "s3:GetObject"))
    account.deploy("role", _role("new", "s3:PutObject"))
    iam = account.cloud.client("iam")
    assert iam.list_role_policies(RoleName="changing")["PolicyNames"] == ["new"]
    document: Any = iam.get_role_policy(RoleName="changing", PolicyName="new")["PolicyDocument"]
    assert document["Statement"][0]["Action"] == "s3:PutObject"


def test_a_function_for_another_machine_is_refused(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Runtime or architecture that isn't this machine's is an error that says what to pass."""
    function = "Resources: {F: {Type: 'AWS::Serverless::Function', Properties: {Handler: app.handler}}}"
    template = account.write(function, HELLO)
    with pytest.raises(UnsupportedRuntimeError, match=f"Pass PythonRuntime={runtime.runtime()}"):
        deploy(account.cloud, template, "unsupported", {"PythonRuntime": "python3.8"}, account.state)
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(UnsupportedRuntimeError, match="Pass Architecture=arm64"):
        deploy(account.cloud, template, "unsupported", {"Architecture": "x86_64"}, account.state)


def test_a_template_that_fixes_another_runtime_is_refused(account: Account) -> None:
    """Without the parameter the function itself is refused, with the runtime found and the one available."""
    header = HEADER.replace("!Ref PythonRuntime", "python3.8")
    function = "Resources: {F: {Type: 'AWS::Serverless::Function', Properties: {Handler: app.handler}}}"
    with pytest.raises(DeployError, match=r"F \(AWS::Lambda::Function\): .*the Runtime 'python3\.8'"):
        account.deploy("fixed", function, HELLO, header=header)


def test_the_same_folder_packs_to_the_same_bytes(tmp_path: Path) -> None:
    """A zip depends on names and contents alone, and leaves out compiled and hidden files."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, names in ((first, ("a.py", "b/c.py")), (second, ("b/c.py", "a.py"))):
        (folder / "b" / "__pycache__").mkdir(parents=True)
        for name in names:
            (folder / name).write_text(f"# {name}\n")
    (second / "b" / "__pycache__" / "c.cpython-311.pyc").write_bytes(b"compiled")
    (second / ".hidden").write_text("hidden")
    os.utime(first / "a.py", (0, 1_000_000_000))
    packed = pack(first, tmp_path)
    assert packed == pack(second, tmp_path)
    entries = zipfile.ZipFile(io.BytesIO(packed)).infolist()
    assert [(entry.filename, entry.date_time) for entry in entries] == [("a.py", EPOCH), ("b/c.py", EPOCH)]


def test_packages_are_installed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second pack of the same requirements calls no pip; a changed one does."""
    calls: list[list[str]] = []

    def pip(command: list[str], **_options: Any) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        (Path(command[command.index("--target") + 1]) / "installed.py").write_text("")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", pip)
    folder = tmp_path / "functions"
    folder.mkdir()
    (folder / "requirements.txt").write_text("one==1\n")
    assert pack(folder, tmp_path / "state") == pack(folder, tmp_path / "state")
    assert len(calls) == 1
    (folder / "requirements.txt").write_text("one==2\n")
    assert b"installed.py" in pack(folder, tmp_path / "state")
    assert len(calls) == 2


def test_pips_failure_is_reported(tmp_path: Path) -> None:
    """The error gives pip's own words, and no half-filled folder stays behind."""
    (tmp_path / "requirements.txt").write_text("./no-such-folder\n")
    with pytest.raises(PackageError, match="no-such-folder"):
        pack(tmp_path, tmp_path / "state")
    assert list((tmp_path / "state" / "packages").iterdir()) == []


def test_new_code_is_deployed(account: Account) -> None:
    """After a second deployment the function answers with the new code, the settings and environment too."""
    function = """
        Resources:
          F:
            Type: AWS::Serverless::Function
            Properties: {FunctionName: renewed, Handler: app.handler, Environment: {Variables: {WORD: %s}}}
        """
    code = "import os\ndef handler(event, context):\n    return os.environ['WORD'] + %r\n"
    account.deploy("renewed", function % "one", code % "!")
    assert account.invoke("renewed") == ("one!", None)
    account.deploy("renewed", function % "two", code % "?")
    assert account.invoke("renewed") == ("two?", None)


def test_the_stacks_progress_is_logged(account: Account) -> None:
    """The listener gets each resource's and the stack's final status."""
    account.deploy("progress", "Resources: {Queue: {Type: AWS::SQS::Queue}}")
    assert account.logged("stack", "progress")[-3:] == [
        "Queue CREATE_IN_PROGRESS",
        "Queue CREATE_COMPLETE",
        "CREATE_COMPLETE",
    ]


def test_a_template_that_cannot_be_read_is_refused(account: Account) -> None:
    """A file that is neither YAML nor JSON, or has no resources, is a template error."""
    with pytest.raises(TemplateError, match="neither YAML nor JSON"):
        account.deploy("unread", "", header="Resources: [\n}")
    with pytest.raises(TemplateError, match="at least one Resources member"):
        account.deploy("unread", "", header="Description: nothing\n")


def test_a_missing_folder_of_functions_is_named(account: Account) -> None:
    """A CodeUri that leads nowhere is an error with the path that was looked for."""
    function = "Resources: {F: {Type: 'AWS::Serverless::Function', Properties: {CodeUri: nowhere/}}}"
    with pytest.raises(PackageError, match="/nowhere isn't a folder"):
        account.deploy("nowhere", function)
