"""What a report says without labels: an estimate or the reason why there is none, and the drift."""

import json
from typing import Any

import pytest

from batch_prediction.aws.clients import Clients
from batch_prediction.figures import drift, estimate
from batch_prediction.figures.doubts import Doubts
from batch_prediction.layout import training_reference
from batch_prediction.report import likeness
from batch_prediction.report.likeness import Known
from batch_prediction.runs.decision import Refuse
from tests.functions.figures.references import answers, content, doubts, reference
from tests.functions.report.sample_kinds import KINDS, REFERENCE
from tests.sample_runs import Sample, report_of
from tests.settings_and_events import BUCKET

SAMPLE = Sample("b")


def put(aws: Clients, body: str) -> None:
    """Write the reference of the samples' model."""
    key = training_reference(SAMPLE.decision.training_job)  # type: ignore[union-attr, arg-type]
    aws.s3.put_object(Bucket=BUCKET, Key=key, Body=body.encode())


def test_the_reference_is_that_of_the_model_which_the_run_froze(aws: Clients) -> None:
    """It lies next to the training job's other files; without one, the reason says so."""
    assert likeness.read(aws.s3, BUCKET, SAMPLE.decision) == Known(None, likeness.NO_REFERENCE)
    put(aws, json.dumps(REFERENCE))
    known = likeness.read(aws.s3, BUCKET, SAMPLE.decision).reference
    assert known is not None
    assert content(known) == REFERENCE


@pytest.mark.parametrize("body", ["{", "[]", '{"schema": "digit-batch/reference/9"}', ""])
def test_a_reference_that_cannot_be_read_is_a_reason(aws: Clients, body: str) -> None:
    """A later version's reference, or a broken one, costs the estimate and never the report."""
    put(aws, body)
    known = likeness.read(aws.s3, BUCKET, SAMPLE.decision)
    assert known.reference is None
    assert known.reason != likeness.NO_REFERENCE


def test_a_refused_run_has_no_reference(aws: Clients) -> None:
    """Where no model was chosen, none is asked for."""
    put(aws, json.dumps(REFERENCE))
    refused = Refuse(lines=1, labelled=0, left_out=0, reason="no model")
    assert likeness.read(aws.s3, BUCKET, refused).reference is None


def test_a_batch_like_the_reference_gets_the_estimate() -> None:
    """Value and interval are the estimator's, trusted, without a reason; the drift has every statistic."""
    batch, known = doubts(answers(500, seed=4)), reference()
    found, compared = likeness.compare(batch, 500, Known(known))
    interval = estimate.estimate(batch, known)
    assert interval is not None
    assert found == {
        "value": interval.value,
        "low": interval.low,
        "high": interval.high,
        "method": "mean calibrated confidence",
        "trusted": True,
        "reason": None,
    }
    expected = drift.compare(batch, known)
    assert compared is not None
    assert expected is not None
    assert [each["value"] for each in compared["statistics"]] == [each.value for each in expected.statistics]
    assert [each["name"] for each in compared["statistics"] if each["decisive"]] == list(drift.DECISIVE)
    assert [each["found"] for each in compared["doubts"]] == expected.found
    assert [each["expected"] for each in compared["predictions"]] == expected.expected_mix


def test_bins_of_doubt_follow_each_other_from_one_to_nothing() -> None:
    """Each bin ends where the one before began."""
    _, compared = likeness.compare(doubts(answers(50, seed=4)), 50, Known(reference()))
    assert compared is not None
    bins = compared["doubts"]
    assert (bins[0]["high"], bins[-1]["low"]) == (1, 0)
    assert [each["low"] for each in bins[:-1]] == [each["high"] for each in bins[1:]]


def test_a_batch_in_more_doubt_gets_a_reason_and_no_number() -> None:
    """What drifted is named, and no value is there to be taken for one."""
    found, compared = likeness.compare(doubts(answers(500, seed=4, power=2)), 500, Known(reference()))
    assert found is not None
    assert compared is not None
    assert (found["value"], found["low"], found["high"], found["trusted"]) == (None, None, None, False)
    assert "Kolmogorov–Smirnov" in str(found["reason"])
    assert "mean doubt" in str(found["reason"])


@pytest.mark.parametrize(
    ("drifted", "decisive", "unlike"),
    [(True, True, True), (True, False, False), (False, True, False), (False, False, False)],
)
def test_a_batch_is_unlike_where_a_decisive_statistic_has_drifted(
    drifted: bool, decisive: bool, unlike: bool
) -> None:
    """One is enough; a mix of predictions that differs says nothing against the model's confidence."""
    _, compared = likeness.compare(doubts(answers(500, seed=4)), 500, Known(reference()))
    assert compared is not None
    assert not likeness.is_unlike(compared)
    compared["statistics"][1] |= {"drifted": drifted, "decisive": decisive}
    assert likeness.is_unlike(compared) is unlike
    assert not likeness.is_unlike(None)


@pytest.mark.parametrize(
    ("batch", "known", "reason"),
    [
        (doubts(answers(500, seed=4)), Known(None, "a reason"), "a reason"),
        (Doubts(), Known(reference()), likeness.NO_PROBABILITIES),
        (doubts(answers(499, seed=4)), Known(reference()), likeness.NO_PROBABILITIES),
    ],
)
def test_without_a_reference_or_probabilities_the_reason_is_given(
    batch: Doubts, known: Known, reason: str
) -> None:
    """Nothing is compared, and the estimate says what lacks."""
    found, compared = likeness.compare(batch, 500, known)
    assert compared is None
    assert found is not None
    assert (found["value"], found["trusted"], found["reason"]) == (None, False, reason)


def test_nothing_scored_is_no_reason_to_say_anything() -> None:
    """A run without a single answer, or one that wasn't completed, has neither."""
    assert likeness.compare(Doubts(), 0, Known(reference())) == (None, None)


@pytest.mark.parametrize("kind", ["estimated", "estimated and labelled", "drifted"])
def test_a_written_report_has_the_same(aws: Clients, kind: str) -> None:
    """What report.json has is what the run's own answers and its model's reference give."""
    sample = KINDS[kind]
    batch = Doubts()
    batch.add((found["label"], found["confidence"]) for _, found in sample.answers)
    written: dict[str, Any] = report_of(aws, sample)
    expected, compared = likeness.compare(batch, 600, Known(reference()))
    assert written["estimate"] == pytest.approx(expected)
    assert written["drift"]["statistics"][2]["value"] == pytest.approx(
        compared["statistics"][2]["value"] if compared else None
    )
    assert written["estimate"]["trusted"] == (kind != "drifted")


def test_a_reference_of_another_version_costs_the_estimate_alone(aws: Clients) -> None:
    """The report is written, and names the schema that was found."""
    written = report_of(aws, KINDS["reference of another version"])
    assert written["drift"] is None
    assert "reference/9" in written["estimate"]["reason"]
    assert written["coverage"]["scored"] == 600
