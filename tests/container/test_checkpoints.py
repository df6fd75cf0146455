"""Interrupted trainings go on where they were."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import checkpoints
import data
import train
from arguments import TrainingError, parse
from ranks import Ranks
from steps import Step
from tests.container.blocks import WriteDataSet

ARGUMENTS = [
    *("--epochs", "3", "--batch-size", "40", "--threads", "1", "--seed", "5"),
    *("--dropout", "0.2", "--ema-decay", "0.8"),
]
STEPS_AN_EPOCH = 5  # of 200 images
Run = Callable[..., int]


@pytest.fixture
def run(training_folder: Path, tmp_path: Path) -> Run:
    """A function that trains into the folder `name` and returns the exit code."""

    def train_into(name: str, *arguments: str) -> int:
        folders = ["--training", str(training_folder), "--model-dir", str(tmp_path / name)]
        return train.main([*ARGUMENTS, *folders, "--checkpoint-dir", str(tmp_path / "kept"), *arguments])

    return train_into


@pytest.fixture
def uninterrupted(training_folder: Path, tmp_path: Path) -> bytes:
    """The weights of the training without checkpoints."""
    folders = ["--training", str(training_folder), "--model-dir", str(tmp_path / "whole")]
    assert train.main([*ARGUMENTS, *folders]) == 0
    return (tmp_path / "whole/model.safetensors").read_bytes()


def at_step(monkeypatch: pytest.MonkeyPatch, number: int, event: Callable[[], None]) -> list[int]:
    """Have `event` happen in the training's n-th step; returns a list that grows by one each step."""
    steps: list[int] = []
    work = Step.__call__

    def counted(step: Step, positions: torch.Tensor) -> None:
        work(step, positions)
        steps.append(len(positions))
        if len(steps) == number:
            event()

    monkeypatch.setattr(Step, "__call__", counted)
    return steps


def terminate() -> None:
    """Send this interpreter SIGTERM, as SageMaker does."""
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("number", [1, STEPS_AN_EPOCH, 7, 14])
def test_a_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(
    run: Run,
    uninterrupted: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    number: int,
) -> None:
    """SIGTERM saves after the current step and exits with 143; the same command runs the remaining steps."""
    with monkeypatch.context() as patch:
        steps = at_step(patch, number, terminate)
        assert run("model") == 143
        assert len(steps) == number
    file = tmp_path / "kept" / checkpoints.FILE
    assert f"interrupted after {number} steps; saved to {file}\n" in capfd.readouterr().out
    assert not (tmp_path / "model").exists()
    with monkeypatch.context() as patch:
        steps = at_step(patch, 0, terminate)
        assert run("model") == 0
        assert len(steps) == 3 * STEPS_AN_EPOCH - number
    assert (tmp_path / "model/model.safetensors").read_bytes() == uninterrupted
    whole, resumed = (
        json.loads((tmp_path / name / "config.json").read_text()) for name in ("whole", "model")
    )
    assert resumed["metrics"] == whole["metrics"]


def test_sigterm_in_the_last_step_leaves_a_finished_training(
    run: Run, uninterrupted: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is left to go on with, the model is written instead of a checkpoint."""
    at_step(monkeypatch, 3 * STEPS_AN_EPOCH, terminate)
    assert run("model") == 0
    assert (tmp_path / "model/model.safetensors").read_bytes() == uninterrupted
    assert not (tmp_path / "kept").exists()


def test_a_killed_training_resumes_from_its_last_epoch(
    run: Run, uninterrupted: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between epochs a checkpoint is written, too, so that an end without a signal costs little."""

    def die() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", 0.0)
    with monkeypatch.context() as patch:
        at_step(patch, 12, die)
        with pytest.raises(KeyboardInterrupt):
            run("model")
    with monkeypatch.context() as patch:
        steps = at_step(patch, 0, die)
        assert run("model") == 0
        assert len(steps) == STEPS_AN_EPOCH
    assert (tmp_path / "model/model.safetensors").read_bytes() == uninterrupted


def test_a_save_that_breaks_off_leaves_the_checkpoint_before_it(
    run: Run, uninterrupted: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file takes its name when it is whole: a full disk in the second save loses only that save."""
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", 0.0)
    save, saves = torch.save, []

    def break_off(state: object, target: object) -> None:
        saves.append(state)
        if len(saves) == 2:
            target.write(b"part of a checkpoint")  # type: ignore[attr-defined]
            raise OSError("No space left on device")
        save(state, target)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", break_off)
        with pytest.raises(OSError, match="No space left"):
            run("model")
    steps = at_step(monkeypatch, 0, terminate)
    assert run("model") == 0
    assert len(steps) == 2 * STEPS_AN_EPOCH
    assert (tmp_path / "model/model.safetensors").read_bytes() == uninterrupted


@pytest.mark.parametrize(
    ("arguments", "differing"),
    [
        (["--learning-rate", "0.02"], "learning-rate"),
        (["--seed", "6", "--batch-size", "20"], "batch-size, seed"),
    ],
)
def test_the_checkpoint_of_another_training_is_refused(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    differing: str,
) -> None:
    """A training with other hyperparameters names them, and leaves the checkpoint as it is."""
    with monkeypatch.context() as patch:
        at_step(patch, 7, terminate)
        assert run("model") == 143
    kept = (tmp_path / "kept" / checkpoints.FILE).read_bytes()
    assert run("model", *arguments) == 1
    assert f"found one with a different {differing}: use another checkpoint-dir" in capfd.readouterr().err
    assert (tmp_path / "kept" / checkpoints.FILE).read_bytes() == kept
    assert run("model", "--threads", "2", "--test", str(tmp_path / "absent")) == 1
    assert "absent: expected a folder" in capfd.readouterr().err


def test_another_number_of_threads_is_the_same_training(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job may resume on another instance: it goes on with the remaining steps."""
    with monkeypatch.context() as patch:
        at_step(patch, 7, terminate)
        assert run("model") == 143
    steps = at_step(monkeypatch, 0, terminate)
    threads = torch.get_num_threads()
    try:
        assert run("model", "--threads", "2") == 0
    finally:
        torch.set_num_threads(threads)
    assert len(steps) == 3 * STEPS_AN_EPOCH - 7


def test_the_checkpoint_of_other_data_is_refused(
    run: Run, test_folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The same hyperparameters on other images are another training."""
    with monkeypatch.context() as patch:
        at_step(patch, 7, terminate)
        assert run("model") == 143
    assert run("model", "--training", str(test_folder)) == 1
    assert "found one with a different data:" in capfd.readouterr().err


def test_the_checkpoint_of_other_labels_is_refused(
    run: Run,
    training_folder: Path,
    write_data_set: WriteDataSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The same images with corrected labels are another training, too."""
    with monkeypatch.context() as patch:
        at_step(patch, 7, terminate)
        assert run("model") == 143
    images, labels = data.load(training_folder)
    labels[0] = 9 - labels[0]
    assert run("model", "--training", str(write_data_set(tmp_path / "other", images, labels))) == 1
    assert "found one with a different data:" in capfd.readouterr().err


@pytest.fixture
def kept(training_folder: Path, tmp_path: Path) -> Callable[[int], checkpoints.Checkpoints]:
    """A function that makes the checkpoints of a training with so many ranks."""

    def make(ranks: int) -> checkpoints.Checkpoints:
        folders = ["--training", str(training_folder), "--model-dir", str(tmp_path / "model")]
        options = parse([*ARGUMENTS, *folders, "--checkpoint-dir", str(tmp_path / "kept")])
        images, labels = (torch.from_numpy(array) for array in data.load(training_folder))
        return checkpoints.Checkpoints(options, images, labels, Ranks(ranks, 0, torch.device("cpu")))

    return make


def test_between_epochs_a_checkpoint_is_written_every_twenty_seconds(
    kept: Callable[[int], checkpoints.Checkpoints], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Short epochs don't spend their time on files: 20 seconds pass since the start, or the last one."""
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[-1])
    saved, network = kept(1), torch.nn.Linear(1, 1)
    optimizer = torch.optim.AdamW(network.parameters())
    steps = []
    for step, now in enumerate((119.9, 120.0, 139.9, 140.0)):
        clock.append(now)
        saved.after_epoch(network, optimizer, step, torch.zeros(()))
        file = tmp_path / "kept" / checkpoints.FILE
        steps.append(torch.load(file)["step"] if file.exists() else None)
    assert steps == [None, 1, 1, 3]


def test_the_checkpoint_of_another_number_of_ranks_is_refused(
    kept: Callable[[int], checkpoints.Checkpoints], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each rank's own randomness isn't in it: with another number the training couldn't go on as it was."""
    monkeypatch.setattr(Ranks, "from_first", lambda _, value: value)
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", 0.0)
    network = torch.nn.Linear(1, 1)
    optimizer = torch.optim.AdamW(network.parameters())
    kept(1).after_epoch(network, optimizer, 5, torch.zeros(()))
    assert kept(1).restore(network, optimizer) == 5
    with pytest.raises(TrainingError, match="found one with a different ranks: "):
        kept(2).restore(network, optimizer)


def test_a_dry_run_doesn_t_look_at_a_checkpoint(run: Run, tmp_path: Path) -> None:
    """It trains one step of its own, and leaves the file of another training as it is."""
    file = tmp_path / "kept" / checkpoints.FILE
    file.parent.mkdir()
    file.write_bytes(b"another training's")
    assert run("model", "--dry-run") == 0
    assert file.read_bytes() == b"another training's"


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 broken archive"])
def test_a_file_that_is_not_a_checkpoint_is_refused(
    run: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str], content: bytes
) -> None:
    """A broken checkpoint ends the training with one line that says to delete it."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / checkpoints.FILE).write_bytes(content)
    assert run("model") == 1
    error = capfd.readouterr().err
    assert f"{checkpoints.FILE}: expected a checkpoint, found an unreadable file (" in error
    assert "(None)" not in error
    assert error.count("\n") == 1
    assert "):" in error
    assert len(error.partition("(")[2].rpartition("): delete it")[0]) <= 200


def test_a_checkpoint_can_not_run_code(run: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A pickle that calls something is refused, and calls nothing."""

    class Call:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "called"),)

    (tmp_path / "kept").mkdir()
    torch.save({"training": Call()}, tmp_path / "kept" / checkpoints.FILE)
    assert run("model") == 1
    assert "expected a checkpoint, found an unreadable file" in capfd.readouterr().err
    assert not (tmp_path / "called").exists()


def test_sagemakers_folder_is_used_where_it_exists(
    training_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the argument checkpoints are in /opt/ml/checkpoints, where a job has that folder."""
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    at_step(monkeypatch, 7, terminate)
    folders = ["--training", str(training_folder), "--model-dir", str(tmp_path / "model")]
    assert train.main([*ARGUMENTS, *folders]) == 143
    assert [file.name for file in (tmp_path / "checkpoints").iterdir()] == [checkpoints.FILE]


def test_trials_that_share_checkpoints_keep_theirs_apart(
    training_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trial resumes from its own checkpoint, in a folder named after it, and not from another trial's."""
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    monkeypatch.setenv("CHECKPOINTS_BELOW_JOB_NAME", "true")
    (tmp_path / "checkpoints").mkdir()
    folders = ["--training", str(training_folder), "--model-dir", str(tmp_path / "model")]
    for job, seed in (("digits-001", "1"), ("digits-002", "2")):
        monkeypatch.setenv("TRAINING_JOB_NAME", job)
        at_step(monkeypatch, 7, terminate)
        assert train.main([*ARGUMENTS, *folders, "--seed", seed]) == 143
    found = sorted(file.relative_to(tmp_path) for file in tmp_path.rglob(checkpoints.FILE))
    assert found == [Path("checkpoints", job, checkpoints.FILE) for job in ("digits-001", "digits-002")]


def test_a_checkpoint_s_folder_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the folders above it, when the first one is written."""
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", 0.0)
    options = parse(["--training", "t", "--model-dir", "m", "--checkpoint-dir", str(tmp_path / "a" / "b")])
    nothing = torch.zeros(1)
    saved = checkpoints.Checkpoints(options, nothing, nothing, Ranks(1, 0, torch.device("cpu")))
    network = torch.nn.Linear(1, 1)
    for step in (1, 2):
        saved.after_epoch(network, torch.optim.AdamW(network.parameters()), step, torch.zeros(()))
        assert torch.load(tmp_path / "a" / "b" / checkpoints.FILE)["step"] == step


@pytest.mark.parametrize(("folder", "ranks"), [(None, 1), ("kept", 2)])
def test_sigterm_ends_a_training_that_can_not_save(tmp_path: Path, folder: str | None, ranks: int) -> None:
    """Without a folder for checkpoints, or with other ranks that would wait, the signal isn't put off."""
    options = parse(["--training", "t", "--model-dir", "m"])
    options.checkpoint_dir = tmp_path / folder if folder else None
    nothing = torch.zeros(1)
    before = signal.getsignal(signal.SIGTERM)
    with checkpoints.Checkpoints(options, nothing, nothing, Ranks(ranks, 0, torch.device("cpu"))):
        assert signal.getsignal(signal.SIGTERM) == before


def test_after_a_training_sigterm_is_handled_as_before(run: Run) -> None:
    """The training removes its handler of SIGTERM when it ends."""
    before = signal.getsignal(signal.SIGTERM)
    assert run("model") == 0
    assert signal.getsignal(signal.SIGTERM) == before
