"""The outputs of a transform job, wherever AWS puts them."""

import pytest
from botocore.stub import Stubber

from batch_prediction.aws.clients import Clients
from batch_prediction.layout import output_name
from batch_prediction.report import outputs
from batch_prediction.report.predictions import BrokenPartError
from tests.functions.start.uploads import RUN
from tests.settings_and_events import BUCKET

PREFIX = RUN.output_prefix(2)
FORMS = [
    PREFIX,
    PREFIX + "input/",
    PREFIX + RUN.input_prefix,
]  # the guide's, and two readings of the reference's


def put(aws: Clients, key: str) -> None:
    """Write an object that holds its own key."""
    aws.s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())


def read(aws: Clients, part: int) -> bytes | None:
    """A part's output of the second attempt."""
    return outputs.read(aws.s3, BUCKET, outputs.find(aws.s3, BUCKET, PREFIX), part)


@pytest.mark.parametrize("form", FORMS)
def test_a_part_is_found_wherever_aws_puts_it(aws: Clients, form: str) -> None:
    """Below the attempt's prefix the name alone counts; another attempt's outputs aren't looked at."""
    for part in (0, 1):
        put(aws, form + output_name(part))
    put(aws, RUN.output_prefix(1) + output_name(0))
    put(aws, form + "part-00000.jsonl")
    assert read(aws, 0) == (form + output_name(0)).encode()
    assert read(aws, 1) == (form + output_name(1)).encode()
    assert read(aws, 2) is None


def test_a_part_that_is_there_twice_is_none(aws: Clients) -> None:
    """Which of them is right can't be told, so both are named."""
    for form in FORMS[:2]:
        put(aws, form + output_name(0))
        put(aws, FORMS[0] + output_name(1))
    first, second = (form + output_name(0) for form in FORMS[:2])
    with pytest.raises(BrokenPartError) as error:
        read(aws, 0)
    assert str(error.value) == f"output part 0: expected one object, found 2: {second}, {first}"
    assert read(aws, 1) is not None


def test_every_page_of_the_listing_is_read(aws: Clients) -> None:
    """S3 lists a thousand keys a page, and a page may be empty."""
    keys = [PREFIX + output_name(part) for part in range(3)]
    pages = [keys[:2], [], keys[2:]]
    with Stubber(aws.s3) as stub:
        for number, page in enumerate(pages):
            more = {"NextContinuationToken": f"after {number}"} if number < 2 else {}
            contents = {"Contents": [{"Key": key} for key in page]} if page else {}
            asked = {"Bucket": BUCKET, "Prefix": PREFIX}
            asked |= {"ContinuationToken": f"after {number - 1}"} if number else {}
            stub.add_response("list_objects_v2", {"IsTruncated": bool(more), **more, **contents}, asked)
        assert outputs.find(aws.s3, BUCKET, PREFIX) == {key.rpartition("/")[2]: [key] for key in keys}
