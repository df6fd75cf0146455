"""The topic, and who is told."""

import pytest

from tests.template.deployed import deployed
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
    assert properties("Notifications") == {}


def test_nothing_else_of_the_stack_depends_on_a_condition() -> None:
    """Every stack has every other resource."""
    conditional = [name for name, body in template()["Resources"].items() if "Condition" in body]
    assert conditional == ["NotificationSubscription"]
