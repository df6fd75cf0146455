"""What a report advises, by what became of its run."""

import pytest

from batch_prediction.aws.clients import Clients
from tests.functions.report.html import opened
from tests.functions.report.sample_kinds import KINDS
from tests.sample_runs import report_of


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("refused", "approve a model package in the registry"),
        ("too large", "Split the batch"),
        ("failed", "/aws/sagemaker/TransformJobs"),
        ("client error", "role may read them"),
        ("service error", "The fault was SageMaker's"),
        ("no capacity", "higher quota"),
        ("gave up", "higher quota"),
        ("stopped", "stopped the transform job"),
        ("no output", "its output isn't whole"),
    ],
)
def test_a_report_of_a_failure_says_what_to_do_about_it(aws: Clients, kind: str, what: str) -> None:
    """Each cause has its own next step."""
    report_of(aws, KINDS[kind])
    assert what in opened(aws, KINDS[kind].run.page).text
