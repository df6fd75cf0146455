"""Script mode: how SageMaker's training toolkit runs a script, without its container.

Names and values follow https://github.com/aws/sagemaker-training-toolkit (environment.py, params.py,
mapping.py); the folder takes the place of /opt/ml.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOST = "algo-1"
GROUP = "homogeneousCluster"
PROGRAM = "sagemaker_program"
SUBMIT_DIRECTORY = "sagemaker_submit_directory"
_RESERVED = (
    PROGRAM,
    SUBMIT_DIRECTORY,
    "sagemaker_enable_cloudwatch_metrics",
    "sagemaker_region",
    "sagemaker_container_log_level",
    "sagemaker_job_name",
    "default_user_module_name",
    "_tuning_objective_metric",
    "sagemaker_s3_output",
)


@dataclass(frozen=True)
class Folders:
    """The folders of a training container below its base, /opt/ml on AWS."""

    base: Path

    @property
    def code(self) -> Path:
        """The script's folder, which is its working folder."""
        return self.base / "code"

    @property
    def model(self) -> Path:
        """What becomes model.tar.gz."""
        return self.base / "model"

    @property
    def configuration(self) -> Path:
        """Where SageMaker writes what the job was given."""
        return self.base / "input" / "config"

    @property
    def output(self) -> Path:
        """The folder of the file `failure` and the folder `data`."""
        return self.base / "output"

    def channel(self, name: str) -> Path:
        """The folder of a channel's objects."""
        return self.base / "input" / "data" / name

    def make(self, channels: Sequence[str]) -> None:
        """Make all of them."""
        for folder in (
            self.code,
            self.model,
            self.configuration,
            self.output / "data",
            self.output / "intermediate",
        ):
            folder.mkdir(parents=True, exist_ok=True)
        for name in channels:
            self.channel(name).mkdir(parents=True, exist_ok=True)


def read_hyperparameters(given: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split a request's HyperParameters into the script's own and the toolkit's.

    A value that is JSON is read as such ("0.10" becomes 0.1, '"a"' becomes a), any other stays a string.
    """
    own: dict[str, Any] = {}
    reserved: dict[str, Any] = {}
    for name, text in given.items():
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        belongs = name in _RESERVED or name.startswith("sagemaker_")
        (reserved if belongs else own)[name] = value
    return own, reserved


def arguments(hyperparameters: Mapping[str, Any]) -> list[str]:
    """Return the script's arguments, `--name value` (`-n value` for one letter), sorted by name."""
    words = []
    for name in sorted(hyperparameters):
        value = hyperparameters[name]
        if isinstance(value, dict):
            value = ",".join(f"{key}={value[key]}" for key in sorted(value))
        words += [f"--{name}" if len(name) > 1 else f"-{name}", "" if value is None else str(value)]
    return words


def resource_configuration() -> dict[str, Any]:
    """Return resourceconfig.json for the one host that a local job has.

    Its type is that of the SDK's local mode, whatever was asked for: a program that relies on an instance's
    GPU must not take this machine for it.
    """
    instance_type = "local_gpu" if _count_gpus() else "local"
    return {
        "current_host": HOST,
        "current_instance_type": instance_type,
        "current_group_name": GROUP,
        "hosts": [HOST],
        "instance_groups": [{"instance_group_name": GROUP, "instance_type": instance_type, "hosts": [HOST]}],
        "network_interface_name": "eth0",
    }


def variables(
    folders: Folders,
    own: Mapping[str, Any],
    reserved: Mapping[str, Any],
    channels: Mapping[str, Any],
    resources: Mapping[str, Any],
) -> dict[str, str]:
    """Return the SM_* variables of the script.

    `own` and `reserved` come from `read_hyperparameters`; `channels` is inputdataconfig.json, `resources`
    resourceconfig.json. SM_TRAINING_ENV holds all that the toolkit knows, partly under other names; its
    `job_name` is TRAINING_JOB_NAME here, which SageMaker sets in addition to these.
    """
    group = resources["instance_groups"][0]
    program = str(reserved[PROGRAM])
    folder_of = {name: str(folders.channel(name)) for name in channels}
    framework = {name: value for name, value in reserved.items() if name not in _RESERVED}
    shared: dict[str, Any] = {
        "hosts": resources["hosts"],
        "network_interface_name": resources["network_interface_name"],
        "user_entry_point": program,
        "resource_config": resources,
        "input_data_config": channels,
        "output_data_dir": str(folders.output / "data"),
        "current_host": resources["current_host"],
        "current_instance_type": resources["current_instance_type"],
        "current_instance_group": resources["current_group_name"],
        "current_instance_group_hosts": group["hosts"],
        "instance_groups": [group["instance_group_name"]],
        "instance_groups_dict": {group["instance_group_name"]: group},
        "distribution_instance_groups": [],
        "is_hetero": False,
        "module_name": program.removesuffix(".py"),
        "log_level": reserved.get("sagemaker_container_log_level", 20),
        "framework_module": None,
        "input_dir": str(folders.base / "input"),
        "input_config_dir": str(folders.configuration),
        "output_dir": str(folders.output),
        "num_cpus": os.cpu_count() or 1,
        "num_gpus": _count_gpus(),
        "num_neurons": 0,
        "model_dir": str(folders.model),
        "module_dir": str(reserved[SUBMIT_DIRECTORY]),
        "output_intermediate_dir": str(folders.output / "intermediate"),
    }
    training_environment = {
        **shared,
        "additional_framework_parameters": framework,
        "channel_input_dirs": folder_of,
        "hyperparameters": own,
        "distribution_hosts": [],
        "is_master": True,
        "is_modelparallel_enabled": None,
        "is_smddprun_installed": False,
        "is_smddpmprun_installed": False,
        "master_hostname": resources["hosts"][0],
        "topology": [],
    }
    environment = {
        **shared,
        "hps": own,
        "framework_params": framework,
        "channels": sorted(channels),
        "training_env": training_environment,
        "user_args": arguments(own),
        **{f"channel_{name}": folder for name, folder in folder_of.items()},
        **{f"hp_{name}": value for name, value in own.items()},
    }
    return {f"SM_{name.upper()}": _as_text(value) for name, value in environment.items()}


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))


def _count_gpus() -> int:
    if shutil.which("nvidia-smi") is None:
        return 0
    listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=False)
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())
