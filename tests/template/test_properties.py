"""No property stands in template.yaml that no test speaks of: it could be wrong, and nobody would see."""

import pytest

from tests.template.document import template

# The properties that the tests of this folder look at. A new one has its test first, and then a word here.
CHECKED = {
    "AWS::CloudWatch::Alarm": "AlarmActions AlarmDescription ComparisonOperator Dimensions EvaluationPeriods "
    "MetricName Namespace Period Statistic Threshold TreatMissingData",
    "AWS::Events::Rule": "Description EventPattern ScheduleExpression Targets",
    "AWS::IAM::Role": "AssumeRolePolicyDocument Policies",
    "AWS::Lambda::Permission": "Action FunctionName Principal SourceArn",
    "AWS::Logs::LogGroup": "KmsKeyId LogGroupName RetentionInDays",
    "AWS::S3::Bucket": "BucketEncryption LifecycleConfiguration LoggingConfiguration "
    "NotificationConfiguration OwnershipControls PublicAccessBlockConfiguration VersioningConfiguration",
    "AWS::S3::BucketPolicy": "Bucket PolicyDocument",
    "AWS::SNS::Subscription": "Endpoint Protocol TopicArn",
    "AWS::SNS::Topic": "KmsMasterKeyId",
    "AWS::SNS::TopicPolicy": "PolicyDocument Topics",
    "AWS::SQS::Queue": "KmsMasterKeyId MessageRetentionPeriod RedrivePolicy SqsManagedSseEnabled "
    "VisibilityTimeout",
    "AWS::SQS::QueuePolicy": "PolicyDocument Queues",
    "AWS::SageMaker::ModelPackageGroup": "ModelPackageGroupDescription ModelPackageGroupName Tags",
    "AWS::Serverless::Function": "Description EphemeralStorage EventInvokeConfig Events FunctionName Handler "
    "LoggingConfig MemorySize Policies RecursiveLoop Timeout",
}
GLOBALS = "Architectures CodeUri Environment MemorySize Runtime Timeout"
PARAMETERS = (
    "AllowedPattern AllowedValues ConstraintDescription Default Description MaxLength MaxValue MinValue Type"
)


@pytest.mark.parametrize("kind", CHECKED)
def test_a_property_of_a_resource_has_a_test(kind: str) -> None:
    """Whoever adds one says what it is for in a test that fails without it."""
    for name, body in template()["Resources"].items():
        if body["Type"] == kind:
            unknown = set(body.get("Properties", {})) - set(CHECKED[kind].split())
            assert not unknown, f"{name}: no test in tests/template/ speaks of {sorted(unknown)}"


def test_every_type_of_resource_has_its_tests() -> None:
    """A type that is gone is gone from the table, too."""
    assert {body["Type"] for body in template()["Resources"].values()} == set(CHECKED)


def test_what_all_functions_share_has_a_test() -> None:
    """Their common properties, and the fields of parameters."""
    assert set(template()["Globals"]["Function"]) == set(GLOBALS.split())
    assert set(template()["Globals"]) == {"Function"}
    for name, declared in template()["Parameters"].items():
        assert set(declared) <= set(PARAMETERS.split()), name
