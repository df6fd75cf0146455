"""Which trial the final training follows."""

import math
from itertools import product
from typing import Any

import pytest
from botocore.stub import Stubber
from scipy.stats import chi2_contingency

from batch_prediction.aws.clients import Clients
from batch_prediction.models import best_trial
from batch_prediction.models.best_trial import Trial
from tests.functions.models.tuning_jobs import TRIAL, TUNING_JOB, described, job, summary

LISTING = {
    "HyperParameterTuningJobName": TUNING_JOB,
    "StatusEquals": "Completed",
    "SortBy": "FinalObjectiveMetricValue",
    "SortOrder": "Descending",
    "MaxResults": best_trial.MAX_DESCRIBED,
}
# Of 10,000 images, p = 0.9941: a standard error of 0.00108.
NOISE = math.sqrt(2 * 0.9941 * 0.0059 / 10_000)


def trial(number: int) -> Trial:
    """A trial other than SageMaker's best."""
    return Trial(f"{TUNING_JOB}-{number:03d}-ffffffff", {"learning-rate": f"0.0{number}"})


def choose(aws: Clients, pages: list[list[Any]], *jobs: Any, tuning: Any = None) -> Trial:
    """Choose among the trials of these pages; exactly these jobs are described, in this order."""
    with Stubber(aws.sagemaker) as stub:
        for number, page in enumerate(pages):
            token = {"NextToken": str(number)} if number else {}
            more = {"NextToken": str(number + 1)} if number + 1 < len(pages) else {}
            answer = {"TrainingJobSummaries": page, **more}
            stub.add_response("list_training_jobs_for_hyper_parameter_tuning_job", answer, LISTING | token)
        for each in jobs:
            stub.add_response("describe_training_job", each, {"TrainingJobName": each["TrainingJobName"]})
        found = best_trial.choose(aws.sagemaker, tuning or described())
        stub.assert_no_pending_responses()
    return found


def test_of_trials_within_noise_the_likeliest_is_followed(aws: Clients) -> None:
    """A standard error below the best accuracy a trial is still a rival; beyond it, it isn't looked at."""
    near, edge, far = trial(1), trial(2), trial(4)
    listed = [
        summary(TRIAL, 0.9941),
        summary(near, 0.9940),
        summary(edge, 0.9941 - 0.99 * NOISE),
        summary(far, 0.9941 - 1.01 * NOISE),
    ]
    for likelihoods, expected in (
        ((0.020, 0.021, 0.019), edge),
        ((0.020, 0.018, 0.019), near),
        ((0.017, 0.018, 0.019), TRIAL),
        ((0.018, 0.018, 0.018), TRIAL),  # equals: the more accurate
    ):
        jobs = [job(each, value) for each, value in zip((TRIAL, near, edge), likelihoods, strict=True)]
        assert choose(aws, [listed], *jobs) == expected


def test_equal_trials_have_an_order_of_their_own(aws: Clients) -> None:
    """Whichever comes first in the list, the choice is the same."""
    twins = [trial(1), trial(2)]
    for order in (twins, twins[::-1]):
        listed = [summary(TRIAL, 0.9941), *(summary(each, 0.9939) for each in order)]
        assert choose(aws, [listed], job(TRIAL, 0.03), *(job(each, 0.01) for each in order)) == twins[0]


def test_a_trial_without_a_likelihood_is_not_preferred(aws: Clients) -> None:
    """Its metrics lag, or aren't numbers: another with one may be."""
    silent, odd, other = trial(1), trial(2), trial(4)
    listed = [summary(each, 0.994) for each in (silent, odd, other)]
    jobs = job(TRIAL, 0.02), job(silent, None), job(odd, math.nan), job(other, 0.019)
    assert choose(aws, [listed], *jobs) == other
    jobs = job(TRIAL, 0.02), job(silent, None), job(odd, math.nan), job(other, 0.021)
    assert choose(aws, [listed], *jobs) == TRIAL


@pytest.mark.parametrize(("likelihood", "images"), [(None, 10_000), (0.02, None), (0.02, 0), (math.inf, 1)])
def test_without_the_best_trial_s_metrics_it_is_sagemaker_s_choice(
    aws: Clients, likelihood: float | None, images: float | None
) -> None:
    """As for trials of an earlier version of train.py: how large the noise is isn't known."""
    listed = [summary(TRIAL, 0.9941), summary(trial(1), 0.9941)]
    assert choose(aws, [listed], job(TRIAL, likelihood, images)) == TRIAL


def test_a_single_trial_and_another_objective_cost_no_look(aws: Clients) -> None:
    """Nothing is described where there is no rival, and nothing listed where accuracy isn't what counts."""
    assert choose(aws, [[summary(TRIAL, 0.9941)]]) == TRIAL
    tuning = described()
    tuning["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["MetricName"] = "train-loss"
    assert choose(aws, [], tuning=tuning) == TRIAL
    del tuning["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]
    assert choose(aws, [], tuning=tuning) == TRIAL


def test_at_most_twenty_trials_are_described(aws: Clients) -> None:
    """The best twenty of any number, over pages that may be empty."""
    rivals = [trial(number) for number in range(10, 60)]
    listed = [summary(each, 0.994) for each in rivals]
    looked = [TRIAL, *rivals[:19]]
    jobs = [job(each, 0.02 - number / 1e4) for number, each in enumerate(looked)]
    assert choose(aws, [listed[:10], [], listed[10:30]], *jobs) == rivals[18]


def test_the_noise_is_the_standard_error_of_two_proportions() -> None:
    """As in scipy's test of a 2 × 2 table, whose statistic is the square of the difference in such errors."""
    for accuracy, images in product((0.6, 0.9, 0.994), (1_000, 10_000)):
        error = best_trial.standard_error(accuracy, images)
        hits = [(accuracy + sign * error / 2) * images for sign in (1, -1)]
        table = [hits, [images - each for each in hits]]
        assert chi2_contingency(table, correction=False).statistic == pytest.approx(1, rel=1e-9)
