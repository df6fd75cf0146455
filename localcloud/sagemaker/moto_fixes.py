"""The model registry, where moto's answers differ from AWS's."""

from typing import Any

from moto.core.responses import EmptyResult
from moto.sagemaker.exceptions import SagemakerClientError
from moto.sagemaker.models import ModelPackageGroup, SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse

from localcloud.core.cloud import Cloud
from localcloud.sagemaker.errors import invalid


def plug_in(cloud: Cloud) -> None:
    """Take groups by ARN, requests twice, partial updates and the end of groups as AWS does."""
    create = SageMakerModelBackend.create_model_package
    update = SageMakerModelBackend.update_model_package
    create_group = SageMakerModelBackend.create_model_package_group
    describe_group = SageMakerModelBackend.describe_model_package_group

    def create_model_package(backend: Any, **values: Any) -> str:
        """Return the package of an earlier request with the same ClientToken, if there is one."""
        token = values.get("client_token")
        for package in list(backend.model_packages.values()):
            if token and package.client_token == token:
                return str(package.arn)
        if values.get("model_package_group_name"):
            values["model_package_group_name"] = _group_name(values["model_package_group_name"])
            values["model_approval_status"] = values.get("model_approval_status") or "PendingManualApproval"
        return str(create(backend, **values))

    def update_model_package(backend: Any, model_package_arn: str, **values: Any) -> str:
        """Change what is given and leave the rest."""
        package = backend.describe_model_package(model_package_arn)
        for name in ("model_approval_status", "approval_description"):
            if values.get(name) is None:
                values[name] = getattr(package, name)
        given = values.get("customer_metadata_properties") or {}
        values["customer_metadata_properties"] = {**(package.customer_metadata_properties or {}), **given}
        return str(update(backend, model_package_arn=model_package_arn, **values))

    def describe_model_package_group(backend: Any, model_package_group_name: str) -> ModelPackageGroup:
        return describe_group(backend, _group_name(model_package_group_name))

    def create_model_package_group(backend: Any, model_package_group_name: str, **values: Any) -> str:
        """Refuse a name that is taken; moto would empty the group."""
        taken = backend.model_package_groups.get(model_package_group_name)
        if taken is not None:
            raise invalid(f"Model Package Group already exists: {taken.arn}")
        return str(create_group(backend, model_package_group_name=model_package_group_name, **values))

    def delete_model_package_group(response: Any) -> EmptyResult:
        """Delete an empty group.

        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteModelPackageGroup.html
        """
        backend, name = response.sagemaker_backend, _group_name(response._get_param("ModelPackageGroupName"))
        group = describe_group(backend, name)
        packages = [package.model_package_group_name for package in backend.model_packages.values()]
        if name in packages:
            raise SagemakerClientError(
                "ConflictException", f"{group.arn} still has {packages.count(name)} model packages."
            )
        del backend.model_package_groups[name]
        return EmptyResult()

    cloud.patch(SageMakerModelBackend, "create_model_package", create_model_package)
    cloud.patch(SageMakerModelBackend, "create_model_package_group", create_model_package_group)
    cloud.patch(SageMakerResponse, "delete_model_package_group", delete_model_package_group, new=True)
    cloud.patch(SageMakerModelBackend, "update_model_package", update_model_package)
    cloud.patch(SageMakerModelBackend, "describe_model_package_group", describe_model_package_group)


def _group_name(name_or_arn: str) -> str:
    return name_or_arn.rpartition("/")[2]
