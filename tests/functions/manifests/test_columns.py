"""Which fields are images and labels."""

import pytest

from batch_prediction.manifests.columns import IMAGES, LABELS, Choice, choose, suggestion


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("spelt", [str.upper, str.title, lambda name: name.replace("_", " ")])
def test_every_usual_name_of_images_is_found_in_any_spelling(name: str, spelt: type[str]) -> None:
    """Capitals, blanks, hyphens and underscores don't matter."""
    assert choose(["writer", spelt(name)]).images == (spelt(name),)


@pytest.mark.parametrize("name", LABELS)
def test_every_usual_name_of_labels_is_found(name: str) -> None:
    """What is neither an image nor a label is another field."""
    assert choose(["file_name", name.upper(), "writer"]) == Choice(("file_name",), name.upper(), ("writer",))


@pytest.mark.parametrize(
    ("names", "images", "label"),
    [
        (["label", "file_name", "source-ref"], ("source-ref", "file_name"), "label"),
        (["path", "filename"], ("filename",), None),
        (["name", "path"], ("path",), None),
        (["class_name", "class", "label", "file"], ("file",), "label"),
        (["class_name", "digit", "file"], ("file",), "digit"),
        (["Label", "label", "file"], ("file",), "label"),
    ],
)
def test_of_several_the_first_of_the_documented_order_counts(
    names: list[str], images: tuple[str, ...], label: str | None
) -> None:
    """The order is that of the lists, not that of the columns."""
    found = choose(names)
    assert (found.images, found.label) == (images, label)


def test_a_known_label_counts_more_than_usual_names_but_for_label_itself() -> None:
    """Ground Truth's attribute has any name."""
    assert choose(["file_name", "digit", "species"], "species").label == "species"
    assert choose(["file_name", "label", "species"], "species").label == "label"
    assert choose(["file_name", "digit"], "species").label == "digit"


@pytest.mark.parametrize("names", [["Path", "PATH"], ["file_name", "Digit", "DIGIT"]])
def test_two_of_one_name_are_refused(names: list[str]) -> None:
    """No rule says which counts, and a guess could be wrong."""
    with pytest.raises(ValueError, match=r"expected one field of the name .+ and .+: rename one"):
        choose(names)


@pytest.mark.parametrize(
    ("names", "meant"),
    [
        (("filnam", "label"), "`filnam`: did you mean `file_name`?"),
        (("imge",), "`imge`: did you mean `image`?"),
        (("zzz",), ""),
        ((), ""),
        (("zzz",) * 16 + ("filnam",), ""),
    ],
)
def test_a_misspelt_name_is_noticed(names: tuple[str, ...], meant: str) -> None:
    """The likely cause is named, where there is one among the first names."""
    assert suggestion(names) == meant
