"""Weights in safetensors' format: the package of that name is the oracle."""

import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import weights
from model import build

HEADER = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}


def network() -> dict[str, torch.Tensor]:
    """Every weight of a network, with names that JSON escapes or that aren't ASCII, and a strided one."""
    torch.manual_seed(7)
    odd = {'"7"\n': torch.tensor(3), "数": torch.arange(6.0).reshape(2, 3).T}
    return odd | build("small").state_dict()


def packed(header: object, data: bytes) -> bytes:
    """A file of a header and data."""
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def test_the_file_has_the_bytes_that_the_package_writes(tmp_path: Path) -> None:
    """Any reader of the format reads it, and the same weights are the same artifact."""
    weights.save(network(), tmp_path / "ours")
    save_file({name: tensor.contiguous() for name, tensor in network().items()}, tmp_path / "theirs")
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_what_the_package_wrote_is_read(tmp_path: Path) -> None:
    """Artifacts of before are read, and metadata that another writer adds isn't a weight."""
    whole = {name: tensor.contiguous() for name, tensor in network().items()}
    save_file(whole, tmp_path / "file", metadata={"format": "pt"})
    found, expected = weights.load(tmp_path / "file"), load_file(tmp_path / "file")
    assert found.keys() == expected.keys()
    for name, tensor in found.items():
        assert tensor.dtype == expected[name].dtype
        assert torch.equal(tensor, expected[name])


def test_weights_of_another_type_are_not_written(tmp_path: Path) -> None:
    """They would be missing without a word: the error names them, and there is no file."""
    with pytest.raises(ValueError, match=r"file: expected float32 and int64 weights, found others: b, c$"):
        weights.save(
            {"a": torch.zeros(1), "c": torch.zeros(1).half(), "b": torch.zeros(1).bool()}, tmp_path / "file"
        )
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 8,
        packed(HEADER, bytes(7)),  # cut off
        packed(HEADER, bytes(8))[:20],
        packed([], bytes(8)),
        packed({"a": 7}, bytes(8)),
        packed({"a": HEADER["a"] | {"dtype": "F16"}}, bytes(8)),
        packed({"a": HEADER["a"] | {"shape": [3]}}, bytes(8)),
        packed({"a": HEADER["a"] | {"shape": [-1, -2]}}, bytes(8)),
        packed({"a": HEADER["a"] | {"data_offsets": [-8, 0]}}, bytes(8)),
        packed({"a": HEADER["a"] | {"data_offsets": [4, 12]}}, bytes(8)),
        packed({"a": {"dtype": "F32", "shape": [0], "data_offsets": [8, 8]}}, bytes(8)),
        packed({"a": {"dtype": "F32", "data_offsets": [0, 8]}}, bytes(8)),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, content: bytes) -> None:
    """A replica's log says which file it couldn't read, whatever is wrong with it."""
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(
        ValueError, match=re.escape(f"{tmp_path}/file: expected weights in safetensors' format")
    ):
        weights.load(tmp_path / "file")


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    """The header from which the broken ones differ in one thing each is a right one."""
    (tmp_path / "file").write_bytes(packed(HEADER, torch.tensor([1.5, -2]).numpy().tobytes()))
    assert weights.load(tmp_path / "file")["a"].tolist() == [1.5, -2]
