"""SageMaker in memory: models and transform jobs, in addition to the training jobs."""

import json
from typing import TYPE_CHECKING, Any

from batch_prediction.layout import Run
from tests.functions.report.transform_output import answer
from tests.simulation.faults import refusal
from tests.simulation.services import BUCKET
from tests.simulation.training import NO_INSTANCES, Training

if TYPE_CHECKING:
    from tests.simulation.world import World

STUCK, EVENT_LOST, BY_THE_SERVICE = "stuck", "event lost", "InternalServerError"  # how a job may end


class SageMaker(Training):
    """The registry, models, and transform jobs, whose work and end the world decides."""

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self.models: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, list[dict[str, Any]]] = {}  # job → what its container answered
        self.broken: set[str] = set()  # jobs whose output is not whole
        self.asked: dict[str, float] = {}  # job → when the message came that it was created for
        self.script: dict[str, list[str]] = {}  # batch → how its next jobs end, where that isn't drawn
        self.dry_spell = self._dry_spell(0.25)  # from when to when the quota is used up

    def do_create_model(self, **request: Any) -> None:
        """Refuses a name that is taken as SageMaker does, and a package without an artifact."""
        if request["ModelName"] in self.models:
            raise refusal("CreateModel", "ValidationException", 400, "Cannot create already existing model")
        package = self.packages.get(request["PrimaryContainer"]["ModelPackageName"], {"artifact": "gone"})
        if package.get("artifact") == "gone":
            raise refusal("CreateModel", "ValidationException", 400, "Could not find model data")
        self.models[request["ModelName"]] = request

    def do_describe_model(self, ModelName: str) -> dict[str, Any]:  # noqa: N803
        """A model as it was created."""
        if ModelName not in self.models:
            raise refusal("DescribeModel", "ValidationException", 400, "Could not find model")
        return dict(self.models[ModelName])

    def do_create_transform_job(self, **request: Any) -> None:
        """Refuses a name that is taken; the world decides on capacity."""
        name = request["TransformJobName"]
        if name in self.jobs:
            raise refusal("CreateTransformJob", "ResourceInUse", 400)
        if self.drought():
            raise refusal("CreateTransformJob", "ResourceLimitExceeded", 400)
        self.asked[name] = self.world.asked_at()
        self.jobs[name] = request | {
            "TransformJobStatus": "InProgress",
            "CreationTime": self.world.moment(),
            "LastModifiedTime": self.world.moment(),
        }
        self.job_began(name)

    def do_describe_transform_job(self, TransformJobName: str) -> dict[str, Any]:  # noqa: N803
        """A job in its current state."""
        if TransformJobName not in self.jobs:
            text = f"Could not find requested job with name: {TransformJobName}"
            raise refusal("DescribeTransformJob", "ValidationException", 400, text)
        return dict(self.jobs[TransformJobName])

    def do_list_transform_jobs(self, **asked: Any) -> Any:
        """A page of them."""
        return self.listings.jobs("Transform", self.jobs.values(), asked, "Descending")

    def do_stop_transform_job(self, TransformJobName: str) -> None:  # noqa: N803
        """Stops a job that runs."""
        self.job_ends(TransformJobName, "Stopped")

    def working(self) -> bool:
        """Whether a transform job runs, perhaps for ever."""
        return any(job["TransformJobStatus"] == "InProgress" for job in self.jobs.values())

    def drought(self) -> bool:
        """Whether the quota is used up now."""
        begin, end = self.dry_spell
        dry = self.world.faults.active and begin <= self.world.now < end
        self.world.faults.counts["no capacity"] += dry and self.world.faults.plan is None
        return dry

    def job_began(self, name: str) -> None:
        """A job was created: it reads the objects that exist when its container starts, and usually ends."""
        self.world.at(240, self._work, name)
        ending = self._scripted(name)
        if ending != STUCK and not self.world.faults.happen("job stuck", 0.02):
            self.world.at(self.world.draw.uniform(300, 900), self.job_ends, name, None, ending)

    def _scripted(self, name: str) -> str | None:
        path = self.jobs[name]["TransformOutput"]["S3OutputPath"]
        endings = self.script.get(Run.of_output(path, BUCKET).batch)
        return endings.pop(0) if endings else None

    def _work(self, name: str) -> None:
        prefix = self.jobs[name]["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
        content = self.world.s3.content(prefix.removeprefix(f"s3://{BUCKET}/") + "part-00000.jsonl") or b""
        self.answers[name] = [self._answer(json.loads(line)) for line in content.splitlines()]

    def _answer(self, record: dict[str, Any]) -> dict[str, Any]:
        key = record["image"]["source-ref"].removeprefix(f"s3://{BUCKET}/")
        if key not in self.world.s3.versions:
            return record | {"SageMakerOutput": {"error": "missing"}}
        key += record["image"].get("member", "")
        if "corrupt" in key:
            return record | {"SageMakerOutput": {"error": "not an image: simulated"}}
        return record | {"SageMakerOutput": answer(sum(key.encode()) % 10, 0.5)}

    def job_ends(self, name: str, status: str | None, scripted: str | None = None) -> None:
        """A job ends as it was set to, or at random."""
        job = self.jobs[name]
        if job["TransformJobStatus"] != "InProgress":
            return
        reason = None
        if scripted == BY_THE_SERVICE:
            status, reason = "Failed", f"{BY_THE_SERVICE}: simulated"
        elif scripted == NO_INSTANCES or (status is None and self.lacks_instances()):
            status, reason = "Failed", NO_INSTANCES
        elif status is None:
            status, reason = self._end()
        if status == "Completed":
            self._write_output(name, job)
        job |= {
            "TransformJobStatus": status,
            "TransformStartTime": job["CreationTime"],
            "TransformEndTime": self.world.moment(),
            "LastModifiedTime": self.world.moment(),
            **({"FailureReason": reason} if reason else {}),
        }
        shown = {"TransformJobStatus": status, "TransformOutput": job["TransformOutput"]}
        body = {"detail-type": "SageMaker Transform Job State Change", "detail": shown}
        if scripted != EVENT_LOST:
            self.world.event("reports", body, durable=False)

    def _end(self) -> tuple[str, str | None]:
        for name, chance, status, reason in (
            ("InternalServerError", 0.15, "Failed", "InternalServerError: We encountered an internal error."),
            ("AlgorithmError", 0.04, "Failed", "AlgorithmError: See job logs"),
            ("ClientError", 0.04, "Failed", "ClientError: See job logs"),
            ("stopped by a person", 0.04, "Stopped", None),
        ):
            if self.world.faults.happen(name, chance):
                return status, reason
        return "Completed", None

    def _write_output(self, name: str, job: dict[str, Any]) -> None:
        lines = [json.dumps(answer).encode() for answer in self.answers[name]]
        source = job["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"].removeprefix(f"s3://{BUCKET}/")
        key = job["TransformOutput"]["S3OutputPath"].removeprefix(f"s3://{BUCKET}/")
        key += self.world.draw.choice(("", source)) + "part-00000.jsonl.out"
        if self.world.faults.happen("output missing", 0.05):
            self.broken.add(name)
            return
        if self.world.faults.happen("output short", 0.05):
            self.broken.add(name)
            lines = lines[:-1]
        elif len(lines) > 1 and self.world.faults.happen("output mixed up", 0.05):
            self.broken.add(name)
            lines.reverse()
        ending = self.world.draw.choice((b"", b"\n"))  # AssembleWith may add an empty line
        self.world.s3.write(key, b"".join(line + b"\n" for line in lines) + ending)
