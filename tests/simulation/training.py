"""SageMaker's tuning and training jobs in memory, and the two functions that follow them."""

import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

from tests.functions.figures import references
from tests.settings_and_events import event
from tests.simulation.faults import refusal
from tests.simulation.registry import Registry
from tests.simulation.services import ARN, BUCKET, Simulated

if TYPE_CHECKING:
    from tests.simulation.world import World


FINAL_ACCURACY = 0.99  # of every training, on validation and on test images
# Accuracy on validation images and negative log-likelihood of trials: noise can't tell the first two apart.
TRIALS = ((FINAL_ACCURACY, 0.03), (FINAL_ACCURACY - 0.0005, 0.02), (FINAL_ACCURACY - 0.01, 0.01))
CALM = 5 * 3600  # from here on nothing goes wrong any more
NO_INSTANCES = "CapacityError: Unable to provision requested ML compute capacity. Simulated."


def artifact() -> bytes:
    """A model.tar.gz with nothing but a config.json and a reference.json in it."""
    kept = {"confusion_matrix": [[5] * 10] * 10, "metrics": {"test-accuracy": FINAL_ACCURACY}}
    known = references.content(references.reference(500))
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, value in (("config.json", kept), ("reference.json", known)):
            content = json.dumps(value).encode()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


ARTIFACT = artifact()


class Training(Registry):
    """What SageMaker answers about tuning jobs, training jobs and the packages made from them."""

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self.tunings: dict[str, dict[str, Any]] = {}
        self.trials: dict[str, list[dict[str, Any]]] = {}  # of each tuning job, the best first
        self.trainings: dict[str, dict[str, Any]] = {}
        self._silent: set[str] = set()  # final trainings whose end no event announces
        self.shortage = self._dry_spell(0.25)  # from when to when AWS has no instances
        self.short: set[str] = set()  # final trainings that end without instances, though none lack

    def _dry_spell(self, chance: float) -> tuple[float, float]:
        if self.world.draw.random() < chance:
            begin = self.world.draw.uniform(0, CALM / 2)
            return begin, begin + self.world.draw.uniform(600, 9000)
        return 0.0, 0.0

    def lacks_instances(self) -> bool:
        """Whether a job that ends now does so because AWS has no instances for it."""
        begin, end = self.shortage
        lacking = self.world.faults.active and begin <= self.world.now < end
        self.world.faults.counts["no instances"] += lacking and self.world.faults.plan is None
        return lacking

    def tuning_ends(self, name: str, status: str, announced: bool = True) -> None:
        """A tuning job of the documented event's shape has ended; unless `announced`, no event is sent."""
        shown = event("tuning_job_completed")["detail"]
        definition = shown["TrainingJobDefinition"]
        definition["OutputDataConfig"]["S3OutputPath"] = f"s3://{BUCKET}/trials/{name}/"
        self.trials[name] = [
            self._trial(f"{name}-{number:03d}", definition, *figures)
            for number, figures in enumerate(TRIALS, start=1)
        ]
        best, *_ = self.trials[name]
        for trial in self.trials[name]:
            self.world.s3.write(f"trials/{name}/{trial['TrainingJobName']}/output/model.tar.gz", ARTIFACT)
        self.tunings[name] = {
            "HyperParameterTuningJobName": name,
            "HyperParameterTuningJobArn": f"{ARN}hyper-parameter-tuning-job/{name}",
            "HyperParameterTuningJobStatus": status,
            "CreationTime": self.world.moment(),
            "HyperParameterTuningEndTime": self.world.moment(),
            "LastModifiedTime": self.world.moment(),
            "TrainingJobDefinition": definition,
            **({"BestTrainingJob": best} if status == "Completed" else {}),
        }
        detail = {"HyperParameterTuningJobName": name}
        if announced:
            self.world.event("digits-train-best-model", {"detail": detail}, durable=False)
        else:
            self._silent.add(f"{name}-final")

    def _trial(
        self, name: str, definition: dict[str, Any], accuracy: float, likelihood: float
    ) -> dict[str, Any]:
        """A trial's summary; its description, whose metrics may be late by an hour, is kept, too."""
        self.trainings[name] = self._training(name, definition, accuracy) | {"TrainingJobStatus": "Completed"}
        metrics = {"validation-accuracy": accuracy, "calibrated-nll": likelihood, "validation-images": 10_000}
        listed = [{"MetricName": metric, "Value": value} for metric, value in metrics.items()]
        late = self.world.faults.happen("trial's metrics late", 0.3)
        self.trainings[name]["FinalMetricDataList"] = listed[:1] if late else listed
        if late:
            self.world.at(3600, self.trainings[name].update, {"FinalMetricDataList": listed})
        return {
            "TrainingJobName": name,
            "CreationTime": self.world.moment(),
            "LastModifiedTime": self.world.moment(),
            "TrainingJobStatus": "Completed",
            "TunedHyperParameters": {"learning-rate": str(likelihood)},
            "FinalHyperParameterTuningJobObjectiveMetric": listed[0],
            "FinalObjectiveMetricValue": accuracy,  # what listings are sorted by
        }

    def _training(self, name: str, request: dict[str, Any], accuracy: float) -> dict[str, Any]:
        return request | {
            "TrainingJobName": name,
            "TrainingJobArn": f"{ARN}training-job/{name}",
            "CreationTime": self.world.moment(),
            "LastModifiedTime": self.world.moment(),
            "FinalMetricDataList": [
                {"MetricName": f"{kind}-accuracy", "Value": accuracy} for kind in ("validation", "test")
            ],
        }

    def training_ends(self, name: str) -> None:
        """A final training ends, sometimes without a model."""
        job = self.trainings[name]
        if name in self.short or self.lacks_instances():
            job |= {"TrainingJobStatus": "Failed", "FailureReason": NO_INSTANCES}
        else:
            failed = self.world.faults.happen("training failed", 0.1)
            job["TrainingJobStatus"] = "Failed" if failed else "Completed"
            if self.world.faults.happen("metrics late", 0.3):
                job["FinalMetricDataList"] = []
            key = f"models/{name}/output/model.tar.gz"
            self.world.s3.write(key, ARTIFACT)
            job["ModelArtifacts"] = {"S3ModelArtifacts": f"s3://{BUCKET}/{key}"}
        job["TrainingEndTime"] = job["LastModifiedTime"] = self.world.moment()
        if name not in self._silent:
            detail = {"TrainingJobName": name}
            self.world.event("digits-register-model", {"detail": detail}, durable=False)

    def do_describe_hyper_parameter_tuning_job(self, HyperParameterTuningJobName: str) -> dict[str, Any]:  # noqa: N803
        """A tuning job as it ended."""
        return self.tunings[HyperParameterTuningJobName]

    def do_list_hyper_parameter_tuning_jobs(self, **asked: Any) -> Any:
        """A page of them."""
        jobs = self.tunings.values()
        return self.listings.jobs("HyperParameterTuning", jobs, asked, "Ascending")

    def do_list_training_jobs_for_hyper_parameter_tuning_job(
        self,
        HyperParameterTuningJobName: str,  # noqa: N803
        **asked: Any,
    ) -> dict[str, Any]:
        """A page of its trials."""
        found, following = self.listings.page(
            self.trials[HyperParameterTuningJobName],
            asked,
            name="TrainingJobName",
            status=("StatusEquals", "TrainingJobStatus"),
            order="Ascending",
        )
        return {"TrainingJobSummaries": found} | following

    def do_create_training_job(self, **request: Any) -> None:
        """Refuses a name that is taken."""
        name = request["TrainingJobName"]
        if name in self.trainings:
            raise refusal("CreateTrainingJob", "ResourceInUse", 400)
        self.trainings[name] = self._training(name, request, FINAL_ACCURACY) | {
            "TrainingJobStatus": "InProgress"
        }
        self.world.at(1200, self.training_ends, name)

    def do_describe_training_job(self, TrainingJobName: str) -> dict[str, Any]:  # noqa: N803
        """A training job in its current state."""
        if TrainingJobName not in self.trainings:
            raise refusal("DescribeTrainingJob", "ValidationException", 400, "Requested resource not found.")
        return dict(self.trainings[TrainingJobName])

    def do_list_training_jobs(self, **asked: Any) -> Any:
        """A page of them, trials too."""
        return self.listings.jobs("Training", self.trainings.values(), asked, "Ascending")


class Lambda(Simulated):
    """Asynchronous invocations."""

    def do_invoke(self, FunctionName: str, InvocationType: str, Payload: bytes) -> None:  # noqa: N803
        """Invoke a function of the world, soon."""
        assert InvocationType == "Event"
        if FunctionName == "digits-sweep":
            self.world.at(1, self.world.sweep_part, Payload.decode())
            return
        self.world.at(1, self.world.invoke, FunctionName, Payload.decode(), 1)
