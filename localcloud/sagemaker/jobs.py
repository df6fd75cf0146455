"""What training, transform and tuning jobs share: a thread, a status, events, a log and an end."""

import contextlib
import json
import re
import shutil
import signal
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError
from moto.core.responses import EmptyResult
from moto.core.utils import utcnow
from moto.sagemaker.responses import SageMakerResponse

from localcloud.core.cloud import Cloud, CloudError
from localcloud.core.processes import end_process, read_lines
from localcloud.iam.authorizer import require
from localcloud.iam.errors import DeniedError
from localcloud.iam.job_permissions import of_job, of_keys, of_network
from localcloud.iam.roles import role_environment
from localcloud.logs import LogStream
from localcloud.sagemaker.errors import (
    INTERNAL_ERROR,
    JobFailed,
    JobStopped,
    invalid,
)

REASON_LENGTH = 1_024
NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
SERVICE = "sagemaker.amazonaws.com"  # who assumes the roles of jobs and models
LOG_SECONDS = 5.0  # how long the end waits for the last lines of a child that has ended
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html
STOP_GRACE_SECONDS = 120.0


def check_name(name: str) -> None:
    """Refuse a name that isn't 1 to 63 letters, digits and hyphens between them."""
    if NAME.fullmatch(name) is None:
        raise invalid(
            f"1 validation error detected: Value '{name}' failed to satisfy constraint: Member must satisfy "
            "regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
        )


def plug_in_stop(cloud: Cloud, kind: str, jobs: Mapping[str, "Job"]) -> None:
    """Answer Stop<kind>Job, which moto lacks; `jobs` are those of the kind by name."""

    def stop(response: Any) -> EmptyResult:
        name = response._get_param(f"{kind}JobName")
        getattr(response.sagemaker_backend, f"describe_{snake(kind)}_job")(name)  # refuses unknown names
        jobs[name].request_stop()
        return EmptyResult()

    cloud.patch(SageMakerResponse, f"stop_{snake(kind)}_job", stop, new=True)


def snake(kind: str) -> str:
    """Write a kind of job as moto's names hold it: HyperParameterTuning as hyper_parameter_tuning."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).lower()


class Ended(NamedTuple):
    """How a child ended: its exit status, and whether that was because its time was over."""

    status: int
    too_long: bool


class Job(ABC):
    """A job that runs in a thread of its own and keeps moto's `record` of it up to date.

    Statuses are InProgress, Stopping, Stopped, Completed and Failed. Each change is an event on the default
    bus (https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html).
    """

    kind: ClassVar[str]  # as in the API's names: "Training", "Transform" or "HyperParameterTuning"
    words: ClassVar[str]  # as in the event's detail-type: "HyperParameter Tuning"

    def __init__(self, cloud: Cloud, record: Any, name: str, role_arn: str) -> None:
        self.cloud = cloud
        self.record = record
        self.name = name
        self.role_arn = role_arn
        self.stop_requested = threading.Event()
        self._changing = threading.RLock()

    @abstractmethod
    def work(self, folder: Path) -> None:
        """Do the job in an empty folder of its own; return when it is Completed.

        Raise JobFailed or JobStopped for the other ends. An error that S3 answers is a failure too.
        """

    @abstractmethod
    def detail(self) -> dict[str, Any]:
        """Return the `detail` of the job's state-change event, in AWS's documented shape."""

    @abstractmethod
    def note_end(self) -> None:
        """Write the time of the end, and what else the record holds about it, before the status changes."""

    @property
    def status(self) -> str:
        """The job's status, as describing it answers."""
        return str(getattr(self.record, f"{snake(self.kind)}_job_status"))

    def change(self, status: str, secondary: str = "") -> None:
        """Set the status and send the state-change event."""
        with self.cloud.gate.change():
            with self._changing:
                setattr(self.record, f"{snake(self.kind)}_job_status", status)
                self.record.last_modified_time = utcnow()
                detail = self.detail()
            self.cloud.emit(
                "aws.sagemaker", f"SageMaker {self.words} Job State Change", detail, [self.record.arn]
            )
        self.cloud.log_activity("job", self.name, f"{self.words.lower()} job {secondary or status}")

    def start(self) -> None:
        """Announce the job as InProgress and begin it."""
        self.change("InProgress")
        self.cloud.spawn(self._run, f"sagemaker-{snake(self.kind)}-{self.name}")

    def keep(self) -> dict[str, Any]:
        """Return all that it takes to make the job again: moto's record, and what that doesn't have."""
        return {"record": vars(self.record)}

    def resume(self) -> None:
        """Go on with a job of an earlier cloud: one in progress begins anew, with its name and settings.

        One that was being stopped has been.
        """
        if self.status == "Stopping":
            self._end("Stopped", "Stopped", None)
        else:
            self.start()

    def request_stop(self) -> None:
        """Set the job to Stopping; refuse when it isn't InProgress."""
        with self._changing:
            if self.status != "InProgress":
                words = self.words.lower()
                raise invalid(f"The request was rejected because the {words} job is in status {self.status}.")
            self.change("Stopping")
        self.stop_requested.set()

    def log(self, stream: str) -> LogStream:
        """Open a stream `<job>/<stream>` of the log group of its kind.

        https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
        """
        return LogStream(self.cloud, f"/aws/sagemaker/{self.kind}Jobs", f"{self.name}/{stream}", self.name)

    def follow(self, child: subprocess.Popen[str], read: Callable[[str], None], limit: float) -> Ended:
        """Give each line that a child prints to `read` until it ends.

        A stop of the job, or the end of `limit` seconds, sends SIGTERM and 120 seconds later SIGKILL.
        """
        reader = self.cloud.spawn(lambda: read_lines(child, read), f"log-{self.name}")
        deadline = time.monotonic() + limit
        while child.poll() is None and not self.stop_requested.wait(0.05) and time.monotonic() < deadline:
            pass
        too_long = child.poll() is None and not self.stop_requested.is_set()
        if child.poll() is None:
            end_process(child, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(STOP_GRACE_SECONDS)
        end_process(child, signal.SIGKILL)  # and what it started and left behind, which keeps the pipe open
        reader.join(LOG_SECONDS)
        return Ended(child.wait(), too_long)

    def enter_role(
        self, image: str, disks: str | None, outputs: str | None, network: Mapping[str, Any] | None
    ) -> dict[str, str]:
        """Return the environment of a child under the job's role.

        Raise JobFailed when the role doesn't trust SageMaker, or may not do what SageMaker does for the job:
        pull the image, write the log and the metrics, use the keys of its disks and outputs, join its VPC.
        """
        group = f"/aws/sagemaker/{self.kind}Jobs"
        try:
            environment = role_environment(self.cloud, self.role_arn, self.name, SERVICE)
            asked = of_job(self.cloud, group, self.name, image)
            asked += of_keys(disks, outputs) + of_network((network or {}).get("Subnets", ()))
            require(self.cloud, self.role_arn, self.name, asked)
        except (CloudError, DeniedError) as error:
            raise JobFailed(f"ClientError: {error}") from error
        return environment

    def _run(self) -> None:
        folder = self.cloud.folder / "sagemaker" / snake(self.kind) / self.name
        folder.mkdir(parents=True)
        status, secondary, reason = "Completed", "Completed", None
        try:
            self.work(folder)
        except JobStopped as stopped:
            status, secondary = "Stopped", str(stopped) or "Stopped"
        except JobFailed as failure:
            status, secondary, reason = "Failed", "Failed", str(failure)
        except (ClientError, BotoCoreError) as error:
            status, secondary, reason = "Failed", "Failed", f"ClientError: {error}"
        except Exception:
            if self.cloud.stopping.is_set():
                return
            self._end("Failed", "Failed", INTERNAL_ERROR)
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self._end(status, secondary, reason)

    def _end(self, status: str, secondary: str, reason: str | None) -> None:
        if self.cloud.stopping.is_set():
            return
        with self.cloud.gate.change(), self._changing:
            if status == "Completed" and self.stop_requested.is_set():
                status = secondary = "Stopped"
            if reason is not None:
                self.record.failure_reason = reason[:REASON_LENGTH]
            self.note_end()
            self.change(status, secondary)


def present(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is None, at every depth of dictionaries."""
    return {
        key: present(value) if isinstance(value, dict) else value
        for key, value in values.items()
        if value is not None
    }


def tags_of(record: Any) -> dict[str, str]:
    """Return a record's tags as events show them: a value a key."""
    return {tag["Key"]: tag["Value"] for tag in record.tags or ()}


def iso_time(moment: datetime | None) -> str | None:
    """Write moto's moment (UTC, without a zone) as `2018-10-06T12:26:13Z`."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def epoch_milliseconds(moment: datetime | None) -> str | None:
    """Write moto's moment (UTC, without a zone) as training events do: milliseconds since 1970, a string."""
    return None if moment is None else str(int(moment.replace(tzinfo=UTC).timestamp() * 1000))


def write_json(path: Path, value: Any) -> None:
    """Write a configuration file of a container."""
    path.write_text(json.dumps(value, indent=1, sort_keys=True), encoding="utf-8")
