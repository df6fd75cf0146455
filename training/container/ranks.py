"""Several ranks that train one model: one per GPU, or one per host without GPUs.

A SageMaker job starts this script once on each of its instances, and lists all of them
(https://github.com/aws/sagemaker-training-toolkit/blob/master/ENVIRONMENT_VARIABLES.md). A host with several
GPUs starts a rank for each of them itself.
"""

import json
import os
import re
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed, nn
from torch.multiprocessing.spawn import ProcessExitedException, spawn
from torch.nn.parallel import DistributedDataParallel

from arguments import TrainingError

PORT = "7777"  # the one that AWS's PyTorch images set as MASTER_PORT


@dataclass(frozen=True)
class Ranks:
    """How many ranks train together, which of them this is, and its device."""

    count: int
    rank: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this is the rank that measures, and writes the artifact and checkpoints."""
        return self.rank == 0

    def parallel(self, network: nn.Module) -> nn.Module:
        """Return the network that the ranks train together: gradients are averaged over all of them.

        Each rank's BatchNorm sees its own share of a mini-batch; the first rank's running statistics are
        those of the artifact.
        """
        if self.count == 1:
            return network
        return DistributedDataParallel(network, broadcast_buffers=False, gradient_as_bucket_view=True)

    def mean(self, value: float) -> float:
        """Return the mean of the ranks' values; waits for all of them."""
        if self.count == 1:
            return value
        values = torch.tensor(value, dtype=torch.float64, device=self.device)
        distributed.all_reduce(values)
        return values.item() / self.count

    def from_first(self, value: Any) -> Any:
        """Return the first rank's value, on every rank."""
        if self.count == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box, src=0, device=self.device)
        return box[0]


def start(work: Callable[[Namespace, Ranks], int], options: Namespace) -> int:
    """Call `work(options, ranks)` on each rank of this host; returns the exit code, that of a failed rank.

    Several hosts rendezvous at MASTER_ADDR and MASTER_PORT, by default the first host's port 7777. `work` has
    to be a function at module level.

    Raises TrainingError if this host isn't one of SM_HOSTS, or should have a GPU and torch sees none.
    """
    hosts = sorted(json.loads(os.environ.get("SM_HOSTS") or '["localhost"]'))
    gpus = torch.cuda.device_count()
    if not gpus:
        _check_none_expected()
    here = max(1, gpus)
    count = len(hosts) * here
    if count == 1:
        return work(options, Ranks(1, 0, torch.device("cuda" if gpus else "cpu")))
    current = os.environ.get("SM_CURRENT_HOST", hosts[0] if len(hosts) == 1 else "")
    if current not in hosts:
        raise TrainingError(
            f"SM_CURRENT_HOST: expected one of SM_HOSTS, {', '.join(hosts)}, found {current!r}"
        )
    first = hosts.index(current) * here
    os.environ.setdefault("MASTER_ADDR", hosts[0])
    os.environ.setdefault("MASTER_PORT", PORT)
    if here == 1:
        return _join(0, work, options, count, first)
    try:
        spawn(_spawned, (work, options, count, first), nprocs=here)
    except ProcessExitedException as error:
        return error.exit_code
    return 0


def _check_none_expected() -> None:
    """Raise TrainingError if this host should have a GPU: its processor would train for hours, at its price.

    SageMaker's toolkit sets the instance's type, and the number of GPUs that nvidia-smi lists
    (https://github.com/aws/sagemaker-training-toolkit/blob/master/ENVIRONMENT_VARIABLES.md).
    """
    instance_type, listed = os.environ.get("SM_CURRENT_INSTANCE_TYPE", ""), os.environ.get("SM_NUM_GPUS", "0")
    if listed != "0" or re.match(r"ml\.[gp]\d", instance_type):
        raise TrainingError(
            f"{instance_type or 'this host'}: expected a GPU that torch {torch.__version__} can use, found "
            f"none of {listed} that nvidia-smi lists: use the image's build for GPUs, or another instance"
        )


def _spawned(local: int, work: Callable[[Namespace, Ranks], int], *others: Any) -> None:
    if code := _join(local, work, *others):
        raise SystemExit(code)


def _join(
    local: int, work: Callable[[Namespace, Ranks], int], options: Namespace, count: int, first: int
) -> int:
    """Join the other ranks, do the work, leave."""
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", local) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if cuda else "gloo", rank=first + local, world_size=count)
    try:
        return work(options, Ranks(count, first + local, device))
    finally:
        distributed.destroy_process_group()
