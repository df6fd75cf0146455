"""A batch transform job's work: https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from botocore.exceptions import ClientError
from moto.core.utils import utcnow

from localcloud.core.clients import make_client
from localcloud.core.cloud import Cloud
from localcloud.logs import LogStream
from localcloud.sagemaker import archives, objects
from localcloud.sagemaker.errors import JobFailed, JobStopped, ObjectFailed
from localcloud.sagemaker.jobs import (
    Job,
    iso_time,
    present,
    tags_of,
)
from localcloud.sagemaker.models import Definition
from localcloud.sagemaker.requirements import differences
from localcloud.sagemaker.transform.container import Container
from localcloud.sagemaker.transform.settings import TransformSettings
from localcloud.sagemaker.transform.splitting import Record, lines, pack
from localcloud.sagemaker.transform.upload import Upload

_STRATEGIES = {"MultiRecord": "MULTI_RECORD", "SingleRecord": "SINGLE_RECORD", None: None}


class TransformJob(Job):
    """One job on one instance, whatever InstanceCount says: objects and requests share one model server."""

    kind = words = "Transform"
    # What AWS leaves open, for tests to switch: its guide and its API reference disagree on whether keys of
    # outputs repeat the input's prefix, and neither says whether AssembleWith Line adds a newline to one.
    prefix_in_keys: ClassVar[bool] = False
    blank_lines: ClassVar[bool] = False

    def __init__(
        self,
        cloud: Cloud,
        record: Any,
        role_arn: str,
        network: dict[str, Any] | None,
        definition: Definition,
        settings: TransformSettings,
    ) -> None:
        super().__init__(cloud, record, record.transform_job_name, role_arn)
        self._network = network
        self.definition = definition
        self.settings = settings

    def start(self) -> None:
        """Begin the job, as if it had never been begun."""
        self.record.transform_start_time = None
        super().start()

    def keep(self) -> dict[str, Any]:
        """Return what it takes to make the job again, its model's part included: that may be deleted."""
        made_of = {"role": self.role_arn, "network": self._network, "definition": asdict(self.definition)}
        return super().keep() | made_of

    def work(self, folder: Path) -> None:
        """Transform every object; write the outputs at the end, also when other objects failed.

        A job that is stopped writes none
        (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTransformJob.html).
        """
        environment = self.enter_role(
            self.definition.image,
            self.record.transform_resources.get("VolumeKmsKeyId"),
            self.record.transform_output.get("KmsKeyId"),
            self._network,
        )
        s3 = make_client("s3", environment)
        keys = objects.keys_below(s3, self.settings.input_uri)
        uploads: dict[int, Upload] = {}  # those that have been begun, by the number of their object
        model, outputs, instance = folder / "model", folder / "outputs", f"i-local-{int(time.time())}"
        outputs.mkdir()
        archives.fetch(s3, self.definition.artifact, model)
        requirements = model / "code" / "requirements.txt"
        if requirements.is_file() and (missing := differences(requirements)):
            raise JobFailed(
                f"AlgorithmError: {'; '.join(missing)}. The local cloud serves models with its own "
                "interpreter and installs nothing: install that in its environment"
            )
        self.record.transform_start_time = utcnow()
        container = Container(self.cloud, self.settings, self.stop_requested)
        try:
            container.start(model, environment | self._container_environment(model), self.log(instance))
            data_log = self.log(f"{instance}/data-log")
            reasons = self._transform_all(s3, keys, uploads, outputs, container, data_log)
            if self._interrupted:
                raise JobStopped
            self.complete_outputs(uploads, outputs)
        finally:
            container.end()
            if not self.cloud.stopping.is_set():
                for upload in uploads.values():
                    upload.abort()
        if reasons:
            reason = "AlgorithmError" if "AlgorithmError" in reasons else "ClientError"
            raise JobFailed(f"{reason}: See job logs for more information")

    def _container_environment(self, model: Path) -> dict[str, str]:
        """Return the variables that the job adds to the model's role.

        https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
        """
        record = self.record
        given = {
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": record.max_payload_in_mb,
            "SAGEMAKER_BATCH_STRATEGY": _STRATEGIES[record.batch_strategy],
            "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": record.max_concurrent_transforms,
        }
        return {
            "SAGEMAKER_BATCH": "true",
            "SM_MODEL_DIR": str(model),
            "PYTHONUNBUFFERED": "1",
            **{name: str(value) for name, value in given.items() if value is not None},
            **self.definition.environment,
            **(record.environment or {}),
        }

    def _transform_all(
        self,
        s3: Any,
        keys: Sequence[str],
        uploads: dict[int, Upload],
        outputs: Path,
        container: Container,
        log: LogStream,
    ) -> set[str]:
        """Write a file, named by its number, for each object that succeeds; return the others' reasons.

        `uploads` gets the upload of each object that has one.
        """
        bucket, _ = objects.split_uri(self.settings.input_uri)
        reasons: set[str] = set()
        workers = self.settings.concurrency
        with ThreadPoolExecutor(workers) as requests, ThreadPoolExecutor(workers) as pool:

            def transform(number: int, key: str) -> None:
                output = outputs / str(number)
                uploads[number] = Upload(s3, *self._output_place(key))
                try:
                    with output.open("wb") as file:
                        self._transform(objects.chunks(s3, bucket, key), file, container, requests)
                except (ObjectFailed, ClientError) as failure:
                    uploads.pop(number).abort()
                    reason = failure.reason if isinstance(failure, ObjectFailed) else "ClientError"
                    reasons.add(reason)
                    log.write(f"[sagemaker logs]: {bucket}/{key}: {reason}: {failure}")

            waiting: set[Future[None]] = {pool.submit(transform, *item) for item in enumerate(keys)}
            done: set[Future[None]] = set()
            try:
                while waiting and not self._interrupted:
                    done, waiting = wait(waiting, timeout=0.1, return_when=FIRST_COMPLETED)
                    for future in done:
                        future.result()
            finally:
                if waiting:
                    container.end()
                    pool.shutdown(wait=False, cancel_futures=True)
        return reasons

    @property
    def _interrupted(self) -> bool:
        return self.stop_requested.is_set() or self.cloud.stopping.is_set()

    def _transform(
        self, chunks: Iterator[bytes], output: BinaryIO, container: Container, requests: Executor
    ) -> None:
        """Send an object's requests, as many at once as the job may, and write the answers in their order."""
        sent: deque[tuple[list[Record], Future[bytes]]] = deque()
        try:
            for records in self._requests(chunks):
                sent.append((records, requests.submit(container.invoke, self._body(records))))
                if len(sent) > self.settings.concurrency:
                    self._write(output, *sent.popleft())
            while sent:
                self._write(output, *sent.popleft())
        finally:
            for _, future in sent:
                future.cancel()

    def _requests(self, chunks: Iterator[bytes]) -> Iterator[list[Record]]:
        limit = self.settings.payload
        if self.settings.split:
            records = map(self.settings.processing.record, lines(chunks))
            yield from pack(records, limit, many=self.settings.many)
            return
        body = b"".join(chunks)
        if limit is not None and len(body) > limit:
            raise ObjectFailed(f"the object has {len(body)} bytes, more than MaxPayloadInMB allows ({limit})")
        yield [Record(body, body)]

    def _body(self, records: list[Record]) -> bytes:
        if not self.settings.split:
            return records[0].sent
        return b"".join(record.sent + b"\n" for record in records)

    def _write(self, output: BinaryIO, records: list[Record], answer: Future[bytes]) -> None:
        assembled = self.settings.processing.output(records, answer.result())
        output.write(assembled)
        if self.settings.newlines and (self.blank_lines or not assembled.endswith(b"\n")):
            output.write(b"\n")

    def _output_place(self, key: str) -> tuple[str, str]:
        """Return bucket and key of an object's output: below S3OutputPath, its name and `.out`."""
        _, prefix = objects.split_uri(self.settings.input_uri)
        bucket, folder = objects.split_uri(self.settings.output_uri.rstrip("/"))
        name = f"{key if self.prefix_in_keys else objects.name_below(prefix, key)}.out"
        return bucket, f"{folder}/{name}" if folder else name

    def complete_outputs(self, uploads: dict[int, Upload], outputs: Path) -> None:
        """Complete the upload of each object that succeeded; what is left in `uploads` isn't completed."""
        for number in sorted(uploads):
            uploads[number].complete(outputs / str(number))
            del uploads[number]

    def note_end(self) -> None:
        """Write the time of the end."""
        self.record.transform_end_time = utcnow()

    def detail(self) -> dict[str, Any]:
        """Return the event's detail: the documented fields, with AWS's defaults for what wasn't given.

        https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html#eventbridge-transform
        """
        record = self.record
        detail = {
            "TransformJobName": self.name,
            "TransformJobArn": record.arn,
            "TransformJobStatus": record.transform_job_status,
            "FailureReason": record.failure_reason,
            "ModelName": record.model_name,
            "MaxConcurrentTransforms": record.max_concurrent_transforms,
            "MaxPayloadInMB": record.max_payload_in_mb,
            "BatchStrategy": record.batch_strategy,
            "Environment": record.environment or {},
            "TransformInput": {"CompressionType": "None", "SplitType": "None", **record.transform_input},
            "TransformOutput": {"AssembleWith": "None", "KmsKeyId": "", **record.transform_output},
            "TransformResources": record.transform_resources,
            "CreationTime": iso_time(record.creation_time),
            "TransformStartTime": iso_time(record.transform_start_time),
            "TransformEndTime": iso_time(record.transform_end_time),
            "Tags": tags_of(record),
        }
        return present(detail)
