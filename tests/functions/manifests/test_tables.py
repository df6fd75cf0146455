"""Tables: CSV with any usual header, and lists without one."""

import pytest

from batch_prediction.manifests.records import LeftOut, ManifestError, Record
from tests.functions.malformed_manifests import PREFIX, read_all

RECORDS = [Record(f"{PREFIX}1.png", 7), Record(f"{PREFIX}a b.png", None)]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("file_name,label\n1.png,7\na b.png,\n", "CSV"),
        ("label, filepath\r\n7, 1.png\r\n, a b.png\r\n", "CSV"),
        ("Image;Digit\n1.png;seven\na b.png;\n", "CSV with semicolons"),
        ("sep=;\npath;class\n1.png;7.0\na b.png;\n", "CSV with semicolons"),
        ("class\tfilename\n7\t1.png\n\ta b.png\n", "CSV with tabs"),
        ("filename\tclass\n1.png\t7\na b.png\t\n", "CSV with tabs"),
        ("img|y\n1.png|7\na b.png|\n", "CSV with bars"),
        (',Name,"Target"\n0,"1.png","7"\n1,"a b.png",""\n', "CSV"),
    ],
)
@pytest.mark.parametrize("name", ["manifest.csv", "manifest.jsonl", "labels.csv"])
def test_any_usual_header_and_delimiter_is_recognised(text: str, form: str, name: str) -> None:
    """By content, whatever the file is called; an empty field is no label."""
    items, how = read_all(text, name)
    assert items == RECORDS
    assert how.startswith(f"read as {form}; images from `")


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("0\t7\t1.png\n1\t7.000000\t1.png\n", "an image list (.lst) of index, class and path"),
        ("1.png\t7\n1.png\t7\n", "an image list (.lst) of path and class"),
    ],
)
def test_lists_without_a_header_are_recognised(text: str, form: str) -> None:
    """The forms that image classification takes: https://docs.aws.amazon.com/sagemaker/latest/dg/image-classification.html."""
    items, how = read_all(text, "manifest.lst")
    assert items == [RECORDS[0]] * 2
    assert how == f"read as {form}; images from `path`, labels from `class`"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("filnam,label\n1.png,7\n", "it has `filnam`: did you mean `file_name`?"),
        ("1.png;7\n2.png;8\n", "looks like an image's line: put a header such as file_name,label above it"),
        ("0\t1\n", "expected a header with the column file_name"),
        ("path,path,label\n1.png,2.png,7\n", "expected one field of the name path, found `path` and `path`"),
        ("file_name,file_name\n1.png,2.png\n", "expected one column file_name, found 2"),
        ("file_name,Class,CLASS\n", "expected one field of the name class"),
    ],
)
def test_a_header_that_isn_t_one_says_the_likely_cause(text: str, why: str) -> None:
    """As a whole: without a header nobody knows which column is which."""
    with pytest.raises(ManifestError) as raised:
        read_all(text, "manifest.csv")
    assert why in str(raised.value)


def test_other_columns_are_kept_and_bad_labels_cost_themselves() -> None:
    """A column without a name, as pandas writes its index, is none."""
    items, _ = read_all(",file,digit,writer\n0,1.png,x,anna\n1,2.png,2,\n", "manifest.csv")
    first, second = items
    assert isinstance(first, Record)
    assert (first.image, first.label, first.others) == (f"{PREFIX}1.png", None, {"writer": "anna"})
    assert first.bad_label is not None
    assert first.bad_label.reason == "label: expected a digit from 0 to 9, found 'x'"
    assert second == Record(f"{PREFIX}2.png", 2)


def test_bytes_of_another_encoding_cost_their_line_with_what_to_do() -> None:
    """Windows's ANSI code page, say: é is one byte there."""
    items, _ = read_all("file_name,label\né.png,7\n".encode("cp1252"), "manifest.csv")
    (item,) = items
    assert isinstance(item, LeftOut)
    assert item.reason == "expected UTF-8, found b'\\xe9': save the manifest as UTF-8"
