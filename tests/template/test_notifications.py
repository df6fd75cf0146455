"""The topic, and who is told."""

import pytest

from tests.template.deployed import ACCOUNT, allowed, denied, deployed
from tests.template.document import of_type, properties, resource, template

ADDRESS = "someone@example.org"


@pytest.mark.parametrize(("address", "subscribed"), [("", False), (ADDRESS, True)])
def test_an_address_is_subscribed_where_one_is_given(address: str, subscribed: bool) -> None:
    """Without one there is a topic, and no subscription that SNS would refuse."""
    condition = template()["Conditions"][resource("NotificationSubscription")["Condition"]]
    assert deployed(condition, NotificationEmail=address) is subscribed


def test_the_subscription_is_an_email_to_the_stacks_topic() -> None:
    """SNS asks the address for its consent, and sends it all that is published."""
    ((_, subscription),) = of_type("AWS::SNS::Subscription").items()
    assert deployed(subscription, NotificationEmail=ADDRESS) == {
        "TopicArn": deployed({"Ref": "Notifications"}),
        "Protocol": "email",
        "Endpoint": ADDRESS,
    }


def test_there_is_one_topic_and_it_is_always_there() -> None:
    """The functions and the alarms publish to it, whoever listens."""
    assert list(of_type("AWS::SNS::Topic")) == ["Notifications"]
    assert deployed(properties("Notifications")) == {}


def test_the_topic_is_published_to_by_the_accounts_alarms_and_over_tls_only() -> None:
    """Its policy takes the place of SNS's own; the functions publish by their roles."""
    ((_, policy),) = of_type("AWS::SNS::TopicPolicy").items()
    assert policy["Topics"] == [{"Ref": "Notifications"}]
    document, topic = policy["PolicyDocument"], deployed({"Ref": "Notifications"})
    alarms = "cloudwatch.amazonaws.com"
    ours = {"aws:SourceAccount": ACCOUNT, "aws:SecureTransport": "true"}
    assert allowed(document, "sns:Publish", topic, ours, alarms)
    assert not allowed(document, "sns:Publish", topic, ours | {"aws:SourceAccount": "210987654321"}, alarms)
    assert not allowed(document, "sns:Publish", topic, {"aws:SecureTransport": "true"}, alarms)
    assert not allowed(document, "sns:Publish", f"{topic}x", ours, alarms)
    for by in ("events.amazonaws.com", "s3.amazonaws.com", f"arn:aws:iam::{ACCOUNT}:root"):
        assert not allowed(document, "sns:Publish", topic, ours, by)
    for action in ("sns:Subscribe", "sns:SetTopicAttributes", "sns:ListTagsForResource"):
        assert not allowed(document, action, topic, ours, alarms)
    for by in (alarms, f"arn:aws:iam::{ACCOUNT}:role/r"):
        assert denied(document, "sns:Publish", topic, ours | {"aws:SecureTransport": "false"}, by)
        assert not denied(document, "sns:Publish", topic, ours, by)


def test_nothing_else_of_the_stack_depends_on_a_condition() -> None:
    """Every stack has every other resource."""
    conditional = [name for name, body in template()["Resources"].items() if "Condition" in body]
    assert conditional == ["NotificationSubscription"]
