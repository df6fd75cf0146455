"""A run's input: the manifest's lines, in parts."""

import json

from batch_prediction.aws.clients import Clients
from batch_prediction.start import transform_input
from tests.functions.start.uploads import (
    KEY,
    RUN,
    content,
    image,
    upload,
)
from tests.settings_and_events import BUCKET


def test_input_of_several_parts_holds_every_line_in_order(aws: Clients) -> None:
    """Reading the parts one after the other gives the manifest's lines."""
    event = upload(aws, [image(number) for number in range(2_001)])
    written = transform_input.write(aws.s3, BUCKET, RUN, KEY, event.version, max_images=10_000)
    assert written.lines == 2_001
    objects = content(aws, RUN.input_prefix)
    assert list(objects) == [RUN.input_part(part) for part in range(3)]
    lines = b"".join(objects.values()).splitlines()
    assert [json.loads(line)["image"]["source-ref"].rpartition("/")[2] for line in lines] == [
        f"{number}.png" for number in range(2_001)
    ]
