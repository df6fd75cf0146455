"""Jobs, models and model packages, as they are kept from one cloud to the next."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from moto.iam.models import iam_backends
from moto.sagemaker.models import Model, ModelPackage, SageMakerModelBackend, sagemaker_backends

from localcloud.core.cloud import Cloud
from localcloud.core.keeping import Contents, Part
from localcloud.sagemaker.jobs import Job

UNDER_WAY = ("InProgress", "Stopping")


def record_of(kind: Any, values: dict[str, Any]) -> Any:
    """A record of moto's class `kind` with these values; its constructor would make up others."""
    record = kind.__new__(kind)
    vars(record).update(values)
    return record


class Jobs(Part):
    """All jobs of a kind: they can be described again at once, and those under way go on later.

    `jobs` are the kind's, by name; `make` makes one of what `Job.keep` has returned.
    """

    def __init__(
        self, cloud: Cloud, words: str, jobs: dict[str, Any], make: Callable[[dict[str, Any]], Job]
    ) -> None:
        self._cloud = cloud
        self._words = words
        self._jobs: dict[str, Job] = jobs
        self._make = make
        self._waiting: list[Job] = []

    def save(self, contents: Contents) -> list[dict[str, Any]]:  # noqa: ARG002 - it has no contents
        """Every job, with all that it was asked for."""
        return [deepcopy(job.keep()) for job in list(self._jobs.values())]

    def restore(self, kept: Any, contents: Contents) -> None:  # noqa: ARG002 - it has no contents
        """Make the jobs again: their names are taken, and they can be described."""
        for values in kept:
            job = self._make(values)
            self._jobs[job.name] = job
        self._waiting = [job for job in self._jobs.values() if job.status in UNDER_WAY]

    def resume(self) -> None:
        """Begin anew what was in progress, and end what was being stopped.

        A job waits until its role is there, and has a policy: whoever makes a role by hand adds it later.
        """
        roles = list(iam_backends[self._cloud.account_id]["aws"].roles.values())
        there = {role.arn for role in roles if role.policies or role.managed_policies}
        ready = [job for job in self._waiting if job.role_arn in there]
        self._waiting = [job for job in self._waiting if job.role_arn not in there]
        for job in ready:
            job.resume()

    def unfinished(self) -> dict[str, int]:
        """The jobs that haven't ended."""
        return {f"{self._words} job": sum(job.status in UNDER_WAY for job in list(self._jobs.values()))}


class Models(Part):
    """Models are there again at once."""

    def __init__(self, cloud: Cloud) -> None:
        self._models: dict[str, Any] = sagemaker_backends[cloud.account_id][cloud.region]._models

    def save(self, contents: Contents) -> list[dict[str, Any]]:  # noqa: ARG002 - it has no contents
        """Every model."""
        return [deepcopy(vars(model)) for model in list(self._models.values())]

    def restore(self, kept: Any, contents: Contents) -> None:  # noqa: ARG002 - it has no contents
        """Make the models again."""
        for values in kept:
            self._models[values["model_name"]] = record_of(Model, values)


class Packages(Part):
    """Model packages come back when their group is created again."""

    def __init__(self, cloud: Cloud) -> None:
        self._backend: Any = sagemaker_backends[cloud.account_id][cloud.region]
        self._waiting: list[dict[str, Any]] = []
        self._create: Any = cloud.patch(
            SageMakerModelBackend, "create_model_package_group", self._creating_group()
        )

    def save(self, contents: Contents) -> list[dict[str, Any]]:  # noqa: ARG002 - it has no contents
        """Every package."""
        packages = list(self._backend.model_packages.values())
        return [*self._waiting, *(deepcopy(vars(package)) for package in packages)]

    def restore(self, kept: Any, contents: Contents) -> None:  # noqa: ARG002 - it has no contents
        """Take the packages; their groups aren't there yet."""
        self._waiting = kept

    def _creating_group(self) -> Any:
        def create_model_package_group(backend: Any, model_package_group_name: str, **values: Any) -> Any:
            made = self._create(backend, model_package_group_name=model_package_group_name, **values)
            for kept in list(self._waiting):
                if kept["model_package_group_name"] == model_package_group_name:
                    package = record_of(ModelPackage, kept)
                    backend.model_packages[package.arn] = package
                    for name in (package.model_package_name, package.arn):
                        backend.model_package_name_mapping[name] = package.arn
                    self._waiting.remove(kept)
            return made

        return create_model_package_group
