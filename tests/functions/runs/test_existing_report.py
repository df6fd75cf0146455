"""Which report of a run exists."""

from batch_prediction.aws.clients import Clients
from batch_prediction.runs import existing_report
from tests.functions.start.uploads import RUN
from tests.settings_and_events import BUCKET


def test_a_report_is_read_with_the_etag_that_a_conditional_write_needs(aws: Clients) -> None:
    """Nothing before it is written; then its content, and the ETag that S3 answered to the write."""
    assert existing_report.read(aws.s3, BUCKET, RUN) == (None, None)
    written = aws.s3.put_object(Bucket=BUCKET, Key=RUN.report, Body=b'{"transform_job": null}')
    assert existing_report.read(aws.s3, BUCKET, RUN) == ({"transform_job": None}, written["ETag"])
