"""Functions run as in Lambda: isolated, within their time-out, and again when they fail."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.awslambda.models import lambda_backends

from localcloud.lambda_ import sandbox
from localcloud.lambda_.sqs_poller import Poller
from tests.localcloud.stack_account import Account
from tests.wait import until

STACK = """
Resources:
  Results: {Type: AWS::SQS::Queue}
  Work:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 180
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
  Dead: {Type: AWS::SQS::Queue}
  Look:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: look, Handler: app.look, MemorySize: 256}
  Imports: {Type: AWS::Serverless::Function, Properties: {FunctionName: imports, Handler: app.imports}}
  Sleeps:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: sleeps, Handler: app.sleeps, Timeout: 1}
  Exits: {Type: AWS::Serverless::Function, Properties: {FunctionName: exits, Handler: app.exits}}
  Leaves: {Type: AWS::Serverless::Function, Properties: {FunctionName: leaves, Handler: app.leaves}}
  Broken: {Type: AWS::Serverless::Function, Properties: {FunctionName: broken, Handler: missing.handler}}
  Fails:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: fails
      Handler: app.fails
      EventInvokeConfig:
        DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Results.Arn}}
  Batch:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: batch
      Handler: app.batch
      Events:
        Work:
          Type: SQS
          Properties:
            Queue: !GetAtt Work.Arn
            BatchSize: 10
            FunctionResponseTypes: [ReportBatchItemFailures]
            ScalingConfig: {MaximumConcurrency: 2}
  Logged:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: logged
      Handler: app.logged
      LoggingConfig: {LogFormat: JSON, LogGroup: !Ref Logs}
  Logs: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /tests/logged, RetentionInDays: 7}}
Outputs:
  Results: {Value: !Ref Results}
  Work: {Value: !Ref Work}
  Dead: {Value: !Ref Dead}
"""
FUNCTION = (
    "  {0}: {{Type: AWS::Serverless::Function, Properties: {{FunctionName: {0}, Handler: app.handler}}}}\n"
)
FUNCTIONS = """
import json, logging, os, subprocess, sys, time

def look(event, context):
    import boto3
    return {
        "event": event,
        "name": context.function_name,
        "memory": int(context.memory_limit_in_mb),
        "arn": context.invoked_function_arn,
        "remaining": context.get_remaining_time_in_millis(),
        "caller": boto3.client("sts").get_caller_identity()["Arn"],
        "environment": dict(os.environ),
        "folder": os.getcwd(),
    }

def imports(event, context):
    __import__(event)

def sleeps(event, context):
    print("asleep")
    time.sleep(event)
    return "awake"

def exits(event, context):
    if event == "exit":
        os._exit(7)
    return "alive"

def leaves(event, context):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    os._exit(7)

def fails(event, context):
    raise ValueError(f"no {event}")

def batch(event, context):
    failed = [record["messageId"] for record in event["Records"] if record["body"] == "bad"]
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}

def logged(event, context):
    logging.getLogger().warning("written")
"""


@pytest.fixture(scope="module")
def stack(account: Account) -> dict[str, str]:
    """The outputs of the stack above."""
    return account.deploy("functions", STACK, FUNCTIONS)


@pytest.fixture(params=["awslambdaric", "own loop"])
def _runtime(
    request: pytest.FixtureRequest, account: Account, stack: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both programs that a worker may run; a changed description makes the next invocation a cold start."""
    monkeypatch.setattr(sandbox, "runtime_client_works", lambda: request.param == "awslambdaric")
    for function in ("look", "imports", "exits", "fails", "broken"):
        settings = {"Environment": {"Variables": {"RUNTIME": request.param}}}
        account.cloud.client("lambda").update_function_configuration(FunctionName=function, **settings)


@pytest.mark.usefixtures("_runtime")
def test_a_function_sees_what_lambda_shows_it(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Context, credentials of its role and environment are as in Lambda; the shell's isn't visible."""
    monkeypatch.setenv("PRIVATE", "of the shell")
    seen, error = account.invoke("look", {"a": ["ü"]})
    assert error is None
    assert seen["event"] == {"a": ["ü"]}
    assert (seen["name"], seen["memory"]) == ("look", 256)
    assert seen["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:look"
    assert 20_000 < seen["remaining"] <= 30_000
    assert seen["caller"].startswith("arn:aws:sts::123456789012:assumed-role/functions-LookRole")
    assert seen["environment"]["AWS_LAMBDA_FUNCTION_NAME"] == "look"
    assert seen["environment"]["LAMBDA_TASK_ROOT"] == seen["folder"]
    assert "PRIVATE" not in seen["environment"]


@pytest.mark.usefixtures("_runtime")
@pytest.mark.parametrize("package", ["moto", "torch", "localcloud", "pip", "aws_lambda_powertools"])
def test_a_function_cannot_import_what_lambda_lacks(account: Account, package: str) -> None:
    """Packages of this environment that the zip doesn't hold are out of a function's reach."""
    answer, error = account.invoke("imports", package)
    assert (error, answer["errorType"]) == ("Unhandled", "ModuleNotFoundError")
    assert package in answer["errorMessage"]


@pytest.mark.usefixtures("_runtime")
def test_an_exit_is_an_error_and_the_next_invocation_works(account: Account) -> None:
    """A function that ends its interpreter gets an ExitError; a new worker answers the next event."""
    answer, error = account.invoke("exits", "exit")
    assert (error, answer["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert "exit status 7" in answer["errorMessage"]
    assert account.invoke("exits", "stay") == ("alive", None)


def test_an_exit_is_reported_though_a_grandchild_lives(account: Account, stack: dict[str, str]) -> None:
    """Processes that a function started end with it, and its caller doesn't wait for their output's end."""
    answer, error = account.invoke("leaves")
    assert (error, answer["errorType"]) == ("Unhandled", "Runtime.ExitError")


@pytest.mark.parametrize("kind", ["RequestResponse", "Event"])
def test_an_event_that_is_not_json_is_refused(account: Account, stack: dict[str, str], kind: str) -> None:
    """Invoke answers such a body with 400 InvalidRequestContentException and runs nothing."""
    before = account.logged("log", "look")
    with pytest.raises(ClientError) as refusal:
        account.cloud.client("lambda").invoke(FunctionName="look", InvocationType=kind, Payload=b"not json")
    assert refusal.value.response["Error"]["Code"] == "InvalidRequestContentException"
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert account.logged("log", "look") == before


def test_a_function_that_cannot_be_unpacked_fails_its_invocation(account: Account) -> None:
    """A zip that can't be read is the invocation's error, with the function's name, not a server's fault."""
    account.deploy(
        "unread", "Resources:\n" + FUNCTION.format("unread"), "def handler(event, context):\n    return 1\n"
    )
    lambda_backends[account.cloud.account_id][account.cloud.region].get_function("unread").code_bytes = b"PK"
    answer, error = account.invoke("unread")
    assert error == "Unhandled"
    assert "The code of unread isn't a readable zip" in answer["errorMessage"]


def test_the_provided_packages_appear_whole(tmp_path: Path) -> None:
    """Threads that need the folder at the same time all find every package in it."""
    at_once = threading.Barrier(4)

    def linked(_: int) -> set[str]:
        at_once.wait()
        return {link.name for link in sandbox.link_provided(tmp_path / "runtime").iterdir()}

    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(linked, range(4))
    assert {"boto3", "botocore", "urllib3"} <= first
    assert all(other == first for other in others)


@pytest.mark.usefixtures("_runtime")
def test_a_module_that_is_missing_is_named(account: Account) -> None:
    """A handler that can't be loaded fails every invocation with the reason."""
    for _ in range(2):
        answer, error = account.invoke("broken")
        assert error == "Unhandled"
        assert "No module named 'missing'" in answer["errorMessage"]


@pytest.mark.usefixtures("_runtime")
def test_an_error_is_answered_with_its_trace(account: Account) -> None:
    """A synchronous invocation gets the exception's type, text and place, and is not repeated."""
    answer, error = account.invoke("fails", "way")
    assert error == "Unhandled"
    assert (answer["errorType"], answer["errorMessage"]) == ("ValueError", "no way")
    assert "app.py" in answer["stackTrace"][0]


def test_a_function_that_takes_too_long_is_killed(account: Account, stack: dict[str, str]) -> None:
    """The answer and the log have Lambda's words; the next event finds a new worker."""
    answer, error = account.invoke("sleeps", 600)
    assert error == "Unhandled"
    assert answer["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert account.invoke("sleeps", 0) == ("awake", None)
    logs = account.cloud.client("logs").filter_log_events(logGroupName="/aws/lambda/sleeps")["events"]
    assert any("Task timed out after 1.00 seconds" in event["message"] for event in logs)


def test_an_asynchronous_invocation_is_attempted_three_times_and_then_recorded(
    account: Account, stack: dict[str, str]
) -> None:
    """The on-failure queue gets AWS's record: the event, the error and the number of attempts."""
    account.cloud.client("lambda").invoke(FunctionName="fails", InvocationType="Event", Payload=b'"way"')
    record: Any = json.loads(account.messages(stack["Results"])[0]["Body"])
    assert set(record) == {
        "version",
        "timestamp",
        "requestContext",
        "requestPayload",
        "responseContext",
        "responsePayload",
    }
    assert record["requestPayload"] == "way"
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestContext"]["functionArn"].endswith(":function:fails:$LATEST")
    assert record["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert record["responsePayload"]["errorMessage"] == "no way"


def test_a_message_that_keeps_failing_ends_in_the_dead_letter_queue(
    account: Account, stack: dict[str, str]
) -> None:
    """Of a batch only the failed message is redelivered; after three receives it is a dead-letter message."""
    sqs = account.cloud.client("sqs")
    entries = [
        {"Id": str(number), "MessageBody": body} for number, body in enumerate(("good", "bad", "good"))
    ]
    sqs.send_message_batch(QueueUrl=stack["Work"], Entries=entries)
    assert [message["Body"] for message in account.messages(stack["Dead"])] == ["bad"]
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    left = sqs.get_queue_attributes(QueueUrl=stack["Work"], AttributeNames=counts)["Attributes"]
    assert set(left.values()) == {"0"}


def test_an_error_of_one_batch_does_not_stop_the_poller(
    account: Account, stack: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that breaks the poller is reported as its thread's error, and the next one is handled."""
    errors: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", errors.append)
    settle = Poller._settle

    def break_down(poller: Poller, messages: list[dict[str, Any]], invocation: Any) -> None:
        if messages[0]["Body"] == "break":
            raise RuntimeError("bad batch")
        settle(poller, messages, invocation)

    monkeypatch.setattr(Poller, "_settle", break_down)
    sqs = account.cloud.client("sqs")
    sqs.send_message(QueueUrl=stack["Work"], MessageBody="break")
    until(lambda: errors)
    sqs.send_message(QueueUrl=stack["Work"], MessageBody="bad")
    assert [message["Body"] for message in account.messages(stack["Dead"])] == ["bad"]
    assert [str(error.exc_value) for error in errors] == ["bad batch"]


def test_logs_go_to_the_functions_log_group_and_to_the_listener(
    account: Account, stack: dict[str, str]
) -> None:
    """A function's log lines, in the format that its template asks for, can be read from CloudWatch Logs."""
    account.invoke("logged")

    def written() -> Any:
        events = account.cloud.client("logs").filter_log_events(logGroupName="/tests/logged")["events"]
        return [json.loads(event["message"]) for event in events if event["message"].startswith("{")]

    assert until(written)[0]["message"] == "written"
    assert any('"written"' in line for line in account.logged("log", "logged"))
    groups = account.cloud.client("logs").describe_log_groups(logGroupNamePrefix="/tests/logged")["logGroups"]
    assert groups[0]["retentionInDays"] == 7
