"""What AWS refuses in a request and botocore doesn't: patterns, lengths, numbers, words of service models.

botocore checks that members exist, are there where they are required, and have the right type
(https://botocore.amazonaws.com/v1/documentation/api/latest/reference/config.html, parameter_validation).
"""

import re
from typing import Any

import regex  # type: ignore[import-untyped] # its stubs are another package
from botocore.model import OperationModel, Shape
from botocore.validate import ParamValidator

MAX_KEY = 1024  # bytes; https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"


def violations(operation: OperationModel, parameters: dict[str, Any]) -> list[str]:
    """Why AWS would refuse a request; empty for a valid one."""
    shape: Any = operation.input_shape
    report = ParamValidator().validate(parameters, shape)
    if report.has_errors():
        return [report.generate_report()]
    found = _violations(shape, parameters, operation.name)
    if operation.service_model.service_name == "s3":  # its service model has neither rule
        if len(str(parameters.get("Key", "")).encode()) > MAX_KEY:
            found.append(f"{operation.name}.Key: more than {MAX_KEY} bytes")
        if not re.fullmatch(BUCKET, parameters["Bucket"]):
            found.append(f"{operation.name}.Bucket: {parameters['Bucket']!r} isn't a bucket name")
    return found


def _violations(shape: Any, value: Any, path: str) -> list[str]:
    if shape.type_name == "structure":
        parts = ((shape.members[name], part, f"{path}.{name}") for name, part in value.items())
        return [line for part in parts for line in _violations(*part)]
    if shape.type_name == "list":
        inner = [line for part in value for line in _violations(shape.member, part, f"{path}[]")]
        return _size(shape, len(value), path) + inner
    if shape.type_name == "map":
        inner = [
            line
            for name, part in value.items()
            for line in (
                *_violations(shape.key, name, f"{path}, key {name[:20]!r}"),
                *_violations(shape.value, part, f"{path}[{name[:20]!r}]"),
            )
        ]
        return _size(shape, len(value), path) + inner
    if shape.type_name == "string":
        return _size(shape, len(value), path) + _text(shape, value, path)
    if shape.type_name in ("integer", "long", "float", "double"):
        return _size(shape, value, path)
    return []


def _size(shape: Shape, size: float, path: str) -> list[str]:
    low, high = shape.metadata.get("min", size), shape.metadata.get("max", size)
    return [] if low <= size <= high else [f"{path}: expected {low} to {high}, found {size}"]


def _text(shape: Any, value: str, path: str) -> list[str]:
    if shape.enum and value not in shape.enum:
        return [f"{path}: {value!r} isn't one of {', '.join(shape.enum[:5])}, …"]
    pattern = shape.metadata.get("pattern")
    if pattern is None or regex.fullmatch(_readable(pattern), value, regex.V0):
        return []
    return [f"{path}: {value[:80]!r} doesn't match {pattern}"]


def _readable(pattern: str) -> str:
    """A pattern without the slip that some of SageMaker's have: a repetition of the end, `(…*)${1,128}`."""
    return re.sub(r"\$\{\d+,\d+\}$", "", pattern)
