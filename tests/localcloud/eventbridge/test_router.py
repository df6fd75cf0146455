"""Events reach the targets of the rules that they match, in the shape that AWS documents."""

import json
import threading
from typing import Any

import pytest

from localcloud.eventbridge.router import Router
from tests.localcloud.stack_account import Account
from tests.settings_and_events import event as sample
from tests.wait import until

STACK = """
Resources:
  Data:
    Type: AWS::S3::Bucket
    Properties:
      VersioningConfiguration: {Status: Enabled}
      NotificationConfiguration: {EventBridgeConfiguration: {}}
  Plain:
    Type: AWS::S3::Bucket
    Properties: {NotificationConfiguration: {EventBridgeConfiguration: {EventBridgeEnabled: true}}}
  Silent: {Type: AWS::S3::Bucket}
  Open:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Seen, !Ref News, !Ref DeadLetters, !Ref Uploads]
      PolicyDocument:
        Statement:
          Effect: Allow
          Principal: {Service: events.amazonaws.com}
          Action: sqs:SendMessage
          Resource: '*'
  Closed: {Type: AWS::SQS::Queue}
  Shut:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [tests], detail: {about: [doors]}}
      Targets: [{Id: closed, Arn: !GetAtt Closed.Arn, DeadLetterConfig: {Arn: !GetAtt DeadLetters.Arn}}]
  Seen: {Type: AWS::SQS::Queue}
  News: {Type: AWS::SQS::Queue}
  DeadLetters: {Type: AWS::SQS::Queue}
  Everything:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [aws.s3]}
      Targets: [{Id: seen, Arn: !GetAtt Seen.Arn}]
  Manifests:
    Type: AWS::Events::Rule
    Properties:
      EventPattern:
        source: [aws.s3]
        detail-type: [Object Created]
        detail: {object: {key: [{wildcard: 'incoming/*/manifest.jsonl'}]}}
      Targets: [{Id: uploads, Arn: !GetAtt Uploads.Arn}]
  Uploads: {Type: AWS::SQS::Queue}
  Copy:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.copy
      Environment: {Variables: {BUCKET: !Ref Data}}
      Policies: [{Statement: {Effect: Allow, Action: s3:PutObject, Resource: !Sub '${Data.Arn}/copied'}}]
      Events:
        Uploaded:
          Type: SQS
          Properties: {Queue: !GetAtt Uploads.Arn, BatchSize: 1}
  Off:
    Type: AWS::Events::Rule
    Properties:
      State: DISABLED
      EventPattern: {source: [tests]}
      Targets: [{Id: never, Arn: !GetAtt Seen.Arn}]
  Topic:
    Type: AWS::SNS::Topic
  NewsPolicy:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref Topic, Protocol: sqs, Endpoint: !GetAtt News.Arn, RawMessageDelivery: true}
  Announced:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [tests], detail: {about: [topics]}}
      Targets: [{Id: topic, Arn: !Ref Topic, InputPath: $.detail}]
  Lost:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [tests], detail: {about: [losses]}}
      Targets:
        - Id: lost
          Arn: !Sub 'arn:aws:sqs:${AWS::Region}:${AWS::AccountId}:missing'
          DeadLetterConfig: {Arn: !GetAtt DeadLetters.Arn}
Outputs:
  Data: {Value: !Ref Data}
  Plain: {Value: !Ref Plain}
  Silent: {Value: !Ref Silent}
  Seen: {Value: !Ref Seen}
  News: {Value: !Ref News}
  DeadLetters: {Value: !Ref DeadLetters}
"""
FUNCTIONS = """
import json, os
import boto3

def copy(event, context):
    for record in event["Records"]:
        uploaded = json.loads(record["body"])["detail"]["object"]
        body = json.dumps({"key": uploaded["key"], "version": uploaded["version-id"]})
        boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key="copied", Body=body)
"""


@pytest.fixture(scope="module")
def stack(account: Account) -> dict[str, str]:
    """The outputs of the stack above."""
    return account.deploy("events", STACK, FUNCTIONS)


def shape(value: Any) -> Any:
    """An event's keys and types, without its values."""
    return {key: shape(part) for key, part in value.items()} if isinstance(value, dict) else type(value)


def s3_event(account: Account, stack: dict[str, str], key: str) -> dict[str, Any]:
    """The one event about an object."""
    while True:
        for message in account.messages(stack["Seen"]):
            event: dict[str, Any] = json.loads(message["Body"])
            if event["detail"]["object"]["key"] == key:
                return event


def test_an_upload_reaches_the_function_through_rule_and_queue(
    account: Account, stack: dict[str, str]
) -> None:
    """The function writes what its event says: the key as it is, and the version that was uploaded."""
    s3, key = account.cloud.client("s3"), "incoming/spring holidays/ü+1/manifest.jsonl"
    version = s3.put_object(Bucket=stack["Data"], Key=key, Body=b"{}\n")["VersionId"]

    def copied() -> Any:
        objects = s3.list_objects_v2(Bucket=stack["Data"], Prefix="copied").get("Contents")
        return objects and s3.get_object(Bucket=stack["Data"], Key="copied")["Body"].read()

    assert json.loads(until(copied)) == {"key": key, "version": version}


def test_an_upload_event_has_the_documented_shape(account: Account, stack: dict[str, str]) -> None:
    """The event of an upload has the keys and types of AWS's sample, and the object's own figures."""
    account.cloud.client("s3").put_object(Bucket=stack["Data"], Key="shaped", Body=b"12345")
    event = s3_event(account, stack, "shaped")
    documented = sample("s3_object_created")
    assert shape(event) == shape(documented)
    assert event["detail"]["object"]["size"] == 5
    assert event["detail"]["object"]["etag"] == "827ccb0eea8a706c4c34a16891f84e7b"
    assert event["detail"]["reason"] == "PutObject"
    assert event["resources"] == [f"arn:aws:s3:::{stack['Data']}"]


def test_without_versioning_an_event_names_no_version(account: Account, stack: dict[str, str]) -> None:
    """The event of a bucket that isn't versioned has no version-id, rather than an empty one."""
    account.cloud.client("s3").put_object(Bucket=stack["Plain"], Key="unversioned", Body=b"")
    assert "version-id" not in s3_event(account, stack, "unversioned")["detail"]["object"]


def test_a_multipart_upload_is_one_event(account: Account, stack: dict[str, str]) -> None:
    """The parts of a large upload make one event, with the reason that AWS gives."""
    s3, where = account.cloud.client("s3"), {"Bucket": stack["Data"], "Key": "in-parts"}
    upload = s3.create_multipart_upload(**where)["UploadId"]
    part = s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"part")
    parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    version = s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=parts)["VersionId"]
    detail = s3_event(account, stack, "in-parts")["detail"]
    assert (detail["reason"], detail["object"]["size"]) == ("CompleteMultipartUpload", 4)
    assert detail["object"]["version-id"] == version
    s3.put_object(Bucket=stack["Data"], Key="after-parts", Body=b"")
    messages = account.messages(stack["Seen"])
    assert [json.loads(message["Body"])["detail"]["object"]["key"] for message in messages] == ["after-parts"]


def test_a_copy_is_one_event(account: Account, stack: dict[str, str]) -> None:
    """A copy inside S3 makes one event, with the reason that AWS gives."""
    s3 = account.cloud.client("s3")
    source = {"Bucket": stack["Silent"], "Key": "original"}
    s3.put_object(**source, Body=b"text")
    s3.copy_object(Bucket=stack["Data"], Key="copy", CopySource=source)
    assert s3_event(account, stack, "copy")["detail"]["reason"] == "CopyObject"


def test_a_bucket_without_eventbridge_is_silent(account: Account, stack: dict[str, str]) -> None:
    """An upload to a bucket without the notification makes no event; the next one elsewhere does."""
    s3 = account.cloud.client("s3")
    s3.put_object(Bucket=stack["Silent"], Key="unannounced", Body=b"")
    s3.put_object(Bucket=stack["Data"], Key="announced", Body=b"")
    messages = account.messages(stack["Seen"])
    assert [json.loads(message["Body"])["detail"]["object"]["key"] for message in messages] == ["announced"]


def test_an_undeliverable_event_goes_to_the_targets_dead_letter_queue(
    account: Account, stack: dict[str, str]
) -> None:
    """The dead-letter message is the event, with attributes that say which rule and target failed and why."""
    entry = {"Source": "tests", "DetailType": "Loss", "Detail": '{"about": "losses"}'}
    answer = account.cloud.client("events").put_events(Entries=[entry])
    message = account.messages(stack["DeadLetters"])[0]
    assert json.loads(message["Body"])["id"] == answer["Entries"][0]["EventId"]
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes["TARGET_ARN"].endswith(":missing")
    assert ":rule/events-Lost" in attributes["RULE_ARN"]
    assert "NonExistentQueue" in attributes["ERROR_CODE"]


def test_a_topic_gets_the_part_that_the_target_names(account: Account, stack: dict[str, str]) -> None:
    """A rule's topic publishes to its subscribers the part of the event that InputPath selects."""
    entry = {"Source": "tests", "DetailType": "News", "Detail": '{"about": "topics"}'}
    account.cloud.client("events").put_events(Entries=[entry])
    assert json.loads(account.messages(stack["News"])[0]["Body"]) == {"about": "topics"}


@pytest.mark.parametrize(
    "item",
    [
        {"numeric": [">", "a"]},
        {"numeric": [">"]},
        {"prefix": 5},
        {"cidr": "10.0.0.0/99"},
        {"anything-but": {"numeric": [">", 5]}},
        {"exists": "yes"},
        {"unknown": 1},
        {"prefix": "a", "suffix": "b"},
        ["nested"],
    ],
)
def test_a_pattern_that_cannot_be_matched_is_refused(account: Account, item: Any) -> None:
    """A rule whose pattern has an unknown operator, or a value that it can't take, is never made."""
    events = account.cloud.client("events")
    pattern = json.dumps({"source": ["tests"], "$or": [{"detail": {"x": [item]}}, {"detail": {"y": [1]}}]})
    with pytest.raises(events.exceptions.InvalidEventPatternException, match="Reason: 'x': "):
        events.put_rule(Name="unmatchable", EventPattern=pattern)
    assert events.list_rules(NamePrefix="unmatchable")["Rules"] == []


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ({"numeric": [">", 0, "<=", 5]}, 5),
        ({"prefix": {"equals-ignore-case": "AB"}}, "abc"),
        ({"suffix": "c"}, "abc"),
        ({"wildcard": "a*c"}, "abc"),
        ({"cidr": "10.0.0.0/8"}, "10.1.2.3"),
        ({"anything-but": ["a", 5]}, "b"),
        ({"anything-but": {"prefix": "b"}}, "abc"),
        ({"anything-but": {"wildcard": "b*"}}, "abc"),
        ({"exists": True}, "abc"),
        ({"equals-ignore-case": "ABC"}, "abc"),
    ],
)
def test_every_operator_that_is_taken_matches(
    account: Account, stack: dict[str, str], item: Any, value: Any
) -> None:
    """A rule with the operator delivers the event that it is made for."""
    events = account.cloud.client("events")
    events.put_rule(Name="taken", EventPattern=json.dumps({"source": ["taken"], "detail": {"x": [item]}}))
    published = "arn:aws:sqs:us-east-1:123456789012:" + stack["News"].rpartition("/")[2]
    events.put_targets(Rule="taken", Targets=[{"Id": "published", "Arn": published, "InputPath": "$.detail"}])
    entry = {"Source": "taken", "DetailType": "Taken", "Detail": json.dumps({"x": value})}
    events.put_events(Entries=[entry])
    assert json.loads(account.messages(stack["News"])[0]["Body"]) == {"x": value}
    events.remove_targets(Rule="taken", Ids=["published"])


def test_a_queue_whose_policy_denies_a_rule_gets_nothing(account: Account, stack: dict[str, str]) -> None:
    """As in AWS, the event goes to the target's dead-letter queue immediately, with the reason."""
    entry = {"Source": "tests", "DetailType": "Shut", "Detail": json.dumps({"about": "doors"})}
    account.cloud.client("events").put_events(Entries=[entry])
    (message,) = account.messages(stack["DeadLetters"])
    attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert attributes["ERROR_CODE"] == "NO_PERMISSIONS"
    assert "AWS::SQS::QueuePolicy" in attributes["ERROR_MESSAGE"]
    assert any("sqs:SendMessage" in text for text in account.logged("denial", "Shut"))


def test_an_error_of_one_event_does_not_stop_the_others(
    account: Account, stack: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event that breaks the router is reported as its thread's error, and the next one is delivered."""
    errors: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", errors.append)
    route = Router.route

    def break_down(router: Router, event: dict[str, Any]) -> None:
        if event["detail-type"] == "Bad":
            raise RuntimeError("bad event")
        route(router, event)

    monkeypatch.setattr(Router, "route", break_down)
    entries = [
        {"Source": "tests", "DetailType": kind, "Detail": '{"about": "topics"}'} for kind in ("Bad", "Good")
    ]
    account.cloud.client("events").put_events(Entries=entries)
    assert json.loads(account.messages(stack["News"])[0]["Body"]) == {"about": "topics"}
    assert [str(error.exc_value) for error in errors] == ["bad event"]


def test_a_deletion_of_a_versioned_object_sends_no_event(account: Account, stack: dict[str, str]) -> None:
    """Only uploads are announced; an object's deletion sends no event."""
    s3 = account.cloud.client("s3")
    s3.put_object(Bucket=stack["Data"], Key="deleted", Body=b"")
    assert s3.delete_object(Bucket=stack["Data"], Key="deleted")["DeleteMarker"]
    s3.put_object(Bucket=stack["Data"], Key="after", Body=b"")
    seen: list[str] = []
    while "after" not in seen:
        details = [json.loads(message["Body"])["detail"] for message in account.messages(stack["Seen"])]
        seen += [detail["object"]["key"] for detail in details]
    assert [key for key in seen if key in ("deleted", "after")] == ["deleted", "after"]


def test_put_events_refuses_what_aws_refuses(account: Account) -> None:
    """A source of AWS's own, a missing field and a malformed detail are refused, each entry by itself."""
    entries = [
        {"Source": "aws.s3", "DetailType": "Object Created", "Detail": "{}"},
        {"Source": "tests", "DetailType": "Nothing"},
        {"Source": "tests", "DetailType": "Malformed", "Detail": "{"},
        {"Source": "tests", "DetailType": "Fine", "Detail": "{}"},
    ]
    answers = account.cloud.client("events").put_events(Entries=entries)["Entries"]
    codes = [answer.get("ErrorCode") for answer in answers]
    assert codes == ["NotAuthorizedForSourceException", "InvalidArgument", "MalformedDetail", None]
