"""A transform job's settings, with AWS's defaults and limits.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.sagemaker.errors import invalid
from localcloud.sagemaker.transform.joining import Processing

MEBIBYTE = 1 << 20
MAX_PAYLOAD = 100
JSON_LINES = "application/jsonlines"
MAX_TIMEOUT = 3_600
MAX_RETRIES = 3
_STRATEGIES = {"MultiRecord": True, "SingleRecord": False}


@dataclass(frozen=True)
class TransformSettings:
    """How input objects become requests, and answers become output objects."""

    input_uri: str
    output_uri: str
    split: bool
    many: bool
    payload: int | None  # bytes of a request's body at most
    concurrency: int
    timeout: int  # seconds
    retries: int
    headers: dict[str, str]
    newlines: bool
    processing: Processing

    @classmethod
    def read(cls, request: Mapping[str, Any]) -> "TransformSettings":
        """Read a CreateTransformJob request; raise a ValidationException for what it may not hold."""
        source, sink = request["TransformInput"], request["TransformOutput"]
        _expect("S3DataType", source["DataSource"]["S3DataSource"]["S3DataType"], ("S3Prefix",))
        _expect("CompressionType", source.get("CompressionType") or "None", ("None",))
        split = _expect("SplitType", source.get("SplitType") or "None", ("None", "Line"))
        assemble = _expect("AssembleWith", sink.get("AssembleWith") or "None", ("None", "Line"))
        strategy = _expect("BatchStrategy", request.get("BatchStrategy") or "MultiRecord", tuple(_STRATEGIES))
        megabytes = 6 if request.get("MaxPayloadInMB") is None else request["MaxPayloadInMB"]
        concurrency = request.get("MaxConcurrentTransforms") or 1
        if megabytes * concurrency > MAX_PAYLOAD:
            raise invalid(
                f"MaxConcurrentTransforms ({concurrency}) times MaxPayloadInMB ({megabytes}) is more than "
                f"{MAX_PAYLOAD}."
            )
        processing = Processing.read(request.get("DataProcessing") or {})
        types = (source.get("ContentType"), sink.get("Accept"))
        if not processing.changes_nothing and (
            types != (JSON_LINES,) * 2 or (split, assemble) != ("Line",) * 2
        ):
            raise invalid(
                f"DataProcessing needs ContentType and Accept {JSON_LINES}, SplitType and AssembleWith Line; "
                f"found {types[0]}, {types[1]}, {split}, {assemble}. "
                "The local cloud knows it for JSON Lines only."
            )
        client = request.get("ModelClientConfig") or {}
        timeout = client.get("InvocationsTimeoutInSeconds") or 600
        retries = (
            MAX_RETRIES if client.get("InvocationsMaxRetries") is None else client["InvocationsMaxRetries"]
        )
        if timeout > MAX_TIMEOUT or retries > MAX_RETRIES:
            raise invalid(
                f"ModelClientConfig allows {MAX_TIMEOUT} seconds and {MAX_RETRIES} retries at most; "
                f"found {timeout} and {retries}."
            )
        headers = {"Content-Type": types[0], "Accept": types[1]}
        return cls(
            input_uri=source["DataSource"]["S3DataSource"]["S3Uri"],
            output_uri=sink["S3OutputPath"],
            split=split == "Line",
            many=_STRATEGIES[strategy],
            payload=megabytes * MEBIBYTE or None,
            concurrency=concurrency,
            timeout=timeout,
            retries=retries,
            headers={name: value for name, value in headers.items() if value},
            newlines=assemble == "Line",
            processing=processing,
        )


def _expect(name: str, found: str, known: tuple[str, ...]) -> str:
    if found not in known:
        raise invalid(f"{name} is {found!r}; the local cloud knows {' and '.join(known)} only.")
    return found
