"""IAM's decisions, and the errors that a role without a permission gets."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.core.clients import make_client
from localcloud.core.cloud import Cloud, CloudError
from localcloud.deploy import DeployError
from localcloud.iam import action_map
from localcloud.iam.errors import PolicyError
from localcloud.iam.policy_evaluation import (
    Request,
    allows,
    read,
)
from localcloud.iam.roles import role_environment
from tests.localcloud.stack_account import HELLO, Account
from tests.wait import until

ROLE = "arn:aws:iam::123456789012:role/reader"
BUCKET = "arn:aws:s3:::bucket"
REPOSITORY = "arn:aws:ecr:eu-west-1:763104351884:repository/ray"


def decide(request: Request, *statements: dict[str, Any]) -> bool:
    """A policy document of these statements; each allows everything that it doesn't restrict."""
    whole = [{"Effect": "Allow", "Action": "*", "Resource": "*", **statement} for statement in statements]
    for statement in whole:
        for narrower in ("Action", "Resource"):
            if f"Not{narrower}" in statement:
                del statement[narrower]
    return allows(read(json.dumps({"Version": "2012-10-17", "Statement": whole})), request)


READ = Request("s3:GetObject", f"{BUCKET}/runs/b/run.json")


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ({}, True),
        ({"Action": "s3:Get*"}, True),
        ({"Action": "S3:getobject"}, True),
        ({"Action": "s3:GetObjectVersion"}, False),
        ({"Action": ["s3:Put?bject", "s3:Get?bject"]}, True),
        ({"NotAction": "s3:GetObject"}, False),
        ({"NotAction": "s3:PutObject"}, True),
        ({"Resource": f"{BUCKET}/runs/*"}, True),
        ({"Resource": f"{BUCKET}/RUNS/*"}, False),
        ({"Resource": BUCKET}, False),
        ({"Resource": "arn:aws:*:runs/*"}, False),
        ({"NotResource": f"{BUCKET}/runs/*"}, False),
        ({"NotResource": f"{BUCKET}/reports/*"}, True),
    ],
)
def test_a_statement_matches_by_action_and_resource(statement: dict[str, Any], allowed: bool) -> None:
    """Wildcards, lists and their negations; actions ignore case, resources don't."""
    assert decide(READ, statement) is allowed


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ({"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}, True),
        ({"StringEquals": {"iam:PassedToService": ["a", "sagemaker.amazonaws.com"]}}, True),
        ({"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}, False),
        ({"StringEquals": {"aws:Absent": "x"}}, False),
        ({"StringEqualsIfExists": {"aws:Absent": "x"}}, True),
        ({"StringNotEquals": {"aws:Absent": "x"}}, True),
        ({"StringNotEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}, False),
        ({"StringLike": {"iam:PassedToService": "*.amazonaws.com"}}, True),
        ({"StringEqualsIgnoreCase": {"iam:PassedToService": "SageMaker.amazonaws.com"}}, True),
        ({"Null": {"aws:Absent": "true"}}, True),
        ({"Null": {"iam:PassedToService": True}}, False),
        ({"StringLike": {"iam:PassedToService": "s*"}, "Bool": {"aws:SecureTransport": "true"}}, False),
    ],
)
def test_a_condition_holds_or_does_not(condition: dict[str, Any], allowed: bool) -> None:
    """Every operator and key has to hold; an absent key fails operators that aren't negated or IfExists."""
    passing = Request("iam:PassRole", ROLE, (("iam:passedtoservice", "sagemaker.amazonaws.com"),))
    assert decide(passing, {"Condition": condition}) is allowed


def test_a_deny_goes_over_every_allow() -> None:
    """A request that one statement denies is denied, regardless of the others."""
    assert not decide(READ, {}, {"Effect": "Deny", "Resource": f"{BUCKET}/runs/*"})
    assert decide(READ, {}, {"Effect": "Deny", "Resource": f"{BUCKET}/reports/*"})


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ({"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}, "condition operator 'IpAddress'"),
        ({"Condition": {"ForAnyValue:StringEquals": {"a": "b"}}}, "condition operator 'ForAnyValue"),
        ({"Resource": "arn:aws:s3:::bucket/${aws:username}/*"}, "policy variable ${aws:username}"),
        ({"Resourse": "*"}, "element 'Resourse'"),
        ({"Effect": "allow"}, "expected the Effect Allow or Deny, found 'allow'"),
    ],
)
def test_what_cannot_be_decided_is_refused(statement: dict[str, Any], why: str) -> None:
    """An operator, a variable or an element that isn't known is an error that names it."""
    with pytest.raises(PolicyError) as refused:
        decide(READ, statement)
    assert why in str(refused.value)


FUNCTION = """
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Policies:
        - Statement:
            - Sid: FromHome
              Effect: Allow
              Action: s3:GetObject
              Resource: '*'
              Condition: {IpAddress: {'aws:SourceIp': 10.0.0.0/8}}
"""


def test_a_stack_whose_policy_cannot_be_decided_is_rolled_back(account: Account) -> None:
    """The reason names the role, the statement and the operator."""
    with pytest.raises(
        DeployError, match=r"FRole .*Statement 'FromHome' has the condition operator 'IpAddress'"
    ):
        account.deploy("undecided", FUNCTION, HELLO)


@pytest.fixture(scope="module")
def reader(account: Account) -> Cloud:
    """A role that may read one object and nothing else, and an object that it may not read."""
    iam, s3 = account.cloud.client("iam"), account.cloud.client("s3")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    version = {"Version": "2012-10-17"}
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps({**version, "Statement": trust}))
    may = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": [f"{BUCKET}/mine", f"{BUCKET}/missing"]}
    put = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"{BUCKET}/written"}
    document = json.dumps({**version, "Statement": [may, put]})
    iam.put_role_policy(RoleName="reader", PolicyName="read", PolicyDocument=document)
    s3.create_bucket(Bucket="bucket")
    s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="bucket", Key="mine", Body=b"mine")
    s3.put_object(Bucket="bucket", Key="other", Body=b"other")
    return account.cloud


def code(ask: Any) -> str:
    """The error's code of a request that is refused."""
    with pytest.raises(ClientError) as refused:
        ask()
    return str(refused.value.response["Error"]["Code"])


def test_a_role_reads_what_it_may_and_no_version_and_no_listing(account: Account, reader: Cloud) -> None:
    """GetObject doesn't cover versions; a missing object is forbidden to those who may not list."""
    s3 = make_client("s3", role_environment(reader, ROLE, "test"))
    assert s3.get_object(Bucket="bucket", Key="mine")["Body"].read() == b"mine"
    version = reader.client("s3").head_object(Bucket="bucket", Key="mine")["VersionId"]
    assert code(lambda: s3.get_object(Bucket="bucket", Key="mine", VersionId=version)) == "AccessDenied"
    assert code(lambda: s3.get_object(Bucket="bucket", Key="other")) == "AccessDenied"
    assert code(lambda: s3.get_object(Bucket="bucket", Key="missing")) == "AccessDenied"
    assert (
        code(lambda: s3.copy_object(Bucket="bucket", Key="mine", CopySource="bucket/other")) == "AccessDenied"
    )
    assert "s3:GetObject on arn:aws:s3:::bucket/other" in account.logged("denial", "reader")


def test_a_tag_is_a_permission_of_its_own(account: Account, reader: Cloud) -> None:
    """PutObject with tags needs s3:PutObjectTagging, too; without tags it doesn't."""
    s3 = make_client("s3", role_environment(reader, ROLE, "test"))
    s3.put_object(Bucket="bucket", Key="written", Body=b"plain")
    tagged = code(lambda: s3.put_object(Bucket="bucket", Key="written", Body=b"tagged", Tagging="a=b"))
    assert tagged == "AccessDenied"
    assert reader.client("s3").get_object(Bucket="bucket", Key="written")["Body"].read() == b"plain"
    assert f"s3:PutObjectTagging on {BUCKET}/written" in account.logged("denial", "reader")


def test_a_request_whose_permissions_are_not_known_is_refused(reader: Cloud) -> None:
    """A request that the local cloud can't decide is denied, and the error says where to add its action."""
    sqs = make_client("sqs", role_environment(reader, ROLE, "test"))
    with pytest.raises(ClientError, match="doesn't know what permissions sqs:ListQueues needs"):
        sqs.list_queues()


def test_a_role_is_assumed_only_by_those_it_trusts(reader: Cloud) -> None:
    """SageMaker can't run a job under a role that trusts Lambda alone."""
    assert role_environment(reader, ROLE, "test", "lambda.amazonaws.com")["AWS_SESSION_TOKEN"]
    with pytest.raises(CloudError, match=r"trust policy lets sagemaker\.amazonaws\.com assume it"):
        role_environment(reader, ROLE, "test", "sagemaker.amazonaws.com")


def test_an_on_failure_destination_needs_the_functions_permission(account: Account) -> None:
    """Lambda sends the record under the function's role: without the permission nothing arrives."""
    stack = """
    Resources:
      Letters: {Type: AWS::SQS::Queue}
      Bare:
        Type: AWS::IAM::Role
        Properties:
          AssumeRolePolicyDocument:
            Version: '2012-10-17'
            Statement:
              - {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: 'sts:AssumeRole'}
      F:
        Type: AWS::Serverless::Function
        Properties:
          FunctionName: failing
          Handler: app.handler
          Role: !GetAtt Bare.Arn
          EventInvokeConfig:
            MaximumRetryAttempts: 0
            DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Letters.Arn}}
    Outputs:
      Letters: {Value: !Ref Letters}
    """
    outputs = account.deploy("destinations", stack, "def handler(event, context): raise ValueError('no')")
    account.cloud.client("lambda").invoke(FunctionName="failing", InvocationType="Event", Payload=b"{}")
    until(
        lambda: any("OnFailure destination failed" in text for text in account.logged("function", "failing"))
    )
    queue = account.cloud.client("sqs").receive_message(QueueUrl=outputs["Letters"])
    assert "Messages" not in queue


@pytest.mark.parametrize(
    ("image", "asked"),
    [
        (
            "763104351884.dkr.ecr.eu-west-1.amazonaws.com/ray:serve-ml-sagemaker-cpu-v1.4",
            {("ecr:BatchGetImage", REPOSITORY), ("ecr:DescribeImages", REPOSITORY)},
        ),
        ("public.ecr.aws/any:tag", set()),
    ],
)
def test_whoever_registers_a_package_looks_at_its_image(image: str, asked: set[tuple[str, str]]) -> None:
    """In the repository of an image that Amazon ECR has; a package without images asks nothing of it."""
    given: dict[str, Any] = {
        "ModelPackageGroupName": "digits",
        "InferenceSpecification": {"Containers": [{"Image": image}]},
    }
    cloud: Any = Cloud  # its region and account are the class's
    requests = action_map.of_service(cloud, "sagemaker", "CreateModelPackage", given.get)
    assert {(request.action, request.resource) for request in requests if "ecr" in request.action} == asked
    del given["InferenceSpecification"]
    requests = action_map.of_service(cloud, "sagemaker", "CreateModelPackage", given.get)
    assert {request.action for request in requests} == {"sagemaker:CreateModelPackage"}
