"""A search for hyperparameters: a SageMaker tuning job over train.py, started with the SageMaker SDK.

The SDK is given no SourceCode: it would add channels, and write to the bucket's root. The code is passed by
script mode instead (`source.py`).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.parameter import CategoricalParameter, ContinuousParameter, ParameterRange
from sagemaker.core.shapes import HyperbandStrategyConfig, HyperParameterTuningJobStrategyConfig
from sagemaker.core.training.configs import (
    CheckpointConfig,
    Compute,
    InputData,
    Networking,
    OutputDataConfig,
    RetryStrategy,
    StoppingCondition,
)
from sagemaker.train import ModelTrainer
from sagemaker.train.tuner import HyperparameterTuner

from batch_prediction.aws.job_options import cost_tags, volume_key, vpc
from batch_prediction.layout import CHECKPOINTS, TRIALS
from batch_prediction.models.final_training import (
    CPU_IMAGE,
    GPU_IMAGE,
    MAX_WAIT_FACTOR,
    RETRY_STRATEGY,
    has_gpu,
)
from training.jobs import METRICS, regex
from training.source import ENTRY_POINT

# Accuracy after the last epoch, on training images that train.py holds out: the test set isn't used.
OBJECTIVE = "validation-accuracy"
BAYESIAN, HYPERBAND = "Bayesian", "Hyperband"
STRATEGIES = (BAYESIAN, HYPERBAND)
MAX_TRIAL_SECONDS = 2 * 3600  # seconds
# The SDK's two lists of AWS's PyTorch images for training: the second is that of 2.11 and later
# (https://aws.github.io/deep-learning-containers/reference/available_images/).
FRAMEWORKS = ("pytorch", "pytorch-amzn2023")
# The SDK's telemetry is off.
SDK_SETTINGS = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}


@dataclass(frozen=True)
class Search:
    """The parameters of one tuning job; `source` and `training` are `s3://` URIs."""

    name: str
    bucket: str
    role: str
    images: Mapping[str, str]  # as the function of that name finds them
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
    max_seconds: int = 12 * 3600  # of the whole tuning job
    spot: bool = False
    fixed: Mapping[str, str] = field(default_factory=dict)  # hyperparameters that aren't searched
    stack: str = ""  # the stack's Name, for the costs
    kms_key_arn: str = ""  # these three as the stack's parameters
    subnet_ids: str = ""
    security_group_ids: str = ""


def ranges(fixed: Mapping[str, str]) -> dict[str, ParameterRange]:
    """The search space: train.py's hyperparameters and their ranges, except those that are `fixed`.

    Batch sizes are powers of two, so that several ranks share each mini-batch evenly.
    """
    searched = {
        "learning-rate": ContinuousParameter(2e-3, 3e-2, scaling_type="Logarithmic"),
        "weight-decay": ContinuousParameter(1e-4, 5e-2, scaling_type="Logarithmic"),
        "augmentation": ContinuousParameter(0.5, 1.5, scaling_type="Linear"),
        "label-smoothing": ContinuousParameter(0.0, 0.15, scaling_type="Linear"),
        "dropout": ContinuousParameter(0.0, 0.3, scaling_type="Linear"),
        "batch-size": CategoricalParameter(["128", "256", "512", "1024"]),
    }
    return {name: values for name, values in searched.items() if name not in fixed}


def job_name(stack: str, now: datetime) -> str:
    """The name of a tuning job: `<Name>-<yymmdd-hhmmss>` in UTC, within SageMaker's 32 characters."""
    return f"{stack}-{now.astimezone(UTC):%y%m%d-%H%M%S}"


def image(region: str, instance_type: str) -> str:
    """AWS's newest PyTorch training image that the SDK knows in a region, in the build for an instance type.

    ValueError if there is none.
    """
    known = {
        (tuple(map(int, version.split("."))), framework, version)
        for framework in FRAMEWORKS
        for version, entry in image_uris.config_for_framework(framework)["training"]["versions"].items()
        if region in entry["registries"]
    }
    if not known:
        raise ValueError(f"region {region}: the SDK knows no PyTorch training image there.")
    _, framework, version = max(known)
    uri: str = image_uris.retrieve(
        framework, region=region, version=version, instance_type=instance_type, image_scope="training"
    )
    return uri


def images(region: str) -> dict[str, str]:
    """That image's builds for instances without and with GPUs, by their names in the trials' environment.

    There train_best_model finds the final training's: from one build's tag the other's doesn't follow.
    """
    return {CPU_IMAGE: image(region, "ml.m5.large"), GPU_IMAGE: image(region, "ml.g5.xlarge")}


class _Tuner(HyperparameterTuner):  # type: ignore[misc]  # the SDK carries no types
    """The SDK's tuner, which makes a definition of trials from a trainer, and leaves out their disks' key."""

    def _build_training_job_definition(self, inputs: list[InputData]) -> Any:
        definition = super()._build_training_job_definition(inputs)
        if key := self.model_trainer.compute.volume_kms_key_id:
            definition.resource_config.volume_kms_key_id = key
        return definition


def start(search: Search) -> None:
    """Start the tuning job and return; the SDK's default session is boto3's.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html.
    The final training is derived from this job by the function train_best_model.
    """
    # The SDK would look up the role in IAM, for which the caller may lack permission.
    os.environ.setdefault("SAGEMAKER_VALIDATE_ROLE", "false")
    session = Session(default_bucket=search.bucket, sagemaker_config=SDK_SETTINGS)
    tuner = _Tuner(
        model_trainer=_trainer(search, session),
        objective_metric_name=OBJECTIVE,
        objective_type="Maximize",
        metric_definitions=[{"Name": name, "Regex": regex(name)} for name in METRICS],
        hyperparameter_ranges=ranges(search.fixed),
        strategy=search.strategy,
        strategy_config=_hyperband(search.epochs) if search.strategy == HYPERBAND else None,
        max_jobs=search.trials,
        max_parallel_jobs=min(search.parallel, search.trials),
        max_runtime_in_seconds=search.max_seconds,
        random_seed=search.seed,
        # the trials have them, too:
        # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html
        tags=cost_tags(search.stack) if search.stack else None,
    )
    channel = InputData(channel_name="training", data_source=search.training)
    tuner.tune(inputs=[channel], job_name=search.name, wait=False)


def _trainer(search: Search, session: Session) -> ModelTrainer:
    """The training job of the trials: with managed spot training if `search.spot`.

    All trials share one CheckpointConfig: CHECKPOINTS_BELOW_JOB_NAME makes train.py keep theirs apart.
    """
    seconds = min(MAX_TRIAL_SECONDS, search.max_seconds)
    network = vpc(search.subnet_ids, search.security_group_ids)
    networking = (
        Networking(security_group_ids=list(network["SecurityGroupIds"]), subnets=list(network["Subnets"]))
        if network
        else None
    )
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
    trainer = ModelTrainer(
        sagemaker_session=session,
        role=search.role,
        base_job_name=search.name,
        training_image=search.images[GPU_IMAGE if has_gpu(search.instance_type) else CPU_IMAGE],
        compute=Compute(
            instance_type=search.instance_type,
            instance_count=search.instance_count,
            volume_size_in_gb=30,
            enable_managed_spot_training=search.spot,
            volume_kms_key_id=volume_key(search.kms_key_arn, search.instance_type),
        ),
        networking=networking,
        stopping_condition=StoppingCondition(
            max_runtime_in_seconds=seconds,
            max_wait_time_in_seconds=MAX_WAIT_FACTOR * seconds if search.spot else None,
        ),
        checkpoint_config=CheckpointConfig(s3_uri=checkpoints) if search.spot else None,
        environment={**search.images, **({"CHECKPOINTS_BELOW_JOB_NAME": "true"} if search.spot else {})},
        output_data_config=OutputDataConfig(
            s3_output_path=f"s3://{search.bucket}/{TRIALS}{search.name}/",
            kms_key_id=search.kms_key_arn or None,
        ),
        hyperparameters=hyperparameters,
    )
    attempts = RETRY_STRATEGY["MaximumRetryAttempts"]
    return trainer.with_retry_strategy(RetryStrategy(maximum_retry_attempts=attempts))


def _hyperband(epochs: int) -> HyperParameterTuningJobStrategyConfig:
    """Hyperband stops weak trials between a third of the epochs and all; train.py logs each epoch's accuracy.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperbandStrategyConfig.html
    """
    return HyperParameterTuningJobStrategyConfig(
        hyperband_strategy_config=HyperbandStrategyConfig(
            min_resource=max(1, epochs // 3), max_resource=epochs
        )
    )
