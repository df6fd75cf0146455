"""What moto's CloudFormation drops of the resources that it knows, done through the services' own API.

Each `complete_…` brings a resource to what its properties say, whether it is new or existing. What would
replace it upstream: `create_from_cloudformation_json` and `update_from_cloudformation_json` of the class that
its docstring names, reading these properties; a `remove_…`: that class's `delete_from_cloudformation_json`.
"""

import json
from collections.abc import Callable
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.cloudformation import models, parsing

from localcloud.cloudformation.errors import PropertyRefusedError
from localcloud.cloudformation.sam import as_text
from localcloud.core.cloud import Cloud
from localcloud.iam.policy_evaluation import read
from localcloud.lambda_.runtime import refuse_unsupported

Properties = dict[str, Any]
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sqs-queue.html
QUEUE_DEFAULTS = {
    "DelaySeconds": "0",
    "KmsMasterKeyId": "",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "RedrivePolicy": "",
    "SqsManagedSseEnabled": "true",
    "VisibilityTimeout": "30",
}


def complete_bucket(cloud: Cloud, bucket: Any, properties: Properties) -> None:
    """What a bucket's properties ask for, and nothing that they no longer ask for.

    Upstream: moto.s3.models.FakeBucket, which reads the name and the encryption only.
    """
    s3, name = cloud.client("s3"), bucket.name
    if "VersioningConfiguration" in properties or bucket.versioning_status:
        versioning = properties.get("VersioningConfiguration", {"Status": "Suspended"})
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=versioning)
    s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration=_notifications(properties)
    )
    if "PublicAccessBlockConfiguration" in properties:
        blocked = properties["PublicAccessBlockConfiguration"]
        s3.put_public_access_block(
            Bucket=name,
            PublicAccessBlockConfiguration={key: as_text(value) == "true" for key, value in blocked.items()},
        )
    else:
        s3.delete_public_access_block(Bucket=name)
    if "OwnershipControls" in properties:
        s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=properties["OwnershipControls"])
    else:
        s3.delete_bucket_ownership_controls(Bucket=name)
    if "LifecycleConfiguration" in properties:
        rules = [_lifecycle_rule(rule) for rule in properties["LifecycleConfiguration"]["Rules"]]
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    else:
        s3.delete_bucket_lifecycle(Bucket=name)
    logging = properties.get("LoggingConfiguration")
    s3.put_bucket_logging(Bucket=name, BucketLoggingStatus=_logging(logging) if logging else {})
    if "BucketEncryption" not in properties:  # moto's own update does the rest
        s3.delete_bucket_encryption(Bucket=name)


def _notifications(properties: Properties) -> Properties:
    wanted = properties.get("NotificationConfiguration", {})
    others = sorted(set(wanted) - {"EventBridgeConfiguration"})
    if others:
        raise PropertyRefusedError(
            f"NotificationConfiguration: the local cloud sends to EventBridge, not by {others[0]}."
        )
    bridge = wanted.get("EventBridgeConfiguration")
    enabled = bridge is not None and str(bridge.get("EventBridgeEnabled", True)).lower() == "true"
    return {"EventBridgeConfiguration": {}} if enabled else {}


def _logging(logging: Properties) -> Properties:
    """Where access logs would be written, as S3's API names it; the local cloud writes none."""
    target = {
        "TargetBucket": logging["DestinationBucketName"],
        "TargetPrefix": logging.get("LogFilePrefix", ""),
    }
    return {"LoggingEnabled": target}


def _lifecycle_rule(rule: Properties) -> Properties:
    """A rule as S3's API names it; CloudFormation's differs in a few names."""
    known = {
        "Id": ("ID",),
        "Status": ("Status",),
        "Prefix": ("Filter", "Prefix"),
        "ExpirationInDays": ("Expiration", "Days"),
        "ExpiredObjectDeleteMarker": ("Expiration", "ExpiredObjectDeleteMarker"),
        "NoncurrentVersionExpirationInDays": ("NoncurrentVersionExpiration", "NoncurrentDays"),
        "NoncurrentVersionExpiration": ("NoncurrentVersionExpiration",),
        "AbortIncompleteMultipartUpload": ("AbortIncompleteMultipartUpload",),
    }
    translated: Properties = {"Filter": {"Prefix": ""}}
    for key, value in rule.items():
        if key == "TagFilters":
            continue  # below: with a prefix, it is one filter
        if key not in known:
            raise PropertyRefusedError(
                f"LifecycleConfiguration: the local cloud knows {', '.join(known)}, TagFilters, not {key}."
            )
        *outer, last = known[key]
        place = translated.setdefault(outer[0], {}) if outer else translated
        place[last] = value
    if tags := rule.get("TagFilters"):
        translated["Filter"] = {"And": {**translated["Filter"], "Tags": tags}}
    return translated


def complete_role(cloud: Cloud, role: Any, properties: Properties) -> None:
    """A role's trust policy, inline policies and attached policies, and no others.

    Upstream: moto.iam.models.Role, which changes no policy in an update.
    """
    iam, name = cloud.client("iam"), role.name
    trust = json.dumps(properties["AssumeRolePolicyDocument"], default=str)
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
    wanted = {policy["PolicyName"]: policy["PolicyDocument"] for policy in properties.get("Policies", [])}
    for gone in set(role.policies) - set(wanted):
        role.delete_policy(gone)
    read(trust)  # what can't be decided later is refused now
    for policy, document in wanted.items():  # not through the API: moto refuses policies without a Version
        text = json.dumps(document, default=str)
        read(text)
        role.put_policy(policy, text)
    attached, managed = set(role.managed_policies), set(properties.get("ManagedPolicyArns", []))
    for gone in attached - managed:
        iam.detach_role_policy(RoleName=name, PolicyArn=gone)
    for arn in managed - attached:
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)


def complete_function(_cloud: Cloud, function: Any, properties: Properties) -> None:
    """A function's settings, defaults included, after checking that this machine can run it.

    Upstream: moto.awslambda.models.LambdaFunction, which drops half of them, and turns no boolean into text.
    """
    architectures = properties.get("Architectures", ["x86_64"])
    refuse_unsupported(function.function_name, properties.get("Runtime", ""), architectures[0])
    function.architectures = architectures
    function.description = properties.get("Description", "")
    function.memory_size = int(properties.get("MemorySize", 128))
    function.timeout = int(properties.get("Timeout", 3))
    function.ephemeral_storage = int(properties.get("EphemeralStorage", {}).get("Size", 512))
    function.tracing_config = properties.get("TracingConfig") or {"Mode": "PassThrough"}
    function.tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
    variables = properties.get("Environment", {}).get("Variables", {})
    function.environment_vars = {key: as_text(value) for key, value in variables.items()}
    function.log_format = properties.get("LoggingConfig", {}).get("LogFormat", "Text")
    function.logs_group_name = properties.get("LoggingConfig", {}).get(
        "LogGroup", f"/aws/lambda/{function.function_name}"
    )


def complete_permission(cloud: Cloud, permission: Any, properties: Properties) -> None:
    """A permission remembers the statement that it is in its function's policy.

    Upstream: moto.awslambda.models.Permission, which keeps nothing to be deleted by.
    """
    function = lambda_backends[cloud.account_id][cloud.region].get_function(properties["FunctionName"])
    permission.policy, permission.statement = function.policy, function.policy.statements[-1]


def complete_mapping(_cloud: Cloud, mapping: Any, properties: Properties) -> None:
    """An event source mapping's settings, defaults included.

    Upstream: moto.awslambda.models.EventSourceMapping, which drops FunctionResponseTypes and ScalingConfig.
    """
    mapping.batch_size = properties.get("BatchSize")
    mapping.enabled = as_text(properties.get("Enabled", True)) == "true"
    mapping.function_response_types = properties.get("FunctionResponseTypes")
    mapping.scaling_config = properties.get("ScalingConfig")


def complete_queue(cloud: Cloud, queue: Any, properties: Properties) -> None:
    """A queue's attributes, AWS's defaults included; moto changes only two of them in place.

    Upstream: moto.sqs.models.Queue, whose `_set_attributes` also has to keep the policy.
    """
    attributes = QUEUE_DEFAULTS | {
        key: json.dumps(value) if isinstance(value, dict) else as_text(value)
        for key, value in properties.items()
        if key not in ("QueueName", "Tags", "RedriveAllowPolicy")
    }
    if queue.policy:  # which moto drops when other attributes are set
        attributes["Policy"] = json.dumps(queue.policy) if isinstance(queue.policy, dict) else queue.policy
    cloud.client("sqs").set_queue_attributes(QueueUrl=queue.physical_resource_id, Attributes=attributes)


def complete_rule(cloud: Cloud, rule: Any, properties: Properties) -> None:
    """A rule's pattern or schedule and its state, and its targets and no others.

    Upstream: moto.events.models.Rule, whose update loses the targets.
    """
    events = cloud.client("events")
    if not {"EventPattern", "ScheduleExpression"} & set(properties):
        raise PropertyRefusedError("A rule needs an EventPattern or a ScheduleExpression; it has neither.")
    when = (
        {"EventPattern": json.dumps(properties["EventPattern"])}
        if "EventPattern" in properties
        else {"ScheduleExpression": properties["ScheduleExpression"]}
    )
    events.put_rule(
        Name=rule.name,
        **when,
        State=properties.get("State", "ENABLED"),
        Description=properties.get("Description", ""),
    )
    targets = properties.get("Targets", [])
    gone = {target["Id"] for target in rule.targets} - {target["Id"] for target in targets}
    if gone:
        events.remove_targets(Rule=rule.name, Ids=sorted(gone))
    for target in targets:
        transforming = sorted({"InputTransformer", "EcsParameters", "RunCommandParameters"} & set(target))
        if transforming:
            raise PropertyRefusedError(
                f"Target {target['Id']}: the local cloud doesn't support {transforming[0]}."
            )
    if targets:
        events.put_targets(Rule=rule.name, Targets=targets)


def complete_log_group(cloud: Cloud, group: Any, properties: Properties) -> None:
    """A log group's retention and key.

    Upstream: moto.logs.models.LogGroup, which can't be updated.
    """
    logs = cloud.client("logs")
    if "RetentionInDays" in properties:
        logs.put_retention_policy(logGroupName=group.name, retentionInDays=int(properties["RetentionInDays"]))
    else:
        logs.delete_retention_policy(logGroupName=group.name)
    group.kms_key_id = properties.get("KmsKeyId")


def complete_topic(cloud: Cloud, topic: Any, properties: Properties) -> None:
    """A topic's attributes.

    Upstream: moto.sns.models.Topic, whose update loses the subscriptions.
    """
    for attribute in ("DisplayName", "KmsMasterKeyId"):
        cloud.client("sns").set_topic_attributes(
            TopicArn=topic.arn, AttributeName=attribute, AttributeValue=properties.get(attribute, "")
        )


COMPLETIONS: dict[str, Callable[[Cloud, Any, Properties], None]] = {
    "AWS::Events::Rule": complete_rule,
    "AWS::IAM::Role": complete_role,
    "AWS::Lambda::EventSourceMapping": complete_mapping,
    "AWS::Lambda::Function": complete_function,
    "AWS::Lambda::Permission": complete_permission,
    "AWS::Logs::LogGroup": complete_log_group,
    "AWS::S3::Bucket": complete_bucket,
    "AWS::SNS::Topic": complete_topic,
    "AWS::SQS::Queue": complete_queue,
}

# For these the completion alone is the whole update: moto would lose targets, subscriptions or policies.
COMPLETE_IN_PLACE = frozenset(
    {"AWS::Events::Rule", "AWS::IAM::Role", "AWS::Logs::LogGroup", "AWS::SNS::Topic"}
)


def remove_role(cloud: Cloud, role: Any) -> None:
    """Delete a role with its inline policies, and detach the managed ones, with which moto refuses.

    Upstream: moto.iam.models.Role.
    """
    iam = cloud.client("iam")
    for arn in list(role.managed_policies):
        iam.detach_role_policy(RoleName=role.name, PolicyArn=arn)
    for policy in list(role.policies):
        iam.delete_role_policy(RoleName=role.name, PolicyName=policy)
    iam.delete_role(RoleName=role.name)


def remove_bucket(cloud: Cloud, bucket: Any) -> None:
    """Delete a bucket; ClientError BucketNotEmpty for one with objects, which moto ignores.

    Upstream: moto.s3.models.FakeBucket.
    """
    cloud.client("s3").delete_bucket(Bucket=bucket.name)


def remove_permission(_cloud: Cloud, permission: Any) -> None:
    """Take a permission's statement out of its function's policy, where moto leaves it.

    Upstream: moto.awslambda.models.Permission.
    """
    statements = permission.policy.statements
    statements[:] = [statement for statement in statements if statement is not permission.statement]


REMOVALS: dict[str, Callable[[Cloud, Any], None]] = {
    "AWS::IAM::Role": remove_role,
    "AWS::Lambda::Permission": remove_permission,
    "AWS::S3::Bucket": remove_bucket,
}


def without_false_conditions(stack: Any) -> list[Any]:
    """A stack's resources, without those whose condition is false, which make moto fail.

    Upstream: moto.cloudformation.models.Stack.stack_resources, leaving out None.
    """
    return [resource for resource in stack.resource_map.values() if resource is not None]


def plug_in(cloud: Cloud) -> None:
    """Correct how moto reads templates; the resources' fixes are called for each resource."""

    def clean_json(value: Any, resource_map: Any) -> Any:
        """Resolve references; an item of a list that is AWS::NoValue is left out, as CloudFormation does.

        Upstream: moto.cloudformation.parsing.clean_json, which does so in mappings only.
        """
        cleaned = clean(value, resource_map)
        return [item for item in cleaned if item is not None] if isinstance(value, list) else cleaned

    clean: Any = cloud.patch(parsing, "clean_json", clean_json)
    cloud.patch(models.Stack, "stack_resources", property(without_false_conditions))
