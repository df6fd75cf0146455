"""SageMaker's model registry in memory, and what people do in it."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.simulation.faults import refusal
from tests.simulation.listings import Listings
from tests.simulation.services import ARN, Simulated

if TYPE_CHECKING:
    from tests.simulation.world import World

GROUP = f"{ARN}model-package/digits/"
APPROVED, PENDING, REJECTED = "Approved", "PendingManualApproval", "Rejected"
DELETED = "deleted"  # no status of SageMaker's: the end of a package's history


class Registry(Simulated):
    """The versions of one group. `history` keeps since when each had which approval status."""

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self.listings = Listings(most=2)  # so that few packages and few jobs have several pages
        self.packages: dict[str, dict[str, Any]] = {}
        self.history: dict[str, list[tuple[datetime, str]]] = {}
        self.metadata: dict[str, dict[str, str]] = {}  # of each, deleted ones too

    # ------------------------------------------------------------------ people
    def register(self, number: int, artifact: str = "there", accuracy: float | None = None) -> None:
        """A person registers a package, which waits for approval; `accuracy` is that on validation images."""
        known = {} if accuracy is None else {"validation_accuracy": str(accuracy)}
        package = {"ModelApprovalStatus": PENDING, "artifact": artifact, "CustomerMetadataProperties": known}
        self._add(f"{GROUP}{number}", package)

    def decide(self, number: int, status: str) -> None:
        """A person approves or rejects a package, if it exists."""
        arn = f"{GROUP}{number}"
        if arn in self.packages:
            self.packages[arn]["ModelApprovalStatus"] = status
            self.history[arn].append((self.world.moment(), status))

    def delete(self, number: int) -> None:
        """A person deletes a package, if it exists."""
        if self.packages.pop(f"{GROUP}{number}", None):
            self.history[f"{GROUP}{number}"].append((self.world.moment(), DELETED))

    def _add(self, arn: str, package: dict[str, Any]) -> None:
        self.packages[arn] = package | {"ModelPackageArn": arn, "CreationTime": self.world.moment()}
        self.history[arn] = [(self.world.moment(), package["ModelApprovalStatus"])]
        self.metadata[arn] = package["CustomerMetadataProperties"]

    # ------------------------------------------------------------------ requests
    def do_create_model_package(self, **request: Any) -> dict[str, str]:
        """The same ClientToken is the same package."""
        for arn, package in self.packages.items():
            if package.get("ClientToken") == request["ClientToken"]:
                return {"ModelPackageArn": arn}
        arn = f"{GROUP}{100 + len(self.packages)}"
        self._add(arn, request)
        return {"ModelPackageArn": arn}

    def do_list_model_packages(self, **asked: Any) -> dict[str, Any]:
        """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListModelPackages.html."""
        found, following = self.listings.page(
            self.packages.values(),
            asked,
            name="ModelPackageArn",
            status=("ModelApprovalStatus", "ModelApprovalStatus"),
            order="Ascending",
        )
        members = ("ModelPackageArn", "ModelApprovalStatus", "CreationTime")
        summaries = [{member: package[member] for member in members} for package in found]
        return {"ModelPackageSummaryList": summaries} | following

    def do_describe_model_package(self, ModelPackageName: str) -> dict[str, Any]:  # noqa: N803
        """A package in its current state."""
        if ModelPackageName not in self.packages:
            raise refusal("DescribeModelPackage", "ValidationException", 400, "ModelPackage does not exist")
        return dict(self.packages[ModelPackageName])

    # ------------------------------------------------------------------ what was true when
    def newest_approved_within(self, begin: datetime, end: datetime, besides: str = "") -> set[str | None]:
        """The packages, one left out, that may have been the newest approved at a moment of a period.

        Each that was approved then while every newer one wasn't, at some moment or other; None where all
        may have lacked approval. Of packages that were created in the same second each may be the newest.
        """
        found: set[str | None] = set()
        last: datetime | None = None  # when one was created that was approved all the time
        others = self.history.keys() - {besides}
        for arn in sorted(others, key=lambda arn: (self.history[arn][0][0], arn), reverse=True):
            created, statuses = self.history[arn][0][0], self._statuses(arn, begin, end)
            if last is not None and created < last:
                break
            if APPROVED in statuses:
                found.add(arn)
            if statuses == {APPROVED}:
                last = created
        return found | ({None} if last is None else set())

    def _statuses(self, arn: str, begin: datetime, end: datetime) -> set[str | None]:
        """The approval statuses that a package had in a period; None where it didn't exist yet."""
        history = [(None, None), *self.history[arn]]
        before = [status for time, status in history if time is None or time < begin]
        return {before[-1]} | {status for time, status in history if time and begin <= time <= end}
