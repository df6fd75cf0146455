"""A search in a deployed stack: what of its definition follows from the stack."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cli.errors import CommandError
from cli.stack import Stack, client

if TYPE_CHECKING:
    from training.tune import Search


def search_of(stack: Stack, training: str, instance_type: str) -> "Search":
    """The search over the images below an `s3://` prefix, on one such instance; uploads the training code.

    CommandError where there is no training image for the instance type, or for the final training's.
    """
    from training import source, tune  # importing the SageMaker SDK takes seconds

    return tune.Search(
        name=tune.job_name(stack.group, datetime.now(UTC)),
        bucket=stack.bucket,
        role=stack.outputs["SageMakerRoleArn"],
        images=_images(instance_type, stack.parameter("TrainingInstanceType")),
        source=source.upload(client("s3"), stack.bucket),
        training=training,
        instance_type=instance_type,
        stack=stack.group,
        kms_key_arn=stack.parameters.get("KmsKeyArn", ""),  # an earlier version's stack has none
        subnet_ids=stack.parameters.get("SubnetIds", ""),
        security_group_ids=stack.parameters.get("SecurityGroupIds", ""),
    )


def _images(*instance_types: str) -> dict[str, str]:
    """The training image's builds; CommandError if there is none for one of the instance types."""
    from training import tune

    region = client("s3").meta.region_name
    for instance_type in instance_types:
        try:
            tune.image(region, instance_type)
        except ValueError as error:
            raise CommandError(
                f"instance type {instance_type}: expected one that AWS's PyTorch image supports in this "
                f"region, found: {error} Choose another with --instance-type, or as TrainingInstanceType"
            ) from error
    return tune.images(region)
