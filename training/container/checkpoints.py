"""Interrupted trainings: what a checkpoint holds, how a training resumes from it, and SIGTERM.

SageMaker syncs the folder /opt/ml/checkpoints to S3 while a job runs, and restores it before the job restarts
(https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html). AWS's training toolkit doesn't
forward SIGTERM to a script (https://github.com/aws/sagemaker-training-toolkit/issues/125), so a checkpoint is
also written between epochs.
"""

import hashlib
import os
import pickle
import signal
import time
from argparse import Namespace
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import nn

from arguments import TrainingError, hyperparameters
from ranks import Ranks

FILE = "training.pt"
SECONDS_BETWEEN = 20.0
EXIT_CODE = 128 + signal.SIGTERM


class Interrupted(Exception):  # noqa: N818 (not an error: the training resumes later)
    """SIGTERM was received, and the training is saved.

    Its exit code is 143, that of a program ended by SIGTERM: with 0 SageMaker would report the training as
    Completed (https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-signal-success-failure.html).
    """


class Checkpoints:
    """The checkpoint of one training in the options' folder; without a folder nothing is ever saved.

    Only a training with the same hyperparameters, data and number of ranks resumes from it. Between
    `__enter__` and `__exit__` SIGTERM is recorded instead of ending the interpreter; several ranks, which
    would have to agree on a step, end at once as usual.
    """

    def __init__(self, options: Namespace, images: torch.Tensor, labels: torch.Tensor, ranks: Ranks) -> None:
        folder = None if options.dry_run else options.checkpoint_dir
        self._file: Path | None = folder / FILE if folder else None
        self._ranks = ranks
        self._saved = time.monotonic()
        self._requested = False
        self._handler: Any = None
        self._restored: dict[str, Any] = {}
        self._training = {**hyperparameters(options), "ranks": ranks.count}
        self._training.pop("threads")
        if self._file:
            digest = hashlib.sha256(images.cpu().numpy().data)
            digest.update(labels.cpu().numpy().data)
            self._training["data"] = digest.hexdigest()

    def __enter__(self) -> "Checkpoints":
        """Start recording SIGTERM."""
        if self._file and self._ranks.count == 1:
            self._handler = signal.signal(signal.SIGTERM, self._request_stop)
        return self

    def __exit__(self, *_: object) -> None:
        """Restore the previous handler of SIGTERM."""
        if self._handler is not None:
            signal.signal(signal.SIGTERM, self._handler)

    def restore(self, network: nn.Module, optimizer: torch.optim.Optimizer) -> int:
        """Load network and optimizer; returns the number of completed steps, 0 without a checkpoint.

        Raises TrainingError for a checkpoint of another training, and for an unreadable one.
        """
        self._restored = self._ranks.from_first(self._read() if self._ranks.first else None)
        if not self._restored:
            return 0
        network.load_state_dict(self._restored["network"])
        optimizer.load_state_dict({**optimizer.state_dict(), "state": self._restored["optimizer"]})
        return int(self._restored["step"])

    def restore_epoch(self, total: torch.Tensor) -> None:
        """Restore the epoch's sum of losses and the random generator as of the restored step."""
        total.copy_(self._restored["total"])
        if total.is_cuda:
            torch.cuda.set_rng_state(self._restored["generator"], total.device)
        else:
            torch.set_rng_state(self._restored["generator"])

    def after_step(
        self, network: nn.Module, optimizer: torch.optim.Optimizer, step: int, total: torch.Tensor
    ) -> None:
        """Save and raise Interrupted if SIGTERM has been received."""
        if self._requested:
            self._write(network, optimizer, step, total)
            raise Interrupted(f"interrupted after {step} steps; saved to {self._file}")

    def after_epoch(
        self, network: nn.Module, optimizer: torch.optim.Optimizer, step: int, total: torch.Tensor
    ) -> None:
        """Save, on the first rank, if the last save was at least 20 seconds ago."""
        if self._file and self._ranks.first and time.monotonic() - self._saved >= SECONDS_BETWEEN:
            self._write(network, optimizer, step, total)

    def _request_stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 (signal's signature)
        self._requested = True

    def _read(self) -> dict[str, Any]:
        if not self._file or not self._file.is_file():
            return {}
        try:
            state: dict[str, Any] = torch.load(self._file, map_location="cpu", weights_only=True)
            training = state["training"]
        except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError) as error:
            found = str(error).partition("\n")[0][:200]
            raise TrainingError(
                f"{self._file}: expected a checkpoint, found an unreadable file ({found}): delete it"
            ) from error
        differing = sorted(
            name for name in training | self._training if training.get(name) != self._training.get(name)
        )
        if differing:
            raise TrainingError(
                f"{self._file}: expected a checkpoint of this training, found one with a different "
                f"{', '.join(differing)}: use another checkpoint-dir, or delete the file"
            )
        return state

    def _write(
        self, network: nn.Module, optimizer: torch.optim.Optimizer, step: int, total: torch.Tensor
    ) -> None:
        """Write under a temporary name, then rename: a reader finds the old or the new file, never a part."""
        if self._file is None:
            raise ValueError("expected a folder for checkpoints, found none")
        state = {
            "training": self._training,
            "network": network.state_dict(),
            "optimizer": optimizer.state_dict()["state"],
            "step": step,
            "total": total,
            "generator": torch.cuda.get_rng_state(total.device) if total.is_cuda else torch.get_rng_state(),
        }
        self._file.parent.mkdir(parents=True, exist_ok=True)
        partial = self._file.with_name(f".{FILE}.partial")
        with partial.open("wb") as target:
            torch.save(state, target)
            target.flush()
            os.fsync(target.fileno())
        partial.replace(self._file)
        self._saved = time.monotonic()
