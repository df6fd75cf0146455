"""The final training of a tuning job, started once, and what happens without one."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.stub import Stubber

import train_best_model
from batch_prediction.aws.clients import Clients
from batch_prediction.models import final_training
from batch_prediction.models.best_trial import Trial
from batch_prediction.settings import Settings
from tests.functions.models.tuning_jobs import FINAL, TRIAL, TUNING_JOB, described, read, taken
from tests.functions.notifications import Published
from tests.request_recorder import MODELS
from tests.service_model import violations
from tests.settings_and_events import BUCKET, SETTINGS, environment, event

ARTIFACT = f"trials/{TUNING_JOB}/{TRIAL.name}/output/model.tar.gz"
CONTEXT: Any = SimpleNamespace(
    function_name="digits-train-best-model",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:digits-train-best-model",
    aws_request_id="1",
)


def start(aws: Clients, settings: Settings, answer: dict[str, Any]) -> str:
    """Start the final training of a tuning job that is described so."""
    with Stubber(aws.sagemaker) as stub:
        read(stub, answer)
        stub.add_response(
            "create_training_job",
            {"TrainingJobArn": "arn:aws:sagemaker:us-east-1:123456789012:training-job/x"},
        )
        return final_training.start(aws, settings, TUNING_JOB)


def test_the_final_training_is_tagged_encrypted_and_in_the_stacks_network() -> None:
    """Whatever the trials had; a key for the disks only where the instance has none of its own."""
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    settings = replace(SETTINGS, kms_key_arn=key, subnet_ids="subnet-1", security_group_ids="sg-1,sg-2")
    trials = described()
    trials["TrainingJobDefinition"]["VpcConfig"] = {"Subnets": ["subnet-9"], "SecurityGroupIds": ["sg-9"]}
    request = final_training.request(settings, trials, TRIAL)
    assert violations(MODELS["sagemaker"].operation_model("CreateTrainingJob"), request) == []
    assert request["Tags"] == [{"Key": "digit-batch", "Value": "digits"}]
    assert request["OutputDataConfig"]["KmsKeyId"] == key
    assert "VolumeKmsKeyId" not in request["ResourceConfig"]
    assert request["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1", "sg-2"]}
    on_volumes = final_training.request(
        replace(settings, training_instance_type="ml.p3.2xlarge"), described(), TRIAL
    )
    assert on_volumes["ResourceConfig"]["VolumeKmsKeyId"] == key
    assert (
        final_training.request(SETTINGS, trials, TRIAL)["VpcConfig"]
        == trials["TrainingJobDefinition"]["VpcConfig"]
    )


def test_the_request_is_the_definition_with_the_best_hyperparameters_on_all_images() -> None:
    """Static and tuned hyperparameters, the trials' code, image for a GPU, test set, the trial's artifact."""
    request = final_training.request(SETTINGS, described(), TRIAL)
    assert violations(MODELS["sagemaker"].operation_model("CreateTrainingJob"), request) == []
    assert request["TrainingJobName"] == FINAL
    assert request["HyperParameters"] == {
        "arch": "base",
        "learning-rate": "0.0123",
        "weight-decay": "0.001",
        "validation-images": "0",
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": "s3://digits-bucket/code/0123456789abcdef/sourcedir.tar.gz",
    }
    assert {
        channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in request["InputDataConfig"]
    } == {
        "training": "s3://digits-bucket/datasets/mnist/training/",
        "test": "s3://digits-bucket/datasets/mnist/test/",
        "trial": f"s3://digits-bucket/{ARTIFACT.rpartition('/')[0]}/",
    }
    assert request["OutputDataConfig"] == {"S3OutputPath": "s3://digits-bucket/models/"}
    assert request["RoleArn"] == SETTINGS.sagemaker_role_arn
    assert request["ResourceConfig"] == {
        "InstanceType": "ml.g4dn.xlarge",
        "InstanceCount": 1,
        "VolumeSizeInGB": 30,
    }
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600}
    assert request["Environment"] == {
        "DIGITS_TUNING_JOB": TUNING_JOB,
        "DIGITS_BEST_TRIAL": f"{TUNING_JOB}-003-0a1b2c3d",
    }
    assert "EnableManagedSpotTraining" not in request


def test_a_spot_training_waits_and_keeps_checkpoints() -> None:
    """The stack's parameter decides: MaxWaitTimeInSeconds comes with managed spot training only."""
    request = final_training.request(replace(SETTINGS, spot_training=True), described(), TRIAL)
    assert violations(MODELS["sagemaker"].operation_model("CreateTrainingJob"), request) == []
    assert request["EnableManagedSpotTraining"] is True
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 4 * 3600}
    assert request["CheckpointConfig"] == {"S3Uri": f"s3://digits-bucket/checkpoints/{FINAL}/"}


def test_what_a_definition_says_of_network_and_retries_holds_for_the_final_training() -> None:
    """And its environment; the trials' role, output, instance and time-out don't."""
    kept: dict[str, Any] = {
        "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": True,
        "RetryStrategy": {"MaximumRetryAttempts": 4},
    }
    answer = described()
    definition = answer["TrainingJobDefinition"] | kept
    definition |= {
        "Environment": {"NCCL_DEBUG": "INFO", "DIGITS_TUNING_JOB": "an older one"},
        "RoleArn": "arn:aws:iam::123456789012:role/another",
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 3, "VolumeSizeInGB": 9},
    }
    request = final_training.request(SETTINGS, answer | {"TrainingJobDefinition": definition}, TRIAL)
    assert violations(MODELS["sagemaker"].operation_model("CreateTrainingJob"), request) == []
    assert {name: request[name] for name in kept} == kept
    algorithm = definition["AlgorithmSpecification"]
    assert request["AlgorithmSpecification"] == algorithm
    assert request["Environment"] == {
        "NCCL_DEBUG": "INFO",
        "DIGITS_TUNING_JOB": TUNING_JOB,
        "DIGITS_BEST_TRIAL": f"{TUNING_JOB}-003-0a1b2c3d",
    }
    assert request["RoleArn"] == SETTINGS.sagemaker_role_arn
    assert request["ResourceConfig"]["InstanceType"] == SETTINGS.training_instance_type


def test_the_final_training_holds_no_image_out_whatever_the_trials_held_out() -> None:
    """A fixed or a searched number of validation images is the trials' own."""
    answer = described()
    answer["TrainingJobDefinition"]["StaticHyperParameters"]["validation-images"] = "10000"
    assert final_training.request(SETTINGS, answer, TRIAL)["HyperParameters"]["validation-images"] == "0"
    answer["BestTrainingJob"]["TunedHyperParameters"]["validation-images"] = "5000"
    assert final_training.request(SETTINGS, answer, TRIAL)["HyperParameters"]["validation-images"] == "0"


def test_a_channel_of_the_trials_is_taken_as_it_is() -> None:
    """A test channel of their own isn't replaced; one outside datasets/ has no sibling."""
    answer = described()
    definition = answer["TrainingJobDefinition"]
    (first,) = definition["InputDataConfig"]

    def channel(name: str, uri: str) -> Any:
        source = first["DataSource"]["S3DataSource"] | {"S3Uri": uri}
        return first | {"ChannelName": name, "DataSource": {"S3DataSource": source}}

    own = [
        channel("training", "s3://digits-bucket/datasets/mnist/training/"),
        *(channel("test", "s3://x/y/"), channel("trial", "s3://x/z/")),
    ]
    definition["InputDataConfig"] = own
    assert final_training.request(SETTINGS, answer, TRIAL)["InputDataConfig"] == own
    definition["InputDataConfig"] = [channel("training", "s3://x/training/"), own[2]]
    assert final_training.request(SETTINGS, answer, TRIAL)["InputDataConfig"] == definition["InputDataConfig"]


@pytest.mark.parametrize(
    ("instance", "image", "expected"),
    [
        ("ml.g4dn.xlarge", "pytorch-training:2.10-cpu-py313", "pytorch-training:2.10-gpu-py313"),
        ("ml.p5.48xlarge", "pytorch-training:2.10-gpu-py313", "pytorch-training:2.10-gpu-py313"),
        ("ml.c7i.xlarge", "pytorch-training:2.10-gpu-py313", "pytorch-training:2.10-cpu-py313"),
        ("ml.g5.xlarge", "my-own:tag", "my-own:tag"),
    ],
)
def test_the_image_suits_the_instance(instance: str, image: str, expected: str) -> None:
    """Trials may run on processors while the final training runs on a GPU: AWS builds an image for each."""
    answer = described()
    answer["TrainingJobDefinition"]["AlgorithmSpecification"]["TrainingImage"] = f"host/{image}"
    request = final_training.request(replace(SETTINGS, training_instance_type=instance), answer, TRIAL)
    assert request["AlgorithmSpecification"]["TrainingImage"] == f"host/{expected}"


NEW = "host/pytorch:2.14-"
PAIR = {
    "DIGITS_CPU_IMAGE": f"{NEW}cpu-amzn2023-sagemaker",
    "DIGITS_GPU_IMAGE": f"{NEW}cu133-amzn2023-sagemaker",
}


@pytest.mark.parametrize(
    ("instance", "expected"),
    [("ml.g5.xlarge", "cu133-amzn2023-sagemaker"), ("ml.m5.large", "cpu-amzn2023-sagemaker")],
)
@pytest.mark.parametrize("trials", PAIR)
def test_the_builds_that_the_search_found_are_used(instance: str, expected: str, trials: str) -> None:
    """Whichever of them the trials used, the final training's is that of its own instance."""
    answer = described()
    answer["TrainingJobDefinition"] |= {"Environment": PAIR}
    answer["TrainingJobDefinition"]["AlgorithmSpecification"]["TrainingImage"] = PAIR[trials]
    request = final_training.request(replace(SETTINGS, training_instance_type=instance), answer, TRIAL)
    assert request["AlgorithmSpecification"]["TrainingImage"] == NEW + expected


def test_an_image_whose_other_build_is_not_known_is_refused_and_published(
    aws: Clients, settings: Settings, published: Published
) -> None:
    """Without the search's pair, nothing is guessed: there is no training, but a reason that people get."""
    answer = described()
    definition = answer["TrainingJobDefinition"]
    definition["AlgorithmSpecification"]["TrainingImage"] = f"{NEW}cpu-amzn2023-sagemaker"
    definition["ResourceConfig"]["InstanceType"] = "ml.m5.large"
    with Stubber(aws.sagemaker) as stub:
        stub.add_response("describe_hyper_parameter_tuning_job", answer)
        final_training.start(aws, settings, TUNING_JOB)
    (message,) = published()
    assert (
        "Reason: TrainingInstanceType is ml.g4dn.xlarge, and the trials on ml.m5.large used the image "
        "host/pytorch:2.14-cpu-amzn2023-sagemaker, whose build for the other kind" in message["Message"]
    )
    definition["ResourceConfig"]["InstanceType"] = "ml.g5.xlarge"  # its own kind is as it was
    request = final_training.request(settings, answer, TRIAL)
    assert request["AlgorithmSpecification"]["TrainingImage"] == f"{NEW}cpu-amzn2023-sagemaker"


def test_an_empty_channel_is_left_out(aws: Clients, settings: Settings) -> None:
    """SageMaker fails a job with one: `test` and `trial` are there once their objects are."""
    for key, expected in (
        ("datasets/mnist/test/images", ["training"]),
        (ARTIFACT, ["training", "test"]),
        ("datasets/other", ["training", "test", "trial"]),
    ):
        with Stubber(aws.sagemaker) as stub:
            read(stub)
            request = final_training.request(settings, described(), TRIAL)
            request["InputDataConfig"] = [
                channel for channel in request["InputDataConfig"] if channel["ChannelName"] in expected
            ]
            arn = "arn:aws:sagemaker:us-east-1:123456789012:training-job/x"
            stub.add_response("create_training_job", {"TrainingJobArn": arn}, request)
            assert final_training.start(aws, settings, TUNING_JOB) == FINAL
        aws.s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")


def test_a_duplicate_event_finds_the_job_that_is_there(aws: Clients, settings: Settings) -> None:
    """The name is a function of the tuning job, so that SageMaker refuses a second training."""
    ours = final_training.request(settings, described(), TRIAL)
    found = {name: ours[name] for name in ("OutputDataConfig", "Environment")}
    assert taken(aws, settings, found) == FINAL


def test_a_training_that_follows_another_trial_of_the_search_is_the_search_s(
    aws: Clients, settings: Settings
) -> None:
    """Metrics that came late may have changed the choice since it was created: it is left as it is."""
    other = Trial(f"{TUNING_JOB}-002-ffffffff", {"learning-rate": "0.02"})
    ours = final_training.request(settings, described(), other)
    found = {name: ours[name] for name in ("OutputDataConfig", "Environment")}
    assert taken(aws, settings, found) == FINAL
    foreign = found | {"Environment": ours["Environment"] | {"DIGITS_BEST_TRIAL": "another-001"}}
    with pytest.raises(
        RuntimeError, match="expected 'digits-261122-140000-003-0a1b2c3d', found 'another-001'"
    ):
        taken(aws, settings, foreign)


def test_the_likeliest_of_equal_trials_is_followed(aws: Clients, settings: Settings) -> None:
    """Its hyperparameters, its artifact, its name: as best_trial.py chooses it."""
    rival = Trial(f"{TUNING_JOB}-002-ffffffff", {"learning-rate": "0.02"})
    aws.s3.put_object(Bucket=BUCKET, Key="datasets/mnist/test/images", Body=b"x")
    aws.s3.put_object(Bucket=BUCKET, Key=f"trials/{TUNING_JOB}/{rival.name}/output/model.tar.gz", Body=b"x")
    wanted = final_training.request(settings, described(), rival)
    with Stubber(aws.sagemaker) as stub:
        read(stub, rival=rival)
        stub.add_response("create_training_job", {"TrainingJobArn": f"{ARN}x"}, wanted)
        assert final_training.start(aws, settings, TUNING_JOB) == FINAL
        stub.assert_no_pending_responses()


def test_the_next_attempt_follows_the_trial_of_the_last(aws: Clients, settings: Settings) -> None:
    """Whichever trial would be chosen by now: its hyperparameters, its artifact, its name."""
    other = Trial(f"{TUNING_JOB}-002-ffffffff", {"learning-rate": "0.02", "weight-decay": "0.003"})
    key = f"trials/{TUNING_JOB}/{other.name}/output/model.tar.gz"
    for name in ("datasets/mnist/test/images", key):
        aws.s3.put_object(Bucket=BUCKET, Key=name, Body=b"x")
    second = final_training.request(settings, described(), other, 2)
    first = attempt(settings) | {
        name: second[name] for name in ("HyperParameters", "Environment", "InputDataConfig")
    }
    later = BEGUN + timedelta(minutes=1) + PAUSE
    assert start_after(aws, settings, later, first, created=second) == f"{FINAL}-2"


NO_INSTANCES = "CapacityError: Unable to provision requested ML compute capacity."
BEGUN = datetime(2026, 11, 22, tzinfo=UTC)
PAUSE = timedelta(minutes=15)
ARN = "arn:aws:sagemaker:us-east-1:123456789012:training-job/"
NOT_FOUND = "ValidationException", "Requested resource not found."


def attempt(settings: Settings, number: int = 1, reason: str | None = NO_INSTANCES) -> Any:
    """A final training as DescribeTrainingJob gives it: it ended after a minute; without `reason` it runs."""
    request = final_training.request(settings, described(), TRIAL, number)
    del request["Tags"]  # no part of a description
    begun = BEGUN + (number - 1) * timedelta(hours=1)
    ended = {"FailureReason": reason, "TrainingEndTime": begun + timedelta(minutes=1)} if reason else {}
    return {
        **request,
        "TrainingJobArn": f"{ARN}{request['TrainingJobName']}",
        "ModelArtifacts": {"S3ModelArtifacts": ""},
        "TrainingJobStatus": "Failed" if reason else "InProgress",
        "SecondaryStatus": "Failed" if reason else "Starting",
        "CreationTime": begun,
        **ended,
    }


def start_after(
    aws: Clients,
    settings: Settings,
    now: datetime,
    *jobs: Any,
    created: dict[str, Any] | None = None,
) -> str:
    """Start a final training at a time, after these attempts; `created` is the request that is expected."""
    with Stubber(aws.sagemaker) as stub, pytest.MonkeyPatch.context() as patch:
        patch.setattr(final_training, "time", now.timestamp)
        read(stub)
        stub.add_client_error("create_training_job", "ResourceInUse")
        for job in jobs:
            stub.add_response("describe_training_job", job, {"TrainingJobName": job["TrainingJobName"]})
        if final_training.lacked_capacity(jobs[-1]):
            stub.add_client_error("describe_training_job", *NOT_FOUND)
        if created:
            stub.add_response("create_training_job", {"TrainingJobArn": jobs[-1]["TrainingJobArn"]}, created)
        found = final_training.start(aws, settings, TUNING_JOB)
        stub.assert_no_pending_responses()
    return found


def test_a_final_training_without_instances_is_followed_by_another_after_a_pause(
    aws: Clients, settings: Settings, published: Published
) -> None:
    """Its name has a number; nobody is notified meanwhile, and nothing is recorded."""
    for key in ("datasets/mnist/test/images", ARTIFACT):
        aws.s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    first, ended = attempt(settings), BEGUN + timedelta(minutes=1)
    waiting = start_after(aws, settings, ended + PAUSE - timedelta(seconds=1), first)
    assert waiting == f"waiting for capacity: {NO_INSTANCES}"
    second = final_training.request(settings, described(), TRIAL, 2)
    assert second["TrainingJobName"] == f"{FINAL}-2"
    assert start_after(aws, settings, ended + PAUSE, first, created=second) == f"{FINAL}-2"
    third = final_training.request(settings, described(), TRIAL, 3)
    again = attempt(settings, 2)
    later = again["TrainingEndTime"] + timedelta(minutes=30, seconds=30)  # half of what it has lasted
    assert start_after(aws, settings, later, first, again, created=third) == f"{FINAL}-3"
    assert published() == []
    (only,) = aws.s3.list_objects_v2(Bucket=BUCKET, Prefix="trials/")["Contents"]
    assert only["Key"] == ARTIFACT


@pytest.mark.parametrize("reason", [None, "AlgorithmError: no data"])
def test_an_attempt_that_has_its_instances_is_the_last(
    aws: Clients, settings: Settings, reason: str | None
) -> None:
    """However it ends: what becomes of it is register_model's to say."""
    jobs = attempt(settings), attempt(settings, 2, reason)
    assert start_after(aws, settings, BEGUN + timedelta(days=9), *jobs) == f"{FINAL}-2"


def test_a_final_training_is_given_up_after_waitforcapacityhours(
    aws: Clients, settings: Settings, published: Published
) -> None:
    """People get one message with SageMaker's words and the time, the record is in S3, none is started."""
    jobs = attempt(settings), attempt(settings, 2)
    for _delivery in range(2):
        reason = start_after(aws, settings, BEGUN + timedelta(hours=24), *jobs)
        assert reason == (
            f"{NO_INSTANCES}; gave up after 24.0 hours (the stack's parameter WaitForCapacityHours)"
        )
    (message,) = published()
    assert reason in message["Message"]
    assert message["Subject"] == f"{FINAL}-2: Failed, no new model"
    record = json.loads(
        aws.s3.get_object(Bucket=BUCKET, Key=f"trials/{TUNING_JOB}/failure.json")["Body"].read()
    )
    assert (record["job"], record["status"], record["reason"]) == (f"{FINAL}-2", "Failed", reason)


def test_a_training_without_instances_that_is_no_search_s_is_none_of_ours(settings: Settings) -> None:
    """Nobody would start it again: it has failed, as any other."""
    job = attempt(settings)
    assert final_training.lacked_capacity(job)
    del job["Environment"]
    assert not final_training.lacked_capacity(job)
    assert not final_training.lacked_capacity(attempt(settings, reason="InternalServerError: x"))


def test_a_name_that_is_taken_by_what_cannot_be_described_yet_is_an_error(
    aws: Clients, settings: Settings
) -> None:
    """The description lags behind: Lambda delivers the event again."""
    with Stubber(aws.sagemaker) as stub:
        read(stub)
        stub.add_client_error("create_training_job", "ResourceInUse")
        stub.add_client_error("describe_training_job", *NOT_FOUND)
        with pytest.raises(aws.sagemaker.exceptions.ClientError, match="ResourceInUse"):
            final_training.start(aws, settings, TUNING_JOB)


@pytest.mark.parametrize("images", [[], [{"Key": "datasets/mnist/test/images"}]], ids=["none", "some"])
def test_an_empty_page_is_not_the_end_of_a_test_set(
    aws: Clients, settings: Settings, images: list[Any]
) -> None:
    """A listing may go on behind one: the channel stays where a later page has images, and only there."""
    wanted = final_training.request(settings, described(), TRIAL)
    wanted["InputDataConfig"] = [
        channel
        for channel in wanted["InputDataConfig"]
        if channel["ChannelName"] in (("training", "test") if images else ("training",))
    ]
    assert len(wanted["InputDataConfig"]) == (2 if images else 1)
    place = {"Bucket": BUCKET, "Prefix": "datasets/mnist/test/"}
    with Stubber(aws.s3) as listing, Stubber(aws.sagemaker) as stub:
        first = {"IsTruncated": True, "NextContinuationToken": "1"}
        listing.add_response("list_objects_v2", first, place)
        last = {"IsTruncated": False, "Contents": images}
        listing.add_response("list_objects_v2", last, place | {"ContinuationToken": "1"})
        trial = {"Bucket": BUCKET, "Prefix": f"{ARTIFACT.rpartition('/')[0]}/"}
        listing.add_response("list_objects_v2", {"IsTruncated": False}, trial)
        read(stub)
        arn = "arn:aws:sagemaker:us-east-1:123456789012:training-job/x"
        stub.add_response("create_training_job", {"TrainingJobArn": arn}, wanted)
        assert final_training.start(aws, settings, TUNING_JOB) == FINAL


@pytest.mark.parametrize(
    "other",
    [
        {"Environment": {"DIGITS_TUNING_JOB": "another"}},
        {"OutputDataConfig": {"S3OutputPath": "s3://another/models/"}},
    ],
    ids=["tuning job", "output"],
)
def test_a_foreign_job_of_that_name_is_a_loud_failure(
    aws: Clients, settings: Settings, other: dict[str, Any]
) -> None:
    """A name that is taken by another tuning job's training, or another stack's, isn't a success."""
    ours = final_training.request(settings, described(), TRIAL)
    found = {name: ours[name] for name in ("OutputDataConfig", "Environment")} | other
    with pytest.raises(RuntimeError, match=f"{FINAL}: the name is taken by something else") as raised:
        taken(aws, settings, found)
    assert "ResourceInUse" in str(raised.value.__cause__)  # SageMaker's own words


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "Failed", "FailureReason": "All training jobs failed."}, "All training jobs failed."),
        ({"status": "Stopped"}, "the tuning job is Stopped, and gives no reason"),
        ({"BestTrainingJob": None}, "no trial reported the objective; trials by status: {'Completed': 3"),
    ],
)
def test_a_search_without_a_best_model_is_published_and_recorded_once(
    aws: Clients,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    published: Published,
    changes: dict[str, Any],
    reason: str,
) -> None:
    """People get one message with the reason, the record is in S3, and no training is started."""
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(train_best_model, "clients", lambda: aws)
    answer = {name: value for name, value in described(**changes).items() if value is not None}
    for _delivery in range(2):
        with Stubber(aws.sagemaker) as stub:
            stub.add_response("describe_hyper_parameter_tuning_job", answer)
            train_best_model.handler(event("tuning_job_failed"), CONTEXT)
    (message,) = published()
    assert reason in message["Message"]
    assert TUNING_JOB in message["Subject"]
    key = f"trials/{TUNING_JOB}/failure.json"
    record = json.loads(aws.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    assert record["reason"].startswith(reason)
    assert record["job"] == TUNING_JOB


def test_a_training_that_cannot_be_started_yet_is_an_error(aws: Clients, settings: Settings) -> None:
    """A quota, throttling: Lambda delivers the event again, and nothing is taken for a success."""
    with Stubber(aws.sagemaker) as stub:
        read(stub)
        stub.add_client_error("create_training_job", "ResourceLimitExceeded")
        with pytest.raises(aws.sagemaker.exceptions.ClientError, match="ResourceLimitExceeded"):
            final_training.start(aws, settings, TUNING_JOB)


def test_another_stacks_search_is_refused(aws: Clients, settings: Settings) -> None:
    """A tuning job is this stack's by where its trials write."""
    answer = described()
    answer["TrainingJobDefinition"]["OutputDataConfig"]["S3OutputPath"] = "s3://other/trials/x/"
    with pytest.raises(
        ValueError,
        match=f"{TUNING_JOB}: expected its trials below s3://digits-bucket/trials/, found s3://other/",
    ):
        start(aws, settings, answer)


def test_a_search_that_still_runs_is_refused(aws: Clients, settings: Settings) -> None:
    """An event that came too early is an error, and is delivered again."""
    with pytest.raises(ValueError, match="expected one that has ended, found InProgress"):
        start(aws, settings, described("InProgress"))


def test_the_request_keeps_what_the_trials_ran_with_and_is_on_one_instance(settings: Settings) -> None:
    """Network, encryption, retries and environment are the definition's; what it leaves empty is left out."""
    answer = described()
    definition = answer["TrainingJobDefinition"]
    kept = {
        "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": True,
        "RetryStrategy": {"MaximumRetryAttempts": 3},
    }
    request = final_training.request(settings, answer, TRIAL)
    assert kept.keys() & request.keys() == {"RetryStrategy"}
    assert request["RetryStrategy"] == {"MaximumRetryAttempts": 2}  # SageMaker's own failures
    assert request["RoleArn"] == settings.sagemaker_role_arn
    assert request["ResourceConfig"] == {
        "InstanceType": settings.training_instance_type,
        "InstanceCount": 1,
        "VolumeSizeInGB": 30,
    }
    assert request["AlgorithmSpecification"] == definition["AlgorithmSpecification"]
    training, test, trial = request["InputDataConfig"]
    (given,) = definition["InputDataConfig"]
    assert training == given
    source = given["DataSource"]["S3DataSource"] | {"S3Uri": "s3://digits-bucket/datasets/mnist/test/"}
    assert test == given | {"ChannelName": "test", "DataSource": {"S3DataSource": source}}
    source = source | {"S3Uri": f"s3://digits-bucket/{ARTIFACT.rpartition('/')[0]}/"}
    assert trial == given | {"ChannelName": "trial", "DataSource": {"S3DataSource": source}}

    definition |= kept | {"Environment": {"OF_THE_SEARCH": "1"}, "ResourceConfig": {"InstanceCount": 4}}
    request = final_training.request(settings, answer, TRIAL)
    assert {name: request[name] for name in kept} == kept
    assert request["Environment"]["OF_THE_SEARCH"] == "1"
    assert request["ResourceConfig"]["InstanceCount"] == 1
    definition |= {"VpcConfig": {}, "EnableNetworkIsolation": False}
    assert (
        not {"VpcConfig", "EnableNetworkIsolation"} & final_training.request(settings, answer, TRIAL).keys()
    )


def test_a_search_s_own_test_channel_stays(settings: Settings) -> None:
    """And one whose training images lie elsewhere gets none."""
    answer = described()
    definition = answer["TrainingJobDefinition"]
    (training,) = definition["InputDataConfig"]
    own = training | {"ChannelName": "test"}
    definition["InputDataConfig"] = [own, training]
    assert final_training.request(settings, answer, TRIAL)["InputDataConfig"][:-1] == [own, training]
    elsewhere = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://elsewhere/images/"}}
    definition["InputDataConfig"] = [training | {"DataSource": elsewhere}]
    channels = final_training.request(settings, answer, TRIAL)["InputDataConfig"]
    assert [channel["ChannelName"] for channel in channels] == ["training", "trial"]


@pytest.mark.parametrize("instance", ["ml.trn1.2xlarge", "ml.m5.large", "xml.g4dn", "ml.g", "ml_g5.large"])
def test_only_g_and_p_instances_have_a_gpu(instance: str) -> None:
    """Any other has the build for processors."""
    answer = described()
    answer["TrainingJobDefinition"]["AlgorithmSpecification"]["TrainingImage"] = "host/x:1-gpu-py3"
    request = final_training.request(replace(SETTINGS, training_instance_type=instance), answer, TRIAL)
    assert request["AlgorithmSpecification"]["TrainingImage"] == "host/x:1-cpu-py3"


def test_a_training_that_is_denied_is_an_error(aws: Clients, settings: Settings) -> None:
    """Only a name that is taken is looked at: the event is delivered again."""
    with Stubber(aws.sagemaker) as stub:
        read(stub)
        stub.add_client_error("create_training_job", "AccessDeniedException")
        with pytest.raises(aws.sagemaker.exceptions.ClientError, match="AccessDenied"):
            final_training.start(aws, settings, TUNING_JOB)


def test_a_job_that_writes_elsewhere_is_not_the_final_training(aws: Clients, settings: Settings) -> None:
    """Its output is a part of what makes it ours, as its search is."""
    ours = final_training.request(settings, described(), TRIAL)
    found = {"Environment": ours["Environment"], "OutputDataConfig": {"S3OutputPath": "s3://elsewhere/"}}
    with pytest.raises(RuntimeError, match="found 's3://elsewhere/'"):
        taken(aws, settings, found)
