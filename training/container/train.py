"""Train a digit classifier: SageMaker's script mode, or at a desk with --training DIR --model-dir DIR.

Hyperparameters arrive as arguments, channels and folders as SM_* variables or arguments, metrics leave as log
lines such as `validation-accuracy: 0.9941`
(https://github.com/aws/sagemaker-training-toolkit#list-of-provided-environment-variables-by-sagemaker-training).
The same seed gives the same weights on a CPU with the same number of threads.
"""

import argparse
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import nn
from torch.nn import functional

import artifact
import data
from model import ARCHITECTURES, IMAGE_SIZE, LABELS, build

MEAN, STD = 0.1307, 0.3081  # of MNIST's training images, as fractions of white
WARM_UP = 0.2  # of all steps
FLOOR = 0.01  # of the peak learning rate, at both ends
EVALUATION_BATCH = 128
FOLDERS = {"training", "test", "model_dir"}


class TrainingError(Exception):
    """A training that can't start or go on; the message is one sentence for the job's failure reason."""


class Arguments(argparse.ArgumentParser):
    """Arguments whose errors are a TrainingError, so that a wrong hyperparameter explains the failed job."""

    def error(self, message: str) -> NoReturn:
        """Raise TrainingError."""
        raise TrainingError(message)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train; returns the exit code. A foreseen failure is told in one sentence, as SageMaker reads it.

    That is the file `failure` (https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html)
    and, as AWS's training toolkit may write over it, standard error.
    """
    try:
        train(parse(arguments))
    except (TrainingError, data.DataError) as error:
        print(error, file=sys.stderr, flush=True)
        output = Path(os.environ.get("SM_OUTPUT_DIR", "/opt/ml/output"))
        if output.is_dir():
            (output / "failure").write_text(f"{error}\n")
        return 1
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read hyperparameters and folders. Raises TrainingError for what can't be used."""
    parser = Arguments(description="Train a digit classifier.", allow_abbrev=False)
    add = parser.add_argument
    add("--arch", choices=ARCHITECTURES, default="small")
    add("--epochs", type=_number(float, 0.01, 1000), default=5.0, help="may be a fraction")
    add("--batch-size", type=_number(int, 2, 65536), default=128)
    add("--learning-rate", type=_number(float, 1e-6, 10), default=0.01, help="the peak of the schedule")
    add("--weight-decay", type=_number(float, 0, 10), default=0.01)
    add("--augmentation", type=_number(float, 0, 5), default=1.0, help="1: 10°, scale and shear 0.1, 2 px")
    add("--label-smoothing", type=_number(float, 0, 0.9), default=0.0)
    add("--dropout", type=_number(float, 0, 0.9), default=0.0)
    add(
        "--validation-images", type=_number(int, 0, data.MAX_COUNT), help="held out; default 10000 or a sixth"
    )
    add("--seed", type=_number(int, 0, 2**31), default=0)
    add("--threads", type=_number(int, 0, 1024), default=0, help="0: all cores")
    add("--training", type=Path, default=os.environ.get("SM_CHANNEL_TRAINING"), help="folder with IDX files")
    add("--test", type=Path, default=os.environ.get("SM_CHANNEL_TEST"), help="measured once, at the end")
    add("--model-dir", type=Path, default=os.environ.get("SM_MODEL_DIR"), help="folder for the artifact")
    options = parser.parse_args(arguments)
    for folder, variable in (("training", "SM_CHANNEL_TRAINING"), ("model_dir", "SM_MODEL_DIR")):
        if getattr(options, folder) is None:
            name = folder.replace("_", "-")
            raise TrainingError(f"{name}: expected a folder, by {variable} or --{name}, found none")
    return options


def train(options: argparse.Namespace) -> None:
    """Load, fit, measure, save. Raises TrainingError or DataError."""
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    images, labels = (torch.from_numpy(array).to(device) for array in data.load(options.training))
    test = data.load(options.test) if options.test else None
    training, held_out = (
        torch.from_numpy(positions).to(device)
        for positions in data.split(len(images), options.validation_images)
    )

    model = build(options.arch, options.dropout).to(device)
    metrics = {"train-loss": fit(model, images[training], labels[training].long(), options)}
    if len(held_out):
        accuracy, nll = evaluate(model, images[held_out], labels[held_out].long())
        metrics |= {"validation-accuracy": accuracy, "validation-nll": nll}
    if test is not None:
        test_images, test_labels = (torch.from_numpy(array).to(device) for array in test)
        metrics["test-accuracy"], _ = evaluate(model, test_images, test_labels.long())
    for name, value in metrics.items():
        _log(f"{name}: {value:.4f}")
    config = {
        "arch": options.arch,
        "dropout": options.dropout,
        "labels": list(LABELS),
        "image_size": IMAGE_SIZE,
        "mean": MEAN,
        "std": STD,
        "hyperparameters": {
            name.replace("_", "-"): value for name, value in vars(options).items() if name not in FOLDERS
        },
        "metrics": metrics,
        "images": {
            "training": len(training),
            "validation": len(held_out),
            "test": len(test[0]) if test is not None else 0,
        },
        "torch_version": torch.__version__,
    }
    artifact.write(options.model_dir, model.state_dict(), config)


def fit(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, options: argparse.Namespace) -> float:
    """Train `model` in place on uint8 images (N, 28, 28) and int64 labels (N,), all on the model's device.

    AdamW under a one-cycle learning rate: linear up to the peak, linear down. A mini-batch that isn't full is
    left out. The host waits for the device once an epoch, never a step. Returns the last epoch's mean loss.

    Raises TrainingError where the loss is no longer finite.
    """
    device = images.device
    generator = torch.Generator(device).manual_seed(options.seed)
    size = min(options.batch_size, len(images))
    steps_per_epoch = len(images) // size
    steps = max(1, round(steps_per_epoch * options.epochs))

    decayed = [weight for weight in model.parameters() if weight.ndim > 1]
    kept = [weight for weight in model.parameters() if weight.ndim <= 1]  # biases and BatchNorm
    groups: list[dict[str, Any]] = [{"params": decayed}, {"params": kept, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(
        groups, lr=options.learning_rate, weight_decay=options.weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: one_cycle(step / steps))
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16(device))

    model.train()
    started, loss = time.perf_counter(), math.nan
    for epoch in range(math.ceil(steps / steps_per_epoch)):
        epoch_started = time.perf_counter()
        epoch_steps = min(steps_per_epoch, steps - epoch * steps_per_epoch)
        order = torch.randperm(len(images), generator=generator, device=device)
        total = torch.zeros((), device=device)
        for batch in order[: epoch_steps * size].split(size):
            inputs = normalise(augment(images[batch], options.augmentation, generator))
            with autocast:
                logits = model(inputs)
            batch_loss = functional.cross_entropy(
                logits.float(), labels[batch], label_smoothing=options.label_smoothing
            )
            optimizer.zero_grad(set_to_none=True)
            batch_loss.backward()
            optimizer.step()
            schedule.step()
            total += batch_loss.detach()
        loss = total.item() / epoch_steps
        if not math.isfinite(loss):
            raise TrainingError(
                f"train-loss: expected a finite number, found {loss} in epoch {epoch + 1}: "
                f"try a learning-rate below {options.learning_rate}"
            )
        now = time.perf_counter()
        speed = epoch_steps * size / (now - epoch_started)
        _log(f"epoch {epoch + 1}: {speed:,.0f} images/s, loss {loss:.4f}, {now - started:.1f} s elapsed")
    return loss


def one_cycle(progress: float) -> float:
    """Learning rate at `progress` (0–1) of the training, as a fraction of its peak.

    Unlike torch's OneCycleLR, which divides by zero there, it holds for trainings of a few steps, too.
    """
    up, down = progress / WARM_UP, (1 - progress) / (1 - WARM_UP)
    return max(FLOOR, min(up, down))


def augment(images: torch.Tensor, scale: float, generator: torch.Generator) -> torch.Tensor:
    """Turn, stretch, shear and shift each image at random: uint8 (N, 28, 28) to float (N, 1, 28, 28), 0–255.

    At scale 1 uniformly up to 10°, a tenth each way in width and height, a shear of 0.1, 2 pixels each way;
    all of it is proportional to `scale`, and 0 changes nothing. The ground that comes into view is black.
    """
    pixels = images.unsqueeze(1).float()
    if not scale:
        return pixels
    angle, width, height, shear, x, y = scale * (
        2 * torch.rand(6, len(images), generator=generator, device=images.device) - 1
    )
    cos, sin = (angle * math.radians(10)).cos(), (angle * math.radians(10)).sin()
    width, height, shear = 1 + 0.1 * width, 1 + 0.1 * height, 0.1 * shear
    shift = 2 / (IMAGE_SIZE / 2)  # affine_grid counts in half images
    matrix = torch.stack(
        [cos / width, shear - sin / width, shift * x, sin / height, cos / height, shift * y], dim=1
    )
    grid = functional.affine_grid(matrix.view(-1, 2, 3), list(pixels.shape), align_corners=False)
    return functional.grid_sample(pixels, grid, align_corners=False)


def normalise(pixels: torch.Tensor) -> torch.Tensor:
    """Scale pixels 0–255, float (N, 1, 28, 28), to the network's input, in channels_last order."""
    return ((pixels - 255 * MEAN) / (255 * STD)).contiguous(memory_format=torch.channels_last)


@torch.inference_mode()
def evaluate(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
    """Accuracy (0–1) and mean negative log-likelihood (nats) on uint8 images (N, 28, 28), in fp32."""
    model.eval()
    correct, nll = torch.zeros((), device=images.device), torch.zeros((), device=images.device)
    for pixels, truth in zip(images.split(EVALUATION_BATCH), labels.split(EVALUATION_BATCH), strict=True):
        logits = model(normalise(pixels.unsqueeze(1).float()))
        correct += (logits.argmax(1) == truth).sum()
        nll += functional.cross_entropy(logits, truth, reduction="sum")
    return correct.item() / len(images), nll.item() / len(images)


def has_bfloat16(device: torch.device) -> bool:
    """Say whether the device computes bfloat16 in hardware; elsewhere it is slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


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


def _log(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
