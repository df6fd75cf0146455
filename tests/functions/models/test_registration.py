"""Approval, and registering a model once."""

import hashlib
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.stub import Stubber
from moto.sagemaker.models import sagemaker_backends

import register_model
from batch_prediction.aws.clients import Clients
from batch_prediction.models import registration, registry
from batch_prediction.settings import Settings
from tests.functions.figures import references
from tests.functions.models.training_jobs import CONFIG, completed_job, packed, register
from tests.functions.notifications import Published
from tests.settings_and_events import BUCKET, environment, event

CONTEXT: Any = SimpleNamespace(
    function_name="digits-register-model",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:digits-register-model",
    aws_request_id="1",
)
PACKAGE = registry.ModelPackage("arn:1", "Approved", "digits-0", None, validation_accuracy=0.993)
UNMEASURED = replace(PACKAGE, validation_accuracy=None)


@pytest.mark.parametrize(
    ("validation", "test", "approved", "status", "why"),
    [
        (0.991, 0.99, None, "Approved", "no approved package to compare with"),
        (None, 0.97, None, "Approved", "clears the floor 0.9700"),
        (0.5, 0.97, replace(PACKAGE, validation_accuracy=0.5), "Approved", "0.5000 against"),
        (0.5, 0.97, replace(PACKAGE, validation_accuracy=0.502), "Approved", "0.5020"),
        (0.4999, 0.97, replace(PACKAGE, validation_accuracy=0.502), "PendingManualApproval", "is lower"),
        (0.991, 0.9699, None, "PendingManualApproval", "below the floor MinimumAccuracy, 0.9700"),
        (0.991, None, None, "PendingManualApproval", "no test-accuracy"),
        (0.991, 0.99, PACKAGE, "Approved", "0.9910 against the approved package's 0.9930"),
        (
            0.990,
            0.99,
            PACKAGE,
            "PendingManualApproval",
            "0.9900 against the approved package's 0.9930 is lower",
        ),
        (None, 0.99, PACKAGE, "PendingManualApproval", "no validation-accuracy to compare"),
        (0.999, 0.10, PACKAGE, "PendingManualApproval", "below the floor"),
        (0.999, 0.99, UNMEASURED, "PendingManualApproval", "arn:1 has no validation_accuracy to compare"),
    ],
)
def test_a_package_is_approved_or_waits_with_its_reason(
    validation: float | None,
    test: float | None,
    approved: registry.ModelPackage | None,
    status: str,
    why: str,
) -> None:
    """The test accuracy is a floor and nothing more; models are compared by validation accuracy."""
    decision = registration.approval(validation, test, approved, floor=0.97, tolerance=0.002)
    assert decision.status == status
    assert why in decision.reason


def test_a_package_says_where_it_comes_from(aws: Clients, settings: Settings) -> None:
    """Training job, figures, hyperparameters and digest are in the registry, and why it is approved."""
    package = register(aws, settings, "digits-1", 0.9934)
    described = aws.sagemaker.describe_model_package(ModelPackageName=package.arn)
    assert described["CustomerMetadataProperties"] == {
        "training_job": "digits-1",
        "artifact_sha256": hashlib.sha256(packed(CONFIG)).hexdigest(),
        "training_image": "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:2.10-gpu-py313",
        "torch_version": "2.10.0",
        "validation_accuracy": "0.9934",
        "test_accuracy": "0.9921",
        "hyperparameter/arch": "base",
        "hyperparameter/epochs": "9",
    }
    container = described["InferenceSpecification"]["Containers"][0]
    assert container["Image"] == (
        "763104351884.dkr.ecr.eu-west-1.amazonaws.com/ray:serve-ml-sagemaker-cpu-v1"
    )
    assert container["ModelDataUrl"] == f"s3://{BUCKET}/models/digits-1/output/model.tar.gz"
    assert described["ModelApprovalStatus"] == "Approved"
    assert described["ModelPackageDescription"].startswith(
        "Trained by digits-1. Approved: test accuracy 0.9921"
    )


def test_a_package_is_served_as_aws_s_images_expect(aws: Clients, settings: Settings) -> None:
    """The container's environment names our code, and the package says what goes in and what comes out."""
    package = register(aws, settings, "digits-1", 0.9934)
    served = aws.sagemaker.describe_model_package(ModelPackageName=package.arn)["InferenceSpecification"]
    assert served["Containers"][0]["Environment"] == registry.SERVING_ENVIRONMENT
    assert served["SupportedContentTypes"] == ["application/jsonlines"]
    assert served["SupportedResponseMIMETypes"] == ["application/jsonlines"]
    assert package == registry.ModelPackage(
        arn=package.arn,
        status="Approved",
        training_job="digits-1",
        artifact_sha256=hashlib.sha256(packed(CONFIG)).hexdigest(),
        validation_accuracy=0.9934,
        description="Trained by digits-1. Approved: test accuracy 0.9921 clears the floor 0.9700; "
        "there is no approved package to compare with",
        image=f"763104351884.dkr.ecr.eu-west-1.amazonaws.com/{settings.serving_image}",
    )


def test_each_training_job_has_its_own_token(aws: Clients, settings: Settings) -> None:
    """SageMaker takes two requests with one token for one: it follows from the training job alone."""
    backend = sagemaker_backends["123456789012"]["us-east-1"]
    tokens = []
    for name in ("digits-1", "digits-2", "digits-1"):
        register(aws, settings, name, 0.9934)
        tokens.append(next(reversed(backend.model_packages.values())).client_token)
        backend.model_packages.clear()
    assert tokens[0] == tokens[2] != tokens[1]
    arn = completed_job("digits-1", 0.9934)["TrainingJobArn"]
    assert tokens[0] == hashlib.sha256(arn.encode()).hexdigest()[:36]  # in every version of this stack


def test_people_are_notified_of_a_package_that_exists_and_of_none_before(
    aws: Clients, settings: Settings, monkeypatch: pytest.MonkeyPatch, published: Published
) -> None:
    """A registration that fails and is retried is no news; one that succeeds is one message."""

    def fail(**_request: object) -> None:
        raise ValueError("refused")

    with monkeypatch.context() as patch:
        patch.setattr(aws.sagemaker, "create_model_package", fail)
        for _retry in range(3):
            with pytest.raises(ValueError, match="refused"):
                register(aws, settings, "digits-1", 0.9934)
    assert published() == []
    for _delivery in range(2):
        package = register(aws, settings, "digits-1", 0.9934)
    (message,) = published()
    assert message["Subject"] == "digits-1: model approved"
    assert f"is registered in the group digits.\n\n{package.arn}\n" in message["Message"]
    assert "Approved: test accuracy 0.9921 clears the floor" in message["Message"]


def test_a_package_that_nobody_was_notified_of_is_announced_by_the_next_delivery(
    aws: Clients, settings: Settings, published: Published
) -> None:
    """The function died behind the registration: the package is found, not made again."""
    with Stubber(aws.sns) as stub:
        stub.add_client_error("publish", "InternalError")
        with pytest.raises(aws.sns.exceptions.ClientError, match="InternalError"):
            register(aws, settings, "digits-1", 0.9934)
    package = register(aws, settings, "digits-1", 0.9934)
    (message,) = published()
    assert package.arn in message["Message"]
    listed = aws.sagemaker.list_model_packages(ModelPackageGroupName="digits")["ModelPackageSummaryList"]
    assert len(listed) == 1


def register_artifact(
    aws: Clients, settings: Settings, metrics: Any, logged: list[Any]
) -> tuple[registry.ModelPackage, dict[str, str]]:
    """Register an artifact that has these metrics, of a job for which SageMaker lists those; its metadata."""
    body = packed(CONFIG | {"metrics": metrics})
    aws.s3.put_object(Bucket=BUCKET, Key="models/digits-1/output/model.tar.gz", Body=body)
    job = completed_job("digits-1", 0) | {"FinalMetricDataList": logged}
    package = registration.register(aws, settings, job)
    described = aws.sagemaker.describe_model_package(ModelPackageName=package.arn)
    return package, described["CustomerMetadataProperties"]


def test_figures_that_sagemaker_does_not_list_are_the_artifact_s(aws: Clients, settings: Settings) -> None:
    """The event comes before the last metrics: the model is judged by what train.py kept with it."""
    metrics = {"test-accuracy": 0.9921, "validation-accuracy": 0.9934, "train-loss": 0.1}
    logged = [{"MetricName": "train-loss", "Value": 0.2}]
    package, known = register_artifact(aws, settings, metrics, logged)
    assert package.status == "Approved"
    assert (known["test_accuracy"], known["validation_accuracy"]) == ("0.9921", "0.9934")
    assert known["train_loss"] == "0.2"  # what SageMaker lists comes first
    assert "config.json" not in package.description


def test_what_sagemaker_and_the_artifact_say_otherwise_is_named(aws: Clients, settings: Settings) -> None:
    """SageMaker's figure is the one that counts; a difference in the last decimal is rounding."""
    metrics = {"test-accuracy": 0.95004, "validation-accuracy": 0.99344}
    logged = [
        {"MetricName": "test-accuracy", "Value": 0.9921},
        {"MetricName": "validation-accuracy", "Value": 0.9934},
    ]
    package, known = register_artifact(aws, settings, metrics, logged)
    assert package.status == "Approved"
    assert known["test_accuracy"] == "0.9921"
    assert package.description.endswith(
        ". The test-accuracy 0.9921 is SageMaker's FinalMetricDataList's; "
        "the artifact's config.json says 0.9500"
    )
    assert "validation-accuracy" not in package.description


def test_metadata_are_cut_to_what_the_registry_takes(aws: Clients, settings: Settings) -> None:
    """Of many the first 50, whole up to 128 and 256 characters; what is empty isn't counted."""
    known = {f"k{number}" + "x" * 130: "y" * number * 100 for number in range(4)}
    assert registration.metadata(known) == {
        f"k{number}" + "x" * 126: "y" * min(number * 100, 256) for number in range(1, 4)
    }
    many = {"empty": ""} | {f"key{number:02d}": "value" for number in range(60)}
    assert list(registration.metadata(many)) == [f"key{number:02d}" for number in range(50)]
    assert registration.metadata({"what?": "100 % of é"}) == {"what_": "100 _ of é"}


def test_where_a_model_comes_from_is_kept_whatever_else_is_cut(aws: Clients, settings: Settings) -> None:
    """Fifty hyperparameters leave the provenance and the figures whole; SageMaker's own aren't kept."""
    aws.s3.put_object(Bucket=BUCKET, Key="models/digits-1/output/model.tar.gz", Body=packed(CONFIG))
    given = {f"p{number:02d}": "1" for number in range(60)}
    own = {"_tuning_objective_metric": "validation-accuracy", "sagemaker_program": "train.py"}
    job = completed_job("digits-1", 0.9934) | {"HyperParameters": given | own}
    package = registration.register(aws, settings, job)
    known = aws.sagemaker.describe_model_package(ModelPackageName=package.arn)["CustomerMetadataProperties"]
    assert list(known)[:4] == ["training_job", "artifact_sha256", "training_image", "torch_version"]
    assert known["validation_accuracy"] == "0.9934"
    assert known["test_accuracy"] == "0.9921"
    assert [name for name in known if "tuning_objective" in name or "sagemaker" in name] == []
    assert len(known) == 50


def test_a_training_job_is_registered_once(aws: Clients, settings: Settings) -> None:
    """A repeated event finds the package that is there."""
    first = register(aws, settings, "digits-1", 0.9934)
    assert register(aws, settings, "digits-1", 0.9934) == first
    listed = aws.sagemaker.list_model_packages(ModelPackageGroupName="digits")["ModelPackageSummaryList"]
    assert [summary["ModelPackageArn"] for summary in listed] == [first.arn]


def test_a_worse_model_waits_and_the_approved_one_stays_the_newest(aws: Clients, settings: Settings) -> None:
    """A run takes the newest Approved package, not the newest package."""
    good = register(aws, settings, "digits-1", 0.9934)
    assert register(aws, settings, "digits-2", 0.98).status == "PendingManualApproval"
    assert registry.newest_approved(aws.sagemaker, "digits") == good


def final_job(aws: Clients) -> Any:
    """A final training on a data set that `digits dataset` uploaded."""
    aws.s3.put_object(Bucket=BUCKET, Key="models/digits-2-final/output/model.tar.gz", Body=packed(CONFIG))
    description = {"sha256": "5" * 64}
    aws.s3.put_object(Bucket=BUCKET, Key="datasets/mnist/dataset.json", Body=json.dumps(description).encode())
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/datasets/mnist/training/"}
    final = completed_job("digits-2-final", 0)
    return final | {
        "FinalMetricDataList": [{"MetricName": "test-accuracy", "Value": 0.9953}],
        "Environment": {"DIGITS_TUNING_JOB": "digits-2", "DIGITS_BEST_TRIAL": "digits-2-007"},
        "InputDataConfig": [{"ChannelName": "training", "DataSource": {"S3DataSource": source}}],
        "HyperParameters": final["HyperParameters"]
        | {"sagemaker_submit_directory": f"s3://{BUCKET}/code/0123456789abcdef/sourcedir.tar.gz"},
    }


def register_final(
    aws: Clients, settings: Settings, patch: pytest.MonkeyPatch, trial: float
) -> registry.ModelPackage:
    """Register a final training whose best trial reached this validation accuracy."""
    described = {"digits-2-007": completed_job("digits-2-007", trial)}
    patch.setattr(aws.sagemaker, "describe_training_job", lambda **named: described[named["TrainingJobName"]])
    return registration.register(aws, settings, final_job(aws))


def test_a_final_model_is_compared_by_its_best_trial_and_says_where_it_comes_from(
    aws: Clients, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trial's validation accuracy, the model's test accuracy; search, data, code and image are kept."""
    package = register_final(aws, settings, monkeypatch, trial=0.9941)
    assert package.status == "Approved"
    assert package.validation_accuracy == 0.9941
    described = aws.sagemaker.describe_model_package(ModelPackageName=package.arn)
    known = described["CustomerMetadataProperties"]
    assert known["tuning_job"] == "digits-2"
    assert known["best_trial"] == "digits-2-007"
    assert known["dataset_sha256"] == "5" * 64
    assert known["code_digest"] == "0123456789abcdef"
    assert known["test_accuracy"] == "0.9953"
    assert known["training_image"].endswith("pytorch-training:2.10-gpu-py313")


def test_a_worse_search_waits_even_if_the_test_accuracy_is_high(
    aws: Clients, settings: Settings, monkeypatch: pytest.MonkeyPatch, published: Published
) -> None:
    """The gate is the best trial's validation accuracy, and people are notified that a model waits."""
    register(aws, settings, "digits-1", 0.9934)
    published()
    assert register_final(aws, settings, monkeypatch, trial=0.99).status == "PendingManualApproval"
    (message,) = published()
    assert message["Subject"] == "digits-2-final: model waits for your approval"
    assert "0.9900 against the approved package's 0.9934 is lower" in message["Message"]


def test_the_figures_on_the_test_set_are_attached_in_sagemakers_schema(
    aws: Clients, settings: Settings
) -> None:
    """ModelMetrics names an object with the test set's confusion matrix as model-quality statistics."""
    package = register(aws, settings, "digits-1", 0.9934)
    described = aws.sagemaker.describe_model_package(ModelPackageName=package.arn)
    statistics = described["ModelMetrics"]["ModelQuality"]["Statistics"]
    key = "models/digits-1/model_quality.json"
    assert statistics == {"ContentType": "application/json", "S3Uri": f"s3://{BUCKET}/{key}"}
    quality = json.loads(aws.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    figures = quality["multiclass_classification_metrics"]
    assert figures["accuracy"] == {"value": 1.0, "standard_deviation": 0.0}
    assert figures["confusion_matrix"]["4"]["4"] == 30


def test_a_model_without_a_test_set_has_no_figures_attached_and_waits(
    aws: Clients, settings: Settings
) -> None:
    """Nothing is measured twice or made up: without a confusion matrix there are no ModelMetrics."""
    key = "models/digits-3/output/model.tar.gz"
    aws.s3.put_object(Bucket=BUCKET, Key=key, Body=packed({"confusion_matrix": []}))
    job = completed_job("digits-3", 0.99)
    job["FinalMetricDataList"] = job["FinalMetricDataList"][:1]
    package = registration.register(aws, settings, job)
    assert package.status == "PendingManualApproval"
    described = aws.sagemaker.describe_model_package(ModelPackageName=package.arn)
    assert not described.get("ModelMetrics")


def test_the_reference_is_put_where_reports_find_it(aws: Clients, settings: Settings) -> None:
    """The artifact's reference.json lies next to the model's other files, before there is a package."""
    content = references.content(references.reference())
    body = packed(CONFIG, reference=content)
    aws.s3.put_object(Bucket=BUCKET, Key="models/digits-5/output/model.tar.gz", Body=body)
    registration.register(aws, settings, completed_job("digits-5", 0.99))
    written = aws.s3.get_object(Bucket=BUCKET, Key="models/digits-5/reference.json")["Body"].read()
    assert json.loads(written) == content


def test_a_model_without_a_reference_gets_none(aws: Clients, settings: Settings) -> None:
    """Nothing is written that the training program didn't make."""
    register(aws, settings, "digits-6", 0.99)
    listed = aws.s3.list_objects_v2(Bucket=BUCKET, Prefix="models/digits-6/")["Contents"]
    assert "models/digits-6/reference.json" not in {each["Key"] for each in listed}


def test_a_broken_reference_is_refused_before_there_is_a_package(aws: Clients, settings: Settings) -> None:
    """A reference that no report could read fails the registration, with what was expected."""
    body = packed(CONFIG, reference={"schema": "digit-batch/reference/1", "images": 0})
    aws.s3.put_object(Bucket=BUCKET, Key="models/digits-7/output/model.tar.gz", Body=body)
    with pytest.raises(ValueError, match=r"reference\.json: expected"):
        registration.register(aws, settings, completed_job("digits-7", 0.99))
    assert not aws.sagemaker.list_model_packages(ModelPackageGroupName=settings.name)[
        "ModelPackageSummaryList"
    ]


def test_an_invalid_artifact_is_refused_and_named(aws: Clients, settings: Settings) -> None:
    """What train.py didn't write isn't registered."""
    aws.s3.put_object(Bucket=BUCKET, Key="models/digits-4/output/model.tar.gz", Body=b"pickle")
    with pytest.raises(ValueError, match=r"models/digits-4/output/model.tar.gz: expected a model artifact"):
        registration.register(aws, settings, completed_job("digits-4", 0.99))


def test_a_training_job_that_still_runs_is_not_taken_for_one_that_failed(
    aws: Clients, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The description may lag behind the event: that is an error, which Lambda retries, and no record."""
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(register_model, "clients", lambda: aws)
    running = {"TrainingJobStatus": "InProgress", "SecondaryStatus": "Uploading"}
    with Stubber(aws.sagemaker) as stub:
        stub.add_response("describe_training_job", completed_job("digits-1", 0.99) | running)
        with pytest.raises(ValueError, match="digits-1: expected one that has ended, found InProgress"):
            register_model.handler(event("training_job_completed"), CONTEXT)
    assert "Contents" not in aws.s3.list_objects_v2(Bucket=BUCKET, Prefix="models/")


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_a_training_job_that_did_not_complete_has_no_package(
    aws: Clients, settings: Settings, monkeypatch: pytest.MonkeyPatch, published: Published, status: str
) -> None:
    """The handler asks SageMaker how the job ended; people are notified once, and the reason is kept."""
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(register_model, "clients", lambda: aws)
    described = completed_job("digits-1", 0.99) | {"TrainingJobStatus": status, "SecondaryStatus": status}
    for _delivery in range(2):
        with Stubber(aws.sagemaker) as stub:
            stub.add_response("describe_training_job", described, {"TrainingJobName": "digits-20261122-1400"})
            register_model.handler(event("training_job_completed"), CONTEXT)
    (message,) = published()
    assert message["Subject"] == f"digits-1: {status}, no new model"
    record = aws.s3.get_object(Bucket=BUCKET, Key="models/digits-1/failure.json")["Body"].read()
    assert json.loads(record)["reason"] == f"the training job is {status}, and gives no reason"
    assert aws.sagemaker.list_model_packages(ModelPackageGroupName="digits")["ModelPackageSummaryList"] == []


def test_a_final_training_without_instances_is_no_failure_yet(
    aws: Clients, settings: Settings, monkeypatch: pytest.MonkeyPatch, published: Published
) -> None:
    """Another attempt may have them: nobody is notified, and no record keeps the sweep from asking for it."""
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(register_model, "clients", lambda: aws)
    described = completed_job("digits-1-final", 0.99) | {
        "TrainingJobStatus": "Failed",
        "SecondaryStatus": "Failed",
        "FailureReason": "CapacityError: Unable to provision requested ML compute capacity.",
        "Environment": {"DIGITS_TUNING_JOB": "digits-1"},
    }
    with Stubber(aws.sagemaker) as stub:
        stub.add_response("describe_training_job", described)
        register_model.handler(event("training_job_completed"), CONTEXT)
    assert published() == []
    assert "Contents" not in aws.s3.list_objects_v2(Bucket=BUCKET, Prefix="models/")


def test_a_package_is_what_sagemaker_serves_and_is_made_once(
    aws: Clients, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code, content types and image; a repeated request has the same token, and another job another one."""
    requests: list[Any] = []
    create = aws.sagemaker.create_model_package

    def keep(**request: Any) -> Any:
        requests.append(request)
        return create(**request)

    monkeypatch.setattr(aws.sagemaker, "create_model_package", keep)
    register(aws, settings, "digits-1", 0.9934)
    register(aws, settings, "digits-2", 0.9934)
    first, second = requests
    assert first["ModelPackageGroupName"] == settings.name
    assert first["InferenceSpecification"] == {
        "Containers": [
            {
                "Image": "763104351884.dkr.ecr.eu-west-1.amazonaws.com/" + settings.serving_image,
                "ModelDataUrl": f"s3://{BUCKET}/models/digits-1/output/model.tar.gz",
                "Environment": {
                    "SM_RAYSERVE_APP": "deployment:app",
                    "RAYSERVE_BACKEND_TIMEOUT": "600",
                    "RAY_USAGE_STATS_ENABLED": "0",
                    "SAGEMAKER_PROGRAM": "inference.py",
                    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                    "TS_MAX_REQUEST_SIZE": "104857600",
                    "TS_MAX_RESPONSE_SIZE": "104857600",
                    "TS_DEFAULT_RESPONSE_TIMEOUT": "600",
                },
            }
        ],
        "SupportedContentTypes": ["application/jsonlines"],
        "SupportedResponseMIMETypes": ["application/jsonlines"],
    }
    arn = completed_job("digits-1", 0.9934)["TrainingJobArn"]
    assert first["ClientToken"] == hashlib.sha256(arn.encode()).hexdigest()[:36]
    assert second["ClientToken"] != first["ClientToken"]


def test_an_approved_model_is_published(aws: Clients, settings: Settings, published: Published) -> None:
    """People are told which model it is, where it is registered, and why it was approved."""
    register(aws, settings, "digits-1", 0.9934)
    (message,) = published()
    assert message["Subject"] == "digits-1: model approved"
    assert f"is registered in the group {settings.name}." in message["Message"]
    assert "Approved: test accuracy 0.9921 clears the floor" in message["Message"]


def test_metadata_is_cut_to_what_the_registry_takes() -> None:
    """50 entries, names of 128 and values of 256 characters, `_` for what it refuses, and nothing empty."""
    assert registration.metadata({"a" * 129: "b" * 257}) == {"a" * 128: "b" * 256}
    assert registration.metadata({"a?b": "c\nd€", "empty": "", "kept": "a-Z_0 .:/=+@-"}) == {
        "a_b": "c_d_",
        "kept": "a-Z_0 .:/=+@-",
    }
    many = {str(number): "x" for number in range(60)}
    assert list(registration.metadata(many)) == [str(number) for number in range(50)]


def test_what_the_job_measured_comes_before_what_its_trial_did(
    aws: Clients, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trial's test accuracy isn't the model's."""
    package = register_final(aws, settings, monkeypatch, trial=0.9941)
    known = aws.sagemaker.describe_model_package(ModelPackageName=package.arn)["CustomerMetadataProperties"]
    assert (known["validation_accuracy"], known["test_accuracy"]) == ("0.9941", "0.9953")
    assert not [name for name in known if "sagemaker_" in name or name.startswith("hyperparameter/_")]


def test_a_trial_s_test_accuracy_is_never_the_package_s(
    aws: Clients, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A final training without a test set has no such figure, though its trial has one; a person decides."""
    trial = {"FinalMetricDataList": [{"MetricName": "test-accuracy", "Value": 0.999}]}
    monkeypatch.setattr(aws.sagemaker, "describe_training_job", lambda **_named: trial)
    final = final_job(aws) | {"FinalMetricDataList": []}
    aws.s3.put_object(Bucket=BUCKET, Key="models/digits-2-final/output/model.tar.gz", Body=packed({}))
    package = registration.register(aws, settings, final)
    known = aws.sagemaker.describe_model_package(ModelPackageName=package.arn)["CustomerMetadataProperties"]
    assert "test_accuracy" not in known
    assert package.status == "PendingManualApproval"


@pytest.mark.parametrize("uri", [f"s3://{BUCKET}/datasets/other/training/", "s3://elsewhere/images/"])
def test_images_without_a_description_have_no_digest(aws: Clients, settings: Settings, uri: str) -> None:
    """What `digits dataset` didn't upload is registered without one."""
    aws.s3.put_object(Bucket=BUCKET, Key="models/digits-5/output/model.tar.gz", Body=packed(CONFIG))
    source = {"S3DataType": "S3Prefix", "S3Uri": uri}
    channels = [{"ChannelName": "training", "DataSource": {"S3DataSource": source}}]
    package = registration.register(
        aws, settings, completed_job("digits-5", 0.99) | {"InputDataConfig": channels}
    )
    described = aws.sagemaker.describe_model_package(ModelPackageName=package.arn)
    assert "dataset_sha256" not in described["CustomerMetadataProperties"]


def test_the_registry_is_what_stands_before_the_first_slash(settings: Settings) -> None:
    """A repository's name may have slashes of its own."""
    job: Any = {"AlgorithmSpecification": {"TrainingImage": "1.dkr.ecr.eu-west-1.amazonaws.com/team/torch:2"}}
    assert registration.serving_image(job, settings) == (
        f"1.dkr.ecr.eu-west-1.amazonaws.com/{settings.serving_image}"
    )
