"""inference.py over images in memory, one core, the small network: its overhead beyond decoding and forward.

The baseline is Pillow's decoding of the same bytes, and the bare network over as many images in the same
mini-batches. The rest is overhead: parsing, S3's responses, threads, normalising, softmax and the response.
The second figure is what the costliest of the files in costly_images.py takes to be decoded or refused.
"""

import io
import json
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.costly_images import costly_images
from benchmarks.measuring import ROOT, Figure, arguments, conclude, interleaved

sys.path.insert(
    0, str(ROOT / "training" / "container")
)  # the container's files import each other by these names
import inference
import pixels
from model import IMAGE_SIZE, LABELS, build, fold_batch_norm

BUCKET = "digits-bucket"
PREFIX = f"s3://{BUCKET}/incoming/"


class ImagesInMemory:
    """The one request that inference sends to S3, answered from a dict of objects by key."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self._objects = objects

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: ARG002, N803 (boto3's names)
        """Answer like S3 with an image."""
        content = self._objects[Key]
        return {"ContentLength": len(content), "Body": io.BytesIO(content)}


def images(count: int) -> dict[str, bytes]:
    """PNGs by key: a patch of random greys on black, about the size of a handwritten digit in bytes."""
    random = np.random.default_rng(1)
    objects = {}
    for number in range(count):
        pixels = np.zeros((IMAGE_SIZE, IMAGE_SIZE), np.uint8)
        row, column = random.integers(4, 10, 2)
        pixels[row : row + 14, column : column + 10] = random.integers(0, 256, (14, 10))
        target = io.BytesIO()
        Image.fromarray(pixels).save(target, "PNG")
        objects[f"incoming/measured/{number:07d}.png"] = target.getvalue()
    return objects


def model_of(objects: dict[str, bytes]) -> inference.Model:
    """The small network with fresh weights, as inference loads it, over these objects."""
    torch.manual_seed(1)
    return inference.Model(
        network=fold_batch_norm(build("small")),
        labels=list(LABELS),
        mean=0.1307,
        std=0.3081,
        prefix=PREFIX,
        s3=ImagesInMemory(objects),
        fetchers=inference.DEFAULT_FETCHERS,
        pool=ThreadPoolExecutor(inference.DEFAULT_FETCHERS),
    )


def respond(model: inference.Model, body: bytes) -> str:
    """Pass one request through the functions that SageMaker's toolkit calls."""
    records = inference.input_fn(body, inference.JSON_LINES)
    return inference.output_fn(inference.predict_fn(records, model), inference.JSON_LINES)


def request(objects: dict[str, bytes]) -> bytes:
    """The request for all objects, in JSON Lines."""
    return b"".join(json.dumps({"source-ref": f"s3://{BUCKET}/{key}"}).encode() + b"\n" for key in objects)


def decode_alone(contents: Sequence[bytes]) -> None:
    """Decode with Pillow, and ignore the pixels."""
    for content in contents:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
            image.load()


def decode_or_refuse(content: bytes) -> None:
    """Decode a file as inference does, and ignore what comes of it."""
    with suppress(pixels.ImageError):
        pixels.decode(content, IMAGE_SIZE)


@torch.inference_mode()
def forward_alone(network: torch.nn.Module, inputs: torch.Tensor) -> None:
    """Run the network over its inputs in inference's mini-batches."""
    for batch in inputs.split(inference.BATCH_SIZE):
        network(batch)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit status."""
    given = arguments(__doc__, argv, 2_000)
    objects = images(given.lines)
    body, contents = request(objects), list(objects.values())
    inputs = torch.randn(given.lines, 1, IMAGE_SIZE, IMAGE_SIZE).contiguous(memory_format=torch.channels_last)
    model = model_of(objects)
    with one_core():
        ours, decoding, forward = interleaved(
            given.rounds,
            lambda: respond(model, body),
            lambda: decode_alone(contents),
            lambda: forward_alone(model.network, inputs),
        )
        costly = interleaved(
            given.rounds, *(partial(decode_or_refuse, content) for content in costly_images().values())
        )
    model.pool.shutdown()
    beyond = (ours - decoding - forward) / given.lines
    figures = [
        Figure("inference, µs per record beyond decoding and forward", beyond * 1e6, 50),
        Figure("inference, ms for the costliest image of 4 MiB", max(costly) * 1e3, 50),
    ]
    return conclude(figures, given.check)


@contextmanager
def one_core() -> Iterator[None]:
    """Limit torch to one thread and, on Linux, this process to one core; restore both at the end."""
    threads = torch.get_num_threads()
    cores = os.sched_getaffinity(0) if sys.platform == "linux" else set()
    torch.set_num_threads(1)
    if sys.platform == "linux":
        os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        if sys.platform == "linux":
            os.sched_setaffinity(0, cores)


if __name__ == "__main__":
    sys.exit(main())
