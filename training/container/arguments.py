"""A training's hyperparameters and folders, from arguments or from SageMaker's environment variables."""

import argparse
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import data
from model import ARCHITECTURES

# Options that don't change the weights that a training on a CPU ends with.
NO_HYPERPARAMETERS = {"training", "test", "trial", "model_dir", "checkpoint_dir", "dry_run"}


class TrainingError(Exception):
    """A training can't start or continue; the message is one sentence for the job's failure reason."""


class Arguments(argparse.ArgumentParser):
    """A parser that raises TrainingError, so that an invalid hyperparameter explains the failed job."""

    def error(self, message: str) -> NoReturn:
        """Raise TrainingError."""
        raise TrainingError(message)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read hyperparameters and folders. Raises TrainingError for an invalid one."""
    parser = Arguments(description="Train a digit classifier.", allow_abbrev=False)
    add = parser.add_argument
    add("--arch", choices=ARCHITECTURES, default="small")
    add("--epochs", type=_number(float, 0.01, 1000), default=5.0, help="may be a fraction")
    add("--batch-size", type=_number(int, 2, 65536), default=128, help="of all ranks together")
    add("--learning-rate", type=_number(float, 1e-6, 10), default=0.01, help="the peak of the schedule")
    add("--weight-decay", type=_number(float, 0, 10), default=0.01)
    add("--augmentation", type=_number(float, 0, 5), default=1.0, help="1: 10°, scale and shear 0.1, 2 px")
    add("--label-smoothing", type=_number(float, 0, 0.9), default=0.0)
    add("--dropout", type=_number(float, 0, 0.9), default=0.0)
    add(
        "--ema-decay",
        type=_number(float, 0, 0.9999),
        default=0.0,
        help="of the weights' moving average, which becomes the model; 0: the last weights do",
    )
    add(
        "--shifts",
        type=_number(int, 0, 4),
        default=0,
        metavar="PIXELS",
        help="up, down, left and right: the model averages the logits of an image and its four "
        "shifted copies, at five times the cost of inference; 0: no shifts",
    )
    add(
        "--validation-images",
        type=_number(int, 0, data.MAX_COUNT),
        help="held out; default: 10000 or a sixth",
    )
    add(
        "--validate-epochs",
        type=_switch,
        nargs="?",
        const=True,
        default=False,
        help="validate after each epoch",
    )
    add("--seed", type=_number(int, 0, 2**31), default=0)
    add("--threads", type=_number(int, 0, 1024), default=0, help="0: all cores")
    add("--training", type=Path, default=os.environ.get("SM_CHANNEL_TRAINING"), help="folder with IDX files")
    add("--test", type=Path, default=os.environ.get("SM_CHANNEL_TEST"), help="measured once, at the end")
    add(
        "--trial",
        type=Path,
        default=os.environ.get("SM_CHANNEL_TRIAL"),
        help="folder with a trial's model.tar.gz, whose temperature a training without held-out images takes",
    )
    add("--model-dir", type=Path, default=os.environ.get("SM_MODEL_DIR"), help="folder for the artifact")
    add(
        "--checkpoint-dir",
        type=Path,
        default=_checkpoint_folder(),
        help="folder that a training resumes from; default: /opt/ml/checkpoints, if it exists",
    )
    add(
        "--dry-run",
        type=_switch,
        nargs="?",
        const=True,
        default=False,
        help="read everything, train one step, write nothing",
    )
    options = parser.parse_args(arguments)
    for folder, variable in (("training", "SM_CHANNEL_TRAINING"), ("model_dir", "SM_MODEL_DIR")):
        if getattr(options, folder) is None:
            name = folder.replace("_", "-")
            raise TrainingError(f"{name}: expected a folder, from {variable} or --{name}, found none")
    return options


def hyperparameters(options: argparse.Namespace) -> dict[str, object]:
    """Return the hyperparameters by name, without folders: what distinguishes one training from another."""
    return {
        name.replace("_", "-"): value
        for name, value in vars(options).items()
        if name not in NO_HYPERPARAMETERS
    }


def _checkpoint_folder() -> Path | None:
    """Return where SageMaker restores and collects checkpoints, if the job has a CheckpointConfig.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html; SAGEMAKER_BASE_DIR
    replaces /opt/ml if the toolkit is configured with another folder. The trials of a tuning job share one
    CheckpointConfig; with CHECKPOINTS_BELOW_JOB_NAME each uses a folder of its own.
    """
    folder = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"), "checkpoints")
    if not folder.is_dir():
        return None
    shared = os.environ.get("CHECKPOINTS_BELOW_JOB_NAME") == "true"
    return folder / os.environ.get("TRAINING_JOB_NAME", "") if shared else folder


def _number(kind: type[int] | type[float], low: float, high: float) -> Callable[[str], float]:
    def parse_number(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"expected a number from {low} to {high}, found {text!r}")
        return value

    return parse_number


def _switch(text: str) -> bool:
    """Read a boolean: SageMaker's hyperparameters always have a value."""
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"expected true or false, found {text!r}")
    return text.lower() == "true"
