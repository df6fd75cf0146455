"""A training's hyperparameters and folders, as SageMaker hands them to it."""

from pathlib import Path

import pytest

import data
from arguments import TrainingError, hyperparameters, parse

FOLDERS = ("--training", "in", "--model-dir", "out")


@pytest.fixture(autouse=True)
def outside_sagemaker(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the variables is set that SageMaker sets."""
    names = ("SM_CHANNEL_TRAINING", "SM_CHANNEL_TEST", "SM_MODEL_DIR", "TRAINING_JOB_NAME")
    for name in (*names, "SAGEMAKER_BASE_DIR", "CHECKPOINTS_BELOW_JOB_NAME"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("name", "low", "high", "below", "above"),
    [
        ("epochs", "0.01", "1000", "0.009", "1000.1"),
        ("batch-size", "2", "65536", "1", "65537"),
        ("learning-rate", "1e-6", "10", "9e-7", "10.1"),
        ("weight-decay", "0", "10", "-0.1", "10.1"),
        ("augmentation", "0", "5", "-0.1", "5.1"),
        ("label-smoothing", "0", "0.9", "-0.1", "0.91"),
        ("dropout", "0", "0.9", "-0.1", "0.91"),
        ("ema-decay", "0", "0.9999", "-0.1", "0.99991"),
        ("shifts", "0", "4", "-1", "5"),
        ("seed", "0", "2147483648", "-1", "2147483649"),
        ("threads", "0", "1024", "-1", "1025"),
        ("validation-images", "0", str(data.MAX_COUNT), "-1", str(data.MAX_COUNT + 1)),
    ],
)
def test_a_hyperparameter_lies_between_its_bounds(
    name: str, low: str, high: str, below: str, above: str
) -> None:
    """Both bounds are accepted, what is beyond either is refused, and the refusal names option and bounds."""
    for text in (low, high):
        value = getattr(parse([*FOLDERS, f"--{name}", text]), name.replace("-", "_"))
        assert value == pytest.approx(float(text), rel=1e-12)
    for text in (below, above):
        with pytest.raises(TrainingError, match=f"--{name}: expected a number from .*, found '{text}'"):
            parse([*FOLDERS, f"--{name}={text}"])


@pytest.mark.parametrize(
    ("switch", "value"),
    [
        ([], False),
        (["--validate-epochs"], True),
        (["--validate-epochs", "True"], True),
        (["--validate-epochs", "false"], False),
    ],
)
def test_a_switch_is_what_its_word_says(switch: list[str], value: bool) -> None:
    """SageMaker's hyperparameters always have a value; on a command line none is needed."""
    assert parse([*FOLDERS, *switch]).validate_epochs is value


def test_what_is_not_asked_for_has_its_default() -> None:
    """A job that names no hyperparameter trains as every such job before it did."""
    assert hyperparameters(parse(FOLDERS)) == {
        "arch": "small",
        "epochs": 5.0,
        "batch-size": 128,
        "learning-rate": 0.01,
        "weight-decay": 0.01,
        "augmentation": 1.0,
        "label-smoothing": 0.0,
        "dropout": 0.0,
        "ema-decay": 0.0,
        "shifts": 0,
        "validation-images": None,
        "validate-epochs": False,
        "seed": 0,
        "threads": 0,
    }


def test_the_channels_are_the_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders come from SageMaker's variables, or from options, which go first; all are paths."""
    monkeypatch.setenv("SM_CHANNEL_TRAINING", "/opt/ml/input/data/training")
    monkeypatch.setenv("SM_CHANNEL_TEST", "/opt/ml/input/data/test")
    assert parse(FOLDERS).trial is None
    monkeypatch.setenv("SM_CHANNEL_TRIAL", "/opt/ml/input/data/trial")
    monkeypatch.setenv("SM_MODEL_DIR", "/opt/ml/model")
    options = parse([])
    assert options.trial == Path("/opt/ml/input/data/trial")
    assert options.training == Path("/opt/ml/input/data/training")
    assert options.test == Path("/opt/ml/input/data/test")
    assert options.model_dir == Path("/opt/ml/model")
    assert parse(["--training", "other"]).training == Path("other")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            ("--model-dir", "out"),
            "training: expected a folder, from SM_CHANNEL_TRAINING or --training, found none",
        ),
        (("--training", "in"), "model-dir: expected a folder, from SM_MODEL_DIR or --model-dir, found none"),
    ],
)
def test_a_missing_folder_is_named(given: tuple[str, ...], said: str) -> None:
    """With the option and the variable that it may come from."""
    with pytest.raises(TrainingError) as error:
        parse(given)
    assert str(error.value) == said


def test_checkpoints_are_kept_where_sagemaker_collects_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only if that folder exists; below the job's name only where trials share one CheckpointConfig."""
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    assert parse(FOLDERS).checkpoint_dir is None
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    monkeypatch.setenv("TRAINING_JOB_NAME", "digits-first")
    assert parse(FOLDERS).checkpoint_dir == folder
    monkeypatch.setenv("CHECKPOINTS_BELOW_JOB_NAME", "true")
    assert parse(FOLDERS).checkpoint_dir == folder / "digits-first"
    monkeypatch.delenv("TRAINING_JOB_NAME")
    assert parse(FOLDERS).checkpoint_dir == folder


def test_a_folder_is_no_hyperparameter() -> None:
    """The same training from another folder is the same training."""
    here = hyperparameters(parse([*FOLDERS, "--test", "a", "--trial", "t", "--checkpoint-dir", "b"]))
    there = hyperparameters(parse(["--training", "c", "--model-dir", "d"]))
    assert here == there
    assert here["batch-size"] == 128
