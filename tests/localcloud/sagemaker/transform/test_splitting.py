"""How an input object becomes requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.sagemaker.errors import ObjectFailed
from localcloud.sagemaker.transform.splitting import Record, lines, pack

texts = st.lists(st.binary(max_size=6).filter(lambda text: b"\n" not in text), max_size=12)


def records(*bodies: bytes) -> list[Record]:
    """Make records that are sent as they are."""
    return [Record(body, body) for body in bodies]


@given(texts, st.integers(1, 5))
def test_lines_do_not_depend_on_where_the_bytes_are_cut(texts: list[bytes], size: int) -> None:
    """However S3 cuts an object's bytes, the lines are those that were written."""
    body = b"".join(text + b"\n" for text in texts)
    assert list(lines(body[start : start + size] for start in range(0, len(body), size))) == texts


def test_the_last_line_needs_no_newline() -> None:
    """A last line without its newline is a record too."""
    assert list(lines([b"a\nb"])) == [b"a", b"b"]


@given(texts, st.integers(7, 30))
def test_requests_keep_order_and_limit(texts: list[bytes], limit: int) -> None:
    """Requests hold every record once, in order, and no request's body is above the limit."""
    requests = list(pack(records(*texts), limit, many=True))
    assert [record.sent for request in requests for record in request] == texts
    assert all(sum(len(record.sent) + 1 for record in request) <= limit for request in requests)


def test_a_request_takes_as_many_records_as_fit() -> None:
    """MultiRecord fills a request up to the last byte before it begins another."""
    requests = pack(records(b"12", b"45", b"7"), 6, many=True)
    assert [len(request) for request in requests] == [2, 1]


def test_single_record_sends_records_one_by_one() -> None:
    """SingleRecord puts one record in a request, even if more would fit."""
    requests = pack(records(b"1", b"2"), None, many=False)
    assert [len(request) for request in requests] == [1, 1]


def test_a_record_above_the_limit_fails_its_object() -> None:
    """A record that no request can carry is an error that names it, not a request of its own."""
    with pytest.raises(ObjectFailed, match="record 2 has 5 bytes"):
        list(pack(records(b"1", b"2345"), 4, many=True))
