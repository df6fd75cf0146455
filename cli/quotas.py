"""SageMaker's instance quotas: what the stack's jobs need, and what the account has."""

from dataclasses import dataclass
from typing import Any

from cli.stack import Stack


@dataclass(frozen=True)
class Need:
    """Instances of one type for a kind of job: without `required` nothing works, without `wanted` not all."""

    quota: str  # its name in Service Quotas
    parameter: str  # of template.yaml, that sets the type
    required: int
    wanted: int
    alternative: str


def needs(stack: Stack) -> list[Need]:
    """What a deployed stack's jobs need; spot training is optional, unless the stack's own training uses it.

    There is a quota for each instance type and each kind of job; in a new account many are 0
    (https://docs.aws.amazon.com/sagemaker/latest/dg/regions-quotas.html).
    """
    training, transform = stack.parameter("TrainingInstanceType"), stack.parameter("TransformInstanceType")
    max_instances = int(stack.parameter("MaxTransformInstances"))
    spot = stack.parameter("SpotTraining") == "true"
    return [
        Need(
            f"{training} for training job usage",
            "TrainingInstanceType",
            0 if spot else 1,
            2,
            "`digits tune --parallel 1`",
        ),
        Need(
            f"{training} for spot training job usage",
            "TrainingInstanceType",
            1 if spot else 0,
            2,
            "don't train on spot instances",
        ),
        Need(
            f"{transform} for transform job usage",
            "TransformInstanceType",
            1,
            max_instances,
            "lower MaxTransformInstances to the quota",
        ),
    ]


def quotas(service_quotas: Any, wanted: set[str]) -> dict[str, float]:
    """The account's quotas for SageMaker by name, at least those `wanted` that exist.

    A quota that was never changed may be listed only among AWS's defaults
    (https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html).
    """
    found: dict[str, float] = {}
    for pages in (
        service_quotas.get_paginator("list_service_quotas"),
        service_quotas.get_paginator("list_aws_default_service_quotas"),
    ):
        listed = {
            quota["QuotaName"]: quota["Value"]
            for page in pages.paginate(ServiceCode="sagemaker")
            for quota in page["Quotas"]
        }
        found = listed | found
        if wanted <= found.keys():
            break
    return found
