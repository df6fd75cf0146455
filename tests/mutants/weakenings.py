"""Named weakenings of template.yaml, each of which has to be seen.

Planting at every place (template_bugs.py) wouldn't make some of them, and CI plants a sample of the rest.
"""

from collections.abc import Iterator
from typing import Any

from tests.mutants.template_bugs import REMOVED, Bug, Place
from tests.template.document import template

ANYONE = "*"
RULE = ("DataBucket", "Properties", "LifecycleConfiguration", "Rules")


def _statement(document: Any, sid: str) -> tuple[str | int, ...]:
    """Where a policy document, or a list of policies, has the statement of this name, conditional or not."""
    found = list(_find(document, sid))
    assert len(found) == 1, f"template.yaml: expected one statement {sid}, found {len(found)}"
    return found[0]


def _find(value: Any, sid: str) -> Iterator[Place]:
    if isinstance(value, dict):
        if value.get("Sid") == sid:
            yield ()
        for key, item in value.items():
            yield from ((key, *place) for place in _find(item, sid))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from ((number, *place) for place in _find(item, sid))


def _in(name: str, sid: str, *element: str | int) -> Place:
    """The place of a statement's element, by the resource's and the statement's names."""
    return (name, *_statement(template()["Resources"][name], sid), *element)


def _of_resources() -> dict[str, tuple[Place, Any]]:
    """By name: a place below Resources, and what stands there instead."""
    topic, queue = "NotificationsPolicy", "ReportQueuePolicy"
    bucket, reports = ("DataBucket", "Properties"), ("ReportQueue", "Properties")
    pattern = ("UploadRule", "Properties", "EventPattern", "detail")
    lifecycle = template()["Resources"]["DataBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    (old,) = (number for number, rule in enumerate(lifecycle) if rule["Id"] == "replaced-reports")
    run_rule = {"Id": "runs", "Status": "Enabled", "Prefix": "runs/"}
    month = {"NoncurrentVersionExpiration": {"NoncurrentDays": 30}}
    full = ["arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"]
    trust = ("SageMakerRole", "Properties", "AssumeRolePolicyDocument", "Statement", 0, "Condition")
    disks = _in("SageMakerRole", "UseTheKeyForDisks")
    event = ("WriteReport", "Properties", "Events", "RunEnded", "Properties")
    return {
        # those of a scan of templates like this one
        "the bucket may be made public": ((*bucket, "PublicAccessBlockConfiguration"), REMOVED),
        "the bucket is reached without TLS": (("DataBucketPolicy",), REMOVED),
        "the bucket has no versions": ((*bucket, "VersioningConfiguration"), REMOVED),
        "the bucket is not encrypted as told": ((*bucket, "BucketEncryption"), REMOVED),
        "anyone may send to a queue": (_in(queue, "FromTheRule", "Principal"), ANYONE),
        "any rule may send to a queue": (_in(queue, "FromTheRule", "Condition"), REMOVED),
        "any role may be passed": (_in("StartTransform", "PassTheModelItsRole", "Resource"), "*"),
        "a role is passed to any service": (
            _in("StartTransform", "PassTheModelItsRole", "Condition"),
            REMOVED,
        ),
        "all of S3, everywhere": (_in("StartTransform", "ReadManifests", "Action"), "s3:*"),
        "manifests of any bucket": (_in("StartTransform", "ReadManifests", "Resource"), "*"),
        "all of SageMaker": (_in("StartTransform", "StartTheJob", "Action"), "sagemaker:*"),
        "jobs of any name": (_in("StartTransform", "StartTheJob", "Resource"), "*"),
        "other accounts' jobs take the role": (trust, REMOVED),
        "jobs may do everything in SageMaker": (("SageMakerRole", "Properties", "ManagedPolicyArns"), full),
        "messages come back within six time-outs": ((*reports, "VisibilityTimeout"), 300),
        "messages come back while they are in work": ((*reports, "VisibilityTimeout"), 30),
        "messages that fail come back for ever": ((*reports, "RedrivePolicy"), REMOVED),
        "one failure is the last": ((*reports, "RedrivePolicy", "maxReceiveCount"), 1),
        "one failure repeats ten messages": ((*event, "BatchSize"), 10),
        "undelivered events are dropped": (
            ("UploadRule", "Properties", "Targets", 0, "DeadLetterConfig"),
            REMOVED,
        ),
        "every object starts the function, its own too": ((*pattern, "object"), REMOVED),
        "jobs are reported when they begin": (
            ("TransformEndedRule", "Properties", "EventPattern", "detail", "TransformJobStatus"),
            REMOVED,
        ),
        "logs are kept for ever": (("SweepLogs", "Properties", "RetentionInDays"), REMOVED),
        "concurrency is taken from the account": (
            ("Sweep", "Properties", "ReservedConcurrentExecutions"),
            2,
        ),
        "an alarm that nobody hears": (("SweepDeadLettersAlarm", "Properties", "AlarmActions"), REMOVED),
        "dead letters without an alarm": (("UploadDeadLettersAlarm",), REMOVED),
        "notifications without the key": (("Notifications", "Properties", "KmsMasterKeyId"), REMOVED),
        # and of this template's own
        "notifications without TLS": (_in(topic, "TlsOnly"), REMOVED),
        "anyone may publish": (_in(topic, "FromTheAlarms", "Principal"), ANYONE),
        "another account's alarms may publish": (_in(topic, "FromTheAlarms", "Condition"), REMOVED),
        "alarms may subscribe others": (
            _in(topic, "FromTheAlarms", "Action"),
            ["sns:Publish", "sns:Subscribe"],
        ),
        "what exists may be tagged": (_in("StartTransform", "TagThemForTheCosts", "Condition"), REMOVED),
        "anything may be tagged": (_in("TrainBestModel", "TagItForTheCosts", "Resource"), "*"),
        "anyone gets a grant of the key": ((*disks, "Condition"), REMOVED),
        "a function may use every key": (_in("Sweep", "UseTheKey", "Resource"), "*"),
        "a function may delete the key": (
            _in("Sweep", "UseTheKey", "Action"),
            ["kms:Decrypt", "kms:GenerateDataKey", "kms:ScheduleKeyDeletion"],
        ),
        "old versions of runs expire": ((*RULE, len(lifecycle)), run_rule | month),
        "old versions of everything expire": ((*RULE, old, "Prefix"), REMOVED),
        "reports expire": ((*RULE, old, "ExpirationInDays"), 365),
        "messages without the key": ((*reports, "KmsMasterKeyId"), REMOVED),
        "logs without the key": (("WriteReportLogs", "Properties", "KmsKeyId"), REMOVED),
        "only reading asks for TLS": (_in("DataBucketPolicy", "TlsOnly", "Action"), "s3:GetObject"),
        "access logs of the bucket lie in it": (
            (*bucket, "LoggingConfiguration", "Fn::If", 1, "DestinationBucketName"),
            {"Ref": "DataBucket"},
        ),
        "uploads of others may be aborted": (
            _in("SageMakerRole", "WriteOutputs", "Resource"),
            {"Fn::Sub": "${DataBucket.Arn}/*"},
        ),
    }


def _others() -> dict[str, tuple[Place, Any]]:
    """By name: a place anywhere else, and what stands there instead."""
    variables = ("Globals", "Function", "Environment", "Variables")
    return {
        "jobs run outside the network": ((*variables, "SUBNET_IDS"), ""),
        "outputs without the key": ((*variables, "KMS_KEY_ARN"), ""),
        "the key is ignored": (("Conditions", "HasKey"), {"Fn::Equals": ["a", "b"]}),
        "anything is a key": (("Parameters", "KmsKeyArn", "AllowedPattern"), REMOVED),
        "anything is a subnet": (("Parameters", "SubnetIds", "AllowedPattern"), REMOVED),
    }


def weakenings() -> dict[str, Bug]:
    """All of them, by name."""
    found = {
        name: (("Resources", *place), value) for name, (place, value) in _of_resources().items()
    } | _others()
    return {name: Bug(place, _was(place), value, str(place[0])) for name, (place, value) in found.items()}


def _was(place: Place) -> Any:
    found: Any = template()
    for part in place:
        if isinstance(found, list):
            found = found[int(part)] if int(part) < len(found) else REMOVED
        else:
            found = found.get(part, REMOVED)
    return found
