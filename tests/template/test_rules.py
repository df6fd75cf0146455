"""EventBridge's rules: which events they route, where to, and which they leave alone.

Patterns are matched by moto's EventPattern, as in the local cloud.
"""

import copy
import json
from typing import Any

import pytest
from moto.events.models import EventPattern

from batch_prediction.layout import ARCHIVES, MANIFESTS, Archive, Manifest, spellings
from batch_prediction.sweep import overdue
from tests.settings_and_events import EVENTS as FILES
from tests.settings_and_events import event
from tests.template.deployed import EVENTS, arn, deployed
from tests.template.document import of_type, properties

# Rule, its target, the queue for what the target refuses, and the documented events that it routes.
ROUTES = {
    "UploadRule": ("UploadQueue", "UploadDeadLetters", "s3_object_created"),
    "TransformEndedRule": ("ReportQueue", "ReportDeadLetters", "transform_job"),
    "TuningEndedRule": ("TrainBestModel", "TrainingDeadLetters", "tuning_job"),
    "TrainingEndedRule": ("RegisterModel", "TrainingDeadLetters", "training_job"),
    "SweepRule": ("Sweep", "SweepDeadLetters", ""),
}
PATTERNS = [rule for rule, (_, _, sample) in ROUTES.items() if sample]
SAMPLES = sorted(file.stem for file in FILES.glob("*.json") if file.stem not in ("sqs_message", "scheduled"))
FOLDER = "incoming/spring/b7"
STATUS = {
    "TransformEndedRule": ("transform_job_completed", "TransformJobStatus"),
    "TuningEndedRule": ("tuning_job_completed", "HyperParameterTuningJobStatus"),
    "TrainingEndedRule": ("training_job_completed", "TrainingJobStatus"),
}
# Where a job writes, in its event, and the one folder by which it is the rule's.
WRITES = {
    "TransformEndedRule": (("detail", "TransformOutput", "S3OutputPath"), "runs"),
    "TuningEndedRule": (("detail", "TrainingJobDefinition", "OutputDataConfig", "S3OutputPath"), "trials"),
    "TrainingEndedRule": (("detail", "OutputDataConfig", "S3OutputPath"), "models"),
}


def matches(rule: str, sent: dict[str, Any]) -> bool:
    """Whether a rule of the stack, whose bucket is digits-bucket, routes an event."""
    found: Any = EventPattern.load(json.dumps(deployed(properties(rule)["EventPattern"])))
    return bool(found.matches_event(sent))


def changed(sample: str, *path: str, value: Any) -> dict[str, Any]:
    """A documented event with one field changed."""
    sent = copy.deepcopy(event(sample))
    inner = sent
    for name in path[:-1]:
        inner = inner[name]
    assert path[-1] in inner, path
    inner[path[-1]] = value
    return sent


def uploaded(key: str) -> dict[str, Any]:
    """The event of an object that was written to the stack's bucket."""
    return changed("s3_object_created", "detail", "object", "key", value=key)


def test_every_rule_is_in_the_table() -> None:
    """A new one has a row above."""
    assert set(of_type("AWS::Events::Rule")) == set(ROUTES)


@pytest.mark.parametrize("rule", ROUTES)
def test_a_rule_has_one_target_and_a_dead_letter_queue(rule: str) -> None:
    """What the target refuses, or what it doesn't answer for a day, isn't lost; the rule is enabled."""
    target, letters, _ = ROUTES[rule]
    (only,) = deployed(properties(rule)["Targets"])
    assert only.pop("Id")
    assert only == {"Arn": arn(target), "DeadLetterConfig": {"Arn": arn(letters)}}
    assert properties(rule).get("State", "ENABLED") == "ENABLED"


@pytest.mark.parametrize("rule", ["TuningEndedRule", "TrainingEndedRule", "SweepRule"])
def test_eventbridge_may_invoke_a_function_for_its_rule_alone(rule: str) -> None:
    """The permission names the rule, so no other rule of any account can invoke the function."""
    function = ROUTES[rule][0]
    permissions = [deployed(one) for one in of_type("AWS::Lambda::Permission").values()]
    assert [one for one in permissions if one["FunctionName"] == deployed({"Ref": function})] == [
        {
            "FunctionName": deployed({"Ref": function}),
            "Action": "lambda:InvokeFunction",
            "Principal": EVENTS,
            "SourceArn": arn(rule),
        }
    ]


def test_no_other_function_may_be_invoked() -> None:
    """The functions with queues take their messages themselves."""
    assert len(of_type("AWS::Lambda::Permission")) == 3


@pytest.mark.parametrize("rule", PATTERNS)
@pytest.mark.parametrize("sample", SAMPLES)
def test_a_rule_routes_its_own_documented_events_and_no_other(rule: str, sample: str) -> None:
    """Each of AWS's documented events goes to one function."""
    assert matches(rule, event(sample)) == sample.startswith(ROUTES[rule][2])


@pytest.mark.parametrize("rule", PATTERNS)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("account", "210987654321"),
        ("source", "my.application"),
        *(("detail-type", f"Object {what}") for what in ("Deleted", "Restore Completed", "Tags Added")),
        *(("detail-type", f"SageMaker {what} State Change") for what in ("Endpoint", "Model Package")),
    ],
)
def test_an_event_of_another_account_source_or_kind_is_left_alone(rule: str, field: str, value: str) -> None:
    """Anybody may send events of a source that doesn't begin with `aws.`."""
    for sample in SAMPLES:
        assert not matches(rule, changed(sample, field, value=value))


@pytest.mark.parametrize("rule", PATTERNS)
def test_a_pattern_has_no_more_alternatives_than_these_tests_try(rule: str) -> None:
    """There is one account, one bucket, one folder; manifests have many names, a job ends in three ways."""
    alternatives = sorted(len(values) for values in _lists(properties(rule)["EventPattern"]))
    assert alternatives == (
        [1, 1, 1, 1, 3 * len(MANIFESTS) + 2 * len(ARCHIVES)] if rule == "UploadRule" else [1, 1, 1, 1, 3]
    )


def _lists(pattern: Any) -> list[list[Any]]:
    if isinstance(pattern, list):
        return [pattern]
    return [found for inside in pattern.values() for found in _lists(inside)]


@pytest.mark.parametrize(
    "key",
    [
        *(f"{FOLDER}/{spelling}" for name in MANIFESTS for spelling in spellings(name)),
        "incoming/b7/manifest.jsonl",
        "incoming/b7/Manifest.jsonl",
        "incoming/b7/MANIFEST.CSV",
        "incoming/b7/labels.csv",
        "incoming/b/manifest.jsonl/manifest.csv",
        "incoming/Größe 7/manifest.csv",
    ],
)
def test_a_manifest_of_any_name_starts_a_run(key: str) -> None:
    """In a folder of any depth below incoming/: what the rule lets through, the function reads."""
    assert matches("UploadRule", uploaded(key))
    assert Manifest.at(key).folder == key.rpartition("/")[0] + "/"


@pytest.mark.parametrize("folder", ["incoming", FOLDER])
@pytest.mark.parametrize("ending", [*ARCHIVES, *map(str.upper, ARCHIVES)])
def test_an_archive_of_any_ending_starts_a_run(folder: str, ending: str) -> None:
    """Also at the top of incoming/, as it is a batch by itself."""
    key = f"{folder}/b7{ending}"
    assert matches("UploadRule", uploaded(key))
    assert Archive.at(key).batch == key.removeprefix("incoming/")


def test_the_rule_of_uploads_isn_t_longer_than_eventbridge_lets_it_be() -> None:
    """2,048 characters, with a bucket's longest name.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
    """
    pattern = properties("UploadRule")["EventPattern"]
    named = pattern | {"account": ["1" * 12]}
    named["detail"] = named["detail"] | {"bucket": {"name": ["b" * 63]}}
    assert len(json.dumps(named)) <= 2_048


@pytest.mark.parametrize(
    "key",
    [
        "reports/b7/20261122t154022z-1a2b3c4d/manifest.jsonl",
        "runs/b7/20261122t154022z-1a2b3c4d/input/part-00000.jsonl",
        "runs/incoming/b7/manifest.jsonl",
        "runs/incoming/b7/manifest.csv",
        "reports/b7/manifest.csv",
        "datasets/mnist/manifest.jsonl",
        "xincoming/b7/manifest.jsonl",
        "incoming/b7/0001.png",
        "incoming/manifest.jsonl",
        "incoming/manifest.csv",
        "incoming/manifest.jsonl.txt",
        "incoming/b7/manifest.jsonl.txt",
        "incoming/b7/manifest.jsonl/",
        "incoming/b7/manifest.csv.gz",
        "incoming/b7.zip/1.png",
        "incoming/b7.Zip",
        "incoming/b7.rar",
        "incoming/b7zip",
        "incoming/b7.gz",
        "runs/b7.zip",
        "reports/incoming/b7.tar",
        "incoming/b7/my-manifest.jsonl",
        "incoming/b7/my-manifest.csv",
        "incoming/b7/manifest.txt",
        "incoming/b7/manifestxjsonl",
        "incoming/b7/mAnifest.jsonl",
        "incoming/b7/labels.json",
        "incoming/b7/0001.json",
        "Incoming/b7/manifest.jsonl",
    ],
)
def test_nothing_but_a_manifest_below_incoming_starts_a_run(key: str) -> None:
    """What the stack itself writes can never start another run."""
    assert not matches("UploadRule", uploaded(key))


@pytest.mark.parametrize("bucket", ["other", "digits-bucket-2", "digits"])
def test_no_other_bucket_starts_a_run(bucket: str) -> None:
    """An upload elsewhere in the account is not this stack's."""
    assert not matches("UploadRule", changed("s3_object_created", "detail", "bucket", "name", value=bucket))


@pytest.mark.parametrize("rule", STATUS)
@pytest.mark.parametrize(
    ("status", "ended"),
    [("InProgress", False), ("Stopping", False), ("Completed", True), ("Failed", True), ("Stopped", True)],
)
def test_every_ended_job_wakes_its_function_and_no_other_does(rule: str, status: str, ended: bool) -> None:
    """A failed and a stopped job are reported like a completed one; a job that still runs wakes nobody."""
    sample, field = STATUS[rule]
    assert matches(rule, changed(sample, "detail", field, value=status)) == ended


@pytest.mark.parametrize("rule", WRITES)
@pytest.mark.parametrize("folder", ["runs", "trials", "models", "reports", "incoming", "elsewhere"])
def test_a_job_is_this_stacks_by_where_it_writes(rule: str, folder: str) -> None:
    """A trial is a training job, too, that no package is made of; other buckets and folders are others'."""
    (sample, _), (path, own) = STATUS[rule], WRITES[rule]
    for bucket, ours in (("digits-bucket", True), ("digits-bucket-2", False), ("other", False)):
        there = f"s3://{bucket}/{folder}/b7/"
        assert matches(rule, changed(sample, *path, value=there)) == (ours and folder == own)
    beside = f"s3://digits-bucket/{own}-of-others/b7/"
    assert not matches(rule, changed(sample, *path, value=beside))


def test_the_sweep_comes_every_fifteen_minutes() -> None:
    """Its rule and its period in the code agree."""
    rule = properties("SweepRule")
    assert rule["ScheduleExpression"] == f"rate({overdue.PERIOD.total_seconds() / 60:.0f} minutes)"
    assert "EventPattern" not in rule


def test_a_rule_with_a_pattern_has_no_schedule() -> None:
    """It would invoke its function with an event that isn't one of its own."""
    assert not any("ScheduleExpression" in properties(rule) for rule in PATTERNS)
