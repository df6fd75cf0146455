"""Script mode: arguments and SM_* in, artifact, log lines and failure sentence out."""

import io
import itertools
import json
import re
import shutil
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import data
import images
import inference
import reference
import train
from arguments import TrainingError, hyperparameters, parse
from calibration import apply_temperature
from checkpoints import Checkpoints
from images import MEAN, STD
from model import build, over_shifts
from ranks import Ranks
from steps import Step

VALIDATION = [
    *("validation-accuracy", "validation-nll", "validation-ece", "calibrated-nll", "calibrated-ece"),
    "validation-images",
]
SHORT = ["--epochs", "1", "--batch-size", "20", "--threads", "1"]


def run(training: Path, model_dir: Path, *arguments: str) -> int:
    """A short training; returns its exit code."""
    return train.main([*SHORT, "--training", str(training), "--model-dir", str(model_dir), *arguments])


@dataclass(frozen=True)
class Seen:
    """What one step was given."""

    positions: list[int]
    images: set[bytes]
    labels: list[int]
    rates: list[float]
    dropout: float
    loss: float
    weights: list[float]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[Seen]:
    """What each step of the test's trainings is given, in their order."""
    seen: list[Seen] = []
    work: Callable[[Step, torch.Tensor], None] = Step.__call__

    def noted(step: Step, positions: torch.Tensor) -> None:
        (dropout,) = [part.p for part in step.network.modules() if isinstance(part, torch.nn.Dropout)]
        rates = [float(group["lr"]) for group in step.optimizer.param_groups]
        before, active = step.total.item(), step.network.training
        weights = next(step.network.parameters()).flatten().tolist()
        work(step, positions)
        seen.append(
            Seen(
                positions.tolist(),
                {image.numpy().tobytes() for image in step.images[positions]},
                step.labels[positions].tolist(),
                rates,
                dropout if active else 0.0,
                step.total.item() - before,
                weights,
            )
        )

    monkeypatch.setattr(Step, "__call__", noted)
    return seen


def test_the_artifact_holds_weights_configuration_and_code(artifact_folder: Path) -> None:
    """The artifact is safetensors, config.json, reference.json and the serving code, and nothing else."""
    files = {str(file.relative_to(artifact_folder)) for file in artifact_folder.rglob("*") if file.is_file()}
    serving = (
        "inference",
        "archives",
        "deployment",
        "replica",
        "model",
        "pixels",
        "probabilities",
        "weights",
    )
    code = {f"code/{name}.py" for name in serving}
    assert files == {"model.safetensors", "config.json", "reference.json"} | code
    for name in code:
        source = Path(train.__file__).parent / Path(name).name
        assert (artifact_folder / name).read_bytes() == source.read_bytes()


def test_the_configuration_says_how_the_model_came_about(artifact_folder: Path) -> None:
    """config.json has what inference needs, the hyperparameters, the metrics and the sizes of the sets."""
    config = json.loads((artifact_folder / "config.json").read_text())
    assert config["arch"] == "small"
    assert config["labels"] == list(range(10))
    assert (config["image_size"], config["mean"], config["std"]) == (28, 0.1307, 0.3081)
    assert config["images"] == {"training": 200, "validation": 40, "test": 50}
    assert config["hyperparameters"]["batch-size"] == 20
    assert set(config["metrics"]) == {"train-loss", *VALIDATION, "test-accuracy"}
    assert (config["torch_version"], config["ranks"]) == (torch.__version__, 1)


def test_a_short_training_learns(artifact_folder: Path) -> None:
    """Twelve epochs over 200 images with a plain pattern classify unseen ones."""
    metrics = json.loads((artifact_folder / "config.json").read_text())["metrics"]
    assert metrics["validation-accuracy"] >= 0.9
    assert metrics["test-accuracy"] >= 0.9


def test_the_confusion_matrix_counts_the_test_images(artifact_folder: Path, test_folder: Path) -> None:
    """Rows are labels, columns predictions: the rows add up to the labels, the diagonal to the accuracy."""
    config = json.loads((artifact_folder / "config.json").read_text())
    matrix = config["confusion_matrix"]
    labels = data.load(test_folder)[1]
    assert [sum(row) for row in matrix] == [int((labels == label).sum()) for label in range(10)]
    hits = sum(matrix[label][label] for label in range(10))
    assert hits / len(labels) == config["metrics"]["test-accuracy"]


def test_metrics_and_progress_are_log_lines(
    training_folder: Path, test_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each metric is one line `name: value` after the last epoch, and each epoch is one line of progress."""
    assert run(training_folder, tmp_path, "--epochs", "1.5", "--test", str(test_folder)) == 0
    lines = capfd.readouterr().out.splitlines()
    assert not any("dry run" in line for line in lines)
    progress = [
        line
        for line in lines
        if re.fullmatch(r"epoch \d+: [\d,]+ images/s, loss \d\.\d{4}, .* s elapsed", line)
    ]
    metrics = [line for line in lines if re.fullmatch(r"[a-z-]+: \d+\.\d{4}", line)]
    assert len(progress) == 2
    assert [line.partition(":")[0] for line in metrics] == ["train-loss", *VALIDATION, "test-accuracy"]


def test_each_epoch_is_validated_on_request_and_changes_nothing(
    training_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each epoch has a validation-accuracy, the last one is the model's, and the weights are the same."""
    weights = []
    for name, arguments in (("each", ["--validate-epochs", "true"]), ("last", [])):
        assert run(training_folder, tmp_path / name, "--epochs", "3", "--dropout", "0.2", *arguments) == 0
        weights.append((tmp_path / name / "model.safetensors").read_bytes())
        lines = [line for line in capfd.readouterr().out.splitlines() if "validation-accuracy" in line]
        assert len(lines) == (3 if arguments else 1)
        config = json.loads((tmp_path / name / "config.json").read_text())
        assert lines[-1] == f"validation-accuracy: {config['metrics']['validation-accuracy']:.4f}"
    assert weights[0] == weights[1]


def test_a_seed_gives_the_same_weights_on_a_cpu(training_folder: Path, tmp_path: Path) -> None:
    """Two trainings with one seed write the same bytes; another seed writes other ones."""
    for name, seed in (("first", "3"), ("second", "3"), ("third", "4")):
        assert run(training_folder, tmp_path / name, "--seed", seed, "--dropout", "0.2") == 0
    first, second, third = (
        (tmp_path / name / "model.safetensors").read_bytes() for name in ("first", "second", "third")
    )
    assert first == second
    assert first != third


def test_sagemaker_gives_the_folders_by_environment(
    training_folder: Path, test_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SM_CHANNEL_TRAINING, SM_CHANNEL_TEST and SM_MODEL_DIR are used where no argument names a folder."""
    monkeypatch.setenv("SM_CHANNEL_TRAINING", str(training_folder))
    monkeypatch.setenv("SM_CHANNEL_TEST", str(test_folder))
    monkeypatch.setenv("SM_MODEL_DIR", str(tmp_path / "model"))
    assert train.main(SHORT) == 0
    assert load_file(tmp_path / "model/model.safetensors")
    assert json.loads((tmp_path / "model/config.json").read_text())["images"]["test"] == 50


def test_a_training_takes_the_threads_that_it_is_given(training_folder: Path, tmp_path: Path) -> None:
    """The number is torch's from then on; 0 leaves it as it is."""
    before = torch.get_num_threads()
    try:
        for given, expected in (("2", 2), ("0", 2), ("1", 1)):
            assert run(training_folder, tmp_path, "--epochs", "0.1", "--threads", given) == 0
            assert torch.get_num_threads() == expected
    finally:
        torch.set_num_threads(before)


def test_without_held_out_images_everything_is_trained_on(training_folder: Path, tmp_path: Path) -> None:
    """With --validation-images 0 all images train, and no validation metric is claimed."""
    assert run(training_folder, tmp_path, "--validation-images", "0") == 0
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["images"] == {"training": 240, "validation": 0, "test": 0}
    assert (config["temperature"], config["temperature_from"]) == (1.0, None)
    assert set(config["metrics"]) == {"train-loss"}
    assert config["confusion_matrix"] == []


def trial_with(folder: Path, config: bytes, reference: bytes | None = None) -> Path:
    """A channel `trial`: a folder with the artifact of a trial."""
    folder.mkdir()
    with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
        for name, content in (("config.json", config), ("reference.json", reference)):
            if content is not None:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return folder


def test_a_training_on_all_images_takes_the_temperature_and_the_reference_of_its_trial(
    training_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The last layer is divided by it; config.json and the log say so; the other weights are the same."""
    answers = {"images": 40, "confidences": [0.25, 0.75]}
    channel = trial_with(tmp_path / "trial", b'{"temperature": 0.5}', json.dumps(answers).encode())
    all_of_them = ["--validation-images", "0"]
    assert run(training_folder, tmp_path / "without", *all_of_them, "--trial", str(tmp_path / "absent")) == 0
    said = capfd.readouterr().out
    assert "temperature: 1, as there are no held-out images and the channel trial has no artifact" in said
    assert run(training_folder, tmp_path / "with", *all_of_them, "--trial", str(channel)) == 0
    assert "temperature: 0.5000, which the trial fitted" in capfd.readouterr().out
    config = json.loads((tmp_path / "with" / "config.json").read_text())
    assert (config["temperature"], config["temperature_from"]) == (0.5, "trial")
    assert json.loads((tmp_path / "with" / "reference.json").read_text()) == answers
    assert not (tmp_path / "without" / "reference.json").exists()
    plain, divided = (load_file(tmp_path / name / "model.safetensors") for name in ("without", "with"))
    last = {name for name, weights in plain.items() if weights.shape[:1] == (10,)}
    assert len(last) == 2
    for name, weights in plain.items():
        assert torch.equal(divided[name], (2 if name in last else 1) * weights)


def test_a_training_that_holds_images_out_fits_its_own_temperature(
    training_folder: Path, tmp_path: Path
) -> None:
    """A channel `trial` changes nothing there."""
    channel = trial_with(tmp_path / "trial", b'{"temperature": 0.5}', b"{}")
    for name, arguments in (("without", []), ("with", ["--trial", str(channel)])):
        assert run(training_folder, tmp_path / name, *arguments) == 0
    with_trial, without = (
        {file.name: file.read_bytes() for file in (tmp_path / name).iterdir() if file.is_file()}
        for name in ("with", "without")
    )
    assert with_trial == without
    assert json.loads(without["config.json"])["temperature_from"] == "validation"


def test_a_training_that_holds_images_out_keeps_what_the_served_model_says_of_them(
    training_folder: Path, tmp_path: Path
) -> None:
    """reference.json is built of the held-out images' answers by the weights of the artifact itself."""
    assert run(training_folder, tmp_path) == 0
    config, network = inference.load_network(tmp_path)
    drawn, labels = data.load(training_folder)
    _, held_out = data.split(len(drawn))
    pixels, known = torch.from_numpy(drawn[held_out]), torch.from_numpy(labels[held_out]).long()
    with torch.inference_mode():
        inputs = (pixels.unsqueeze(1).float() / 255 - config["mean"]) / config["std"]
        expected = reference.build(network(inputs), known, torch.from_numpy(labels))
    written = json.loads((tmp_path / "reference.json").read_text())
    assert written["images"] == config["images"]["validation"] == 40
    assert written["right"] == expected["right"] == round(40 * config["metrics"]["validation-accuracy"])
    assert written["labels"] == np.bincount(labels, minlength=10).tolist()
    for ours, theirs in zip(written["predictions"], expected["predictions"], strict=True):
        assert sum(ours["bins"]) == sum(theirs["bins"])
        assert ours["doubt"] == pytest.approx(theirs["doubt"], rel=1e-3, abs=1e-6)


def test_a_trial_that_cannot_be_read_ends_the_training_before_it_begins(
    training_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """In one sentence, before an epoch's time is spent."""
    channel = trial_with(tmp_path / "trial", b'{"temperature": 99}')
    assert run(training_folder, tmp_path / "model", "--validation-images", "0", "--trial", str(channel)) == 1
    said = capfd.readouterr()
    assert said.err.startswith(f"{channel}/model.tar.gz, config.json: expected a temperature from ")
    assert "epoch" not in said.out
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--training", "/absent"], "/absent: expected a folder with a data set in IDX files, found none"),
        (["--epochs", "many"], "argument --epochs: expected a number from 0.01 to 1000, found 'many'"),
        (
            ["--learning-rate", "nan"],
            "argument --learning-rate: expected a number from 1e-06 to 10, found 'nan'",
        ),
        (["--arch", "huge"], "argument --arch: invalid choice: 'huge'"),
        (["--dropout", "0.91"], "argument --dropout: expected a number from 0 to 0.9, found '0.91'"),
        (
            ["--label-smoothing", "-0.1"],
            "argument --label-smoothing: expected a number from 0 to 0.9, found '-0.1'",
        ),
        (["--epoch", "1"], "unrecognized arguments: --epoch 1"),
        (["--dry-run", "maybe"], "argument --dry-run: expected true or false, found 'maybe'"),
        (
            ["--validation-images", "240"],
            "validation-images: expected 0 to 239, as the training channel has 240",
        ),
    ],
)
def test_a_foreseen_failure_is_one_sentence(
    training_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    sentence: str,
) -> None:
    """A wrong argument or channel ends with exit code 1 and one line in `failure` and on standard error."""
    monkeypatch.setenv("SM_OUTPUT_DIR", str(tmp_path))
    assert run(training_folder, tmp_path / "model", *arguments) == 1
    failure = (tmp_path / "failure").read_text()
    assert failure.startswith(sentence)
    assert failure.count("\n") == 1
    assert capfd.readouterr().err == failure
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("broken", "content", "sentence"),
    [
        ("images-idx3", b"\0\0\x08\x01", "expected the magic number 0x00000803, found 0x00000801"),
        ("labels-idx1", b"\0\0\x08\x01\0\0\0\x02\x07\x0a", "expected labels 0–9, found 10 at position 1"),
        ("labels-idx1", None, "expected one file *-labels-idx1-ubyte or *-labels-idx1-ubyte.gz, found none"),
    ],
)
def test_a_broken_data_set_is_one_sentence(
    training_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    broken: str,
    content: bytes | None,
    sentence: str,
) -> None:
    """A missing file, a wrong magic number and an impossible label end with exit code 1 and name the file."""
    monkeypatch.setenv("SM_OUTPUT_DIR", str(tmp_path))
    channel = tmp_path / "channel"
    shutil.copytree(training_folder, channel)
    file = channel / f"some-{broken}-ubyte"
    file.write_bytes(content) if content else file.unlink()
    assert run(channel, tmp_path / "model") == 1
    failure = (tmp_path / "failure").read_text()
    assert failure == f"{file if content else channel}: {sentence}\n"


def test_progress_is_images_by_seconds_of_the_epoch(
    training_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Ten steps of 20 images in four seconds by the clock, then in four more; the first line is epoch 1's."""
    clock = itertools.count(1000, 4)
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(clock)))
    assert run(training_folder, tmp_path, "--epochs", "2") == 0
    lines = [line for line in capfd.readouterr().out.splitlines() if line.startswith("epoch")]
    found = [re.sub(r"loss [\d.]+", "loss", line) for line in lines]
    assert found == [
        "epoch 1: 50 images/s, loss, 8.0 s elapsed",
        "epoch 2: 50 images/s, loss, 16.0 s elapsed",
    ]


def test_a_confusion_matrix_has_all_labels() -> None:
    """Those of no image, too: ten rows of ten."""
    matrix = train.confusion_matrix(torch.eye(10)[:1], torch.tensor([0]))
    assert matrix == [[1] + [0] * 9, *([0] * 10 for _ in range(9))]


def test_a_dry_run_takes_one_step(training_folder: Path, tmp_path: Path, steps: list[Seen]) -> None:
    """However many epochs it would train."""
    assert run(training_folder, tmp_path, "--dry-run", "--epochs", "3") == 0
    assert len(steps) == 1


def test_ranks_share_a_mini_batch_evenly(training_folder: Path) -> None:
    """A size that isn't a multiple of the ranks' number ends the training before its first step."""
    images, labels = (torch.from_numpy(array) for array in data.load(training_folder))
    options = parse(["--training", "t", "--model-dir", "m", "--batch-size", "40"])
    ranks = Ranks(3, 0, torch.device("cpu"))
    saved = Checkpoints(options, images, labels, ranks)
    with pytest.raises(TrainingError, match=r"expected a multiple of 3, the number of ranks, found 40$"):
        train.fit(build("small"), images, labels.long(), options, ranks, saved)


def test_a_dry_run_reads_everything_and_writes_nothing(
    training_folder: Path, test_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A dry run trains one step and leaves no folder; SageMaker writes the switch with a value."""
    for switch in (["--dry-run"], ["--dry-run", "True"]):
        folders = ["--test", str(test_folder), "--checkpoint-dir", str(tmp_path / "checkpoints")]
        assert run(training_folder, tmp_path / "model", *folders, *switch) == 0
        assert "dry run: one step on 200 images is done, nothing is written" in capfd.readouterr().out
    assert run(tmp_path / "absent", tmp_path / "model", "--dry-run") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("variable", ["SM_CHANNEL_TRAINING", "SM_MODEL_DIR"])
def test_a_missing_folder_is_named_with_its_variable(
    training_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """A job without a training channel or model folder fails with the name of the variable."""
    monkeypatch.setenv("SM_OUTPUT_DIR", str(tmp_path))
    monkeypatch.setenv("SM_CHANNEL_TRAINING", str(training_folder))
    monkeypatch.setenv("SM_MODEL_DIR", str(tmp_path / "model"))
    monkeypatch.delenv(variable)
    assert train.main(SHORT) == 1
    assert f"expected a folder, from {variable} or --" in (tmp_path / "failure").read_text()


def test_a_loss_that_is_not_finite_stops_the_training(
    training_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NaN in the loss ends the job with a sentence that names epoch and learning rate; no artifact."""
    monkeypatch.setenv("SM_OUTPUT_DIR", str(tmp_path))
    monkeypatch.setattr(images, "STD", float("nan"))
    assert run(training_folder, tmp_path / "model") == 1
    failure = (tmp_path / "failure").read_text()
    assert (
        failure
        == "train-loss: expected a finite number, found nan in epoch 1: try a learning-rate below 0.01\n"
    )
    assert not (tmp_path / "model").exists()


def test_the_learning_rate_rises_to_its_peak_and_falls() -> None:
    """The schedule is linear, has its peak after a fifth, and never falls to zero."""
    rates = [train.one_cycle(step / 10) for step in range(11)]
    assert rates == pytest.approx([0.01, 0.5, 1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0.01])


@pytest.mark.parametrize("epochs", ["0.01", "0.1", "0.5"])
def test_a_training_of_a_few_steps_ends_well(training_folder: Path, tmp_path: Path, epochs: str) -> None:
    """A fraction of an epoch trains at least one step and writes an artifact that inference accepts."""
    assert run(training_folder, tmp_path, "--epochs", epochs) == 0
    config, network = inference.load_network(tmp_path)
    assert network(torch.zeros(1, 1, 28, 28)).shape == (1, len(config["labels"]))


def test_training_and_inference_agree_on_the_held_out_images(
    artifact_folder: Path,
    model: inference.Model,
    block_images: Callable[..., tuple[np.ndarray, np.ndarray]],
) -> None:
    """The folded network of inference finds the test accuracy that training measured."""
    images, labels = block_images(50, seed=2)
    predictions = [prediction["label"] for prediction in inference.classify(model, list(images))]
    measured = json.loads((artifact_folder / "config.json").read_text())["metrics"]["test-accuracy"]
    assert np.mean(np.array(predictions) == labels) == pytest.approx(measured, abs=0.021)


def test_no_step_is_given_an_image_that_is_held_out_or_tested(
    training_folder: Path, test_folder: Path, tmp_path: Path, steps: list[Seen]
) -> None:
    """Every other image is seen, with its own label."""
    assert run(training_folder, tmp_path, "--test", str(test_folder), "--epochs", "2") == 0
    images, labels = data.load(training_folder)
    kept, held_out = data.split(len(images))
    seen = set().union(*(step.images for step in steps))
    assert seen == {images[position].tobytes() for position in kept}
    assert seen.isdisjoint(images[position].tobytes() for position in held_out)
    assert seen.isdisjoint(image.tobytes() for image in data.load(test_folder)[0])
    for step in steps:
        assert step.labels == labels[kept[step.positions]].tolist()


def test_each_epoch_has_an_order_of_its_own(training_folder: Path, tmp_path: Path, steps: list[Seen]) -> None:
    """Each epoch shows every image once; its order is the seed's and the epoch's, and no other's."""
    orders = []
    for seed in ("3", "3", "4"):
        steps.clear()
        assert run(training_folder, tmp_path, "--epochs", "3", "--seed", seed, "--batch-size", "50") == 0
        positions = [position for step in steps for position in step.positions]
        assert [len(step.positions) for step in steps] == [50] * 12
        orders.append([positions[:200], positions[200:400], positions[400:]])
    first, second, other = orders
    assert first == second
    assert all(sorted(order) == list(range(200)) for order in [*first, *other])
    assert len({tuple(order) for order in [*first, *other]}) == 6


def test_what_does_not_fill_a_mini_batch_is_left_out_of_its_epoch(
    training_folder: Path, tmp_path: Path, steps: list[Seen]
) -> None:
    """Of 200 images 195 are three mini-batches of 65; a mini-batch above 200 has 200."""
    for batch_size, lengths in (("65", [65] * 3), ("1000", [200])):
        steps.clear()
        assert run(training_folder, tmp_path, "--batch-size", batch_size) == 0
        assert [len(step.positions) for step in steps] == lengths


def test_the_learning_rate_follows_its_schedule_over_the_whole_training(
    training_folder: Path, tmp_path: Path, steps: list[Seen]
) -> None:
    """Weights, biases and norms of each step have the peak times the schedule at the share of steps done."""
    assert run(training_folder, tmp_path, "--epochs", "1.5", "--learning-rate", "0.02") == 0
    expected = [0.02 * train.one_cycle(step / 15) for step in range(15)]
    for group in (0, 1):
        assert [step.rates[group] for step in steps] == pytest.approx(expected)


@pytest.mark.parametrize("epochs", ["2", "1.5"])
def test_the_loss_of_a_training_is_the_mean_of_its_last_epochs_steps(
    training_folder: Path, tmp_path: Path, steps: list[Seen], epochs: str
) -> None:
    """The last epoch may be a part of one; the steps of earlier epochs don't count."""
    assert run(training_folder, tmp_path, "--epochs", epochs) == 0
    losses = [step.loss for step in steps]
    assert min(losses) > 0
    last = losses[10:]
    measured = json.loads((tmp_path / "config.json").read_text())["metrics"]["train-loss"]
    assert measured == pytest.approx(sum(last) / len(last), rel=1e-4)


def test_the_first_weights_are_the_seeds(training_folder: Path, tmp_path: Path, steps: list[Seen]) -> None:
    """What a training begins with is drawn with its seed, not only its order."""
    for seed in ("3", "3", "4"):
        assert run(training_folder, tmp_path, "--epochs", "0.1", "--seed", seed) == 0
    first, second, other = (step.weights for step in steps)
    assert first == second
    assert first != other


def test_what_calibration_promises_is_measured_on_the_calibrated_logits() -> None:
    """An overconfident model's calibrated figures are far better than its own, and all five are there."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2000, 10, generator=generator)
    labels = torch.multinomial(logits.softmax(1), 1, generator=generator).squeeze(1)
    metrics, temperature = train.validate(3 * logits, labels)
    assert list(metrics) == VALIDATION
    assert temperature == pytest.approx(3, rel=0.1)
    assert metrics["validation-accuracy"] == (logits.argmax(1) == labels).double().mean().item()
    assert metrics["calibrated-ece"] < metrics["validation-ece"] / 4
    assert metrics["calibrated-nll"] < metrics["validation-nll"] - 0.2


VARIED = {
    "arch": ("small", "base"),
    "epochs": ("0.1", "0.2"),
    "batch-size": ("20", "40"),
    "learning-rate": ("0.01", "0.02"),
    "weight-decay": ("0", "0.05"),
    "augmentation": ("0.5", "1.5"),
    "label-smoothing": ("0", "0.15"),
    "dropout": ("0", "0.3"),
    "ema-decay": ("0", "0.5"),
    "validation-images": ("40", "41"),
    "seed": ("0", "1"),
}
SAME_WEIGHTS = {"shifts", "validate-epochs", "threads"}  # each has a test of its own


@pytest.mark.parametrize("name", VARIED)
def test_each_hyperparameter_changes_the_weights(training_folder: Path, tmp_path: Path, name: str) -> None:
    """Two steps with another value, and nothing else, end elsewhere; the configuration has the value."""
    found = []
    for value in VARIED[name]:
        assert run(training_folder, tmp_path / value, "--epochs", "0.2", f"--{name}", value) == 0
        config = json.loads((tmp_path / value / "config.json").read_text())
        assert str(config["hyperparameters"][name]).removesuffix(".0") == value
        found.append((tmp_path / value / "model.safetensors").read_bytes())
    assert found[0] != found[1]
    options = parse(["--training", str(training_folder), "--model-dir", str(tmp_path)])
    assert VARIED.keys() | SAME_WEIGHTS == hyperparameters(options).keys()


def test_dropout_acts_in_every_step(training_folder: Path, tmp_path: Path, steps: list[Seen]) -> None:
    """Validation in between, which does without, doesn't switch it off."""
    assert run(training_folder, tmp_path, "--epochs", "2", "--dropout", "0.3", "--validate-epochs") == 0
    assert {step.dropout for step in steps} == {0.3}
    assert json.loads((tmp_path / "config.json").read_text())["dropout"] == 0.3


@pytest.mark.parametrize("shifts", ["0", "3"])
def test_the_artifact_is_what_was_validated_with_its_temperature_inside(
    training_folder: Path, tmp_path: Path, shifts: str
) -> None:
    """Without the temperature that config.json names, its weights have the figures on the held-out images."""
    assert run(training_folder, tmp_path, "--epochs", "0.5", "--shifts", shifts) == 0
    config = json.loads((tmp_path / "config.json").read_text())
    network = build(config["arch"])
    network.load_state_dict(load_file(tmp_path / "model.safetensors"))
    apply_temperature(network, 1 / config["temperature"])
    images, labels = (torch.from_numpy(array) for array in data.load(training_folder))
    held_out = torch.from_numpy(data.split(len(images))[1])
    logits = train.compute_logits(over_shifts(network, int(shifts), MEAN, STD), images[held_out])
    metrics, temperature = train.validate(logits, labels[held_out].long())
    assert abs(config["temperature"] - 1) > 0.1
    assert temperature == pytest.approx(config["temperature"], rel=1e-3)
    assert metrics == pytest.approx({name: config["metrics"][name] for name in VALIDATION}, rel=1e-3)


def test_each_epoch_is_validated_with_its_shifts(
    training_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The same weights with and without shifts have another accuracy after the first epoch, too."""
    found = []
    for shifts in ("0", "4"):
        arguments = ["--validation-images", "200", "--epochs", "2", "--validate-epochs", "--shifts", shifts]
        assert run(training_folder, tmp_path / shifts, *arguments) == 0
        lines = [line for line in capfd.readouterr().out.splitlines() if "validation-accuracy" in line]
        assert len(lines) == 2
        found.append(lines)
    assert found[0][0] != found[1][0]


def test_weights_that_are_not_numbers_stop_the_training(
    training_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last step can break them after the last loss was measured: no artifact is written."""
    work: Callable[[Step, torch.Tensor], None] = Step.__call__

    def breaking(step: Step, positions: torch.Tensor) -> None:
        work(step, positions)
        next(step.network.parameters()).data[0] = float("inf")

    monkeypatch.setenv("SM_OUTPUT_DIR", str(tmp_path))
    monkeypatch.setattr(Step, "__call__", breaking)
    assert run(training_folder, tmp_path / "model", "--epochs", "0.1") == 1
    assert (tmp_path / "failure").read_text() == (
        "weights: expected finite numbers, found others after the last step: try a learning-rate below 0.01\n"
    )
    assert not (tmp_path / "model").exists()
