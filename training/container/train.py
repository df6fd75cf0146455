"""Train a digit classifier: in SageMaker's script mode, or locally with --training DIR --model-dir DIR.

Hyperparameters are arguments, channels and folders are SM_* variables or arguments, metrics are log lines
such as `validation-accuracy: 0.9941`
(https://github.com/aws/sagemaker-training-toolkit#list-of-provided-environment-variables-by-sagemaker-training).
The same seed gives the same weights on a CPU with the same number of threads, and so does an interrupted
training that resumes from its checkpoint.
"""

import math
import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import artifact
import calibration
import data
import reference
import trial
from arguments import TrainingError, hyperparameters, parse
from averaging import Average
from checkpoints import EXIT_CODE, Checkpoints, Interrupted
from images import MEAN, STD, normalise
from model import IMAGE_SIZE, LABELS, build, over_shifts
from ranks import Ranks, start
from steps import Step, optimizer_for

WARM_UP = 0.2  # of all steps
FLOOR = 0.01  # of the peak learning rate, at both ends
EVALUATION_BATCH = 128


def main(arguments: Sequence[str] | None = None) -> int:
    """Train on all ranks of this host; returns the exit code. An expected failure is one sentence."""
    try:
        return start(attempt, parse(arguments))
    except TrainingError as error:
        return fail(error)


def attempt(options: Namespace, ranks: Ranks) -> int:
    """Train on one rank; returns the exit code."""
    try:
        train(options, ranks)
    except Interrupted as interruption:
        _log(str(interruption))
        return EXIT_CODE
    except (TrainingError, data.DataError) as error:
        return fail(error)
    return 0


def fail(error: Exception) -> int:
    """Report an expected failure where SageMaker reads it; returns the exit code.

    That is the file `failure` (https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html)
    and, as AWS's training toolkit may overwrite it, standard error.
    """
    print(error, file=sys.stderr, flush=True)
    output = Path(os.environ.get("SM_OUTPUT_DIR", "/opt/ml/output"))
    if output.is_dir():
        (output / "failure").write_text(f"{error}\n")
    return 1


def train(options: Namespace, ranks: Ranks) -> None:
    """Load, fit, measure, calibrate, save. Raises TrainingError, DataError or Interrupted.

    The temperature is fitted on the held-out images; without any it is that of the channel `trial`, and
    without that it is 1.
    """
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)

    images, labels = (torch.from_numpy(array).to(ranks.device) for array in data.load(options.training))
    test = data.load(options.test) if options.test else None
    training, held_out = (
        torch.from_numpy(positions).to(ranks.device)
        for positions in data.split(len(images), options.validation_images)
    )
    tried = None if len(held_out) else trial.read(options.trial)
    network = build(options.arch, options.dropout).to(ranks.device)
    model = over_shifts(network, options.shifts, MEAN, STD)  # what is measured and served

    def validate_epoch(epoch: int) -> None:
        """Log the accuracy so far, by which Hyperband decides; that of the last epoch is logged below."""
        if options.validate_epochs and ranks.first and len(held_out) and epoch < options.epochs:
            value = accuracy(compute_logits(model, images[held_out]), labels[held_out].long())
            network.train()
            _log(f"validation-accuracy: {value:.4f}")

    with Checkpoints(options, images, labels, ranks) as checkpoints:
        loss = fit(
            network, images[training], labels[training].long(), options, ranks, checkpoints, validate_epoch
        )
    if options.dry_run:
        _log(f"dry run: one step on {len(training)} images is done, nothing is written")
    if options.dry_run or not ranks.first:
        return

    metrics, temperature, temperature_from = {"train-loss": loss}, 1.0, None
    answers: dict[str, Any] | None = None  # about held-out images, for reference.json
    matrix: list[list[int]] = []
    if len(held_out):
        logits = compute_logits(model, images[held_out])
        found, temperature = validate(logits, labels[held_out].long())
        metrics, temperature_from = metrics | found, "validation"
        answers = reference.build(logits.double() / temperature, labels[held_out].long(), labels)
    elif tried:
        temperature, temperature_from, answers = tried.temperature, "trial", tried.reference
        _log(f"temperature: {temperature:.4f}, which the trial fitted on the images that it held out")
    else:
        _log("temperature: 1, as there are no held-out images and the channel trial has no artifact")
    calibration.apply_temperature(network, temperature)
    if test is not None:
        logits = compute_logits(model, torch.from_numpy(test[0]).to(ranks.device))
        matrix = confusion_matrix(logits, torch.from_numpy(test[1]).to(ranks.device))
        metrics["test-accuracy"] = sum(matrix[label][label] for label in LABELS) / len(logits)
    for name, value in metrics.items():
        _log(f"{name}: {value:.4f}")
    config = {
        "arch": options.arch,
        "dropout": options.dropout,
        "labels": list(LABELS),
        "image_size": IMAGE_SIZE,
        "mean": MEAN,
        "std": STD,
        "temperature": temperature,
        "temperature_from": temperature_from,
        "shifts": options.shifts,
        "hyperparameters": hyperparameters(options),
        "metrics": metrics,
        "confusion_matrix": matrix,
        "images": {
            "training": len(training),
            "validation": len(held_out),
            "test": len(test[0]) if test is not None else 0,
        },
        "ranks": ranks.count,
        "torch_version": torch.__version__,
    }
    artifact.write(options.model_dir, network.state_dict(), config, answers)


def fit(
    network: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    options: Namespace,
    ranks: Ranks,
    checkpoints: Checkpoints,
    after_epoch: Callable[[int], Any] = lambda _: None,
) -> float:
    """Train `network` in place on uint8 images (N, 28, 28) and int64 labels (N,), all on the rank's device.

    AdamW under a one-cycle learning rate: linear up to the peak, linear down. An incomplete mini-batch is
    dropped; several ranks share each mini-batch. The host waits for the device once per epoch, never per
    step. With an `ema_decay` the network ends up as the moving average of its weights. `after_epoch` is
    called with the number of completed epochs. Returns the last epoch's mean loss.

    Raises TrainingError if loss or weights are no longer finite or the ranks can't share a mini-batch,
    Interrupted after SIGTERM.
    """
    size = min(options.batch_size, len(images))
    if size % ranks.count:
        raise TrainingError(
            f"batch-size: expected a multiple of {ranks.count}, the number of ranks, found {size}"
        )
    steps_per_epoch = len(images) // size
    steps = 1 if options.dry_run else max(1, round(steps_per_epoch * options.epochs))

    alone_on_gpu = images.is_cuda and ranks.count == 1
    optimizer = optimizer_for(network, options, graph=alone_on_gpu)
    average = Average(network, options.ema_decay) if options.ema_decay else None
    checkpointed = nn.ModuleList([network, average] if average else [network])
    done = checkpoints.restore(checkpointed, optimizer)
    step = Step(ranks.parallel(network), optimizer, images, labels, options, alone_on_gpu, average)
    network.train()
    started, loss = time.perf_counter(), math.nan
    for epoch in range(done // steps_per_epoch, math.ceil(steps / steps_per_epoch)):
        epoch_started, first, last = time.perf_counter(), done, min((epoch + 1) * steps_per_epoch, steps)
        order = shuffle(len(images), options.seed, epoch, ranks)
        step.total.zero_()
        if done % steps_per_epoch:
            checkpoints.restore_epoch(step.total)
        while done < last:
            for group in optimizer.param_groups:
                group["lr"].fill_(options.learning_rate * one_cycle(done / steps))
            position = done % steps_per_epoch * size
            step(order[position : position + size][ranks.rank :: ranks.count])
            done += 1
            if done < steps:
                checkpoints.after_step(checkpointed, optimizer, done, step.total)
        loss = ranks.mean(step.total.item()) / (last - epoch * steps_per_epoch)
        if not math.isfinite(loss):
            raise TrainingError(
                f"train-loss: expected a finite number, found {loss} in epoch {epoch + 1}: "
                f"try a learning-rate below {options.learning_rate}"
            )
        if ranks.first:
            now = time.perf_counter()
            speed = (last - first) * size / (now - epoch_started)
            _log(f"epoch {epoch + 1}: {speed:,.0f} images/s, loss {loss:.4f}, {now - started:.1f} s elapsed")
        if done < steps:
            checkpoints.after_epoch(checkpointed, optimizer, done, step.total)
        elif average:
            average.write_to(network)
        after_epoch(epoch + 1)
    if not all(tensor.isfinite().all() for tensor in network.state_dict().values()):
        raise TrainingError(
            f"weights: expected finite numbers, found others after the last step: "
            f"try a learning-rate below {options.learning_rate}"
        )
    return loss


def one_cycle(progress: float) -> float:
    """Learning rate at `progress` (0–1) of the training, as a fraction of its peak.

    It also works for trainings of a few steps, where torch's OneCycleLR divides by zero.
    """
    up, down = progress / WARM_UP, (1 - progress) / (1 - WARM_UP)
    return max(FLOOR, min(up, down))


def shuffle(count: int, seed: int, epoch: int, ranks: Ranks) -> torch.Tensor:
    """Return an epoch's order of `count` images, the same on all ranks, and reseed the generator.

    Each rank then draws its own augmentation and dropout. As each epoch is seeded by itself, a training can
    resume at any epoch.
    """
    torch.manual_seed(_mix(seed, epoch))
    order = torch.randperm(count, device=ranks.device)
    torch.manual_seed(_mix(seed, epoch, 1 + ranks.rank))
    return order


@torch.inference_mode()
def compute_logits(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Return the logits (N, 10) of uint8 images (N, 28, 28), in fp32."""
    network.eval()
    batches = images.unsqueeze(1).split(EVALUATION_BATCH)
    return torch.cat([network(normalise(pixels.float())) for pixels in batches])


def accuracy(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the fraction of logits (N, 10) whose maximum is at their label (N,)."""
    return (logits.argmax(1) == labels).double().mean().item()


def confusion_matrix(logits: torch.Tensor, labels: torch.Tensor) -> list[list[int]]:
    """Count the images of each label (row) and prediction (column)."""
    pairs = labels.long() * len(LABELS) + logits.argmax(1)
    counts: list[list[int]] = torch.bincount(pairs, minlength=len(LABELS) ** 2).view(len(LABELS), -1).tolist()
    return counts


def validate(logits: torch.Tensor, labels: torch.Tensor) -> tuple[dict[str, float], float]:
    """Measure logits (N, 10) of held-out images; returns the metrics and the fitted temperature.

    The calibrated figures are measured on images that their temperatures weren't fitted on. The number of
    images says how exact the figures are.
    """
    temperature, calibrated = calibration.calibrate(logits, labels)
    metrics = {
        "validation-accuracy": accuracy(logits, labels),
        "validation-nll": calibration.negative_log_likelihood(logits, labels),
        "validation-ece": calibration.expected_calibration_error(logits, labels),
        "calibrated-nll": calibration.negative_log_likelihood(calibrated, labels),
        "calibrated-ece": calibration.expected_calibration_error(calibrated, labels),
        "validation-images": len(labels),
    }
    return metrics, temperature


def _mix(*numbers: int) -> int:
    """Combine several seeds into one (https://numpy.org/doc/stable/reference/random/parallel.html)."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


def _log(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
