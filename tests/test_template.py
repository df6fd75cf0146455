"""template.yaml: what it promises, checked on the template as it is written and as SAM translates it."""

import ast
import copy
import importlib
import json
from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from moto.events.models import EventPattern
from samtranslator.yaml_helper import yaml_parse

from batch_prediction import sweep
from batch_prediction.aws import metrics, queues
from batch_prediction.settings import Settings
from batch_prediction.start import waiting
from tests.settings_and_events import event

ROOT = Path(__file__).parents[1]
TEMPLATE: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
GLOBALS = TEMPLATE["Globals"]["Function"]


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """The properties of the resources of a type, by logical name; there is at least one."""
    found = {name: body.get("Properties", {}) for name, body in RESOURCES.items() if body["Type"] == kind}
    assert found, f"template.yaml has no {kind}"
    return found


FUNCTIONS = of_type("AWS::Serverless::Function")
QUEUES = of_type("AWS::SQS::Queue")
RULES = of_type("AWS::Events::Rule")


def policies() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement that allows something to a function or to SageMaker."""
    for name, function in FUNCTIONS.items():
        for policy in function["Policies"]:
            for statement in policy["Statement"]:
                yield name, statement
    for name, role in of_type("AWS::IAM::Role").items():
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement


def many(value: Any) -> list[Any]:
    """One or several, as IAM and events write them."""
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_handler_can_be_imported(name: str) -> None:
    """Each Handler string names a module below functions/ and a function in it."""
    module, _, function = FUNCTIONS[name]["Handler"].rpartition(".")
    assert (ROOT / GLOBALS["CodeUri"] / f"{module}.py").is_file()
    assert callable(getattr(importlib.import_module(module), function))


def test_the_environment_is_what_the_settings_read() -> None:
    """Every field of Settings is an environment variable of all functions, and nothing else is."""
    variables = {name for name in GLOBALS["Environment"]["Variables"] if not name.startswith("POWERTOOLS_")}
    assert variables == {field.name.upper() for field in fields(Settings)}
    assert not any("Environment" in function for function in FUNCTIONS.values())


@pytest.mark.parametrize("name", ["DataBucket", "ModelPackageGroup"])
def test_data_outlives_the_stack(name: str) -> None:
    """Deleting or replacing keeps all data; a first deployment that fails leaves nothing behind."""
    assert RESOURCES[name]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


def test_the_bucket_is_versioned_encrypted_private_and_notifies_eventbridge() -> None:
    """Each of these protects the data, or the flow."""
    bucket = RESOURCES["DataBucket"]["Properties"]
    assert bucket["VersioningConfiguration"]["Status"] == "Enabled"
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert bucket["NotificationConfiguration"]["EventBridgeConfiguration"]["EventBridgeEnabled"] is True


@pytest.mark.parametrize("kind", ["AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy"])
def test_everything_is_reached_over_tls_only(kind: str) -> None:
    """Bucket and queues deny every request without TLS."""
    for policy in of_type(kind).values():
        (denied,) = (s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Deny")
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert denied["Action"] in ("s3:*", "sqs:*")
        assert denied["Principal"] == "*"
        covered = {address(resource) for resource in many(denied["Resource"])}
        if kind == "AWS::S3::BucketPolicy":
            assert covered == {"DataBucket.Arn", "${DataBucket.Arn}/*"}
        else:
            assert covered == {f"{queue['Ref']}.Arn" for queue in policy["Queues"]}


def test_every_queue_is_covered_by_a_policy_that_names_its_rule() -> None:
    """Only this stack's rules may send to its queues: no other account's rule can."""
    covered = set()
    for policy in of_type("AWS::SQS::QueuePolicy").values():
        allowed = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
        for statement in allowed:
            assert statement["Principal"] == {"Service": "events.amazonaws.com"}
            assert statement["Action"] == "sqs:SendMessage"
            (sources,) = statement["Condition"]["ArnEquals"].values()
            named = {resource["Fn::GetAtt"][0] for resource in many(statement["Resource"])}
            for source in many(sources):
                targets = RULES[source["Fn::GetAtt"][0]]["Targets"]
                sent_to = {target["Arn"]["Fn::GetAtt"][0] for target in targets}
                sent_to |= {target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0] for target in targets}
                assert named <= sent_to
            assert {queue["Ref"] for queue in policy["Queues"]} == named
            covered |= named
    assert covered == set(QUEUES)


def test_nothing_may_do_everything() -> None:
    """No action is a wildcard; only actions that AWS grants on nothing narrower have the resource `*`."""
    anywhere = {
        "sagemaker:ListModelPackages",
        "sagemaker:ListTransformJobs",
        "sagemaker:ListTrainingJobs",
        "sagemaker:ListHyperParameterTuningJobs",
        "ecr:GetAuthorizationToken",
        "cloudwatch:PutMetricData",
    }
    seen = 0
    for name, statement in policies():
        seen += 1
        assert statement["Effect"] == "Allow"
        for action in many(statement["Action"]):
            assert "*" not in action, f"{name}: {statement['Sid']}"
            if "*" in many(statement["Resource"]):
                assert action in anywhere, f"{name}: {statement['Sid']}"
    assert seen > 10
    assert not any("ManagedPolicyArns" in role for role in of_type("AWS::IAM::Role").values())


def test_only_the_sagemaker_role_is_passed_and_only_to_sagemaker() -> None:
    """PassRole names one role and one service, and SageMaker takes the role for this account alone."""
    passing = [s for _, s in policies() if "iam:PassRole" in many(s["Action"])]
    assert passing
    for statement in passing:
        assert statement["Resource"] == {"Fn::GetAtt": ["SageMakerRole", "Arn"]}
        assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    (trust,) = RESOURCES["SageMakerRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


SAGEMAKER = "arn:${AWS::Partition}:sagemaker:${AWS::Region}:${AWS::AccountId}:"
BUCKET = "${DataBucket.Arn}/"
READ_BY_JOBS = ("incoming", "runs", "datasets", "code", "models", "checkpoints")
WRITTEN_BY_JOBS = ("runs/*/output", "trials", "models", "checkpoints")
SWEPT = ("transform-job", "training-job", "hyper-parameter-tuning-job")
FAILURES = ("trials/*/failure.json", "models/*/failure.json")
# Everything that a role may do, and to what. A change of template.yaml is a change of this table.
ALLOWED = {
    "StartTransform": {
        "s3:GetObjectVersion": [f"{BUCKET}incoming/*/manifest.jsonl", f"{BUCKET}incoming/*/manifest.csv"],
        "s3:GetObject": [f"{BUCKET}runs/*", f"{BUCKET}waiting/*"],
        "s3:PutObject": [f"{BUCKET}runs/*", f"{BUCKET}waiting/*"],
        "s3:ListBucket": ["DataBucket.Arn"],
        "sagemaker:ListModelPackages": ["*"],
        "sagemaker:DescribeModelPackage": [f"{SAGEMAKER}model-package/${{Name}}/*"],
        "sagemaker:CreateModel": [f"{SAGEMAKER}model/${{Name}}-*"],
        "sagemaker:DescribeModel": [f"{SAGEMAKER}model/${{Name}}-*"],
        "sagemaker:CreateTransformJob": [f"{SAGEMAKER}transform-job/${{Name}}-*"],
        "sagemaker:DescribeTransformJob": [f"{SAGEMAKER}transform-job/${{Name}}-*"],
        "iam:PassRole": ["SageMakerRole.Arn"],
        "sqs:SendMessage": ["ReportQueue.Arn", "UploadQueue.Arn"],
        "sqs:ChangeMessageVisibility": ["UploadQueue.Arn"],
    },
    "WriteReport": {
        "s3:GetObject": [f"{BUCKET}runs/*", f"{BUCKET}reports/*", f"{BUCKET}incoming/*"],
        "s3:PutObject": [f"{BUCKET}reports/*"],
        "s3:ListBucket": ["DataBucket.Arn"],
        "sagemaker:DescribeTransformJob": [f"{SAGEMAKER}transform-job/${{Name}}-*"],
        "sqs:SendMessage": ["UploadQueue.Arn"],
        "sqs:ChangeMessageVisibility": ["ReportQueue.Arn"],
        "sns:Publish": ["Notifications"],
    },
    "Sweep": {
        **{
            f"sagemaker:List{kind}": ["*"]
            for kind in ("TransformJobs", "TrainingJobs", "HyperParameterTuningJobs", "ModelPackages")
        },
        **{
            f"sagemaker:Describe{kind}": [
                *(f"{SAGEMAKER}{job}/${{Name}}-*" for job in SWEPT),
                f"{SAGEMAKER}model-package/${{Name}}/*",
            ]
            for kind in ("TransformJob", "TrainingJob", "HyperParameterTuningJob", "ModelPackage")
        },
        "s3:GetObject": [f"{BUCKET}{key}" for key in ("reports/*/report.json", *FAILURES)],
        "s3:ListBucket": ["DataBucket.Arn"],
        "sqs:SendMessage": ["ReportQueue.Arn"],
        "lambda:InvokeFunction": [
            f"arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:${{Name}}-{name}"
            for name in ("train-best-model", "register-model")
        ],
        "sagemaker:StopTransformJob": [f"{SAGEMAKER}transform-job/${{Name}}-*"],
    },
    "TrainBestModel": {
        "sagemaker:DescribeHyperParameterTuningJob": [f"{SAGEMAKER}hyper-parameter-tuning-job/${{Name}}-*"],
        "sagemaker:CreateTrainingJob": [f"{SAGEMAKER}training-job/${{Name}}-*-final"],
        "sagemaker:DescribeTrainingJob": [f"{SAGEMAKER}training-job/${{Name}}-*-final"],
        "iam:PassRole": ["SageMakerRole.Arn"],
        "s3:ListBucket": ["DataBucket.Arn"],
        "s3:GetObject": [f"{BUCKET}trials/*/failure.json"],
        "s3:PutObject": [f"{BUCKET}trials/*/failure.json"],
        "sns:Publish": ["Notifications"],
    },
    "RegisterModel": {
        "sagemaker:DescribeTrainingJob": [f"{SAGEMAKER}training-job/*"],
        "s3:GetObject": [f"{BUCKET}models/*", f"{BUCKET}datasets/*/dataset.json"],
        "s3:ListBucket": ["DataBucket.Arn"],
        "s3:PutObject": [f"{BUCKET}models/*/model_quality.json", f"{BUCKET}models/*/failure.json"],
        "sns:Publish": ["Notifications"],
        "sagemaker:ListModelPackages": ["*"],
        "sagemaker:CreateModelPackage": [
            f"{SAGEMAKER}model-package/${{Name}}/*",
            f"{SAGEMAKER}model-package-group/${{Name}}",
        ],
        "sagemaker:DescribeModelPackage": [
            f"{SAGEMAKER}model-package/${{Name}}/*",
            f"{SAGEMAKER}model-package-group/${{Name}}",
        ],
    },
    "SageMakerRole": {
        "s3:ListBucket": ["DataBucket.Arn"],
        "s3:GetObject": [f"{BUCKET}{folder}/*" for folder in READ_BY_JOBS],
        "s3:PutObject": [f"{BUCKET}{folder}/*" for folder in WRITTEN_BY_JOBS],
        "s3:DeleteObject": [f"{BUCKET}checkpoints/*"],
        "ecr:GetAuthorizationToken": ["*"],
        "ecr:BatchCheckLayerAvailability": ["arn:${AWS::Partition}:ecr:${AWS::Region}:*:repository/*"],
        "ecr:GetDownloadUrlForLayer": ["arn:${AWS::Partition}:ecr:${AWS::Region}:*:repository/*"],
        "ecr:BatchGetImage": ["arn:${AWS::Partition}:ecr:${AWS::Region}:*:repository/*"],
        **{
            f"logs:{action}": [
                "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/sagemaker/*"
            ]
            for action in ("CreateLogGroup", "CreateLogStream", "PutLogEvents", "DescribeLogStreams")
        },
        "cloudwatch:PutMetricData": ["*"],
    },
}


def address(resource: Any) -> str:
    """A resource of a statement, as the table writes it."""
    if isinstance(resource, dict):
        ((kind, value),) = resource.items()
        return ".".join(value) if kind == "Fn::GetAtt" else str(value)
    return str(resource)


def test_every_role_may_do_what_the_table_says_and_nothing_else() -> None:
    """Permissions are as narrow as they were meant: only write_report writes below reports/, for one."""
    found: dict[str, dict[str, list[str]]] = {name: {} for name in ALLOWED}
    for name, statement in policies():
        for action in many(statement["Action"]):
            found[name].setdefault(action, []).extend(map(address, many(statement["Resource"])))
    assert found == ALLOWED


@pytest.mark.parametrize(
    ("function", "rule"), [("TrainBestModel", "TuningEndedRule"), ("RegisterModel", "TrainingEndedRule")]
)
def test_eventbridge_may_invoke_a_function_of_training_for_its_rule_alone(function: str, rule: str) -> None:
    """The permission names the rule, so no other rule of any account can invoke the function."""
    expected = {
        "FunctionName": {"Ref": function},
        "Action": "lambda:InvokeFunction",
        "Principal": "events.amazonaws.com",
        "SourceArn": {"Fn::GetAtt": [rule, "Arn"]},
    }
    permissions = of_type("AWS::Lambda::Permission").values()
    assert [one for one in permissions if one["FunctionName"] == {"Ref": function}] == [expected]
    assert [target["Arn"]["Fn::GetAtt"][0] for target in RULES[rule]["Targets"]] == [function]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_a_log_group_with_retention(name: str) -> None:
    """Logs end some day, and the group is the one that the function writes to."""
    function = FUNCTIONS[name]
    group = RESOURCES[function["LoggingConfig"]["LogGroup"]["Ref"]]["Properties"]
    assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert group["LogGroupName"]["Fn::Sub"] == f"/aws/lambda/{function['FunctionName']['Fn::Sub']}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_a_failure_destination(name: str) -> None:
    """What fails for good ends in a dead-letter queue, by redrive or as on-failure destination."""
    function = FUNCTIONS[name]
    sources = list(function.get("Events", {}).values())
    if not sources:
        asynchronous = function["EventInvokeConfig"]
        assert asynchronous["MaximumRetryAttempts"] == 2
        assert asynchronous["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0] in QUEUES
        return
    for source in sources:
        assert source["Type"] == "SQS"
        assert source["Properties"]["BatchSize"] == 1
        assert source["Properties"]["ScalingConfig"]["MaximumConcurrency"] >= 2
        queue = QUEUES[source["Properties"]["Queue"]["Fn::GetAtt"][0]]
        assert queue["VisibilityTimeout"] >= 6 * function.get("Timeout", GLOBALS["Timeout"])
        assert queue["RedrivePolicy"]["maxReceiveCount"] == 5
        assert queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0] in QUEUES


@pytest.mark.parametrize("name", QUEUES)
def test_queues_keep_messages_encrypted_for_two_weeks(name: str) -> None:
    """A weekend and a holiday are no reason to lose a batch."""
    assert QUEUES[name]["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert QUEUES[name]["SqsManagedSseEnabled"] is True


def test_every_dead_letter_queue_has_an_alarm_that_notifies_people() -> None:
    """A message there is a batch or a model that waits for a person."""
    dead_letters = {
        t["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0] for r in RULES.values() for t in r["Targets"]
    }
    watched = set()
    for name, alarm in of_type("AWS::CloudWatch::Alarm").items():
        if not name.endswith("DeadLettersAlarm"):
            continue
        assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)
        assert alarm["AlarmActions"] == [{"Ref": "Notifications"}]
        watched |= {dimension["Value"]["Fn::GetAtt"][0] for dimension in alarm["Dimensions"]}
    assert watched == dead_letters == {name for name in QUEUES if "VisibilityTimeout" not in QUEUES[name]}


def test_a_run_that_waits_long_for_capacity_is_an_alarm() -> None:
    """SQS's own age begins anew with every sending: the alarm is on the one that we publish."""
    alarm = RESOURCES["WaitingForCapacityAlarm"]["Properties"]
    assert (alarm["Namespace"], alarm["MetricName"]) == (metrics.NAMESPACE, "WaitingForCapacity")
    assert alarm["Dimensions"] == [{"Name": "Name", "Value": {"Ref": "Name"}}]
    stands_back = waiting.StillWaiting(waiting.CAPACITY, "", in_turn=False)
    assert alarm["Period"] >= waiting.delay(stands_back, 1e9, 1e9 * 2)  # a look falls into each period
    assert alarm["AlarmActions"] == [{"Ref": "Notifications"}]
    watched = {name for name in of_type("AWS::CloudWatch::Alarm") if not name.endswith("DeadLettersAlarm")}
    assert watched == {"WaitingForCapacityAlarm"}


def test_a_message_comes_back_soon_and_five_times() -> None:
    """After an error the pauses are minutes, and shorter than the queue's visibility time-out."""
    assert len(queues.REDELIVERY_SECONDS) == 5 - 1
    for name in ("UploadQueue", "ReportQueue"):
        assert QUEUES[name]["RedrivePolicy"]["maxReceiveCount"] == 5
        assert max(queues.REDELIVERY_SECONDS) < QUEUES[name]["VisibilityTimeout"]


def test_a_run_may_wait_in_its_own_queue() -> None:
    """Lambda stops a function that keeps sending to its own queue, unless it is allowed to."""
    assert FUNCTIONS["StartTransform"]["RecursiveLoop"] == "Allow"
    retention = QUEUES["UploadQueue"]["MessageRetentionPeriod"]
    limits = TEMPLATE["Parameters"]
    assert limits["WaitForCapacityHours"]["MaxValue"] * 3600 <= retention
    assert limits["WaitForImagesMinutes"]["MaxValue"] * 60 <= retention


def test_the_sweep_comes_every_fifteen_minutes() -> None:
    """Its rule, its permission and its period in the code agree."""
    rule = RULES["SweepRule"]
    assert rule["ScheduleExpression"] == f"rate({sweep.PERIOD.total_seconds() / 60:.0f} minutes)"
    assert [target["Arn"] for target in rule["Targets"]] == [{"Fn::GetAtt": ["Sweep", "Arn"]}]
    longest = TEMPLATE["Parameters"]["MaxTransformHours"]["MaxValue"]
    assert timedelta(hours=longest) < sweep.WINDOW


def matches(rule: str, sent: dict[str, Any]) -> bool:
    """Whether a rule of the stack, whose bucket is digits-bucket, routes an event."""
    pattern = json.dumps(RULES[rule]["EventPattern"])
    for reference, value in {
        '{"Ref": "AWS::AccountId"}': '"123456789012"',
        '{"Ref": "DataBucket"}': '"digits-bucket"',
        '{"Fn::Sub": "s3://${DataBucket}/runs/"}': '"s3://digits-bucket/runs/"',
        '{"Fn::Sub": "s3://${DataBucket}/models/"}': '"s3://digits-bucket/models/"',
        '{"Fn::Sub": "s3://${DataBucket}/trials/"}': '"s3://digits-bucket/trials/"',
    }.items():
        pattern = pattern.replace(reference, value)
    assert "Fn::" not in pattern
    found: Any = EventPattern.load(pattern)
    return bool(found.matches_event(sent))


def changed(sample: str, *path: str, value: Any) -> dict[str, Any]:
    """A documented event with one field changed."""
    sent = copy.deepcopy(event(sample))
    inner = sent
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return sent


@pytest.mark.parametrize(
    ("rule", "sample"),
    [
        ("UploadRule", "s3_object_created"),
        ("TransformEndedRule", "transform_job_completed"),
        ("TuningEndedRule", "tuning_job_completed"),
        ("TrainingEndedRule", "training_job_completed"),
    ],
)
def test_each_rule_routes_the_documented_event_of_this_account_alone(rule: str, sample: str) -> None:
    """AWS's documented sample is routed; the same event of another account is not."""
    assert matches(rule, event(sample))
    assert not matches(rule, changed(sample, "account", value="210987654321"))


@pytest.mark.parametrize(
    "key",
    [
        "reports/b7/20261122t154022z-1a2b3c4d/manifest.jsonl",
        "runs/b7/20261122t154022z-1a2b3c4d/input/part-00000.jsonl",
        "runs/incoming/b7/manifest.jsonl",
        "incoming/b7/0001.png",
        "incoming/manifest.jsonl.txt",
        "datasets/mnist/manifest.jsonl",
    ],
)
def test_nothing_but_a_manifest_below_incoming_starts_a_run(key: str) -> None:
    """What the stack itself writes can never start another run."""
    assert not matches("UploadRule", changed("s3_object_created", "detail", "object", "key", value=key))


@pytest.mark.parametrize("key", ["incoming/b7/manifest.jsonl", "incoming/spring/b7/manifest.csv"])
def test_both_forms_of_a_manifest_start_a_run(key: str) -> None:
    """In a folder of any depth below incoming/."""
    assert matches("UploadRule", changed("s3_object_created", "detail", "object", "key", value=key))


def test_no_other_bucket_starts_a_run() -> None:
    """An upload elsewhere in the account is not this stack's."""
    assert not matches("UploadRule", changed("s3_object_created", "detail", "bucket", "name", value="other"))


@pytest.mark.parametrize(
    ("status", "ended"),
    [("InProgress", False), ("Stopping", False), ("Completed", True), ("Failed", True), ("Stopped", True)],
)
def test_every_ended_job_wakes_its_function_and_no_other_does(status: str, ended: bool) -> None:
    """A failed and a stopped job are reported like a completed one; a job that still runs wakes nobody."""
    transform = changed("transform_job_completed", "detail", "TransformJobStatus", value=status)
    training = changed("training_job_completed", "detail", "TrainingJobStatus", value=status)
    tuning = changed("tuning_job_completed", "detail", "HyperParameterTuningJobStatus", value=status)
    assert matches("TransformEndedRule", transform) == matches("TrainingEndedRule", training) == ended
    assert matches("TuningEndedRule", tuning) == ended


@pytest.mark.parametrize("path", ["s3://digits-bucket/elsewhere/", "s3://other/runs/b/"])
def test_other_jobs_of_the_account_are_left_alone(path: str) -> None:
    """A job is this stack's by where it writes."""
    foreign = changed("transform_job_completed", "detail", "TransformOutput", "S3OutputPath", value=path)
    assert not matches("TransformEndedRule", foreign)
    foreign = changed("training_job_completed", "detail", "OutputDataConfig", "S3OutputPath", value=path)
    assert not matches("TrainingEndedRule", foreign)
    definition = ("detail", "TrainingJobDefinition", "OutputDataConfig", "S3OutputPath")
    assert not matches("TuningEndedRule", changed("tuning_job_completed", *definition, value=path))


def test_a_trial_is_no_final_training() -> None:
    """Trials are training jobs, too: they write below trials/, and no package is made of them."""
    trial = "s3://digits-bucket/trials/digits-261122-140000/"
    sent = changed("training_job_completed", "detail", "OutputDataConfig", "S3OutputPath", value=trial)
    assert not matches("TrainingEndedRule", sent)


@pytest.mark.parametrize(
    ("folder", "allowed"),
    [("functions/batch_prediction", {"batch_prediction"}), ("functions", {"batch_prediction"})],
)
def test_the_deployed_code_imports_only_what_is_deployed(folder: str, allowed: set[str]) -> None:
    """Functions import neither training, localcloud nor cli; the domain imports no handler."""
    ours = {"functions", "training", "localcloud", "cli", "tests", "benchmarks", "batch_prediction"}
    handlers = {path.stem for path in (ROOT / "functions").glob("*.py")}
    for file in (ROOT / folder).rglob("*.py"):
        imported = {name.partition(".")[0] for name in _imports(file)}
        assert imported & (ours | handlers) <= allowed, file


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
