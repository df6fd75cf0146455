"""The model registry, where moto's answers differ from AWS's."""

from typing import Any

from moto.sagemaker.models import ModelPackageGroup, SageMakerModelBackend

from local.cloud import Cloud


def plug_in(cloud: Cloud) -> None:
    """Take groups by ARN, requests twice and partial updates as AWS does."""
    create = SageMakerModelBackend.create_model_package
    update = SageMakerModelBackend.update_model_package
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

    cloud.patch(SageMakerModelBackend, "create_model_package", create_model_package)
    cloud.patch(SageMakerModelBackend, "update_model_package", update_model_package)
    cloud.patch(SageMakerModelBackend, "describe_model_package_group", describe_model_package_group)


def _group_name(name_or_arn: str) -> str:
    return name_or_arn.rpartition("/")[2]
