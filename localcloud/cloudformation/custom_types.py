"""The CloudFormation resource types that moto lacks, made through the services' own API.

moto finds a type as a direct subclass of its CloudFormationModel: importing this module makes the classes,
and `register` makes moto look. What a type has to do is in four methods: `put` (create), `change` (in place;
where it isn't the same), `attributes` (for Fn::GetAtt) and `remove`. The properties are listed at
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html
Upstream: a CloudFormationModel in the module of each service would replace its class here.
"""

import json
from typing import Any, ClassVar

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import UnformattedGetAttTemplateException
from moto.core.common_models import CloudFormationModel

from localcloud.cloudformation.errors import PropertyRefusedError
from localcloud.core.cloud import Cloud


class _Type:
    """What moto's CloudFormation asks of a resource type, in terms of `put`, `attributes` and `remove`."""

    TYPE: ClassVar[str]
    NAME: ClassVar[str] = ""

    def __init__(self, physical_id: str, properties: dict[str, Any]) -> None:
        self.physical_resource_id = physical_id
        self.properties = properties

    @classmethod
    def put(cls, cloud: Cloud, name: str, properties: dict[str, Any]) -> str:
        """Create the resource or bring it up to date; return its physical id."""
        raise NotImplementedError

    @classmethod
    def change(cls, cloud: Cloud, name: str, properties: dict[str, Any]) -> str:
        """Bring a resource up to date; return its physical id."""
        return cls.put(cloud, name, properties)

    def attributes(self) -> dict[str, str]:
        """What Fn::GetAtt may ask for."""
        return {}

    def remove(self, cloud: Cloud) -> None:
        """Undo `put`; nothing to do for a resource that only decorates another one of its stack."""

    @classmethod
    def cloudformation_name_type(cls) -> str:
        return cls.NAME

    @classmethod
    def cloudformation_type(cls) -> str:
        return cls.TYPE

    @classmethod
    def has_cfn_attr(cls, _attr: str) -> bool:
        return True  # asked before the resource exists; get_cfn_attribute answers for certain

    def get_cfn_attribute(self, name: str) -> str:
        try:
            return self.attributes()[name]
        except KeyError as error:
            raise UnformattedGetAttTemplateException from error

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: dict[str, Any], *_where: str, **_options: Any
    ) -> "_Type":
        properties = cloudformation_json["Properties"]
        return cls(cls.put(Cloud.current(), resource_name, properties), properties)

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,  # noqa: ARG003 the cloud has one account and one region
        region_name: str,  # noqa: ARG003
    ) -> "_Type":
        properties = cloudformation_json["Properties"]
        updated = cls(cls.change(Cloud.current(), new_resource_name, properties), properties)
        if updated.physical_resource_id != original_resource.physical_resource_id:
            original_resource.remove(Cloud.current())
        return updated

    def delete(self, *_where: str) -> None:
        self.remove(Cloud.current())

    def is_created(self) -> bool:
        return True


def _arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{Cloud.region}:{Cloud.account_id}:{rest}"


class BucketPolicy(_Type, CloudFormationModel):
    """A bucket's policy, kept and not evaluated."""

    TYPE = "AWS::S3::BucketPolicy"

    @classmethod
    def put(cls, cloud: Cloud, name: str, properties: dict[str, Any]) -> str:  # noqa: ARG003
        """See `_Type`."""
        bucket = str(properties["Bucket"])
        cloud.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(properties["PolicyDocument"]))
        return bucket

    def remove(self, cloud: Cloud) -> None:
        """See `_Type`."""
        cloud.client("s3").delete_bucket_policy(Bucket=self.physical_resource_id)


class QueuePolicy(_Type, CloudFormationModel):
    """The policy of one or more queues."""

    TYPE = "AWS::SQS::QueuePolicy"

    @classmethod
    def put(cls, cloud: Cloud, name: str, properties: dict[str, Any]) -> str:
        """See `_Type`."""
        policy = {"Policy": json.dumps(properties["PolicyDocument"])}
        for queue in properties["Queues"]:
            cloud.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes=policy)
        return name


class TopicPolicy(_Type, CloudFormationModel):
    """The policy of one or more topics, kept and not evaluated."""

    TYPE = "AWS::SNS::TopicPolicy"

    @classmethod
    def put(cls, cloud: Cloud, name: str, properties: dict[str, Any]) -> str:
        """See `_Type`."""
        policy = json.dumps(properties["PolicyDocument"])
        for topic in properties["Topics"]:
            cloud.client("sns").set_topic_attributes(
                TopicArn=topic, AttributeName="Policy", AttributeValue=policy
            )
        return name


class Subscription(_Type, CloudFormationModel):
    """A subscription to a topic; an e-mail one is confirmed at once and sends nothing."""

    TYPE = "AWS::SNS::Subscription"

    @classmethod
    def put(cls, cloud: Cloud, name: str, properties: dict[str, Any]) -> str:  # noqa: ARG003
        """See `_Type`."""
        attributes = {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in properties.items()
            if key in ("FilterPolicy", "FilterPolicyScope", "RawMessageDelivery")
        }
        answer = cloud.client("sns").subscribe(
            TopicArn=properties["TopicArn"],
            Protocol=properties["Protocol"],
            Endpoint=properties["Endpoint"],
            Attributes=attributes,
            ReturnSubscriptionArn=True,
        )
        return str(answer["SubscriptionArn"])

    def remove(self, cloud: Cloud) -> None:
        """See `_Type`."""
        cloud.client("sns").unsubscribe(SubscriptionArn=self.physical_resource_id)


class Alarm(_Type, CloudFormationModel):
    """An alarm, kept and not evaluated."""

    TYPE = "AWS::CloudWatch::Alarm"
    NAME = "AlarmName"

    @classmethod
    def put(cls, cloud: Cloud, name: str, properties: dict[str, Any]) -> str:
        """See `_Type`."""
        cloud.client("cloudwatch").put_metric_alarm(**{**properties, "AlarmName": name})
        return name

    def attributes(self) -> dict[str, str]:
        """See `_Type`."""
        return {"Arn": _arn("cloudwatch", f"alarm:{self.physical_resource_id}")}

    def remove(self, cloud: Cloud) -> None:
        """See `_Type`."""
        cloud.client("cloudwatch").delete_alarms(AlarmNames=[self.physical_resource_id])


class ModelPackageGroup(_Type, CloudFormationModel):
    """A model package group; Ref gives its ARN, as in AWS."""

    TYPE = "AWS::SageMaker::ModelPackageGroup"
    NAME = "ModelPackageGroupName"

    @classmethod
    def put(cls, cloud: Cloud, name: str, properties: dict[str, Any]) -> str:
        """See `_Type`."""
        wanted = {key: value for key, value in properties.items() if key != "ModelPackageGroupPolicy"}
        made = cloud.client("sagemaker").create_model_package_group(
            **{**wanted, "ModelPackageGroupName": name}
        )
        return str(made["ModelPackageGroupArn"])

    @classmethod
    def change(cls, cloud: Cloud, name: str, properties: dict[str, Any]) -> str:
        """See `_Type`; CloudFormation would replace a group to change its description, and can't."""
        group = cloud.client("sagemaker").describe_model_package_group(ModelPackageGroupName=name)
        found, wanted = (each.get("ModelPackageGroupDescription") for each in (group, properties))
        if found != wanted:
            raise PropertyRefusedError(
                f"ModelPackageGroupDescription of {name} can't be changed from {found!r} to {wanted!r}: a "
                "named group can't be replaced. Keep the description, or rename the group."
            )
        if tags := properties.get("Tags"):
            cloud.client("sagemaker").add_tags(ResourceArn=group["ModelPackageGroupArn"], Tags=tags)
        return str(group["ModelPackageGroupArn"])

    def attributes(self) -> dict[str, str]:
        """See `_Type`."""
        return {"ModelPackageGroupArn": self.physical_resource_id}

    def remove(self, cloud: Cloud) -> None:
        """See `_Type`."""
        name = self.physical_resource_id.rsplit("/", 1)[-1]
        cloud.client("sagemaker").delete_model_package_group(ModelPackageGroupName=name)


class EventInvokeConfig(_Type, CloudFormationModel):
    """A function's retries and destinations of asynchronous invocations."""

    TYPE = "AWS::Lambda::EventInvokeConfig"

    @classmethod
    def put(cls, cloud: Cloud, name: str, properties: dict[str, Any]) -> str:
        """See `_Type`."""
        wanted = {key: value for key, value in properties.items() if key != "Qualifier"}
        cloud.client("lambda").put_function_event_invoke_config(**wanted)
        return name

    def remove(self, cloud: Cloud) -> None:
        """See `_Type`."""
        function = self.properties["FunctionName"]
        cloud.client("lambda").delete_function_event_invoke_config(FunctionName=function)


def register() -> None:
    """Let moto find this module's types: it lists all subclasses of CloudFormationModel, and only once."""
    for cached in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
        cached.cache_clear()
