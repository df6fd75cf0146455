"""The training code in the bucket."""

import hashlib
import io
import os
import tarfile
import time
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from tests.settings_and_events import BUCKET, use_moto_account
from training import source


def test_the_same_files_are_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither times nor permissions nor the order on disk count; another content does."""
    for folder, names in (("one", ["b.py", "a.py"]), ("other", ["a.py", "b.py"])):
        (tmp_path / folder / "__pycache__").mkdir(parents=True)
        for number, name in enumerate(names):
            file = tmp_path / folder / name
            file.write_text(name)
            file.chmod(0o600 + 0o44 * number)
            os.utime(file, (number, number))
    packed = []
    for folder, now in (("one", 1.0), ("other", 1e9)):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        packed.append(source.pack(tmp_path / folder))
    one, other = packed
    assert one == other
    (tmp_path / "other/a.py").write_text("changed")
    assert source.pack(tmp_path / "other") != one


def test_the_archive_holds_the_containers_files_at_its_top() -> None:
    """Each is readable, and has its content; train.py, which SageMaker starts, is among them."""
    files = {file.name: file.read_bytes() for file in source.CONTAINER.iterdir() if file.is_file()}
    packed = {}
    with tarfile.open(fileobj=io.BytesIO(source.pack()), mode="r:gz") as archive:
        for member in archive:
            content = archive.extractfile(member)
            assert content is not None
            assert member.mode == 0o644
            packed[member.name] = content.read()
    assert packed == files
    assert list(packed) == sorted(files)
    assert source.ENTRY_POINT in packed
    assert "requirements.txt" not in packed  # AWS's images have all that it imports


def test_the_code_lies_below_its_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address is that of what was uploaded, so that a package can name the code that it came from."""
    use_moto_account(monkeypatch)
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        address = source.upload(s3, BUCKET)
        (entry,) = s3.list_objects_v2(Bucket=BUCKET)["Contents"]
        body = s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read()
    assert body == source.pack()
    assert entry["Key"] == f"code/{hashlib.sha256(body).hexdigest()[:16]}/sourcedir.tar.gz"
    assert address == f"s3://{BUCKET}/{entry['Key']}"
