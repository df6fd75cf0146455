"""A world of queues, events, jobs and people around the real handlers; the same seed, the same world."""

import heapq
import json
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import takewhile
from types import SimpleNamespace
from typing import Any

import register_model
import start_transform
import sweep
import train_best_model
import write_report
from batch_prediction import layout
from batch_prediction.aws import metrics, queues
from batch_prediction.events import CAPACITY, IMAGES
from batch_prediction.layout import Run
from batch_prediction.models import final_training
from batch_prediction.report import write
from batch_prediction.start import waiting
from tests.functions.archives.packed import one_of_a_kind
from tests.settings_and_events import SETTINGS, environment
from tests.simulation.agreement import disagreements
from tests.simulation.faults import CrashError, Faults, request
from tests.simulation.registry import APPROVED, REJECTED
from tests.simulation.sagemaker import SageMaker
from tests.simulation.services import BUCKET, S3, SNS, SQS
from tests.simulation.training import CALM, NO_INSTANCES, Lambda
from tests.simulation.waits import Waits

EPOCH = 1_795_000_000  # seconds since 1970
END = CALM + 76 * 3600  # a run without a report by then is lost
SWEEP = 900
ENDLESS = 2_000  # messages; a world of a few batches has some dozens
DELIVERIES = 5
SLOW, DEPTH = 250, 8  # seconds that a handler may be overtaken for, and by how many others
VISIBILITY = {"uploads": 3600, "reports": 1800}
HANDLERS: dict[str, Any] = {
    "uploads": start_transform,
    "reports": write_report,
    "digits-train-best-model": train_best_model,
    "digits-register-model": register_model,
}
POISON = "{}"  # a message that no function can read
ATTEMPTS, PAUSES = 3, (60, 120)  # of an asynchronous invocation; seconds between them


def context(seconds_left: float) -> Any:
    """What Lambda tells a function of its invocation."""
    return SimpleNamespace(
        function_name="f",
        memory_limit_in_mb=1,
        invoked_function_arn="arn",
        aws_request_id="1",
        get_remaining_time_in_millis=lambda: 1000 * seconds_left,
    )


CONTEXT = context(300)


@dataclass
class Sent:
    """A message in a queue."""

    queue: str
    body: str
    sent: float  # when SQS got it
    waits: Waits = field(default_factory=Waits)
    deliveries: int = 0
    first: float | None = None
    back_at: float = 0.0  # when it is visible again, if its delivery doesn't succeed
    busy: bool = False


@dataclass(frozen=True)
class Upload:
    """One version of a manifest or an archive that a person uploaded."""

    key: str
    batch: str
    version: str
    time: datetime
    images: tuple[str, ...]
    refused: int  # lines that can't be used

    @property
    def run(self) -> Run:
        """Its run."""
        return Run.of_manifest(self.batch, self.key, self.version, self.time)


class World:
    """One simulated stack: `run` lets its time pass until every batch has been dealt with."""

    most_messages = ENDLESS

    def __init__(self, seed: int, faults: Faults | None = None) -> None:
        self.draw = random.Random(seed)  # noqa: S311 (no secret)
        self.faults = faults or Faults(self.draw)
        self.now, self._number = 0.0, 0
        self._pending: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self.messages: dict[str, Sent] = {}
        self.sent = 0
        self.dead: list[str] = []
        self.abandoned: list[str] = []  # invocations that fail for good
        self.s3, self.sagemaker, self.sns = S3(self), SageMaker(self), SNS(self)
        self.aws = SimpleNamespace(
            s3=self.s3, sagemaker=self.sagemaker, sqs=SQS(self), sns=self.sns, lambda_=Lambda(self)
        )
        self.uploads: list[Upload] = []
        self.forgotten: list[Run] = []  # of images without a manifest
        self.arrived: dict[str, float] = {}  # image → when it was uploaded
        self.contradictions: list[str] = []  # that a reader of a report would have met
        # Runs whose report the sweep requested, and which sweep: all of its invocations are one.
        self.asked = set[tuple[str, str]]()
        self._sweeps = [""]  # their times, the one that is at work at the end
        self.failed_sweeps, self.endless = 0, False
        self.hurry = self.draw.choice((0.0, 0.2, 1.0))  # the share of sweeps that have time for one look
        self.too_late: list[str] = []
        self._working = [""]  # the functions that are at work, the one that was called last at the end
        self._handled: list[Sent] = []  # the messages that they are at work on
        self.settings: dict[str, Any] = {
            "wait_for_images_minutes": self.draw.choice((0, 30, 60)),
            "wait_for_capacity_hours": self.draw.choice((0, 1, 24)),
            "upload_queue_url": "uploads",
            "report_queue_url": "reports",
        }

    # ------------------------------------------------------------------ time
    def moment(self) -> datetime:
        """Now, as AWS gives the time: to the second."""
        return datetime.fromtimestamp(EPOCH + int(self.now), UTC)

    def at(self, delay: float, action: Callable[..., None], *args: Any) -> None:
        """Let something happen later."""
        self._number += 1
        heapq.heappush(self._pending, (self.now + delay, self._number, action, args))

    def run(self) -> None:
        """Let time pass until nothing is pending; then, without faults, redrive the dead-letter queues."""
        self.at(SWEEP, self.sweep)
        with installed(self):
            self._pass_time()
            self.now = max(self.now, float(CALM))  # the cause is gone
            for handle in self.dead:
                dead = self.messages[handle]
                self.messages[handle] = Sent(dead.queue, dead.body, self.now, dead.waits.redriven())
                self.at(1, self.deliver, handle)
            self.dead = []
            self._pass_time()

    def _pass_time(self) -> None:
        while self._pending and self.sent < self.most_messages:
            self._next()
        self.endless = bool(self._pending)

    def _next(self) -> None:
        time, _, action, args = heapq.heappop(self._pending)
        self.now = max(self.now, time)
        self.faults.active = self.now < CALM
        self._working.append("")
        action(*args)
        self._working.pop()

    # ------------------------------------------------------------------ requests, queues and functions
    def request(self, operation: str, effect: Callable[[], Any]) -> Any:
        """A request of a handler."""
        return request(self.faults, operation, effect, self._overtake)

    def _overtake(self) -> bool:
        """Let the events of the next minutes happen in the middle of a handler: it is slow, and not alone."""
        until, before = self.now + SLOW, self._number
        if len(self._working) > DEPTH or not self._pending or self._pending[0][0] > until:
            return False
        for _ in range(self.draw.randint(1, 6)):
            if self._pending and self._pending[0][0] <= until:
                self._next()
        return self._number > before

    def invoke(self, function: str, body: str, attempt: int) -> None:
        """An asynchronous invocation, which Lambda retries twice; a person repeats it after the faults."""
        self._working.append(function)
        try:
            HANDLERS[function].handler(json.loads(body), CONTEXT)
        except (Exception, CrashError):  # noqa: BLE001 (as Lambda does)
            if attempt < ATTEMPTS:
                self.at(PAUSES[attempt - 1], self.invoke, function, body, attempt + 1)
            elif self.faults.active and self.now < CALM:
                self.at(CALM - self.now, self.invoke, function, body, 1)
            else:
                self.abandoned.append(f"{function}: {body}")
        finally:
            self._working.pop()

    def send(self, queue: str, body: str, delay: float) -> None:
        """Put a message into a queue, or hand an event to a function."""
        if queue not in VISIBILITY:
            self.invoke(queue, body, 1)
            return
        self.sent += 1
        handle = f"{queue}-{self.sent}"
        self.messages[handle] = Sent(queue, body, self.now)
        if self._working[-1] == "uploads" == queue:  # a run that waits
            self.messages[handle].waits = self._handled[-1].waits.sent_again(delay)
        elif self._working[-1] == "reports":
            self.messages[handle].waits = self._wait_of(json.loads(body))
        if self._working[-1] == "sweep":
            self.asked.add((json.loads(body)["detail"]["run"], self._sweeps[-1]))
        late = self.draw.uniform(3600, 20_000) if self.faults.happen("delivered late", 0.01) else 0
        self.at(delay + late + self.draw.uniform(0, 2), self.deliver, handle)

    def measured(self, _name: str, values: dict[str, tuple[float, str]], **_: str) -> None:
        """A metric of a function: that a run waits is judged at once."""
        for cause in (IMAGES, CAPACITY):
            if f"WaitingFor{cause.title()}" in values:
                again = next(reversed(self.messages.values())).waits
                again.begin(cause, self.asked_at())
                said, _unit = values[f"WaitingFor{cause.title()}"]
                found = again.too_late(cause, self.asked_at(), said, self.limits()[cause])
                self.too_late += [f"{self._handled[-1].body}: {text}" for text in found]

    def _wait_of(self, message: dict[str, Any]) -> Waits:
        """What a run has waited whose next job is asked for: since its first job without instances, if so.

        The function that asks may have been overtaken: it knows of as many of the jobs as there were before.
        """
        jobs = self.jobs(Run(message["detail"]["batch"], message["detail"]["run"]))
        known = (self.without_instances(jobs[:number]) for number in range(len(jobs), 0, -1))
        since = [self.sagemaker.jobs[lacking[0]]["CreationTime"].timestamp() for lacking in known if lacking]
        said = message.get("waiting", {}).get(CAPACITY)
        if said not in since and not self.without_instances(jobs):
            return Waits()
        return Waits({CAPACITY: (said if said in since else since[0]) - EPOCH})

    def without_instances(self, jobs: list[str]) -> list[str]:
        """The newest of a run's jobs, up to the first that had instances; in their order."""
        lacking = takewhile(
            lambda name: self.sagemaker.jobs[name].get("FailureReason") == NO_INSTANCES, reversed(jobs)
        )
        return list(lacking)[::-1]

    def asked_at(self) -> float:
        """When the message came that is being handled; now, where a request is made without one."""
        first = self._handled[-1].first if self._handled else self.now
        assert first is not None
        return first

    def limits(self) -> dict[str, float]:
        """How long a run may wait, in seconds."""
        return {
            IMAGES: self.settings["wait_for_images_minutes"] * 60,
            CAPACITY: self.settings["wait_for_capacity_hours"] * 3600,
        }

    def deliver(self, handle: str) -> None:
        """One delivery of a message by Lambda's poller, and its result."""
        message = self.messages[handle]
        if message.busy:
            return
        if message.deliveries == DELIVERIES:
            self.dead.append(handle)
            return
        message.deliveries += 1
        message.first = self.now if message.first is None else message.first
        message.back_at = self.now + VISIBILITY[message.queue]
        message.busy = True
        self._working.append(message.queue)
        self._handled.append(message)
        record = {
            "body": message.body,
            "receiptHandle": handle,
            "attributes": {
                "ApproximateReceiveCount": str(message.deliveries),
                "ApproximateFirstReceiveTimestamp": str(int((EPOCH + message.first) * 1000)),
                "SentTimestamp": str(int((EPOCH + message.sent) * 1000)),
            },
        }
        try:
            HANDLERS[message.queue].handler({"Records": [record]}, CONTEXT)
        except (Exception, CrashError):  # noqa: BLE001 (as Lambda does)
            self.at(message.back_at - self.now, self.deliver, handle)
        else:
            if self.faults.happen("delivered again after success", 0.03):
                self.at(message.back_at - self.now, self.deliver, handle)
            else:
                del self.messages[handle]
        finally:
            message.busy = False
            self._working.pop()
            self._handled.pop()

    def sweep(self) -> None:
        """A sweep, and the next one as long as something is left to do."""
        self.sweep_part(json.dumps({"time": f"{self.moment():%Y-%m-%dT%H:%M:%SZ}", "detail": {}}))
        if self.now < END and (self._pending or self.sagemaker.working() or not self.all_reported()):
            self.at(SWEEP, self.sweep)

    def sweep_part(self, event: str) -> None:
        """An invocation of the sweep; in a hurry it has time for one look, and invokes itself to go on."""
        self._working.append("sweep")
        self._sweeps.append(json.loads(event)["time"])
        end = self.now + (0 if self.draw.random() < self.hurry else 300)
        told = context(0)
        told.get_remaining_time_in_millis = lambda: 1000 * (end - self.now)
        try:
            sweep.handler(json.loads(event), told)
        except (Exception, CrashError):  # noqa: BLE001 (as Lambda does)
            self.failed_sweeps += 1
        self._working.pop()
        self._sweeps.pop()

    def written(self, key: str) -> None:
        """Compare a run's pages with its report.json, if that is about its newest job, after each write."""
        for run in (upload.run for upload in self.uploads if key.startswith(upload.run.report_prefix)):
            report = json.loads(self.s3.content(run.report) or b"null")
            newest = next(reversed(self.jobs(run)), None)
            if report and (report["transform_job"] or {}).get("name") == newest:
                found = disagreements(self.s3, run)
                self.contradictions += [f"{text} when {key} was written at {self.now:.0f}" for text in found]

    def jobs(self, run: Run) -> list[str]:
        """The transform jobs that write below a run, in the order of their creation."""
        prefix = f"s3://{BUCKET}/{run.prefix}"
        return [
            name
            for name, job in self.sagemaker.jobs.items()
            if job["TransformOutput"]["S3OutputPath"].startswith(prefix)
        ]

    def all_reported(self) -> bool:
        """Whether every upload and forgotten manifest has a report, every tuning job a model or a failure."""
        finals = (f"{name}-final" for name in self.sagemaker.tunings)
        runs = [*(upload.run for upload in self.uploads), *self.forgotten]
        return all(run.report in self.s3.versions for run in runs) and all(map(self.followed, finals))

    def followed(self, final: str) -> bool:
        """Whether a tuning job's final training has a package, or a reason why there is none."""
        attempts = self.finals(final)
        failures = map(layout.training_failure, attempts)
        packages = {
            package["CustomerMetadataProperties"]["training_job"]
            for package in self.sagemaker.packages.values()
            if "ClientToken" in package
        }
        none = layout.tuning_failure(final.removesuffix("-final")), *failures
        return bool(packages & set(attempts)) or any(key in self.s3.versions for key in none)

    def finals(self, final: str) -> list[str]:
        """The attempts at a final training, in the order of their creation."""
        return [name for name in self.sagemaker.trainings if name == final or name.startswith(f"{final}-")]

    def event(self, queue: str, body: dict[str, Any], durable: bool) -> None:
        """EventBridge delivers an event: late, perhaps twice, and not at all if it isn't durable."""
        if not durable and self.faults.happen("event lost", 0.2):
            return
        self.at(self.draw.uniform(0, 20), self.send, queue, json.dumps(body), 0)
        if self.faults.happen("event twice", 0.2):
            late = self.draw.choice((5, 60, 4000))
            self.at(self.draw.uniform(0, late), self.send, queue, json.dumps(body), 0)

    # ------------------------------------------------------------------ people
    def approve(self, number: int, artifact: str = "there") -> None:
        """Register a package and approve it."""
        self.sagemaker.register(number, artifact)
        self.sagemaker.decide(number, APPROVED)

    def reject(self, number: int) -> None:
        """Reject a package."""
        self.sagemaker.decide(number, REJECTED)

    def put_image(self, batch: str, name: str) -> None:
        """Upload an image."""
        self.s3.write(f"incoming/{batch}/{name}", b"image")
        self.arrived[f"incoming/{batch}/{name}"] = self.now

    def forget_manifest(self, batch: str, images: int) -> None:
        """Upload images, and no manifest."""
        for number in range(images):
            self.put_image(batch, f"{number}.png")
        self.forgotten.append(Run.without_manifest(f"{batch}/", self.moment()))

    def put_manifest(self, batch: str, names: tuple[str, ...], refused: int) -> None:
        """Upload a manifest: its lines, and lines that can't be used."""
        lines = [json.dumps({"file_name": name, "label": number % 10}) for number, name in enumerate(names)]
        key = f"incoming/{batch}/manifest.jsonl"
        images = tuple(f"incoming/{batch}/{name}" for name in names)
        self._put(key, batch, "\n".join([*lines, *["broken"] * refused]).encode(), images, refused)

    def put_archive(self, kind: str, batch: str, names: tuple[str, ...]) -> None:
        """Upload an archive of class folders, of a kind that is the batch's ending, too."""
        members = [f"{number % 10}/{name}" for number, name in enumerate(names)]
        images = tuple(f"incoming/{batch}#{member}" for member in members)
        self.arrived |= dict.fromkeys(images, self.now)
        self._put(
            f"incoming/{batch}", batch, one_of_a_kind(kind, dict.fromkeys(members, b"image")), images, 0
        )

    def _put(self, key: str, batch: str, body: bytes, images: tuple[str, ...], refused: int) -> None:
        version = self.s3.write(key, body)["VersionId"]
        self.uploads.append(Upload(key, batch, version, self.moment(), images, refused))
        detail = {"bucket": {"name": BUCKET}, "object": {"key": key, "version-id": version}}
        self.event("uploads", {"detail-type": "Object Created", "detail": detail}, durable=True)


class installed:  # noqa: N801 (a context, read as a word)
    """The world in the place of AWS, behind `clients()`; the logs are silent."""

    MODULES: tuple[Any, ...] = (*HANDLERS.values(), sweep)
    CLOCKS: tuple[Any, ...] = (waiting, write, final_training)

    def __init__(self, world: World) -> None:
        self.world = world

    def __enter__(self) -> None:
        os.environ.update(environment(replace(SETTINGS, **self.world.settings)))
        self._replaced = [(module, "clients", module.clients) for module in self.MODULES]
        self._replaced += [(metrics, "emit", metrics.emit)]
        self._replaced += [(module, "time", vars(module)["time"]) for module in self.CLOCKS]
        for module in self.MODULES:
            module.clients = lambda: self.world.aws
            module.logger.setLevel("CRITICAL")
        queues.logger.setLevel("CRITICAL")
        vars(metrics)["emit"] = self.world.measured
        for module in self.CLOCKS:
            vars(module)["time"] = lambda: EPOCH + self.world.now

    def __exit__(self, *_: object) -> None:
        for module, name, original in self._replaced:
            setattr(module, name, original)
        for module in (*self.MODULES, queues):
            module.logger.setLevel("INFO")
