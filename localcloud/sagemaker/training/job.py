"""A training job's work: a script in script mode, run by this interpreter under the job's role."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moto.core.utils import utcnow

from localcloud.core.clients import make_client
from localcloud.core.cloud import Cloud
from localcloud.logs import LogStream
from localcloud.sagemaker import archives, objects
from localcloud.sagemaker.errors import JobFailed, JobStopped
from localcloud.sagemaker.jobs import (
    REASON_LENGTH,
    Ended,
    Job,
    epoch_milliseconds,
    present,
    tags_of,
    write_json,
)
from localcloud.sagemaker.requirements import differences
from localcloud.sagemaker.training import checkpoints, script_mode
from localcloud.sagemaker.training.metrics import Metrics

DEFAULT_RUNTIME_SECONDS = 86_400
PREFIX = "AlgorithmError: "
ALGORITHM = ("TrainingImage", "TrainingInputMode")  # what AWS's sample of an event shows of it
CHANNEL_DEFAULTS = {"CompressionType": "None", "RecordWrapperType": "None"}
_MESSAGES = {  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_SecondaryStatusTransition.html
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}


class TrainingJob(Job):
    """One run of a script."""

    kind = words = "Training"

    def __init__(self, cloud: Cloud, record: Any, metrics: Metrics) -> None:
        super().__init__(cloud, record, record.training_job_name, record.role_arn)
        self.metrics = metrics
        self.seconds = (record.stopping_condition or {}).get("MaxRuntimeInSeconds", DEFAULT_RUNTIME_SECONDS)

    def start(self) -> None:
        """Begin the job, as if it had never been begun."""
        self.record.secondary_status_transitions = []
        self.record.training_start_time = None
        super().start()

    def change(self, status: str, secondary: str = "") -> None:
        """Set the status and its secondary status, and send the state-change event."""
        secondary = secondary or {"InProgress": "Starting"}.get(status, status)
        with self.cloud.gate.change(), self._changing:
            now, transitions = utcnow(), self.record.secondary_status_transitions
            if transitions:
                transitions[-1]["EndTime"] = now
            transitions.append({"Status": secondary, "StartTime": now, "StatusMessage": _MESSAGES[secondary]})
            self.record.secondary_status = secondary
            super().change(status, secondary)

    def advance(self, secondary: str) -> None:
        """Go on to the next secondary status, unless the job is being stopped."""
        with self._changing:
            if self.status == "InProgress":
                self.change("InProgress", secondary)

    def work(self, folder: Path) -> None:
        """Download the channels and the script, run it, and upload what it left.

        https://docs.aws.amazon.com/sagemaker/latest/dg/how-it-works-training.html
        """
        record = self.record
        environment = self.enter_role(
            record.algorithm_specification.get("TrainingImage") or "",
            record.resource_config.get("VolumeKmsKeyId"),
            record.output_data_config.get("KmsKeyId"),
            record.vpc_config,
        )
        s3, log = make_client("s3", environment), self.log(f"{script_mode.HOST}-{int(time.time())}")
        folders = script_mode.Folders(folder)
        self.advance("Downloading")
        command, variables = self._prepare(s3, folders)
        environment |= variables | {"TRAINING_JOB_NAME": self.name, "TRAINING_JOB_ARN": self.record.arn}
        environment |= {
            "SAGEMAKER_BASE_DIR": str(folder),
            "PYTHONUNBUFFERED": "1",
            **(self.record.environment or {}),
        }

        def read(line: str) -> None:
            log.write(line)
            self.metrics.read(line)

        self.record.training_start_time = utcnow()
        self.advance("Training")
        with checkpoints.kept(self.cloud, s3, self.record.checkpoint_config, folder):
            child = self.cloud.run([sys.executable, *command], env=environment, cwd=folders.code)
            ended = self.follow(child, read, self.seconds)
        self._upload(s3, folders, ended)
        if self.stop_requested.is_set():
            raise JobStopped("Stopped")
        if ended.too_long:
            raise JobStopped("MaxRuntimeExceeded")
        if ended.status != 0:
            raise JobFailed(_failure(folders.output / "failure", command, ended.status, log))

    def _prepare(self, s3: Any, folders: script_mode.Folders) -> tuple[list[str], dict[str, str]]:
        """Fill the folders; return the script with its arguments, and its SM_* variables."""
        given = self.record.hyper_parameters
        own, reserved = script_mode.read_hyperparameters(given)
        channels = {channel["ChannelName"]: channel for channel in self.record.input_data_config or ()}
        folders.make(list(channels))
        for name, channel in channels.items():
            objects.download_below(s3, channel["DataSource"]["S3DataSource"]["S3Uri"], folders.channel(name))
        archives.fetch(s3, str(reserved[script_mode.SUBMIT_DIRECTORY]), folders.code)
        program, requirements = str(reserved[script_mode.PROGRAM]), folders.code / "requirements.txt"
        if not (folders.code / program).is_file():
            raise JobFailed(
                f"AlgorithmError: {reserved[script_mode.SUBMIT_DIRECTORY]} holds no {program!r}, which the "
                f"hyperparameter {script_mode.PROGRAM} names, exit code: 1"
            )
        if requirements.is_file() and (missing := differences(requirements)):
            raise JobFailed(
                f"AlgorithmError: InstallRequirementsError: {'; '.join(missing)}. The local cloud runs "
                "scripts with its own interpreter and installs nothing: install that in its environment, "
                "exit code: 1"
            )
        resources = script_mode.resource_configuration()
        configuration = {name: _channel_configuration(channel) for name, channel in channels.items()}
        write_json(folders.configuration / "hyperparameters.json", given)
        write_json(folders.configuration / "inputdataconfig.json", configuration)
        write_json(folders.configuration / "resourceconfig.json", resources)
        variables = script_mode.variables(folders, own, reserved, configuration, resources)
        return [program, *script_mode.arguments(own)], variables

    def _upload(self, s3: Any, folders: script_mode.Folders, ended: Ended) -> None:
        """Put model.tar.gz, unless the script failed, and output.tar.gz, if there is any, into S3."""
        self.advance("Uploading")
        ended_early = self.stop_requested.is_set() or ended.too_long
        if ended.status == 0 or (ended_early and any(folders.model.iterdir())):
            address = _address(self.record, "model.tar.gz")
            archives.send(s3, folders.model, address)
            self.record.model_artifacts = {"S3ModelArtifacts": address}
        if any((folders.output / "data").iterdir()):
            archives.send(s3, folders.output / "data", _address(self.record, "output.tar.gz"))

    def note_end(self) -> None:
        """Write the metrics and the times of the end."""
        self.record.training_end_time = utcnow()
        self.record.final_metric_data_list = self.metrics.final() or None
        if self.record.training_start_time is not None:
            seconds = round((self.record.training_end_time - self.record.training_start_time).total_seconds())
            self.record.training_time_in_seconds = self.record.billable_time_in_seconds = seconds

    def detail(self) -> dict[str, Any]:
        """Return the event's detail: the documented fields, with AWS's defaults for what wasn't given.

        https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html#eventbridge-training
        """
        record = self.record
        detail = {
            "TrainingJobName": self.name,
            "TrainingJobArn": record.arn,
            "TrainingJobStatus": record.training_job_status,
            "SecondaryStatus": record.secondary_status,
            "FailureReason": record.failure_reason,
            "HyperParameters": record.hyper_parameters,
            "AlgorithmSpecification": {name: record.algorithm_specification.get(name) for name in ALGORITHM},
            "RoleArn": record.role_arn,
            "InputDataConfig": [{**CHANNEL_DEFAULTS, **each} for each in record.input_data_config or ()],
            "OutputDataConfig": {"KmsKeyId": "", **record.output_data_config},
            "ResourceConfig": record.resource_config,
            "StoppingCondition": record.stopping_condition,
            "CreationTime": epoch_milliseconds(record.creation_time),
            "TrainingStartTime": epoch_milliseconds(record.training_start_time),
            "TrainingEndTime": epoch_milliseconds(record.training_end_time),
            "LastModifiedTime": epoch_milliseconds(record.last_modified_time),
            "SecondaryStatusTransitions": [],
            "Tags": tags_of(record),
        }
        return present(detail)


def _address(record: Any, name: str) -> str:
    """Return where an archive goes: https://docs.aws.amazon.com/sagemaker/latest/dg/model-train-storage.html."""
    return f"{record.output_data_config['S3OutputPath'].rstrip('/')}/{record.training_job_name}/output/{name}"


def _channel_configuration(channel: Mapping[str, Any]) -> dict[str, str]:
    """Return a channel's entry in inputdataconfig.json."""
    configuration = {
        "TrainingInputMode": "File",
        "S3DistributionType": channel["DataSource"]["S3DataSource"].get(
            "S3DataDistributionType", "FullyReplicated"
        ),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    if "ContentType" in channel:
        configuration["ContentType"] = channel["ContentType"]
    return configuration


def _failure(written: Path, command: list[str], status: int, log: LogStream) -> str:
    """Return the FailureReason: the beginning of /opt/ml/output/failure, else what the toolkit writes there.

    https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-signal-success-failure.html
    """
    ending = f", exit code: {status}"
    if written.is_file():
        reason = written.read_text(encoding="utf-8", errors="replace")
    else:
        shown = f'"\nCommand "python {" ".join(command)}"'[:300]
        reason = f'ExecuteUserScriptError:\nExitCode {status}\nErrorMessage "'
        reason += (
            log.tail()[-(REASON_LENGTH - len(PREFIX) - len(reason) - len(shown) - len(ending)) :] + shown
        )
    return PREFIX + reason[: REASON_LENGTH - len(PREFIX) - len(ending)] + ending
