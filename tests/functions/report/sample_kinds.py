"""One run of every kind that a report can be about."""

from typing import Any

from batch_prediction.runs.reason_codes import ReasonCode
from tests.functions.figures.references import answers, content, reference
from tests.functions.report.transform_output import answer
from tests.sample_runs import Sample, guesses

Answered = tuple[int | None, dict[str, Any]]  # label, and the model's answer

LABELS = [number % 10 for number in range(300)]
MIXED = guesses(LABELS, 0.9, seed=1)
REFERENCE = content(reference())
ALIKE: list[Answered] = [(None, answer(*each)) for each in answers(600, seed=1)]
UNLIKE: list[Answered] = [(None, answer(*each)) for each in answers(600, seed=1, power=2.0)]
TRUE: list[Answered] = [(found["label"], found) for _, found in ALIKE]
KINDS = {
    "estimated": Sample("estimated", ALIKE, reference=REFERENCE),
    "estimated and labelled": Sample("both", TRUE, reference=REFERENCE),
    "one digit": Sample("nines", [each for each in ALIKE if each[1]["label"] == 9], reference=REFERENCE),
    "drifted": Sample("drifted", UNLIKE, reference=REFERENCE),
    "reference of another version": Sample("newer", ALIKE, reference=REFERENCE | {"schema": "reference/9"}),
    "labelled": Sample("labelled", MIXED),
    "partly labelled": Sample("partly", [*MIXED, (None, {"label": 3, "confidence": 0.5})]),
    "unlabelled": Sample("unlabelled", [(None, answer) for _, answer in MIXED]),
    "perfect": Sample("perfect", [(label, {"label": label, "confidence": 1.0}) for label in LABELS]),
    "nothing readable": Sample(
        "unreadable", [(1, {"error": "missing"}), (2, {"error": "not an image: b''"})]
    ),
    "bad labels": Sample(
        "cats",
        MIXED,
        left_out=[
            {"line": 3, "text": "3.png,cat", "reason": "label: found 'cat'", "kind": "label"},
            {"line": 9, "text": "broken", "reason": "not JSON"},
        ],
        read_as="read as CSV; images from `image`, labels from `label`",
    ),
    "left out": Sample("left", MIXED, left_out=[{"line": 9, "text": "broken", "reason": "not JSON"}]),
    "refused": Sample(
        "refused",
        MIXED,
        refused="the model package group digits has no approved package",
        code=ReasonCode.NO_APPROVED_MODEL,
    ),
    "too large": Sample(
        "large",
        MIXED,
        refused="expected at most 10 images (the stack's parameter MaxImages)",
        code=ReasonCode.TOO_MANY_IMAGES,
    ),
    "failed": Sample("failed", MIXED, status="Failed", reason="AlgorithmError: See job logs"),
    "client error": Sample("client", MIXED, status="Failed", reason="ClientError: no artifact"),
    "service error": Sample("service", MIXED, status="Failed", reason="InternalServerError: try again"),
    "no capacity": Sample(
        "capacity",
        MIXED,
        status="Failed",
        reason="CapacityError: no instances",
        gave_up="gave up after 24.0 hours",
        code=ReasonCode.NO_CAPACITY,
    ),
    "stopped": Sample("stopped", MIXED, status="Stopped"),
    "no output": Sample("short", MIXED, reason="unused"),
    "gave up": Sample(
        "gave-up", MIXED, gave_up="gave up after 24.0 hours: ResourceLimitExceeded", code=ReasonCode.QUOTA
    ),
    "no price": Sample("no-price", MIXED, price=None),
}
