"""What SageMaker asks of a job's role before the job's own code runs, and what only AWS would ever ask.

https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html#sagemaker-roles-createtrainingjob-perms
"""

import re
from collections.abc import Iterable

from localcloud.core.cloud import Cloud
from localcloud.iam.policy_evaluation import Request

IMAGE = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^:@]+)")
PULLING = ("BatchCheckLayerAvailability", "GetDownloadUrlForLayer", "BatchGetImage")


def repository(image: str) -> str | None:
    """The ARN of an image's repository in Amazon ECR; None for an image that is elsewhere."""
    found = IMAGE.match(image)
    if found is None:
        return None
    account, region, name = found.groups()
    return f"arn:aws:ecr:{region}:{account}:repository/{name}"


def of_job(cloud: Cloud, group: str, name: str, image: str) -> list[Request]:
    """Pull the image, write the log and the metrics; `group` is the log group and the metrics' namespace."""
    asked = []
    if place := repository(image):
        asked += [
            Request("ecr:GetAuthorizationToken", "*"),
            *(Request(f"ecr:{each}", place) for each in PULLING),
        ]
    log = f"arn:aws:logs:{cloud.region}:{cloud.account_id}:log-group:{group}"
    asked += [Request("logs:CreateLogGroup", log), Request("logs:DescribeLogStreams", log)]
    stream = f"{log}:log-stream:{name}"
    asked += [Request("logs:CreateLogStream", stream), Request("logs:PutLogEvents", stream)]
    asked.append(Request("cloudwatch:PutMetricData", "*", (("cloudwatch:namespace", group),)))
    return asked


def of_keys(disks: str | None, outputs: str | None) -> list[Request]:
    """Use the keys of the job's disks and of its outputs, where it names some."""
    asked = []
    if disks:
        grant = (("kms:grantisforawsresource", "true"),)
        asked += [Request("kms:CreateGrant", disks, grant), Request("kms:DescribeKey", disks)]
    if outputs:
        asked += [
            Request(f"kms:{action}", outputs) for action in ("Encrypt", "GenerateDataKey", "DescribeKey")
        ]
    return asked


INTERFACES = (
    *("CreateNetworkInterface", "CreateNetworkInterfacePermission", "DeleteNetworkInterface"),
    *("DeleteNetworkInterfacePermission", "DescribeDhcpOptions", "DescribeNetworkInterfaces"),
    *("DescribeSecurityGroups", "DescribeSubnets", "DescribeVpcs"),
)


def of_network(subnets: Iterable[str]) -> list[Request]:
    """Give a container interfaces in a VPC, where the job or its model names subnets."""
    return [Request(f"ec2:{action}", "*") for action in INTERFACES] if list(subnets) else []
