"""The model artifact: weights, config.json and the code that serves them; SageMaker packs the folder."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

SERVING_CODE = ("inference.py", "deployment.py", "model.py", "pixels.py", "requirements.txt")


def write(folder: Path, weights: dict[str, torch.Tensor], config: dict[str, Any]) -> None:
    """Write `model.safetensors`, `config.json` and `code/` into `folder`, which is created if it is missing.

    `config` names what inference needs – arch, labels, mean, std – and how the model was trained. The code is
    copied from this file's folder.
    """
    code = folder / "code"
    code.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: weight.cpu().contiguous() for name, weight in weights.items()}, folder / "model.safetensors"
    )
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    for name in SERVING_CODE:
        shutil.copyfile(Path(__file__).with_name(name), code / name)
