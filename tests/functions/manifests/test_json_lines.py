"""Objects in JSON, one a line or the items of an array."""

import json

import pytest

from batch_prediction.manifests import columns, json_lines
from batch_prediction.manifests.folder import BatchFolder
from batch_prediction.manifests.records import LeftOut, Record
from tests.functions.malformed_manifests import PREFIX, read_all
from tests.settings_and_events import BUCKET


def test_usual_names_of_fields_are_understood_line_by_line() -> None:
    """Lines may differ; the names in use are said."""
    text = '{"Image": "1.png", "Digit": 1, "writer": "a"}\n{"filepath": "2.png", "class": "two"}'
    items, how = read_all(text, "metadata.jsonl")
    assert items == [Record(f"{PREFIX}1.png", 1, {"writer": "a"}), Record(f"{PREFIX}2.png", 2)]
    assert how == "read as JSON Lines; images from `Image` and `filepath`, labels from `Digit` and `class`"


def test_an_array_of_objects_is_read_item_by_item() -> None:
    """Whatever its file is called, and however it is indented; left-out items have their number."""
    rows = [{"file_name": "1.png", "label": 7}, 5, {"file_name": "2.png", "label": "x"}]
    for name, indent in (("manifest.json", None), ("manifest.jsonl", 2)):
        items, how = read_all(json.dumps(rows, indent=indent), name)
        first, second, third = items
        assert first == Record(f"{PREFIX}1.png", 7)
        assert isinstance(second, LeftOut)
        assert (second.line, second.reason) == (2, "expected a JSON object, found int")
        assert isinstance(third, Record)
        assert third.bad_label is not None
        assert (third.bad_label.line, third.bad_label.kind) == (3, "label")
        assert how.startswith("read as a JSON array; ")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"filnam": "1.png"}', "found `filnam`: did you mean `file_name`?"),
        ('{"zzz": "1.png"}', "found the fields ['zzz']"),
        ('{"images": [{"id": 1}]}', "lists of objects: write one object a line"),
        ('{"Path": "1.png", "PATH": "2.png"}', "expected one field of the name path"),
    ],
)
def test_an_object_without_an_image_says_the_likely_cause(line: str, why: str) -> None:
    """What was found is named, and what it may have meant."""
    (item,), how = read_all(line, "manifest.jsonl")
    assert isinstance(item, LeftOut)
    assert why in item.reason
    assert how == "read as JSON Lines; no field names images"


def test_a_choice_of_fields_is_remembered_for_a_bounded_number_of_shapes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lines whose fields all differ take no more memory than that."""
    monkeypatch.setattr(json_lines, "_MAX_SHAPES", 2)
    rows = [{"file_name": "1.png", f"field {number}": 1, "label": 3} for number in range(9)]
    wide = {"file_name": "1.png", "label": 3} | {f"field {number}": 1 for number in range(100)}
    reader = json_lines.JsonRows(BatchFolder(BUCKET, "incoming/b7/"))
    for item in reader.read((1, json.dumps(row).encode()) for row in [*rows, wide]):
        assert isinstance(item, Record)
        assert item[:2] == (f"{PREFIX}1.png", 3)
        assert len(reader._shapes) <= 2
        assert max(map(len, reader._shapes)) <= 64
    _, how = read_all("\n".join(map(json.dumps, rows)), "manifest.jsonl")
    assert how == "read as JSON Lines; images from `file_name`, labels from `label`"


def test_an_unknown_field_of_labels_is_said() -> None:
    """No silence about labels that nobody found."""
    _, how = read_all('{"file_name": "1.png", "answer": 7}', "manifest.jsonl")
    assert how.endswith("images from `file_name`, no labels: none of `answer` is a usual name of labels")


def test_a_million_lines_with_the_same_unknown_fields_are_compared_once() -> None:
    """What their names may have meant is remembered: comparing takes a millisecond a line."""
    columns._nearest.cache_clear()
    read_all('{"filnam": "1.png"}\n' * 50, "manifest.jsonl")
    assert columns._nearest.cache_info().misses == 1
