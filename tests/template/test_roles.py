"""What the roles may do, to what, on which condition; and who may take them."""

from typing import Any

import pytest

from localcloud.iam.job_permissions import INTERFACES
from tests.template.deployed import ACCOUNT, KEY, REGION, allowed, arn, deployed
from tests.template.document import chosen, many, of_type, properties, role_documents, role_statements

SAGEMAKER = "arn:${AWS::Partition}:sagemaker:${AWS::Region}:${AWS::AccountId}:"
BUCKET = "${DataBucket.Arn}/"
READ_BY_JOBS = ("incoming", "runs", "datasets", "code", "trials/*/output", "models", "checkpoints")
WRITTEN_BY_JOBS = ("runs/*/output", "trials", "models", "checkpoints")
SWEPT = ("transform-job", "training-job", "hyper-parameter-tuning-job")
OUTCOMES = (
    "reports/*/report.json",
    "trials/*/failure.json",
    "models/*/package.json",
    "models/*/failure.json",
)
# Everything that a role may do, and to what. A change of template.yaml is a change of this table.
USE_OF_THE_KEY = {"kms:Decrypt": ["KmsKeyArn"], "kms:GenerateDataKey": ["KmsKeyArn"]}  # where there is one
ALLOWED = {
    "StartTransform": {
        "s3:GetObjectVersion": [f"{BUCKET}incoming/*"],
        "s3:GetObject": [f"{BUCKET}runs/*", f"{BUCKET}waiting/*"],
        "s3:PutObject": [f"{BUCKET}runs/*", f"{BUCKET}waiting/*"],
        "s3:ListBucket": ["DataBucket.Arn"],
        "sagemaker:ListModelPackages": ["*"],
        "sagemaker:DescribeModelPackage": [f"{SAGEMAKER}model-package/${{Name}}/*"],
        "sagemaker:CreateModel": [f"{SAGEMAKER}model/${{Name}}-*"],
        "sagemaker:DescribeModel": [f"{SAGEMAKER}model/${{Name}}-*"],
        "sagemaker:CreateTransformJob": [f"{SAGEMAKER}transform-job/${{Name}}-*"],
        "sagemaker:DescribeTransformJob": [f"{SAGEMAKER}transform-job/${{Name}}-*"],
        "iam:PassRole": ["SageMakerRole.Arn"],
        "sqs:SendMessage": ["ReportQueue.Arn", "UploadQueue.Arn"],
        "sqs:ChangeMessageVisibility": ["UploadQueue.Arn"],
        "sagemaker:AddTags": [f"{SAGEMAKER}{made}/${{Name}}-*" for made in ("model", "transform-job")],
        **USE_OF_THE_KEY,
    },
    "WriteReport": {
        "s3:GetObject": [
            *(f"{BUCKET}runs/*", f"{BUCKET}reports/*"),
            *(f"{BUCKET}models/*/reference.json", f"{BUCKET}incoming/*"),
        ],
        "s3:GetObjectVersion": [f"{BUCKET}incoming/*"],
        "s3:PutObject": [f"{BUCKET}reports/*"],
        "s3:PutObjectTagging": [f"{BUCKET}reports/index.json", f"{BUCKET}reports/index.html"],
        "s3:ListBucket": ["DataBucket.Arn"],
        "sagemaker:DescribeTransformJob": [f"{SAGEMAKER}transform-job/${{Name}}-*"],
        "sqs:SendMessage": ["UploadQueue.Arn"],
        "sqs:ChangeMessageVisibility": ["ReportQueue.Arn"],
        "sns:Publish": ["Notifications"],
        **USE_OF_THE_KEY,
    },
    "Sweep": {
        **{
            f"sagemaker:List{kind}": ["*"]
            for kind in ("TransformJobs", "TrainingJobs", "HyperParameterTuningJobs")
        },
        **{
            f"sagemaker:Describe{kind}": [f"{SAGEMAKER}{job}/${{Name}}-*" for job in SWEPT]
            for kind in ("TransformJob", "TrainingJob", "HyperParameterTuningJob")
        },
        "s3:GetObject": [f"{BUCKET}{key}" for key in (*OUTCOMES, "runs/*/run.json")],
        "s3:PutObject": [f"{BUCKET}runs/*/run.json"],
        "s3:ListBucket": ["DataBucket.Arn"],
        "sqs:SendMessage": ["ReportQueue.Arn"],
        "lambda:InvokeFunction": [
            f"arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:${{Name}}-{name}"
            for name in ("train-best-model", "register-model", "sweep")
        ],
        "sagemaker:StopTransformJob": [f"{SAGEMAKER}transform-job/${{Name}}-*"],
        **USE_OF_THE_KEY,
    },
    "TrainBestModel": {
        "sagemaker:DescribeHyperParameterTuningJob": [f"{SAGEMAKER}hyper-parameter-tuning-job/${{Name}}-*"],
        "sagemaker:CreateTrainingJob": [f"{SAGEMAKER}training-job/${{Name}}-*-final*"],
        "sagemaker:ListTrainingJobsForHyperParameterTuningJob": [
            f"{SAGEMAKER}hyper-parameter-tuning-job/${{Name}}-*"
        ],
        "sagemaker:DescribeTrainingJob": [f"{SAGEMAKER}training-job/${{Name}}-*"],
        "iam:PassRole": ["SageMakerRole.Arn"],
        "s3:ListBucket": ["DataBucket.Arn"],
        "s3:GetObject": [f"{BUCKET}trials/*/failure.json"],
        "s3:PutObject": [f"{BUCKET}trials/*/failure.json"],
        "sns:Publish": ["Notifications"],
        "sagemaker:AddTags": [f"{SAGEMAKER}training-job/${{Name}}-*-final*"],
        **USE_OF_THE_KEY,
    },
    "RegisterModel": {
        "sagemaker:DescribeTrainingJob": [f"{SAGEMAKER}training-job/*"],
        "s3:GetObject": [f"{BUCKET}models/*", f"{BUCKET}datasets/*/dataset.json"],
        "s3:ListBucket": ["DataBucket.Arn"],
        "s3:PutObject": [
            f"{BUCKET}models/*/{name}.json" for name in ("model_quality", "reference", "package", "failure")
        ],
        "sns:Publish": ["Notifications"],
        "sagemaker:ListModelPackages": ["*"],
        "sagemaker:CreateModelPackage": [
            f"{SAGEMAKER}model-package/${{Name}}/*",
            f"{SAGEMAKER}model-package-group/${{Name}}",
        ],
        "sagemaker:DescribeModelPackage": [
            f"{SAGEMAKER}model-package/${{Name}}/*",
            f"{SAGEMAKER}model-package-group/${{Name}}",
        ],
        "ecr:BatchGetImage": ["arn:${AWS::Partition}:ecr:${AWS::Region}:*:repository/*"],
        "ecr:DescribeImages": ["arn:${AWS::Partition}:ecr:${AWS::Region}:*:repository/*"],
        **USE_OF_THE_KEY,
    },
    "SageMakerRole": {
        "s3:ListBucket": ["DataBucket.Arn"],
        "s3:GetObject": [f"{BUCKET}{folder}/*" for folder in READ_BY_JOBS],
        "s3:GetObjectVersion": [f"{BUCKET}incoming/*"],
        "s3:PutObject": [f"{BUCKET}{folder}/*" for folder in WRITTEN_BY_JOBS],
        "s3:AbortMultipartUpload": [f"{BUCKET}{folder}/*" for folder in WRITTEN_BY_JOBS],
        "s3:DeleteObject": [f"{BUCKET}checkpoints/*"],
        "ecr:GetAuthorizationToken": ["*"],
        "ecr:BatchCheckLayerAvailability": ["arn:${AWS::Partition}:ecr:${AWS::Region}:*:repository/*"],
        "ecr:GetDownloadUrlForLayer": ["arn:${AWS::Partition}:ecr:${AWS::Region}:*:repository/*"],
        "ecr:BatchGetImage": ["arn:${AWS::Partition}:ecr:${AWS::Region}:*:repository/*"],
        **{
            f"logs:{action}": [
                "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/sagemaker/*"
            ]
            for action in ("CreateLogGroup", "CreateLogStream", "PutLogEvents", "DescribeLogStreams")
        },
        "cloudwatch:PutMetricData": ["*"],
        **USE_OF_THE_KEY,
        **{f"kms:{action}": ["KmsKeyArn"] for action in ("Encrypt", "DescribeKey", "CreateGrant")},
        **{f"ec2:{action}": ["*"] for action in INTERFACES},
    },
}


def address(resource: Any) -> str:
    """A resource of a statement, as the table writes it."""
    if isinstance(resource, dict):
        ((kind, value),) = resource.items()
        return ".".join(value) if kind == "Fn::GetAtt" else str(value)
    return str(resource)


def test_every_role_may_do_what_the_table_says_and_nothing_else() -> None:
    """Permissions are as narrow as they were meant: only write_report writes below reports/, for one."""
    found: dict[str, dict[str, list[str]]] = {name: {} for name in ALLOWED}
    for name, statement in role_statements():
        for action in many(statement["Action"]):
            found[name].setdefault(action, []).extend(map(address, many(statement["Resource"])))
    assert found == ALLOWED


def test_nothing_may_do_everything() -> None:
    """No action is a wildcard; only actions that AWS grants on nothing narrower have the resource `*`."""
    anywhere = {
        "sagemaker:ListModelPackages",
        "sagemaker:ListTransformJobs",
        "sagemaker:ListTrainingJobs",
        "sagemaker:ListHyperParameterTuningJobs",
        "ecr:GetAuthorizationToken",
        "cloudwatch:PutMetricData",
        *(f"ec2:{action}" for action in INTERFACES),
    }
    seen = 0
    for name, statement in role_statements():
        seen += 1
        assert statement["Effect"] == "Allow"
        for action in many(statement["Action"]):
            assert "*" not in action, f"{name}: {statement['Sid']}"
            if "*" in many(statement["Resource"]):
                assert action in anywhere, f"{name}: {statement['Sid']}"
    assert seen > 10


@pytest.mark.parametrize("kind", ["AWS::IAM::Role", "AWS::Serverless::Function"])
def test_a_role_has_no_policy_but_its_own(kind: str) -> None:
    """Neither a managed policy of AWS's nor another role is attached."""
    for body in of_type(kind).values():
        assert not body.keys() & {"ManagedPolicyArns", "Role", "PermissionsBoundary"}


CONDITIONAL = {("StartTransform", "PassTheModelItsRole"), ("TrainBestModel", "PassTheTrainingItsRole")} | {
    ("SageMakerRole", "WriteMetrics"),
    ("SageMakerRole", "UseTheKeyForDisks"),
    ("StartTransform", "TagThemForTheCosts"),
    ("TrainBestModel", "TagItForTheCosts"),
}


def test_a_statement_says_what_it_is_for_and_nothing_that_is_not_checked() -> None:
    """Each has a Sid of its own; those with a condition are asked below."""
    names = [(name, statement["Sid"]) for name, statement in role_statements()]
    assert len(names) == len(set(names))
    for name, statement in role_statements():
        conditional = {"Condition"} if (name, statement["Sid"]) in CONDITIONAL else set()
        assert statement.keys() == {"Sid", "Effect", "Action", "Resource"} | conditional
    for _, document in role_documents():
        assert document["Version"] == "2012-10-17"


def may(role: str, action: str, on: str, context: dict[str, str]) -> bool:
    """Whether a role's policies allow a request."""
    return any(allowed(document, action, on, context) for name, document in role_documents() if name == role)


@pytest.mark.parametrize("role", ["StartTransform", "TrainBestModel"])
def test_only_the_sagemaker_role_is_passed_and_only_to_sagemaker(role: str) -> None:
    """Passed to a service that runs other people's code, it would be theirs."""
    to_sagemaker = {"iam:PassedToService": "sagemaker.amazonaws.com"}
    assert may(role, "iam:PassRole", arn("SageMakerRole"), to_sagemaker)
    assert not may(role, "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/admin", to_sagemaker)
    (statement,) = (
        one for name, one in role_statements() if name == role and "iam:PassRole" in one["Action"]
    )
    assert statement["Condition"] == {"StringEquals": to_sagemaker}
    for service in ("lambda.amazonaws.com", "ec2.amazonaws.com", "x.sagemaker.amazonaws.com"):
        assert not may(role, "iam:PassRole", arn("SageMakerRole"), {"iam:PassedToService": service})
    assert not may(role, "iam:PassRole", arn("SageMakerRole"), {})


def test_jobs_publish_metrics_in_sagemakers_namespaces_alone() -> None:
    """CloudWatch grants the action on no resource: the namespace is what keeps a job from others' metrics."""
    action = "cloudwatch:PutMetricData"
    namespaces = ["/aws/sagemaker/TrainingJobs", "/aws/sagemaker/TransformJobs"]
    (statement,) = (one for _, one in role_statements() if one["Action"] == action)
    assert statement["Condition"] == {"StringEquals": {"cloudwatch:namespace": namespaces}}
    for namespace in namespaces:
        assert may("SageMakerRole", action, "*", {"cloudwatch:namespace": namespace})
    for namespace in ("DigitBatch", "AWS/SQS", "/aws/sagemaker/Endpoints", "/aws/sagemaker/TrainingJobs/x"):
        assert not may("SageMakerRole", action, "*", {"cloudwatch:namespace": namespace})
    assert not may("SageMakerRole", action, "*", {})


def test_sagemaker_takes_its_role_for_this_account_alone() -> None:
    """Without the condition, SageMaker could be made to take it for another account's job."""
    trust = properties("SageMakerRole")["AssumeRolePolicyDocument"]
    ours, foreign = {"aws:SourceAccount": ACCOUNT}, {"aws:SourceAccount": "210987654321"}
    assume, service = "sts:AssumeRole", "sagemaker.amazonaws.com"
    assert allowed(trust, assume, "*", ours, service)
    assert not allowed(trust, assume, "*", foreign, service)
    assert not allowed(trust, assume, "*", {}, service)
    for other in ("lambda.amazonaws.com", "ec2.amazonaws.com", f"arn:aws:iam::{ACCOUNT}:root"):
        assert not allowed(trust, assume, "*", ours, other)
    for action in ("sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"):
        assert not allowed(trust, action, "*", ours, service)
    assert trust["Version"] == "2012-10-17"
    (statement,) = trust["Statement"]
    assert statement["Principal"] == {"Service": service}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_there_is_one_role_besides_the_functions_own() -> None:
    """SAM makes one for each function; SageMaker's is for all jobs."""
    assert list(of_type("AWS::IAM::Role")) == ["SageMakerRole"]


def test_the_policies_of_sagemakers_role_have_names_of_their_own() -> None:
    """Of two with one name, IAM would keep the last."""
    names = [policy["PolicyName"] for policy in map(chosen, properties("SageMakerRole")["Policies"])]
    assert len(set(names)) == len(names) > 1


TRANSFORM = "transform-job/digits-1"


@pytest.mark.parametrize(
    ("role", "actions", "resource"),
    [
        (
            "StartTransform",
            ["CreateModel", "CreateTransformJob"],
            ["model/digits-1", TRANSFORM],
        ),
        ("TrainBestModel", ["CreateTrainingJob"], ["training-job/digits-1-final"]),
    ],
)
def test_tags_are_added_to_what_is_being_made_and_to_nothing_else(
    role: str, actions: list[str], resource: list[str]
) -> None:
    """A tag that others' policies go by can't be put on what is there."""
    (statement,) = (
        one for name, one in role_statements() if name == role and one["Action"] == "sagemaker:AddTags"
    )
    found = statement["Condition"]["StringEquals"]
    assert (list(statement["Condition"]), list(found)) == (["StringEquals"], ["sagemaker:TaggingAction"])
    assert many(found["sagemaker:TaggingAction"]) == actions
    for name in resource:
        on = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{name}"
        for action in actions:
            assert may(role, "sagemaker:AddTags", on, {"sagemaker:TaggingAction": action})
        assert not may(role, "sagemaker:AddTags", on, {"sagemaker:TaggingAction": "CreateEndpoint"})
        assert not may(role, "sagemaker:AddTags", on, {})


def test_the_key_is_granted_to_jobs_for_their_disks_alone() -> None:
    """A grant for anybody else would outlive the policy that it was made by."""
    (statement,) = (one for _, one in role_statements() if one["Action"] == "kms:CreateGrant")
    assert statement["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}


@pytest.mark.parametrize(("parameter", "more"), [("KmsKeyArn", {"key"}), ("SubnetIds", {"network"})])
def test_jobs_use_a_key_or_a_network_where_the_stack_has_one(parameter: str, more: set[str]) -> None:
    """Without the parameter no role may do anything with either."""
    given = {"KmsKeyArn": KEY, "SubnetIds": "subnet-1"}[parameter]
    policies = properties("SageMakerRole")["Policies"]
    names = {policy["PolicyName"] for policy in deployed(policies)}
    assert names == {"data", "containers"}
    assert {policy["PolicyName"] for policy in deployed(policies, **{parameter: given})} == names | more


@pytest.mark.parametrize("name", of_type("AWS::Serverless::Function"))
def test_a_function_may_use_the_key_where_the_stack_has_one(name: str) -> None:
    """It reads and writes encrypted objects, and sends encrypted messages."""
    policies = properties(name)["Policies"]
    (own, with_key), without = deployed(policies, KmsKeyArn=KEY), deployed(policies)
    assert without == [own]
    assert [statement["Sid"] for statement in with_key["Statement"]] == ["UseTheKey"]
