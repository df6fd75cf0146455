"""Digit images in S3 to predictions: the four functions that SageMaker's inference toolkit calls.

A request is JSON Lines of references, `{"source-ref": "s3://bucket/key"}`, for an image in an archive with
`member` and its place (archives.py); the response has one line per record, in order:
`{"label": 7, "confidence": 0.9987, "probabilities": [ten of them]}`, or `{"error": "missing"}`.
A bad record affects only its own line. A failure that isn't a record's fault (throttling, time-outs,
credentials) fails the request, and SageMaker sends it again. The functions and how they are called:
https://github.com/aws/sagemaker-inference-toolkit/blob/master/src/sagemaker_inference/transformer.py
"""

import json
import os
import re
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import torch
from botocore.config import Config
from botocore.exceptions import ClientError
from torch import nn

import archives
import weights
from archives import MemberError, Place
from model import IMAGE_SIZE, build, fold_batch_norm, over_shifts
from pixels import ImageError, Pixels, decode
from probabilities import probabilities

JSON_LINES = "application/jsonlines"
BATCH_SIZE = 64  # images per forward pass: they stay in the processor's cache
MAX_OBJECT_BYTES = 4 * 1024 * 1024
DEFAULT_FETCHERS = 32
PICKLES = {".pt", ".pth", ".bin", ".pkl"}

# Errors about one object; every other code concerns the service or the credentials, and fails the request
# (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
OBJECT_ERRORS = {
    "NoSuchKey": "missing",
    "NoSuchVersion": "missing",
    "InvalidRange": archives.DAMAGED,
    "AccessDenied": "access denied",
    "InvalidObjectState": "archived: restore the object, then drop the batch again",
    "KeyTooLongError": "not a key: longer than 1,024 bytes",
}

# Dot segments and backslashes would be normalised on the way to S3, so that another object would be read
# (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html).
AMBIGUOUS_KEY = re.compile(r"(^|/)\.{1,2}(/|$)|[\\\x00-\x1f\x7f-\x9f\ud800-\udfff]")

Prediction = dict[str, Any]


class MediaTypeError(ValueError):
    """A content type or accept type that isn't JSON Lines."""


class RecordError(Exception):
    """Why one record has no prediction; becomes the `error` of its line."""


@dataclass(frozen=True)
class Model:
    """A loaded network, the statistics that normalise its images, and where they may come from."""

    network: nn.Module
    labels: list[int]
    mean: float
    std: float
    prefix: str
    s3: Any
    fetchers: int
    pool: ThreadPoolExecutor
    unpacked: archives.Unpacked = field(default_factory=archives.Unpacked)


def model_fn(model_dir: str, context: object = None) -> Model:  # noqa: ARG001 - the toolkit's signature
    """Load the artifact unpacked in `model_dir`.

    From the environment: IMAGE_PREFIX, below which references are allowed (`s3://bucket/incoming/`);
    IMAGE_FETCHERS, the number of images fetched concurrently (32); OMP_NUM_THREADS, a worker's threads (1).
    Turns Pillow's warnings into errors, which become those of the image's record.

    Raises ValueError for an invalid environment or artifact, FileNotFoundError if the artifact lacks a file.
    """
    prefix = os.environ.get("IMAGE_PREFIX", "")
    if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]+/(.+/)?", prefix):
        raise ValueError(f"IMAGE_PREFIX: expected s3://bucket/folder/, found {prefix!r}: set it on the model")
    fetchers = _count("IMAGE_FETCHERS", DEFAULT_FETCHERS)
    torch.set_num_threads(_count("OMP_NUM_THREADS", 1))
    warnings.filterwarnings("error", module=r"PIL\.")
    config, network = load_network(Path(model_dir))
    client_config = Config(
        max_pool_connections=fetchers,
        retries={"mode": "adaptive", "total_max_attempts": 6},
        connect_timeout=5,
        read_timeout=20,
    )
    return Model(
        network=network,
        labels=config["labels"],
        mean=config["mean"],
        std=config["std"],
        prefix=prefix,
        s3=boto3.client("s3", config=client_config),
        fetchers=fetchers,
        pool=ThreadPoolExecutor(fetchers, thread_name_prefix="fetch"),
    )


def input_fn(body: bytes | bytearray | str, content_type: str) -> list[bytes]:
    """Split a request of JSON Lines into its records. Raises MediaTypeError for another content type."""
    _check_json_lines("Content-Type", content_type)
    data = body.encode() if isinstance(body, str) else bytes(body)
    lines = data.split(b"\n")
    return lines if lines[-1] else lines[:-1]


def predict_fn(records: Sequence[bytes], model: Model) -> list[Prediction]:
    """Fetch, decode and classify the records' images: one prediction or `{"error": …}` each, in order.

    Raises botocore's errors for failures that aren't a record's fault, after the client's retries.
    """
    images: list[Any] = [None] * len(records)
    loose, together = list[tuple[int, str]](), dict[Any, list[tuple[int, Place]]]()
    for position, record in enumerate(records):
        try:
            found = reference_of(record)
        except RecordError as error:
            images[position] = error
            continue
        if isinstance(found, Place):
            together.setdefault(found.together, []).append((position, found))
        else:
            loose.append((position, found))

    def read_loose(first: int) -> list[tuple[int, Pixels | RecordError]]:
        return [(position, _read(model, reference)) for position, reference in loose[first :: model.fetchers]]

    def read_together(places: list[tuple[int, Place]]) -> list[tuple[int, Pixels | RecordError]]:
        return _read_members(model, places)

    # Each thread reads every n-th object: a task per image would cost more than its decoding.
    shares = model.pool.map(read_loose, range(min(model.fetchers, len(loose))))
    of_archives = model.pool.map(read_together, together.values())
    for share in chain(shares, of_archives):
        for position, image in share:
            images[position] = image
    predictions = iter(classify(model, [image for image in images if not isinstance(image, RecordError)]))
    return [
        {"error": str(image)} if isinstance(image, RecordError) else next(predictions) for image in images
    ]


def output_fn(predictions: Sequence[Prediction], accept: str) -> str:
    """Write the predictions as JSON Lines. Raises MediaTypeError for another accept type."""
    _check_json_lines("Accept", accept)
    return "".join(json.dumps(prediction, allow_nan=False) + "\n" for prediction in predictions)


def reference_of(record: bytes) -> str | Place:
    """Return the `source-ref` of one line, or the place of one with `member`. Raises RecordError."""
    try:
        value = json.loads(record.decode())
    except (ValueError, RecursionError) as error:
        raise RecordError('not a record: expected JSON like {"source-ref": "s3://…"}') from error
    reference = value.get("source-ref") if isinstance(value, dict) else None
    if not isinstance(reference, str):
        raise RecordError('not a record: expected {"source-ref": "s3://…"}, found no source-ref')
    if "member" not in value:
        return reference
    try:
        return archives.place_of(value)
    except MemberError as error:
        raise RecordError(str(error)) from error


def fetch(model: Model, reference: str) -> bytes:
    """Read the object that `reference` names, of at most 4 MiB; its key is taken literally.

    Raises RecordError for an unavailable object, botocore's errors for an unavailable service.
    """
    response = _get(model, reference)
    size = response["ContentLength"]
    if size > MAX_OBJECT_BYTES:
        response["Body"].close()
        raise RecordError(f"not an image: expected at most {MAX_OBJECT_BYTES:,} bytes, found {size:,}")
    data: bytes = response["Body"].read()  # to the end: botocore then checks its length against ContentLength
    return data


def _get(model: Model, reference: str, **options: str) -> Any:
    if not reference.startswith(model.prefix):
        raise RecordError(f"outside {model.prefix}: {reference[:200]}")
    bucket, _, key = reference.removeprefix("s3://").partition("/")
    if not key or AMBIGUOUS_KEY.search(key):
        raise RecordError(
            f"not a key: dot segments, backslashes and control characters are refused: {key[:200]}"
        )
    try:
        return model.s3.get_object(Bucket=bucket, Key=key, **options)
    except ClientError as error:
        reason = OBJECT_ERRORS.get(error.response["Error"]["Code"])
        if reason is None:
            raise
        raise RecordError(reason) from error


@torch.inference_mode()
def classify(model: Model, images: Sequence[Pixels]) -> list[Prediction]:
    """Classify images, uint8 (28, 28) each: the label, its confidence, and the probability of each label.

    The confidence is the largest probability; probabilities.py says how they are rounded. Raises ValueError
    if the network gives anything but numbers.
    """
    predictions: list[Prediction] = []
    for start in range(0, len(images), BATCH_SIZE):
        batch = torch.from_numpy(np.stack(images[start : start + BATCH_SIZE])).unsqueeze(1)
        inputs = batch.float().sub_(255 * model.mean).div_(255 * model.std)
        shares = probabilities(model.network(inputs.contiguous(memory_format=torch.channels_last)))
        if strange := int(np.isnan(shares).any(1).sum()):
            raise ValueError(
                f"logits: expected finite numbers, found others for {strange} of {len(batch)} images: "
                "reject this model package"
            )
        predictions += [
            {"label": model.labels[position], "confidence": row[position], "probabilities": row}
            for position, row in zip(shares.argmax(1).tolist(), shares.tolist(), strict=True)
        ]
    return predictions


def _read(model: Model, reference: str) -> Pixels | RecordError:
    try:
        return decode(fetch(model, reference), IMAGE_SIZE)
    except (RecordError, ImageError) as error:
        return RecordError(str(error))


def _read_members(model: Model, places: list[tuple[int, Place]]) -> list[tuple[int, Pixels | RecordError]]:
    """Images of an archive that are read together: with one request, or from the unpacked archive."""
    place = places[0][1]
    options = {"VersionId": place.version} if place.version else {}

    def unpacked(place: Place) -> bytes:
        return model.unpacked.read(place, lambda: _get(model, place.source, **options)["Body"])

    try:
        if place.unpacked is None:
            span = f"bytes={place.first}-{place.end - 1}"
            data: bytes = _get(model, place.source, Range=span, **options)["Body"].read()
            return [(position, _image(archives.content, each, data, each.first)) for position, each in places]
        return [(position, _image(unpacked, each)) for position, each in places]
    except RecordError as error:
        return [(position, error) for position, _ in places]


def _image(content: Callable[..., bytes], *where: Any) -> Pixels | RecordError:
    try:
        return decode(content(*where), IMAGE_SIZE)
    except (MemberError, ImageError) as error:
        return RecordError(str(error))


def load_network(folder: Path) -> tuple[dict[str, Any], nn.Module]:
    """Build the artifact's network with its weights, BatchNorm folded; returns config.json, too.

    `shifts` in config.json is the number of pixels of the shifts to average over; older artifacts have none.
    """
    file = folder / "model.safetensors"
    if not file.is_file():
        pickles = sorted(other.name for other in folder.glob("*") if other.suffix in PICKLES)
        raise FileNotFoundError(
            f"{folder}: expected model.safetensors, found {', '.join(pickles) or 'none'}"
            + (
                ": pickled weights can run code and are never loaded; train the model again"
                if pickles
                else ""
            )
        )
    config = json.loads((folder / "config.json").read_text())
    if missing := {"arch", "labels", "mean", "std"} - config.keys():
        names = ", ".join(sorted(missing))
        raise ValueError(f"{folder}/config.json: expected arch, labels, mean and std, found no {names}")
    network = build(config["arch"])
    state = weights.load(file)
    if strange := sorted(name for name, weight in state.items() if not weight.isfinite().all()):
        raise ValueError(f"{file}: expected finite numbers, found others in {', '.join(strange)}")
    network.load_state_dict(state)
    folded = fold_batch_norm(network)
    return config, over_shifts(folded, config.get("shifts", 0), config["mean"], config["std"])


def _count(name: str, default: int) -> int:
    value = os.environ.get(name, str(default))
    if not re.fullmatch(r"[1-9][0-9]{0,3}", value):
        raise ValueError(f"{name}: expected a number from 1 to 9999, found {value!r}")
    return int(value)


def _check_json_lines(header: str, value: str) -> None:
    if value.partition(";")[0].strip().lower() != JSON_LINES:
        raise MediaTypeError(f"{header}: expected {JSON_LINES}, found {value!r}")
