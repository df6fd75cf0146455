"""The search for hyperparameters: the request that the SageMaker SDK makes of it."""

import logging
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from moto import mock_aws
from sagemaker.core import image_uris

from arguments import parse
from cli.tune import Arch, Strategy
from model import ARCHITECTURES
from tests.service_model import violations
from tests.settings_and_events import BUCKET, use_moto_account
from tests.training.search import NAME, SEARCH
from training import tune

MODEL: Any = botocore.session.get_session().get_service_model("sagemaker")


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """The requests that are made in moto's account, by their operation; none leaves this machine."""
    made: list[tuple[str, dict[str, Any]]] = []

    def refuse(_socket: Any, address: Any) -> None:
        raise AssertionError(f"a connection to {address} was attempted")

    use_moto_account(monkeypatch)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    session = botocore.session.get_session()
    events: Any = session
    events.register(
        "provide-client-params", lambda params, model, **_: made.append((model.name, dict(params)))
    )
    with mock_aws():
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", boto3.Session(botocore_session=session))
        yield made


def created(requests: list[tuple[str, dict[str, Any]]], **changes: Any) -> dict[str, Any]:
    """Start a search, and return its CreateHyperParameterTuningJob request."""
    tune.start(tune.Search(**SEARCH | changes))
    (request,) = [made for operation, made in requests if operation == "CreateHyperParameterTuningJob"]
    return request


def strings(value: Any) -> list[str]:
    """Every text in a request."""
    if isinstance(value, dict):
        return [text for part in value.values() for text in strings(part)]
    if isinstance(value, list):
        return [text for part in value for text in strings(part)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize(
    "changes",
    [{}, {"strategy": tune.HYPERBAND, "epochs": 2}, {"spot": True, "instance_count": 2}, {"trials": 1}],
)
def test_the_request_is_one_that_sagemaker_takes(
    requests: list[tuple[str, dict[str, Any]]], changes: dict[str, Any]
) -> None:
    """Members, patterns, lengths, numbers and words are those of SageMaker's service model."""
    operation = MODEL.operation_model("CreateHyperParameterTuningJob")
    assert violations(operation, created(requests, **changes)) == []


def test_trials_are_tagged_encrypted_and_in_the_stacks_network(
    requests: list[tuple[str, dict[str, Any]]],
) -> None:
    """As the stack's own jobs are; without its parameters the request names none of it."""
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    network = {"subnet_ids": "subnet-1,subnet-2", "security_group_ids": "sg-1"}
    request = created(requests, stack="digits", kms_key_arn=key, instance_type="ml.m5.xlarge", **network)
    assert violations(MODEL.operation_model("CreateHyperParameterTuningJob"), request) == []
    assert request["Tags"] == [{"Key": "digit-batch", "Value": "digits"}]
    definition = request["TrainingJobDefinition"]
    assert definition["VpcConfig"] == {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    assert definition["OutputDataConfig"]["KmsKeyId"] == key
    assert definition["ResourceConfig"]["VolumeKmsKeyId"] == key
    requests.clear()
    plain = created(requests, name=f"{NAME}-2")
    assert "Tags" not in plain
    assert not {"VpcConfig", "KmsKeyId", "VolumeKmsKeyId"} & set(strings_of_keys(plain))


def strings_of_keys(value: Any) -> list[str]:
    """Every member's name in a request."""
    if isinstance(value, list):
        return [name for part in value for name in strings_of_keys(part)]
    if not isinstance(value, dict):
        return []
    return [*value, *(name for part in value.values() for name in strings_of_keys(part))]


def test_the_search_asks_sagemaker_for_the_tuning_job_and_nothing_else(
    requests: list[tuple[str, dict[str, Any]]],
) -> None:
    """Nothing is uploaded, no bucket, role or account is looked up: the job is created and described."""
    created(requests)
    assert [operation for operation, _ in requests] == [
        "CreateHyperParameterTuningJob",
        "DescribeHyperParameterTuningJob",
    ]


def test_the_trials_see_the_training_images_only(requests: list[tuple[str, dict[str, Any]]]) -> None:
    """There is one channel, and the objective is the accuracy on what train.py holds out of it."""
    request = created(requests)
    definition, config = request["TrainingJobDefinition"], request["HyperParameterTuningJobConfig"]
    (channel,) = definition["InputDataConfig"]
    assert channel["ChannelName"] == "training"
    assert channel["DataSource"]["S3DataSource"] == {
        "S3DataType": "S3Prefix",
        "S3Uri": SEARCH["training"],
        "S3DataDistributionType": "FullyReplicated",
    }
    assert config["HyperParameterTuningJobObjective"] == {
        "Type": "Maximize",
        "MetricName": "validation-accuracy",
    }
    assert config["HyperParameterTuningJobObjective"]["MetricName"] in {
        metric["Name"] for metric in definition["AlgorithmSpecification"]["MetricDefinitions"]
    }


def test_every_key_is_below_our_own_prefixes(requests: list[tuple[str, dict[str, Any]]]) -> None:
    """Every address is of the stack's bucket, below datasets/, code/, trials/ or checkpoints/."""
    request = created(requests, spot=True)
    definition = request["TrainingJobDefinition"]
    assert sorted({text for text in strings(request) if text.startswith("s3://")}) == [
        f"s3://{BUCKET}/checkpoints/{NAME}/",
        SEARCH["source"],
        SEARCH["training"],
        f"s3://{BUCKET}/trials/{NAME}/",
    ]
    assert request["HyperParameterTuningJobName"] == NAME
    assert definition["OutputDataConfig"]["S3OutputPath"] == f"s3://{BUCKET}/trials/{NAME}/"


def test_the_trials_run_in_script_mode(requests: list[tuple[str, dict[str, Any]]]) -> None:
    """Program, code and what isn't searched are static hyperparameters; role and image are as given."""
    changes = {"arch": "large", "epochs": 30, "seed": 7, "instance_count": 2}
    definition = created(requests, **changes)["TrainingJobDefinition"]
    assert definition["ResourceConfig"]["InstanceType"] == SEARCH["instance_type"]
    assert definition["ResourceConfig"]["InstanceCount"] == 2
    assert definition["StaticHyperParameters"] == {
        "arch": "large",
        "epochs": "30",
        "seed": "7",
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": SEARCH["source"],
    }
    assert definition["AlgorithmSpecification"]["TrainingImage"] == SEARCH["images"]["DIGITS_GPU_IMAGE"]
    assert definition["Environment"] == SEARCH["images"]  # where train_best_model finds its own
    assert definition["RoleArn"] == SEARCH["role"]
    assert definition.keys().isdisjoint({"EnableManagedSpotTraining", "CheckpointConfig"})
    assert "MaxWaitTimeInSeconds" not in definition["StoppingCondition"]
    assert definition["RetryStrategy"] == {"MaximumRetryAttempts": 2}  # of trials that SageMaker fails


def test_what_is_fixed_reaches_every_trial_and_is_not_searched(
    requests: list[tuple[str, dict[str, Any]]],
) -> None:
    """A fixed hyperparameter is static, also above the search's own; SageMaker refuses one that is both."""
    fixed = {"learning-rate": "0.004", "batch-size": "256", "ema-decay": "0.99", "seed": "3"}
    request = created(requests, fixed=fixed, seed=7)
    static = request["TrainingJobDefinition"]["StaticHyperParameters"]
    assert static.items() >= fixed.items()
    ranges = request["HyperParameterTuningJobConfig"]["ParameterRanges"]
    searched = {entry["Name"] for kind in ranges.values() for entry in kind}
    assert searched == {"weight-decay", "augmentation", "label-smoothing", "dropout"}


def test_a_spot_search_has_checkpoints_and_time_to_wait(
    requests: list[tuple[str, dict[str, Any]]],
) -> None:
    """Checkpoints lie below the tuning job's name, trials keep theirs apart, and may wait longer than run."""
    definition = created(requests, spot=True)["TrainingJobDefinition"]
    assert definition["EnableManagedSpotTraining"] is True
    assert definition["CheckpointConfig"]["S3Uri"] == f"s3://{BUCKET}/checkpoints/{NAME}/"
    assert definition["Environment"] == {**SEARCH["images"], "CHECKPOINTS_BELOW_JOB_NAME": "true"}
    condition = definition["StoppingCondition"]
    assert condition["MaxWaitTimeInSeconds"] > condition["MaxRuntimeInSeconds"] == tune.MAX_TRIAL_SECONDS


def test_hyperband_gets_the_epochs(requests: list[tuple[str, dict[str, Any]]]) -> None:
    """Trials print their accuracy each epoch, and none is stopped before a third of the epochs."""
    request = created(requests, strategy=tune.HYPERBAND, epochs=9)
    config = request["HyperParameterTuningJobConfig"]
    assert config["Strategy"] == "Hyperband"
    assert config["StrategyConfig"] == {"HyperbandStrategyConfig": {"MinResource": 3, "MaxResource": 9}}
    assert config["TrainingJobEarlyStoppingType"] == "Off"  # SageMaker refuses another with Hyperband
    assert request["TrainingJobDefinition"]["StaticHyperParameters"]["validate-epochs"] == "true"


def test_hyperband_has_at_least_one_epoch(requests: list[tuple[str, dict[str, Any]]]) -> None:
    """A third of two epochs is none, after which no trial could be judged."""
    config = created(requests, strategy=tune.HYPERBAND, epochs=2)["HyperParameterTuningJobConfig"]
    assert config["StrategyConfig"] == {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 2}}


def test_limits_are_those_that_were_asked_for(requests: list[tuple[str, dict[str, Any]]]) -> None:
    """No more trials run at once than there are, and no trial outlives the search."""
    request = created(requests, trials=2, parallel=8, max_seconds=600, seed=5)
    config = request["HyperParameterTuningJobConfig"]
    assert config["ResourceLimits"] == {
        "MaxNumberOfTrainingJobs": 2,
        "MaxParallelTrainingJobs": 2,
        "MaxRuntimeInSeconds": 600,
    }
    assert config["RandomSeed"] == 5
    assert request["TrainingJobDefinition"]["StoppingCondition"]["MaxRuntimeInSeconds"] == 600


def test_train_takes_every_hyperparameter_of_every_trial(
    requests: list[tuple[str, dict[str, Any]]], tmp_path: Path
) -> None:
    """train.py accepts the static hyperparameters and both ends of each range."""
    request = created(requests, strategy=tune.HYPERBAND)
    searched = request["HyperParameterTuningJobConfig"]["ParameterRanges"]
    ends = {
        entry["Name"]: (entry["MinValue"], entry["MaxValue"])
        for entry in searched["ContinuousParameterRanges"]
    }
    assert {
        entry["Name"]: entry["ScalingType"] for entry in searched["ContinuousParameterRanges"]
    } == {  # rates differ by factors, the others by amounts
        "learning-rate": "Logarithmic",
        "weight-decay": "Logarithmic",
        "augmentation": "Linear",
        "label-smoothing": "Linear",
        "dropout": "Linear",
    }
    ends |= {entry["Name"]: tuple(entry["Values"]) for entry in searched["CategoricalParameterRanges"]}
    assert ends == {
        "learning-rate": ("0.002", "0.03"),
        "weight-decay": ("0.0001", "0.05"),
        "augmentation": ("0.5", "1.5"),
        "label-smoothing": ("0.0", "0.15"),
        "dropout": ("0.0", "0.3"),
        "batch-size": ("128", "256", "512", "1024"),
    }
    static = request["TrainingJobDefinition"]["StaticHyperParameters"]
    given = {name: value for name, value in static.items() if not name.startswith("sagemaker_")}
    for end in (0, -1):
        chosen = given | {name: values[end] for name, values in ends.items()}
        words = [word for name, value in chosen.items() for word in (f"--{name}", value)]
        options = parse([*words, "--training", str(tmp_path), "--model-dir", str(tmp_path)])
        assert options.validate_epochs is True
        assert options.dropout == float(ends["dropout"][end])


def test_the_sdk_is_quiet(
    requests: list[tuple[str, dict[str, Any]]],
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nothing is printed, and nothing is logged that a program without handlers would show."""
    with caplog.at_level(logging.WARNING):
        created(requests)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_the_name_fits_and_is_of_universal_time() -> None:
    """The longest name of a stack leaves room for the time, whatever your machine's clock says."""
    now = datetime(2026, 11, 26, 1, 30, tzinfo=timezone(timedelta(hours=4)))
    name = tune.job_name("x" * 16, now)
    assert name == f"{'x' * 16}-261125-213000"
    assert len(name) <= 32
    assert tune.job_name("x" * 16, now.astimezone(UTC)) == name


@pytest.mark.parametrize(
    ("region", "host", "version"),
    [
        ("us-east-1", "763104351884.dkr.ecr.us-east-1.amazonaws.com", "2.14"),
        ("cn-north-1", "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn", "2.13"),  # 2.14 isn't there
    ],
)
def test_the_newest_image_of_the_region_is_taken_in_both_builds(region: str, host: str, version: str) -> None:
    """From one build's tag the other's doesn't follow: CUDA's version is in one of them alone."""
    cpu, gpu = (f"{host}/pytorch:{version}-{build}-amzn2023-sagemaker" for build in ("cpu", "cu133"))
    assert tune.images(region) == {"DIGITS_CPU_IMAGE": cpu, "DIGITS_GPU_IMAGE": gpu}
    assert (tune.image(region, "ml.c7i.xlarge"), tune.image(region, "ml.p5.48xlarge")) == (cpu, gpu)


def test_the_serving_image_lies_in_the_training_images_registry() -> None:
    """register_model takes the registry's host from the training image, in every region that has both."""
    serving = image_uris.config_for_framework("ray-serve")["versions"]["1"]["registries"]
    for version in image_uris.config_for_framework("pytorch-amzn2023")["training"]["versions"].values():
        common = serving.keys() & version["registries"].keys()
        assert len(common) > 30
        assert {region: serving[region] for region in common} == {
            region: version["registries"][region] for region in common
        }


def test_a_region_without_newer_images_has_the_older_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """2.10 is newer than 2.9, and the newest of the older list; without any there is an error."""
    monkeypatch.setattr(tune, "FRAMEWORKS", ("pytorch",))
    assert tune.image("us-east-1", "ml.g5.xlarge").endswith("/pytorch-training:2.10.0-gpu-py313")
    with pytest.raises(ValueError, match=r"region nowhere-1: the SDK knows no PyTorch training image"):
        tune.image("nowhere-1", "ml.g5.xlarge")


def test_the_command_offers_what_there_is() -> None:
    """The command's networks are the model's, and its strategies are the search's."""
    assert tuple(Arch) == ARCHITECTURES
    assert tuple(Strategy) == tune.STRATEGIES
