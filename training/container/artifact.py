"""The model artifact: weights, config.json and the code that serves them; SageMaker packs the folder."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch

import weights

# AWS's images have all that it imports. With a requirements.txt, each start would ask a package index.
SERVING_CODE = (
    *("inference.py", "archives.py", "deployment.py", "replica.py"),
    *("model.py", "pixels.py", "probabilities.py", "weights.py"),
)


def write(
    folder: Path,
    state: dict[str, torch.Tensor],
    config: dict[str, Any],
    reference: dict[str, Any] | None = None,
) -> None:
    """Write `model.safetensors`, `config.json` and `code/` into `folder`, which is created if it is missing.

    `config` names what inference needs – arch, labels, mean, std – and how the model was trained. A
    `reference` becomes `reference.json`: what the model says of images that it wasn't trained on. The code is
    copied from this file's folder.
    """
    code = folder / "code"
    code.mkdir(parents=True, exist_ok=True)
    weights.save(state, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    if reference is not None:
        (folder / "reference.json").write_text(json.dumps(reference) + "\n")
    for name in SERVING_CODE:
        shutil.copyfile(Path(__file__).with_name(name), code / name)
