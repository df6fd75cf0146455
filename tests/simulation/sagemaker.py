"""SageMaker in memory: models and transform jobs, beside the training jobs."""

from typing import TYPE_CHECKING, Any

from tests.simulation.faults import refusal
from tests.simulation.training import Training

if TYPE_CHECKING:
    from tests.simulation.world import World


class SageMaker(Training):
    """The registry, models, and transform jobs, whose work and end are the world's affair."""

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self.models: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}

    def do_create_model(self, **request: Any) -> None:
        """Refuses a name that is taken as SageMaker does, and a package without an artifact."""
        if request["ModelName"] in self.models:
            raise refusal("CreateModel", "ValidationException", 400, "Cannot create already existing model")
        if self.packages[request["PrimaryContainer"]["ModelPackageName"]].get("artifact") == "gone":
            raise refusal("CreateModel", "ValidationException", 400, "Could not find model data")
        self.models[request["ModelName"]] = request

    def do_describe_model(self, ModelName: str) -> dict[str, Any]:  # noqa: N803
        """A model as it was made."""
        if ModelName not in self.models:
            raise refusal("DescribeModel", "ValidationException", 400, "Could not find model")
        return dict(self.models[ModelName])

    def do_create_transform_job(self, **request: Any) -> None:
        """Refuses a name that is taken; what capacity there is, is the world's affair."""
        name = request["TransformJobName"]
        if name in self.jobs:
            raise refusal("CreateTransformJob", "ResourceInUse", 400)
        if self.world.drought():
            raise refusal("CreateTransformJob", "ResourceLimitExceeded", 400)
        self.jobs[name] = request | {
            "TransformJobStatus": "InProgress",
            "CreationTime": self.world.moment(),
            "LastModifiedTime": self.world.moment(),
        }
        self.world.job_began(name)

    def do_describe_transform_job(self, TransformJobName: str) -> dict[str, Any]:  # noqa: N803
        """A job as it is now."""
        if TransformJobName not in self.jobs:
            text = f"Could not find requested job with name: {TransformJobName}"
            raise refusal("DescribeTransformJob", "ValidationException", 400, text)
        return dict(self.jobs[TransformJobName])

    def do_list_transform_jobs(self, **_: Any) -> dict[str, Any]:
        """All jobs."""
        return {"TransformJobSummaries": [dict(job) for job in self.jobs.values()]}

    def do_stop_transform_job(self, TransformJobName: str) -> None:  # noqa: N803
        """Stops a job that runs."""
        self.world.job_ends(TransformJobName, "Stopped")
