"""Alarms: when they ring, and whom they tell."""

import operator
from collections.abc import Callable
from statistics import mean

import pytest

from batch_prediction.aws import metrics
from batch_prediction.events import CAPACITY
from batch_prediction.start import waiting
from batch_prediction.start.waiting import StillWaiting
from tests.template.deployed import deployed
from tests.template.document import of_type, properties

DEAD_LETTERS = ("UploadDeadLetters", "ReportDeadLetters", "TrainingDeadLetters", "SweepDeadLetters")
ALARMS = (*(f"{queue}Alarm" for queue in DEAD_LETTERS), "WaitingForCapacityAlarm")
Samples = list[float]  # a period's; none where the metric is silent
STATISTICS: dict[str, Callable[[Samples], float]] = {
    "Maximum": max,
    "Minimum": min,
    "Average": mean,
    "Sum": sum,
    "SampleCount": len,
}
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


def rings(name: str, *periods: Samples) -> bool:
    """Whether an alarm is in ALARM after these periods, before which the metric was silent.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
    """
    alarm = properties(name)
    count = alarm["EvaluationPeriods"]
    assert count > 0
    silent = {"breaching": True, "notBreaching": False}[alarm["TreatMissingData"]]
    statistic, compare = STATISTICS[alarm["Statistic"]], COMPARISONS[alarm["ComparisonOperator"]]
    before: list[Samples] = [[] for _ in range(count)]
    looked_at = [*before, *periods][-count:]
    return all(
        compare(statistic(samples), alarm["Threshold"]) if samples else silent for samples in looked_at
    )


def test_there_is_an_alarm_for_each_dead_letter_queue_and_for_long_waits() -> None:
    """A new queue or a new alarm has a row in these tests."""
    assert set(of_type("AWS::CloudWatch::Alarm")) == set(ALARMS)
    fed = {"UploadQueue", "ReportQueue"}
    assert set(of_type("AWS::SQS::Queue")) - fed == set(DEAD_LETTERS)


@pytest.mark.parametrize("queue", DEAD_LETTERS)
def test_every_dead_letter_queue_has_an_alarm_that_notifies_people(queue: str) -> None:
    """One message there rings, once SQS has counted it; an empty queue and one that nobody counts don't."""
    name = f"{queue}Alarm"
    assert rings(name, [1])
    assert rings(name, [0, 1])
    assert not rings(name, [0])
    assert not rings(name, [])
    assert not rings(name, [1], [0])  # its state ends with the redrive
    alarm = properties(name)
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}]
    assert alarm["Period"] == 60  # SQS counts once a minute


def test_a_run_that_waits_long_for_capacity_is_an_alarm() -> None:
    """SQS's own age begins anew with every sending: the alarm is on the one that we publish."""
    alarm, two_hours = properties("WaitingForCapacityAlarm"), 2 * 3600
    assert rings("WaitingForCapacityAlarm", [60, two_hours + 1])  # one of many runs is enough
    assert not rings("WaitingForCapacityAlarm", [two_hours, two_hours])
    assert not rings("WaitingForCapacityAlarm", [])  # nothing waits
    assert (alarm["Namespace"], alarm["MetricName"]) == (metrics.NAMESPACE, "WaitingForCapacity")
    assert alarm["Dimensions"] == [{"Name": "Name", "Value": {"Ref": "Name"}}]
    longest = waiting.delay(StillWaiting(CAPACITY, "", in_turn=False), 1e9, 1e9 * 2)
    assert alarm["Period"] == longest  # a look falls into each period


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_tells_the_stacks_topic(name: str) -> None:
    """The largest of a period's values counts: a sum or a mean would say something of the samples' number."""
    assert deployed(properties(name)["AlarmActions"]) == [deployed({"Ref": "Notifications"})]
    assert properties(name)["Statistic"] == "Maximum"
    assert properties(name)["AlarmDescription"].endswith(".")
