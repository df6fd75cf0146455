"""`digits up --model demo`: an approved model of the demo's sample, trained once and then kept."""

import hashlib
import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from batch_prediction.layout import MODELS
from batch_prediction.models.registry import newest_approved
from cli import demo, packages
from cli.files import fetch
from cli.stack import Stack
from cli.stages import Stages
from localcloud.core.cloud import Cloud
from training import source
from training.datasets import sample

SEED = 0
_KEPT = ("ModelPackageDescription", "InferenceSpecification", "ModelMetrics", "CustomerMetadataProperties")


def user_cache() -> Path:
    """The folder of a user for what can be made again.

    https://specifications.freedesktop.org/basedir/latest/ says where; relative paths are to be ignored.
    """
    chosen = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if chosen.is_absolute():
        return chosen / "digit-batch"
    caches = "Library/Caches" if sys.platform == "darwin" else ".cache"
    return Path.home() / caches / "digit-batch"


@dataclass(frozen=True)
class KeptModel:
    """A folder with a package's description and the objects that belong to it; absent until it is trained."""

    folder: Path

    @classmethod
    def of(cls, home: Path) -> "KeptModel":
        """The demo's model below `home`: another one for other training code or settings."""
        made_of = source.pack() + repr((SEED, demo.TRIALS, demo.EPOCHS, demo.FIXED)).encode()
        return cls(home / "models" / f"demo-{hashlib.sha256(made_of).hexdigest()[:16]}")

    @property
    def exists(self) -> bool:
        """Whether it has been trained and kept."""
        return (self.folder / "package.json").is_file()

    def keep(self, cloud: Cloud, bucket: str, package: dict[str, Any]) -> None:
        """Keep a package of the registry, as describing it answers, with the objects of its training."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder.parent) as made:
            unfinished = Path(made) / "model"
            job = package["CustomerMetadataProperties"]["training_job"]
            fetch(cloud.client("s3"), bucket, f"{MODELS}{job}/", unfinished)
            values = {key: package[key] for key in _KEPT if key in package}
            kept = {"bucket": bucket, "package": values}
            (unfinished / "package.json").write_text(json.dumps(kept, indent=1))
            if self.folder.exists():
                shutil.rmtree(self.folder)
            unfinished.replace(self.folder)

    def register(self, cloud: Cloud, stack: Stack) -> None:
        """Put the objects into a stack's bucket, and the package, approved, into its group."""
        kept = json.loads((self.folder / "package.json").read_text())
        for file in sorted((self.folder / MODELS).rglob("*")):
            if file.is_file() and file.name != "package.json":  # that of another registry
                key = file.relative_to(self.folder).as_posix()
                cloud.client("s3").upload_file(str(file), stack.bucket, key)
        former, bucket = f"s3://{kept['bucket']}/", f"s3://{stack.bucket}/"
        values = json.loads(json.dumps(kept["package"]).replace(former, bucket))
        cloud.client("sagemaker").create_model_package(
            ModelPackageGroupName=stack.group, ModelApprovalStatus=packages.APPROVED, **values
        )


def provide(console: Console, cloud: Cloud, stack: Stack, state: Path | None) -> None:
    """See to it that a model is approved: one that is, else the kept one, else one that is trained now.

    It is kept in the folder of the cloud's state, or in the user's cache. StageError when the training fails.
    """
    sagemaker = cloud.client("sagemaker")
    if newest_approved(sagemaker, stack.group):
        return
    kept = KeptModel.of(user_cache() if state is None else state)
    if kept.exists:
        kept.register(cloud, stack)
        return
    demo.train(Stages(console), cloud, stack, sample(SEED), SEED)
    if trained := newest_approved(sagemaker, stack.group):
        described = sagemaker.describe_model_package(ModelPackageName=trained.arn)
        kept.keep(cloud, stack.bucket, described)
