"""Models: CreateModel with AWS's refusals, and what container a model runs as."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from moto.sagemaker.models import Model, SageMakerModelBackend

from localcloud.core.clients import make_client
from localcloud.core.cloud import Cloud, CloudError
from localcloud.iam.roles import role_environment
from localcloud.sagemaker.errors import JobFailed, invalid
from localcloud.sagemaker.jobs import SERVICE
from localcloud.sagemaker.objects import split_uri


@dataclass(frozen=True)
class Definition:
    """What runs as a model's container: its image, the address of its model.tar.gz, and its environment."""

    image: str
    artifact: str
    environment: dict[str, str]


def definition_of(backend: Any, container: dict[str, Any]) -> Definition:
    """Return a model's container, its model package's artifact and environment included.

    The model's own Environment overrides the package's. Raise a ValidationException for a package that
    doesn't exist, and for a container without a ModelDataUrl, which can't run locally.
    """
    environment = dict(container.get("Environment") or {})
    image, artifact = container.get("Image") or "", container.get("ModelDataUrl")
    if name := container.get("ModelPackageName"):
        package = backend.describe_model_package(name)
        packaged = package.inference_specification["Containers"][0]
        image, artifact, environment = (
            packaged.get("Image") or "",
            packaged.get("ModelDataUrl"),
            (packaged.get("Environment") or {}) | environment,
        )
    if not artifact:
        raise invalid(
            "The container has no ModelDataUrl. The local cloud runs models from an artifact with inference "
            "code only."
        )
    return Definition(image, artifact, environment)


def plug_in(cloud: Cloud) -> None:
    """Refuse a package that isn't Approved and an artifact that the role can't read.

    Upstream: moto.sagemaker.models.SageMakerModelBackend.create_model, which checks no package's approval.
    """
    create = SageMakerModelBackend.create_model

    def create_model(backend: Any, model_name: str, execution_role_arn: str, **values: Any) -> Model:
        containers = [values.get("primary_container"), *(values.get("containers") or ())]
        for container in filter(None, containers):
            _check_approved(backend, container)
            _check_artifact(cloud, execution_role_arn, definition_of(backend, container).artifact)
        return create(backend, model_name=model_name, execution_role_arn=execution_role_arn, **values)

    cloud.patch(SageMakerModelBackend, "create_model", create_model)


def _check_approved(backend: Any, container: dict[str, Any]) -> None:
    if not container.get("ModelPackageName"):
        return
    package = backend.describe_model_package(container["ModelPackageName"])
    if package.model_package_version is not None and package.model_approval_status != "Approved":
        raise invalid(
            f"Model package {package.arn} can't be used by its name while its approval status is "
            f"{package.model_approval_status}: approve it, or name its image and artifact."
        )


def _check_artifact(cloud: Cloud, role_arn: str, artifact: str) -> None:
    try:
        bucket, key = split_uri(artifact)
        s3 = make_client("s3", role_environment(cloud, role_arn, "create-model", SERVICE))
        s3.head_object(Bucket=bucket, Key=key)
    except (ClientError, CloudError, JobFailed) as error:
        raise invalid(
            f"Could not access model data at {artifact}. Please ensure that the role {role_arn} exists "
            f"and has s3:GetObject permissions and that the object is located in {cloud.region}. ({error})"
        ) from error
