"""What a final training takes from a trial's artifact, and what it refuses to take."""

import gzip
import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

import trial
from arguments import TrainingError

CONFIG = json.dumps({"temperature": 0.5, "arch": "small"}).encode()


def put(folder: Path, *members: tuple[str | tarfile.TarInfo, bytes]) -> Path:
    """Write a model.tar.gz with these members into a folder, and return the folder."""
    with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name) if isinstance(name, str) else name
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return folder


@pytest.mark.parametrize("prefix", ["", "./"])
def test_a_trial_is_its_temperature_and_its_reference(tmp_path: Path, prefix: str) -> None:
    """Whatever else is in the archive, and with or without the dot that tar writes before names."""
    reference = {"bins": [1, 2.5], "images": 40}
    members = [("code/inference.py", b"x" * 99), (f"{prefix}config.json", CONFIG)]
    last = (f"{prefix}reference.json", json.dumps(reference).encode())
    assert trial.read(put(tmp_path, *members, last)) == trial.Trial(0.5, reference)
    assert trial.read(put(tmp_path, *members)) == trial.Trial(0.5, None)


def test_without_a_channel_or_an_artifact_there_is_no_trial(tmp_path: Path) -> None:
    """As in the final training of a search whose trials' artifacts are gone."""
    assert trial.read(None) is None
    assert trial.read(tmp_path / "absent") is None
    assert trial.read(tmp_path) is None


@pytest.mark.parametrize(
    "temperature", [None, "1.5", True, 0, -1, 0.01, 1000, [1], {"x": 1}], ids=lambda value: str(value)
)
def test_a_temperature_is_a_number_that_can_have_been_fitted(tmp_path: Path, temperature: Any) -> None:
    """Anything else would change or destroy the model's confidences."""
    config = json.dumps({"temperature": temperature}).encode()
    with pytest.raises(TrainingError, match=r"config\.json: expected a temperature from .* to "):
        trial.read(put(tmp_path, ("config.json", config)))


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("config.json", b'{"temperature": NaN}', "NaN, which isn't a number of JSON"),
        ("config.json", b"[1.0]", "config.json with a list, expected an object"),
        ("config.json", b"{", "Expecting property name"),
        ("config.json", b"\xff{}", "codec can't decode"),
        ("config.json", b'{"a":' * 100_000, "config.json that is nested too deeply"),
        ("config.json", b" " * (trial.MAX_MEMBER + 1), "bytes, expected at most"),
        ("reference.json", b"7", "reference.json with a int, expected an object"),
        ("../config.json", CONFIG, "a config.json in it, found none"),
        ("/config.json", CONFIG, "a config.json in it, found none"),
        ("code/config.json", CONFIG, "a config.json in it, found none"),
    ],
)
def test_a_hostile_archive_is_one_sentence(tmp_path: Path, name: str, content: bytes, found: str) -> None:
    """What isn't the two files in their bounds and their place is refused; the sentence names the file."""
    with pytest.raises(TrainingError, match=r"model\.tar\.gz: expected .*" + re.escape(found)) as error:
        trial.read(put(tmp_path, (name, content)))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_link_is_not_followed(tmp_path: Path, kind: bytes) -> None:
    """Not even to a file that has a temperature."""
    (tmp_path / "other.json").write_bytes(CONFIG)
    member = tarfile.TarInfo("config.json")
    member.type, member.linkname = kind, str(tmp_path / "other.json")
    with pytest.raises(TrainingError, match="expected a trial's artifact, found: cannot extract"):
        trial.read(put(tmp_path, (member, b"")))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive",
        gzip.compress(b"no tar" * 200),
        gzip.compress(b"\0" * 512)[:-20],
        b"\x1f\x8b\x08" + b"\0" * 9,
    ],
    ids=["empty", "text", "gzip of text", "cut off", "header only"],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    """With the file's name."""
    (tmp_path / "model.tar.gz").write_bytes(content)
    with pytest.raises(TrainingError, match=r"model\.tar\.gz: expected "):
        trial.read(tmp_path)


def test_an_archive_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes are counted as they are unpacked, whether they are a member's or a header's."""
    monkeypatch.setattr(trial, "MAX_ARCHIVE", 1 << 20)
    with pytest.raises(TrainingError, match="more than 1,048,576 bytes"):
        trial.read(put(tmp_path, ("zeros", b"\0" * (1 << 21)), ("config.json", CONFIG)))
    header = tarfile.TarInfo("config.json")
    header.pax_headers = {"comment": "x" * (1 << 21)}
    with pytest.raises(TrainingError, match="more than 1,048,576 bytes"):
        trial.read(put(tmp_path, (header, CONFIG)))
