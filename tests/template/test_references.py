"""What the template's parts say of each other, and that SAM and the local cloud take it."""

import pytest

from tests.template.deployed import REGION, arn, deployed
from tests.template.document import many, of_type, template
from tests.template.translated import translated


def test_sam_translates_the_template(monkeypatch: pytest.MonkeyPatch) -> None:
    """No Serverless resource is left, no function without its role, and nothing that would do nothing."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)  # which SAM's translator asks boto3 for
    kinds = [resource["Type"] for resource in translated()["Resources"].values()]
    assert not any(kind.startswith("AWS::Serverless::") for kind in kinds)
    assert kinds.count("AWS::Lambda::Function") == 5 == kinds.count("AWS::IAM::Role") - 1
    assert kinds.count("AWS::Lambda::EventSourceMapping") == 2
    assert kinds.count("AWS::Lambda::EventInvokeConfig") == 3


def test_every_reference_names_what_exists() -> None:
    """A Ref, a GetAtt or a Sub of something else is refused by CloudFormation, half-way."""
    assert deployed(template()["Resources"])
    assert deployed(template()["Globals"])


POLICIES = ["AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"]


@pytest.mark.parametrize("kind", POLICIES)
def test_a_resource_policys_statements_name_everything(kind: str) -> None:
    """Who, what, on which resource and on which condition; in the language of 2012."""
    for policy in of_type(kind).values():
        document = policy["PolicyDocument"]
        assert document["Version"] == "2012-10-17"
        sids = [statement["Sid"] for statement in document["Statement"]]
        assert len(set(sids)) == len(sids)
        for statement in document["Statement"]:
            assert statement.keys() == {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}


@pytest.mark.parametrize("kind", POLICIES)
def test_a_resource_policy_denies_what_comes_without_tls(kind: str) -> None:
    """By one statement, about everything that the policy is of."""
    for policy in of_type(kind).values():
        (denying,) = (one for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Deny")
        assert denying["Principal"] == "*"
        assert denying["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        if kind == "AWS::S3::BucketPolicy":
            assert denying["Action"] == "s3:*"
            covered = [arn("DataBucket"), f"{arn('DataBucket')}/*"]
        elif kind == "AWS::SNS::TopicPolicy":  # whose policies take no wildcard for actions
            assert denying["Action"] == "sns:Publish"
            covered = [deployed(topic) for topic in policy["Topics"]]
        else:
            assert denying["Action"] == "sqs:*"
            covered = [arn(queue["Ref"]) for queue in policy["Queues"]]
        assert many(deployed(denying["Resource"])) == covered
