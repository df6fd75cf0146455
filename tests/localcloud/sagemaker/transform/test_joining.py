"""DataProcessing, by the examples of https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html."""

from typing import Any

import pytest
from moto.sagemaker.exceptions import SagemakerClientError

from localcloud.sagemaker.errors import ObjectFailed
from localcloud.sagemaker.transform.joining import Filter, Processing

VALUE = {"id": 7, "features": {"a": 1, "b": 2}, "list": [10, 20, 30], "a b": "c"}


@pytest.mark.parametrize(
    ("path", "selected"),
    [
        ("$", VALUE),
        ("$.id", 7),
        ("$['a b']", "c"),
        ("$['id','list']", {"id": 7, "list": [10, 20, 30]}),
        ("$.features.['a','b']", {"a": 1, "b": 2}),
        ("$.features.*", [1, 2]),
        ("$.list[-1]", 30),
        ("$.list[0,2]", [10, 30]),
        ("$.list[1:]", [20, 30]),
    ],
)
def test_a_filter_selects_what_the_guide_says(path: str, selected: Any) -> None:
    """Every operator of the guide's table selects the value that the table describes."""
    assert Filter.parse(path).select(VALUE) == selected


@pytest.mark.parametrize(
    "path",
    [
        "id",
        "$..id",
        "$.id.`parent`",
        "$.list[0:2]",
        "$.f.['a','b.c']",
        "$.features.*.x",
        "$.",
        "",
        "$." + "x" * 62,
    ],
)
def test_a_filter_outside_the_subset_is_refused(path: str) -> None:
    """A path that SageMaker doesn't know is refused before a job starts, not read in another way."""
    with pytest.raises(SagemakerClientError, match="JSONPath"):
        Filter.parse(path)


def test_a_filter_that_selects_nothing_fails_the_object() -> None:
    """A record without the attribute is an error that shows path and record."""
    with pytest.raises(ObjectFailed, match=r"\$\.image selects nothing in .*\"label\": 7"):
        Filter.parse("$.image").select({"label": 7})


def test_the_label_goes_round_the_model_and_comes_back() -> None:
    """With InputFilter and JoinSource the model sees the filtered record, the output has all of it."""
    processing = Processing.read({"InputFilter": "$.image", "JoinSource": "Input"})
    record = processing.record(b'{"image": {"source-ref": "s3://b/k"}, "label": 7}')
    assert record.sent == b'{"source-ref":"s3://b/k"}'
    joined = processing.output([record], b'{"label": 1}\n')
    assert joined == b'{"image":{"source-ref":"s3://b/k"},"label":7,"SageMakerOutput":{"label":1}}\n'


def test_an_output_filter_chooses_among_input_and_prediction() -> None:
    """OutputFilter is applied to the joined record."""
    processing = Processing.read({"JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"})
    record = processing.record(b'{"id":1,"x":2}')
    assert processing.output([record], b"0.5") == b'{"id":1,"SageMakerOutput":0.5}\n'


def test_a_record_that_is_not_an_object_is_wrapped() -> None:
    """A record that is a list or a number is put under SageMakerInput."""
    processing = Processing.read({"JoinSource": "Input"})
    assert (
        processing.output([processing.record(b"[1]")], b"2")
        == b'{"SageMakerInput":[1],"SageMakerOutput":2}\n'
    )


@pytest.mark.parametrize("answer", [b"", b"1\n", b"1\n2\n3\n", b"1\n2\n\n"])
def test_as_many_answers_as_records_or_none_at_all(answer: bytes) -> None:
    """An answer with more or fewer lines than records fails the object: no neighbour is joined to."""
    processing = Processing.read({"JoinSource": "Input"})
    with pytest.raises(ObjectFailed, match="lines to 2 records"):
        processing.output([processing.record(b'{"i":1}'), processing.record(b'{"i":2}')], answer)


@pytest.mark.parametrize("line", [b'{"SageMakerOutput":1}', b"{", b""])
def test_an_input_line_that_cannot_be_joined_fails_the_object(line: bytes) -> None:
    """The reserved attribute in the input, and a line that isn't JSON, are errors and not guessed away."""
    processing = Processing.read({"JoinSource": "Input"})
    with pytest.raises(ObjectFailed, match=r"SageMakerOutput|not JSON"):
        processing.record(line)


def test_without_processing_no_byte_changes() -> None:
    """Records and answers that need no joining aren't read as JSON."""
    processing = Processing.read({})
    assert processing.changes_nothing
    assert processing.output([processing.record(b"a,b")], b"c") == b"c"


@pytest.mark.parametrize(
    ("given", "line", "answer", "output"),
    [
        # "Output Only Inferences": the guide's default, written out.
        ({"InputFilter": "$", "JoinSource": "None", "OutputFilter": "$"}, b'{"key":1}', b'{"label":1}', None),
        # "Output Input Data and Inferences"
        ({"JoinSource": "Input"}, b'{"key":1}', b'{"label":1}', b'{"key":1,"SageMakerOutput":{"label":1}}\n'),
        # "Output an ID Attribute with Results", for JSON
        (
            {
                "InputFilter": "$.features",
                "JoinSource": "Input",
                "OutputFilter": "$['id','SageMakerOutput']",
            },
            b'{"id":7,"features":[1,2]}',
            b'{"label":1}',
            b'{"id":7,"SageMakerOutput":{"label":1}}\n',
        ),
    ],
)
def test_the_guide_s_examples_give_the_guide_s_results(
    given: dict[str, str], line: bytes, answer: bytes, output: bytes | None
) -> None:
    """AWS's examples, letter by letter; without a join the answer comes out as it is."""
    processing = Processing.read(given)
    record = processing.record(line)
    assert record.sent == (b"[1,2]" if "features" in given.get("InputFilter", "$") else line)
    assert processing.output([record], answer) == (output or answer)
