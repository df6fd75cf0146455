"""Queues: who may send, how long messages are kept, and what becomes of those that fail."""

import pytest

from batch_prediction.aws import queues
from tests.template.deployed import ACCOUNT, EVENTS, REGION, allowed, arn, denied, deployed
from tests.template.document import Properties, function, many, of_type, properties, template

QUEUES = tuple(of_type("AWS::SQS::Queue"))
FED = {"UploadQueue": "StartTransform", "ReportQueue": "WriteReport"}  # by its rule; who takes from it
LETTERS = {"UploadQueue": "UploadDeadLetters", "ReportQueue": "ReportDeadLetters"}
# A rule sends to its target, and what it can't deliver to its target's dead-letter queue.
SENDING = {
    "UploadQueue": {"UploadRule"},
    "UploadDeadLetters": {"UploadRule"},
    "ReportQueue": {"TransformEndedRule"},
    "ReportDeadLetters": {"TransformEndedRule"},
    "TrainingDeadLetters": {"TuningEndedRule", "TrainingEndedRule"},
    "SweepDeadLetters": {"SweepRule"},
}
SEND = "sqs:SendMessage"


def policy_of(queue: str) -> Properties:
    """The one policy of a queue, whose statements name no other queue than its own."""
    (policy,) = (one for one in of_type("AWS::SQS::QueuePolicy").values() if {"Ref": queue} in one["Queues"])
    document: Properties = policy["PolicyDocument"]
    named = [arn(each["Ref"]) for each in policy["Queues"]]
    assert all(many(deployed(statement["Resource"])) == named for statement in document["Statement"])
    return document


def sender(rule_arn: str) -> dict[str, str]:
    """What SQS knows of a rule that sends to it."""
    return {"aws:SourceArn": rule_arn, "aws:SecureTransport": "true"}


@pytest.mark.parametrize("queue", QUEUES)
def test_a_rule_may_send_to_its_own_queues_and_no_other_rule_may(queue: str) -> None:
    """Another rule of the stack, the account or another account is refused, and so is a nameless one."""
    rules = of_type("AWS::Events::Rule")
    may = {rule for rule in rules if allowed(policy_of(queue), SEND, arn(queue), sender(arn(rule)), EVENTS)}
    assert may == SENDING[queue]
    for foreign in (
        f"arn:aws:events:{REGION}:{ACCOUNT}:rule/x",
        arn("UploadRule").replace(ACCOUNT, "210987654321"),
    ):
        assert not allowed(policy_of(queue), SEND, arn(queue), sender(foreign), EVENTS)
    assert not allowed(policy_of(queue), SEND, arn(queue), {"aws:SecureTransport": "true"}, EVENTS)


@pytest.mark.parametrize("queue", QUEUES)
def test_a_rule_may_do_nothing_but_send(queue: str) -> None:
    """It can't read or delete messages, not even by a policy of another queue; no other service can send."""
    (allowing,) = (one for one in policy_of(queue)["Statement"] if one["Effect"] == "Allow")
    assert (allowing["Principal"], allowing["Action"]) == ({"Service": EVENTS}, SEND)
    ((operator, sources),) = allowing["Condition"].items()
    assert (operator, sources.keys()) == ("ArnEquals", {"aws:SourceArn"})
    assert sorted(many(deployed(sources["aws:SourceArn"]))) == sorted(map(arn, SENDING[queue]))
    for rule in SENDING[queue]:
        context = sender(arn(rule))
        for action in (f"{SEND}s", "sqs:ReceiveMessage", "sqs:PurgeQueue", "sqs:SetQueueAttributes"):
            assert not allowed(policy_of(queue), action, arn(queue), context, EVENTS)
        for other in ("sns.amazonaws.com", "s3.amazonaws.com", f"arn:aws:iam::{ACCOUNT}:root"):
            assert not allowed(policy_of(queue), SEND, arn(queue), context, other)
        assert not allowed(policy_of(queue), SEND, arn(queue) + "x", context, EVENTS)


@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_is_reached_over_tls_only(queue: str) -> None:
    """Whoever asks for whatever without TLS is denied, and nobody is denied with it."""
    for action in (SEND, "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:SetQueueAttributes"):
        for by in (EVENTS, f"arn:aws:iam::{ACCOUNT}:role/r"):
            assert denied(policy_of(queue), action, arn(queue), {"aws:SecureTransport": "false"}, by)
            assert not denied(policy_of(queue), action, arn(queue), {"aws:SecureTransport": "true"}, by)


@pytest.mark.parametrize("queue", QUEUES)
def test_queues_keep_messages_encrypted_for_two_weeks(queue: str) -> None:
    """A weekend and a holiday are no reason to lose a batch."""
    assert properties(queue)["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert deployed(properties(queue))["SqsManagedSseEnabled"] is True
    assert "KmsMasterKeyId" not in deployed(properties(queue))


@pytest.mark.parametrize("queue", FED)
def test_a_message_in_work_stays_invisible_for_six_times_its_functions_time(queue: str) -> None:
    """Lambda recommends it: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html."""
    assert properties(queue)["VisibilityTimeout"] == 6 * function(FED[queue])["Timeout"]


@pytest.mark.parametrize("queue", FED)
def test_a_message_comes_back_soon_and_five_times(queue: str) -> None:
    """After an error the pauses are minutes, and shorter than the queue's visibility time-out."""
    redrive = properties(queue)["RedrivePolicy"]
    assert redrive == {
        "deadLetterTargetArn": {"Fn::GetAtt": [LETTERS[queue], "Arn"]},
        "maxReceiveCount": len(queues.REDELIVERY_SECONDS) + 1,
    }
    assert redrive["maxReceiveCount"] == 5
    assert max(queues.REDELIVERY_SECONDS) < properties(queue)["VisibilityTimeout"]


def test_a_dead_letter_queue_has_no_consumer_and_no_redrive() -> None:
    """What lies there waits for a person."""
    for queue in set(QUEUES) - set(FED):
        assert not properties(queue).keys() & {"RedrivePolicy", "VisibilityTimeout"}


def test_a_run_may_wait_in_its_own_queue() -> None:
    """Lambda stops a function that keeps sending to its own queue, unless it is allowed to."""
    assert function("StartTransform")["RecursiveLoop"] == "Allow"
    retention = properties("UploadQueue")["MessageRetentionPeriod"]
    limits = template()["Parameters"]
    assert limits["WaitForCapacityHours"]["MaxValue"] * 3600 <= retention
    assert limits["WaitForImagesMinutes"]["MaxValue"] * 60 <= retention
