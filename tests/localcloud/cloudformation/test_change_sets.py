"""Change sets as `sam deploy` uses them, without sam: created, described, executed, rolled back."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.localcloud.stack_account import Account

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Seconds: {Type: Number, Default: 30}
  Second: {Type: String, Default: 'no'}
Conditions:
  HasSecond: !Equals [!Ref Second, 'yes']
Resources:
  First: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: !Ref Seconds}}
  Other: {Type: AWS::SQS::Queue, Condition: HasSecond}
  Topic: {Type: AWS::SNS::Topic}
Outputs:
  First: {Value: !Ref First}
"""


def propose(account: Account, name: str, kind: str, template: str = TEMPLATE, **parameters: str) -> Any:
    """Create a change set of the stack `name` and describe it."""
    cloudformation = account.cloud.client("cloudformation")
    identifier = cloudformation.create_change_set(
        StackName=name,
        ChangeSetName="change",
        ChangeSetType=kind,
        TemplateBody=template,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )["Id"]
    return cloudformation.describe_change_set(ChangeSetName=identifier)


def changes(change_set: Any) -> dict[str, str]:
    """A change set's changes, by logical id."""
    listed = [change["ResourceChange"] for change in change_set["Changes"]]
    return {change["LogicalResourceId"]: change["Action"] for change in listed}


def execute(account: Account, change_set: Any) -> Any:
    """Execute a change set and describe its stack."""
    cloudformation = account.cloud.client("cloudformation")
    cloudformation.execute_change_set(ChangeSetName=change_set["ChangeSetId"])
    return cloudformation.describe_stacks(StackName=change_set["StackId"])["Stacks"][0]


def test_a_stack_is_created_and_changed_by_change_sets(account: Account) -> None:
    """A resource of a false condition is left out; a parameter changes only what refers to it."""
    first = propose(account, "changing", "CREATE")
    assert changes(first) == {"First": "Add", "Topic": "Add"}
    stack = execute(account, first)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    (output,) = stack["Outputs"]
    second = propose(account, "changing", "UPDATE", Seconds="60", Second="yes")
    assert changes(second) == {"First": "Modify", "Other": "Add"}
    assert execute(account, second)["StackStatus"] == "UPDATE_COMPLETE"
    attributes = account.cloud.client("sqs").get_queue_attributes(
        QueueUrl=output["OutputValue"], AttributeNames=["VisibilityTimeout"]
    )["Attributes"]
    assert attributes == {"VisibilityTimeout": "60"}


def test_a_change_set_without_changes_fails_as_sam_expects(account: Account) -> None:
    """The reason is the one that sam's --no-fail-on-empty-changeset looks for, and it can't be executed."""
    execute(account, propose(account, "staying", "CREATE"))
    nothing = propose(account, "staying", "UPDATE")
    assert nothing["Status"] == "FAILED"
    assert "didn't contain changes" in nothing["StatusReason"]
    with pytest.raises(ClientError, match=r"cannot be executed in its current status of \[FAILED\]"):
        execute(account, nothing)


def test_a_change_set_that_fails_rolls_back(account: Account) -> None:
    """A creation leaves nothing but the reason; the stack can only be deleted then."""
    bad = TEMPLATE.replace("Type: AWS::SNS::Topic}", "Type: AWS::SQS::QueuePolicy}")
    stack = execute(account, propose(account, "failing", "CREATE", bad))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    events = account.cloud.client("cloudformation").describe_stack_events(StackName="failing")["StackEvents"]
    reasons = [event.get("ResourceStatusReason", "") for event in events]
    assert any("Topic (AWS::SQS::QueuePolicy)" in reason for reason in reasons)
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        propose(account, "failing", "UPDATE")


def test_a_template_is_given_back_as_it_was_sent(account: Account) -> None:
    """The original has its transform; the processed one hasn't."""
    execute(account, propose(account, "stored", "CREATE"))
    get = account.cloud.client("cloudformation").get_template
    assert get(StackName="stored")["TemplateBody"] == TEMPLATE
    assert "Transform" not in str(get(StackName="stored", TemplateStage="Processed")["TemplateBody"])


def test_an_existing_stack_is_not_created_again(account: Account) -> None:
    """As in AWS, a change set to create it is refused, and the stack stays as it is."""
    execute(account, propose(account, "there", "CREATE"))
    with pytest.raises(ClientError, match=r"Stack \[there\] already exists"):
        propose(account, "there", "CREATE")
