"""Several ranks on loopback train one model."""

import json
import multiprocessing
import os
import socket
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import torch

import train
from tests.container.blocks import WriteDataSet
from training import datasets

pytestmark = pytest.mark.long
HOSTS = ("algo-1", "algo-2")
ARGUMENTS = [
    *("--epochs", "4", "--batch-size", "50", "--validation-images", "0", "--threads", "1"),
    *("--ema-decay", "0.8"),
]
# The beginning of each host's program: its own variables and arguments.
BEGIN = """
import os, sys
os.environ.clear()
os.environ.update(ENVIRONMENT)
sys.argv[1:] = ARGUMENTS
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
"""
# A host: it trains, saves after each epoch, and notes the positions of its share of each mini-batch.
HOST = """
import json, os, sys
import checkpoints, steps, train
checkpoints.SECONDS_BETWEEN = 0
shares, losses, work = [], [], steps.Step.__call__
def noted(step, positions):
    shares.append(positions.tolist())
    work(step, positions)
    losses.append(step.total.item())
    if len(shares) == int(os.environ.get("DIE_AFTER", "0")):
        os._exit(9)
steps.Step.__call__ = noted
code = train.main(sys.argv[1:])
with open(os.environ["SHARES"], "w") as file:
    json.dump(shares, file)
with open(os.environ["SHARES"].replace("shares", "losses"), "w") as file:
    json.dump(losses, file)
sys.exit(code)
"""
# A host that takes itself to have two GPUs, and trains on its processor.
TWO_GPUS = "import sys, torch, train; torch.cuda.device_count = lambda: 2; sys.exit(train.main(sys.argv[1:]))"
# Hosts are forks of one interpreter that has imported torch, which else takes each of them three seconds.
_WITH_TORCH = multiprocessing.get_context("forkserver")
_WITH_TORCH.set_forkserver_preload(["torch", "torch._dynamo"])  # the latter is what an optimizer imports


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory, write_data_set: WriteDataSet) -> Path:
    """The sample of MNIST as the channels `training` and `test`."""
    folder, parts = tmp_path_factory.mktemp("digits"), datasets.sample(seed=1)
    for name, part in (("training", parts.training), ("test", parts.test)):
        write_data_set(folder / name, part.images, part.labels)
    return folder


def start(program: str, digits: Path, folder: Path, *arguments: str, **environment: str) -> BaseProcess:
    """Start a host that leaves its model, its shares and its failure below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    channels = ["--training", str(digits / "training"), "--test", str(digits / "test")]
    given = {
        "ARGUMENTS": [*ARGUMENTS, *channels, "--model-dir", str(folder / "model"), *arguments],
        "ENVIRONMENT": {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(free_port()),
            "SHARES": str(folder / "shares.json"),
            "SM_OUTPUT_DIR": str(folder),
            **environment,
        },
    }
    host = _WITH_TORCH.Process(target=exec, args=(BEGIN + program, given))
    host.start()
    return host


def ended(host: BaseProcess) -> int | None:
    """Wait for a host's end; returns its exit code, None when it runs for more than ten minutes."""
    host.join(timeout=600)
    return host.exitcode


def train_on_two_hosts(digits: Path, folder: Path, *arguments: str, **variables: str) -> list[int | None]:
    """Train as SageMaker does on two instances; returns the hosts' exit codes."""
    environment = {"SM_HOSTS": json.dumps(HOSTS), "MASTER_PORT": str(free_port()), **variables}
    hosts = [
        start(HOST, digits, folder / host, *arguments, SM_CURRENT_HOST=host, **environment) for host in HOSTS
    ]
    try:
        return [ended(host) for host in hosts]
    finally:
        for host in hosts:
            host.kill()


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"SM_CURRENT_INSTANCE_TYPE": "ml.g5.xlarge", "SM_NUM_GPUS": "0"}, "ml.g5.xlarge"),
        ({"SM_CURRENT_INSTANCE_TYPE": "ml.p5.48xlarge"}, "ml.p5.48xlarge"),
        ({"SM_CURRENT_INSTANCE_TYPE": "ml.m5.large", "SM_NUM_GPUS": "1"}, "ml.m5.large"),
        ({"SM_NUM_GPUS": "4"}, "this host"),
    ],
)
def test_a_host_that_should_have_a_gpu_does_not_train_without(
    tmp_path: Path, digits: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], named: str
) -> None:
    """By its type or by nvidia-smi: the reason is in the file `failure`, and there is no model."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setenv("SM_OUTPUT_DIR", str(tmp_path))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    folders = ["--training", str(digits / "training"), "--model-dir", str(tmp_path / "model")]
    assert train.main([*ARGUMENTS, *folders]) == 1
    assert (tmp_path / "failure").read_text().startswith(f"{named}: expected a GPU that torch ")
    assert not (tmp_path / "model").exists()


def test_a_host_without_a_gpu_trains_on_its_processor(
    tmp_path: Path, digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other instances' names may have a g or a p, too."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setenv("SM_NUM_GPUS", "0")
    folders = ["--training", str(digits / "training"), "--model-dir", str(tmp_path / "model"), "--dry-run"]
    for instance_type in ("ml.m5.large", "ml.c6gn.large", "local", "xml.g5.large"):
        monkeypatch.setenv("SM_CURRENT_INSTANCE_TYPE", instance_type)
        assert train.main([*ARGUMENTS, *folders]) == 0


def free_port() -> int:
    """A free port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def metrics(folder: Path) -> dict[str, float]:
    """The figures of the model in a host's folder."""
    found: dict[str, float] = json.loads((folder / "model/config.json").read_text())["metrics"]
    return found


def accuracy(folder: Path) -> float:
    """Its test accuracy."""
    return metrics(folder)["test-accuracy"]


def test_two_hosts_share_each_mini_batch_and_make_one_model_as_good_as_one_host(
    digits: Path, tmp_path: Path
) -> None:
    """Shares are halves of one host's mini-batches, the loss is both's mean, the first writes the model."""
    assert ended(start(HOST, digits, tmp_path / "alone")) == 0
    assert train_on_two_hosts(digits, tmp_path) == [0, 0]
    whole, first, second = (
        json.loads((tmp_path / host / "shares.json").read_text()) for host in ("alone", *HOSTS)
    )
    assert len(whole) == 4 * (3500 // 50)
    for mini_batch, one, other in zip(whole, first, second, strict=True):
        assert len(one) == len(other) == 25
        assert sorted(one + other) == sorted(mini_batch)
    last = [json.loads((tmp_path / host / "losses.json").read_text())[-1] for host in HOSTS]
    assert last[0] != last[1]
    assert metrics(tmp_path / HOSTS[0])["train-loss"] == pytest.approx(sum(last) / 2 / (3500 // 50))
    assert not (tmp_path / HOSTS[1] / "model").exists()
    assert accuracy(tmp_path / "alone") > 0.95
    # three standard errors of the difference of two accuracies of 97 % on 500 images
    assert accuracy(tmp_path / HOSTS[0]) == pytest.approx(accuracy(tmp_path / "alone"), abs=0.033)


def test_two_hosts_go_on_from_the_first_ones_checkpoint(digits: Path, tmp_path: Path) -> None:
    """Killed in their second epoch, they redo that one alone, and end with an uninterrupted job's weights."""
    short = ["--epochs", "2", "--batch-size", "100"]
    assert train_on_two_hosts(digits, tmp_path / "whole", *short) == [0, 0]
    kept = [*short, "--checkpoint-dir", str(tmp_path / "checkpoints")]
    assert train_on_two_hosts(digits, tmp_path / "killed", *kept, DIE_AFTER="40") == [9, 9]
    assert train_on_two_hosts(digits, tmp_path / "killed", *kept) == [0, 0]
    for host in HOSTS:
        assert len(json.loads((tmp_path / "killed" / host / "shares.json").read_text())) == 35
    whole, resumed = (
        (tmp_path / name / HOSTS[0] / "model/model.safetensors").read_bytes() for name in ("whole", "killed")
    )
    assert whole == resumed


def test_ranks_that_can_not_share_a_mini_batch_say_so(digits: Path, tmp_path: Path) -> None:
    """A batch size that two ranks can't halve ends both with one sentence."""
    assert train_on_two_hosts(digits, tmp_path, "--batch-size", "51") == [1, 1]
    for host in HOSTS:
        failure = (tmp_path / host / "failure").read_text()
        assert failure == "batch-size: expected a multiple of 2, the number of ranks, found 51\n"


def test_a_host_with_two_gpus_starts_two_ranks(digits: Path, tmp_path: Path) -> None:
    """One program a host is enough: it starts a rank for each GPU, and one of them writes the artifact."""
    assert ended(start(TWO_GPUS, digits, tmp_path / "host", "--epochs", "2")) == 0
    config = json.loads((tmp_path / "host/model/config.json").read_text())
    assert config["ranks"] == 2
    assert config["metrics"]["test-accuracy"] > 0.9


def test_a_failed_rank_of_a_host_is_the_hosts_failure(digits: Path, tmp_path: Path) -> None:
    """The exit code and the sentence of a rank that its host has started reach SageMaker."""
    assert ended(start(TWO_GPUS, digits, tmp_path / "host", "--batch-size", "51")) == 1
    assert "the number of ranks, found 51" in (tmp_path / "host/failure").read_text()


def test_a_host_that_is_not_among_the_hosts_is_refused(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without the host's name the rank is unknown."""
    monkeypatch.setenv("SM_HOSTS", json.dumps(HOSTS))
    monkeypatch.setenv("SM_CURRENT_HOST", "algo-3")
    assert train.main(["--training", str(digits / "training"), "--model-dir", str(tmp_path / "model")]) == 1
    assert (
        capfd.readouterr().err
        == "SM_CURRENT_HOST: expected one of SM_HOSTS, algo-1, algo-2, found 'algo-3'\n"
    )
