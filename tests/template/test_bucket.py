"""The data bucket: what it keeps, for whom, and what may end."""

from typing import Any

import pytest

from batch_prediction import layout
from batch_prediction.aws import job_options
from batch_prediction.layout import Run, output_name
from batch_prediction.report import index
from tests.template.deployed import BUCKET, arn, denied, deployed
from tests.template.document import of_type, properties, resource, template

RUN = Run("spring/b7", "20261122t154022z-1a2b3c4d")
# One key of everything that the bucket holds (functions/batch_prediction/layout.py).
KEYS = (
    "incoming/spring/b7/manifest.jsonl",
    "incoming/spring/b7/0001.png",
    RUN.decision,
    RUN.gave_up,
    RUN.left_out,
    RUN.input_part(0),
    RUN.output_prefix() + output_name(0),
    RUN.report,
    RUN.page,
    RUN.predictions,
    RUN.model_quality,
    layout.INDEX,
    layout.INDEX_PAGE,
    Run("index.html", RUN.id).report,  # of a batch with an unlucky name
    "datasets/mnist/dataset.json",
    "code/0123456789abcdef/sourcedir.tar.gz",
    layout.tuning_failure("digits-261122-140000"),
    layout.training_quality("digits-261122-140000-final"),
    layout.training_package("digits-261122-140000-final"),
    layout.training_failure("digits-261122-140000-final"),
    "models/digits-261122-140000-final/output/model.tar.gz",
    "checkpoints/digits-261122-140000-final/last.pt",
    layout.line("ml.m5.large", 1),
)
UNFINISHED = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}
INDEXES = (layout.INDEX, layout.INDEX_PAGE)  # written anew by each report, and nothing that isn't elsewhere
# What else is done to a key: nothing else ends by itself. What stands in a line counts for minutes, and
# what is replaced of reports, trials and checkpoints can be made again.
KEPT_A_MONTH = ("reports/", "trials/", "checkpoints/")
REPLACED = {"NoncurrentVersionExpiration": {"NoncurrentDays": 1}}
A_MONTH = {"NoncurrentVersionExpiration": {"NoncurrentDays": 30}}
ENDING = (
    {key: A_MONTH for key in KEYS if key.startswith(KEPT_A_MONTH)}
    | dict.fromkeys(INDEXES, REPLACED)
    | {layout.line("ml.m5.large", 1): REPLACED | {"ExpirationInDays": 1}}
)
TAGS = {key: dict([index.EXPIRES.split("=")]) for key in INDEXES}  # of the keys that are written with some
SELECTING = {"Id", "Status", "Prefix", "TagFilters"}  # what a lifecycle rule has besides what it does


@pytest.mark.parametrize("name", ["DataBucket", "ModelPackageGroup"])
def test_data_outlives_the_stack(name: str) -> None:
    """Deleting or replacing keeps all data; a first deployment that fails leaves nothing behind."""
    assert resource(name)["DeletionPolicy"] == "RetainExceptOnCreate"
    assert resource(name)["UpdateReplacePolicy"] == "Retain"


def test_nothing_else_outlives_the_stack() -> None:
    """What holds no data is deleted with the stack, or a second deployment would meet its name."""
    kept = {
        name
        for name, body in template()["Resources"].items()
        if body.keys() & {"DeletionPolicy", "UpdateReplacePolicy"}
    }
    assert kept == {"DataBucket", "ModelPackageGroup"}


def test_the_model_package_group_is_never_replaced() -> None:
    """Its name is the stack's; a change of name or description is a replacement, which its name prevents."""
    assert properties("ModelPackageGroup") == {
        "ModelPackageGroupName": {"Ref": "Name"},
        "ModelPackageGroupDescription": "Digit classifiers. The newest Approved version reads the batches.",
        "Tags": [{"Key": job_options.COST_TAG, "Value": {"Ref": "Name"}}],
    }


def test_there_is_one_bucket() -> None:
    """Another would have to be versioned, encrypted and private, too."""
    assert list(of_type("AWS::S3::Bucket")) == ["DataBucket"]


def test_the_bucket_is_versioned_encrypted_private_and_notifies_eventbridge() -> None:
    """Each of these protects the data, or the flow."""
    bucket = properties("DataBucket")
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    (rule,) = deployed(bucket["BucketEncryption"])["ServerSideEncryptionConfiguration"]
    assert rule == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    assert bucket["PublicAccessBlockConfiguration"] == dict.fromkeys(
        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
    )
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert bucket["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert "LoggingConfiguration" not in deployed(bucket)


def selects(rule: dict[str, Any], key: str) -> bool:
    """Whether a lifecycle rule concerns an object."""
    assert rule["Id"]
    assert rule["Status"] in ("Enabled", "Disabled")
    tags = {tag["Key"]: tag["Value"] for tag in rule.get("TagFilters", [])}.items()
    named = key.startswith(rule.get("Prefix", "")) and tags <= TAGS.get(key, {}).items()
    return rule["Status"] == "Enabled" and named


def rules() -> list[dict[str, Any]]:
    """The bucket's lifecycle rules."""
    found: list[dict[str, Any]] = properties("DataBucket")["LifecycleConfiguration"]["Rules"]
    return found


def done_to(key: str) -> dict[str, Any]:
    """What the lifecycle rules do to an object, its old versions and its unfinished uploads.

    Of two that say the same of it, the shorter counts:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-conflicts.html
    """
    done: dict[str, Any] = {}
    for rule in filter(lambda rule: selects(rule, key), rules()):
        for action in rule.keys() - SELECTING:
            done[action] = min(done.get(action, rule[action]), rule[action], key=_days)
    return done


def _days(action: Any) -> int:
    (days,) = action.values() if isinstance(action, dict) else [action]
    return int(days)


def test_every_lifecycle_rule_concerns_one_of_these_keys() -> None:
    """One that concerned none would be nothing, or something that isn't looked at here."""
    for rule in rules():
        assert any(selects(rule, key) for key in KEYS), rule["Id"]


def test_a_lifecycle_rule_is_for_a_folder_of_the_layout() -> None:
    """Without its slash a prefix would be that of another folder, too; the index's is narrowed by a tag."""
    folders = {layout.REPORTS, layout.TRIALS, layout.CHECKPOINTS, layout.WAITING, "reports/index."}
    assert {rule["Prefix"] for rule in rules() if "Prefix" in rule} == folders


@pytest.mark.parametrize("key", KEYS)
def test_no_object_and_no_old_version_ends_but_those_that_were_meant_to(key: str) -> None:
    """A report can be made again from what its run read; of unfinished uploads nothing is left."""
    assert done_to(key) == UNFINISHED | ENDING.get(key, {})


def test_an_upload_ends_only_after_the_longest_job() -> None:
    """What a job still writes isn't taken from it."""
    longest = template()["Parameters"]["MaxTransformHours"]["MaxValue"]
    assert done_to(KEYS[0])["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] * 24 > longest


def test_the_bucket_is_reached_over_tls_only() -> None:
    """Whoever asks for whatever without TLS is denied, and nobody is denied with it."""
    ((_, policy),) = of_type("AWS::S3::BucketPolicy").items()
    assert deployed(policy["Bucket"]) == BUCKET
    for action, on in (
        ("s3:ListBucket", arn("DataBucket")),
        ("s3:PutBucketPolicy", arn("DataBucket")),
        ("s3:GetObject", f"{arn('DataBucket')}/incoming/b7/1.png"),
        ("s3:PutObject", f"{arn('DataBucket')}/x"),
    ):
        for by in ("arn:aws:iam::123456789012:role/r", "events.amazonaws.com"):
            assert denied(policy["PolicyDocument"], action, on, {"aws:SecureTransport": "false"}, by)
            assert not denied(policy["PolicyDocument"], action, on, {"aws:SecureTransport": "true"}, by)
