"""What `digits up` says about what happens."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from cli.sentences import Sentences
from localcloud.core.activity import Activity

START = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
RUN = "20261127t100855z-f6929094"
FUNCTION = "digits-start-transform"


def said(*activities: tuple[str, str, str]) -> list[str]:
    """The sentences of activities, each a second after the one before."""
    sentences = Sentences()
    made = [
        sentences.of(Activity(*activity, START + timedelta(seconds=number)))
        for number, activity in enumerate(activities)
    ]
    return [sentence for sentence in made if sentence is not None]


def logged(message: str, level: str = "INFO", **values: object) -> tuple[str, str, str]:
    """A line as Powertools writes it."""
    line: dict[str, object] = {
        "level": level,
        "location": "handler:27",
        "message": message,
        "timestamp": "now",
    }
    line |= {"service": "digits", "cold_start": True, "function_name": FUNCTION}
    return "log", FUNCTION, json.dumps(line | values)


def test_a_batch_is_followed_from_its_decision_to_its_report() -> None:
    """The job's events are told with the batch that the decision named."""
    decision = (
        "Start(lines=1002, labelled=1, left_out=0, "
        "model_package='arn:aws:sagemaker:us-east-1:123456789012:model-package/digits/3', training_job=None)"
    )
    assert said(
        ("event", "digits-UploadRule", "Object Created → digits-UploadQueue"),
        ("job", f"digits-{RUN}", "transform job InProgress"),
        logged("run decided", batch="b7", run=RUN, decision=decision),
        ("function", FUNCTION, "done"),
        ("job", f"digits-{RUN}", "transform job Completed"),
        ("notification", "digits-Notifications", "digits: Completed, 100.00%, batch b7"),
        logged("report written", batch="b7", run=RUN),
        logged("nothing to report", batch="b7", run=RUN),
    ) == [
        "batch b7: run started with model 3, 1,002 images",
        "batch b7: transform job completed",
        "notification: digits: Completed, 100.00%, batch b7",
        "batch b7: report written",
    ]


def test_a_refused_batch_says_why() -> None:
    """The reason is that of the decision, quotes in it included."""
    refused = "Refuse(lines=0, labelled=0, left_out=0, reason=\"it isn't there\", reason_code=<X.Y: 'y'>)"
    assert said(logged("run decided", batch="b7", run=RUN, decision=refused)) == [
        "batch b7: not started: it isn't there"
    ]


def test_what_is_waited_for_is_said_with_the_next_look() -> None:
    """Values of a line follow its message; an image is named by its key."""
    line = logged("waiting for images: s3://a-bucket/incoming/b7/1.png isn't there", next_look_in_seconds=30)
    assert said(line) == ["waiting for images: incoming/b7/1.png isn't there (next look in 30 s)"]


def test_a_deployment_is_one_line() -> None:
    """How many resources it has, and how long it took; a failed resource is told with its reason."""
    assert said(
        ("stack", "digits", "packing the functions of template.yaml"),
        ("stack", "digits", "DataBucket CREATE_IN_PROGRESS"),
        ("stack", "digits", "DataBucket CREATE_COMPLETE"),
        ("stack", "digits", "UploadQueue CREATE_COMPLETE"),
        ("stack", "digits", "CREATE_COMPLETE"),
    ) == ["stack digits: CREATE_COMPLETE, 2 resources, 4 s"]
    assert said(("stack", "digits", "DataBucket CREATE_FAILED: the name is taken")) == [
        "stack digits: DataBucket CREATE_FAILED: the name is taken"
    ]


@pytest.mark.parametrize(
    ("activity", "sentence"),
    [
        (("function", FUNCTION, "failed: no"), f"{FUNCTION} failed: no"),
        (
            ("event", "rule", "Object Created → queue failed: gone"),
            "rule rule: Object Created → queue failed: gone",
        ),
        (("denial", "role", "s3:GetObject on x"), "denied to role: s3:GetObject on x"),
        (("job", "digits-1-final", "training job Starting"), "training job digits-1-final started"),
        (("job", f"digits-{RUN}", "transform job Failed"), f"transform job digits-{RUN} failed"),
        (logged("look failed", "ERROR", job="a"), f"{FUNCTION}: look failed (job a)"),
    ],
)
def test_trouble_and_trainings_are_told(activity: tuple[str, str, str], sentence: str) -> None:
    """What fails is told whoever says it."""
    assert said(activity) == [sentence]


@pytest.mark.parametrize(
    "activity",
    [
        ("job", "digits-1-final", "training job Downloading"),
        ("log", FUNCTION, "START RequestId: 1"),
        ("log", FUNCTION, "{no JSON"),
        ("log", FUNCTION, '{"_aws": {}, "Name": "digits"}'),
        ("log", FUNCTION, '{"message": {"a": 1}}'),
    ],
)
def test_steps_and_other_lines_are_not_told(activity: tuple[str, str, str]) -> None:
    """`--logs` shows them."""
    assert said(activity) == []
