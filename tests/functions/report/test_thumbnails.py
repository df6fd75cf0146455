"""The misread images on the page."""

import base64
import io
import os
import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from PIL import Image

from batch_prediction.aws.clients import Clients
from batch_prediction.report.thumbnails import (
    MAX_IMAGE,
    MAX_TOTAL,
    Reference,
    Thumbnail,
    pixels,
    thumbnails,
)
from batch_prediction.start.sources import Line, open_source
from tests.functions.archives.packed import one_of_a_kind
from tests.settings_and_events import BUCKET

KEY = "incoming/b7/1.png"
TOMORROW = datetime.now(UTC) + timedelta(days=1)


def picture(form: str, width: int = 28, height: int = 28, **options: Any) -> bytes:
    """An image file."""
    packed = io.BytesIO()
    Image.new("L", (width, height), 128).save(packed, format=form, **options)
    return packed.getvalue()


def shown(aws: Clients, body: bytes, read_until: datetime | None = TOMORROW) -> Thumbnail:
    """The thumbnail of an object with this content."""
    aws.s3.put_object(Bucket=BUCKET, Key=KEY, Body=body)
    (found,) = thumbnails(aws.s3, BUCKET, [f"s3://{BUCKET}/{KEY}"], read_until)
    return found


@pytest.mark.parametrize(("form", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg")])
def test_an_image_is_embedded_as_it_is(aws: Clients, form: str, media_type: str) -> None:
    """The data URI holds the object's own bytes: nothing is decoded."""
    body = picture(form)
    found = shown(aws, body)
    assert found.uri == f"data:{media_type};base64,{base64.b64encode(body).decode()}"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not PNG or JPEG"),
        (b"\x89PNG\r\n\x1a\n", "not PNG or JPEG"),
        (b"\xff\xd8\xff\xe0", "not PNG or JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "not PNG or JPEG"),
        (picture("GIF"), "not PNG or JPEG"),
        (picture("PNG") + b"\0" * MAX_IMAGE, "larger than 20 KB"),
        (picture("PNG", 4000, 300), "4000 × 300 pixels: too large"),
        (picture("JPEG", 30, 300, quality=5), "30 × 300 pixels: too large"),
    ],
)
def test_what_a_browser_should_not_unpack_is_a_placeholder(aws: Clients, body: bytes, why: str) -> None:
    """The reason takes the image's place, and the report is written all the same."""
    assert shown(aws, body) == Thumbnail(None, why)


def test_an_image_that_the_model_did_not_see_is_not_shown(aws: Clients) -> None:
    """An object that was written after the job's end replaced what was read."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    assert shown(aws, picture("PNG"), yesterday) == Thumbnail(None, "replaced since")


def test_missing_and_foreign_images_are_placeholders(aws: Clients) -> None:
    """A deleted image has a reason, and nothing outside incoming/ is even asked for."""
    images = [f"s3://{BUCKET}/{KEY}", f"s3://{BUCKET}/runs/b7/run.json", "s3://other/incoming/b7/1.png"]
    found = thumbnails(aws.s3, BUCKET, images, TOMORROW)
    assert [each.why for each in found] == ["deleted since", *["not an image of this stack"] * 2]


@pytest.mark.parametrize(
    ("code", "status", "why"),
    [("AccessDenied", 403, "not readable"), ("InvalidObjectState", 403, "archived")],
)
def test_an_image_that_s3_refuses_is_a_placeholder(aws: Clients, code: str, status: int, why: str) -> None:
    """A report isn't held up by an image that this function can't read."""
    with Stubber(aws.s3) as stub:
        stub.add_client_error("get_object", code, http_status_code=status)
        (found,) = thumbnails(aws.s3, BUCKET, [f"s3://{BUCKET}/{KEY}"], TOMORROW)
    assert found == Thumbnail(None, why)


def test_an_error_of_the_moment_is_not_written_down_for_ever(aws: Clients) -> None:
    """When S3 is out of order the report's message comes again, rather than a page with holes."""
    with Stubber(aws.s3) as stub:
        stub.add_client_error("get_object", "SlowDown", http_status_code=503)
        with pytest.raises(ClientError, match="SlowDown"):
            thumbnails(aws.s3, BUCKET, [f"s3://{BUCKET}/{KEY}"], TOMORROW)


def test_images_end_where_the_page_is_large_enough(aws: Clients) -> None:
    """However large each of a hundred images is, together they stay below the limit."""
    body = picture("PNG") + b"\0" * (MAX_IMAGE - 200)
    aws.s3.put_object(Bucket=BUCKET, Key=KEY, Body=body)
    found = thumbnails(aws.s3, BUCKET, [f"s3://{BUCKET}/{KEY}"] * 100, TOMORROW)
    embedded = [each.uri for each in found if each.uri]
    assert 0 < len(embedded) < 100
    assert sum(map(len, embedded)) <= MAX_TOTAL * 4 / 3 + 100 * len(embedded)
    assert {each.why for each in found if not each.uri} == {"left out: the page is large enough"}


def test_images_end_where_time_is_up(aws: Clients) -> None:
    """No image is asked for after the time that the gallery may take."""
    with Stubber(aws.s3):  # answers no request at all
        found = thumbnails(aws.s3, BUCKET, [f"s3://{BUCKET}/{KEY}"] * 3, TOMORROW, seconds=-1)
    assert [each.uri for each in found] == [None] * 3


@pytest.mark.parametrize("progressive", [False, True])
def test_the_size_of_a_jpeg_is_found_behind_its_tables(progressive: bool) -> None:
    """Thumbnails, comments and tables come before the frame header that has the size."""
    body = picture("JPEG", 123, 45, progressive=progressive, comment=b"x" * 3000, dpi=(72, 72))
    assert pixels(body) == ("image/jpeg", 123, 45)
    assert pixels(body[:200]) is None


def test_an_image_of_exactly_the_limit_is_shown(aws: Clients) -> None:
    """20 KB are the most: one byte more is too large."""
    body = picture("PNG")
    assert shown(aws, body + b"\0" * (MAX_IMAGE - len(body))).uri
    assert shown(aws, body + b"\0" * (MAX_IMAGE - len(body) + 1)) == Thumbnail(None, "larger than 20 KB")


@pytest.mark.parametrize(
    ("width", "height", "visible"),
    [(256, 256, True), (1, 1, True), (257, 28, False), (28, 257, False), (0, 28, False), (28, 0, False)],
)
def test_an_image_is_shown_up_to_256_pixels_a_side(
    aws: Clients, width: int, height: int, visible: bool
) -> None:
    """A header without width or height is refused, too."""
    header = struct.pack(">II", width, height)
    found = shown(aws, picture("PNG")[:16] + header + picture("PNG")[24:])
    assert (found.uri is not None) is visible
    assert found.why == ("" if visible else f"{width} × {height} pixels: too large")


def test_an_image_that_is_too_large_is_not_read(aws: Clients) -> None:
    """Its body is closed, so that the connection can be used again."""
    body = io.BytesIO(b"large")
    with Stubber(aws.s3) as stub:
        stub.add_response("get_object", {"ContentLength": MAX_IMAGE + 1, "Body": body})
        (found,) = thumbnails(aws.s3, BUCKET, [f"s3://{BUCKET}/{KEY}"], TOMORROW)
    assert found == Thumbnail(None, "larger than 20 KB")
    assert body.closed


def packed(aws: Clients, kind: str, files: dict[str, bytes]) -> dict[str, Reference]:
    """Upload an archive, which is replaced at once; the places of its images, by address."""
    body = one_of_a_kind(kind, files)
    version = aws.s3.put_object(Bucket=BUCKET, Key="incoming/b7.zip", Body=body)["VersionId"]
    aws.s3.put_object(Bucket=BUCKET, Key="incoming/b7.zip", Body=b"another")
    source = open_source(aws.s3, BUCKET, "incoming/b7.zip", version, 100)
    return {line.address: line.reference for line in source.items() if isinstance(line, Line)}


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_member_of_an_archive_is_embedded_by_its_own_bytes(aws: Clients, kind: str) -> None:
    """Read from the version that the model read, with one small request each."""
    files = {f"{number}.png": picture("PNG") + bytes([number]) * 9000 for number in range(3)}
    places = packed(aws, kind, files)
    asked: list[str] = []
    aws.s3.meta.events.register(
        "provide-client-params.s3.GetObject", lambda params, **_: asked.append(params["Range"])
    )
    found = thumbnails(aws.s3, BUCKET, list(places), TOMORROW, places)
    assert [one.uri for one in found] == [
        f"data:image/png;base64,{base64.b64encode(body).decode()}" for body in files.values()
    ]
    assert len(asked) == 3


def test_a_member_that_cannot_be_shown_has_a_reason(aws: Clients) -> None:
    """It is too large, damaged, deleted, or in an archive that can only be read from its beginning."""
    large = packed(aws, "zip", {"1.png": picture("PNG") + os.urandom(MAX_IMAGE)})
    (address, place), *_ = packed(aws, "zip", {"1.png": picture("PNG")}).items()
    for wrong, why in (
        (large[address], "larger than 20 KB"),
        (dict(place) | {"crc": 1}, "damaged"),
        (dict(place) | {"version": "absent"}, "deleted since"),
        (packed(aws, "tar.gz", {"1.png": picture("PNG")})[address], "in a .tar.gz: pack .zip or .tar"),
    ):
        (found,) = thumbnails(aws.s3, BUCKET, [address], TOMORROW, {address: wrong})
        assert found.uri is None
        assert found.why.startswith(why)


def test_an_error_of_the_service_is_not_a_reason(aws: Clients) -> None:
    """SQS delivers the message again."""
    ((address, place),) = packed(aws, "zip", {"1.png": picture("PNG")}).items()
    with Stubber(aws.s3) as stub:
        stub.add_client_error("get_object", "SlowDown", http_status_code=503)
        with pytest.raises(ClientError):
            thumbnails(aws.s3, BUCKET, [address], TOMORROW, {address: place})
