"""The functions: their code, their environment, how large they are, and what feeds them."""

import importlib
import re
from dataclasses import fields
from typing import NamedTuple

import pytest

from batch_prediction.settings import Settings
from batch_prediction.sweep import sweep
from tests.template.document import ROOT, function, of_type, properties, template


class Size(NamedTuple):
    """A function's seconds, MB of memory, MB of disk, and invocations at once by its queue."""

    seconds: int
    memory: int
    disk: int = 512  # Lambda's own
    at_once: int | None = None


ONE_CPU = 1769  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
# Those that read and write whole batches have a CPU of their own; the others ask SageMaker a few things.
SIZES = {
    "StartTransform": Size(600, ONE_CPU, at_once=5),  # lists and writes a million lines
    "WriteReport": Size(300, ONE_CPU, disk=1024, at_once=5),  # predictions.csv of a million images
    "TrainBestModel": Size(300, 512),
    "RegisterModel": Size(300, 512),
    "Sweep": Size(300, 512),
}
QUEUES = {"StartTransform": "UploadQueue", "WriteReport": "ReportQueue"}
LETTERS = {
    "TrainBestModel": "TrainingDeadLetters",
    "RegisterModel": "TrainingDeadLetters",
    "Sweep": "SweepDeadLetters",
}
# Environment variables that aren't a parameter of their own name.
RESOURCES = {
    "BUCKET": {"Ref": "DataBucket"},
    "REGION": {"Ref": "AWS::Region"},
    "SAGEMAKER_ROLE_ARN": {"Fn::GetAtt": ["SageMakerRole", "Arn"]},
    "UPLOAD_QUEUE_URL": {"Ref": "UploadQueue"},
    "REPORT_QUEUE_URL": {"Ref": "ReportQueue"},
    "NOTIFICATIONS_TOPIC_ARN": {"Ref": "Notifications"},
    "POWERTOOLS_SERVICE_NAME": {"Ref": "Name"},
}


def kebab(name: str) -> str:
    """StartTransform as start-transform."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def test_every_function_is_in_the_table() -> None:
    """A new one has a row above."""
    assert set(of_type("AWS::Serverless::Function")) == set(SIZES)


@pytest.mark.parametrize("name", SIZES)
def test_a_function_and_its_handler_are_named_like_its_resource(name: str) -> None:
    """Each Handler string names a module of its own below functions/, and a function in it."""
    assert function(name)["FunctionName"] == {"Fn::Sub": f"${{Name}}-{kebab(name)}"}
    module, _, handler = function(name)["Handler"].rpartition(".")
    assert module == kebab(name).replace("-", "_")
    assert (ROOT / function(name)["CodeUri"] / f"{module}.py").is_file()
    assert callable(getattr(importlib.import_module(module), handler))


@pytest.mark.parametrize("name", SIZES)
def test_a_function_runs_where_its_packages_were_built_for(name: str) -> None:
    """Runtime and processor are the parameters: the zip holds compiled wheels."""
    assert function(name)["Runtime"] == {"Ref": "PythonRuntime"}
    assert function(name)["Architectures"] == [{"Ref": "Architecture"}]


@pytest.mark.parametrize("name", SIZES)
def test_a_function_is_as_large_as_its_work(name: str) -> None:
    """Lambda ends it after its time, and refuses more than fifteen minutes."""
    body, size = function(name), SIZES[name]
    assert (body["Timeout"], body["MemorySize"]) == (size.seconds, size.memory)
    assert body["Timeout"] <= 900
    assert body.get("EphemeralStorage", {"Size": 512}) == {"Size": size.disk}


def test_the_environment_is_what_the_settings_read() -> None:
    """Every field of Settings is an environment variable of all functions, and nothing else is."""
    variables = template()["Globals"]["Function"]["Environment"]["Variables"]
    assert {name for name in variables if not name.startswith("POWERTOOLS_")} == {
        field.name.upper() for field in fields(Settings)
    }
    assert not any("Environment" in own for own in of_type("AWS::Serverless::Function").values())


def test_each_setting_comes_from_the_parameter_of_its_name() -> None:
    """Or from the resource that it names: a swapped pair would be read without an error."""
    variables = template()["Globals"]["Function"]["Environment"]["Variables"]
    assert variables == {
        name: RESOURCES.get(name, {"Ref": name.title().replace("_", "")}) for name in variables
    }
    assert set(RESOURCES) <= set(variables)


@pytest.mark.parametrize("name", QUEUES)
def test_a_function_takes_one_message_at_a_time_from_its_own_queue(name: str) -> None:
    """An error concerns one message, which SQS delivers again and at last moves to the dead-letter queue."""
    (source,) = function(name)["Events"].values()
    assert source == {
        "Type": "SQS",
        "Properties": {
            "Queue": {"Fn::GetAtt": [QUEUES[name], "Arn"]},
            "BatchSize": 1,
            "ScalingConfig": {"MaximumConcurrency": SIZES[name].at_once},
        },
    }
    assert "EventInvokeConfig" not in function(name)


def test_the_queues_fit_into_a_new_accounts_lambda() -> None:
    """SQS needs two at least; a new account runs ten functions at once.

    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """
    at_once = [
        function(name)["Events"][event]["Properties"]["ScalingConfig"]["MaximumConcurrency"]
        for name in QUEUES
        for event in function(name)["Events"]
    ]
    assert all(number >= 2 for number in at_once)
    assert sum(at_once) <= 10


@pytest.mark.parametrize("name", LETTERS)
def test_an_event_that_fails_three_times_is_kept(name: str) -> None:
    """Lambda invokes twice again, and then sends the event to the dead-letter queue."""
    assert function(name)["EventInvokeConfig"] == {
        "MaximumRetryAttempts": 2,
        "DestinationConfig": {
            "OnFailure": {"Type": "SQS", "Destination": {"Fn::GetAtt": [LETTERS[name], "Arn"]}}
        },
    }
    assert "Events" not in function(name)


def test_only_functions_that_go_on_by_themselves_may_do_so_for_long() -> None:
    """Lambda stops a loop after some 16 rounds, which is what it should do with all the others.

    A run waits by its message in its function's own queue; a sweep that has no time left invokes itself.
    """
    loops = {name: function(name).get("RecursiveLoop", "Terminate") for name in SIZES}
    assert {name for name, loop in loops.items() if loop == "Allow"} == {"StartTransform", "Sweep"}
    assert set(loops.values()) == {"Allow", "Terminate"}


@pytest.mark.parametrize("name", SIZES)
def test_every_function_has_a_log_group_with_retention(name: str) -> None:
    """Logs end some day, the group is the one that the function writes to, and its lines are JSON objects."""
    assert function(name)["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": {"Ref": f"{name}Logs"}}
    assert properties(f"{name}Logs") == {
        "LogGroupName": {"Fn::Sub": f"/aws/lambda/${{Name}}-{kebab(name)}"},
        "RetentionInDays": {"Ref": "LogRetentionDays"},
        "KmsKeyId": {"Fn::If": ["HasKey", {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}]},
    }


def test_there_is_no_other_log_group() -> None:
    """One that nothing writes to would be left from a function that is gone."""
    assert set(of_type("AWS::Logs::LogGroup")) == {f"{name}Logs" for name in SIZES}


def test_the_sweep_goes_on_within_its_time() -> None:
    """A fifth of its time is left when it hands over to its next invocation."""
    assert function("Sweep")["Timeout"] >= 5 * sweep.RESERVE
