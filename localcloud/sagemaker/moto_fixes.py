"""Where moto's SageMaker answers otherwise than AWS, jobs apart: listings, names, the model registry."""

from typing import Any

from moto.core.responses import EmptyResult
from moto.sagemaker.exceptions import SagemakerClientError
from moto.sagemaker.models import ModelPackageGroup, SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse

from localcloud.core.cloud import Cloud
from localcloud.sagemaker.errors import invalid
from localcloud.sagemaker.jobs import check_name
from localcloud.sagemaker.listing import lister, summaries_of


def plug_in(cloud: Cloud) -> None:
    """Correct moto's SageMaker until the cloud stops."""
    _list_jobs(cloud)
    _name_what_is_missing(cloud)
    _refuse_taken_models(cloud)
    _complete_registry(cloud)


def _list_jobs(cloud: Cloud) -> None:
    """ListTrainingJobs and ListTransformJobs.

    Upstream: the two actions, which page before they filter, and don't sort.
    """
    for kind, order in (("training", "Ascending"), ("transform", "Descending")):
        lists = lister(kind.title(), summaries_of(kind), "CreationTime", order)
        cloud.patch(SageMakerResponse, f"list_{kind}_jobs", lists)


def _name_what_is_missing(cloud: Cloud) -> None:
    """Describe a job that doesn't exist: a ValidationException with AWS's words.

    Upstream: SageMakerModelBackend.describe_training_job and describe_transform_job.
    """

    def describe_training_job(backend: Any, training_job_name: str) -> dict[str, Any]:
        if training_job_name not in backend.training_jobs:
            raise invalid("Requested resource not found.")
        described: dict[str, Any] = describe_training(backend, training_job_name)
        return described

    def describe_transform_job(backend: Any, transform_job_name: str) -> dict[str, Any]:
        if transform_job_name not in backend.transform_jobs:
            raise invalid(f"Could not find requested job with name: {transform_job_name}")
        described: dict[str, Any] = describe_transform(backend, transform_job_name)
        return described

    describe_training = cloud.patch(SageMakerModelBackend, "describe_training_job", describe_training_job)
    describe_transform = cloud.patch(SageMakerModelBackend, "describe_transform_job", describe_transform_job)


def _refuse_taken_models(cloud: Cloud) -> None:
    """Refuse an invalid name and one that is taken.

    Upstream: SageMakerModelBackend.create_model, which overwrites the former model.
    """

    def create_model(backend: Any, model_name: str, **values: Any) -> Any:
        check_name(model_name)
        taken = backend._models.get(model_name)
        if taken is not None:
            raise invalid(f'Cannot create already existing model "{taken.arn}".')
        return create(backend, model_name=model_name, **values)

    create = cloud.patch(SageMakerModelBackend, "create_model", create_model)


def _complete_registry(cloud: Cloud) -> None:
    """Take groups by ARN, requests twice, partial updates and the end of groups as AWS does.

    Upstream: each method of SageMakerModelBackend that is replaced, and the action DeleteModelPackageGroup.
    """
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
