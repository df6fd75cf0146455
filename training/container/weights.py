"""A model's weights in a safetensors file, written and read without the package of that name.

AWS's images don't all have the package, and a container that has to install one asks an index at each start
(docs/decisions.md). The format: https://github.com/huggingface/safetensors#format.
"""

import json
import math
from pathlib import Path
from typing import Any

import torch

# The larger first, so that each tensor begins at a multiple of its elements' size.
_DTYPES = {"I64": torch.int64, "F32": torch.float32}
_LENGTH = 8  # bytes before the header: its own length, little-endian


def save(weights: dict[str, torch.Tensor], file: Path) -> None:
    """Write float32 and int64 tensors: those bytes that the package safetensors writes.

    Raises ValueError for another type.
    """
    header: dict[str, dict[str, Any]] = {}
    data = bytearray()
    for dtype, of_torch in _DTYPES.items():
        for name in sorted(name for name, tensor in weights.items() if tensor.dtype is of_torch):
            content = weights[name].cpu().contiguous().numpy().tobytes()
            place = [len(data), len(data) + len(content)]
            header[name] = {"dtype": dtype, "shape": list(weights[name].shape), "data_offsets": place}
            data += content
    if others := sorted(weights.keys() - header.keys()):
        raise ValueError(f"{file}: expected float32 and int64 weights, found others: {', '.join(others)}")
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % _LENGTH)
    file.write_bytes(len(text).to_bytes(_LENGTH, "little") + text + data)


def load(file: Path) -> dict[str, torch.Tensor]:
    """Read a file's tensors by their names. ValueError for one that isn't whole, or of another format."""
    content = bytearray(file.read_bytes())
    start = _LENGTH + int.from_bytes(content[:_LENGTH], "little")
    try:
        header = json.loads(content[_LENGTH:start])
        header.pop("__metadata__", None)
        data = content[start:]
        return {name: _tensor(data, **entry) for name, entry in header.items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{file}: expected weights in safetensors' format, found: {error!r}") from error


def _tensor(data: bytearray, dtype: str, shape: list[int], data_offsets: list[int]) -> torch.Tensor:
    begin, end = data_offsets
    count, kind = math.prod(shape), _DTYPES[dtype]
    if min(shape, default=0) < 0 or not 0 <= begin < begin + count * kind.itemsize == end <= len(data):
        raise ValueError(f"{begin} to {end} of {len(data)} bytes for {dtype} {shape}")
    return torch.frombuffer(data, dtype=kind, count=count, offset=begin).reshape(shape)
