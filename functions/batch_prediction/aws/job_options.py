"""What jobs and models of a stack have besides their work: a tag for costs, a customer's key, a network."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batch_prediction.aws.types import Tag, VpcConfig

# The key of the tag whose value is the stack's Name: activate it as a cost allocation tag. Packages have
# that of their group: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
COST_TAG = "digit-batch"
# Instances with disks of their own encrypt them in hardware, and SageMaker refuses a key for them:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformResources.html
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-store-volumes.html: G4 and P4 and what came
# after them, Trainium, and all families with a `d` behind their generation.
_OWN_DISKS = re.compile(r"ml\.(?:g[4-9]|gr\d|p[4-9]|trn\d|[a-z]+\d+[a-z]*d)")


def cost_tags(stack: str) -> "list[Tag]":
    """The tags of everything that costs something, by the stack's Name."""
    return [{"Key": COST_TAG, "Value": stack}]


def vpc(subnet_ids: str, security_group_ids: str) -> "VpcConfig | None":
    """The network of two comma-separated lists; None where both are empty, ValueError where one is."""
    if bool(subnet_ids) != bool(security_group_ids):
        raise ValueError(
            "the stack's parameters SubnetIds and SecurityGroupIds: expected both or neither, found "
            f"{subnet_ids!r} and {security_group_ids!r}"
        )
    if not subnet_ids:
        return None
    return {"Subnets": subnet_ids.split(","), "SecurityGroupIds": security_group_ids.split(",")}


def volume_key(kms_key_arn: str, instance_type: str) -> str | None:
    """The key of an instance's disks; None without one, or where SageMaker lets nobody choose."""
    return None if not kms_key_arn or _OWN_DISKS.match(instance_type) else kms_key_arn
