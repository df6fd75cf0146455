"""A search for hyperparameters: a SageMaker tuning job over train.py, started with the SageMaker SDK.

The SDK gets no SourceCode: it would add channels, and write at the bucket's root. The code goes the way of
script mode instead (`source.py`).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.parameter import CategoricalParameter, ContinuousParameter, ParameterRange
from sagemaker.core.shapes import HyperbandStrategyConfig, HyperParameterTuningJobStrategyConfig
from sagemaker.core.training.configs import (
    CheckpointConfig,
    Compute,
    InputData,
    OutputDataConfig,
    StoppingCondition,
)
from sagemaker.train import ModelTrainer
from sagemaker.train.tuner import HyperparameterTuner

from batch_prediction.layout import CHECKPOINTS, TRIALS
from training.jobs import LONGEST_WAIT, METRICS, regex
from training.source import ENTRY_POINT

# Accuracy on training images that train.py holds out, after the last epoch: the test set takes no part.
OBJECTIVE = "validation-accuracy"
BAYESIAN, HYPERBAND = "Bayesian", "Hyperband"
STRATEGIES = (BAYESIAN, HYPERBAND)
LONGEST_TRIAL = 2 * 3600  # seconds
# AWS's newest PyTorch image for training (https://aws.github.io/deep-learning-containers/reference/available_images/).
FRAMEWORK = {"framework": "pytorch", "version": "2.10", "py_version": "py313"}
# AWS is told nothing about the use of the SDK.
SDK_SETTINGS = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}


@dataclass(frozen=True)
class Search:
    """What one tuning job is made of; `source` and `training` are `s3://` addresses."""

    name: str
    bucket: str
    role: str
    image: str
    source: str
    training: str
    instance_type: str
    arch: str = "base"
    epochs: int = 9
    seed: int = 1  # of the search, and of every trial
    instance_count: int = 1
    trials: int = 20
    parallel: int = 2
    strategy: str = BAYESIAN
    longest_seconds: int = 12 * 3600  # of the whole tuning job
    spot: bool = False
    fixed: Mapping[str, str] = field(default_factory=dict)  # hyperparameters that are given, not searched


def ranges(fixed: Mapping[str, str]) -> dict[str, ParameterRange]:
    """What is searched: train.py's hyperparameters and their ranges, but for those that are `fixed`.

    Batch sizes are powers of two: several ranks share each mini-batch evenly.
    """
    searched = {
        "learning-rate": ContinuousParameter(2e-3, 3e-2, scaling_type="Logarithmic"),
        "weight-decay": ContinuousParameter(1e-4, 5e-2, scaling_type="Logarithmic"),
        "augmentation": ContinuousParameter(0.5, 1.5, scaling_type="Linear"),
        "label-smoothing": ContinuousParameter(0.0, 0.15, scaling_type="Linear"),
        "dropout": ContinuousParameter(0.0, 0.3, scaling_type="Linear"),
        "batch-size": CategoricalParameter(["128", "256", "512", "1024"]),
    }
    return {name: found for name, found in searched.items() if name not in fixed}


def job_name(stack: str, now: datetime) -> str:
    """The name of a tuning job: `<Name>-<yymmdd-hhmmss>` in UTC, within SageMaker's 32 characters."""
    return f"{stack}-{now.astimezone(UTC):%y%m%d-%H%M%S}"


def image(region: str, instance_type: str) -> str:
    """AWS's training image for the instance: its tag says `cpu` or `gpu`. ValueError where there is none."""
    uri: str = image_uris.retrieve(
        **FRAMEWORK, region=region, instance_type=instance_type, image_scope="training"
    )
    return uri


def start(search: Search) -> None:
    """Start the tuning job and return; the SDK's default session is boto3's.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html.
    The final training is derived from this job by the function train_best_model.
    """
    # The SDK would look into IAM for a role that CloudFormation made, under the person's permissions.
    os.environ.setdefault("SAGEMAKER_VALIDATE_ROLE", "false")
    session = Session(default_bucket=search.bucket, sagemaker_config=SDK_SETTINGS)
    tuner = HyperparameterTuner(
        model_trainer=_trainer(search, session),
        objective_metric_name=OBJECTIVE,
        objective_type="Maximize",
        metric_definitions=[{"Name": name, "Regex": regex(name)} for name in METRICS],
        hyperparameter_ranges=ranges(search.fixed),
        strategy=search.strategy,
        strategy_config=_hyperband(search.epochs) if search.strategy == HYPERBAND else None,
        max_jobs=search.trials,
        max_parallel_jobs=min(search.parallel, search.trials),
        max_runtime_in_seconds=search.longest_seconds,
        random_seed=search.seed,
    )
    channel = InputData(channel_name="training", data_source=search.training)
    tuner.tune(inputs=[channel], job_name=search.name, wait=False)


def _trainer(search: Search, session: Session) -> ModelTrainer:
    """The trials' training job: managed spot training by `search.spot`.

    All trials have one CheckpointConfig: by CHECKPOINTS_BELOW_JOB_NAME train.py keeps theirs apart.
    """
    longest = min(LONGEST_TRIAL, search.longest_seconds)
    checkpoints = f"s3://{search.bucket}/{CHECKPOINTS}{search.name}/"
    hyperparameters = {
        "arch": search.arch,
        "epochs": str(search.epochs),
        "seed": str(search.seed),
        **search.fixed,
        "sagemaker_program": ENTRY_POINT,
        "sagemaker_submit_directory": search.source,
    }
    if search.strategy == HYPERBAND:
        hyperparameters["validate-epochs"] = "true"
    return ModelTrainer(
        sagemaker_session=session,
        role=search.role,
        base_job_name=search.name,
        training_image=search.image,
        compute=Compute(
            instance_type=search.instance_type,
            instance_count=search.instance_count,
            volume_size_in_gb=30,
            enable_managed_spot_training=search.spot,
        ),
        stopping_condition=StoppingCondition(
            max_runtime_in_seconds=longest,
            max_wait_time_in_seconds=LONGEST_WAIT * longest if search.spot else None,
        ),
        checkpoint_config=CheckpointConfig(s3_uri=checkpoints) if search.spot else None,
        environment={"CHECKPOINTS_BELOW_JOB_NAME": "true"} if search.spot else None,
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{search.bucket}/{TRIALS}{search.name}/"),
        hyperparameters=hyperparameters,
    )


def _hyperband(epochs: int) -> HyperParameterTuningJobStrategyConfig:
    """Hyperband stops weak trials between a third of the epochs and all of them; train.py tells each epoch.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperbandStrategyConfig.html
    """
    return HyperParameterTuningJobStrategyConfig(
        hyperband_strategy_config=HyperbandStrategyConfig(
            min_resource=max(1, epochs // 3), max_resource=epochs
        )
    )
