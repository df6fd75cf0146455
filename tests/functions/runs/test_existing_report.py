"""Which report of a run exists."""

from batch_prediction.aws.clients import Clients
from batch_prediction.runs import existing_report
from tests.functions.start.uploads import RUN
from tests.settings_and_events import BUCKET


def test_a_report_is_read_with_the_etag_that_a_conditional_write_needs(aws: Clients) -> None:
    """Nothing before it is written; then the ETag that S3 answered to the write."""
    assert existing_report.read(aws.s3, BUCKET, RUN) == (-1, None)
    written = aws.s3.put_object(Bucket=BUCKET, Key=RUN.report, Body=b'{"transform_job": null}')
    assert existing_report.read(aws.s3, BUCKET, RUN) == (0, written["ETag"])


def test_a_report_knows_how_many_transform_jobs_there_were() -> None:
    """By the name of the newest: none, the first, or -2 and -3."""
    names = [None, f"digits-{RUN.id}", f"digits-{RUN.id}-2", f"digits-{RUN.id}-3"]
    assert [existing_report.attempts(RUN, name) for name in names] == [0, 1, 2, 3]
